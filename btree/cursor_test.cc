// Method: cursors on trees of chosen shapes, step by step; tree_property_test.cc compares them with
// a map along random histories.

#include "btree/cursor.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "btree/testing/harness.h"

namespace caisson::btree {
namespace {

using testing::bytes_of;
using testing::problems_of;
using testing::read_all;
using testing::text_of;
using testing::TreeModel;
using testing::TreeStore;
using testing::value_of;

std::string key_at(int index) { return "key" + std::to_string(100'000 + index); }

// Keys key_at(0), key_at(2), ... up to key_at(2 * (count - 1)).
class CursorTest : public ::testing::Test {
 protected:
  explicit CursorTest(int count = 3000) : count_(count) {
    for (int i = 0; i < count; ++i) {
      value_of(store_.writer().put(bytes_of(key_at(2 * i)), bytes_of(std::to_string(i))));
    }
    store_.commit();
  }

  static std::string at(const Cursor& cursor) {
    return cursor.valid() ? text_of(cursor.key()) : "nowhere";
  }

  int count_;
  TreeStore store_;
};

TEST_F(CursorTest, StartsNowhereAndGoesEitherWay) {
  Cursor forward(store_.tree());
  EXPECT_FALSE(forward.valid());
  EXPECT_TRUE(value_of(forward.next()));
  EXPECT_EQ(at(forward), key_at(0));
  Cursor backward(store_.tree());
  EXPECT_TRUE(value_of(backward.prev()));
  EXPECT_EQ(at(backward), key_at(2 * (count_ - 1)));
}

TEST_F(CursorTest, WalksAllEntriesBothWays) {
  ASSERT_GE(value_of(store_.tree().height()), 2U);
  Cursor cursor(store_.tree());
  for (int i = 0; i < count_; ++i) {
    ASSERT_TRUE(value_of(cursor.next()));
    ASSERT_EQ(at(cursor), key_at(2 * i));
    ASSERT_EQ(text_of(value_of(cursor.value().piece(0))), std::to_string(i));
  }
  EXPECT_FALSE(value_of(cursor.next()));
  EXPECT_FALSE(value_of(cursor.next()));
  for (int i = count_; i-- > 0;) {
    ASSERT_TRUE(value_of(cursor.prev()));
    ASSERT_EQ(at(cursor), key_at(2 * i));
  }
  EXPECT_FALSE(value_of(cursor.prev()));
  EXPECT_FALSE(value_of(cursor.prev()));
  EXPECT_TRUE(value_of(cursor.next()));
  EXPECT_EQ(at(cursor), key_at(0));
}

TEST_F(CursorTest, SeeksTheFirstKeyThatIsNotLess) {
  Cursor cursor(store_.tree());
  for (int i = 0; i < 2 * count_ - 1; ++i) {
    ASSERT_TRUE(value_of(cursor.seek(bytes_of(key_at(i)))));
    ASSERT_EQ(at(cursor), key_at(i + i % 2));
  }
  EXPECT_TRUE(value_of(cursor.seek(bytes_of(""))));
  EXPECT_EQ(at(cursor), key_at(0));
  EXPECT_FALSE(value_of(cursor.seek(bytes_of("l"))));
  EXPECT_FALSE(cursor.valid());
  EXPECT_TRUE(value_of(cursor.prev()));
  EXPECT_EQ(at(cursor), key_at(2 * (count_ - 1)));
}

TEST_F(CursorTest, StaysWithinItsRange) {
  for (const auto& [begin, end] : {std::pair{10, 11}, {10, 12}, {9, 10}, {0, 5000}, {777, 3001}}) {
    const std::string first = key_at(begin);
    const std::string last = key_at(end);
    Cursor cursor(store_.tree(), {bytes_of(first), bytes_of(last)});
    int next = begin + begin % 2;
    while (value_of(cursor.next())) {
      ASSERT_EQ(at(cursor), key_at(next));
      next += 2;
    }
    EXPECT_EQ(next, end + end % 2);
    while (value_of(cursor.prev())) {
      next -= 2;
      ASSERT_EQ(at(cursor), key_at(next));
    }
    EXPECT_EQ(next, begin + begin % 2);
    const bool any = begin + begin % 2 < end;
    EXPECT_EQ(value_of(cursor.seek(bytes_of("a"))), any);
    EXPECT_FALSE(value_of(cursor.seek(bytes_of("z"))));
    EXPECT_EQ(value_of(cursor.last()), any);
    EXPECT_EQ(value_of(cursor.first()), any);
  }
}

TEST_F(CursorTest, HasNothingInARangeThatIsEmptyOrTurnedRound) {
  for (const char* end : {"key100010", "key1", "a"}) {
    Cursor cursor(store_.tree(), {bytes_of("key100010"), bytes_of(end)});
    EXPECT_FALSE(value_of(cursor.first())) << end;
    EXPECT_FALSE(value_of(cursor.last())) << end;
    EXPECT_FALSE(value_of(cursor.seek(bytes_of("key100010")))) << end;
    EXPECT_FALSE(value_of(cursor.next())) << end;
  }
}

TEST_F(CursorTest, FindsAllKeysWithAPrefix) {
  Cursor cursor = Cursor::with_prefix(store_.tree(), bytes_of("key1000"));
  int found = 0;
  while (value_of(cursor.next())) ASSERT_EQ(at(cursor), key_at(2 * found++));
  EXPECT_EQ(found, 50);
  Cursor none = Cursor::with_prefix(store_.tree(), bytes_of("kez"));
  EXPECT_FALSE(value_of(none.next()));
}

TEST(Cursor, FindsKeysBehindAPrefixOfHighestBytes) {
  EXPECT_EQ(prefix_end(bytes_of("a\xFF\xFF")), std::vector{std::byte{'b'}});
  EXPECT_EQ(prefix_end(bytes_of("\xFF\xFF")), std::nullopt);
  EXPECT_EQ(prefix_end(bytes_of("")), std::nullopt);
  TreeStore store;
  for (const char* key : {"\xFE", "\xFF", "\xFF\xFF", "\xFF\xFF\x01"}) {
    value_of(store.writer().put(bytes_of(key), bytes_of("v")));
  }
  Cursor cursor = Cursor::with_prefix(store.writer().tree(), bytes_of("\xFF\xFF"));
  EXPECT_TRUE(value_of(cursor.next()));
  EXPECT_EQ(text_of(cursor.key()), "\xFF\xFF");
  EXPECT_TRUE(value_of(cursor.next()));
  EXPECT_FALSE(value_of(cursor.next()));
}

TEST(Cursor, HasNothingInAnEmptyTree) {
  TreeStore store;
  Cursor cursor(store.tree());
  EXPECT_FALSE(value_of(cursor.first()));
  EXPECT_FALSE(value_of(cursor.last()));
  EXPECT_FALSE(value_of(cursor.next()));
  EXPECT_FALSE(value_of(cursor.prev()));
  EXPECT_FALSE(value_of(cursor.seek(bytes_of("k"))));
}

// --- Beside changes ------------------------------------------------------------------------------

TEST_F(CursorTest, SeesTheTreeAsItWasWhenItWasMade) {
  Cursor cursor(store_.tree());
  EXPECT_TRUE(value_of(cursor.next()));
  EXPECT_EQ(value_of(store_.writer().erase_range({})), static_cast<std::uint64_t>(count_));
  store_.commit();
  for (int i = 1; i < count_; ++i) ASSERT_TRUE(value_of(cursor.next()));
  EXPECT_EQ(at(cursor), key_at(2 * (count_ - 1)));
  EXPECT_FALSE(value_of(cursor.next()));
}

TEST_F(CursorTest, ErasesWhereItStandsAndGoesOnBehind) {
  TreeWriter& writer = store_.writer();
  TreeModel model = read_all(writer.tree());
  Cursor cursor(writer.tree());
  Random random(5);
  bool more = value_of(cursor.first());
  for (auto expected = model.begin(); more; more = value_of(cursor.next())) {
    ASSERT_EQ(at(cursor), expected->first);
    if (random.chance(2, 3)) {
      value_of(writer.erase(cursor));
      ASSERT_FALSE(cursor.valid());
      expected = model.erase(expected);
    } else {
      ++expected;
    }
  }
  EXPECT_EQ(read_all(writer.tree()), model);
  EXPECT_EQ(problems_of(writer.tree()), "");
}

TEST_F(CursorTest, ErasesBackwardsToTheLastEntry) {
  TreeWriter& writer = store_.writer();
  Cursor cursor(writer.tree());
  int left = count_;
  for (bool more = value_of(cursor.last()); more; more = value_of(cursor.prev())) {
    ASSERT_EQ(at(cursor), key_at(2 * --left));
    value_of(writer.erase(cursor));
  }
  EXPECT_EQ(left, 0);
  EXPECT_TRUE(writer.tree().empty());
  EXPECT_FALSE(value_of(cursor.next()));
}

TEST_F(CursorTest, RefusesToEraseWhatItDoesNotStandAt) {
  TreeWriter& writer = store_.writer();
  Cursor cursor(writer.tree());
  EXPECT_EQ(writer.erase(cursor).error().code(), Code::kInvalidArgument);
  value_of(cursor.first());
  value_of(writer.put(bytes_of("another"), bytes_of("one")));
  EXPECT_EQ(writer.erase(cursor).error().code(), Code::kInvalidArgument);
  cursor.resume(writer.tree(), bytes_of("another"));
  EXPECT_EQ(writer.erase(cursor).error().code(), Code::kInvalidArgument);
  EXPECT_TRUE(value_of(cursor.next()));
  EXPECT_EQ(at(cursor), "another");
  value_of(writer.erase(cursor));
  EXPECT_EQ(writer.root().count, static_cast<std::uint64_t>(count_));
}

TEST(Cursor, ErasesNothingWhereTheTreeHasChangedThoughItsRootAndCountHaveNot) {
  TreeStore store;
  TreeWriter& writer = store.writer();
  for (const char* key : {"a", "b", "c"}) value_of(writer.put(bytes_of(key), bytes_of("v")));
  Cursor cursor(writer.tree());
  value_of(cursor.seek(bytes_of("b")));
  const TreeRoot root = writer.root();
  value_of(writer.erase(bytes_of("a")));
  value_of(writer.put(bytes_of("d"), bytes_of("v")));
  ASSERT_EQ(writer.root(), root);
  EXPECT_EQ(writer.erase(cursor).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(read_all(writer.tree()).size(), 3U);
}

// Any change of the transaction lets go of the pages that the cursor looks at.
TEST(Cursor, StaysWhereItIsBehindChangesOfAnotherTreeAndThoseThatChangedNothing) {
  TreeStore store;
  TreeWriter& writer = store.writer();
  TreeWriter other(store.pager(), store.page_txn(), {});
  for (const char* key : {"a", "b", "c"}) value_of(writer.put(bytes_of(key), bytes_of("v")));
  Cursor cursor(writer.tree());
  value_of(cursor.seek(bytes_of("b")));
  EXPECT_FALSE(value_of(writer.erase(bytes_of("absent"))));
  value_of(other.put(bytes_of("a"), bytes_of("v")));
  value_of(writer.erase(cursor));
  EXPECT_EQ(writer.root().count, 2U);
  EXPECT_FALSE(value_of(writer.tree().get(bytes_of("b"))));
  // Behind frames that left the page table, it has to look anew.
  value_of(cursor.seek(bytes_of("a")));
  store.page_txn().begin_savepoint();
  EXPECT_FALSE(value_of(writer.erase(bytes_of("absent"))));
  EXPECT_EQ(writer.erase(cursor).error().code(), Code::kInvalidArgument);
}

TEST_F(CursorTest, ResumesInTheGapWithinItsRange) {
  Cursor cursor(store_.tree(), {bytes_of("key100010"), bytes_of("key100020")});
  cursor.resume(store_.tree(), bytes_of("key100013"));
  EXPECT_FALSE(cursor.valid());
  EXPECT_TRUE(value_of(cursor.next()));
  EXPECT_EQ(at(cursor), "key100014");
  cursor.resume(store_.tree(), bytes_of("key100013"));
  EXPECT_TRUE(value_of(cursor.prev()));
  EXPECT_EQ(at(cursor), "key100012");
  cursor.resume(store_.tree(), bytes_of("key100010"));
  EXPECT_FALSE(value_of(cursor.prev()));
  cursor.resume(store_.tree(), bytes_of("z"));
  EXPECT_TRUE(value_of(cursor.prev()));
  EXPECT_EQ(at(cursor), "key100018");
}

}  // namespace
}  // namespace caisson::btree

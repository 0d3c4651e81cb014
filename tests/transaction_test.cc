// Method: write transactions through the public interface, beside a std::map where there is more
// than a step or two; and every handle used where it can't be used any more, which has to be an
// error and no harm.

#include <caisson/store.h>

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/sanitizers.h"
#include "base/testing/counted_allocations.h"
#include "tests/support.h"

namespace caisson {
namespace {

using caisson::testing::allocations;
using testing::code_of;
using testing::contents;
using testing::put;
using testing::value_of;

using Entries = std::map<std::string, std::string>;

class Transaction : public testing::StoreTest {
 protected:
  Transaction() : store_(open()) {}

  Store store_;
};

TEST_F(Transaction, BytesAreTakenInAnyFormThatHoldsThem) {
  WriteTxn txn = value_of(store_.begin_write());
  WriteTree tree = value_of(txn.create_tree("t"));
  const std::string text = "a string";
  const std::vector<std::byte> bytes = {std::byte{'b'}, std::byte{0}, std::byte{'b'}};
  const std::array<unsigned char, 2> array = {'c', 0};
  value_of(tree.put("literal", text));
  value_of(tree.put(std::string_view("view\0!", 6), bytes));
  value_of(tree.put(text, Bytes(bytes)));
  value_of(tree.put(bytes, array));
  value_of(tree.put(array, ByteView{}));
  EXPECT_EQ(contents(tree), (Entries{{"literal", text},
                                     {{"view\0!", 6}, {"b\0b", 3}},
                                     {text, {"b\0b", 3}},
                                     {{"b\0b", 3}, {"c\0", 2}},
                                     {{"c\0", 2}, ""}}));
}

#ifndef CAISSON_SANITIZED  // Which brings operators of its own.
TEST_F(Transaction, ACommitAllocatesAFewTimesHoweverManyRowsItHas) {
  const auto allocated = [this](int rows) {
    std::array<std::string, 100> keys;
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = std::to_string(i);
    const std::uint64_t before = allocations;
    WriteTxn txn = value_of(store_.begin_write());
    WriteTree tree = value_of(txn.open_or_create_tree("t"));
    for (int i = 0; i < rows; ++i) value_of(tree.put(keys[static_cast<std::size_t>(i)], "value"));
    value_of(txn.commit());
    return allocations - before;
  };
  for (int i = 0; i < 20; ++i) allocated(100);
  for (int i = 0; i < 20; ++i) {
    // 20, but for a container that grows, and what the store's threads do meanwhile.
    EXPECT_LE(allocated(1), 40U);
    EXPECT_LE(allocated(100), 40U);
  }
}
#endif

TEST_F(Transaction, TreesAreMadeFoundAndDropped) {
  WriteTxn txn = value_of(store_.begin_write());
  EXPECT_EQ(code_of(txn.open_tree("b")), Code::kNotFound);
  WriteTree tree = value_of(txn.create_tree("b"));
  EXPECT_EQ(code_of(txn.create_tree("b")), Code::kAlreadyExists);
  value_of(value_of(txn.open_or_create_tree("a")).put("k", "v"));
  value_of(value_of(txn.open_or_create_tree("b")).put("k", "w"));
  EXPECT_EQ(contents(tree), (Entries{{"k", "w"}}));
  EXPECT_EQ(value_of(txn.tree_names()), (std::vector<std::string>{"b", "a"}));
  value_of(txn.drop_tree("b"));
  EXPECT_EQ(code_of(txn.drop_tree("b")), Code::kNotFound);
  EXPECT_EQ(code_of(tree.put("k", "x")), Code::kNotFound);
  EXPECT_EQ(code_of(tree.get("k")), Code::kNotFound);
  EXPECT_EQ(code_of(tree.count()), Code::kNotFound);
  EXPECT_EQ(code_of(tree.cursor()), Code::kNotFound);
  value_of(txn.commit());
  EXPECT_EQ(value_of(value_of(store_.snapshot()).tree_names()), (std::vector<std::string>{"a"}));
}

TEST_F(Transaction, ItDoesWhatAMapDoes) {
  Random random(7);
  Entries model;
  for (int round = 0; round < 20; ++round) {
    WriteTxn txn = value_of(store_.begin_write());
    WriteTree tree = value_of(txn.open_or_create_tree("t"));
    Entries changed = model;
    for (int i = 0; i < 50; ++i) {
      const std::string key = std::to_string(random.below(100));
      const std::string value(random.below(20) == 0 ? 20'000 : random.below(100), 'v');
      if (random.below(4) > 0) {
        EXPECT_EQ(value_of(tree.put(key, value)), !changed.contains(key));
        changed[key] = value;
      } else {
        EXPECT_EQ(value_of(tree.erase(key)), changed.erase(key) == 1);
      }
      auto found = value_of(tree.get(key));
      ASSERT_EQ(found.has_value(), changed.contains(key));
      if (found) {
        EXPECT_EQ(value_of(found->to_string()), changed[key]);
      }
    }
    const std::string from = std::to_string(random.below(100));
    const auto begin = changed.lower_bound(from);
    const auto end = changed.lower_bound(from + "~");
    EXPECT_EQ(value_of(tree.erase_range(Range::between(from, from + "~"))),
              static_cast<std::uint64_t>(std::distance(begin, end)));
    changed.erase(begin, end);
    EXPECT_EQ(contents(tree), changed);
    EXPECT_EQ(value_of(tree.count()), changed.size());
    if (round % 4 == 3) {
      txn.roll_back();
    } else {
      value_of(txn.commit());
      model = changed;
    }
    ASSERT_EQ(contents(store_, "t"), model);
  }
}

TEST_F(Transaction, ASecondOneIsToldAndMayWait) {
  std::optional<WriteTxn> first = value_of(store_.begin_write());
  EXPECT_EQ(code_of(store_.begin_write()), Code::kBusy);
  EXPECT_EQ(code_of(store_.begin_write(std::chrono::milliseconds(5))), Code::kBusy);
  std::jthread thread([&first] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    first.reset();
  });
  value_of(store_.begin_write(std::chrono::seconds(60)));
}

TEST_F(Transaction, OneThatChangesNothingHasNoNumberOfItsOwn) {
  EXPECT_EQ(put(store_, "t", "k", "v").txn, TxnId{1});
  WriteTxn txn = value_of(store_.begin_write());
  EXPECT_EQ(txn.txn(), TxnId{2});
  EXPECT_EQ(value_of(txn.commit()).txn, TxnId{1});
  EXPECT_EQ(txn.txn(), TxnId{0});
}

TEST_F(Transaction, LeftWithoutCommitItLeavesNothing) {
  {
    WriteTxn txn = value_of(store_.begin_write());
    value_of(value_of(txn.create_tree("t")).put("k", "v"));
    txn.roll_back();
    const WriteTxn next = value_of(store_.begin_write());
    EXPECT_EQ(next.txn(), TxnId{1});
  }
  {
    WriteTxn txn = value_of(store_.begin_write());
    value_of(value_of(txn.create_tree("u")).put("k", "v"));
  }
  EXPECT_TRUE(value_of(value_of(store_.snapshot()).tree_names()).empty());
}

TEST_F(Transaction, MovingIntoOneRollsBackWhatItHad) {
  const Store other = value_of(Store::create(path("other")));
  WriteTxn txn = value_of(store_.begin_write());
  WriteTree tree = value_of(txn.create_tree("t"));
  txn = value_of(other.begin_write());
  EXPECT_EQ(code_of(tree.put("k", "v")), Code::kInvalidArgument);
  value_of(store_.begin_write());
}

// --- Handles that can't be used any more ---------------------------------------------------------

TEST_F(Transaction, AfterItsEndEveryCallIsAnError) {
  put(store_, "t", "long", std::string(100'000, 'l'));
  for (const bool commits : {true, false}) {
    WriteTxn txn = value_of(store_.begin_write());
    WriteTree tree = value_of(txn.open_tree("t"));
    value_of(tree.put("k", "v"));
    WriteCursor cursor = value_of(tree.cursor());
    value_of(cursor.first());
    auto value = value_of(tree.get("long"));
    auto copied = value_of(tree.get("k"));
    if (commits) {
      value_of(txn.commit());
    } else {
      txn.roll_back();
    }
    EXPECT_EQ(code_of(txn.create_tree("u")), Code::kInvalidArgument);
    EXPECT_EQ(code_of(txn.open_tree("t")), Code::kInvalidArgument);
    EXPECT_EQ(code_of(txn.open_or_create_tree("t")), Code::kInvalidArgument);
    EXPECT_EQ(code_of(txn.drop_tree("t")), Code::kInvalidArgument);
    EXPECT_EQ(code_of(txn.tree_names()), Code::kInvalidArgument);
    EXPECT_EQ(code_of(txn.savepoint()), Code::kInvalidArgument);
    EXPECT_EQ(code_of(txn.roll_back_to(1)), Code::kInvalidArgument);
    EXPECT_EQ(code_of(txn.release(1)), Code::kInvalidArgument);
    EXPECT_EQ(code_of(txn.commit()), Code::kInvalidArgument);
    EXPECT_FALSE(txn.failed());
    txn.roll_back();
    EXPECT_EQ(code_of(tree.put("k", "w")), Code::kInvalidArgument);
    EXPECT_EQ(code_of(tree.put_stream("k", 1)), Code::kInvalidArgument);
    EXPECT_EQ(code_of(tree.erase("k")), Code::kInvalidArgument);
    EXPECT_EQ(code_of(tree.erase_range({})), Code::kInvalidArgument);
    EXPECT_EQ(code_of(tree.get("k")), Code::kInvalidArgument);
    EXPECT_EQ(code_of(tree.count()), Code::kInvalidArgument);
    EXPECT_EQ(code_of(tree.cursor()), Code::kInvalidArgument);
    EXPECT_EQ(code_of(cursor.first()), Code::kInvalidArgument);
    EXPECT_EQ(code_of(cursor.last()), Code::kInvalidArgument);
    EXPECT_EQ(code_of(cursor.seek("k")), Code::kInvalidArgument);
    EXPECT_EQ(code_of(cursor.next()), Code::kInvalidArgument);
    EXPECT_EQ(code_of(cursor.prev()), Code::kInvalidArgument);
    EXPECT_EQ(code_of(cursor.value()), Code::kInvalidArgument);
    EXPECT_EQ(as_text(cursor.key()), "k");
    EXPECT_EQ(code_of(value->piece(0)), Code::kInvalidArgument);
    EXPECT_EQ(code_of(value->to_string()), Code::kInvalidArgument);
    EXPECT_EQ(code_of(value->bytes()), Code::kInvalidArgument);
    EXPECT_EQ(value->size(), 100'000U);
    EXPECT_EQ(value_of(copied->to_string()), "v");  // As said: a copy.
  }
}

TEST_F(Transaction, HandlesMayOutliveTheStoreOnceItHasEnded) {
  std::optional<Store> store = value_of(Store::create(path("other")));
  std::optional<WriteTxn> txn = value_of(store->begin_write());
  WriteTree tree = value_of(txn->create_tree("t"));
  WriteCursor cursor = value_of(tree.cursor());
  txn.reset();
  value_of(store->close());
  store.reset();
  EXPECT_EQ(code_of(tree.put("k", "v")), Code::kInvalidArgument);
  EXPECT_EQ(code_of(cursor.next()), Code::kInvalidArgument);
}

TEST_F(Transaction, AValueInPiecesIsGoodUntilTheNextChange) {
  WriteTxn txn = value_of(store_.begin_write());
  WriteTree tree = value_of(txn.create_tree("t"));
  value_of(tree.put("long", std::string(100'000, 'l')));
  value_of(tree.put("short", "s"));
  auto long_value = value_of(tree.get("long"));
  auto short_value = value_of(tree.get("short"));
  EXPECT_FALSE(long_value->in_one_piece());
  EXPECT_TRUE(short_value->in_one_piece());
  EXPECT_EQ(as_text(value_of(long_value->bytes())), std::string(100'000, 'l'));
  auto again = value_of(tree.get("long"));
  // What was read may be given back to the tree.
  value_of(tree.put("copy", value_of(short_value->bytes())));
  value_of(tree.erase("short"));
  EXPECT_EQ(value_of(short_value->to_string()), "s");
  EXPECT_EQ(code_of(again->piece(0)), Code::kInvalidArgument);
  EXPECT_EQ(contents(tree, Range::with_prefix("c")), (Entries{{"copy", "s"}}));
}

// --- Savepoints ----------------------------------------------------------------------------------

TEST_F(Transaction, SavepointsUndoWhatCameBehindThem) {
  WriteTxn txn = value_of(store_.begin_write());
  WriteTree tree = value_of(txn.create_tree("t"));
  value_of(tree.put("a", "1"));
  EXPECT_EQ(value_of(txn.savepoint()), 1U);
  value_of(tree.put("a", "2"));
  EXPECT_EQ(value_of(txn.savepoint()), 2U);
  value_of(tree.put("b", "3"));
  EXPECT_EQ(code_of(txn.roll_back_to(3)), Code::kInvalidArgument);
  EXPECT_EQ(code_of(txn.release(0)), Code::kInvalidArgument);
  value_of(txn.roll_back_to(2));
  EXPECT_EQ(contents(tree), (Entries{{"a", "2"}}));
  value_of(tree.put("c", "4"));
  value_of(txn.release(2));
  value_of(txn.roll_back_to(1));
  EXPECT_EQ(contents(tree), (Entries{{"a", "1"}}));
  value_of(tree.put("d", "5"));
  value_of(txn.commit());
  EXPECT_EQ(contents(store_, "t"), (Entries{{"a", "1"}, {"d", "5"}}));
}

// Both trees get the same number, and the cursor's tree the same root.
TEST_F(Transaction, WhatASavepointTookAwayIsNotTakenForWhatCameInItsPlace) {
  WriteTxn txn = value_of(store_.begin_write());
  WriteTree stays = value_of(txn.create_tree("stays"));
  value_of(txn.savepoint());
  WriteTree gone = value_of(txn.create_tree("gone"));
  value_of(stays.put("a", "1"));
  WriteCursor cursor = value_of(stays.cursor());
  EXPECT_TRUE(value_of(cursor.first()));
  value_of(txn.roll_back_to(1));
  EXPECT_EQ(code_of(gone.put("k", "v")), Code::kNotFound);
  WriteTree other = value_of(txn.create_tree("other"));
  value_of(other.put("k", "other"));
  value_of(stays.put("b", "2"));
  EXPECT_EQ(code_of(gone.put("k", "v")), Code::kNotFound);
  EXPECT_EQ(code_of(cursor.value()), Code::kNotFound);
  EXPECT_TRUE(value_of(cursor.next()));
  EXPECT_EQ(as_text(cursor.key()), "b");
  EXPECT_EQ(contents(other), (Entries{{"k", "other"}}));
  EXPECT_EQ(contents(stays), (Entries{{"b", "2"}}));
  EXPECT_EQ(contents(value_of(txn.open_tree("other"))), (Entries{{"k", "other"}}));
}

// --- Cursors -------------------------------------------------------------------------------------

TEST_F(Transaction, ACursorGoesOnBehindChanges) {
  WriteTxn txn = value_of(store_.begin_write());
  WriteTree tree = value_of(txn.create_tree("t"));
  for (const char* key : {"a", "c", "e", "g"}) value_of(tree.put(key, key));
  WriteCursor cursor = value_of(tree.cursor());
  EXPECT_FALSE(cursor.valid());
  EXPECT_EQ(code_of(cursor.value()), Code::kInvalidArgument);
  EXPECT_TRUE(cursor.key().empty());
  EXPECT_TRUE(value_of(cursor.seek("b")));
  EXPECT_EQ(as_text(cursor.key()), "c");
  value_of(tree.put("c", "changed"));
  EXPECT_EQ(value_of(value_of(cursor.value()).to_string()), "changed");
  value_of(tree.put("d", "d"));
  value_of(tree.erase("c"));
  EXPECT_EQ(code_of(cursor.value()), Code::kNotFound);
  EXPECT_EQ(as_text(cursor.key()), "c");
  EXPECT_TRUE(value_of(cursor.next()));
  EXPECT_EQ(as_text(cursor.key()), "d");
  EXPECT_TRUE(value_of(cursor.last()));
  EXPECT_FALSE(value_of(cursor.next()));
  EXPECT_TRUE(value_of(cursor.prev()));
  EXPECT_EQ(value_of(value_of(cursor.value()).to_string()), "g");
  EXPECT_EQ(value_of(value_of(cursor.value()).to_string()), "g");
}

// --- Values in pieces ----------------------------------------------------------------------------

TEST_F(Transaction, AValueMayComeInPieces) {
  const std::string long_text(100'000, 'x');
  {
    WriteTxn txn = value_of(store_.begin_write());
    WriteTree tree = value_of(txn.create_tree("t"));
    ValueWriter value = value_of(tree.put_stream("k", 100'003));
    value_of(value.append(long_text));
    EXPECT_EQ(code_of(tree.put("l", "m")), Code::kInvalidArgument);
    EXPECT_EQ(code_of(tree.get("l")), Code::kInvalidArgument);
    value_of(value.append("end"));
    EXPECT_TRUE(value_of(value.finish()));
    EXPECT_EQ(code_of(value.append("more")), Code::kInvalidArgument);
    EXPECT_EQ(code_of(value.finish()), Code::kInvalidArgument);
    value_of(txn.commit());
  }
  EXPECT_EQ(contents(store_, "t"), (Entries{{"k", long_text + "end"}}));
}

TEST_F(Transaction, AValueInPiecesThatDoesNotComeToItsEndLeavesNothing) {
  WriteTxn txn = value_of(store_.begin_write());
  WriteTree tree = value_of(txn.create_tree("t"));
  {
    ValueWriter begun = value_of(tree.put_stream("k", 10));
    value_of(begun.append("01234"));
    ValueWriter value = std::move(begun);
    EXPECT_EQ(code_of(value.append("too much")), Code::kInvalidArgument);
    EXPECT_EQ(code_of(value.append("5")), Code::kInvalidArgument);
    EXPECT_EQ(value_of(tree.count()), 0U);
  }
  {
    ValueWriter value = value_of(tree.put_stream("k", 10));
    EXPECT_EQ(code_of(value.finish()), Code::kInvalidArgument);
    EXPECT_EQ(code_of(tree.put_stream("k", 1)), Code::kInvalidArgument);
    EXPECT_EQ(code_of(value.append("eleven bytes")), Code::kInvalidArgument);
    ValueWriter second = value_of(tree.put_stream("k", 1));
    EXPECT_EQ(code_of(value.append("x")), Code::kInvalidArgument);  // It is not the second one.
    value_of(second.append("x"));
    EXPECT_TRUE(value_of(second.finish()));
  }
  {
    const ValueWriter left = value_of(tree.put_stream("l", 10));
  }
  EXPECT_EQ(contents(tree), (Entries{{"k", "x"}}));
  WriteCursor cursor = value_of(tree.cursor());
  const ValueWriter open = value_of(tree.put_stream("m", 10));
  EXPECT_EQ(code_of(cursor.first()), Code::kInvalidArgument);
  EXPECT_EQ(code_of(txn.savepoint()), Code::kInvalidArgument);
  EXPECT_EQ(code_of(txn.commit()), Code::kInvalidArgument);
  EXPECT_EQ(txn.txn(), TxnId{0});
  EXPECT_TRUE(value_of(value_of(store_.snapshot()).tree_names()).empty());
}

}  // namespace
}  // namespace caisson

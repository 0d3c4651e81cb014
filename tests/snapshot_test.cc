// Method: snapshots, trees, cursors and values through the public interface, with pages in a
// mapping and as private copies. What was read is held for long, in every order of letting go,
// while the store is changed and checkpointed so often that each page which nobody keeps is used
// again.

#include <caisson/store.h>

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/sanitizers.h"
#include "tests/support.h"

#ifndef CAISSON_SANITIZED
#include "base/testing/counted_allocations.h"
#endif

namespace caisson {
namespace {

using testing::code_of;
using testing::contents;
using testing::put;
using testing::value_of;

using Entries = std::map<std::string, std::string>;

class Reading : public testing::StoreTest, public ::testing::WithParamInterface<PageAccess> {
 protected:
  Reading()
      : store_(value_of(Store::create(path(), {.page_size = 4096},
                                      {.background = false,
                                       .memory_budget_bytes = std::uint64_t{1} << 20U,
                                       .access = GetParam()}))) {}

  // Sets `count` keys to values of about `size` bytes, which `generation` is part of.
  void fill(char generation, int count = 200, std::size_t size = 300) const {
    WriteTxn txn = value_of(store_.begin_write());
    WriteTree tree = value_of(txn.open_or_create_tree("t"));
    for (int i = 0; i < count; ++i) value_of(tree.put(key(i), std::string(size, generation)));
    value_of(txn.commit());
  }

  // Changes everything, often, and lets pages be used again.
  void churn() const {
    for (int i = 0; i < 20; ++i) {
      fill(static_cast<char>('B' + i));
      value_of(store_.checkpoint());
    }
  }

  static std::string key(int i) { return "key" + std::to_string(1000 + i); }

  Tree tree() const { return value_of(value_of(store_.snapshot()).tree("t")); }

  Store store_;
};

INSTANTIATE_TEST_SUITE_P(Access, Reading,
                         ::testing::Values(PageAccess::kMapped, PageAccess::kPrivate),
                         [](const auto& access) {
                           return access.param == PageAccess::kMapped ? "Mapped" : "Private";
                         });

TEST_P(Reading, ASnapshotStaysAsItIs) {
  fill('a');
  const Snapshot snapshot = value_of(store_.snapshot());
  churn();
  EXPECT_EQ(snapshot.txn(), TxnId{1});
  const Entries found = contents(value_of(snapshot.tree("t")));
  EXPECT_EQ(found.size(), 200U);
  for (const auto& [key, value] : found) ASSERT_EQ(value, std::string(300, 'a')) << key;
}

TEST_P(Reading, RenewingGoesOverToTheNewestStateAndTreesKeepTheirs) {
  fill('a');
  Snapshot snapshot = value_of(store_.snapshot());
  const Tree before = value_of(snapshot.tree("t"));
  value_of(snapshot.renew());
  EXPECT_EQ(snapshot.txn(), TxnId{1});
  fill('b');
  value_of(snapshot.renew());
  EXPECT_EQ(snapshot.txn(), TxnId{2});
  churn();
  EXPECT_EQ(value_of(value_of(before.get(key(7)))->to_string()), std::string(300, 'a'));
  const Tree after = value_of(snapshot.tree("t"));
  EXPECT_EQ(value_of(value_of(after.get(key(7)))->to_string()), std::string(300, 'b'));
}

// The shape of `store.snapshot()->tree("t")->get("k")`: nothing but the value is left.
TEST_P(Reading, AValueKeepsItsBytesWhenItsTreeAndSnapshotAreGone) {
  fill('a', 200, 1000);
  fill('a', 3, 50'000);
  auto short_value = value_of(tree().get(key(100)));
  auto long_value = value_of(tree().get(key(1)));
  EXPECT_TRUE(short_value->in_one_piece());
  EXPECT_FALSE(long_value->in_one_piece());
  const Bytes bytes = value_of(short_value->bytes());
  churn();
  EXPECT_EQ(as_text(bytes), std::string(1000, 'a'));
  EXPECT_EQ(value_of(long_value->to_string()), std::string(50'000, 'a'));
  EXPECT_EQ(as_text(value_of(long_value->bytes())), std::string(50'000, 'a'));
}

TEST_P(Reading, ACursorGoesOnWhenItsTreeAndSnapshotAreGone) {
  fill('a');
  fill('a', 3, 50'000);
  Cursor cursor = value_of(tree().cursor());
  int count = 0;
  while (value_of(cursor.next())) {
    if (count % 50 == 0) churn();
    EXPECT_EQ(as_text(cursor.key()), key(count));
    const std::size_t size = count < 3 ? 50'000 : 300;
    EXPECT_EQ(value_of(value_of(cursor.value()).to_string()), std::string(size, 'a'));
    ++count;
  }
  EXPECT_EQ(count, 200);
}

TEST_P(Reading, WhatNobodyReadsAnyMoreIsUsedAgain) {
  fill('a');
  {
    const auto value = value_of(tree().get(key(7)));
    churn();
  }
  churn();
  const std::uint64_t pages = value_of(store_.stats()).pages;
  for (int i = 0; i < 5; ++i) churn();
  EXPECT_EQ(value_of(store_.stats()).pages, pages);
}

TEST_P(Reading, ValuesAreReadInPiecesAndInParts) {
  std::string text;
  for (int i = 0; text.size() < 50'000; ++i) text += std::to_string(i) + ' ';
  put(store_, "t", "long", text);
  put(store_, "t", "short", "short");
  put(store_, "t", "empty", "");
  auto value = value_of(tree().get("long"));
  EXPECT_EQ(value->size(), text.size());
  std::string whole;
  while (whole.size() < text.size()) whole += as_text(value_of(value->piece(whole.size())));
  EXPECT_EQ(whole, text);
  EXPECT_TRUE(value_of(value->piece(text.size())).empty());
  EXPECT_EQ(code_of(value->piece(text.size() + 1)), Code::kInvalidArgument);
  std::string part(10'000, '\0');
  value_of(value->read(12'345, std::as_writable_bytes(std::span(part))));
  EXPECT_EQ(part, text.substr(12'345, 10'000));
  EXPECT_EQ(code_of(value->read(text.size() - 1, std::as_writable_bytes(std::span(part)))),
            Code::kInvalidArgument);
  auto other = value_of(tree().get("short"));
  *value = std::move(*other);
  EXPECT_EQ(as_text(value_of(value->bytes())), "short");
  EXPECT_EQ(code_of(value->piece(6)), Code::kInvalidArgument);
  EXPECT_EQ(value_of(value_of(tree().get("empty"))->to_string()), "");
  EXPECT_FALSE(value_of(tree().get("none")));
  EXPECT_FALSE(value_of(tree().get("")));
  EXPECT_FALSE(value_of(tree().get(std::string(100'000, 'k'))));
}

TEST_P(Reading, RangesBoundCursorsAndEstimates) {
  for (const char* key : {"a", "b", "ba", "bb", "b\xff", "b\xff\xff", "c", "\xff", "\xff\xff"}) {
    put(store_, "t", key, "v");
  }
  const Tree read = tree();
  const auto keys = [&read](const Range& range) {
    std::string found;
    for (const auto& [key, value] : contents(read, range)) found += key + ' ';
    return found;
  };
  EXPECT_EQ(read.count(), 9U);
  EXPECT_EQ(keys(Range::with_prefix("b")), "b ba bb b\xff b\xff\xff ");
  EXPECT_EQ(keys(Range::with_prefix("b\xff")), "b\xff b\xff\xff ");
  EXPECT_EQ(keys(Range::with_prefix("\xff")), "\xff \xff\xff ");
  EXPECT_EQ(keys(Range::with_prefix("")), keys({}));
  EXPECT_EQ(keys(Range::from("bb")), "bb b\xff b\xff\xff c \xff \xff\xff ");
  EXPECT_EQ(keys(Range::before("bb")), "a b ba ");
  EXPECT_EQ(keys(Range::between("b", "c")), "b ba bb b\xff b\xff\xff ");
  EXPECT_EQ(keys(Range::between("c", "b")), "");
  EXPECT_EQ(keys(Range::between("b", "b")), "");
  const Estimate estimate = value_of(read.estimate(Range::with_prefix("b")));
  EXPECT_EQ(estimate.entries, 5U);
  EXPECT_TRUE(estimate.exact);
  EXPECT_EQ(value_of(read.estimate(Range::between("c", "b"))).entries, 0U);
}

TEST_P(Reading, ACursorMovesBothWaysAndSaysWhereItStands) {
  for (const char* key : {"a", "c", "e"}) put(store_, "t", key, key);
  Cursor cursor = value_of(tree().cursor());
  EXPECT_FALSE(cursor.valid());
  EXPECT_TRUE(cursor.key().empty());
  EXPECT_EQ(code_of(cursor.value()), Code::kInvalidArgument);
  EXPECT_TRUE(value_of(cursor.prev()));
  EXPECT_EQ(as_text(cursor.key()), "e");
  EXPECT_TRUE(value_of(cursor.seek("b")));
  EXPECT_EQ(as_text(cursor.key()), "c");
  EXPECT_TRUE(value_of(cursor.prev()));
  EXPECT_EQ(value_of(value_of(cursor.value()).to_string()), "a");
  EXPECT_FALSE(value_of(cursor.prev()));
  EXPECT_FALSE(cursor.valid());
  EXPECT_TRUE(value_of(cursor.next()));
  EXPECT_EQ(as_text(cursor.key()), "a");
  EXPECT_TRUE(value_of(cursor.last()));
  EXPECT_FALSE(value_of(cursor.next()));
  EXPECT_FALSE(value_of(cursor.seek("f")));
  Cursor moved = std::move(cursor);
  EXPECT_TRUE(value_of(moved.first()));
  EXPECT_EQ(as_text(moved.key()), "a");
}

TEST_P(Reading, AsManySnapshotsAndValuesAsThereAreSlots) {
  put(store_, "t", "k", std::string(10'000, 'v'));
  const Tree read = tree();
  {
    std::vector<Value> values;
    auto value = read.get("k");
    for (; value && values.size() < 5000; value = read.get("k")) {
      values.push_back(*std::move(*value));
    }
    EXPECT_EQ(code_of(value), Code::kResourceExhausted);
    EXPECT_EQ(values.size(), 4096U);
    EXPECT_EQ(code_of(read.cursor()), Code::kResourceExhausted);
    values.pop_back();
    value_of(read.cursor());
  }
  std::vector<Snapshot> snapshots;
  auto snapshot = store_.snapshot();
  for (; snapshot; snapshot = store_.snapshot()) snapshots.push_back(*std::move(snapshot));
  EXPECT_EQ(code_of(snapshot), Code::kResourceExhausted);
  EXPECT_EQ(snapshots.size(), 4095U);  // And the tree's.
}

TEST_P(Reading, ASnapshotThatWasForgottenIsRefusedAndItsCostTold) {
  value_of(store_.close());
  const Store store = value_of(Store::open(path(), {.background = false,
                                                    .snapshot_age_max = std::chrono::nanoseconds(1),
                                                    .memory_budget_bytes = std::uint64_t{1} << 20U,
                                                    .access = GetParam()}));
  put(store, "t", "k", "0");
  Snapshot snapshot = value_of(store.snapshot());
  const Tree read = value_of(snapshot.tree("t"));
  EXPECT_EQ(value_of(store.stats()).pinned_bytes, 0U);
  put(store, "t", "k", "1");
  put(store, "t", "k", "2");
  EXPECT_EQ(code_of(read.get("k")), Code::kSnapshotTooOld);
  const StoreStats stats = value_of(store.stats());
  EXPECT_EQ(stats.oldest_snapshot, TxnId{1});
  EXPECT_GT(stats.oldest_snapshot_age.count(), 0);
  EXPECT_GT(stats.pinned_bytes, 0U);
  value_of(snapshot.renew());
  EXPECT_EQ(contents(store, "t"), (Entries{{"k", "2"}}));
  EXPECT_EQ(code_of(Store::open(path() + "x", {.snapshot_age_max = std::chrono::nanoseconds(-1)})),
            Code::kInvalidArgument);
}

#ifndef CAISSON_SANITIZED

using caisson::testing::allocations;

// Not with private copies, of which each value is one.
TEST_P(Reading, AHotReadAllocatesNothing) {
  if (GetParam() == PageAccess::kPrivate) GTEST_SKIP();
  fill('a');
  const Tree read = tree();
  Cursor cursor = value_of(read.cursor());
  const std::string text = key(7);
  std::uint64_t sum = 0;
  std::uint64_t before = 0;
  for (const bool is_hot : {false, true}) {
    if (is_hot) before = allocations;
    for (int i = 0; i < 100; ++i) {
      auto value = read.get(text);
      sum += (*value)->bytes()->size();
      auto none = read.get("none");
      sum += none->has_value() ? 1U : 0U;
    }
    auto more = cursor.first();
    for (; more && *more; more = cursor.next()) {
      sum += cursor.key().size() + cursor.value()->bytes()->size();
    }
  }
  EXPECT_EQ(allocations - before, 0U);
  EXPECT_EQ(sum, 2U * (100 * 300 + 200 * 307));
}

#endif  // CAISSON_SANITIZED

}  // namespace
}  // namespace caisson

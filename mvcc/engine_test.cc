// Method: one store on the simulated machine, used as a program would use it.

#include "mvcc/engine.h"

#include <gtest/gtest.h>

#include <string>

#include "mvcc/testing/harness.h"

namespace caisson::mvcc {
namespace {

using testing::bytes_of;
using testing::EngineStore;
using testing::Model;
using testing::put;
using testing::read_all;
using testing::tree_in;
using testing::value_of;

Model contents(Engine& engine) { return value_of(read_all(value_of(engine.snapshot()))); }

TEST(Engine, ANewStoreIsEmpty) {
  EngineStore store;
  EXPECT_EQ(contents(store.engine()), Model{});
  EXPECT_EQ(value_of(store.engine().snapshot()).txn(), TxnId{0});
}

TEST(Engine, WhatWasCommittedIsSeenByLaterSnapshotsAndByNoEarlierOne) {
  EngineStore store;
  const Snapshot before = value_of(store.engine().snapshot());
  EXPECT_EQ(value_of(put(store.engine(), "notes", "a", "1")).txn, TxnId{1});
  const Snapshot between = value_of(store.engine().snapshot());
  EXPECT_EQ(value_of(put(store.engine(), "notes", "a", "2")).txn, TxnId{2});
  EXPECT_EQ(value_of(read_all(before)), Model{});
  EXPECT_EQ(value_of(read_all(between)), (Model{{"notes", {{"a", "1"}}}}));
  EXPECT_EQ(contents(store.engine()), (Model{{"notes", {{"a", "2"}}}}));
}

// What is deleted takes pages, too, before it gives any back.
TEST(Engine, DeletesGoThroughOnADiskThatIsFull) {
  for (const bool range : {false, true}) {
    EngineStore store({.log = {.file_size_min = std::uint64_t{4} << 20U,
                               .file_size_max = std::uint64_t{4} << 20U,
                               .direct = true}});
    const std::string pages = std::string(testing::kStorePath) + "/pages";
    value_of(put(store.engine(), "t", "first", "v"));
    store.machine().set_capacity({.bytes = store.machine().image(pages)->cached().size() +
                                           (std::uint64_t{4} << 20U) + 65536});
    const auto key = [](int i) { return "key" + std::to_string(1000 + i); };
    int count = 0;
    auto full = put(store.engine(), "t", key(count), std::string(1000, 'v'));
    for (; full; full = put(store.engine(), "t", key(count), std::string(1000, 'v'))) {
      ++count;
      ASSERT_LT(count, 1000);
      if (count % 8 == 0) (void)store.engine().checkpoint();
    }
    EXPECT_EQ(full.error().code(), Code::kOutOfSpace);
    for (int i = 0; i < (range ? 1 : count); ++i) {
      WriteTxn txn = value_of(store.engine().begin_write());
      const TreeId tree = tree_in(txn, "t");
      if (range) {
        EXPECT_GT(value_of(txn.erase_range(tree, {bytes_of("key"), {}})), 0U);
      } else {
        EXPECT_TRUE(value_of(txn.erase(tree, bytes_of(key(i)))));
      }
      value_of(txn.commit());
      value_of(store.engine().checkpoint());
    }
    value_of(store.engine().checkpoint());
    EXPECT_EQ(contents(store.engine()), (Model{{"t", {{"first", "v"}}}}));
    value_of(put(store.engine(), "t", "again", std::string(1000, 'v')));
    value_of(store.close());
    value_of(store.open());
    EXPECT_EQ(contents(store.engine())["t"].size(), 2U);
  }
}

TEST(Engine, ASecondWriterIsTold) {
  EngineStore store;
  const WriteTxn txn = value_of(store.engine().begin_write());
  const auto second = store.engine().begin_write();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::kBusy);
}

TEST(Engine, ATransactionSeesItsOwnChangesAndOthersDoNot) {
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  WriteTxn txn = value_of(store.engine().begin_write());
  const TreeId tree = tree_in(txn, "t");
  value_of(txn.put(tree, bytes_of("b"), bytes_of("2")));
  value_of(txn.erase(tree, bytes_of("a")));
  EXPECT_EQ(value_of(read_all(txn)), (Model{{"t", {{"b", "2"}}}}));
  EXPECT_EQ(contents(store.engine()), (Model{{"t", {{"a", "1"}}}}));
  txn.roll_back();
  EXPECT_EQ(contents(store.engine()), (Model{{"t", {{"a", "1"}}}}));
  EXPECT_EQ(value_of(put(store.engine(), "t", "c", "3")).txn, TxnId{2});
}

TEST(Engine, CommitsAreThereAfterAKillAndAfterAClose) {
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  store.kill();
  value_of(store.open());
  EXPECT_FALSE(store.engine().recovery().was_closed);
  EXPECT_EQ(store.engine().recovery().recovered, TxnId{1});
  EXPECT_EQ(contents(store.engine()), (Model{{"t", {{"a", "1"}}}}));
  value_of(put(store.engine(), "t", "b", "2"));
  value_of(store.close());
  value_of(store.open());
  EXPECT_TRUE(store.engine().recovery().was_closed);
  EXPECT_EQ(store.engine().recovery().operations, 0U);
  EXPECT_EQ(contents(store.engine()), (Model{{"t", {{"a", "1"}, {"b", "2"}}}}));
}

TEST(Engine, AStoreThatIsNotChangedIsNotWritten) {
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  value_of(store.close());
  store.machine().record_trace(true);
  value_of(store.open());
  (void)contents(store.engine());
  value_of(store.close());
  for (const auto& call : store.machine().trace()) {
    // What LOCK says is for those who read beside it.
    if (call.file.ends_with(kLockFileName)) continue;
    EXPECT_NE(call.call, io::Call::kWrite) << call.file;
    EXPECT_NE(call.call, io::Call::kRename) << call.file;
  }
}

TEST(Engine, CheckpointsAndCommitsTakeTurns) {
  EngineStore store;
  Model model;
  for (int i = 0; i < 200; ++i) {
    const std::string key = "k" + std::to_string(i * 7 % 50);
    const std::string value(static_cast<std::size_t>(i * 31 % 700), 'v');
    value_of(put(store.engine(), "t", key, value));
    model["t"][key] = value;
    if (i % 10 == 9) value_of(store.engine().checkpoint());
    if (i % 37 == 36) {
      store.kill();
      value_of(store.open());
    }
    ASSERT_EQ(contents(store.engine()), model) << i;
  }
}

TEST(Engine, ATransactionLargerThanARecordCommitsWhole) {
  EngineStore store;
  Model model;
  {
    WriteTxn txn = value_of(store.engine().begin_write());
    const TreeId tree = tree_in(txn, "t");
    for (int i = 0; i < 2000; ++i) {
      const std::string key = "key" + std::to_string(i * 13 % 2000);
      const std::string value(100 + static_cast<std::size_t>(i % 50), 'x');
      value_of(txn.put(tree, bytes_of(key), bytes_of(value)));
      model["t"][key] = value;
    }
    const std::string large(300'000, 'L');
    value_of(txn.put(tree, bytes_of("large"), bytes_of(large)));
    model["t"]["large"] = large;
    value_of(txn.commit());
  }
  EXPECT_EQ(contents(store.engine()), model);
  store.kill();
  value_of(store.open());
  EXPECT_EQ(contents(store.engine()), model);
}

}  // namespace
}  // namespace caisson::mvcc

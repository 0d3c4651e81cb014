// Method: single transactions beside a model, on the simulated machine; what is full, what fails
// and what is misused.

#include "mvcc/write_txn.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "log/log_file.h"
#include "mvcc/testing/crash_workload.h"
#include "mvcc/testing/harness.h"
#include "pager/testing/access.h"

namespace caisson::mvcc {
namespace {

using io::sim::FaultKind;
using testing::audit;
using testing::bytes_of;
using testing::code_of;
using testing::EngineStore;
using testing::Model;
using testing::put;
using testing::read_all;
using testing::read_value;
using testing::text_of;
using testing::tree_in;
using testing::value_of;

Model contents(Engine& engine) { return value_of(read_all(value_of(engine.snapshot()))); }

TEST(WriteTxn, ThatDidNothingHasNoNumberAndWritesNothing) {  // COMMIT-4
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  value_of(store.engine().begin_write()).roll_back();  // Makes the next log file ready.
  store.machine().record_trace(true);
  for (int i = 0; i < 3; ++i) {
    WriteTxn txn = value_of(store.engine().begin_write());
    const TreeId tree = tree_in(txn, "t");
    EXPECT_FALSE(value_of(txn.erase(tree, bytes_of("none"))));
    EXPECT_EQ(value_of(txn.erase_range(tree, {bytes_of("x"), bytes_of("y")})), 0U);
    EXPECT_EQ(value_of(txn.commit()).txn, TxnId{1});
  }
  for (const auto& call : store.machine().trace()) EXPECT_NE(call.call, io::Call::kWrite);
}

TEST(WriteTxn, ThatMeetsAFullDiskLeavesNothingAndItsNumberGoesToTheNext) {  // COMMIT-2
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  const Model before = contents(store.engine());
  store.machine().set_capacity({.bytes = 0});
  std::string refused;
  for (int i = 0; refused.empty() && i < 1000; ++i) {
    auto txn = store.engine().begin_write();
    if (!txn) {
      EXPECT_EQ(txn.error().code(), Code::kOutOfSpace);
      refused = txn.error().to_string();
      break;
    }
    const TreeId tree = tree_in(*txn, "t");
    auto changed = txn->put(tree, bytes_of("b"), bytes_of(std::string(30'000, 'b')));
    const auto committed = changed ? txn->commit() : fail(std::move(changed).error());
    if (committed) continue;
    EXPECT_EQ(committed.error().code(), Code::kOutOfSpace) << committed.error().to_string();
    refused = committed.error().to_string();
  }
  ASSERT_NE(refused, "");
  EXPECT_FALSE(store.engine().poisoned());
  const TxnId last = value_of(store.engine().snapshot()).txn();
  store.machine().set_capacity({});
  EXPECT_EQ(to_u64(value_of(put(store.engine(), "t", "c", "3")).txn), to_u64(last) + 1);
  store.kill();
  value_of(store.open());
  EXPECT_EQ(contents(store.engine()).at("t").at("c"), "3");
  EXPECT_EQ(contents(store.engine()).at("t").at("a"), before.at("t").at("a"));
}

TEST(WriteTxn, WhoseFlushFailsIsUnknownAndTheStoreWritesNoMore) {  // COMMIT-3
  for (const FaultKind kind : {FaultKind::kIoError, FaultKind::kSyncDrops}) {
    EngineStore store;
    value_of(put(store.engine(), "t", "a", "1"));
    std::optional<Snapshot> snapshot(value_of(store.engine().snapshot()));
    WriteTxn txn = value_of(store.engine().begin_write());
    value_of(txn.put(tree_in(txn, "t"), bytes_of("b"), bytes_of("2")));
    // The write is the next call, and its flush the one behind it.
    store.machine().inject({store.machine().calls() + 1, kind, false});
    EXPECT_EQ(code_of(txn.commit()), Code::kDurabilityUnknown);
    EXPECT_TRUE(store.engine().poisoned());
    EXPECT_EQ(code_of(store.engine().begin_write()), Code::kPoisoned);
    EXPECT_EQ(code_of(store.engine().checkpoint()), Code::kPoisoned);
    // What was published is still there; what was sealed is not.
    EXPECT_EQ(value_of(read_all(*snapshot)), (Model{{"t", {{"a", "1"}}}}));
    EXPECT_EQ(contents(store.engine()), (Model{{"t", {{"a", "1"}}}}));
    store.machine().record_trace(true);
    snapshot.reset();
    store.abandon();
    for (const auto& call : store.machine().trace()) EXPECT_NE(call.call, io::Call::kWrite);
    value_of(store.open());
    const std::size_t found = contents(store.engine()).at("t").size();
    EXPECT_TRUE(found == 1 || found == 2);
  }
}

TEST(WriteTxn, IsPublishedInOrderAndOnlyWhenItIsDurable) {  // COMMIT-1
  EngineStore store;
  const auto seen = [&] { return to_u64(value_of(store.engine().snapshot()).txn()); };
  const Committed first = value_of(put(store.engine(), "t", "a", "1", Durability::kQueued));
  EXPECT_EQ(seen(), 0U);
  value_of(put(store.engine(), "t", "b", "2", Durability::kAsync));
  EXPECT_EQ(seen(), 0U);  // Behind one that is not published.
  value_of(store.engine().wait_durable(first));
  EXPECT_EQ(seen(), 2U);
  value_of(put(store.engine(), "t", "c", "3", Durability::kAsync));
  EXPECT_EQ(seen(), 3U);
  EXPECT_LT(to_u64(store.engine().log().durable_upto()), 3U);
  value_of(store.engine().checkpoint());  // CHECKPOINT-1
  EXPECT_EQ(to_u64(store.engine().log().durable_upto()), 3U);
  EXPECT_EQ(store.engine().stats().checkpointed, TxnId{3});
}

class WriteTxnAccess : public ::testing::TestWithParam<pager::PageAccess> {
 protected:
  EngineStore store_{{.access = GetParam(), .frames = 64}};
};

TEST_P(WriteTxnAccess, SavepointsWithinOneAnotherAndAcrossParts) {
  Engine& engine = store_.engine();
  Model model;
  {
    WriteTxn txn = value_of(engine.begin_write());
    const TreeId tree = tree_in(txn, "t");
    const auto fill = [&](const std::string& prefix, char value) {
      for (int i = 0; i < 40; ++i) {
        value_of(txn.put(tree, bytes_of(prefix + std::to_string(i)),
                         bytes_of(std::string(2500, value))));
      }
    };
    const auto filled = [&](const std::string& prefix, char value) {
      for (int i = 0; i < 40; ++i)
        model["t"][prefix + std::to_string(i)] = std::string(2500, value);
    };
    fill("a", '1');
    filled("a", '1');
    EXPECT_EQ(value_of(txn.savepoint()), 1U);
    fill("b", '2');
    EXPECT_EQ(value_of(txn.savepoint()), 2U);
    fill("a", '3');
    value_of(txn.roll_back_to(2));
    fill("c", '4');
    value_of(txn.roll_back_to(1));
    ASSERT_EQ(value_of(read_all(txn)), model);
    fill("d", '5');
    value_of(txn.savepoint());
    fill("e", '6');
    filled("e", '6');
    value_of(txn.release(2));
    filled("d", '5');
    EXPECT_EQ(code_of(txn.roll_back_to(2)), Code::kInvalidArgument);
    ASSERT_EQ(value_of(read_all(txn)), model);
    value_of(txn.commit());
  }
  EXPECT_EQ(contents(engine), model);
  store_.kill();
  value_of(store_.open());
  EXPECT_EQ(contents(store_.engine()), model);
}

TEST_P(WriteTxnAccess, ValuesInPiecesAreWholeOrNotThere) {
  Engine& engine = store_.engine();
  Model model;
  WriteTxn txn = value_of(engine.begin_write());
  const TreeId tree = tree_in(txn, "t");
  const std::string piece(20'000, 'p');
  {
    LongValue value = value_of(txn.put_long(tree, bytes_of("long"), 10 * piece.size()));
    for (int i = 0; i < 10; ++i) value_of(value.append(bytes_of(piece)));
    EXPECT_EQ(code_of(txn.put(tree, bytes_of("x"), bytes_of("y"))), Code::kInvalidArgument);
    EXPECT_TRUE(value_of(value.finish()));
    for (int i = 0; i < 10; ++i) model["t"]["long"] += piece;
  }
  {
    // Let go of behind a part of its own.
    LongValue value = value_of(txn.put_long(tree, bytes_of("gone"), 10 * piece.size()));
    for (int i = 0; i < 5; ++i) value_of(value.append(bytes_of(piece)));
    EXPECT_EQ(code_of(value.finish()), Code::kInvalidArgument);
  }
  {
    LongValue value = value_of(txn.put_long(tree, bytes_of("over"), 5));
    EXPECT_EQ(code_of(value.append(bytes_of("123456"))), Code::kInvalidArgument);
  }
  value_of(txn.put(tree, bytes_of("after"), bytes_of("1")));
  model["t"]["after"] = "1";
  ASSERT_EQ(value_of(read_all(txn)), model);
  value_of(txn.commit());
  store_.kill();
  value_of(store_.open());
  EXPECT_EQ(contents(store_.engine()), model);
}

TEST_P(WriteTxnAccess, ACursorGoesOnBehindChanges) {
  WriteTxn txn = value_of(store_.engine().begin_write());
  const TreeId tree = tree_in(txn, "t");
  for (int i = 100; i < 400; ++i) {
    value_of(txn.put(tree, bytes_of(std::to_string(i)), bytes_of(std::string(300, 'v'))));
  }
  // Every entry is visited once, though each visit removes it and adds one behind all.
  TxnCursor cursor = value_of(txn.cursor(tree));
  std::vector<std::string> visited;
  for (auto more = cursor.first(); value_of(more); more = cursor.next()) {
    visited.push_back(text_of(cursor.key()));
    if (visited.size() > 300) break;
    value_of(txn.erase(tree, bytes_of(visited.back())));
    value_of(txn.put(tree, bytes_of("z" + visited.back()), bytes_of("w")));
  }
  ASSERT_EQ(visited.size(), 301U);
  EXPECT_EQ(visited.front(), "100");
  EXPECT_EQ(visited[299], "399");
  EXPECT_EQ(visited[300], "z100");
  // And back: what was removed is not there any more.
  EXPECT_FALSE(value_of(cursor.prev()));
  EXPECT_EQ(value_of(txn.count(tree)), 300U);
}

TEST_P(WriteTxnAccess, AValueOfTheStoreCanBePutElsewhere) {
  WriteTxn txn = value_of(store_.engine().begin_write());
  const TreeId tree = tree_in(txn, "t");
  value_of(txn.put(tree, bytes_of("from"), bytes_of(std::string(900, 'v'))));
  for (int i = 0; i < 300; ++i) {
    auto value = value_of(txn.get(tree, bytes_of("from")));
    const Bytes bytes = value_of(value->piece(0));
    value_of(txn.put(tree, bytes_of("to" + std::to_string(i)), bytes));
  }
  for (int i = 0; i < 300; ++i) {
    auto value = value_of(txn.get(tree, bytes_of("to" + std::to_string(i))));
    ASSERT_EQ(read_value(std::move(*value)), std::string(900, 'v')) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Access, WriteTxnAccess,
                         ::testing::Values(pager::PageAccess::kMapped, pager::PageAccess::kPrivate),
                         pager::testing::access_name);

// Nodes that a change copied and then failed behind are freed once, and where they belong.
TEST(WriteTxn, GoesBackToASavepointBehindAChangeThatFailed) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    EngineStore store({.frames = 64}, seed);
    for (int i = 0; i < 40; ++i) {
      value_of(put(store.engine(), "t", "key" + std::to_string(i), std::string(300, 'a')));
    }
    value_of(store.engine().checkpoint());
    const Model before = contents(store.engine());
    {
      WriteTxn txn = value_of(store.engine().begin_write());
      const TreeId tree = tree_in(txn, "t");
      value_of(txn.savepoint());
      store.machine().set_capacity({.bytes = 0});
      bool failed = false;
      for (std::uint64_t i = 0; !failed && i < 3000; ++i) {
        const std::string key = "key" + std::to_string(i * (seed + 6) % 977);
        failed = !txn.put(tree, bytes_of(key), bytes_of(std::string(200 + seed * 10, 'b')));
      }
      EXPECT_TRUE(failed) << seed;
      value_of(txn.roll_back_to(1));
      store.machine().set_capacity({});
      ASSERT_EQ(value_of(read_all(txn)), before) << seed;
      value_of(txn.put(tree, bytes_of("after"), bytes_of("1")));
      value_of(txn.commit());
    }
    Model expected = before;
    expected["t"]["after"] = "1";
    ASSERT_EQ(contents(store.engine()), expected) << seed;
    ASSERT_EQ(audit(store), "") << seed;
  }
}

TEST(WriteTxn, ACursorGoesOnInTheTreeThatWasRolledBackTo) {
  EngineStore store;
  WriteTxn txn = value_of(store.engine().begin_write());
  const TreeId tree = tree_in(txn, "t");
  value_of(txn.put(tree, bytes_of("b"), bytes_of("1")));
  value_of(txn.put(tree, bytes_of("d"), bytes_of("1")));
  value_of(txn.savepoint());
  value_of(txn.put(tree, bytes_of("a"), bytes_of("1")));
  value_of(txn.put(tree, bytes_of("a"), bytes_of("2")));
  TxnCursor cursor = value_of(txn.cursor(tree));
  EXPECT_TRUE(value_of(cursor.first()));
  EXPECT_EQ(text_of(cursor.key()), "a");
  value_of(txn.roll_back_to(1));
  value_of(txn.put(tree, bytes_of("c"), bytes_of("1")));
  EXPECT_TRUE(value_of(cursor.next()));
  EXPECT_EQ(text_of(cursor.key()), "b");
}

TEST(WriteTxn, ThatEndsBeforeAValueTakesItAlong) {
  EngineStore store;
  WriteTxn txn = value_of(store.engine().begin_write());
  const TreeId tree = tree_in(txn, "t");
  LongValue value = value_of(txn.put_long(tree, bytes_of("k"), 100'000));
  value_of(value.append(bytes_of(std::string(70'000, 'v'))));
  EXPECT_EQ(code_of(txn.commit()), Code::kInvalidArgument);
  EXPECT_EQ(code_of(value.append(bytes_of("v"))), Code::kInvalidArgument);
  EXPECT_EQ(code_of(value.finish()), Code::kInvalidArgument);
  EXPECT_EQ(code_of(txn.roll_back_to(1)), Code::kInvalidArgument);
  EXPECT_EQ(code_of(txn.savepoint()), Code::kInvalidArgument);
  EXPECT_EQ(contents(store.engine()), Model{});
}

TEST(WriteTxn, WhoseChangesWereAllRolledBackHasNoNumber) {  // COMMIT-4
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  {
    WriteTxn txn = value_of(store.engine().begin_write());
    const TreeId tree = tree_in(txn, "t");
    value_of(txn.savepoint());
    for (int i = 0; i < 60; ++i) {
      value_of(txn.put(tree, bytes_of(std::to_string(i)), bytes_of(std::string(2000, 'v'))));
    }
    value_of(txn.roll_back_to(1));
    EXPECT_EQ(value_of(txn.commit()).txn, TxnId{1});
  }
  EXPECT_EQ(value_of(put(store.engine(), "t", "b", "2")).txn, TxnId{2});
  store.kill();
  value_of(store.open());
  EXPECT_EQ(contents(store.engine()), (Model{{"t", {{"a", "1"}, {"b", "2"}}}}));
}

TEST(WriteTxn, IsPublishedWhoeverFlushesTheLog) {
  EngineStore store;
  const auto seen = [&] { return to_u64(value_of(store.engine().snapshot()).txn()); };
  value_of(put(store.engine(), "t", "a", "1", Durability::kQueued));
  value_of(store.engine().log().flush(store.engine().log().appended()));
  store.engine().publish_durable();
  EXPECT_EQ(seen(), 1U);
  value_of(put(store.engine(), "t", "b", "1", Durability::kQueued));
  value_of(store.engine().log().flush(store.engine().log().appended()));
  value_of(store.engine().begin_write()).roll_back();
  EXPECT_EQ(seen(), 2U);
}

TEST(WriteTxn, RefusesWhatIsBeyondALimitAndGoesOn) {  // LIMIT-1
  EngineStore store;
  WriteTxn txn = value_of(store.engine().begin_write());
  EXPECT_EQ(code_of(txn.create_tree({})), Code::kInvalidArgument);
  EXPECT_EQ(code_of(txn.create_tree(bytes_of(std::string(256, 'n')))), Code::kInvalidArgument);
  const std::string options(log::kTreeOptionsSizeMax, 'o');
  EXPECT_EQ(code_of(txn.create_tree(bytes_of("t"), bytes_of(options + "o"))),
            Code::kInvalidArgument);
  const TreeId tree = value_of(txn.create_tree(bytes_of(std::string(255, 'n')), bytes_of(options)));
  EXPECT_EQ(code_of(txn.create_tree(bytes_of(std::string(255, 'n')))), Code::kAlreadyExists);
  const std::string key(store.engine().limits().key_size_max, 'k');
  value_of(txn.put(tree, bytes_of(key), bytes_of("v")));
  EXPECT_EQ(code_of(txn.put(tree, bytes_of(key + "k"), bytes_of("v"))), Code::kInvalidArgument);
  EXPECT_FALSE(value_of(txn.erase(tree, bytes_of("none"))));
  EXPECT_EQ(code_of(txn.erase_range(tree, {bytes_of(key + "k"), {}})), Code::kInvalidArgument);
  const std::uint64_t most = store.engine().limits().value_size_max;
  EXPECT_EQ(code_of(txn.put_long(tree, bytes_of("a"), most + 1)), Code::kInvalidArgument);
  EXPECT_EQ(code_of(txn.put(TreeId{77}, bytes_of("a"), bytes_of("b"))), Code::kNotFound);
  EXPECT_FALSE(txn.failed());
  value_of(txn.commit());
  EXPECT_EQ(code_of(txn.put(tree, bytes_of("a"), bytes_of("b"))), Code::kInvalidArgument);
  EXPECT_EQ(code_of(txn.commit()), Code::kInvalidArgument);
  store.kill();
  value_of(store.open());
  EXPECT_EQ(contents(store.engine()).at(std::string(255, 'n')).size(), 1U);
}

}  // namespace
}  // namespace caisson::mvcc

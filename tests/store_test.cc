// Method: whole stores on the real file system, through the public interface alone: how they are
// made, opened, closed, left, and what every call says where it can't do what it is asked for. A
// crash is a process that ends at once.

#include <caisson/store.h>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "tests/support.h"

namespace caisson {
namespace {

using testing::code_of;
using testing::comes_true;
using testing::contents;
using testing::in_child;
using testing::put;
using testing::value_of;

class StoreLife : public testing::StoreTest {};

using Entries = std::map<std::string, std::string>;

// --- Making and opening --------------------------------------------------------------------------

TEST_F(StoreLife, ANewStoreIsEmptyAndHasAnIdentity) {
  const Store store = value_of(Store::create(path()));
  EXPECT_NE(store.uuid(), Uuid{});
  EXPECT_EQ(store.recovery().recovered, TxnId{0});
  EXPECT_EQ(store.recovery().operations, 0U);
  EXPECT_FALSE(store.poisoned());
  const Snapshot snapshot = value_of(store.snapshot());
  EXPECT_EQ(snapshot.txn(), TxnId{0});
  EXPECT_TRUE(value_of(snapshot.tree_names()).empty());
  EXPECT_EQ(code_of(snapshot.tree("notes")), Code::kNotFound);
}

TEST_F(StoreLife, WhatWasCommittedIsThereWhenItIsOpenedAgain) {
  Store store = open();
  const Uuid uuid = store.uuid();
  EXPECT_EQ(put(store, "notes", "a", "1").txn, TxnId{1});
  EXPECT_EQ(put(store, "notes", "b", "2").txn, TxnId{2});
  value_of(store.close());
  store = open();
  EXPECT_EQ(store.uuid(), uuid);
  EXPECT_TRUE(store.recovery().was_closed);
  EXPECT_EQ(store.recovery().recovered, TxnId{2});
  EXPECT_EQ(contents(store, "notes"), (Entries{{"a", "1"}, {"b", "2"}}));
}

TEST_F(StoreLife, WhatAProcessCommittedThatEndedAtOnceIsRecovered) {
  value_of(Store::create(path()));
  ASSERT_TRUE(in_child([this] {
    const Store store = open();
    put(store, "notes", "a", "1");
    put(store, "notes", "b", "2");
    _exit(0);
    return true;
  }));
  const Store store = open();
  EXPECT_FALSE(store.recovery().was_closed);
  EXPECT_EQ(store.recovery().checkpoint, TxnId{0});
  EXPECT_EQ(store.recovery().recovered, TxnId{2});
  EXPECT_EQ(store.recovery().operations, 3U);
  EXPECT_GT(store.recovery().log_bytes, 0U);
  EXPECT_EQ(contents(store, "notes"), (Entries{{"a", "1"}, {"b", "2"}}));
}

TEST_F(StoreLife, OpeningFindsNothingWhereNothingIs) {
  EXPECT_EQ(code_of(Store::open(path())), Code::kNotFound);
  std::filesystem::create_directory(path());
  EXPECT_EQ(code_of(Store::open(path())), Code::kNotFound);
  EXPECT_EQ(code_of(Store::open(path("no/such"), {.create_if_missing = true})), Code::kNotFound);
  value_of(value_of(Store::open(path(), {.create_if_missing = true})).close());
  value_of(value_of(Store::open(path(), {.create_if_missing = true})).close());
  value_of(Store::open(path()));
}

TEST_F(StoreLife, NothingIsMadeOverSomethingElse) {
  value_of(value_of(Store::create(path())).close());
  EXPECT_EQ(code_of(Store::create(path())), Code::kAlreadyExists);
  std::filesystem::create_directory(path("other"));
  std::ofstream(path("other/letter.txt")) << "Dear";
  EXPECT_EQ(code_of(Store::create(path("other"))), Code::kAlreadyExists);
  const Result<Store> opened = Store::open(path("other"), {.create_if_missing = true});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kAlreadyExists);
  EXPECT_NE(opened.error().message().find("letter.txt"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(path("other/letter.txt")));
}

TEST_F(StoreLife, OptionsOutOfTheirRangesAreRefused) {
  const auto made = [this](const CreateOptions& create) {
    return code_of(Store::create(path(), create));
  };
  EXPECT_EQ(made({.page_size = 5000}), Code::kInvalidArgument);
  EXPECT_EQ(made({.page_size = 4096, .key_size_max = 513}), Code::kInvalidArgument);
  EXPECT_EQ(made({.key_size_max = 0}), Code::kInvalidArgument);
  EXPECT_EQ(made({.value_size_max = 0}), Code::kInvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(path()));
  EXPECT_EQ(code_of(Store::create(path(), {}, {.read_only = true})), Code::kInvalidArgument);

  value_of(value_of(Store::create(path())).close());
  const auto opened = [this](const Options& options) {
    return code_of(Store::open(path(), options));
  };
  using std::chrono::nanoseconds;
  EXPECT_EQ(opened({.create_if_missing = true, .read_only = true}), Code::kInvalidArgument);
  EXPECT_EQ(opened({.group_wait = nanoseconds(-1)}), Code::kInvalidArgument);
  EXPECT_EQ(opened({.async_delay = nanoseconds(-1)}), Code::kInvalidArgument);
  EXPECT_EQ(opened({.replay_time_max = nanoseconds(-1)}), Code::kInvalidArgument);
  EXPECT_EQ(opened({.memory_budget_bytes = 1}), Code::kInvalidArgument);
  EXPECT_EQ(opened({.address_space_bytes = 1}), Code::kInvalidArgument);
  EXPECT_EQ(opened({.log_file_size_min = 5000}), Code::kInvalidArgument);
  EXPECT_EQ(opened({.log_file_size_max = 4096}), Code::kInvalidArgument);
  value_of(Store::open(path()));
}

TEST_F(StoreLife, OptionsReachTheEngine) {
  const Store store = value_of(Store::create(path(), {.page_size = 4096},
                                             {.memory_budget_bytes = std::uint64_t{1} << 20U,
                                              .access = PageAccess::kPrivate,
                                              .address_space_bytes = std::uint64_t{64} << 20U,
                                              .log_file_size_min = std::uint64_t{128} << 10U,
                                              .log_file_size_max = std::uint64_t{128} << 10U,
                                              .log_direct = false}));
  put(store, "t", "k", "v");
  const StoreStats stats = value_of(store.stats());
  EXPECT_EQ(stats.page_size, 4096U);
  EXPECT_EQ(stats.frames, 256U);
  EXPECT_FALSE(stats.mapped);
  EXPECT_FALSE(stats.log_direct);
  for (const auto& file : std::filesystem::directory_iterator(path("store/log"))) {
    EXPECT_EQ(file.file_size(), std::uint64_t{128} << 10U) << file.path();
  }
}

TEST_F(StoreLife, LimitsHoldAndAreToldWithTheirNames) {
  const Store store = value_of(Store::create(path(), {.key_size_max = 10, .value_size_max = 100}));
  WriteTxn txn = value_of(store.begin_write());
  WriteTree tree = value_of(txn.create_tree("t"));
  EXPECT_TRUE(value_of(tree.put(std::string(10, 'k'), std::string(100, 'v'))));
  EXPECT_EQ(code_of(tree.put(std::string(11, 'k'), "v")), Code::kInvalidArgument);
  const auto too_long = tree.put("k", std::string(101, 'v'));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().rule(), "LIMIT-1");
  EXPECT_EQ(code_of(tree.put_stream("k", 101)), Code::kInvalidArgument);
  EXPECT_EQ(code_of(tree.erase_range(Range::from(std::string(11, 'k')))), Code::kInvalidArgument);
  EXPECT_FALSE(value_of(tree.erase(std::string(11, 'k'))));
  EXPECT_FALSE(value_of(tree.get(std::string(11, 'k'))));
  EXPECT_EQ(code_of(txn.create_tree("")), Code::kInvalidArgument);
  EXPECT_EQ(code_of(txn.create_tree(std::string(256, 't'))), Code::kInvalidArgument);
  value_of(txn.create_tree(std::string(255, 't')));
  EXPECT_EQ(value_of(tree.count()), 1U);
  value_of(txn.commit());
}

TEST_F(StoreLife, ASecondOpeningIsToldThatTheStoreIsTaken) {
  Store store = open();
  EXPECT_EQ(code_of(Store::open(path())), Code::kBusy);
  EXPECT_TRUE(in_child([this] { return code_of(Store::open(path())) == Code::kBusy; }));
  value_of(store.close());
  const Store again = open();
  EXPECT_EQ(code_of(Store::open(path())), Code::kBusy);
}

TEST_F(StoreLife, AStoreThatIsOpenedToReadCanOnlyBeRead) {
  EXPECT_EQ(code_of(Store::open(path(), {.read_only = true})), Code::kNotFound);
  Store writer = open();
  put(writer, "t", "k", "v");
  value_of(writer.close());
  Store store = open({.read_only = true});
  EXPECT_EQ(contents(store, "t"), (Entries{{"k", "v"}}));
  EXPECT_EQ(code_of(store.begin_write()), Code::kReadOnly);
  EXPECT_EQ(code_of(store.checkpoint()), Code::kReadOnly);
  EXPECT_EQ(code_of(store.wait_durable({})), Code::kReadOnly);
  EXPECT_EQ(code_of(store.retain("name")), Code::kReadOnly);
  EXPECT_EQ(code_of(store.release("name")), Code::kReadOnly);
  EXPECT_FALSE(value_of(store.checkpoint_due()));
  EXPECT_FALSE(store.poisoned());
  EXPECT_EQ(value_of(store.stats()).published, TxnId{1});
  value_of(store.close());
  EXPECT_EQ(code_of(store.snapshot()), Code::kInvalidArgument);
}

// --- Closing -------------------------------------------------------------------------------------

TEST_F(StoreLife, ItCannotBeClosedWhileSomethingIsOpen) {
  Store store = open();
  put(store, "t", "k", "v");
  {
    const Snapshot snapshot = value_of(store.snapshot());
    EXPECT_EQ(code_of(store.close()), Code::kBusy);
  }
  {
    const WriteTxn txn = value_of(store.begin_write());
    EXPECT_EQ(code_of(store.close()), Code::kBusy);
  }
  {
    const Tree tree = value_of(value_of(store.snapshot()).tree("t"));
    EXPECT_EQ(code_of(store.close()), Code::kBusy);
  }
  {
    const Cursor cursor = value_of(value_of(value_of(store.snapshot()).tree("t")).cursor());
    EXPECT_EQ(code_of(store.close()), Code::kBusy);
  }
  {
    const auto value = value_of(value_of(value_of(store.snapshot()).tree("t")).get("k"));
    EXPECT_EQ(code_of(store.close()), Code::kBusy);
  }
  put(store, "t", "k", "w");  // It is as open as before.
  value_of(store.close());
  value_of(store.close());
}

TEST_F(StoreLife, CallsOfAStoreThatIsClosedAreErrors) {
  Store store = open();
  const Committed committed = put(store, "t", "k", "v");
  value_of(store.close());
  EXPECT_EQ(code_of(store.snapshot()), Code::kInvalidArgument);
  EXPECT_EQ(code_of(store.begin_write()), Code::kInvalidArgument);
  EXPECT_EQ(code_of(store.wait_durable(committed)), Code::kInvalidArgument);
  EXPECT_EQ(code_of(store.checkpoint()), Code::kInvalidArgument);
  EXPECT_EQ(code_of(store.checkpoint_due()), Code::kInvalidArgument);
  EXPECT_EQ(code_of(store.stats()), Code::kInvalidArgument);
  ASSERT_TRUE(store.poisoned());
  EXPECT_EQ(store.poisoned()->code(), Code::kInvalidArgument);
  EXPECT_NE(store.uuid(), Uuid{});
  EXPECT_EQ(store.recovery().recovered, TxnId{0});
}

TEST_F(StoreLife, MovingIntoAStoreClosesWhatItHad) {
  Store store = open();
  put(store, "t", "k", "v");
  store = value_of(Store::create(path("other")));
  const Store again = open();
  EXPECT_TRUE(again.recovery().was_closed);
  EXPECT_EQ(contents(again, "t"), (Entries{{"k", "v"}}));
}

TEST_F(StoreLife, ASnapshotThatOutlivesItsStoreCanStillBeRead) {
  std::optional<Store> store = open();
  put(*store, "t", "k", "v");
  Snapshot snapshot = value_of(store->snapshot());
  store.reset();
  EXPECT_EQ(contents(value_of(snapshot.tree("t"))), (Entries{{"k", "v"}}));
  value_of(snapshot.renew());
  EXPECT_EQ(snapshot.txn(), TxnId{1});
  // The store stays taken, as the header says.
  EXPECT_EQ(code_of(Store::open(path())), Code::kBusy);
}

TEST_F(StoreLife, ATransactionThatOutlivesItsStoreCanStillCommit) {
  value_of(Store::create(path()));
  ASSERT_TRUE(in_child([this] {
    std::optional<Store> store = open();
    WriteTxn txn = value_of(store->begin_write());
    WriteTree tree = value_of(txn.create_tree("t"));
    store.reset();
    value_of(tree.put("k", "v"));
    value_of(txn.commit());
    return code_of(tree.put("k", "w")) == Code::kInvalidArgument;
  }));
  const Store store = open();
  EXPECT_FALSE(store.recovery().was_closed);
  EXPECT_EQ(contents(store, "t"), (Entries{{"k", "v"}}));
}

TEST_F(StoreLife, ATransactionMayEndBehindItsStore) {
  std::optional<Store> store = open();
  WriteTxn txn = value_of(store->begin_write());
  WriteTree tree = value_of(txn.create_tree("t"));
  ValueWriter value = value_of(tree.put_stream("k", 100));
  store.reset();
}

// --- Forks ---------------------------------------------------------------------------------------

// The child has the files open as well; the locks are the parent's.
TEST_F(StoreLife, AStoreCanBeOpenedAgainBesideAChildThatWasForkedOffBefore) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  std::optional<Store> store = open();
  put(*store, "t", "k", "v");
  const pid_t child = fork();
  if (child == 0) {
    ::close(pipe[1]);
    char byte = 0;
    (void)::read(pipe[0], &byte, 1);  // Until the parent closes its end.
    _exit(0);
  }
  ASSERT_GT(child, 0);
  value_of(store->close());
  store.reset();
  const auto again = Store::open(path());
  EXPECT_TRUE(again.has_value());
  ::close(pipe[1]);
  ::close(pipe[0]);
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
}

TEST_F(StoreLife, AChildProcessIsToldThatTheStoreIsItsParents) {
  std::optional<Store> store = open();
  const Committed committed = put(*store, "t", "k", "v");
  std::optional<Snapshot> snapshot = value_of(store->snapshot());
  std::optional<Tree> tree = value_of(snapshot->tree("t"));
  std::optional<WriteTxn> txn = value_of(store->begin_write());
  std::optional<WriteTree> changed = value_of(txn->open_tree("t"));
  std::optional<Cursor> cursor = value_of(tree->cursor());
  std::optional<WriteCursor> changed_cursor = value_of(changed->cursor());
  ASSERT_TRUE(value_of(changed_cursor->first()));
  std::optional<ValueWriter> value = value_of(changed->put_stream("l", 100));
  const auto refused = [](const auto& result) {
    return code_of(result) == Code::kInvalidArgument &&
           result.error().message().find("fork") != std::string::npos;
  };
  EXPECT_TRUE(in_child([&] {
    return refused(store->snapshot()) && refused(store->begin_write()) &&
           refused(store->wait_durable(committed)) && refused(store->checkpoint()) &&
           refused(store->checkpoint_due()) && refused(store->close()) && refused(store->stats()) &&
           store->poisoned() && refused(snapshot->tree("t")) && refused(snapshot->renew()) &&
           refused(tree->get("k")) && refused(tree->cursor()) && refused(txn->commit()) &&
           refused(changed->put("k", "w")) && refused(value->append("x")) &&
           refused(cursor->first()) && refused(cursor->seek("k")) && refused(cursor->last()) &&
           changed_cursor->next().error().code() == Code::kInvalidArgument;
  }));
  EXPECT_TRUE(in_child([&] {
    value.reset();
    cursor.reset();
    changed_cursor.reset();
    changed.reset();
    txn.reset();
    tree.reset();
    snapshot.reset();
    store.reset();
    return true;
  }));
  // And nothing of that is seen here.
  value.reset();
  cursor.reset();
  changed_cursor.reset();
  value_of(changed->put("k", "w"));
  value_of(txn->commit());
  EXPECT_EQ(contents(*store, "t"), (Entries{{"k", "w"}}));
}

// --- Durability, and what goes on in the background ----------------------------------------------

TEST_F(StoreLife, ACommitThatNobodyWaitsForIsMadeDurableInTheBackground) {
  const Store store =
      open({.durability = Durability::kAsync, .async_delay = std::chrono::milliseconds(1)});
  put(store, "t", "k", "v");
  EXPECT_EQ(contents(store, "t"), (Entries{{"k", "v"}}));
  EXPECT_TRUE(comes_true([&] { return value_of(store.stats()).log_flushes > 0; }));
}

TEST_F(StoreLife, WithoutThreadsACommitIsDurableWhenItIsAskedFor) {
  const Store store = open({.durability = Durability::kAsync, .background = false});
  const Committed first = put(store, "t", "k", "1");
  const Committed second = put(store, "t", "k", "2");
  EXPECT_EQ(value_of(store.stats()).log_flushes, 0U);
  value_of(store.wait_durable(first));
  EXPECT_EQ(value_of(store.stats()).log_flushes, 1U);
  value_of(store.wait_durable(second));
  EXPECT_EQ(value_of(store.stats()).log_flushes, 1U);  // With the first one.
  put(store, "t", "k", "3", {.durability = Durability::kSync});
  EXPECT_EQ(value_of(store.stats()).log_flushes, 2U);
  put(store, "t", "k", "4",
      {.durability = Durability::kGroup, .wait = std::chrono::microseconds(10)});
  EXPECT_EQ(value_of(store.stats()).log_flushes, 3U);
  EXPECT_EQ(code_of(store.wait_durable({.txn = TxnId{9}, .ticket = 99})), Code::kInvalidArgument);
}

TEST_F(StoreLife, CheckpointsAreWrittenInTheBackgroundWhenTheyAreDue) {
  const Store store = open({.replay_time_max = std::chrono::nanoseconds(1)});
  put(store, "t", "k", "v");
  EXPECT_TRUE(comes_true([&] { return value_of(store.stats()).checkpointed == TxnId{1}; }));
  put(store, "t", "k", "w");
  EXPECT_TRUE(comes_true([&] { return value_of(store.stats()).checkpointed == TxnId{2}; }));
  EXPECT_EQ(value_of(store.stats()).background_failures, 0U);
}

// A checkpoint in the background reads a snapshot of its own. These take longer than it takes to
// come to them.
TEST_F(StoreLife, ACheckpointInTheBackgroundDoesNotKeepAStoreFromBeingClosed) {
  for (int round = 0; round < 3; ++round) {
    Store store = open({.replay_time_max = std::chrono::nanoseconds(1)});
    {
      WriteTxn txn = value_of(store.begin_write());
      WriteTree tree = value_of(txn.open_or_create_tree("t"));
      const std::string value(100'000, static_cast<char>('a' + round));
      for (int i = 0; i < 300; ++i) value_of(tree.put(std::to_string(i), value));
      value_of(txn.commit());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
    value_of(store.close());
  }
}

TEST_F(StoreLife, WithoutThreadsCheckpointsAreTheProgramsAffair) {
  Store store = open({.background = false, .replay_time_max = std::chrono::nanoseconds(1)});
  EXPECT_FALSE(value_of(store.checkpoint_due()));
  put(store, "t", "k", "v");
  EXPECT_TRUE(value_of(store.checkpoint_due()));
  EXPECT_GT(value_of(store.stats()).replay_estimate.count(), 0);
  value_of(store.checkpoint());
  EXPECT_FALSE(value_of(store.checkpoint_due()));
  EXPECT_EQ(value_of(store.stats()).checkpointed, TxnId{1});
  EXPECT_EQ(value_of(store.stats()).replay_estimate.count(), 0);
  value_of(store.close());
}

TEST_F(StoreLife, StatsTellWhatHasHappened) {
  const Store store = open({.background = false});
  put(store, "t", "k", "v");
  const Snapshot old = value_of(store.snapshot());
  put(store, "t", "k", std::string(50'000, 'v'));
  const Snapshot young = value_of(store.snapshot());
  {
    WriteTxn txn = value_of(store.begin_write());
    value_of(txn.create_tree("u"));
  }
  value_of(store.checkpoint());
  const StoreStats stats = value_of(store.stats());
  EXPECT_EQ(stats.published, TxnId{2});
  EXPECT_EQ(stats.commits, 2U);
  EXPECT_EQ(stats.rolled_back, 1U);
  EXPECT_EQ(stats.commit.count, 2U);
  EXPECT_GT(stats.commit.p50.count(), 0);
  EXPECT_GE(stats.commit.max, stats.commit.p50);
  EXPECT_EQ(stats.log_flushes, 2U);
  EXPECT_EQ(stats.flush.count, 2U);
  EXPECT_GE(stats.log_bytes_written, 50'000U);
  EXPECT_EQ(stats.checkpointed, TxnId{2});
  EXPECT_EQ(stats.checkpoints, 1U);
  EXPECT_EQ(stats.checkpoint.count, 1U);
  EXPECT_EQ(stats.snapshots, 2U);
  EXPECT_EQ(stats.oldest_snapshot, TxnId{1});
  EXPECT_EQ(stats.page_size, 16384U);
  EXPECT_GE(stats.pages_written, 4U);
}

}  // namespace
}  // namespace caisson

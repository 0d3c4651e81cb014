// Method: stores used at random are copied as they are behind many commits, into stores of other
// page sizes; what a copy holds is compared by its hash, which the store's own snapshot had. Then
// copies that go on as stores do, through kills and the loss of a meta; copies that are stopped,
// cut off, or fail at every call; and what is written wrong, which has to be noticed.

#include "mvcc/copy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/testing/effort.h"
#include "base/testing/replay.h"
#include "mvcc/state_hash.h"
#include "mvcc/testing/harness.h"
#include "mvcc/testing/long_history.h"

namespace caisson::mvcc {
namespace {

using caisson::testing::long_run;
using caisson::testing::Replay;
using caisson::testing::stride;
using io::sim::FaultKind;
using io::sim::Machine;
using testing::bytes_of;
using testing::EngineStore;
using testing::is_there;
using testing::LongHistory;
using testing::put;
using testing::StoreOptions;
using testing::tree_in;
using testing::value_of;

constexpr const char* kCopy = "/copy";

EngineOptions copy_engine() {
  StoreOptions options;
  options.frames = 4096;
  return options.engine_options();
}

FreshStore fresh_store(const Snapshot& snapshot) {
  return {.path = kCopy, .create = snapshot.shape(), .engine = copy_engine()};
}

Result<StateSummary> copy(EngineStore& store, const CopyOptions& options = {}) {
  CAISSON_ASSIGN_OR_RETURN(const Snapshot snapshot, store.engine().snapshot());
  return copy_store(store.machine().vfs(), snapshot, fresh_store(snapshot), {}, options);
}

Hash128 hash_of(Engine& engine) { return value_of(state_hash(value_of(engine.snapshot()))); }

std::unique_ptr<Engine> open_copy(Machine& machine, const std::string& path = kCopy) {
  return value_of(Engine::open(machine.vfs(), path, copy_engine()));
}

TEST(Copy, HoldsWhatTheStoreHeldBehindItsCommit) {  // COPY-1, COPY-2
  constexpr std::uint32_t kPageSizes[] = {4096, 8192, 16384, 65536};
  std::uint64_t cases = 0;
  int long_values = 0;
  int drops = 0;
  for (const std::uint64_t seed :
       Replay::from_environment({"seed"}).seeds("seed", 1, long_run() ? 100 : 9 / stride(3))) {
    StoreOptions options;
    options.page_size = kPageSizes[seed % 3];
    LongHistory history(options, seed);
    for (int round = 0; round < 4; ++round) {
      history.run(15);
      EngineStore& store = history.store();
      const Snapshot snapshot = value_of(store.engine().snapshot());
      FreshStore fresh = fresh_store(snapshot);
      fresh.path = std::string(kCopy) + std::to_string(round);
      fresh.create.page_size = kPageSizes[std::max<std::uint64_t>(seed % 3, seed % 4)];
      const StateSummary done = value_of(copy_store(store.machine().vfs(), snapshot, fresh));
      const Hash128 expected = history.hashes()[to_u64(snapshot.txn())];
      ASSERT_EQ(done.hash, expected) << seed << " " << round;
      const auto engine = open_copy(store.machine(), fresh.path);
      ASSERT_TRUE(engine->recovery().was_closed);
      ASSERT_NE(engine->uuid(), store.engine().uuid());
      const Snapshot copied = value_of(engine->snapshot());
      ASSERT_EQ(copied.txn(), snapshot.txn());
      ASSERT_EQ(copied.state().log.hash, snapshot.state().log.hash);
      ASSERT_EQ(value_of(state_hash(copied)), expected);
      ++cases;
    }
    long_values += history.counts().long_values;
    drops += history.counts().drops;
  }
  EXPECT_GT(long_values, 10);
  EXPECT_GT(drops, 3);  // So that numbers of trees are left out.
  std::cout << "cases=" << cases << " failures=0\n";
}

TEST(Copy, OfAnEmptyStoreIsAnEmptyStore) {
  EngineStore store;
  const StateSummary done = value_of(copy(store));
  EXPECT_EQ(done.size.trees, 0U);
  const auto engine = open_copy(store.machine());
  EXPECT_EQ(value_of(engine->snapshot()).txn(), TxnId{});
  EXPECT_EQ(value_of(put(*engine, "t", "a", "1")).txn, TxnId{1});
}

// A store of many pages that nobody needs.
void make_sparse(EngineStore& store) {
  for (int i = 0; i < 40; ++i) {
    value_of(put(store.engine(), "t", std::to_string(i), std::string(3000, 'v')));
    value_of(store.engine().checkpoint());
  }
  WriteTxn txn = value_of(store.engine().begin_write());
  value_of(txn.erase_range(tree_in(txn, "t"), {bytes_of("1"), std::nullopt}));
  value_of(txn.commit());
}

TEST(Copy, IsAsSmallAsCanBe) {
  EngineStore store;
  make_sparse(store);
  value_of(store.engine().checkpoint());
  const std::uint64_t first = to_u64(pager::first_page(4096));
  EXPECT_GT(store.engine().stats().pages.page_count, first + 40);
  value_of(copy(store));
  const pager::PagerStats after = open_copy(store.machine())->stats().pages;
  // A leaf and a value; the catalog, and the list of unused pages for each of both metas.
  EXPECT_LE(after.page_count, first + 5);
}

// Commits go on behind the state's number; the log begins there, and each state is retained.
TEST(Copy, GoesOnAsAnyStore) {  // COPY-1
  EngineStore store;
  for (int i = 0; i < 5; ++i) value_of(put(store.engine(), "t", std::to_string(i), "v"));
  value_of(copy(store));
  Machine& machine = store.machine();
  {
    const auto engine = open_copy(machine);
    EXPECT_EQ(value_of(put(*engine, "t", "more", "1")).txn, TxnId{6});
  }
  machine.kill();
  {
    const auto engine = open_copy(machine);
    EXPECT_EQ(engine->recovery().checkpoint, TxnId{5});
    EXPECT_EQ(engine->recovery().recovered, TxnId{6});
    EXPECT_EQ(value_of(value_of(engine->snapshot()).tree(bytes_of("t"))).count(), 6U);
    EXPECT_EQ(value_of(value_of(engine->snapshot_as_of(TxnId{5})).tree(bytes_of("t"))).count(), 5U);
    value_of(engine->close());
  }
}

TEST(Copy, LosesNothingWithEitherMeta) {  // COPY-1
  for (const std::uint64_t offset : {0U, 65536U}) {
    EngineStore store;
    for (int i = 0; i < 5; ++i) value_of(put(store.engine(), "t", std::to_string(i), "v"));
    value_of(copy(store));
    value_of(put(*open_copy(store.machine()), "t", "more", "1"));
    store.machine().kill();
    store.machine().image("/copy/pages")->overwrite(offset + 40, std::vector<std::byte>(8));
    const auto engine = open_copy(store.machine());
    EXPECT_EQ(value_of(value_of(engine->snapshot()).tree(bytes_of("t"))).count(), 6U) << offset;
  }
}

// Others may write and checkpoint while a copy is made, and its snapshot stays what it is.
TEST(Copy, MayBeManyTimesAsLargeAsItsMemory) {
  EngineStore store;
  for (int i = 0; i < 60; ++i) {
    value_of(put(store.engine(), "t", std::to_string(i), std::string(30'000, 'v')));
  }
  StoreOptions small;
  small.frames = 64;
  const Snapshot snapshot = value_of(store.engine().snapshot());
  const FreshStore fresh{
      .path = kCopy, .create = snapshot.shape(), .engine = small.engine_options()};
  const StateSummary copied = value_of(copy_store(store.machine().vfs(), snapshot, fresh));
  ASSERT_GT(open_copy(store.machine())->stats().pages.page_count, 5 * small.frames);
  EXPECT_EQ(copied.hash, hash_of(store.engine()));
}

TEST(Copy, IsMadeBesideAWriter) {
  EngineStore store;
  for (int i = 0; i < 300; ++i) {
    value_of(put(store.engine(), "t", std::to_string(i), std::string(8000, 'v')));
  }
  const Hash128 expected = hash_of(store.engine());
  int calls = 0;
  const auto disturb = [&](const StateSize&) {
    ++calls;
    WriteTxn txn = value_of(store.engine().begin_write());
    value_of(txn.erase_range(tree_in(txn, "t"), {}));
    value_of(txn.put(tree_in(txn, "t"), bytes_of("new"), bytes_of(std::string(5000, 'w'))));
    value_of(txn.commit());
    value_of(store.engine().checkpoint());
  };
  const StateSummary done = value_of(copy(store, {.progress = disturb}));
  EXPECT_GE(calls, 2);
  EXPECT_EQ(done.hash, expected);
  EXPECT_EQ(hash_of(*open_copy(store.machine())), expected);
}

TEST(Copy, StopsWhenItIsAskedTo) {
  EngineStore store;
  value_of(put(store.engine(), "t", "a", std::string(3U << 20U, 'v')));
  std::stop_source stop;
  const auto stopped = copy(store, {.progress = [&](const StateSize&) { stop.request_stop(); },
                                    .stop = stop.get_token()});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), Code::kStopped);
  EXPECT_FALSE(is_there(store.machine(), "copy"));
  value_of(copy(store));
}

// --- What is written wrong -----------------------------------------------------------------------

TEST(Copy, IsNotBelievedWhereItHoldsSomethingElse) {  // COPY-2
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  const StateSummary done = value_of(copy(store));
  io::Vfs& vfs = store.machine().vfs();
  value_of(prove_store(vfs, kCopy, copy_engine(), done));
  StateSummary other = done;
  ++other.hash.low;
  EXPECT_EQ(prove_store(vfs, kCopy, copy_engine(), other).error().rule(), "COPY-2");
  other = done;
  other.txn = TxnId{2};
  EXPECT_EQ(prove_store(vfs, kCopy, copy_engine(), other).error().rule(), "COPY-2");
}

// A page that no key leads to is read as well.
TEST(Copy, IsNotBelievedWhereAnyPageIsDamaged) {  // COPY-2
  EngineStore store;
  for (int i = 0; i < 30; ++i) {
    value_of(put(store.engine(), "t", std::to_string(i), std::string(3000, 'v')));
  }
  const StateSummary done = value_of(copy(store));
  const auto pages = open_copy(store.machine())->stats().pages.page_count;
  store.machine().kill();
  std::uint64_t noticed = 0;
  const std::uint64_t first = to_u64(pager::first_page(4096));
  for (std::uint64_t page = first; page < pages; ++page) {
    EngineStore damaged = store.copy(page);
    damaged.machine()
        .image("/copy/pages")
        ->overwrite(page * 4096 + 100, std::vector<std::byte>(8, std::byte{0xA5}));
    noticed += prove_store(damaged.machine().vfs(), kCopy, copy_engine(), done) ? 0U : 1U;
  }
  const std::uint64_t free_pages = open_copy(store.machine())->stats().pages.free_pages;
  EXPECT_EQ(noticed, pages - first - free_pages);
}

// --- Cut off and failing -------------------------------------------------------------------------

EngineStore some_store() {
  EngineStore store;
  for (int i = 0; i < 40; ++i) {
    value_of(put(store.engine(), i % 2 == 0 ? "t" : "u", std::to_string(i), std::string(900, 'v')));
  }
  value_of(put(store.engine(), "t", "long", std::string(30'000, 'v')));
  return store;
}

std::uint64_t calls_of_copy() {
  EngineStore store = some_store();
  const std::uint64_t first = store.machine().calls();
  value_of(copy(store));
  return store.machine().calls() - first;
}

TEST(Copy, ThatIsCutOffAnywhereLeavesAllOfItOrNoneOfThatName) {  // REBUILD-2
  const Replay replay = Replay::from_environment({"call", "kind"});
  const std::uint64_t calls = calls_of_copy();
  const Hash128 expected = [] {
    EngineStore store = some_store();
    return hash_of(store.engine());
  }();
  std::uint64_t there = 0;
  for (const std::uint64_t call : replay.range("call", 0, calls + 1, stride(5))) {
    for (const std::uint64_t kind : replay.range("kind", 0, 2)) {
      const std::string command = replay.command({call, kind});
      EngineStore store = some_store();
      Machine& machine = store.machine();
      machine.inject({machine.calls() + call, kind == 0 ? FaultKind::kPowerCut : FaultKind::kKill});
      const bool done = copy(store).has_value();
      machine.clear_faults();
      store.abandon();
      if (kind == 0) {
        machine.cut_power(io::sim::CrashMode::kTorn);
      } else {
        machine.kill();
      }
      // The source is whole, and what has its name is, too.
      value_of(store.open());
      ASSERT_EQ(hash_of(store.engine()), expected) << command;
      if (!is_there(machine, "copy")) {
        ASSERT_FALSE(done) << command;
        {
          const auto left = Engine::open(machine.vfs(), "/copy.unfinished", copy_engine());
          ASSERT_TRUE(left || left.error().code() == Code::kNotFound) << command;
          if (left) {
            ASSERT_EQ(hash_of(**left), expected) << command;  // It only lacks its name.
          }
        }
        value_of(copy(store));
      } else {
        ++there;
      }
      ASSERT_EQ(hash_of(*open_copy(machine)), expected) << command;
    }
  }
  if (replay.everything()) {
    EXPECT_GE(there, 2U);
  }
}

// What an attempt has left may be whole, and lack only its name: whoever takes it over makes it
// unfinished first.
TEST(Copy, ThatIsCutOffTwiceLeavesNothingHalfMadeThatOpens) {  // REBUILD-2
  const Replay replay = Replay::from_environment({"call"});
  const std::uint64_t calls = calls_of_copy();
  const Hash128 expected = [] {
    EngineStore store = some_store();
    return hash_of(store.engine());
  }();
  const auto opened = [](Machine& machine) {
    return Engine::open(machine.vfs(), "/copy.unfinished", copy_engine());
  };
  // The last call behind which there is a whole store without its name.
  std::unique_ptr<EngineStore> left;
  for (std::uint64_t cut = calls; left == nullptr; --cut) {
    ASSERT_GT(cut, 0U);
    auto store = std::make_unique<EngineStore>(some_store());
    store->machine().inject({store->machine().calls() + cut - 1, FaultKind::kKill});
    (void)copy(*store);
    store->machine().clear_faults();
    store->abandon();
    store->machine().kill();
    if (opened(store->machine()).has_value()) left = std::move(store);
  }
  std::uint64_t cases = 0;
  for (const std::uint64_t call : replay.range("call", 0, calls, stride(5))) {
    EngineStore store = left->copy(call + 1);
    value_of(store.open());
    store.machine().inject({store.machine().calls() + call, FaultKind::kPowerCut});
    (void)copy(store);
    store.machine().clear_faults();
    store.abandon();
    store.machine().cut_power(io::sim::CrashMode::kTorn);
    if (is_there(store.machine(), "copy")) continue;
    const auto engine = opened(store.machine());
    ASSERT_TRUE(engine || engine.error().code() == Code::kNotFound) << replay.command({call});
    if (engine) {
      ASSERT_EQ(hash_of(**engine), expected) << replay.command({call});
    }
    ++cases;
  }
  std::cout << "cases=" << cases << " failures=0\n";
}

TEST(Copy, ThatFailsAnywhereLeavesNothingInItsWay) {  // REBUILD-2
  const Replay replay = Replay::from_environment({"call", "kind"});
  const std::uint64_t calls = calls_of_copy();
  std::uint64_t failed = 0;
  for (const std::uint64_t call : replay.range("call", 0, calls, stride(5))) {
    for (const std::uint64_t kind : replay.range("kind", 0, 2)) {
      const std::string command = replay.command({call, kind});
      EngineStore store = some_store();
      Machine& machine = store.machine();
      machine.inject(
          {machine.calls() + call, kind == 0 ? FaultKind::kIoError : FaultKind::kNoSpace});
      const auto done = copy(store);
      machine.clear_faults();
      if (!done) {
        ++failed;
        if (!is_there(machine, "copy")) value_of(copy(store));
      }
      ASSERT_EQ(hash_of(*open_copy(machine)), hash_of(store.engine())) << command;
    }
  }
  if (replay.everything()) {
    EXPECT_GT(failed, 50U / stride(5));
  }
}

}  // namespace
}  // namespace caisson::mvcc

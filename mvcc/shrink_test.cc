// Method: stores that have grown and been emptied give back the end of their page file, with
// snapshots, retained states and readers in other processes in the way; and in crashes and failures
// at every call, behind which the store holds what it held, and goes on.

#include <gtest/gtest.h>

#include <string>

#include "base/testing/effort.h"
#include "base/testing/replay.h"
#include "mvcc/engine.h"
#include "mvcc/state_hash.h"
#include "mvcc/testing/harness.h"

namespace caisson::mvcc {
namespace {

using caisson::testing::Replay;
using io::sim::FaultKind;
using io::sim::Machine;
using testing::bytes_of;
using testing::EngineStore;
using testing::put;
using testing::StoreOptions;
using testing::tree_in;
using testing::value_of;

std::uint64_t file_size(EngineStore& store) {
  return store.machine().image("/store/pages")->cached().size();
}

void fill(EngineStore& store, int keys) {
  for (int i = 0; i < keys; ++i) {
    value_of(put(store.engine(), "t", std::to_string(i), std::string(3000, 'v')));
  }
}

// Leaves one key; what comes later moves what describes it to the pages that are free then.
void empty(EngineStore& store) {
  WriteTxn txn = value_of(store.engine().begin_write());
  value_of(txn.erase_range(tree_in(txn, "t"), {bytes_of("1"), std::nullopt}));
  value_of(txn.commit());
  for (int i = 0; i < 3; ++i) {
    value_of(store.engine().checkpoint());
    value_of(put(store.engine(), "t", "0", std::to_string(i)));
  }
}

Hash128 hash_of(EngineStore& store) {
  return value_of(state_hash(value_of(store.engine().snapshot())));
}

TEST(Shrink, GivesTheEndOfTheFileBack) {  // CKPT-10
  EngineStore store;
  fill(store, 200);
  value_of(store.engine().checkpoint());
  const std::uint64_t full = file_size(store);
  empty(store);
  const Hash128 before = hash_of(store);
  const std::uint64_t given_back = value_of(store.engine().shrink());
  EXPECT_EQ(file_size(store), full - given_back);
  EXPECT_LT(file_size(store), full / 2);
  EXPECT_EQ(hash_of(store), before);
  // It goes on, grows again, and loses nothing with a meta.
  fill(store, 200);
  value_of(store.engine().checkpoint());
  store.kill();
  value_of(store.open());
  EXPECT_EQ(value_of(value_of(store.engine().snapshot()).tree(bytes_of("t"))).count(), 200U);
}

TEST(Shrink, OfAStoreWithoutUnusedSpaceTakesNothingAway) {
  EngineStore store;
  fill(store, 50);
  value_of(store.engine().shrink());
  const std::uint64_t size = file_size(store);
  EXPECT_EQ(value_of(store.engine().shrink()), 0U);
  EXPECT_EQ(file_size(store), size);
}

TEST(Shrink, LeavesWhatASnapshotReads) {
  EngineStore store;
  fill(store, 200);
  value_of(store.engine().checkpoint());
  const Snapshot snapshot = value_of(store.engine().snapshot());
  const Hash128 before = value_of(state_hash(snapshot));
  empty(store);
  value_of(store.engine().shrink());
  EXPECT_EQ(value_of(state_hash(snapshot)), before);
}

TEST(Shrink, LeavesWhatIsRetained) {  // RETAIN-1, RETAIN-2
  EngineStore store;
  fill(store, 200);
  value_of(store.engine().retain("full"));
  const Hash128 before = hash_of(store);
  empty(store);
  value_of(store.engine().shrink());
  value_of(store.close());
  value_of(store.open());
  EXPECT_EQ(value_of(state_hash(value_of(store.engine().snapshot_named("full")))), before);
  const std::uint64_t full = file_size(store);
  value_of(store.engine().release("full"));
  empty(store);
  value_of(store.engine().shrink());
  EXPECT_LT(file_size(store), full / 2);
}

TEST(Shrink, LeavesWhatAnotherProcessReads) {  // VIEW-2
  EngineStore store;
  fill(store, 200);
  value_of(store.engine().checkpoint());
  const auto reader = value_of(testing::follow(store));
  const Hash128 before = hash_of(store);
  {
    const Snapshot snapshot = value_of(reader->snapshot());
    empty(store);
    value_of(store.engine().shrink());
    fill(store, 20);
    value_of(store.engine().shrink());
    EXPECT_EQ(value_of(state_hash(snapshot)), before);
  }
  EXPECT_EQ(value_of(state_hash(value_of(reader->snapshot()))), hash_of(store));
}

// A reader that opens the store at any moment of it.
TEST(Shrink, IsSeenByNoReaderThatComesMeanwhile) {  // VIEW-4
  EngineStore store;
  fill(store, 100);
  value_of(store.engine().checkpoint());
  empty(store);
  const Hash128 expected = hash_of(store);
  std::uint64_t readers = 0;
  for (std::uint64_t call = 0;; ++call) {
    EngineStore twin = store.copy(call + 1);
    value_of(twin.open());
    Machine& machine = twin.machine();
    bool came = false;
    bool over = false;
    machine.interleave(machine.calls() + call, [&] {
      if (over) return;
      came = true;
      const auto reader = value_of(testing::follow(twin));
      EXPECT_EQ(value_of(state_hash(value_of(reader->snapshot()))), expected) << call;
    });
    value_of(twin.engine().shrink());
    over = true;
    if (!came) break;
    ++readers;
  }
  EXPECT_GT(readers, 20U);
}

EngineStore sparse_store() {
  StoreOptions options;
  options.retention = {.checkpoints = 0};
  EngineStore store(options);
  fill(store, 60);
  value_of(store.engine().checkpoint());
  empty(store);
  fill(store, 3);
  value_of(store.close());
  return store;
}

TEST(Shrink, CutOffAnywhereLosesNothing) {  // CKPT-10
  const Replay replay = Replay::from_environment({"call", "kind", "meta"});
  EngineStore store = sparse_store();
  Hash128 expected;
  const std::uint64_t calls = [&] {
    EngineStore twin = store.copy(1);
    value_of(twin.open());
    expected = hash_of(twin);
    const std::uint64_t first = twin.machine().calls();
    value_of(twin.engine().shrink());
    return twin.machine().calls() - first;
  }();
  std::uint64_t cases = 0;
  for (const std::uint64_t call : replay.range("call", 0, calls + 1)) {
    for (const std::uint64_t kind : replay.range("kind", 0, 3)) {
      // With one meta or the other gone behind it, or none; but none where one may be torn.
      for (const std::uint64_t meta : replay.range("meta", 0, kind == 0 ? 1 : 3)) {
        const std::string command = replay.command({call, kind, meta});
        EngineStore twin = store.copy(call + 1);
        value_of(twin.open());
        Machine& machine = twin.machine();
        machine.inject(
            {machine.calls() + call, kind == 2 ? FaultKind::kKill : FaultKind::kPowerCut});
        (void)twin.engine().shrink();
        machine.clear_faults();
        twin.abandon();
        if (kind == 2) {
          machine.kill();
        } else {
          machine.cut_power(kind == 0 ? io::sim::CrashMode::kTorn : io::sim::CrashMode::kNothing);
        }
        if (meta > 0) {
          machine.image("/store/pages")
              ->overwrite((meta - 1) * 65536 + 40, std::vector<std::byte>(8));
        }
        const auto opened = twin.open();
        ASSERT_TRUE(opened) << command << " " << opened.error().to_string();
        ASSERT_EQ(hash_of(twin), expected) << command;
        value_of(twin.engine().shrink());
        fill(twin, 30);
        value_of(twin.close());
        ++cases;
      }
    }
  }
  std::cout << "cases=" << cases << " failures=0\n";
}

TEST(Shrink, FailingAnywhereLosesNothing) {  // CKPT-10
  const Replay replay = Replay::from_environment({"call"});
  EngineStore store = sparse_store();
  std::uint64_t failed = 0;
  for (const std::uint64_t call : replay.range("call", 0, 200)) {
    EngineStore twin = store.copy(call + 1);
    value_of(twin.open());
    const Hash128 expected = hash_of(twin);
    Machine& machine = twin.machine();
    machine.inject({machine.calls() + call, FaultKind::kIoError});
    failed += twin.engine().shrink() ? 0U : 1U;
    machine.clear_faults();
    ASSERT_EQ(hash_of(twin), expected) << replay.command({call});
    twin.kill();
    value_of(twin.open());
    ASSERT_EQ(hash_of(twin), expected) << replay.command({call});
    value_of(twin.engine().shrink());
  }
  EXPECT_GT(failed, 5U);
}

}  // namespace
}  // namespace caisson::mvcc

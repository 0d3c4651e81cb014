// Method: stores used at random, whose logs were never retired. What is made anew out of such a log
// has to have the hash that the store's own snapshot had behind the same commit, in memory and as a
// store with pages of another size; and what the crash workload knows by value. Then logs that lack
// something, and rebuilds that are cut off or fail at every call.

#include "mvcc/rebuild.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/testing/effort.h"
#include "base/testing/replay.h"
#include "io/testing/posix_directory.h"
#include "mvcc/state_hash.h"
#include "mvcc/testing/crash_workload.h"
#include "mvcc/testing/long_history.h"

namespace caisson::mvcc {
namespace {

using caisson::testing::long_run;
using caisson::testing::Replay;
using caisson::testing::stride;
using io::sim::FaultKind;
using io::sim::Machine;
using testing::EngineStore;
using testing::History;
using testing::is_there;
using testing::kStorePath;
using testing::LongHistory;
using testing::Model;
using testing::put;
using testing::StoreOptions;
using testing::value_of;

constexpr const char* kFresh = "/fresh";

EngineOptions small_engine(const StoreOptions& options = {}) {
  return {.access = options.access,
          .memory_budget_bytes = std::uint64_t{256} * 65536,
          .address_space_bytes = std::uint64_t{1} << 28U,
          .log = options.log};
}

FreshStore fresh_store(std::uint32_t page_size, const StoreOptions& options = {}) {
  return {.path = kFresh, .create = {.page_size = page_size}, .engine = small_engine(options)};
}

Hash128 hash_of(Machine& machine, const std::string& path, TxnId txn) {
  const auto engine = value_of(Engine::open(machine.vfs(), path, small_engine()));
  EXPECT_TRUE(engine->recovery().was_closed);
  const Snapshot snapshot = value_of(engine->snapshot());
  EXPECT_EQ(snapshot.txn(), txn);
  return value_of(state_hash(snapshot));
}

std::unique_ptr<log::LogDirectory> log_of(Machine& machine) {
  const auto directory = value_of(machine.vfs().open_directory(kStorePath));
  return value_of(open_log(value_of(directory->open_directory("log"))));
}

// --- Against what the store itself showed --------------------------------------------------------

StoreOptions options_of(std::uint64_t seed) {
  constexpr std::uint32_t kPageSizes[] = {4096, 8192, 16384};
  StoreOptions options;
  options.page_size = kPageSizes[seed % 3];
  options.access = seed % 2 == 0 ? pager::PageAccess::kPrivate : pager::PageAccess::kMapped;
  return options;
}

TEST(Rebuild, LeadsToTheStateBehindAnyCommit) {  // APPLY-2, REBUILD-1
  const Replay replay = Replay::from_environment({"seed", "txn"});
  LongHistory::Counts all;
  std::uint64_t cases = 0;
  for (const std::uint64_t seed : replay.seeds("seed", 1, long_run() ? 200 : 12 / stride(3))) {
    LongHistory history(options_of(seed), seed);
    history.run(60);
    const auto log = history.log();
    ASSERT_GT(value_of(log->files()).size(), 1U) << seed;
    const std::uint64_t last = history.hashes().size() - 1;
    for (const std::uint64_t txn : replay.range("txn", 0, last + 1, 5, last % 5)) {
      const auto rebuilt = value_of(rebuild_in_memory(*log, {.upto = TxnId{txn}}));
      ASSERT_EQ(rebuilt.done.txn, TxnId{txn}) << replay.command({seed, txn});
      ASSERT_EQ(rebuilt.state.hash(), history.hashes()[txn]) << replay.command({seed, txn});
      ++cases;
      if (txn % 4 != last % 4) continue;
      Machine& machine = history.store().machine();
      FreshStore fresh = fresh_store(seed % 2 == 0 ? 4096 : 65536, history.store().options());
      fresh.path = "/fresh" + std::to_string(txn);
      const Rebuilt done =
          value_of(rebuild_store(*log, machine.vfs(), fresh, {.upto = TxnId{txn}}));
      ASSERT_EQ(done.txn, TxnId{txn});
      ASSERT_EQ(done.operations, rebuilt.done.operations);
      ASSERT_EQ(hash_of(machine, fresh.path, TxnId{txn}), history.hashes()[txn])
          << replay.command({seed, txn});
    }
    // Without a number it is all that there is.
    const auto whole = value_of(rebuild_in_memory(*log));
    ASSERT_EQ(whole.done.txn, TxnId{last});
    ASSERT_EQ(whole.state.hash(), history.hashes()[last]) << seed;
    const auto& counts = history.counts();
    all.long_values += counts.long_values;
    all.given_up += counts.given_up;
    all.drops += counts.drops;
    all.ranges += counts.ranges;
    all.rolled_back_savepoints += counts.rolled_back_savepoints;
    all.spilled += counts.spilled;
    all.restarts += counts.restarts;
  }
  std::cout << "cases=" << cases << " failures=0\n";
  if (!replay.everything()) return;
  for (const int count : {all.long_values, all.given_up, all.drops, all.ranges,
                          all.rolled_back_savepoints, all.spilled, all.restarts}) {
    EXPECT_GT(count, 5);
  }
}

// What the states hold by value; and with what checkpoints and closings leave in a log: one file is
// enough for all of it, so nothing is retired.
TEST(Rebuild, LeadsToWhatTheCrashWorkloadKnows) {  // APPLY-2
  const Replay replay = Replay::from_environment({"seed"});
  for (const std::uint64_t seed : replay.seeds("seed", 1, long_run() ? 100 : 8 / stride(4))) {
    StoreOptions options;
    options.log.file_size_min = options.log.file_size_max = std::uint64_t{8} << 20U;
    EngineStore store(options, seed);
    History history;
    Random random(seed);
    for (int life = 0; life < 4; ++life) {
      store.kill();
      ASSERT_EQ(testing::live(store, history, random, 25), "") << replay.command({seed});
    }
    store.kill();
    ASSERT_EQ(testing::judge(store, history), "") << replay.command({seed});
    const auto log = log_of(store.machine());
    for (std::size_t txn = 0; txn < history.states.size(); txn += 3) {
      const auto rebuilt = value_of(rebuild_in_memory(*log, {.upto = TxnId{txn}}));
      Model model;
      for (const auto& [id, tree] : rebuilt.state.trees()) {
        model[tree.name] = {tree.entries.begin(), tree.entries.end()};
      }
      ASSERT_EQ(model, history.states[txn]) << replay.command({seed}) << " commit " << txn;
    }
  }
}

TEST(Rebuild, ReportsEachCommitAndWhatWasDone) {
  EngineStore store;
  for (int i = 0; i < 10; ++i) value_of(put(store.engine(), "t", std::to_string(i), "value"));
  const auto log = log_of(store.machine());
  std::vector<std::uint64_t> txns;
  std::uint64_t bytes = 0;
  const auto progress = [&](TxnId txn, std::uint64_t so_far) {
    txns.push_back(to_u64(txn));
    EXPECT_GT(so_far, bytes);
    bytes = so_far;
  };
  const auto rebuilt = value_of(rebuild_in_memory(*log, {.upto = TxnId{7}, .progress = progress}));
  EXPECT_EQ(txns, (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(rebuilt.done.operations, 8U);  // A tree, and its rows.
  EXPECT_EQ(rebuilt.done.bytes, bytes);
  txns.clear();
  bytes = 0;
  const Rebuilt done = value_of(rebuild_store(*log, store.machine().vfs(), fresh_store(4096),
                                              {.upto = TxnId{7}, .progress = progress}));
  EXPECT_EQ(txns.size(), 7U);
  EXPECT_EQ(done.bytes, rebuilt.done.bytes);
}

TEST(Rebuild, OfAStoreGoesOnWhereTheLogEnds) {  // REBUILD-1
  EngineStore store;
  for (int i = 0; i < 10; ++i) value_of(put(store.engine(), "t", std::to_string(i), "value"));
  Machine& machine = store.machine();
  value_of(rebuild_store(*log_of(machine), machine.vfs(), fresh_store(4096)));
  const auto engine = value_of(Engine::open(machine.vfs(), kFresh, small_engine()));
  EXPECT_EQ(value_of(put(*engine, "t", "next", "value")).txn, TxnId{11});
  value_of(put(store.engine(), "t", "next", "value"));
  EXPECT_EQ(value_of(state_hash(value_of(engine->snapshot()))),
            value_of(state_hash(value_of(store.engine().snapshot()))));
}

// A transaction that does nothing isn't written (COMMIT-4); but a log may have been written by
// somebody who did.
TEST(Rebuild, GivesCommitsThatChangeNothingTheirNumbers) {  // REBUILD-1
  EngineStore store;
  log::LogWriter& writer = store.engine().log();
  for (std::uint64_t txn = 1; txn <= 3; ++txn) {
    const auto record = value_of(writer.append(log::RecordType::kCommit, TxnId{txn}, 0, {}));
    value_of(writer.flush(record.ticket));
  }
  Machine& machine = store.machine();
  value_of(rebuild_store(*log_of(machine), machine.vfs(), fresh_store(4096)));
  EXPECT_EQ(hash_of(machine, kFresh, TxnId{3}), MemoryState().hash());
}

TEST(Rebuild, UpToNoCommitIsAnEmptyState) {
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  const auto log = log_of(store.machine());
  EXPECT_EQ(value_of(rebuild_in_memory(*log, {.upto = TxnId{0}})).state.hash(),
            MemoryState().hash());
}

class RealRebuild : public io::testing::Posix {};

TEST_F(RealRebuild, MakesAStoreOnTheDisk) {
  io::Vfs& vfs = io::posix_vfs();
  const std::string path = at("store").string();
  value_of(Engine::create(vfs, path, {.page_size = 4096}, StoreOptions().log));
  const auto engine = value_of(Engine::open(vfs, path, small_engine()));
  for (int i = 0; i < 50; ++i) {
    value_of(put(*engine, "t", std::to_string(i), std::string(4000, 'v'), Durability::kAsync));
  }
  const Hash128 hash = value_of(state_hash(value_of(engine->snapshot())));
  value_of(engine->checkpoint());
  const auto folder = value_of(vfs.open_directory(path));
  const auto log = value_of(open_log(value_of(folder->open_directory("log"))));
  FreshStore fresh = fresh_store(16384);
  fresh.path = at("fresh").string() + "/";
  ASSERT_EQ(value_of(rebuild_store(*log, vfs, fresh)).txn, TxnId{50});
  EXPECT_EQ(value_of(directory().list()), (std::vector<std::string>{"fresh", "store"}));
  const auto opened = value_of(Engine::open(vfs, fresh.path, small_engine()));
  EXPECT_EQ(value_of(state_hash(value_of(opened->snapshot()))), hash);
}

// --- What can't be rebuilt -----------------------------------------------------------------------

// What both ways say, and that they leave no store.
template <typename Change>
Error refused(EngineStore& store, const FreshStore& fresh, const RebuildOptions& options,
              Change change) {
  const auto log = log_of(store.machine());
  change();
  const auto memory = rebuild_in_memory(*log, options);
  const auto made = rebuild_store(*log, store.machine().vfs(), fresh, options);
  EXPECT_FALSE(is_there(store.machine(), "fresh"));
  if (made) return Error(Code::kNotFound, "a store was made");
  EXPECT_FALSE(memory && made.error().rule() != "LIMIT-1");
  if (!memory) {
    EXPECT_EQ(memory.error().to_string(), made.error().to_string());
  }
  return made.error();
}

Error refused(EngineStore& store, const RebuildOptions& options = {}) {
  return refused(store, fresh_store(4096), options, [] {});
}

TEST(Rebuild, RefusesALogWhoseBeginningIsGone) {
  EngineStore store;
  for (int i = 0; i < 90; ++i) {
    value_of(put(store.engine(), "t", std::to_string(i), std::string(3000, 'v')));
    if (i % 30 == 29) value_of(store.engine().checkpoint());
  }
  const Error error = refused(store);
  EXPECT_EQ(error.code(), Code::kNotFound);
  EXPECT_EQ(error.file(), log::file_name(1));
  EXPECT_NE(error.advice(), "");
  EXPECT_EQ(refused(store, {.upto = TxnId{90}}).code(), Code::kNotFound);
  EXPECT_FALSE(is_there(store.machine(), "fresh.unfinished"));
}

TEST(Rebuild, RefusesALogThatLacksAFile) {
  EngineStore store;
  for (int i = 0; i < 90; ++i) {
    value_of(put(store.engine(), "t", std::to_string(i), std::string(3000, 'v')));
  }
  const auto unlink = [&](std::uint64_t file) {
    const auto folder = value_of(store.machine().vfs().open_directory(kStorePath));
    value_of(value_of(folder->open_directory("log"))->unlink(log::file_name(file)));
  };
  const Error error = refused(store, fresh_store(4096), {}, [&] { unlink(2); });
  EXPECT_EQ(error.code(), Code::kNotFound);
  EXPECT_EQ(error.file(), log::file_name(2));
}

TEST(Rebuild, RefusesACommitThatTheLogDoesNotReach) {
  EngineStore store;
  for (int i = 0; i < 5; ++i) value_of(put(store.engine(), "t", std::to_string(i), "v"));
  const Error error = refused(store, {.upto = TxnId{6}});
  EXPECT_EQ(error.code(), Code::kNotFound);
  EXPECT_NE(error.message().find("commit 5"), std::string::npos);
}

TEST(Rebuild, SaysWhatRecoveryWouldOfALogThatIsDamaged) {  // RECOVER-3
  EngineStore store;
  for (int i = 0; i < 12; ++i) {
    value_of(put(store.engine(), "t", std::to_string(i), std::string(3000, 'v')));
  }
  const auto path = std::string(kStorePath) + "/log/" + log::file_name(1);
  // Each commit is a batch of a block; the sixth rots.
  store.machine().image(path)->overwrite(6 * 4096 + 200, std::vector<std::byte>(64));
  for (const RebuildOptions& options : {RebuildOptions{}, RebuildOptions{.upto = TxnId{12}}}) {
    const Error error = refused(store, options);
    EXPECT_EQ(error.code(), Code::kCorruption);
    EXPECT_EQ(error.rule(), "RECOVER-3");
    EXPECT_EQ(error.record(), 6U);
  }
  // What lies before it can be had.
  const auto log = log_of(store.machine());
  EXPECT_EQ(value_of(rebuild_in_memory(*log, {.upto = TxnId{5}})).done.txn, TxnId{5});
}

TEST(Rebuild, LeavesNoStoreWhereAnOperationCanNotBeDone) {  // APPLY-1, REBUILD-2
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  std::vector<std::byte> payload(2);
  Encoder out(payload);
  log::encode({.code = log::OperationCode::kDropTree, .tree = 7}, out);
  log::LogWriter& writer = store.engine().log();
  const auto record = value_of(writer.append(log::RecordType::kCommit, TxnId{2}, 0, payload));
  value_of(writer.flush(record.ticket));
  const Error error = refused(store);
  EXPECT_EQ(error.code(), Code::kCorruption);
  EXPECT_EQ(error.rule(), "APPLY-1");
  EXPECT_EQ(error.record(), 2U);
  // What it made goes, and is in nobody's way.
  value_of(rebuild_store(*log_of(store.machine()), store.machine().vfs(), fresh_store(4096),
                         {.upto = TxnId{1}}));
}

TEST(Rebuild, OfAStoreWithLowerLimitsIsNotTheLogsFault) {  // LIMIT-1
  EngineStore store({.page_size = 65536});
  value_of(put(store.engine(), "t", std::string(1000, 'k'), "1"));
  const Error error = refused(store);
  EXPECT_EQ(error.code(), Code::kInvalidArgument);
  EXPECT_EQ(error.rule(), "LIMIT-1");
  FreshStore fresh = fresh_store(16384);
  value_of(rebuild_store(*log_of(store.machine()), store.machine().vfs(), fresh));
}

TEST(Rebuild, InMemoryKeepsWithinWhatItMayUse) {
  EngineStore store;
  for (int i = 0; i < 10; ++i) {
    value_of(put(store.engine(), "t", std::to_string(i), std::string(99, 'v')));
  }
  const auto log = log_of(store.machine());
  EXPECT_TRUE(rebuild_in_memory(*log, {.memory_bytes_max = 1000}));
  const auto refused = rebuild_in_memory(*log, {.memory_bytes_max = 999});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(refused.error().record(), 10U);
}

TEST(Rebuild, DoesNotTouchWhatIsAtItsPath) {  // REBUILD-2
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  io::Vfs& vfs = store.machine().vfs();
  const auto log = log_of(store.machine());
  int commits = 0;
  const auto code = [&](const std::string& path) {
    FreshStore fresh = fresh_store(4096);
    fresh.path = path;
    const auto made =
        rebuild_store(*log, vfs, fresh, {.progress = [&](TxnId, std::uint64_t) { ++commits; }});
    return made ? Code{255} : made.error().code();
  };
  EXPECT_EQ(code(kStorePath), Code::kAlreadyExists);
  EXPECT_EQ(code("/"), Code::kInvalidArgument);
  EXPECT_EQ(code("/none/fresh"), Code::kNotFound);
  EXPECT_EQ(commits, 0);  // It says so at once.
  EXPECT_EQ(code("/fresh//"), Code{255});
  EXPECT_TRUE(is_there(store.machine(), "fresh"));
  EXPECT_FALSE(is_there(store.machine(), "fresh.unfinished"));
}

TEST(Rebuild, DoesNotTouchWhatOthersMakeWhereItIsMade) {  // REBUILD-2
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  io::Vfs& vfs = store.machine().vfs();
  const auto log = log_of(store.machine());
  const auto put_letter = [&](const std::string& path) {
    value_of(vfs.create_directory(path));
    const auto folder = value_of(vfs.open_directory(path));
    value_of(folder->open_file("letter", {.mode = io::OpenMode::kCreate}));
  };
  const auto is_refused = [&](const std::string& path, const RebuildOptions& options) {
    FreshStore fresh = fresh_store(4096);
    fresh.path = path;
    const auto made = rebuild_store(*log, vfs, fresh, options);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code(), Code::kAlreadyExists);
  };
  put_letter("/other.unfinished");
  is_refused("/other", {});
  // At the path itself, while it is being made beside it.
  is_refused("/late", {.progress = [&](TxnId, std::uint64_t) { put_letter("/late"); }});
  for (const char* path : {"/other.unfinished", "/late"}) {
    EXPECT_EQ(value_of(value_of(vfs.open_directory(path))->list()),
              std::vector<std::string>{"letter"});
  }
  // And another store.
  value_of(Engine::create(vfs, "/twice.unfinished", {.page_size = 4096}, store.options().log));
  is_refused("/twice", {});
  EXPECT_TRUE(Engine::open(vfs, "/twice.unfinished", small_engine()));
}

TEST(Rebuild, WaitsForNobodyWhoMakesAStoreThere) {  // REBUILD-2
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  io::Vfs& vfs = store.machine().vfs();
  const auto log = log_of(store.machine());
  FreshStore fresh = fresh_store(4096);
  bool refused = false;
  const auto others = [&](TxnId, std::uint64_t) {
    const auto made = rebuild_store(*log, vfs, fresh);
    refused = !made && made.error().code() == Code::kBusy;
    const auto opened = Engine::open(vfs, fresh.path + ".unfinished", small_engine());
    EXPECT_EQ(opened.error().code(), Code::kNotFound);
  };
  value_of(rebuild_store(*log, vfs, fresh, {.progress = others}));
  EXPECT_TRUE(refused);
  EXPECT_TRUE(Engine::open(vfs, fresh.path, small_engine()));
}

TEST(OpenLog, TakesTheStoreFromTheFirstFile) {  // LOG-1
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  EXPECT_EQ(log_of(store.machine())->uuid(), store.engine().uuid());
  io::Vfs& vfs = store.machine().vfs();
  value_of(vfs.create_directory("/empty"));
  EXPECT_EQ(open_log(value_of(vfs.open_directory("/empty"))).error().code(), Code::kNotFound);
  const auto path = std::string(kStorePath) + "/log/" + log::file_name(1);
  store.machine().image(path)->overwrite(20, std::vector<std::byte>(1, std::byte{0xA5}));
  const auto folder = value_of(vfs.open_directory(kStorePath));
  const auto damaged = open_log(value_of(folder->open_directory("log")));
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().rule(), "LOG-1");
}

// --- Cut off and failing -------------------------------------------------------------------------

constexpr std::uint64_t kCommits = 40;

// A store of some commits, closed; and the hash behind the last one.
EngineStore some_store(Hash128& hash) {
  EngineStore store;
  for (std::uint64_t i = 0; i < kCommits; ++i) {
    value_of(put(store.engine(), "t", std::to_string(i % 30), std::string(i * 150, 'v')));
  }
  hash = value_of(state_hash(value_of(store.engine().snapshot())));
  store.kill();
  return store;
}

Result<Rebuilt> rebuild_fresh(Machine& machine) {
  CAISSON_ASSIGN_OR_RETURN(const auto folder, machine.vfs().open_directory(kStorePath));
  CAISSON_ASSIGN_OR_RETURN(auto logs, folder->open_directory("log"));
  CAISSON_ASSIGN_OR_RETURN(const auto log, open_log(std::move(logs)));
  FreshStore fresh = fresh_store(4096);
  fresh.engine.replay_time_max_ns = 30'000;  // Checkpoints in between.
  return rebuild_store(*log, machine.vfs(), fresh);
}

std::uint64_t calls_of_rebuild(const EngineStore& store) {
  EngineStore copy = store.copy(1);
  const std::uint64_t first = copy.machine().calls();
  value_of(rebuild_fresh(copy.machine()));
  return copy.machine().calls() - first;
}

// Whether there is a page file in the folder where a store is made.
bool is_half_made(Machine& machine) {
  const auto folder = machine.vfs().open_directory("/fresh.unfinished");
  if (!folder) return false;
  return std::ranges::count(value_of((*folder)->list()), pager::kPageFileName) > 0;
}

// Whether it can be opened as a store; if not, because it was never finished.
bool opens(Machine& machine, const std::string& path) {
  const auto engine = Engine::open(machine.vfs(), path, small_engine());
  EXPECT_TRUE(engine || engine.error().code() == Code::kNotFound) << path;
  return engine.has_value();
}

TEST(Rebuild, ThatIsCutOffAnywhereLeavesAllOfAStoreOrNoneOfThatName) {  // REBUILD-2
  const Replay replay = Replay::from_environment({"call", "kind"});
  Hash128 hash;
  EngineStore store = some_store(hash);
  const std::uint64_t calls = calls_of_rebuild(store);
  std::uint64_t half_made = 0;
  for (const std::uint64_t call : replay.range("call", 0, calls + 1, stride(7))) {
    for (const std::uint64_t kind : replay.range("kind", 0, 2)) {
      const std::string command = replay.command({call, kind});
      EngineStore after = store.copy(call + 1);
      Machine& machine = after.machine();
      machine.inject({machine.calls() + call, kind == 0 ? FaultKind::kPowerCut : FaultKind::kKill});
      const bool done = rebuild_fresh(machine).has_value();
      // What comes last takes away what says that it's unfinished, and may fail.
      EXPECT_TRUE(done || call < calls) << command;
      machine.clear_faults();
      if (kind == 0) {
        machine.cut_power(io::sim::CrashMode::kTorn);
      } else {
        machine.kill();
      }
      if (is_there(machine, "fresh")) {
        ASSERT_EQ(hash_of(machine, kFresh, TxnId{kCommits}), hash) << command;
      } else {
        ASSERT_FALSE(done) << command;
        // What an attempt has left can't be opened, or lacks nothing but its name; the next one has
        // it go either way.
        const bool whole = opens(machine, "/fresh.unfinished");
        if (whole) {
          ASSERT_EQ(hash_of(machine, "/fresh.unfinished", TxnId{kCommits}), hash) << command;
        }
        half_made += is_half_made(machine) && !whole ? 1U : 0U;
        value_of(rebuild_fresh(machine));
        ASSERT_EQ(hash_of(machine, kFresh, TxnId{kCommits}), hash) << command;
      }
    }
  }
  if (replay.everything()) {
    EXPECT_GT(half_made, 20U / stride(7));
  }
}

TEST(Rebuild, ThatFailsAnywhereLeavesNothingInItsWay) {  // REBUILD-2
  const Replay replay = Replay::from_environment({"call", "kind"});
  Hash128 hash;
  EngineStore store = some_store(hash);
  const std::uint64_t calls = calls_of_rebuild(store);
  std::uint64_t failed = 0;
  for (const std::uint64_t call : replay.range("call", 0, calls, stride(7))) {
    for (const std::uint64_t kind : replay.range("kind", 0, 2)) {
      const std::string command = replay.command({call, kind});
      EngineStore after = store.copy(call + 1);
      Machine& machine = after.machine();
      machine.inject(
          {machine.calls() + call, kind == 0 ? FaultKind::kIoError : FaultKind::kNoSpace});
      const auto rebuilt = rebuild_fresh(machine);
      machine.clear_faults();
      if (!rebuilt) {
        ++failed;
        ASSERT_FALSE(is_half_made(machine)) << command << rebuilt.error().to_string();
        if (!is_there(machine, "fresh")) value_of(rebuild_fresh(machine));
      }
      ASSERT_EQ(hash_of(machine, kFresh, TxnId{kCommits}), hash) << command;
    }
  }
  if (replay.everything()) {
    EXPECT_GT(failed, 50U / stride(7));
  }
}

TEST(Rebuild, ThatFailsAnywhereRemovesNothingOfOthers) {  // REBUILD-2
  Hash128 hash;
  EngineStore store = some_store(hash);
  value_of(Engine::create(store.machine().vfs(), "/fresh.unfinished", {.page_size = 4096},
                          store.options().log));
  store.machine().kill();
  for (std::uint64_t call = 0; call < 60; ++call) {
    EngineStore after = store.copy(call + 1);
    Machine& machine = after.machine();
    machine.inject({machine.calls() + call, FaultKind::kIoError});
    EXPECT_FALSE(rebuild_fresh(machine));
    machine.clear_faults();
    EXPECT_TRUE(Engine::open(machine.vfs(), "/fresh.unfinished", small_engine())) << call;
  }
}

}  // namespace
}  // namespace caisson::mvcc

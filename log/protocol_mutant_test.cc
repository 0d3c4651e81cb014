// Method: plant one known mistake in the protocol at a time (log/mutants.h) and crash the random
// workload of the crash tests everywhere, and damage what is left, until a check that these rely on
// says so. The correct protocol passes the same hunt. A harness that misses one of these would be
// blind.

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "log/mutants.h"
#include "log/testing/crash_workload.h"

namespace caisson::log {
namespace {

using io::sim::CrashMode;
using io::sim::FaultKind;
using testing::History;
using testing::judge;
using testing::kSmallFiles;
using testing::live;
using testing::LogStore;
using testing::path_of;

// What is left after the power was cut, looked at twice.
std::string after_cut(LogStore& store, History history, CrashMode mode, std::uint64_t seed,
                      bool kill_first) {
  LogStore after(store.machine().clone(seed), store.options());
  after.machine().clear_faults();
  if (kill_first) {
    after.machine().kill();
    if (std::string wrong = judge(after, history); !wrong.empty()) return wrong;
  }
  after.machine().cut_power(mode);
  if (std::string wrong = judge(after, history); !wrong.empty()) return wrong;
  after.machine().cut_power(CrashMode::kNothing);
  if (std::string wrong = judge(after, history); !wrong.empty()) return wrong;
  // What is written now lies over and beside what the crash has left.
  Random random(seed);
  if (std::string wrong = live(after, history, random, 3); !wrong.empty()) return wrong;
  after.machine().kill();
  return judge(after, history);
}

// What is found where one block of the log was lost later on. An error is an answer, and so is a
// log without its very last batch.
std::string after_damage(LogStore& store, History history, std::uint64_t block) {
  LogStore after(store.machine().clone(block), store.options());
  after.machine().clear_faults();
  after.machine().kill();
  after.machine().image(path_of(1))->overwrite(block * 4096, std::vector<std::byte>(4096));
  if (!after.open()) return "";
  if (after.txn() == TxnId{} || to_u64(after.txn()) + 1 >= history.acknowledged) return "";
  return "commits are missing, and nobody says so";
}

// Of two batches that were on their way at once, in two files, the power cut kept the second one.
std::string after_lost_batch(const WriterOptions& options) {
  LogStore store(options);
  History history{.queued = {"durable", std::string(40'000, 'a'), std::string(30'000, 'b')},
                  .acknowledged = 1};
  if (!store.open() || !store.commit(history.queued[0])) return "does not work at all";
  if (!store.append(history.queued[1]) || !store.append(history.queued[2])) return "takes nothing";
  (void)store.writer().flush(store.writer().appended());
  store.close();
  store.machine().image(path_of(1))->overwrite(8192, std::vector<std::byte>(4096));
  if (!store.open()) return "does not open";
  history.queued = {"durable", "instead"};
  (void)store.commit("instead");
  return judge(store, history);
}

std::string hunt_in(const WriterOptions& options, std::uint64_t seed, std::uint64_t call,
                    FaultKind kind, bool& done) {
  LogStore store(options, seed);
  History history;
  const std::uint64_t at = store.machine().calls() + call;
  store.machine().inject({at, kind, false});
  Random random(seed);
  for (int life = 0; life < 3 && !store.machine().down(); ++life) {
    if (std::string wrong = live(store, history, random, 12); !wrong.empty()) return wrong;
    if (!store.machine().down()) store.machine().kill();
  }
  done = store.machine().calls() <= at;
  for (std::size_t mode = 0; mode < io::sim::kCrashModeCount; ++mode) {
    for (const bool kill_first : {false, true}) {
      std::string wrong =
          after_cut(store, history, static_cast<CrashMode>(mode), seed + mode, kill_first);
      if (!wrong.empty()) return wrong;
    }
  }
  if (!done) return "";
  for (std::uint64_t block = 1; block < 16; ++block) {
    std::string wrong = after_damage(store, history, block);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

// The first violation that a hunt finds; "" if there is none.
std::string hunt(Mutant mutant, std::uint64_t seeds, std::uint64_t& states) {
  active_mutant = mutant;
  std::string wrong = after_lost_batch(kSmallFiles);
  for (std::uint64_t seed = 1; seed <= seeds && wrong.empty(); ++seed) {
    WriterOptions options = kSmallFiles;
    options.direct = seed % 2 == 0;
    for (const FaultKind kind : {FaultKind::kPowerCut, FaultKind::kSyncDrops}) {
      bool done = false;
      for (std::uint64_t call = 0; !done && wrong.empty(); ++call) {
        wrong = hunt_in(options, seed, call, kind, done);
        ++states;
      }
    }
  }
  active_mutant = Mutant::kNone;
  return wrong;
}

TEST(LogMutants, AreAllCaught) {
  const std::array mutants = {
      Mutant::kAcknowledgedBeforeFlush, Mutant::kFlushRetried,
      Mutant::kRecordsNotChained,       Mutant::kOldPartsBelieved,
      Mutant::kDamagedRecordSkipped,    Mutant::kCacheTrusted,
      Mutant::kStaleCleanCacheTrusted,  Mutant::kAnyRecordIsEvidence,
      Mutant::kNoEvidenceLookedFor,     Mutant::kEvidenceOfOneEpoch,
      Mutant::kFileUsedBeforeDurable,
  };
  for (const Mutant mutant : mutants) {
    std::uint64_t states = 0;
    const std::string wrong = hunt(mutant, 12, states);
    EXPECT_NE(wrong, "") << "mutant " << static_cast<int>(mutant) << " survives " << states;
    std::cout << "mutant " << static_cast<int>(mutant) << ": " << states << " states, " << wrong
              << "\n";
  }
}

TEST(LogMutants, AreNotSeenWhereThereIsNone) {
  std::uint64_t states = 0;
  EXPECT_EQ(hunt(Mutant::kNone, 3, states), "") << states;
  std::cout << "states=" << states << "\n";
}

}  // namespace
}  // namespace caisson::log

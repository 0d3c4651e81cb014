// Method: two faults in one life. A flush of a random workload fails, in one of the ways in which
// flushes fail, and later in the same life the power goes. All pairs of such calls are counted,
// and a sample of them is trial. In between, the engine has been told that a flush failed: it must
// neither trust what it wrote before, nor go on as if nothing were. What opens afterwards is a
// checkpointed state that was acknowledged last or under way, by value, with every page accounted
// for, whatever of the rest reached the disk (CKPT-4, OPEN-1). The oracle is that of
// crash_test.cc.
//
// CAISSON_LONG=1 takes many more pairs and seeds. A case that fails prints the command that runs it
// alone (testing/replay.h).

#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/testing/effort.h"
#include "base/testing/replay.h"
#include "io/counters.h"
#include "io/sim/machine.h"
#include "pager/testing/crash_workload.h"

namespace caisson::pager {
namespace {

using caisson::testing::long_run;
using caisson::testing::Replay;
using caisson::testing::span_of;
using caisson::testing::stride;
using io::Call;
using io::sim::CrashMode;
using io::sim::FaultKind;
using io::sim::Machine;
using testing::History;
using testing::LifeOptions;
using testing::live;
using testing::verify;

LifeOptions workload(std::uint64_t seed) {
  LifeOptions options;
  options.seed = seed;
  options.rounds = 5;
  options.faults_expected = true;
  options.access = seed % 3 == 2 ? PageAccess::kPrivate : PageAccess::kMapped;
  return options;
}

// Three lives on one machine: opening again is what follows a failed flush, and is cut as well.
std::optional<std::string> three_lives(Machine& machine, History& history, std::uint64_t seed) {
  for (std::uint64_t life = 0; life < 3; ++life) {
    if (auto violation = live(machine, history, workload(seed + 1000 * life))) return violation;
    if (machine.down()) return std::nullopt;
  }
  return std::nullopt;
}

// A machine on which these faults are planned, and what it went through.
struct Trial {
  explicit Trial(std::uint64_t seed) : machine(seed) {}

  Machine machine;
  History history;
};

std::vector<std::uint64_t> flushes_of(std::uint64_t seed) {
  Trial trial(seed);
  trial.machine.record_trace(true);
  EXPECT_EQ(three_lives(trial.machine, trial.history, seed), std::nullopt);
  std::vector<std::uint64_t> flushes;
  const auto trace = trial.machine.trace();
  for (std::uint64_t call = 0; call < trace.size(); ++call) {
    const Call kind = trace[call].call;
    if (kind == Call::kSyncData || kind == Call::kSyncAll || kind == Call::kSyncDirectory) {
      flushes.push_back(call);
    }
  }
  return flushes;
}

// How many calls the lives make if that flush fails.
std::uint64_t calls_after(std::uint64_t seed, std::uint64_t flush, FaultKind kind) {
  Trial trial(seed);
  trial.machine.inject({flush, kind, false});
  EXPECT_EQ(three_lives(trial.machine, trial.history, seed), std::nullopt)
      << trial.machine.describe();
  return trial.machine.calls();
}

class FlushThenPowerCut : public ::testing::TestWithParam<FaultKind> {};

TEST_P(FlushThenPowerCut, LeavesACheckpointedStateAndNeverAWrongOne) {
  const FaultKind kind = GetParam();
  const Replay replay = Replay::from_environment({"seed", "flush", "cut", "mode"});
  const auto seeds = replay.seeds("seed", 1, long_run() ? 30 : 3);
  std::uint64_t pairs = 0;
  std::uint64_t states = 0;
  for (const std::uint64_t seed : seeds) {
    Random random(seed);
    const std::vector<std::uint64_t> flushes = flushes_of(seed);
    ASSERT_GT(flushes.size(), 10U);
    for (const std::uint64_t i :
         replay.range("flush", 0, flushes.size(), stride(5), seed % stride(5))) {
      const std::uint64_t flush = flushes[i];
      const std::uint64_t calls = calls_after(seed, flush, kind);
      if (flush + 1 >= calls) continue;
      pairs += calls - flush - 1;
      std::vector<std::uint64_t> drawn(long_run() ? 20 : 2);
      for (std::uint64_t& call : drawn) call = random.between(flush + 1, calls - 1);
      for (const std::uint64_t cut : replay.sample("cut", flush + 1, calls, drawn)) {
        Trial trial(seed);
        trial.machine.inject({flush, kind, false});
        trial.machine.inject({cut, FaultKind::kPowerCut, false});
        const std::string told = trial.machine.describe() + replay.command({seed, i, cut});
        ASSERT_EQ(three_lives(trial.machine, trial.history, seed), std::nullopt) << told;
        ASSERT_TRUE(trial.machine.down()) << told;
        ASSERT_EQ(trial.machine.faults_hit(), 2U) << told;
        for (const std::uint64_t mode :
             replay.choice("mode", {std::to_underlying(CrashMode::kNothing),
                                    std::to_underlying(CrashMode::kEverything),
                                    std::to_underlying(CrashMode::kTorn)})) {
          const std::string command = replay.command({seed, i, cut, mode});
          const auto crashed = trial.machine.clone(seed * 1000 + flush);
          crashed->cut_power(static_cast<CrashMode>(mode));
          History after = trial.history;
          ASSERT_EQ(verify(*crashed, after), std::nullopt) << trial.machine.describe() << command;
          // And it goes on from there.
          LifeOptions next = workload(seed + 5000);
          next.rounds = 2;
          next.faults_expected = false;
          ASSERT_EQ(live(*crashed, after, next), std::nullopt)
              << trial.machine.describe() << command;
          ++states;
        }
      }
    }
  }
  EXPECT_GT(states, 0U);
  std::cout << "pairs=" << pairs << " cases=" << states << " failures=0 seed=" << span_of(seeds)
            << "\n";
}

std::string name_of(const ::testing::TestParamInfo<FaultKind>& test) {
  std::string name(to_string(test.param));
  std::erase(name, ' ');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Kinds, FlushThenPowerCut,
                         ::testing::Values(FaultKind::kIoError, FaultKind::kSyncDrops,
                                           FaultKind::kNoSpace),
                         name_of);

}  // namespace
}  // namespace caisson::pager

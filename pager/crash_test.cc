// Method: run a random workload on the simulated machine and count its calls. Then run it again
// once for every call and every kind of fault, let that call fail or the machine crash there, and
// look at what a later process finds: a checkpointed state that was acknowledged or under way, by
// value, with every page accounted for (ALLOC-7). Recovery is crashed at each of its calls, too.
//
// CAISSON_LONG=1 runs more seeds and more crash states per crash point; sanitized builds take a
// sample of the calls (testing/effort.h). A case that fails prints the command that runs it alone
// (testing/replay.h).

#include <gtest/gtest.h>

#include "base/testing/effort.h"
#include "base/testing/replay.h"
#include "pager/testing/crash_workload.h"

namespace caisson::pager {
namespace {

using caisson::testing::long_run;
using caisson::testing::Replay;
using caisson::testing::span_of;
using caisson::testing::stride;
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
  options.access = seed % 3 == 2 ? PageAccess::kPrivate : PageAccess::kMapped;
  return options;
}

// Two lives, so that opening and what follows it are part of the calls that fail.
std::optional<std::string> two_lives(Machine& machine, History& history, LifeOptions options) {
  if (auto violation = live(machine, history, options)) return violation;
  if (machine.down()) return std::nullopt;
  options.seed += 1000;
  return live(machine, history, options);
}

std::uint64_t count_calls(std::uint64_t seed) {
  Machine machine(seed);
  History history;
  EXPECT_EQ(two_lives(machine, history, workload(seed)), std::nullopt);
  return machine.calls();
}

TEST(Crash, APowerCutAtAnyCallLeavesACheckpointedState) {
  const Replay replay = Replay::from_environment({"seed", "call", "mode", "variant"});
  const auto seeds = replay.seeds("seed", 1, long_run() ? 60 : 3);
  std::uint64_t states = 0;
  for (const std::uint64_t seed : seeds) {
    const std::uint64_t calls = count_calls(seed);
    ASSERT_GT(calls, 50U);
    for (const std::uint64_t call : replay.range("call", 0, calls, stride(7), seed % stride(7))) {
      Machine machine(seed);
      machine.inject({call, FaultKind::kPowerCut, false});
      History history;
      ASSERT_EQ(two_lives(machine, history, workload(seed)), std::nullopt)
          << machine.describe() << replay.command({seed, call});
      ASSERT_TRUE(machine.down()) << replay.command({seed, call});
      for (const std::uint64_t mode : replay.range("mode", 0, io::sim::kCrashModeCount)) {
        for (const std::uint64_t variant : replay.seeds("variant", 0, long_run() ? 7 : 1)) {
          const auto crashed = machine.clone(seed * 1000 + variant);
          crashed->cut_power(static_cast<CrashMode>(mode));
          History after = history;
          ASSERT_EQ(verify(*crashed, after), std::nullopt)
              << machine.describe() << replay.command({seed, call, mode, variant});
          ++states;
          // What was seen stays, whatever happens to what wasn't flushed.
          crashed->cut_power(CrashMode::kNothing);
          ASSERT_EQ(verify(*crashed, after), std::nullopt)
              << machine.describe() << " second cut" << replay.command({seed, call, mode, variant});
        }
      }
    }
  }
  std::cout << "cases=" << states << " failures=0 seed=" << span_of(seeds) << "\n";
}

TEST(Crash, AKillAtAnyCallLeavesACheckpointedStateThatAPowerCutThenKeeps) {
  const Replay replay = Replay::from_environment({"seed", "call"});
  const auto seeds = replay.seeds("seed", 1, long_run() ? 60 : 4);
  std::uint64_t states = 0;
  for (const std::uint64_t seed : seeds) {
    const std::uint64_t calls = count_calls(seed);
    for (const std::uint64_t call : replay.range("call", 0, calls, stride(7), seed % stride(7))) {
      const std::string command = replay.command({seed, call});
      Machine machine(seed);
      machine.inject({call, FaultKind::kKill, false});
      History history;
      ASSERT_EQ(two_lives(machine, history, workload(seed)), std::nullopt)
          << machine.describe() << command;
      ASSERT_TRUE(machine.down()) << command;
      machine.kill();
      machine.clear_faults();
      ASSERT_EQ(verify(machine, history), std::nullopt) << command;
      machine.cut_power(CrashMode::kNothing);
      ASSERT_EQ(verify(machine, history), std::nullopt) << "after a cut" << command;
      ++states;
    }
  }
  std::cout << "cases=" << states << " failures=0 seed=" << span_of(seeds) << "\n";
}

TEST(Crash, RecoveryItselfMayBeCutAtAnyCall) {
  const Replay replay = Replay::from_environment({"seed", "call", "second"});
  const auto seeds = replay.seeds("seed", 5, 5);
  std::uint64_t states = 0;
  for (const std::uint64_t seed : seeds) {
    const std::uint64_t calls = count_calls(seed);
    for (const std::uint64_t call :
         replay.range("call", 0, calls, long_run() ? 1 : 5 * stride(5))) {
      const std::string first_command = replay.command({seed, call});
      Machine machine(seed);
      machine.inject({call, FaultKind::kPowerCut, false});
      History history;
      ASSERT_EQ(two_lives(machine, history, workload(seed)), std::nullopt)
          << machine.describe() << first_command;
      machine.cut_power(CrashMode::kTorn);
      // The recovering process opens, and goes on to its first checkpoint.
      LifeOptions recovery = workload(seed + 7);
      recovery.rounds = 2;
      std::uint64_t recovery_calls = 0;
      {
        const auto rehearsal = machine.clone(seed);
        History ignored = history;
        ASSERT_EQ(live(*rehearsal, ignored, recovery), std::nullopt)
            << machine.describe() << first_command;
        recovery_calls = rehearsal->calls();
      }
      for (const std::uint64_t second : replay.range("second", 0, recovery_calls)) {
        const std::string command = replay.command({seed, call, second});
        const auto recovering = machine.clone(seed + second);
        recovering->inject({second, FaultKind::kPowerCut, false});
        History after = history;
        ASSERT_EQ(live(*recovering, after, recovery), std::nullopt)
            << machine.describe() << ", then " << recovering->describe() << command;
        recovering->cut_power(CrashMode::kTorn);
        ASSERT_EQ(verify(*recovering, after), std::nullopt)
            << machine.describe() << ", then " << recovering->describe() << command;
        ++states;
      }
    }
  }
  std::cout << "cases=" << states << " failures=0 seed=" << span_of(seeds) << "\n";
}

class FaultAtEveryCall : public ::testing::TestWithParam<std::tuple<FaultKind, bool>> {};

TEST_P(FaultAtEveryCall, LeavesACheckpointedStateAndNeverAWrongOne) {
  const auto [kind, forever] = GetParam();
  const bool damages = kind == FaultKind::kLostWrite || kind == FaultKind::kMisdirected;
  const Replay replay = Replay::from_environment({"seed", "call"});
  const auto seeds = replay.seeds("seed", 1, long_run() ? 20 : 2);
  std::uint64_t runs = 0;
  for (const std::uint64_t seed : seeds) {
    const std::uint64_t calls = count_calls(seed);
    for (const std::uint64_t call : replay.range("call", 0, calls, stride(5), seed % stride(5))) {
      const std::string command = replay.command({seed, call});
      Machine machine(seed);
      machine.inject({call, kind, forever});
      History history;
      LifeOptions options = workload(seed);
      options.faults_expected = true;
      options.damage_expected = damages;
      if (damages) {
        // Such a disk may go back to an older checkpoint, which only the log can tell; but what
        // it shows is a checkpoint, by value, or an error.
        ASSERT_EQ(live(machine, history, options), std::nullopt) << machine.describe() << command;
        machine.kill();
        options.rounds = 0;
        ASSERT_EQ(live(machine, history, options), std::nullopt) << machine.describe() << command;
        runs += machine.faults_hit() != 0 ? 1U : 0U;
        continue;
      }
      ASSERT_EQ(two_lives(machine, history, options), std::nullopt)
          << machine.describe() << command;
      if (machine.faults_hit() == 0) continue;
      ++runs;
      machine.clear_faults();
      machine.kill();
      const auto cut = machine.clone(seed);
      cut->cut_power(CrashMode::kTorn);
      History after_cut = history;
      ASSERT_EQ(verify(*cut, after_cut), std::nullopt) << "and a power cut" << command;
      ASSERT_EQ(verify(machine, history), std::nullopt) << command;
      // And it goes on from there.
      options.faults_expected = false;
      ASSERT_EQ(live(machine, history, options), std::nullopt) << command;
      ASSERT_EQ(verify(machine, history), std::nullopt) << command;
    }
  }
  EXPECT_GT(runs, 0U);
  std::cout << "cases=" << runs << " failures=0 seed=" << span_of(seeds) << "\n";
}

std::string name_of(const ::testing::TestParamInfo<std::tuple<FaultKind, bool>>& test) {
  std::string name(to_string(std::get<0>(test.param)));
  std::erase(name, ' ');
  return name + (std::get<1>(test.param) ? "Forever" : "Once");
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, FaultAtEveryCall,
    ::testing::Combine(::testing::Values(FaultKind::kIoError, FaultKind::kNoSpace,
                                         FaultKind::kInterrupted, FaultKind::kShort,
                                         FaultKind::kSyncDrops, FaultKind::kLostWrite,
                                         FaultKind::kMisdirected),
                       ::testing::Bool()),
    name_of);

}  // namespace
}  // namespace caisson::pager

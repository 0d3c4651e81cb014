// Method: run a random workload on the simulated machine and count its calls. Then run it again
// once for every call and every kind of fault, let that call fail or the machine crash there, and
// look at what a later process finds: a checkpointed state that was acknowledged or under way, by
// value, with every page accounted for (ALLOC-7). Recovery is crashed at each of its calls, too.
//
// CAISSON_LONG=1 runs more seeds and more crash states per crash point; sanitized builds take a
// sample of the calls (testing/effort.h).

#include <gtest/gtest.h>

#include "pager/testing/crash_workload.h"
#include "pager/testing/effort.h"

namespace caisson::pager {
namespace {

using io::sim::CrashMode;
using io::sim::Fault;
using io::sim::FaultKind;
using io::sim::Machine;
using testing::History;
using testing::LifeOptions;
using testing::live;
using testing::long_run;
using testing::stride;
using testing::verify;

constexpr CrashMode kModes[] = {CrashMode::kNothing, CrashMode::kEverything, CrashMode::kHalf,
                                CrashMode::kMost, CrashMode::kTorn};

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
  std::uint64_t states = 0;
  for (std::uint64_t seed = 1; seed <= (long_run() ? 60U : 3U); ++seed) {
    const std::uint64_t calls = count_calls(seed);
    ASSERT_GT(calls, 50U);
    for (std::uint64_t call = seed % stride(7); call < calls; call += stride(7)) {
      Machine machine(seed);
      machine.inject({call, FaultKind::kPowerCut, false});
      History history;
      ASSERT_EQ(two_lives(machine, history, workload(seed)), std::nullopt) << machine.describe();
      ASSERT_TRUE(machine.down());
      for (const CrashMode mode : kModes) {
        for (std::uint64_t variant = 0; variant < (long_run() ? 8U : 2U); ++variant) {
          const auto crashed = machine.clone(seed * 1000 + variant);
          crashed->cut_power(mode);
          History after = history;
          ASSERT_EQ(verify(*crashed, after), std::nullopt)
              << machine.describe() << " mode=" << static_cast<int>(mode) << " variant=" << variant;
          ++states;
          // What was seen stays, whatever happens to what wasn't flushed.
          crashed->cut_power(CrashMode::kNothing);
          ASSERT_EQ(verify(*crashed, after), std::nullopt)
              << machine.describe() << " mode=" << static_cast<int>(mode) << " variant=" << variant
              << " second cut";
        }
      }
    }
  }
  std::cout << "cases=" << states << " failures=0\n";
}

TEST(Crash, AKillAtAnyCallLeavesACheckpointedStateThatAPowerCutThenKeeps) {
  for (std::uint64_t seed = 1; seed <= (long_run() ? 60U : 4U); ++seed) {
    const std::uint64_t calls = count_calls(seed);
    for (std::uint64_t call = seed % stride(7); call < calls; call += stride(7)) {
      Machine machine(seed);
      machine.inject({call, FaultKind::kKill, false});
      History history;
      ASSERT_EQ(two_lives(machine, history, workload(seed)), std::nullopt) << machine.describe();
      machine.kill();
      machine.clear_faults();
      ASSERT_EQ(verify(machine, history), std::nullopt) << machine.describe();
      machine.cut_power(CrashMode::kNothing);
      ASSERT_EQ(verify(machine, history), std::nullopt) << machine.describe() << " after a cut";
    }
  }
}

TEST(Crash, RecoveryItselfMayBeCutAtAnyCall) {
  std::uint64_t states = 0;
  const std::uint64_t seed = 5;
  const std::uint64_t calls = count_calls(seed);
  const std::uint64_t step = long_run() ? 1 : 5 * stride(5);
  for (std::uint64_t call = 0; call < calls; call += step) {
    Machine machine(seed);
    machine.inject({call, FaultKind::kPowerCut, false});
    History history;
    ASSERT_EQ(two_lives(machine, history, workload(seed)), std::nullopt) << machine.describe();
    machine.cut_power(CrashMode::kTorn);
    // The recovering process opens, and goes on to its first checkpoint.
    LifeOptions recovery = workload(seed + 7);
    recovery.rounds = 2;
    std::uint64_t recovery_calls = 0;
    {
      const auto rehearsal = machine.clone(seed);
      History ignored = history;
      ASSERT_EQ(live(*rehearsal, ignored, recovery), std::nullopt) << machine.describe();
      recovery_calls = rehearsal->calls();
    }
    for (std::uint64_t second = 0; second < recovery_calls; ++second) {
      const auto recovering = machine.clone(seed + second);
      recovering->inject({second, FaultKind::kPowerCut, false});
      History after = history;
      ASSERT_EQ(live(*recovering, after, recovery), std::nullopt)
          << machine.describe() << ", then " << recovering->describe();
      recovering->cut_power(CrashMode::kTorn);
      ASSERT_EQ(verify(*recovering, after), std::nullopt)
          << machine.describe() << ", then " << recovering->describe();
      ++states;
    }
  }
  std::cout << "cases=" << states << " failures=0\n";
}

class FaultAtEveryCall : public ::testing::TestWithParam<std::tuple<FaultKind, bool>> {};

TEST_P(FaultAtEveryCall, LeavesACheckpointedStateAndNeverAWrongOne) {
  const auto [kind, forever] = GetParam();
  const bool damages = kind == FaultKind::kLostWrite || kind == FaultKind::kMisdirected;
  std::uint64_t runs = 0;
  for (std::uint64_t seed = 1; seed <= (long_run() ? 20U : 2U); ++seed) {
    const std::uint64_t calls = count_calls(seed);
    for (std::uint64_t call = seed % stride(5); call < calls; call += stride(5)) {
      Machine machine(seed);
      machine.inject({call, kind, forever});
      History history;
      LifeOptions options = workload(seed);
      options.faults_expected = true;
      options.damage_expected = damages;
      if (damages) {
        // Such a disk may go back to an older checkpoint, which only the log can tell; but what
        // it shows is a checkpoint, by value, or an error.
        ASSERT_EQ(live(machine, history, options), std::nullopt) << machine.describe();
        machine.kill();
        options.rounds = 0;
        ASSERT_EQ(live(machine, history, options), std::nullopt) << machine.describe();
        runs += machine.faults_hit() != 0 ? 1U : 0U;
        continue;
      }
      ASSERT_EQ(two_lives(machine, history, options), std::nullopt) << machine.describe();
      if (machine.faults_hit() == 0) continue;
      ++runs;
      machine.clear_faults();
      machine.kill();
      const auto cut = machine.clone(seed);
      cut->cut_power(CrashMode::kTorn);
      History after_cut = history;
      ASSERT_EQ(verify(*cut, after_cut), std::nullopt) << machine.describe() << " and a power cut";
      ASSERT_EQ(verify(machine, history), std::nullopt) << machine.describe();
      // And it goes on from there.
      options.faults_expected = false;
      ASSERT_EQ(live(machine, history, options), std::nullopt) << machine.describe();
      ASSERT_EQ(verify(machine, history), std::nullopt) << machine.describe();
    }
  }
  EXPECT_GT(runs, 0U);
  std::cout << "cases=" << runs << " failures=0\n";
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

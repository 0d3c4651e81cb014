// Method: plant one known mistake in the protocol at a time (pager/mutants.h) and crash the
// random workload everywhere, until a check that crash_test.cc relies on says so. The correct
// protocol passes the same hunt. A harness that misses one of these would be blind.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pager/meta.h"
#include "pager/mutants.h"
#include "pager/testing/crash_workload.h"

namespace caisson::pager {
namespace {

using io::sim::CrashMode;
using io::sim::FaultKind;
using io::sim::Machine;
using testing::History;
using testing::LifeOptions;
using testing::live;
using testing::verify;

struct Catch {
  std::uint64_t states = 0;  // Crash states looked at until then.
  std::string violation;     // Empty: nothing was found.
};

// Looks at what a machine that went down left, after a power cut and after another one.
std::string after_cut(const Machine& machine, const History& history, CrashMode mode,
                      std::uint64_t seed) {
  const auto crashed = machine.clone(seed);
  crashed->cut_power(mode);
  History after = history;
  if (auto violation = verify(*crashed, after)) return *violation;
  crashed->cut_power(CrashMode::kNothing);
  return verify(*crashed, after).value_or("");
}

// The process ends, another one looks, and then the power goes with nothing flushed meanwhile
// but what that one flushed itself.
std::string after_kill_and_cut(Machine& machine, History history) {
  machine.clear_faults();
  machine.kill();
  if (auto violation = verify(machine, history)) return *violation;
  machine.cut_power(CrashMode::kNothing);
  return verify(machine, history).value_or("");
}

std::string run_with(Machine& machine, History& history, std::uint64_t seed, bool faults) {
  LifeOptions options;
  options.seed = seed;
  options.faults_expected = faults;
  for (int life = 0; life < 2 && !machine.down(); ++life) {
    if (auto violation = live(machine, history, options)) return *violation;
    options.seed += 1000;
  }
  return "";
}

bool writes_meta(const io::sim::TracedCall& call) {
  return call.call == io::Call::kWrite &&
         (call.offset == meta_offset(MetaSlot::kA) || call.offset == meta_offset(MetaSlot::kB));
}

Catch hunt(Mutant mutant, std::uint64_t seeds) {
  active_mutant = mutant;
  Catch result;
  const auto found = [&](const std::string& violation) {
    ++result.states;
    result.violation = violation;
    return !violation.empty();
  };
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    std::uint64_t calls = 1;
    std::vector<io::sim::TracedCall> trace;
    for (std::uint64_t call = 0; call < calls; ++call) {
      for (const FaultKind kind : {FaultKind::kPowerCut, FaultKind::kKill, FaultKind::kSyncDrops}) {
        Machine machine(seed);
        if (call != 0) machine.inject({call, kind, false});
        machine.record_trace(call == 0);
        History history;
        if (found(run_with(machine, history, seed, kind == FaultKind::kSyncDrops))) return result;
        if (call == 0) {
          calls = machine.calls();
          trace = machine.trace();
        } else if (kind == FaultKind::kPowerCut) {
          // A torn meta differs from both it might have been in one of twenty states or so.
          const std::uint64_t variants = writes_meta(trace[call - 1]) ? 60 : 6;
          for (std::uint64_t variant = 0; variant < variants; ++variant) {
            const CrashMode mode = variant % 3 == 2 ? CrashMode::kHalf : CrashMode::kTorn;
            if (found(after_cut(machine, history, mode, seed * 100 + variant))) return result;
          }
        } else if (machine.faults_hit() != 0) {
          if (found(after_kill_and_cut(machine, history))) return result;
        }
      }
    }
  }
  return result;
}

class ProtocolMutant : public ::testing::Test {
 protected:
  void TearDown() override { active_mutant = Mutant::kNone; }

  static void expect_caught(Mutant mutant) {
    const Catch result = hunt(mutant, 40);
    EXPECT_NE(result.violation, "") << "survived " << result.states << " crash states";
    std::cout << "caught after " << result.states << " states: " << result.violation << "\n";
  }
};

TEST_F(ProtocolMutant, TheCorrectProtocolPassesTheSameHunt) {
  const Catch result = hunt(Mutant::kNone, 4);
  EXPECT_EQ(result.violation, "") << "after " << result.states << " states";
  EXPECT_GT(result.states, 1000U);
}

TEST_F(ProtocolMutant, MetaBeforeTheDataIsFlushedIsCaught) {  // CKPT-1
  expect_caught(Mutant::kMetaBeforeDataSync);
}

TEST_F(ProtocolMutant, TrustInACachedMetaIsCaught) {  // OPEN-1
  expect_caught(Mutant::kCachedMetaTrusted);
}

TEST_F(ProtocolMutant, TrustInACacheThatAFailedFlushCalledCleanIsCaught) {  // OPEN-1
  expect_caught(Mutant::kStaleCleanCacheTrusted);
}

TEST_F(ProtocolMutant, AMetaWithoutAChecksumIsCaught) {  // META-1
  expect_caught(Mutant::kMetaChecksumIgnored);
}

TEST_F(ProtocolMutant, WritingTheSameSlotTwiceIsCaught) {  // CKPT-2
  expect_caught(Mutant::kSameSlotTwice);
}

TEST_F(ProtocolMutant, ReusingAPageOfTheOlderMetaIsCaught) {  // CKPT-3, ALLOC-5
  expect_caught(Mutant::kPageReusedTooEarly);
}

TEST_F(ProtocolMutant, RewritingTheDamagedMetaIsCaught) {  // META-7
  expect_caught(Mutant::kLoserSlotRewritten);
}

}  // namespace
}  // namespace caisson::pager

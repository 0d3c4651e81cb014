// Method: a store that is used at random in several lives (mvcc/testing/crash_workload.h), with the
// power cut or the process killed at every call in turn, the recovery's included; then it is opened
// again, once more with a crash in the middle, and compared by value with what was acknowledged.

#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <string>

#include "base/testing/effort.h"
#include "base/testing/replay.h"
#include "mvcc/testing/crash_workload.h"
#include "mvcc/testing/scenarios.h"

namespace caisson::mvcc {
namespace {

using caisson::testing::long_run;
using caisson::testing::Replay;
using caisson::testing::stride;
using io::sim::CrashMode;
using io::sim::FaultKind;
using testing::audit;
using testing::come_back_to_a_position;
using testing::EngineStore;
using testing::History;
using testing::judge;
using testing::keep_the_past;
using testing::live;
using testing::look_between;
using testing::publish_between;
using testing::read_elsewhere;
using testing::rot_newest_meta;
using testing::StoreOptions;

constexpr std::uint64_t kNever = ~std::uint64_t{0};

// How many crash states are to be opened and compared, at least; the sample of a run with
// sanitizers looks for other things.
std::uint64_t states_wanted() {
  if (long_run()) return 1'000'000;
  return stride(2) == 1 ? 20'000 : 100;
}

StoreOptions options_of(std::uint64_t seed) {
  StoreOptions options;
  options.frames = seed % 2 == 0 ? 64 : 256;
  options.access = seed % 3 == 0 ? pager::PageAccess::kPrivate : pager::PageAccess::kMapped;
  options.log.direct = seed % 5 != 0;
  options.retention.checkpoints = seed % 4;
  return options;
}

// Three lives of a store, with a fault at one call.
std::unique_ptr<EngineStore> run(std::uint64_t seed, std::uint64_t call, FaultKind kind,
                                 History& history) {
  auto store = std::make_unique<EngineStore>(options_of(seed), seed);
  store->kill();
  store->machine().set_direct_supported(seed % 5 != 0);
  if (call != kNever) store->machine().inject({store->machine().calls() + call, kind, false});
  Random random(seed);
  for (int life = 0; life < 3 && !store->machine().down(); ++life) {
    EXPECT_EQ(live(*store, history, random, 14), "") << "life " << life;
    store->abandon();
    if (!store->machine().down()) store->machine().kill();
  }
  return store;
}

std::uint64_t calls_of(std::uint64_t seed) {
  History history;
  EngineStore empty(options_of(seed), seed);
  empty.kill();
  const std::uint64_t before = empty.machine().calls();
  return run(seed, kNever, FaultKind::kPowerCut, history)->machine().calls() - before;
}

TEST(EngineCrash, WithoutFaultsNothingIsWrong) {
  for (std::uint64_t seed = 1; seed <= 60; seed += stride(6)) {
    History history;
    const auto store = run(seed, kNever, FaultKind::kPowerCut, history);
    ASSERT_EQ(judge(*store, history), "") << "seed " << seed;
    ASSERT_EQ(audit(*store), "") << "seed " << seed;
    ASSERT_GT(history.states.size(), 5U) << "seed " << seed;
  }
}

TEST(EngineCrash, APowerCutAnywhereLosesNothingThatWasAcknowledged) {
  const Replay replay = Replay::from_environment({"seed", "call", "mode", "second"});
  std::uint64_t states = 0;
  const std::uint64_t last_seed = long_run() ? 320 : 6;
  for (const std::uint64_t seed : replay.seeds("seed", 1, last_seed)) {
    const std::uint64_t calls = calls_of(seed);
    for (const std::uint64_t call : replay.range("call", 0, calls, stride(29) * 4, seed % 4)) {
      History history;
      const auto store = run(seed, call, FaultKind::kPowerCut, history);
      ASSERT_FALSE(::testing::Test::HasFailure()) << replay.command({seed, call});
      for (const std::uint64_t mode : replay.range("mode", 0, io::sim::kCrashModeCount)) {
        // Then the recovery is cut off as well, at some call of its own, or not.
        for (const std::uint64_t second : replay.range("second", 0, 2)) {
          const std::string command = replay.command({seed, call, mode, second});
          EngineStore after = store->copy(seed + 100 * mode + call);
          after.machine().set_direct_supported(seed % 5 != 0);
          after.machine().cut_power(static_cast<CrashMode>(mode));
          History next = history;
          if (second > 0) {
            const std::uint64_t at = (call * 7 + mode * 11) % 40;
            after.machine().inject({after.machine().calls() + at, FaultKind::kPowerCut, false});
            Random random(seed + call);
            ASSERT_EQ(live(after, next, random, 4), "") << command;
            after.abandon();
            after.machine().clear_faults();
            after.machine().cut_power(CrashMode::kTorn);
          }
          ASSERT_EQ(judge(after, next), "") << command;
          if (call % 16 == 0) {
            ASSERT_EQ(audit(after), "") << command;
          }
          // What was found has been told to somebody, and stays.
          after.abandon();
          after.machine().cut_power(CrashMode::kNothing);
          ASSERT_EQ(judge(after, next), "") << command;
          ++states;
        }
      }
    }
  }
  std::cout << "states=" << states << " lost=0 wrong=0 unopenable=0\n";
  if (replay.everything()) {
    EXPECT_GE(states, states_wanted());
  }
}

TEST(EngineCrash, AStateThatIsSupersededBeforeItIsPublishedIsShownAsItWas) {
  EXPECT_EQ(publish_between({.access = pager::PageAccess::kMapped}), "");
  EXPECT_EQ(publish_between({.access = pager::PageAccess::kPrivate}), "");
}

TEST(EngineCrash, TheLossOfTheNewestMetaCostsNothing) {  // CHECKPOINT-1, CHECKPOINT-2
  EXPECT_EQ(rot_newest_meta({.access = pager::PageAccess::kMapped}), "");
  EXPECT_EQ(rot_newest_meta({.access = pager::PageAccess::kPrivate}), "");
}

TEST(EngineCrash, WhatIsRetainedStaysWhateverIsWrittenOrLost) {  // RETAIN-2, RETAIN-5
  EXPECT_EQ(keep_the_past({.access = pager::PageAccess::kMapped}), "");
  EXPECT_EQ(keep_the_past({.access = pager::PageAccess::kPrivate}), "");
}

TEST(EngineCrash, WhatAnotherProcessReadsStaysWhateverIsWritten) {  // VIEW-1, VIEW-2
  EXPECT_EQ(read_elsewhere({.access = pager::PageAccess::kMapped}), "");
  EXPECT_EQ(read_elsewhere({.access = pager::PageAccess::kPrivate}), "");
}

TEST(EngineCrash, WhatAnotherProcessHasSeenIsDurable) {  // VIEW-3
  EXPECT_EQ(look_between({.access = pager::PageAccess::kMapped}), "");
}

TEST(EngineCrash, WhatAPositionNeedsStaysWhileNobodyFollowsIt) {  // POSITION-3
  EXPECT_EQ(come_back_to_a_position({.access = pager::PageAccess::kMapped}), "");
  EXPECT_EQ(come_back_to_a_position({.access = pager::PageAccess::kPrivate}), "");
}

}  // namespace
}  // namespace caisson::mvcc

// Method: plant one known mistake in the protocol at a time, of the engine (mvcc/mutants.h), of the
// log or of the pager, and crash the random workload of the crash tests everywhere, and damage what
// is left, until a check that these rely on says so. The correct protocol passes the same hunt. Of
// the other modules' mistakes, which their own tests hunt for, these are those that the engine
// could make as well by not calling what it has to.

#include "mvcc/mutants.h"

#include <gtest/gtest.h>

#include <iostream>
#include <string>

#include "log/log_file.h"
#include "log/mutants.h"
#include "mvcc/testing/crash_workload.h"
#include "mvcc/testing/scenarios.h"
#include "pager/meta.h"
#include "pager/mutants.h"

namespace caisson::mvcc {
namespace {

using io::sim::CrashMode;
using io::sim::FaultKind;
using testing::audit;
using testing::come_back_to_a_position;
using testing::EngineStore;
using testing::History;
using testing::judge;
using testing::keep_the_past;
using testing::kStorePath;
using testing::live;
using testing::look_between;
using testing::publish_between;
using testing::read_elsewhere;
using testing::rot_newest_meta;
using testing::StoreOptions;

// What a crash left, looked at, crashed again with nothing flushed but what that look did, and
// looked at again.
std::string after_crash(const EngineStore& store, History history, CrashMode mode,
                        std::uint64_t seed, bool kill_first) {
  EngineStore after = store.copy(seed);
  after.machine().clear_faults();
  if (kill_first) {
    after.machine().kill();
    if (std::string wrong = judge(after, history); !wrong.empty()) return wrong;
    after.abandon();
  }
  after.machine().cut_power(mode);
  if (std::string wrong = judge(after, history); !wrong.empty()) return wrong;
  if (seed % 5 == 0) {
    if (std::string wrong = audit(after); !wrong.empty()) return wrong;
  }
  after.abandon();
  after.machine().cut_power(CrashMode::kNothing);
  if (std::string wrong = judge(after, history); !wrong.empty()) return wrong;
  after.abandon();
  // What is written now lies over and beside what the crash has left.
  Random random(seed);
  if (std::string wrong = live(after, history, random, 4); !wrong.empty()) return wrong;
  after.kill();
  return judge(after, history);
}

// The newest meta, or the older one, rots while the store is closed: nothing is lost with it.
std::string after_rot(const EngineStore& store, History history, pager::MetaSlot slot) {
  EngineStore after = store.copy(1);
  after.machine().clear_faults();
  after.machine().kill();
  const std::string path = std::string(kStorePath) + "/pages";
  const std::vector<std::byte> zeros(pager::kMetaSize);
  after.machine().image(path)->overwrite(pager::meta_offset(slot) + 100, zeros);
  return judge(after, history);
}

// One case of a hunt; "" if nothing is wrong.
std::string hunt_in(std::uint64_t seed, std::uint64_t call, FaultKind kind, bool& done) {
  StoreOptions options;
  options.frames = 64;
  options.log.direct = seed % 2 == 0;
  EngineStore store(options, seed);
  store.kill();
  History history;
  const std::uint64_t at = store.machine().calls() + call;
  store.machine().inject({at, kind, false});
  Random random(seed);
  for (int life = 0; life < 2 && !store.machine().down(); ++life) {
    if (std::string wrong = live(store, history, random, 20); !wrong.empty()) return wrong;
    store.abandon();
    if (!store.machine().down()) store.machine().kill();
  }
  done = store.machine().calls() <= at;
  for (std::size_t mode = 0; mode < io::sim::kCrashModeCount; ++mode) {
    const bool kill_first = kind == FaultKind::kSyncDrops;
    std::string wrong = after_crash(store, history, static_cast<CrashMode>(mode),
                                    seed * 100 + call + mode, kill_first);
    if (!wrong.empty()) return wrong;
  }
  if (!done) return "";
  for (const pager::MetaSlot slot : {pager::MetaSlot::kA, pager::MetaSlot::kB}) {
    if (std::string wrong = after_rot(store, history, slot); !wrong.empty()) return wrong;
  }
  return "";
}

// The first violation that a hunt finds; "" if there is none.
std::string hunt(std::uint64_t seeds, std::uint64_t& states) {
  for (const auto access : {pager::PageAccess::kMapped, pager::PageAccess::kPrivate}) {
    if (std::string wrong = look_between({.access = access}); !wrong.empty()) return wrong;
    if (std::string wrong = publish_between({.access = access}); !wrong.empty()) return wrong;
    if (std::string wrong = rot_newest_meta({.access = access}); !wrong.empty()) return wrong;
    if (std::string wrong = keep_the_past({.access = access}); !wrong.empty()) return wrong;
    if (std::string wrong = read_elsewhere({.access = access}); !wrong.empty()) return wrong;
    if (std::string wrong = come_back_to_a_position({.access = access}); !wrong.empty()) {
      return wrong;
    }
  }
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    for (const FaultKind kind : {FaultKind::kPowerCut, FaultKind::kSyncDrops}) {
      bool done = false;
      // Every call of the first lives; then a sample of more lives.
      for (std::uint64_t call = seed; !done; call += seed < 4 ? 3 : 7) {
        std::string wrong = hunt_in(seed, call, kind, done);
        ++states;
        if (!wrong.empty()) {
          return wrong + " (seed " + std::to_string(seed) + ", call " + std::to_string(call) +
                 ", " + std::string(to_string(kind)) + ")";
        }
      }
    }
  }
  return "";
}

class EngineMutant : public ::testing::Test {
 protected:
  void TearDown() override {
    active_mutant = Mutant::kNone;
    log::active_mutant = log::Mutant::kNone;
    pager::active_mutant = pager::Mutant::kNone;
  }

  static void expect_caught(std::uint64_t seeds = 40) {
    std::uint64_t states = 0;
    const std::string wrong = hunt(seeds, states);
    EXPECT_NE(wrong, "") << "survived " << states << " crashes";
    std::cout << "caught after " << states << " crashes: " << wrong << "\n";
  }
};

TEST_F(EngineMutant, TheCorrectProtocolPassesTheSameHunt) {
  std::uint64_t states = 0;
  EXPECT_EQ(hunt(1, states), "");
  EXPECT_GT(states, 100U);
}

TEST_F(EngineMutant, ASealedStateThatIsNoPinIsCaught) {
  active_mutant = Mutant::kSealedNotPinned;
  expect_caught();
}

TEST_F(EngineMutant, ASnapshotThatIsNoPinIsCaught) {
  active_mutant = Mutant::kSnapshotNotPinned;
  expect_caught();
}

TEST_F(EngineMutant, ACheckpointOfACommitThatIsNotDurableIsCaught) {  // CHECKPOINT-1
  active_mutant = Mutant::kCheckpointBeforeDurable;
  expect_caught();
}

TEST_F(EngineMutant, ALogThatIsRetiredBeforeTheCheckpointIsDurableIsCaught) {  // CHECKPOINT-2
  active_mutant = Mutant::kLogRetiredFirst;
  expect_caught();
}

TEST_F(EngineMutant, ALogThatIsRetiredBehindTheNewerMetaIsCaught) {  // CHECKPOINT-2
  active_mutant = Mutant::kLogRetiredBehindNewest;
  expect_caught();
}

TEST_F(EngineMutant, ASavepointWhosePartsStayInTheLogIsCaught) {
  active_mutant = Mutant::kRollbackNotRecorded;
  expect_caught();
}

TEST_F(EngineMutant, ARetainedCheckpointThatIsNoPinIsCaught) {  // RETAIN-2
  active_mutant = Mutant::kRetainedNotPinned;
  expect_caught();
}

TEST_F(EngineMutant, ReadersInOtherProcessesThatAreNotSeenAreCaught) {  // VIEW-2
  active_mutant = Mutant::kReadersNotSeen;
  expect_caught();
}

TEST_F(EngineMutant, PositionsThatAreNotSeenAreCaught) {  // POSITION-3
  active_mutant = Mutant::kPositionsNotSeen;
  expect_caught();
}

TEST_F(EngineMutant, AReaderThatFollowsPastWhatIsDurableIsCaught) {  // VIEW-3
  active_mutant = Mutant::kFollowedPastDurable;
  expect_caught();
}

TEST_F(EngineMutant, ChecksumsOfSupersededPagesAreCaught) {  // CKPT-5
  pager::active_mutant = pager::Mutant::kSupersededChecksum;
  expect_caught();
}

TEST_F(EngineMutant, AnAcknowledgementBeforeTheFlushIsCaught) {  // WRITE-1
  log::active_mutant = log::Mutant::kAcknowledgedBeforeFlush;
  expect_caught();
}

TEST_F(EngineMutant, ATailThatIsNotMadeDurableIsCaught) {  // RECOVER-1
  log::active_mutant = log::Mutant::kCacheTrusted;
  expect_caught();
}

TEST_F(EngineMutant, ADamagedRecordThatIsSkippedIsCaught) {  // RECOVER-2
  log::active_mutant = log::Mutant::kDamagedRecordSkipped;
  expect_caught();
}

}  // namespace
}  // namespace caisson::mvcc

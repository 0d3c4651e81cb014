// Method: programs of a few calls run on a machine, and what they see, what the trace says and
// what the disk holds is compared with what a real machine might do. Where chance decides, many
// seeds are tried and the set of outcomes is compared with the set of those that are allowed, in
// both directions: nothing forbidden happens, and nothing allowed is missing.

#include "io/sim/machine.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "io/sim/testing/programs.h"

namespace caisson::io::sim {
namespace {

using testing::Buffer;
using testing::bytes_of;
using testing::create;
using testing::create_durable;
using testing::filled;
using testing::IfTargetExists;
using testing::kCreate;
using testing::kRead;
using testing::kReadWrite;
using testing::lines_of;
using testing::make_every_call;
using testing::Names;
using testing::names_of;
using testing::open;
using testing::root_of;

// Writes, flushes and renames at random until the machine is down or enough was done.
void make_random_calls(Machine& machine, std::uint64_t seed) {
  Random random(seed);
  const auto root = root_of(machine);
  for (int step = 0; step < 60 && !machine.down(); ++step) {
    const std::string name(1, static_cast<char>('a' + random.below(4)));
    auto file = root->open_file(name, kReadWrite);
    if (!file) file = root->open_file(name, kCreate);
    if (!file) continue;
    Buffer bytes(1 + random.below(3000));
    random.fill(bytes);
    (void)(*file)->write(random.below(5000), bytes);
    if (random.chance(1, 3)) (void)(*file)->sync_data();
    if (random.chance(1, 5)) (void)root->rename(name, "e", IfTargetExists::kReplace);
    if (random.chance(1, 5)) (void)root->sync();
  }
}

// --- Determinism and numbering -------------------------------------------------------------------

TEST(Machine, DoesTheSameForTheSameSeedAndPlan) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    for (std::size_t kind = 0; kind < kFaultKindCount; ++kind) {
      std::vector<std::vector<std::string>> traces;
      std::vector<std::vector<std::pair<std::string, Buffer>>> disks;
      for (int run = 0; run < 2; ++run) {
        Machine machine(seed);
        machine.record_trace(true);
        machine.inject({20, static_cast<FaultKind>(kind), seed % 2 == 0});
        make_random_calls(machine, seed);
        machine.clear_faults();
        machine.cut_power(CrashMode::kTorn);
        traces.push_back(lines_of(machine));
        auto& disk = disks.emplace_back();
        for (const std::string& name : names_of(machine)) {
          disk.emplace_back(name, bytes_of(machine, name));
        }
      }
      EXPECT_EQ(traces[0], traces[1]) << seed;
      EXPECT_EQ(disks[0], disks[1]) << seed;
      EXPECT_GT(traces[0].size(), 15U);
    }
  }
}

TEST(Machine, LetsTheSeedDecideWhatSurvives) {
  std::set<Buffer> seen;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Machine machine(seed);
    const auto file = create_durable(machine, "f", filled(8 * kSectorSize, 1));
    ASSERT_TRUE(file->write(0, filled(8 * kSectorSize, 2)));
    machine.cut_power(CrashMode::kHalf);
    seen.insert(bytes_of(machine, "f"));
  }
  EXPECT_GT(seen.size(), 10U);
}

TEST(Machine, NumbersEveryCallAcrossItsLivesAndTracesItOnDemand) {
  Machine machine(1);
  EXPECT_EQ(machine.calls(), 0U);
  const auto root = root_of(machine);
  auto file = root->open_file("f", kCreate).value();
  EXPECT_EQ(machine.calls(), 1U);
  EXPECT_TRUE(machine.trace().empty());  // Off unless asked for.
  machine.record_trace(true);
  ASSERT_TRUE(file->write(7, filled(5, 1)));
  ASSERT_TRUE(file->sync_data());
  machine.inject({4, FaultKind::kIoError, false});
  ASSERT_TRUE(root->sync());
  EXPECT_FALSE(root->rename("f", "g", IfTargetExists::kFail));
  EXPECT_EQ(lines_of(machine),
            (std::vector<std::string>{"write f 7+5 -> 0", "sync_data f 0+0 -> 0",
                                      "sync_directory / 0+0 -> 0",
                                      "rename f 0+0 -> " + std::to_string(EIO)}));
  EXPECT_EQ(machine.calls(), 5U);
  machine.kill();
  machine.record_trace(true);  // Starts anew.
  EXPECT_EQ(names_of(machine), Names{"f"});
  EXPECT_EQ(machine.calls(), 6U);
  EXPECT_EQ(machine.trace().size(), 1U);
  machine.record_trace(false);
  EXPECT_TRUE(machine.trace().empty());
}

TEST(Machine, TracesAsManyCallsAsItNumbersAndCounts) {
  Machine machine(2);
  machine.record_trace(true);
  make_every_call(machine);
  EXPECT_EQ(machine.trace().size(), machine.calls());
  std::uint64_t counted = 0;
  std::set<Call> seen;
  for (const TracedCall& call : machine.trace()) seen.insert(call.call);
  for (std::size_t i = 0; i < kCallCount; ++i) {
    const auto call = static_cast<Call>(i);
    counted += machine.vfs().counters().calls(call);
    // The machine has no such call: a fault can then come between a write and its flush.
    EXPECT_EQ(seen.contains(call), call != Call::kWriteAndSync) << to_string(call);
  }
  EXPECT_EQ(counted, machine.calls());
}

TEST(Machine, RunsAnotherProcessBetweenTwoCallsAndOnlyOnce) {
  Machine machine(2);
  const auto root = root_of(machine);
  const auto file = create(machine, "file");
  machine.record_trace(true);
  int runs = 0;
  machine.interleave(machine.calls() + 1, [&] {
    ++runs;
    ASSERT_TRUE(root_of(machine)->unlink("file"));
    ASSERT_TRUE(root_of(machine)->open_file("file", kCreate));
  });
  const auto before = root->open_file("file", kRead).value();
  const auto after = root->open_file("file", kRead).value();
  EXPECT_EQ(runs, 1);
  const FileIdentity first = file->identity().value();
  EXPECT_EQ(before->identity().value(), first);
  EXPECT_NE(after->identity().value(), first);
  std::vector<Call> calls;
  for (const TracedCall& call : machine.trace()) calls.push_back(call.call);
  const std::vector<Call> expected = {Call::kOpen,     Call::kUnlink,   Call::kOpen,    Call::kOpen,
                                      Call::kIdentity, Call::kIdentity, Call::kIdentity};
  EXPECT_EQ(calls, expected);
}

TEST(Machine, DescribesHowToMakeItAgain) {
  Machine machine(12345);
  EXPECT_EQ(machine.describe(), "machine seed=12345");
  machine.inject({17, FaultKind::kSyncDrops, false});
  EXPECT_EQ(machine.describe(), "machine seed=12345 fault='sync drops' call=17 once");
  machine.inject({18, FaultKind::kNoSpace, true});
  EXPECT_EQ(machine.describe(),
            "machine seed=12345 fault='sync drops' call=17 once fault='ENOSPC' call=18 forever");
  machine.clear_faults();
  EXPECT_EQ(machine.describe(), "machine seed=12345");
}

TEST(FaultKind, HasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kFaultKindCount; ++i) {
    names.insert(to_string(static_cast<FaultKind>(i)));
  }
  EXPECT_EQ(names.size(), kFaultKindCount);
  EXPECT_FALSE(names.contains("unknown"));
}

// --- Copies --------------------------------------------------------------------------------------

TEST(Clone, HasTheSameBytesAndNamesAndALifeOfItsOwn) {
  Machine machine(20);
  const auto file = create_durable(machine, "f", filled(8 * kSectorSize, 1));
  ASSERT_TRUE(file->try_lock(LockKind::kExclusive, 0, 1));
  ASSERT_TRUE(file->write(0, filled(8 * kSectorSize, 2)));
  create(machine, "g");
  machine.inject({0, FaultKind::kIoError, true});
  const auto twin = machine.clone(1);
  EXPECT_EQ(twin->calls(), 0U);
  EXPECT_EQ(twin->describe(), "machine seed=1");  // No fault plan.
  EXPECT_EQ(names_of(*twin), (Names{"f", "g"}));
  EXPECT_EQ(bytes_of(*twin, "f"), filled(8 * kSectorSize, 2));
  EXPECT_TRUE(open(*twin, "f")->try_lock(LockKind::kExclusive, 0, 1));
  ASSERT_TRUE(open(*twin, "f")->write(0, filled(100, 3)));
  ASSERT_TRUE(root_of(*twin)->unlink("g"));
  machine.clear_faults();
  EXPECT_EQ(bytes_of(machine, "f"), filled(8 * kSectorSize, 2));
  EXPECT_EQ(names_of(machine), (Names{"f", "g"}));

  const auto lost = machine.clone(2);
  lost->cut_power(CrashMode::kNothing);
  EXPECT_EQ(bytes_of(*lost, "f"), filled(8 * kSectorSize, 1));  // The copy knew what was pending.
  EXPECT_EQ(names_of(*lost), Names{"f"});
  EXPECT_TRUE(machine.image("/f")->dirty());
}

TEST(Clone, MakesManyCrashStatesOfOneCrashPoint) {
  Machine machine(21);
  const auto file = create_durable(machine, "f", filled(8 * kSectorSize, 1));
  ASSERT_TRUE(file->write(0, filled(8 * kSectorSize, 2)));
  std::set<Buffer> states;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const auto twin = machine.clone(seed);
    twin->cut_power(CrashMode::kHalf);
    const Buffer bytes = bytes_of(*twin, "f");
    const auto again = machine.clone(seed);
    again->cut_power(CrashMode::kHalf);
    EXPECT_EQ(bytes_of(*again, "f"), bytes);
    states.insert(bytes);
  }
  EXPECT_GT(states.size(), 30U);
}

TEST(Clone, KeepsTheKindOfMachine) {
  Machine machine(22);
  create(machine, "f");
  machine.set_capacity({.bytes = 4096, .inodes = 2});
  machine.set_file_system(FileSystemKind::kNetwork);
  machine.set_direct_supported(false);
  const auto twin = machine.clone(1);
  EXPECT_EQ(root_of(*twin)->file_system(), FileSystemKind::kNetwork);
  EXPECT_EQ(root_of(*twin)->open_file("f", {OpenMode::kRead, true}).error().code(),
            Code::kUnsupported);
  EXPECT_FALSE(root_of(*twin)->open_file("g", kCreate));
  EXPECT_FALSE(open(*twin, "f")->write(4096, filled(1, 1)));
}

// --- Kinds of file systems -----------------------------------------------------------------------

TEST(Machine, SaysWhatKindOfFileSystemItHas) {
  Machine machine(23);
  EXPECT_EQ(root_of(machine)->file_system(), FileSystemKind::kLocal);
  machine.set_file_system(FileSystemKind::kNetwork);
  EXPECT_EQ(root_of(machine)->file_system(), FileSystemKind::kNetwork);
}

TEST(Machine, RefusesChangesWhenItsDiskIsReadOnly) {
  Machine machine(24);
  create_durable(machine, "f", filled(10, 1));
  machine.set_read_only(true);
  const auto root = root_of(machine);
  EXPECT_EQ(root->open_file("f", kReadWrite).error().code(), Code::kReadOnly);
  EXPECT_EQ(root->open_file("g", kCreate).error().code(), Code::kReadOnly);
  EXPECT_EQ(root->open_file("g", kReadWrite).error().code(), Code::kNotFound);
  EXPECT_EQ(root->make_directory("d").error().code(), Code::kReadOnly);
  EXPECT_EQ(root->rename("f", "g", IfTargetExists::kFail).error().code(), Code::kReadOnly);
  EXPECT_EQ(root->unlink("f").error().code(), Code::kReadOnly);
  const auto file = root->open_file("f", kRead).value();
  Buffer into(10);
  EXPECT_TRUE(file->read_exactly(0, into));
  EXPECT_FALSE(file->write(0, into));
  EXPECT_FALSE(file->truncate(0));
  EXPECT_FALSE(file->allocate(0, 20));
  EXPECT_FALSE(file->try_lock(LockKind::kExclusive, 0, 1));  // Needs a file open to write.
  EXPECT_TRUE(file->try_lock(LockKind::kShared, 0, 1));
}

// --- Time and chance -----------------------------------------------------------------------------

TEST(Machine, HasAClockThatMovesOnlyWhenItIsUsed) {
  Machine first(37);
  Machine second(38);
  for (Machine* machine : {&first, &second}) {
    Clock& clock = machine->vfs().clock();
    const auto start = clock.monotonic();
    EXPECT_LT(start, clock.monotonic());
    clock.sleep(std::chrono::hours(1));
    const auto later = clock.monotonic() - start;
    EXPECT_GE(later, std::chrono::hours(1));
    EXPECT_LT(later, std::chrono::hours(1) + std::chrono::milliseconds(1));
  }
  EXPECT_EQ(first.vfs().clock().monotonic(), second.vfs().clock().monotonic());
}

TEST(Machine, DrawsItsRandomBytesFromTheSeed) {
  const auto draw = [](std::uint64_t seed) {
    Machine machine(seed);
    Buffer bytes(100);
    EXPECT_TRUE(machine.vfs().random(bytes));
    return bytes;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

}  // namespace
}  // namespace caisson::io::sim

// Method: short programs use one or two open files of a machine, and what each call answers is
// compared with what Linux says: how much room there is, what direct access wants, which locks
// conflict, and what a mapping and the page cache show.

#include "io/sim/handles.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "io/memory.h"
#include "io/sim/machine.h"
#include "io/sim/testing/programs.h"

namespace caisson::io::sim {
namespace {

using testing::Buffer;
using testing::bytes_of;
using testing::copy;
using testing::create;
using testing::create_durable;
using testing::fail_next;
using testing::filled;
using testing::IfTargetExists;
using testing::kCreate;
using testing::kReadWrite;
using testing::open;
using testing::root_of;

constexpr std::uint64_t kToTheEnd = 0;

// --- Room ----------------------------------------------------------------------------------------

TEST(Capacity, OfBytesIsCountedInBlocksAndUsedToTheLast) {
  Machine machine(16);
  machine.set_capacity({.bytes = 3 * 4096});
  const auto first = create(machine, "a");
  auto second = create(machine, "b");
  ASSERT_TRUE(first->write(0, filled(1, 1)));      // One block.
  ASSERT_TRUE(first->write(1, filled(4095, 1)));   // The same.
  ASSERT_TRUE(second->allocate(0, 2 * 4096));      // The other two.
  ASSERT_TRUE(second->write(0, filled(8192, 2)));  // Room that was made before suffices.
  const auto full = first->write(4096, filled(1, 1));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), Code::kOutOfSpace);
  EXPECT_EQ(second->allocate(8192, 1).error().code(), Code::kOutOfSpace);
  EXPECT_EQ(second->truncate(8193).error().code(), Code::kOutOfSpace);
  ASSERT_TRUE(second->truncate(4096));
  EXPECT_TRUE(first->write(4096, filled(1, 1)));
  second.reset();
  ASSERT_TRUE(root_of(machine)->unlink("b"));
  EXPECT_TRUE(first->write(8192, filled(1, 1)));
}

TEST(Capacity, TellsWhatIsUsedAndHowManyHandlesAreOpen) {
  Machine machine(15);
  const std::uint64_t inodes = machine.used().inodes;
  auto file = create(machine, "a");
  ASSERT_TRUE(file->write(0, filled(4097, 1)));
  EXPECT_EQ(machine.used().bytes, 8192U);
  EXPECT_EQ(machine.used().inodes, inodes + 1);
  auto mapping = file->map(65'536).value();
  EXPECT_EQ(machine.open_handles(), 2U);
  file.reset();
  EXPECT_EQ(machine.open_handles(), 1U);
  machine.kill();
  EXPECT_EQ(machine.open_handles(), 0U);
}

TEST(Capacity, OfARemovedFileIsFreeWhenNobodyHasItOpenOrMapped) {
  Machine machine(17);
  machine.set_capacity({.bytes = 8192, .inodes = 3});  // The root and two more.
  const auto root = root_of(machine);
  const auto other = create(machine, "a");
  auto file = create(machine, "b");
  ASSERT_TRUE(file->write(0, filled(4096, 1)));
  auto again = open(machine, "b");
  auto mapping = file->map(65'536).value();
  const auto room = [&] {
    const bool bytes = other->allocate(0, 8192).has_value();
    EXPECT_TRUE(other->truncate(0));
    const auto made = root->open_file("c", kCreate);
    EXPECT_EQ(made.has_value(), bytes);
    EXPECT_EQ(root->unlink("c").has_value(), bytes);
    return bytes;
  };
  ASSERT_TRUE(root->rename("b", "d", IfTargetExists::kFail));
  ASSERT_TRUE(root->unlink("d"));
  EXPECT_FALSE(room());
  EXPECT_TRUE(file->write(4096, filled(4096, 2)));  // It may even grow.
  EXPECT_FALSE(file->write(8192, filled(1, 2)));
  ASSERT_TRUE(file->truncate(4096));
  file.reset();
  EXPECT_FALSE(room());
  again.reset();
  EXPECT_FALSE(room());
  mapping.reset();
  EXPECT_TRUE(room());
}

TEST(Capacity, OfAFileThatAnotherTookTheNameOfIsFreeWhenItIsClosed) {
  Machine machine(17);
  machine.set_capacity({.bytes = 8192});
  auto replaced = create(machine, "a");
  ASSERT_TRUE(replaced->write(0, filled(4096, 1)));
  const auto file = create(machine, "b");
  ASSERT_TRUE(file->write(0, filled(4096, 2)));
  ASSERT_TRUE(root_of(machine)->rename("b", "a", IfTargetExists::kReplace));
  EXPECT_FALSE(file->allocate(0, 8192));
  replaced.reset();
  EXPECT_TRUE(file->allocate(0, 8192));
}

TEST(Directories, AreRemovedWhereTheyAreEmpty) {
  Machine machine(17);
  const auto root = root_of(machine);
  ASSERT_TRUE(root->make_directory("d"));
  const auto folder = root->open_directory("d").value();
  ASSERT_TRUE(folder->make_directory("e"));
  create(machine, "f");
  EXPECT_EQ(root->remove_directory("missing").error().code(), Code::kNotFound);
  EXPECT_EQ(root->remove_directory("f").error().code(), Code::kInvalidArgument);
  EXPECT_EQ(root->remove_directory("d").error().code(), Code::kAlreadyExists);
  ASSERT_TRUE(folder->remove_directory("e"));
  ASSERT_TRUE(root->sync());
  ASSERT_TRUE(root->remove_directory("d"));
  EXPECT_EQ(root->open_directory("d").error().code(), Code::kNotFound);
  // Not durable yet: a power cut may bring it back.
  machine.cut_power(CrashMode::kNothing);
  EXPECT_TRUE(root_of(machine)->open_directory("d"));
}

TEST(Capacity, OfRemovedFilesIsFreeWhenTheirProcessEnds) {
  Machine machine(17);
  machine.set_capacity({.bytes = 4096});
  auto file = create(machine, "a");
  ASSERT_TRUE(file->write(0, filled(4096, 1)));
  ASSERT_TRUE(root_of(machine)->unlink("a"));
  EXPECT_FALSE(create(machine, "b")->allocate(0, 4096));
  machine.kill();
  const auto later = open(machine, "b");
  EXPECT_TRUE(later->allocate(0, 4096));
  ASSERT_TRUE(root_of(machine)->unlink("b"));
  file.reset();  // Closes nothing of this life.
  EXPECT_FALSE(create(machine, "c")->allocate(0, 4096));
}

TEST(Capacity, TakesOfAWriteWhatStillFits) {
  Machine machine(17);
  machine.set_capacity({.bytes = 4096});
  const auto file = create(machine, "a");
  const auto full = file->write(100, filled(10'000, 1));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), Code::kOutOfSpace);
  EXPECT_EQ(file->size(), 4096U);
  EXPECT_TRUE(file->write(0, filled(4096, 2)));  // Overwriting needs no room.
  machine.set_capacity({.bytes = 0});
  EXPECT_TRUE(file->write(0, filled(4096, 3)));
  EXPECT_FALSE(file->write(4096, filled(1, 3)));
}

TEST(Capacity, OfInodesStopsNewFilesAndDirectories) {
  Machine machine(18);
  machine.set_capacity({.inodes = 3});  // The root and two more.
  const auto root = root_of(machine);
  ASSERT_TRUE(root->open_file("a", kCreate));
  ASSERT_TRUE(root->make_directory("b"));
  EXPECT_EQ(root->open_file("c", kCreate).error().code(), Code::kOutOfSpace);
  EXPECT_EQ(root->make_directory("c").error().code(), Code::kOutOfSpace);
  EXPECT_TRUE(root->open_file("a", kReadWrite));
  ASSERT_TRUE(root->unlink("a"));
  EXPECT_TRUE(root->open_file("c", kCreate));
}

TEST(Capacity, OfOneFileEndsLongBeforeTheMemoryOfTheMachineThatSimulates) {
  Machine machine(19);
  const auto file = create(machine, "a");
  for (const std::uint64_t wild : {std::uint64_t{1} << 40, ~std::uint64_t{0} - 1}) {
    EXPECT_EQ(file->write(wild, filled(10, 1)).error().code(), Code::kOutOfSpace);
    EXPECT_EQ(file->allocate(wild, 10).error().code(), Code::kOutOfSpace);
    EXPECT_EQ(file->truncate(wild).error().code(), Code::kOutOfSpace);
  }
  EXPECT_EQ(file->size(), 0U);
}

// --- Direct access -------------------------------------------------------------------------------

TEST(Direct, IsUnsupportedWhereTheMachineSaysSoAndOnlyForFilesThatExist) {
  Machine machine(25);
  create(machine, "f");
  const OpenOptions direct{OpenMode::kRead, true};
  EXPECT_TRUE(root_of(machine)->open_file("f", direct));
  machine.set_direct_supported(false);
  EXPECT_EQ(root_of(machine)->open_file("f", direct).error().code(), Code::kUnsupported);
  EXPECT_EQ(root_of(machine)->open_file("g", direct).error().code(), Code::kNotFound);
}

TEST(Direct, ReadsTheMediumBehindTheCachesBack) {
  Machine machine(26);
  const auto file = create_durable(machine, "f", filled(8192, 1));
  fail_next(machine, FaultKind::kLostWrite);
  ASSERT_TRUE(file->write(0, filled(4096, 2)));
  ASSERT_TRUE(file->write(4096, filled(4096, 3)));  // Pending: written back before the read.
  const auto direct = root_of(machine)->open_file("f", {OpenMode::kRead, true}).value();
  AlignedBuffer into(8192);
  ASSERT_TRUE(direct->read_exactly(0, into.bytes()));
  EXPECT_EQ(copy(into.bytes().first(4096)), filled(4096, 1));
  EXPECT_EQ(copy(into.bytes().subspan(4096)), filled(4096, 3));
}

TEST(Direct, WantsOffsetSizeAndMemoryAligned) {
  Machine machine(27);
  create_durable(machine, "f", filled(16'384, 1));
  const auto direct = root_of(machine)->open_file("f", {OpenMode::kReadWrite, true}).value();
  AlignedBuffer buffer(12'288);
  const MutableBytes bytes = buffer.bytes();
  EXPECT_TRUE(direct->read(4096, bytes.first(4096)));
  EXPECT_TRUE(direct->write(4096, bytes.first(4096)));
  EXPECT_EQ(direct->read(512, bytes.first(4096)).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(direct->read(0, bytes.first(512)).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(direct->read(0, bytes.subspan(512, 4096)).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(direct->write(512, bytes.first(4096)).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(direct->write(0, bytes.first(512)).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(direct->write(0, bytes.subspan(512, 4096)).error().code(), Code::kInvalidArgument);
}

TEST(Direct, IsCompleteThroughShortCallsAndAtAnOddEnd) {
  Machine machine(28);
  create_durable(machine, "f", filled(20'000, 1));
  machine.inject({0, FaultKind::kShort, true});
  const auto direct = root_of(machine)->open_file("f", {OpenMode::kReadWrite, true}).value();
  AlignedBuffer buffer(24'576);
  EXPECT_EQ(direct->read(0, buffer.bytes()), 20'000U);
  EXPECT_TRUE(direct->write(0, buffer.bytes().first(16'384)));
}

// --- Locks ---------------------------------------------------------------------------------------

TEST(Locks, ConflictBetweenOpenFilesWhereTheyOverlapUnlessBothShare) {
  Machine machine(29);
  const auto first = create(machine, "f");
  const auto second = open(machine, "f");
  ASSERT_TRUE(first->try_lock(LockKind::kExclusive, 10, 10));
  for (const LockKind kind : {LockKind::kShared, LockKind::kExclusive}) {
    for (const auto& [offset, size] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
             {10, 10}, {19, 1}, {5, 6}, {0, 100}, {0, kToTheEnd}}) {
      EXPECT_EQ(second->try_lock(kind, offset, size).error().code(), Code::kBusy);
    }
    EXPECT_TRUE(second->try_lock(kind, 0, 10));
    EXPECT_TRUE(second->try_lock(kind, 20, 10));
  }
  ASSERT_TRUE(first->try_lock(LockKind::kShared, 10, 10));  // Becomes weaker.
  EXPECT_TRUE(second->try_lock(LockKind::kShared, 10, 10));
  EXPECT_FALSE(second->try_lock(LockKind::kExclusive, 10, 10));
  EXPECT_FALSE(first->try_lock(LockKind::kExclusive, 10, 10));
}

TEST(Locks, OfOthersAreFoundWithoutTakingThem) {
  Machine machine(1);
  const auto first = create(machine, "a");
  const auto second = open(machine, "a");
  ASSERT_TRUE(first->try_lock(LockKind::kShared, 10, 10));
  EXPECT_EQ(second->is_locked(0, 10), false);
  EXPECT_EQ(second->is_locked(19, 1), true);
  EXPECT_EQ(second->is_locked(20, kToTheEnd), false);
  EXPECT_EQ(second->is_locked(0, kToTheEnd), true);
  EXPECT_EQ(first->is_locked(0, kToTheEnd), false);  // Its own.
}

TEST(Locks, AreReleasedInPartAsRealOnesAre) {
  Machine machine(30);
  const auto first = create(machine, "f");
  const auto second = open(machine, "f");
  ASSERT_TRUE(first->try_lock(LockKind::kExclusive, 0, kToTheEnd));
  ASSERT_TRUE(first->unlock(10, 10));
  EXPECT_TRUE(second->try_lock(LockKind::kExclusive, 10, 10));
  EXPECT_FALSE(second->try_lock(LockKind::kExclusive, 9, 1));
  EXPECT_FALSE(second->try_lock(LockKind::kExclusive, 20, 1));
  ASSERT_TRUE(first->unlock(0, kToTheEnd));
  EXPECT_TRUE(second->try_lock(LockKind::kExclusive, 0, kToTheEnd));
}

TEST(Locks, EndWithTheirFileAndNotWithAnother) {
  Machine machine(31);
  auto holder = create(machine, "f");
  ASSERT_TRUE(holder->try_lock(LockKind::kExclusive, 0, 1));
  open(machine, "f").reset();
  EXPECT_FALSE(open(machine, "f")->try_lock(LockKind::kShared, 0, 1));
  holder.reset();
  EXPECT_TRUE(open(machine, "f")->try_lock(LockKind::kShared, 0, 1));
}

// --- Mappings and the cache ----------------------------------------------------------------------

TEST(SimulatedMapping, ShowsEveryChangeAtABaseThatNeverMoves) {
  Machine machine(32);
  const auto file = create(machine, "f");
  ASSERT_TRUE(file->write(0, filled(100, 1)));
  const auto mapping = file->map(std::uint64_t{1} << 30).value();
  const std::byte* const base = mapping->base();
  EXPECT_EQ(copy({base, 100}), filled(100, 1));
  ASSERT_TRUE(file->write(50, filled(100, 2)));
  EXPECT_EQ(base[49], std::byte{1});
  EXPECT_EQ(copy({base + 50, 100}), filled(100, 2));
  ASSERT_TRUE(open(machine, "f")->write(0, filled(10, 3)));  // Through another open file.
  EXPECT_EQ(copy({base, 10}), filled(10, 3));
  ASSERT_TRUE(file->truncate(60));
  ASSERT_TRUE(file->allocate(0, 100'000));
  EXPECT_EQ(copy({base + 60, 100}), filled(100, 0));  // What was cut off is not there again.
  ASSERT_TRUE(file->write(90'000, filled(10'000, 4)));
  EXPECT_EQ(copy({base + 90'000, 10'000}), filled(10'000, 4));
  EXPECT_EQ(mapping->base(), base);
}

TEST(SimulatedMapping, ShowsZerosBetweenTheOldEndAndAWriteBehindIt) {
  Machine machine(32);
  const auto file = create(machine, "f");
  ASSERT_TRUE(file->write(0, filled(100, 1)));
  const auto mapping = file->map(65'536).value();
  ASSERT_TRUE(file->truncate(60));
  ASSERT_TRUE(file->write(90, filled(10, 2)));
  EXPECT_EQ(copy({mapping->base() + 60, 30}), filled(30, 0));
  EXPECT_EQ(copy({mapping->base() + 90, 10}), filled(10, 2));
}

TEST(SimulatedMapping, ShowsDamageAsReadsDo) {
  Machine machine(32);
  const auto file = create_durable(machine, "f", filled(8 * kSectorSize, 1));
  ASSERT_TRUE(file->write(kSectorSize, filled(kSectorSize, 2)));
  ASSERT_TRUE(file->sync_data());
  const auto mapping = file->map(65'536).value();
  const auto second = open(machine, "f")->map(2000).value();  // Ends before the file does.
  const auto shown = [&] { return copy({mapping->base(), 8 * kSectorSize}); };
  machine.image("/f")->flip_bit(7, 1);
  EXPECT_EQ(mapping->base()[7], std::byte{3});
  EXPECT_EQ(second->base()[7], std::byte{3});
  machine.image("/f")->overwrite(1990, filled(30, 4));
  EXPECT_EQ(second->base()[1999], std::byte{4});
  EXPECT_EQ(shown(), bytes_of(machine, "f"));
  ASSERT_TRUE(machine.image("/f")->make_stale(1));
  EXPECT_EQ(mapping->base()[kSectorSize], std::byte{1});
  EXPECT_EQ(shown(), bytes_of(machine, "f"));

  machine.clone(1)->image("/f")->flip_bit(0, 7);  // Another file, which nobody has mapped.
  EXPECT_EQ(mapping->base()[0], std::byte{1});
}

TEST(SimulatedMapping, PopulatesToTheEndOfTheFilesLastMemoryPage) {
  Machine machine(33);
  const auto file = create(machine, "f");
  ASSERT_TRUE(file->write(0, filled(5000, 1)));
  const auto mapping = file->map(65'536).value();
  EXPECT_TRUE(mapping->populate(0, 8192));
  EXPECT_EQ(mapping->populate(0, 8193).error().code(), Code::kIoError);
  EXPECT_EQ(mapping->populate(8192, 1).error().code(), Code::kIoError);
  EXPECT_EQ(mapping->populate(65'536, 1).error().code(), Code::kResourceExhausted);
  ASSERT_TRUE(file->allocate(0, 12'288));
  EXPECT_TRUE(mapping->populate(8192, 4096));
}

TEST(DontNeed, RevealsWhatAFailedFlushDroppedOnlyWhereNobodyHasItMapped) {
  std::set<Buffer> seen;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Machine machine(seed);
    const auto file = create_durable(machine, "f", filled(8192, 1));
    ASSERT_TRUE(file->write(0, filled(8192, 2)));
    fail_next(machine, FaultKind::kSyncDrops);
    ASSERT_FALSE(file->sync_data());
    auto mapping = file->map(65'536).value();
    file->advise(0, kToTheEnd, Advice::kDontNeed);
    EXPECT_EQ(bytes_of(machine, "f"), filled(8192, 2));
    mapping.reset();
    for (const Advice other : {Advice::kRandom, Advice::kSequential, Advice::kWillNeed}) {
      file->advise(0, kToTheEnd, other);
    }
    EXPECT_EQ(bytes_of(machine, "f"), filled(8192, 2));
    file->advise(0, kToTheEnd, Advice::kDontNeed);
    EXPECT_EQ(bytes_of(machine, "f"), copy(machine.image("/f")->durable()));
    seen.insert(bytes_of(machine, "f"));
  }
  EXPECT_TRUE(seen.contains(filled(8192, 1)));
}

TEST(DontNeed, DropsTheWholePagesOfItsRangeOnly) {
  Machine machine(34);
  const auto file = create_durable(machine, "f", filled(12'288 + 100, 1));
  fail_next(machine, FaultKind::kLostWrite);
  ASSERT_TRUE(file->write(0, filled(12'288 + 100, 2)));
  file->advise(1, 8192, Advice::kDontNeed);  // Covers only the second page whole.
  Buffer expected = filled(12'288 + 100, 2);
  std::fill_n(expected.begin() + 4096, 4096, std::byte{1});
  EXPECT_EQ(bytes_of(machine, "f"), expected);
  file->advise(12'288, 100, Advice::kDontNeed);  // The page with the file's end counts as whole.
  std::fill(expected.begin() + 12'288, expected.end(), std::byte{1});
  EXPECT_EQ(bytes_of(machine, "f"), expected);
}

TEST(DontNeed, KeepsWhatIsPending) {
  Machine machine(35);
  const auto file = create_durable(machine, "f", filled(8192, 1));
  ASSERT_TRUE(file->write(0, filled(4096, 2)));
  file->advise(0, kToTheEnd, Advice::kDontNeed);
  EXPECT_EQ(bytes_of(machine, "f")[0], std::byte{2});
}

TEST(DontNeed, IsNotHinderedByMappingsOfADeadProcess) {
  Machine machine(36);
  const auto file = create_durable(machine, "f", filled(4096, 1));
  const auto mapping = file->map(65'536).value();
  fail_next(machine, FaultKind::kLostWrite);
  ASSERT_TRUE(file->write(0, filled(4096, 2)));
  machine.kill();
  open(machine, "f")->advise(0, kToTheEnd, Advice::kDontNeed);
  EXPECT_EQ(bytes_of(machine, "f"), filled(4096, 1));
}

}  // namespace
}  // namespace caisson::io::sim

// Method: the loops, errors and counters of File and Directory run over two kinds of driver. A
// reluctant one, written here, interrupts and cuts short as a script says and refuses with any
// errno; the simulated machine does the same to each call of a whole workload in turn. The oracle
// is a vector of bytes. What would slip through: anything that only a real system does, which
// posix_test.cc looks at.

#include "io/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "base/random.h"
#include "io/sim/machine.h"
#include "io/sim/testing/programs.h"
#include "io/testing/reluctant.h"

namespace caisson::io {
namespace {

using sim::FaultKind;
using sim::Machine;
using testing::Buffer;
using testing::Fixture;
using testing::IfTargetExists;
using testing::kCreate;
using testing::random_bytes;
using testing::root_of;

// --- Short and interrupted calls -----------------------------------------------------------------

TEST(File, WritesEverythingThroughShortCalls) {
  const Buffer bytes = random_bytes(1000, 1);
  for (const std::size_t step : {1U, 7U, 999U, 1000U, 1001U}) {
    Fixture fixture;
    fixture.script.bytes_max = step;
    ASSERT_TRUE(fixture.file.write(0, bytes)) << step;
    EXPECT_EQ(fixture.script.content, bytes) << step;
    EXPECT_EQ(fixture.script.calls, static_cast<int>((1000 + step - 1) / step));
  }
}

TEST(File, ReadsEverythingThroughShortCalls) {
  const Buffer bytes = random_bytes(1000, 2);
  for (const std::size_t step : {1U, 7U, 999U, 1000U, 1001U}) {
    Fixture fixture;
    fixture.script.content = bytes;
    fixture.script.bytes_max = step;
    Buffer into(1000);
    EXPECT_EQ(fixture.file.read(0, into), 1000U) << step;
    EXPECT_EQ(into, bytes) << step;
  }
}

TEST(File, GoesOnAfterEveryInterruptionOfReadsAndWrites) {
  const Buffer bytes = random_bytes(50, 3);
  Fixture fixture;
  fixture.script.interruptions = 3;
  fixture.script.bytes_max = 1;
  ASSERT_TRUE(fixture.file.write(0, bytes));
  EXPECT_EQ(fixture.script.content, bytes);
  EXPECT_EQ(fixture.script.calls, 50 * 4);
  Buffer into(50);
  EXPECT_EQ(fixture.file.read(0, into), 50U);
  EXPECT_EQ(into, bytes);
}

TEST(File, GoesOnAfterInterruptionsOfAllCallsButFlushes) {
  Fixture fixture;
  fixture.script.content.resize(10);
  fixture.script.interruptions = 2;
  EXPECT_TRUE(fixture.file.allocate(0, 10));
  EXPECT_TRUE(fixture.file.truncate(10));
  EXPECT_EQ(fixture.file.size(), 10U);
  EXPECT_TRUE(fixture.file.identity());
  EXPECT_TRUE(fixture.file.try_lock(LockKind::kShared, 0, 1));
  EXPECT_TRUE(fixture.file.unlock(0, 1));
  EXPECT_EQ(fixture.file.is_locked(0, 1), false);
  EXPECT_TRUE(fixture.directory.open_file("f", {}));
  EXPECT_TRUE(fixture.directory.open_directory("d"));
  EXPECT_TRUE(fixture.directory.make_directory("d"));
  EXPECT_TRUE(fixture.directory.rename("a", "b", IfTargetExists::kFail));
  EXPECT_TRUE(fixture.directory.unlink("a"));
  EXPECT_EQ(fixture.directory.list(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(fixture.directory.file_system(), FileSystemKind::kNetwork);
}

TEST(Vfs, GoesOnDrawingRandomBytesAfterAnInterruption) {
  Machine machine(7);
  const Buffer zeros(32);
  Buffer bytes = zeros;
  machine.inject({.call = 0, .kind = sim::FaultKind::kInterrupted});
  EXPECT_TRUE(machine.vfs().random(bytes));
  EXPECT_NE(bytes, zeros);
  EXPECT_EQ(machine.vfs().counters().calls(Call::kRandom), 2U);
  machine.inject({.call = 2, .kind = sim::FaultKind::kIoError});
  EXPECT_EQ(machine.vfs().random(bytes).error().code(), Code::kIoError);
}

TEST(File, GivesUpInAStormOfInterruptionsThatNeverEnds) {
  Fixture fixture;
  fixture.script.interruptions = 1 << 30;
  Buffer into(10);
  const auto read = fixture.file.read(0, into);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Code::kIoError);
  EXPECT_FALSE(fixture.file.write(0, into));
  EXPECT_LE(fixture.script.calls, 2000);
}

TEST(File, FailsInsteadOfSpinningWhenAWriteMovesNothing) {
  Fixture fixture;
  fixture.script.bytes_max = 0;
  const Buffer bytes(10);
  const Bytes part = bytes;
  const auto plain = fixture.file.write(5, bytes);
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().code(), Code::kOutOfSpace);
  const auto vector = fixture.file.write_vector(5, std::span(&part, 1));
  ASSERT_FALSE(vector);
  EXPECT_EQ(vector.error().code(), Code::kOutOfSpace);
  EXPECT_EQ(vector.error().offset(), 5U);
  EXPECT_EQ(fixture.script.calls, 2);
}

TEST(File, IsCompleteOnAMachineWhereEveryCallIsShort) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Machine machine(seed);
    machine.inject({0, FaultKind::kShort, true});
    const auto file = root_of(machine)->open_file("f", kCreate).value();
    const Buffer bytes = random_bytes(3000, seed);
    ASSERT_TRUE(file->write(100, bytes)) << machine.describe();
    Buffer into(3000);
    ASSERT_TRUE(file->read_exactly(100, into)) << machine.describe();
    EXPECT_EQ(into, bytes) << machine.describe();
    EXPECT_GT(machine.faults_hit(), 2U);
  }
}

TEST(File, IsCompleteWhicheverCallOfAWorkloadIsInterrupted) {
  const Buffer bytes = random_bytes(300, 5);
  const Bytes parts[] = {Bytes(bytes).first(100), Bytes(bytes).subspan(100)};
  constexpr std::uint64_t kCalls = 5;
  for (std::uint64_t call = 0; call < kCalls; ++call) {
    Machine machine(1);
    const auto root = root_of(machine);
    machine.inject({call, FaultKind::kInterrupted, false});
    const auto file = root->open_file("f", kCreate);
    ASSERT_TRUE(file) << machine.describe();
    Buffer into(300);
    ASSERT_TRUE((*file)->write(0, bytes)) << machine.describe();
    ASSERT_TRUE((*file)->write_vector(300, parts)) << machine.describe();
    ASSERT_TRUE((*file)->read_exactly(300, into)) << machine.describe();
    EXPECT_EQ(into, bytes) << machine.describe();
    EXPECT_EQ((*file)->size(), 600U) << machine.describe();
    EXPECT_EQ(machine.faults_hit(), 1U) << machine.describe();
    EXPECT_EQ(machine.calls(), kCalls + 1) << "adapt kCalls, so that every call has its turn";
  }
}

// --- Reading at the end --------------------------------------------------------------------------

TEST(File, ReadsWhatThereIsBeforeTheEndAndNothingBehind) {
  Fixture fixture;
  fixture.script.content = random_bytes(10, 6);
  Buffer into(20, std::byte{0xee});
  EXPECT_EQ(fixture.file.read(4, into), 6U);
  EXPECT_TRUE(std::equal(into.begin(), into.begin() + 6, fixture.script.content.begin() + 4));
  EXPECT_EQ(into[6], std::byte{0xee});
  EXPECT_EQ(fixture.file.read(10, into), 0U);
  EXPECT_EQ(fixture.file.read(10, {}), 0U);
}

TEST(File, CallsAFileThatEndsTooEarlyCorruptAndSaysWhere) {
  Fixture fixture;
  fixture.script.content.resize(10);
  Buffer into(20);
  const auto read = fixture.file.read_exactly(4, into);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Code::kCorruption);
  EXPECT_EQ(read.error().file(), "pages");
  EXPECT_EQ(read.error().offset(), 4U);
  EXPECT_THAT(read.error().message(), ::testing::HasSubstr("6 of 20"));
  EXPECT_FALSE(fixture.file.read_exactly(10, std::span(into).first(1)));
  EXPECT_TRUE(fixture.file.read_exactly(0, std::span(into).first(10)));
  EXPECT_TRUE(fixture.file.read_exactly(10, {}));
}

// --- Vectors -------------------------------------------------------------------------------------

// Parts of odd sizes, empty ones among them, of one run of random bytes.
std::vector<Bytes> cut_up(Bytes bytes, std::size_t count, Random& random) {
  std::vector<Bytes> parts;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size =
        random.chance(1, 5) ? 0 : random.below(std::min<std::size_t>(bytes.size(), 40) + 1);
    parts.push_back(bytes.first(size));
    bytes = bytes.subspan(size);
  }
  return parts;
}

Buffer joined(std::span<const Bytes> parts) {
  Buffer all;
  for (const Bytes part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

TEST(File, WritesVectorsOfAnyLengthInOrderAndWholeThroughShortCalls) {
  Random random(7);
  const Buffer bytes = random_bytes(40 * 600, 7);
  for (std::size_t count = 0; count <= 600; ++count) {
    Fixture fixture;
    fixture.script.bytes_max = random.chance(1, 4) ? ~0UL : 1 + random.below(3000);
    fixture.script.interruptions = static_cast<int>(random.below(3));
    const std::vector<Bytes> parts = cut_up(bytes, count, random);
    const Buffer whole = joined(parts);
    ASSERT_TRUE(fixture.file.write_vector(0, parts)) << count;
    ASSERT_EQ(fixture.script.content, whole) << count;
    EXPECT_LE(fixture.script.longest_vector, kVectorLengthMax);
  }
}

TEST(File, WritesAVectorWhereverAShortCallStopsInIt) {
  const Buffer bytes = random_bytes(12, 8);
  const Bytes all = bytes;
  const std::vector<Bytes> parts = {all.first(3),      all.subspan(3, 0), all.subspan(3, 1),
                                    all.subspan(4, 0), all.subspan(4, 0), all.subspan(4, 8),
                                    all.subspan(12)};
  for (std::size_t stop = 1; stop <= 12; ++stop) {
    Fixture fixture;
    fixture.script.bytes_max = stop;
    ASSERT_TRUE(fixture.file.write_vector(0, parts)) << stop;
    EXPECT_EQ(fixture.script.content, bytes) << stop;
  }
}

TEST(File, WritesAVectorInAsFewCallsAsItsLengthAllows) {
  const Buffer bytes = random_bytes(600, 9);
  std::vector<Bytes> parts;
  for (std::size_t i = 0; i < bytes.size(); ++i) parts.push_back(Bytes(bytes).subspan(i, 1));
  Fixture fixture;
  ASSERT_TRUE(fixture.file.write_vector(0, parts));
  EXPECT_EQ(fixture.script.calls, 3);  // 256 + 256 + 88.
  EXPECT_EQ(fixture.script.longest_vector, kVectorLengthMax);
  ASSERT_TRUE(fixture.file.write_vector(0, {}));
  EXPECT_EQ(fixture.script.calls, 3);
}

TEST(File, NamesThePlaceWhereAVectorStopped) {
  Machine machine(3);
  const auto file = root_of(machine)->open_file("f", kCreate).value();
  machine.set_capacity({.bytes = 4096});
  const Buffer bytes = random_bytes(6000, 10);
  const Bytes parts[] = {Bytes(bytes).first(1000), Bytes(bytes).subspan(1000)};
  const auto written = file->write_vector(0, parts);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), Code::kOutOfSpace);
  EXPECT_EQ(written.error().offset(), 4096U);  // The disk took what it could before.
  Buffer into(4096);
  ASSERT_TRUE(file->read_exactly(0, into));
  EXPECT_TRUE(std::equal(into.begin(), into.end(), bytes.begin()));
}

// --- Flushes -------------------------------------------------------------------------------------

TEST(File, NeverRepeatsAFlushThatFailedOrWasInterrupted) {
  for (const int error : {EIO, EINTR, ENOSPC, EAGAIN}) {
    Fixture fixture;
    fixture.script.error = error;
    EXPECT_FALSE(fixture.file.sync_data()) << error;
    EXPECT_EQ(fixture.script.calls, 1) << error;
    EXPECT_FALSE(fixture.file.sync_all()) << error;
    EXPECT_EQ(fixture.script.calls, 2) << error;
    EXPECT_FALSE(fixture.directory.sync()) << error;
    EXPECT_EQ(fixture.script.calls, 3) << error;
  }
}

TEST(File, ReportsAnInterruptedFlushAsAFailure) {
  Fixture fixture;
  fixture.script.interruptions = 1;
  const auto flushed = fixture.file.sync_data();
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().code(), Code::kIoError);
}

// --- Writes that are durable ---------------------------------------------------------------------

constexpr SyncMethod kInOneCall[] = {SyncMethod::kDsync, SyncMethod::kUring};

TEST(File, WritesAndSyncsInOneCallWhereThereIsOne) {
  const Buffer bytes = random_bytes(12, 11);
  const Bytes parts[] = {Bytes(bytes).first(5), Bytes(bytes).subspan(5)};
  for (const SyncMethod method : kInOneCall) {
    Fixture fixture;
    fixture.script.joint_error = 0;
    EXPECT_EQ(fixture.file.write_and_sync(0, parts, method), method);
    EXPECT_EQ(fixture.script.content, bytes);
    EXPECT_EQ(fixture.script.calls, 1);
    EXPECT_EQ(fixture.counters.bytes(Call::kWriteAndSync), 12U);
  }
}

TEST(File, WritesAndSyncsInTwoCallsWhereThereIsNone) {
  const Buffer bytes = random_bytes(12, 12);
  const Bytes parts[] = {Bytes(bytes).first(5), Bytes(bytes).subspan(5)};
  for (const SyncMethod method : {SyncMethod::kTwoCalls, SyncMethod::kDsync, SyncMethod::kUring}) {
    for (const int error : {ENOSYS, EOPNOTSUPP, EPERM}) {
      Fixture fixture;
      fixture.script.joint_error = error;
      EXPECT_EQ(fixture.file.write_and_sync(0, parts, method), SyncMethod::kTwoCalls);
      EXPECT_EQ(fixture.script.content, bytes);
      EXPECT_EQ(fixture.counters.calls(Call::kWrite), 1U);
      EXPECT_EQ(fixture.counters.calls(Call::kSyncData), 1U);
    }
  }
}

TEST(File, WritesAgainAndFlushesWhatOneCallLeftShort) {
  const Buffer bytes = random_bytes(12, 13);
  const Bytes parts[] = {Bytes(bytes).first(5), Bytes(bytes).subspan(5)};
  for (const SyncMethod method : kInOneCall) {
    for (std::size_t stop = 1; stop < bytes.size(); ++stop) {
      Fixture fixture;
      fixture.script.joint_error = 0;
      fixture.script.bytes_max = stop;
      EXPECT_EQ(fixture.file.write_and_sync(0, parts, method), method);
      EXPECT_EQ(fixture.script.content, bytes) << stop;
      EXPECT_EQ(fixture.counters.calls(Call::kSyncData), 1U) << stop;
    }
  }
}

TEST(File, NeverRetriesAWriteThatWasToBeDurable) {
  const Buffer bytes(12);
  const Bytes part = bytes;
  for (const SyncMethod method : kInOneCall) {
    for (const int error : {EIO, EINTR, ENOSPC, EAGAIN}) {
      Fixture fixture;
      fixture.script.joint_error = 0;
      fixture.script.error = error;
      EXPECT_FALSE(fixture.file.write_and_sync(0, std::span(&part, 1), method));
      EXPECT_EQ(fixture.script.calls, 1);
    }
  }
}

}  // namespace
}  // namespace caisson::io

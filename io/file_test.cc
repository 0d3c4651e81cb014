// Method: the loops, errors and counters of File and Directory run over two kinds of driver. A
// reluctant one, written here, interrupts and cuts short as a script says and refuses with any
// errno; the simulated machine does the same to each call of a whole workload in turn. The oracle
// is a vector of bytes. What would slip through: anything that only a real system does, which
// posix_test.cc looks at.

#include "io/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "io/memory.h"
#include "io/sim/machine.h"

namespace caisson::io {
namespace {

using sim::FaultKind;
using sim::Machine;

using Buffer = std::vector<std::byte>;

Buffer random_bytes(std::size_t size, std::uint64_t seed) {
  Buffer bytes(size);
  Random(seed).fill(bytes);
  return bytes;
}

// What a reluctant driver does to its callers, and what it has seen of them.
struct Reluctance {
  int interruptions = 0;         // Before each call that does something.
  std::size_t bytes_max = ~0UL;  // That one call moves; 0 moves nothing for ever.
  int error = 0;                 // What every call fails with, when not 0.

  Buffer content;
  int calls = 0;
  std::size_t longest_vector = 0;
  int interrupted = 0;  // Since the last call that did something.

  // The outcome of a call that moves up to `size` bytes.
  SysResult attempt(std::size_t size) {
    ++calls;
    if (error != 0) return {0, error};
    if (interrupted < interruptions) {
      ++interrupted;
      return {0, EINTR};
    }
    interrupted = 0;
    return {static_cast<std::int64_t>(std::min(size, bytes_max)), 0};
  }
};

class ReluctantMapping final : public MappingDriver {
 public:
  explicit ReluctantMapping(Reluctance& script) : script_(script) {}
  const std::byte* base() const override { return script_.content.data(); }
  std::uint64_t size() const override { return script_.content.size(); }
  SysResult populate(std::uint64_t, std::uint64_t) override { return script_.attempt(0); }
  SysResult advise(std::uint64_t, std::uint64_t, Advice) override { return script_.attempt(0); }
  SysResult lock(std::uint64_t, std::uint64_t) override { return script_.attempt(0); }

 private:
  Reluctance& script_;
};

class ReluctantFile final : public FileDriver {
 public:
  explicit ReluctantFile(Reluctance& script) : script_(script) {}

  SysResult read(std::uint64_t offset, MutableBytes into) override {
    const std::uint64_t left = script_.content.size() - std::min(offset, script_.content.size());
    const SysResult result = script_.attempt(std::min<std::uint64_t>(into.size(), left));
    if (result.error == 0) {
      std::copy_n(script_.content.begin() + static_cast<std::ptrdiff_t>(offset), result.value,
                  into.begin());
    }
    return result;
  }

  SysResult write(std::uint64_t offset, Bytes from) override {
    return write_vector(offset, std::span(&from, 1));
  }

  SysResult write_vector(std::uint64_t offset, std::span<const Bytes> from) override {
    script_.longest_vector = std::max(script_.longest_vector, from.size());
    Buffer bytes;
    for (const Bytes part : from) bytes.insert(bytes.end(), part.begin(), part.end());
    const SysResult result = script_.attempt(bytes.size());
    if (result.error != 0) return result;
    const auto count = static_cast<std::size_t>(result.value);
    script_.content.resize(std::max(script_.content.size(), offset + count));
    std::copy_n(bytes.begin(), count,
                script_.content.begin() + static_cast<std::ptrdiff_t>(offset));
    return result;
  }

  SysResult sync_data() override { return script_.attempt(0); }
  SysResult sync_all() override { return script_.attempt(0); }
  SysResult allocate(std::uint64_t, std::uint64_t) override { return script_.attempt(0); }
  SysResult truncate(std::uint64_t) override { return script_.attempt(0); }
  SysResult size() override { return script_.attempt(script_.content.size()); }
  SysResult try_lock(LockKind, std::uint64_t, std::uint64_t) override { return script_.attempt(0); }
  SysResult unlock(std::uint64_t, std::uint64_t) override { return script_.attempt(0); }
  SysResult advise(std::uint64_t, std::uint64_t, Advice) override { return script_.attempt(0); }

  std::unique_ptr<MappingDriver> map(std::uint64_t, int& error) override {
    error = script_.attempt(0).error;
    if (error != 0) return nullptr;
    return std::make_unique<ReluctantMapping>(script_);
  }

 private:
  Reluctance& script_;
};

class ReluctantDirectory final : public DirectoryDriver {
 public:
  explicit ReluctantDirectory(Reluctance& script) : script_(script) {}

  std::unique_ptr<FileDriver> open_file(const std::string&, OpenMode, bool, int& error) override {
    error = script_.attempt(0).error;
    if (error != 0) return nullptr;
    return std::make_unique<ReluctantFile>(script_);
  }
  std::unique_ptr<DirectoryDriver> open_directory(const std::string&, int& error) override {
    error = script_.attempt(0).error;
    if (error != 0) return nullptr;
    return std::make_unique<ReluctantDirectory>(script_);
  }
  SysResult make_directory(const std::string&) override { return script_.attempt(0); }
  SysResult rename(const std::string&, const std::string&, bool) override {
    return script_.attempt(0);
  }
  SysResult unlink(const std::string&) override { return script_.attempt(0); }
  SysResult list(std::vector<std::string>& names) override {
    // Stops in the middle when it is interrupted; what it gave so far must not be given twice.
    names.insert(names.end(), {"b", "c", "a"});
    return script_.attempt(0);
  }
  SysResult sync() override { return script_.attempt(0); }
  SysResult file_system(FileSystemKind& kind) override {
    kind = FileSystemKind::kNetwork;
    return script_.attempt(0);
  }

 private:
  Reluctance& script_;
};

// A File over a script.
struct Fixture {
  Reluctance script;
  Counters counters;
  File file{std::make_unique<ReluctantFile>(script), "pages", counters};
  Directory directory{std::make_unique<ReluctantDirectory>(script), "store", counters};
};

std::unique_ptr<Directory> root_of(Machine& machine) {
  return machine.vfs().open_directory("/").value();
}

constexpr OpenOptions kCreate{OpenMode::kCreate, false};

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
  EXPECT_TRUE(fixture.file.try_lock(LockKind::kShared, 0, 1));
  EXPECT_TRUE(fixture.file.unlock(0, 1));
  EXPECT_TRUE(fixture.directory.open_file("f", {}));
  EXPECT_TRUE(fixture.directory.open_directory("d"));
  EXPECT_TRUE(fixture.directory.make_directory("d"));
  EXPECT_TRUE(fixture.directory.rename("a", "b", Directory::IfTargetExists::kFail));
  EXPECT_TRUE(fixture.directory.unlink("a"));
  EXPECT_EQ(fixture.directory.list(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(fixture.directory.file_system(), FileSystemKind::kNetwork);
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
  EXPECT_THAT(read.error().message(), testing::HasSubstr("6 of 20"));
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

// --- Errors --------------------------------------------------------------------------------------

TEST(SystemError, GivesEachErrnoTheCodeThatNamesTheNextStep) {
  const std::vector<std::pair<int, Code>> expected = {
      {ENOENT, Code::kNotFound},
      {EEXIST, Code::kAlreadyExists},
      {ENOTEMPTY, Code::kAlreadyExists},
      {EACCES, Code::kPermissionDenied},
      {EPERM, Code::kPermissionDenied},
      {EROFS, Code::kReadOnly},
      {ENOSPC, Code::kOutOfSpace},
      {EDQUOT, Code::kOutOfSpace},
      {EFBIG, Code::kOutOfSpace},
      {EAGAIN, Code::kBusy},
      {EISDIR, Code::kInvalidArgument},
      {ENOTDIR, Code::kInvalidArgument},
      {ELOOP, Code::kInvalidArgument},
      {EXDEV, Code::kInvalidArgument},
      {ENAMETOOLONG, Code::kInvalidArgument},
      {EINVAL, Code::kInvalidArgument},
      {EMFILE, Code::kResourceExhausted},
      {ENFILE, Code::kResourceExhausted},
      {ENOMEM, Code::kResourceExhausted},
      {EOPNOTSUPP, Code::kUnsupported},
      {ENOSYS, Code::kUnsupported},
      {EIO, Code::kIoError},
      {EBADF, Code::kIoError},
      {EINTR, Code::kIoError},
      {ESHUTDOWN, Code::kIoError},
      {ESTALE, Code::kIoError},
  };
  for (const auto& [error, code] : expected) {
    const Error made = system_error(error, "do it", "pages");
    EXPECT_EQ(made.code(), code) << error;
    EXPECT_EQ(made.file(), "pages") << error;
    EXPECT_EQ(made.message(), "cannot do it: " + std::generic_category().message(error));
  }
}

TEST(SystemError, AdvisesWhereAPersonCanDoSomething) {
  for (const int error :
       {EACCES, EROFS, ENOSPC, EFBIG, EAGAIN, EISDIR, ELOOP, EMFILE, ENOMEM, EIO}) {
    EXPECT_FALSE(system_error(error, "do it", "pages").advice().empty()) << error;
  }
  EXPECT_THAT(system_error(EFBIG, "do it", "pages").advice(), testing::HasSubstr("ulimit -f"));
  EXPECT_THAT(system_error(EMFILE, "do it", "pages").advice(), testing::HasSubstr("ulimit -n"));
}

TEST(File, NamesTheFileTheVerbAndTheOffsetInItsErrors) {
  Fixture fixture;
  File& file = fixture.file;
  const auto mapping = file.map(10).value();
  fixture.script.error = EIO;
  Buffer bytes(10);
  const Bytes part = bytes;

  const auto expect = [](const auto& result, std::string_view verb, std::string_view name,
                         std::optional<std::uint64_t> offset) {
    ASSERT_FALSE(result) << verb;
    EXPECT_EQ(result.error().code(), Code::kIoError);
    EXPECT_EQ(result.error().file(), name);
    EXPECT_EQ(result.error().offset(), offset) << verb;
    EXPECT_THAT(result.error().message(), testing::StartsWith("cannot " + std::string(verb) + ":"));
    EXPECT_FALSE(result.error().advice().empty());
  };
  expect(file.read(7, bytes), "read", "pages", 7);
  expect(file.read_exactly(7, bytes), "read", "pages", 7);
  expect(file.write(7, bytes), "write", "pages", 7);
  expect(file.write_vector(7, std::span(&part, 1)), "write", "pages", 7);
  expect(file.sync_data(), "flush", "pages", std::nullopt);
  expect(file.sync_all(), "flush", "pages", std::nullopt);
  expect(file.allocate(7, 1), "make room", "pages", std::nullopt);
  expect(file.truncate(7), "change the size", "pages", std::nullopt);
  expect(file.size(), "find the size", "pages", std::nullopt);
  expect(file.try_lock(LockKind::kShared, 7, 1), "lock", "pages", std::nullopt);
  expect(file.unlock(7, 1), "unlock", "pages", std::nullopt);
  expect(file.map(10), "map", "pages", std::nullopt);
  expect(mapping->populate(7, 1), "read mapped bytes", "pages", 7);
  Directory& directory = fixture.directory;
  expect(directory.open_file("f", {}), "open", "f", std::nullopt);
  expect(directory.open_file("f", kCreate), "create", "f", std::nullopt);
  expect(directory.open_directory("d"), "open the directory", "d", std::nullopt);
  expect(directory.make_directory("d"), "make the directory", "d", std::nullopt);
  expect(directory.rename("a", "b", Directory::IfTargetExists::kFail), "rename to b", "a",
         std::nullopt);
  expect(directory.unlink("a"), "remove", "a", std::nullopt);
  expect(directory.list(), "list the directory", "store", std::nullopt);
  expect(directory.sync(), "flush the directory", "store", std::nullopt);
  expect(directory.file_system(), "look at the file system", "store", std::nullopt);
}

TEST(File, NamesTheOffsetThatAShortCallHadReachedWhenTheNextOneFailed) {
  Machine machine(4);
  const auto file = root_of(machine)->open_file("f", kCreate).value();
  machine.set_capacity({.bytes = 8192});
  const auto written = file->write(100, Buffer(10000));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().offset(), 8192U);
}

TEST(File, CallsALockThatAnotherHoldsBusyHoweverTheSystemSaysSo) {
  for (const int error : {EAGAIN, EACCES}) {
    Fixture fixture;
    fixture.script.error = error;
    const auto locked = fixture.file.try_lock(LockKind::kExclusive, 0, 1);
    ASSERT_FALSE(locked);
    EXPECT_EQ(locked.error().code(), Code::kBusy);
  }
}

TEST(File, KeepsQuietWhenAnAdviceFails) {
  Fixture fixture;
  const auto mapping = fixture.file.map(10).value();
  fixture.script.error = EIO;
  fixture.file.advise(0, 10, Advice::kRandom);
  mapping->advise(0, 10, Advice::kRandom);
  EXPECT_EQ(fixture.script.calls, 3);
}

TEST(File, AllocatesNothingWithoutACall) {
  Fixture fixture;
  fixture.script.error = EINVAL;  // What Linux says.
  EXPECT_TRUE(fixture.file.allocate(10, 0));
  EXPECT_EQ(fixture.script.calls, 0);
}

TEST(Mapping, SaysUnsupportedWhereTheSystemCannotFetchPages) {
  for (const int error : {EINVAL, ENOSYS}) {
    Fixture fixture;
    const auto mapping = fixture.file.map(10).value();
    fixture.script.error = error;
    const auto populated = mapping->populate(0, 10);
    ASSERT_FALSE(populated);
    EXPECT_EQ(populated.error().code(), Code::kUnsupported);
  }
}

TEST(Mapping, SaysWhichLimitForbidsToLockMemory) {
  for (const int error : {ENOMEM, EAGAIN, EPERM}) {
    Fixture fixture;
    const auto mapping = fixture.file.map(10).value();
    fixture.script.error = error;
    const auto locked = mapping->lock(0, 10);
    ASSERT_FALSE(locked);
    EXPECT_EQ(locked.error().code(), Code::kResourceExhausted);
    EXPECT_NE(locked.error().advice().find("ulimit -l"), std::string::npos);
  }
}

TEST(Mapping, CallsBytesThatCannotBeTouchedAnIoError) {
  Fixture fixture;
  const auto mapping = fixture.file.map(10).value();
  fixture.script.error = EFAULT;
  const auto populated = mapping->populate(3, 4);
  ASSERT_FALSE(populated);
  EXPECT_EQ(populated.error().code(), Code::kIoError);
  EXPECT_EQ(populated.error().offset(), 3U);
}

TEST(Directory, CallsDirectAccessThatTheFileSystemLacksUnsupported) {
  Fixture fixture;
  fixture.script.error = EINVAL;
  const auto direct = fixture.directory.open_file("f", {OpenMode::kRead, true});
  ASSERT_FALSE(direct);
  EXPECT_EQ(direct.error().code(), Code::kUnsupported);
  EXPECT_EQ(direct.error().file(), "f");
  const auto plain = fixture.directory.open_file("f", {OpenMode::kRead, false});
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().code(), Code::kInvalidArgument);
}

// --- Names ---------------------------------------------------------------------------------------

TEST(Directory, RefusesNamesOfMoreThanOneComponentBeforeAnyCall) {
  Machine machine(5);
  const auto root = root_of(machine);
  const std::uint64_t calls = machine.calls();
  const std::vector<std::string> refused = {"",
                                            ".",
                                            "..",
                                            "/",
                                            "a/b",
                                            "a/",
                                            "/a",
                                            "../a",
                                            std::string("a\0b", 3),
                                            std::string(1, '\0'),
                                            std::string(256, 'a')};
  const auto expect_refused = [](const auto& result, const std::string& name) {
    ASSERT_FALSE(result) << testing::PrintToString(name);
    EXPECT_EQ(result.error().code(), Code::kInvalidArgument) << testing::PrintToString(name);
  };
  for (const std::string& name : refused) {
    expect_refused(root->open_file(name, {}), name);
    expect_refused(root->open_file(name, kCreate), name);
    expect_refused(root->open_directory(name), name);
    expect_refused(root->make_directory(name), name);
    expect_refused(root->unlink(name), name);
    expect_refused(root->rename(name, "b", Directory::IfTargetExists::kReplace), name);
    expect_refused(root->rename("b", name, Directory::IfTargetExists::kReplace), name);
  }
  EXPECT_EQ(machine.calls(), calls);
}

TEST(Directory, TakesNamesThatOnlyLookOdd) {
  Machine machine(6);
  const auto root = root_of(machine);
  for (const std::string& name :
       {std::string("..."), std::string(".a"), std::string(" "), std::string(255, 'a')}) {
    EXPECT_TRUE(root->open_file(name, kCreate)) << name;
  }
}

// --- Counters ------------------------------------------------------------------------------------

TEST(Counters, CountEveryAttemptAndOnlyTheBytesThatMoved) {
  Fixture fixture;
  fixture.script.interruptions = 2;
  fixture.script.bytes_max = 10;
  const Buffer bytes(25);
  ASSERT_TRUE(fixture.file.write(0, bytes));
  EXPECT_EQ(fixture.counters.calls(Call::kWrite), 9U);  // Three writes, each interrupted twice.
  EXPECT_EQ(fixture.counters.bytes(Call::kWrite), 25U);
  Buffer into(30);
  ASSERT_EQ(fixture.file.read(0, into), 25U);
  EXPECT_EQ(fixture.counters.calls(Call::kRead), 12U);  // The fourth found the end.
  EXPECT_EQ(fixture.counters.bytes(Call::kRead), 25U);
  fixture.script.error = EIO;
  EXPECT_FALSE(fixture.file.write(0, bytes));
  EXPECT_EQ(fixture.counters.calls(Call::kWrite), 10U);
  EXPECT_EQ(fixture.counters.bytes(Call::kWrite), 25U);
}

TEST(Counters, CountEachKindOfCallUnderItsName) {
  Fixture fixture;
  File& file = fixture.file;
  Directory& directory = fixture.directory;
  const auto mapping = file.map(1).value();
  const std::vector<std::pair<Call, std::function<void()>>> calls = {
      {Call::kOpen, [&] { (void)directory.open_file("f", {}); }},
      {Call::kOpen, [&] { (void)directory.open_directory("d"); }},
      {Call::kSyncData, [&] { (void)file.sync_data(); }},
      {Call::kSyncAll, [&] { (void)file.sync_all(); }},
      {Call::kSyncDirectory, [&] { (void)directory.sync(); }},
      {Call::kAllocate, [&] { (void)file.allocate(0, 1); }},
      {Call::kTruncate, [&] { (void)file.truncate(0); }},
      {Call::kSize, [&] { (void)file.size(); }},
      {Call::kLock, [&] { (void)file.try_lock(LockKind::kShared, 0, 1); }},
      {Call::kUnlock, [&] { (void)file.unlock(0, 1); }},
      {Call::kAdvise, [&] { file.advise(0, 1, Advice::kRandom); }},
      {Call::kAdvise, [&] { mapping->advise(0, 1, Advice::kRandom); }},
      {Call::kMap, [&] { (void)file.map(1); }},
      {Call::kPopulate, [&] { (void)mapping->populate(0, 1); }},
      {Call::kRename, [&] { (void)directory.rename("a", "b", Directory::IfTargetExists::kFail); }},
      {Call::kUnlink, [&] { (void)directory.unlink("a"); }},
      {Call::kMakeDirectory, [&] { (void)directory.make_directory("d"); }},
      {Call::kList, [&] { (void)directory.list(); }},
      {Call::kStatFileSystem, [&] { (void)directory.file_system(); }},
  };
  for (const auto& [call, make] : calls) {
    std::uint64_t before = 0;
    std::uint64_t after = 0;
    for (std::size_t i = 0; i < kCallCount; ++i) {
      before += fixture.counters.calls(static_cast<Call>(i));
    }
    const std::uint64_t of_kind = fixture.counters.calls(call);
    make();
    for (std::size_t i = 0; i < kCallCount; ++i) {
      after += fixture.counters.calls(static_cast<Call>(i));
    }
    EXPECT_EQ(fixture.counters.calls(call), of_kind + 1) << to_string(call);
    EXPECT_EQ(after, before + 1) << to_string(call);
  }
}

TEST(Counters, GiveEachCallANameOfItsOwn) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < kCallCount; ++i) names.push_back(to_string(static_cast<Call>(i)));
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
  EXPECT_EQ(std::ranges::find(names, "unknown"), names.end());
}

}  // namespace
}  // namespace caisson::io

// Method: as posix_test.cc, for open files: their bytes, locks and mappings, looked at through
// std::filesystem, /proc, plain system calls and a second process.

#include "io/posix.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/testing/emulated.h"
#include "io/memory.h"
#include "io/testing/posix_directory.h"

namespace caisson::io {
namespace {

using caisson::testing::emulated;
using testing::Buffer;
using testing::in_child;
using testing::kCreate;
using testing::kRead;
using testing::kReadWrite;
using testing::Posix;
using testing::random_bytes;
namespace fs = std::filesystem;

// --- Bytes ---------------------------------------------------------------------------------------

TEST_F(Posix, ReadsBackWhatItWroteAnywhere) {
  const auto file = create("file");
  const Buffer bytes = random_bytes(100'000, 4);
  ASSERT_TRUE(file->write(5000, bytes));
  EXPECT_EQ(file->size(), 105'000U);
  Buffer into(110'000, std::byte{0xee});
  EXPECT_EQ(file->read(0, into), 105'000U);
  EXPECT_TRUE(std::all_of(into.begin(), into.begin() + 5000,
                          [](std::byte byte) { return byte == std::byte{0}; }));
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), into.begin() + 5000));
  EXPECT_EQ(file->read(105'000, into), 0U);
  EXPECT_EQ(file->read_exactly(104'999, std::span(into).first(2)).error().code(),
            Code::kCorruption);
}

TEST_F(Posix, WritesVectorsLongerThanOneCallTakes) {
  const auto file = create("file");
  const Buffer bytes = random_bytes(600 * 7, 5);
  std::vector<Bytes> parts;
  for (std::size_t i = 0; i < 600; ++i) parts.push_back(Bytes(bytes).subspan(i * 7, 7));
  const std::uint64_t calls = posix_vfs().counters().calls(Call::kWrite);
  ASSERT_TRUE(file->write_vector(3, parts));
  EXPECT_EQ(posix_vfs().counters().calls(Call::kWrite) - calls, 3U);
  Buffer into(bytes.size());
  ASSERT_TRUE(file->read_exactly(3, into));
  EXPECT_EQ(into, bytes);
}

TEST_F(Posix, RefusesToWriteWhatWasOpenedToRead) {
  create("file");
  const auto file = directory().open_file("file", kRead).value();
  EXPECT_FALSE(file->write(0, random_bytes(1, 1)));
  EXPECT_EQ(fs::file_size(at("file")), 0U);
}

TEST_F(Posix, AllocatesRoomThatReadsAsZeros) {
  const auto file = create("file");
  ASSERT_TRUE(file->allocate(0, 100'000));
  EXPECT_EQ(fs::file_size(at("file")), 100'000U);
  struct stat status{};
  ASSERT_EQ(stat(at("file").c_str(), &status), 0);
  EXPECT_GE(status.st_blocks * 512, 100'000);  // Real room, and not a hole.
  Buffer into(100'000, std::byte{0xee});
  ASSERT_TRUE(file->read_exactly(0, into));
  EXPECT_EQ(std::ranges::count(into, std::byte{0}), 100'000);

  // What is there already stays, and a file is never made shorter.
  const Buffer bytes = random_bytes(1000, 6);
  ASSERT_TRUE(file->write(0, bytes));
  ASSERT_TRUE(file->allocate(0, 500));
  EXPECT_EQ(fs::file_size(at("file")), 100'000U);
  ASSERT_TRUE(file->read_exactly(0, std::span(into).first(1000)));
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), into.begin()));
  EXPECT_TRUE(file->allocate(0, 0));
}

TEST_F(Posix, CutsAndStretchesFiles) {
  const auto file = create("file");
  ASSERT_TRUE(file->write(0, random_bytes(1000, 7)));
  ASSERT_TRUE(file->truncate(10));
  EXPECT_EQ(file->size(), 10U);
  ASSERT_TRUE(file->truncate(20));
  Buffer into(10, std::byte{0xee});
  ASSERT_TRUE(file->read_exactly(10, into));
  EXPECT_EQ(into, Buffer(10));
}

TEST_F(Posix, ReadsAndWritesPastThePageCacheOrSaysThatItCannot) {
  const Buffer bytes = random_bytes(10'000, 8);
  ASSERT_TRUE(create("file")->write(0, bytes));
  const auto opened = directory().open_file("file", {OpenMode::kReadWrite, true});
  if (!opened) {
    EXPECT_EQ(opened.error().code(), Code::kUnsupported) << opened.error().to_string();
    GTEST_SKIP() << "the directory for temporary files has no direct access";
  }
  File& file = **opened;
  AlignedBuffer buffer(16'384);
  // Ends in the middle of a block, where the loop over short reads asks once more.
  EXPECT_EQ(file.read(0, buffer.bytes()), 10'000U);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), buffer.data()));
  EXPECT_EQ(file.read(4096, buffer.bytes()), 10'000U - 4096);
  EXPECT_TRUE(std::equal(bytes.begin() + 4096, bytes.end(), buffer.data()));
  EXPECT_EQ(file.read(12'288, buffer.bytes()), 0U);

  Random(9).fill(buffer.bytes());
  ASSERT_TRUE(file.write(4096, buffer.bytes().first(8192)));
  const auto plain = directory().open_file("file", kRead).value();
  Buffer into(8192);
  ASSERT_TRUE(plain->read_exactly(4096, into));
  EXPECT_TRUE(std::equal(into.begin(), into.end(), buffer.data()));
}

TEST_F(Posix, SaysThatMemoryFileSystemsHaveNoDirectAccessOrHasIt) {
  const auto memory = posix_vfs().open_directory("/dev/shm");
  if (!memory) GTEST_SKIP() << "there is no /dev/shm";
  const std::string name = "caisson-io-" + std::to_string(getpid());
  const auto made = (*memory)->open_file(name, kCreate);
  if (!made) GTEST_SKIP() << made.error().to_string();
  const auto opened = (*memory)->open_file(name, {OpenMode::kRead, true});
  ASSERT_TRUE((*memory)->unlink(name));
  // Newer kernels let it pass, older ones don't; both are honest.
  if (!opened) {
    EXPECT_EQ(opened.error().code(), Code::kUnsupported);
  }
}

// --- Writes that are durable ---------------------------------------------------------------------

// Of what the system makes durable, a test sees only that it says so.
TEST_F(Posix, WritesAndSyncsInEachWay) {
  const Counters& counters = posix_vfs().counters();
  for (const SyncMethod method : {SyncMethod::kTwoCalls, SyncMethod::kDsync, SyncMethod::kUring}) {
    const auto file = create(std::to_string(static_cast<int>(method)));
    // The last one is longer than one call takes.
    for (const std::size_t count : {1U, 3U, 600U}) {
      const Buffer bytes = random_bytes(count * 4096, count);
      std::vector<Bytes> parts;
      for (std::size_t i = 0; i < count; ++i) parts.push_back(Bytes(bytes).subspan(i * 4096, 4096));
      const std::uint64_t syncs = counters.calls(Call::kSyncData);
      const SyncMethod used = file->write_and_sync(8192, parts, method).value();
      EXPECT_TRUE(used == method || used == SyncMethod::kTwoCalls);
      const bool one_call = used != SyncMethod::kTwoCalls && count <= kVectorLengthMax;
      EXPECT_EQ(counters.calls(Call::kSyncData) - syncs, one_call ? 0U : 1U);
      Buffer into(bytes.size());
      ASSERT_TRUE(file->read_exactly(8192, into));
      EXPECT_EQ(into, bytes);
    }
    const Buffer bytes = random_bytes(10, 1);
    const Bytes part = bytes;
    const auto read_only = directory().open_file(file->name(), kRead).value();
    EXPECT_FALSE(read_only->write_and_sync(0, std::span(&part, 1), method));
  }
}

TEST_F(Posix, WritesAndSyncsOneFileFromManyThreads) {
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kBlocks = 20;
  for (const SyncMethod method : {SyncMethod::kDsync, SyncMethod::kUring}) {
    const auto file = create(std::to_string(static_cast<int>(method)));
    const Buffer bytes = random_bytes(kThreads * kBlocks * 4096, 3);
    {
      std::vector<std::jthread> threads;
      for (std::size_t thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([&, thread] {
          for (std::size_t i = 0; i < kBlocks; ++i) {
            const std::size_t at = (i * kThreads + thread) * 4096;
            const Bytes part = Bytes(bytes).subspan(at, 4096);
            EXPECT_TRUE(file->write_and_sync(at, std::span(&part, 1), method));
          }
        });
      }
    }
    Buffer into(bytes.size());
    ASSERT_TRUE(file->read_exactly(0, into));
    EXPECT_EQ(into, bytes);
  }
}

// --- Locks ---------------------------------------------------------------------------------------

TEST_F(Posix, LocksOneOpenFileAgainstAnotherOfTheSameProcess) {
  const auto first = create("file");
  const auto second = directory().open_file("file", kReadWrite).value();
  ASSERT_TRUE(first->try_lock(LockKind::kExclusive, 0, 1));
  for (const LockKind kind : {LockKind::kShared, LockKind::kExclusive}) {
    const auto refused = second->try_lock(kind, 0, 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::kBusy);
  }
  EXPECT_TRUE(second->try_lock(LockKind::kExclusive, 1, 1));  // Another range.
  EXPECT_TRUE(first->try_lock(LockKind::kExclusive, 0, 1));   // Its own again.
  ASSERT_TRUE(first->unlock(0, 1));
  EXPECT_TRUE(second->try_lock(LockKind::kExclusive, 0, 1));
}

TEST_F(Posix, SharesALockAmongReaders) {
  const auto first = create("file");
  const auto second = directory().open_file("file", kReadWrite).value();
  EXPECT_TRUE(first->try_lock(LockKind::kShared, 0, 1));
  EXPECT_TRUE(second->try_lock(LockKind::kShared, 0, 1));
  EXPECT_EQ(first->try_lock(LockKind::kExclusive, 0, 1).error().code(), Code::kBusy);
  ASSERT_TRUE(second->unlock(0, 1));
  EXPECT_TRUE(first->try_lock(LockKind::kExclusive, 0, 1));
}

TEST_F(Posix, TellsWhetherOthersHoldALock) {
  const auto holder = create("file");
  const auto looker = directory().open_file("file", {}).value();  // Only to read.
  EXPECT_EQ(looker->is_locked(0, 100), false);
  for (const LockKind kind : {LockKind::kShared, LockKind::kExclusive}) {
    ASSERT_TRUE(holder->try_lock(kind, 50, 2));
    EXPECT_EQ(looker->is_locked(0, 100), true);
    EXPECT_EQ(looker->is_locked(51, 1), true);
    EXPECT_EQ(looker->is_locked(0, 50), false);
    EXPECT_EQ(looker->is_locked(52, 50), false);
    EXPECT_EQ(holder->is_locked(0, 100), false);  // Its own doesn't count.
  }
  ASSERT_TRUE(holder->unlock(50, 2));
  EXPECT_EQ(looker->is_locked(0, 100), false);
}

TEST_F(Posix, KeepsALockWhenAnotherDescriptorOfTheFileIsClosed) {
  const auto holder = create("file");
  ASSERT_TRUE(holder->try_lock(LockKind::kExclusive, 0, 1));
  directory().open_file("file", kReadWrite).value().reset();  // Where classic locks get lost.
  std::ifstream(at("file")).get();
  const auto other = directory().open_file("file", kReadWrite).value();
  const auto refused = other->try_lock(LockKind::kExclusive, 0, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kBusy);
}

TEST_F(Posix, ReleasesItsLocksWhenItIsDestroyed) {
  auto holder = create("file");
  ASSERT_TRUE(holder->try_lock(LockKind::kExclusive, 0, 1));
  holder.reset();
  const auto other = directory().open_file("file", kReadWrite).value();
  EXPECT_TRUE(other->try_lock(LockKind::kExclusive, 0, 1));
}

TEST_F(Posix, LocksOutOtherProcesses) {
  const auto holder = create("file");
  ASSERT_TRUE(holder->try_lock(LockKind::kExclusive, 0, 1));
  // A child that opens the file anew; it reports what it was told.
  const auto attempt = [&] {
    return in_child([&] {
      const auto file = directory().open_file("file", kReadWrite);
      if (!file) return 100;
      const auto locked = (*file)->try_lock(LockKind::kExclusive, 0, 1);
      if (locked) return 0;
      return locked.error().code() == Code::kBusy ? 1 : 101;
    });
  };
  EXPECT_EQ(attempt(), 1);
  ASSERT_TRUE(holder->unlock(0, 1));
  EXPECT_EQ(attempt(), 0);
}

TEST_F(Posix, FreesTheLocksOfAProcessThatDied) {
  const auto file = create("file");
  EXPECT_EQ(in_child([&] {
              // Never destroyed: the process just ends.
              File* const theirs = directory().open_file("file", kReadWrite).value().release();
              return theirs->try_lock(LockKind::kExclusive, 0, 1) ? 0 : 1;
            }),
            0);
  EXPECT_TRUE(file->try_lock(LockKind::kExclusive, 0, 1));
}

// --- Mappings ------------------------------------------------------------------------------------

constexpr std::uint64_t kReserved = std::uint64_t{1} << 34;  // Far more than any file here.

TEST_F(Posix, ShowsWrittenBytesInAMappingWhoseBaseNeverMoves) {
  const auto file = create("file");
  const auto mapping = file->map(kReserved);
  ASSERT_TRUE(mapping) << mapping.error().to_string();
  EXPECT_EQ((*mapping)->size(), kReserved);
  const std::byte* const base = (*mapping)->base();
  std::uint64_t offset = 0;
  for (int step = 0; step < 20; ++step) {
    const Buffer bytes = random_bytes(50'000, static_cast<std::uint64_t>(step));
    ASSERT_TRUE(file->write(offset, bytes));
    EXPECT_EQ((*mapping)->base(), base);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), base + offset)) << step;
    offset += bytes.size();
  }
  const Buffer rewritten = random_bytes(100, 99);
  ASSERT_TRUE(file->write(70'000, rewritten));
  EXPECT_TRUE(std::equal(rewritten.begin(), rewritten.end(), base + 70'000));
}

TEST_F(Posix, PopulatesWhatTheFileHasAndReportsWhatItHasNot) {
  const auto file = create("file");
  ASSERT_TRUE(file->write(0, random_bytes(65'536, 1)));
  const auto mapping = file->map(kReserved).value();
  const auto populated = mapping->populate(5000, 20'000);
  if (!populated && populated.error().code() == Code::kUnsupported) {
    GTEST_SKIP() << populated.error().to_string();
  }
  ASSERT_TRUE(populated) << populated.error().to_string();
  if (emulated() && mapping->populate(65'536, 4096)) {
    GTEST_SKIP() << "the emulator calls it a success and does nothing";
  }
  for (const auto& [offset, size] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {65'536, 4096}, {61'440, 8192}, {kReserved - 4096, 4096}}) {
    const auto behind = mapping->populate(offset, size);
    ASSERT_FALSE(behind) << offset;
    EXPECT_EQ(behind.error().code(), Code::kIoError) << behind.error().to_string();
    EXPECT_EQ(behind.error().offset(), offset);
  }
  // A file that somebody cut while it was mapped gives an error as well, and no signal.
  ASSERT_EQ(truncate(at("file").c_str(), 4096), 0);
  EXPECT_FALSE(mapping->populate(8192, 4096));
  EXPECT_TRUE(mapping->populate(0, 4096));
}

TEST_F(Posix, LocksWhatIsTouchedInMemoryAndNothingElse) {
  const auto file = create("file");
  ASSERT_TRUE(file->write(0, random_bytes(1 << 20, 1)));
  const auto mapping = file->map(kReserved).value();
  const auto locked_kib = [] {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmLck:")) return std::stol(line.substr(6));
    }
    return -1L;
  };
  const long before = locked_kib();
  const auto locked = mapping->lock(0, 1 << 20);
  if (!locked && (locked.error().code() == Code::kResourceExhausted ||
                  locked.error().code() == Code::kUnsupported)) {
    GTEST_SKIP() << locked.error().to_string();
  }
  ASSERT_TRUE(locked) << locked.error().to_string();
  EXPECT_EQ(locked_kib() - before, 1024);
  EXPECT_EQ(mapping->lock(0, kReserved * 1024).error().code(), Code::kResourceExhausted);
}

TEST_F(Posix, MapsForReadingOnly) {
  const auto file = create("file");
  ASSERT_TRUE(file->write(0, random_bytes(4096, 1)));
  const auto mapping = file->map(4096).value();
  std::ifstream maps("/proc/self/maps");
  const auto begin = reinterpret_cast<std::uintptr_t>(mapping->base());
  bool found = false;
  for (std::string line; std::getline(maps, line);) {
    if (std::stoull(line, nullptr, 16) != begin) continue;
    found = true;
    EXPECT_EQ(line.substr(line.find(' ') + 1, 4), "r--s") << line;
  }
  EXPECT_TRUE(found);
}

TEST_F(Posix, TakesAdviceOfEveryKind) {
  const auto file = create("file");
  const Buffer bytes = random_bytes(65'536, 2);
  ASSERT_TRUE(file->write(0, bytes));
  ASSERT_TRUE(file->sync_data());
  const auto mapping = file->map(kReserved).value();
  for (const Advice advice :
       {Advice::kRandom, Advice::kSequential, Advice::kWillNeed, Advice::kDontNeed}) {
    file->advise(0, 0, advice);
    mapping->advise(5000, 10'000, advice);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), mapping->base()));
  }
}

TEST_F(Posix, RefusesToMapMoreThanThereAreAddresses) {
  const auto mapping = create("file")->map(std::uint64_t{1} << 50);
  ASSERT_FALSE(mapping);
  EXPECT_EQ(mapping.error().code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace caisson::io

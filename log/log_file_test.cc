// Method: headers of log files with each bit flipped and each field out of its range; the files of
// a log on a simulated machine, made, recycled and removed with each call failing and with the
// power cut at each: a file that has its name is whole.

#include "log/log_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/codec.h"
#include "log/testing/harness.h"

namespace caisson::log {
namespace {

using io::sim::CrashMode;
using io::sim::FaultKind;
using testing::LogStore;
using testing::path_of;
using testing::test_uuid;
using testing::value_of;

std::vector<std::byte> header_block() {
  std::vector<std::byte> block(kFileHeaderSize, std::byte{0xEE});
  encode_file_header({.uuid = test_uuid(), .sequence = 9, .size = kFileSizeMin}, block);
  return block;
}

TEST(LogFileHeader, IsReadAsItWasWritten) {
  const auto header = decode_file_header(header_block());
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(*header, (FileHeader{.uuid = test_uuid(), .sequence = 9, .size = kFileSizeMin}));
}

TEST(LogFileHeader, IsRefusedWithAnyBitFlipped) {  // LOG-1
  for (std::size_t bit = 0; bit < kFileHeaderSize * 8; ++bit) {
    auto block = header_block();
    block[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    const auto header = decode_file_header(block);
    ASSERT_FALSE(header.has_value()) << bit;
    EXPECT_EQ(header.error().rule(), "LOG-1");
  }
  EXPECT_FALSE(decode_file_header(Bytes(header_block()).first(100)).has_value());
}

TEST(LogFileHeader, HasSizesInRange) {  // LOG-1
  for (const auto& [size, fine] :
       {std::pair(kFileSizeMin, true), std::pair(kFileSizeMin - 4096, false),
        std::pair(kFileSizeMin + 1, false), std::pair(kFileSizeMax, true),
        std::pair(kFileSizeMax + 4096, false)}) {
    std::vector<std::byte> block(kFileHeaderSize);
    encode_file_header({.uuid = test_uuid(), .sequence = 1, .size = size}, block);
    EXPECT_EQ(decode_file_header(block).has_value(), fine) << size;
  }
}

TEST(LogFileName, SaysItsNumberInOneWay) {
  EXPECT_EQ(file_name(1), "00000001.log");
  EXPECT_EQ(file_name(123'456'789'012), "123456789012.log");
  for (const std::uint64_t sequence : {std::uint64_t{1}, std::uint64_t{99'999'999},
                                       std::uint64_t{100'000'000}, ~std::uint64_t{0}}) {
    EXPECT_EQ(sequence_of(file_name(sequence)), sequence);
  }
  for (const char* name : {"1.log", "00000000.log", "0000000001.log", "+0000001.log", "00000001.lo",
                           "00000001.new", ".log", "", "99999999999999999999.log"}) {
    EXPECT_FALSE(sequence_of(name).has_value()) << name;
  }
}

TEST(LogDirectory, MakesFilesAndRemovesThem) {
  LogStore store;
  LogDirectory& log = store.directory();
  value_of(log.make_file(2, 3 * kFileSizeMin));
  EXPECT_EQ(log.make_file(2, kFileSizeMin).error().code(), Code::kAlreadyExists);
  EXPECT_EQ(value_of(log.files()), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(value_of(log.open_file(2, FileAccess::kRead)).size, 3 * kFileSizeMin);
  value_of(log.remove_file(1));
  EXPECT_EQ(value_of(log.files()), (std::vector<std::uint64_t>{2}));
  EXPECT_EQ(log.open_file(1, FileAccess::kRead).error().code(), Code::kNotFound);
}

TEST(LogDirectory, RefusesFilesThatAreNotWhatTheirNamesSay) {  // LOG-1
  LogStore store;
  LogDirectory& log = store.directory();
  value_of(log.make_file(2, kFileSizeMin));
  io::sim::FileImage& image = *store.machine().image(path_of(2));
  const std::vector<std::byte> whole(image.cached().begin(), image.cached().end());
  std::vector<std::byte> block(kFileHeaderSize);

  encode_file_header({.uuid = test_uuid(), .sequence = 3, .size = kFileSizeMin}, block);
  image.overwrite(0, block);
  EXPECT_EQ(log.open_file(2, FileAccess::kRead).error().code(), Code::kCorruption);

  Uuid other = test_uuid();
  other.bytes[5] = std::byte{0};
  encode_file_header({.uuid = other, .sequence = 2, .size = kFileSizeMin}, block);
  image.overwrite(0, block);
  EXPECT_EQ(log.open_file(2, FileAccess::kRead).error().code(), Code::kWrongStore);

  encode_file_header({.uuid = test_uuid(), .sequence = 2, .size = 2 * kFileSizeMin}, block);
  image.overwrite(0, block);
  EXPECT_EQ(log.open_file(2, FileAccess::kRead).error().code(), Code::kCorruption);

  image.overwrite(0, whole);
  store_u32(block.data() + 12, 2);
  image.overwrite(0, block);
  EXPECT_EQ(log.open_file(2, FileAccess::kRead).error().code(), Code::kCorruption);
}

TEST(LogDirectory, ReadsThroughTheCacheWhereItCantReadPastIt) {
  LogStore store;
  EXPECT_TRUE(value_of(store.directory().open_file(1, FileAccess::kReadDirect)).direct);
  store.machine().set_direct_supported(false);
  EXPECT_FALSE(value_of(store.directory().open_file(1, FileAccess::kReadDirect)).direct);
  EXPECT_EQ(store.directory().open_file(1, FileAccess::kWriteDirect).error().code(),
            Code::kUnsupported);
}

// Makes file 2, out of file 1 or anew.
Result<void> make_second(LogStore& store, bool recycle) {
  return store.directory().make_file(2, kFileSizeMin,
                                     recycle ? std::optional<std::uint64_t>(1) : std::nullopt);
}

TEST(LogDirectory, MakesAFileWholeOrNotAtAllWhateverCallFails) {  // LOG-2
  for (const bool recycle : {false, true}) {
    for (std::uint64_t call = 0;; ++call) {
      LogStore store;
      store.machine().inject({store.machine().calls() + call, FaultKind::kIoError, false});
      const auto made = make_second(store, recycle);
      const bool hit = store.machine().faults_hit() > 0;
      store.machine().clear_faults();
      const auto opened = store.directory().open_file(2, FileAccess::kRead);
      // But for the flush of the directory, which comes last.
      if (opened) {
        EXPECT_EQ(opened->size, kFileSizeMin);
      }
      EXPECT_TRUE(opened.has_value() || opened.error().code() == Code::kNotFound);
      if (made) {
        EXPECT_TRUE(opened.has_value());
      }
      if (!hit) break;
    }
  }
}

TEST(LogDirectory, HasNoFileThatIsNotWholeAfterAPowerCut) {  // LOG-2, LOG-3
  std::uint64_t cases = 0;
  for (const bool recycle : {false, true}) {
    for (std::uint64_t call = 0;; ++call) {
      LogStore store;
      store.machine().inject({store.machine().calls() + call, FaultKind::kPowerCut, false});
      const bool made = make_second(store, recycle).has_value();
      for (std::size_t mode = 0; mode < io::sim::kCrashModeCount; ++mode) {
        LogStore after(store.machine().clone(mode + 10 * call), store.options());
        after.machine().cut_power(static_cast<CrashMode>(mode));
        const auto folder = value_of(after.machine().vfs().open_directory(testing::kStorePath));
        const auto log = value_of(LogDirectory::open(*folder, test_uuid()));
        value_of(log->remove_unfinished());
        const auto second = log->open_file(2, FileAccess::kRead);
        EXPECT_TRUE(second.has_value() || second.error().code() == Code::kNotFound)
            << second.error().to_string();
        if (made) {
          EXPECT_TRUE(second.has_value());
        }
        // No file has two names, of which one is taken for retired.
        const auto first = log->open_file(1, FileAccess::kRead);
        EXPECT_TRUE(first.has_value() || first.error().code() == Code::kNotFound);
        ++cases;
      }
      if (made) break;
    }
  }
  EXPECT_GT(cases, 50U);
}

}  // namespace
}  // namespace caisson::log

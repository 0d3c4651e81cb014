// Method: spec/golden/logs/ holds logs that make_logs.py wrote from the spec alone, each with what
// has to happen to it (spec/golden/LOGS.md). Every log is read, and its end looked for. The other
// way round, this code writes every record and header that it has read, and the bytes have to be
// those of the second implementation.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/testing/golden.h"
#include "log/testing/harness.h"

namespace caisson::log {
namespace {

using caisson::testing::golden_names;
using caisson::testing::GoldenFile;
using caisson::testing::load_golden;
using ::testing::ElementsAreArray;
using testing::path_of;
using testing::value_of;

namespace fs = std::filesystem;

const fs::path& golden_folder() {
  static const fs::path folder = fs::path(CAISSON_SOURCE_DIR) / "spec/golden/logs";
  return folder;
}

Uuid golden_uuid() {
  Uuid uuid;
  for (std::size_t i = 0; i < 16; ++i) uuid.bytes[i] = static_cast<std::byte>(0xA0 + i);
  return uuid;
}

std::string hex_of(Bytes bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const std::byte byte : bytes) {
    hex += kDigits[std::to_integer<unsigned>(byte) / 16];
    hex += kDigits[std::to_integer<unsigned>(byte) % 16];
  }
  return hex.empty() ? "-" : hex;
}

// A golden log on a machine of its own.
class Observer {
 public:
  explicit Observer(Bytes files) : machine_(1) {
    io::Vfs& vfs = machine_.vfs();
    value_of(vfs.create_directory(testing::kStorePath));
    const auto store = value_of(vfs.open_directory(testing::kStorePath));
    value_of(store->make_directory(kLogDirectoryName));
    const auto folder = value_of(store->open_directory(kLogDirectoryName));
    for (std::uint64_t file = 1; file <= files.size() / kFileSizeMin; ++file) {
      const auto made =
          value_of(folder->open_file(file_name(file), {io::OpenMode::kCreate, false}));
      value_of(made->write(0, files.subspan((file - 1) * kFileSizeMin, kFileSizeMin)));
    }
    directory_ = value_of(LogDirectory::open(*store, golden_uuid()));
  }

  std::vector<std::string> observe() {
    std::vector<std::string> said;
    const auto end = find_log_end(*directory_, FileAccess::kRead, {}, {}, {});
    if (!end) {
      EXPECT_TRUE(end.error().code() == Code::kCorruption ||
                  end.error().code() == Code::kWrongStore ||
                  end.error().code() == Code::kUnsupportedVersion);
      return {"refused " + end.error().rule()};
    }
    CommitReader reader(*directory_, FileAccess::kRead, {}, {});
    while (const auto commit = value_of(reader.next(TxnId{~std::uint64_t{0}}))) {
      std::vector<std::byte> bytes;
      while (const auto payload = value_of(reader.payload())) {
        bytes.insert(bytes.end(), payload->begin(), payload->end());
      }
      std::array<std::byte, kHash128SizeBytes> hash;
      store_hash128(hash.data(), commit->position.hash);
      said.push_back("commit " + std::to_string(to_u64(commit->txn)) + " " + hex_of(bytes) + " " +
                     hex_of(hash));
    }
    const LogPosition& resume = end->resume.position;
    said.push_back("end " + std::to_string(to_u64(end->txn)) + " " + std::to_string(resume.file) +
                   " " + std::to_string(batch_ceiling(resume.offset)));
    return said;
  }

  // Writes anew what it reads.
  void rewrite(Bytes files) {
    LogReader reader(*directory_, FileAccess::kRead, {}, {});
    const std::uint32_t seed = record_checksum_seed(golden_uuid());
    while (const auto record = value_of(reader.next())) {
      const Place& place = record->header.place;
      std::vector<std::byte> again(record->size);
      std::ranges::copy(record->payload, again.begin() + kRecordHeaderSize);
      EXPECT_EQ(encode_record(record->header, seed, again), record->checksum);
      const std::uint64_t at = (place.file - 1) * kFileSizeMin + place.offset;
      EXPECT_TRUE(std::ranges::equal(again, files.subspan(at, record->size))) << at;
    }
    for (std::uint64_t file = 1; file <= files.size() / kFileSizeMin; ++file) {
      std::vector<std::byte> block(kFileHeaderSize);
      encode_file_header({.uuid = golden_uuid(), .sequence = file, .size = kFileSizeMin}, block);
      EXPECT_TRUE(
          std::ranges::equal(block, files.subspan((file - 1) * kFileSizeMin, kFileHeaderSize)));
    }
  }

 private:
  io::sim::Machine machine_;
  std::unique_ptr<LogDirectory> directory_;
};

class GoldenLogs : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenLogs, AreReadOrRefusedAsTheySay) {
  const GoldenFile file = load_golden(golden_folder(), GetParam());
  Observer observer(file.bytes);
  EXPECT_THAT(observer.observe(), ElementsAreArray(file.expected));
  if (!GetParam().starts_with("reject-")) observer.rewrite(file.bytes);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenLogs, ::testing::ValuesIn(golden_names(golden_folder())),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(GoldenLogFiles, BreakEveryRuleThatAReaderCanSeeBroken) {
  // So a file that goes missing, or is renamed to something that nobody looks for, is noticed.
  std::set<std::string> named;
  for (const std::string& name : golden_names(golden_folder())) {
    if (name.starts_with("reject-") || name.starts_with("ends-")) {
      named.insert(caisson::testing::rule_named_by(name));
    }
  }
  EXPECT_EQ(named, (std::set<std::string>{"LOG-1", "LOG-4", "LOG-5", "LOG-6", "LOG-7", "LOG-8",
                                          "RECOVER-3"}));
}

}  // namespace
}  // namespace caisson::log

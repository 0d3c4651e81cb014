// Method: spec/golden/stores/ holds attachments, records of LOCK and positions that make_stores.py
// wrote from the spec alone, each with what has to happen to it (spec/golden/STORES.md). Every one
// is read; and what was read is written again, as the same bytes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/testing/golden.h"
#include "mvcc/lock_file.h"
#include "mvcc/position.h"
#include "mvcc/retention.h"

namespace caisson::mvcc {
namespace {

using caisson::testing::golden_names;
using caisson::testing::GoldenFile;
using caisson::testing::load_golden;
using ::testing::ElementsAreArray;

namespace fs = std::filesystem;

const fs::path& golden_folder() {
  static const fs::path folder = fs::path(CAISSON_SOURCE_DIR) / "spec/golden/stores";
  return folder;
}

Uuid golden_uuid() {
  Uuid uuid;
  for (std::size_t i = 0; i < 16; ++i) uuid.bytes[i] = static_cast<std::byte>(0xA0 + i);
  return uuid;
}

std::vector<std::string> observe_attachment(Bytes bytes) {
  pager::Meta meta;
  meta.page_size = 4096;
  meta.txn = TxnId{9};
  meta.page_count = 100;
  const auto retention = decode_retention(bytes, meta);
  if (!retention) {
    const Error& error = retention.error();
    const bool is_later = error.code() == Code::kUnsupportedVersion;
    return {is_later ? "refused unsupported-version -"
                     : "refused " + std::string(to_string(error.code())) + " " + error.rule()};
  }
  EXPECT_EQ(encode_retention(*retention), std::vector<std::byte>(bytes.begin(), bytes.end()));
  std::vector<std::string> said = {"time " + std::to_string(retention->time_ns)};
  for (const std::string& name : retention->names) said.push_back("name " + name);
  for (const RetainedCheckpoint& entry : retention->earlier) {
    std::string text = "checkpoint " + std::to_string(to_u64(entry.txn)) + " page " +
                       std::to_string(to_u64(entry.root.id)) + " of " +
                       std::to_string(entry.page_count);
    if (entry.history) text += " history";
    for (const std::string& name : entry.names) text += " named " + name;
    said.push_back(text);
    EXPECT_EQ(entry.log.offset, 4096 * to_u64(entry.txn));
    EXPECT_EQ(entry.log.hash.high, 0x0F0E0D0C0B0A0908U);
    EXPECT_EQ(entry.time_ns, 1000 + to_u64(entry.txn));
  }
  return said;
}

std::vector<std::string> observe_record(Bytes bytes) {
  const auto record = decode_lock_record(bytes, golden_uuid());
  if (!record) return {"says nothing"};
  std::array<std::byte, kLockRecordSize> again{};
  encode_lock_record(*record, golden_uuid(), again);
  EXPECT_TRUE(std::ranges::equal(again, bytes));
  return {"says " + std::to_string(to_u64(record->txn)) + " " + std::to_string(record->log_file)};
}

std::vector<std::string> observe_position(Bytes bytes) {
  const auto position = decode_position(bytes, golden_uuid());
  if (!position) {
    const Error& error = position.error();
    return {error.code() == Code::kUnsupportedVersion
                ? "refused unsupported-version -"
                : "refused " + std::string(to_string(error.code())) + " " + error.rule()};
  }
  EXPECT_EQ(encode_position(*position, golden_uuid()).value(),
            std::vector<std::byte>(bytes.begin(), bytes.end()));
  EXPECT_EQ(position->log.hash.high, 0x0F0E0D0C0B0A0908U);
  std::vector<std::string> said = {
      "file " + position_file_name(position->name),
      position->name + " behind " + std::to_string(to_u64(position->txn))};
  for (const auto& [id, name] : position->trees) {
    said.push_back("tree " + std::to_string(to_u64(id)) + " " + name);
  }
  return said;
}

std::vector<std::string> observe(const std::string& name, Bytes bytes) {
  if (name.find("lock-") != std::string::npos) return observe_record(bytes);
  if (name.find("position") != std::string::npos) return observe_position(bytes);
  return observe_attachment(bytes);
}

class GoldenStores : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenStores, AreReadOrRefusedAsTheySay) {
  const GoldenFile file = load_golden(golden_folder(), GetParam());
  EXPECT_THAT(observe(GetParam(), file.bytes), ElementsAreArray(file.expected));
}

INSTANTIATE_TEST_SUITE_P(All, GoldenStores, ::testing::ValuesIn(golden_names(golden_folder())),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(GoldenStoreFiles, BreakEveryRuleThatAReaderCanSeeBroken) {
  std::set<std::string> named;
  for (const std::string& name : golden_names(golden_folder())) {
    if (name.starts_with("reject-") && !name.starts_with("reject-unsupported")) {
      named.insert(caisson::testing::rule_named_by(name));
    }
  }
  EXPECT_EQ(named, (std::set<std::string>{"LOCK-1", "POSITION-1", "RETAIN-1"}));
}

}  // namespace
}  // namespace caisson::mvcc

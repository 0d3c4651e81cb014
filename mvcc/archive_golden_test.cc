// Method: spec/golden/archives/ holds archives that make_archives.py wrote from the spec alone,
// each with what has to happen to it (spec/golden/ARCHIVES.md). Every one is restored, or refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/hex.h"
#include "base/testing/golden.h"
#include "mvcc/backup.h"
#include "mvcc/testing/harness.h"

namespace caisson::mvcc {
namespace {

using caisson::testing::golden_names;
using caisson::testing::GoldenFile;
using caisson::testing::load_golden;
using io::sim::Machine;
using ::testing::ElementsAreArray;

namespace fs = std::filesystem;

const fs::path& golden_folder() {
  static const fs::path folder = fs::path(CAISSON_SOURCE_DIR) / "spec/golden/archives";
  return folder;
}

std::string hash_text(const Hash128& hash) {
  std::array<std::byte, kHash128SizeBytes> bytes;
  store_hash128(bytes.data(), hash);
  std::ranges::reverse(bytes);
  return to_hex(bytes);
}

std::vector<std::string> observe(Bytes archive) {
  Machine machine(1);
  const ByteSource source = [rest = archive](MutableBytes into) mutable -> Result<std::size_t> {
    const std::size_t size = std::min(into.size(), rest.size());
    if (size > 0) std::memcpy(into.data(), rest.data(), size);
    rest = rest.subspan(size);
    return size;
  };
  const FreshStore fresh{
      .path = "/store", .create = {}, .engine = testing::StoreOptions{}.engine_options()};
  const auto restored = restore(machine.vfs(), source, fresh);
  const bool is_there = machine.vfs().open_directory("/store").has_value();
  EXPECT_EQ(is_there, restored.has_value());
  if (restored) {
    return {"txn " + std::to_string(to_u64(restored->txn)), "hash " + hash_text(restored->hash)};
  }
  const Error& error = restored.error();
  return {error.code() == Code::kUnsupportedVersion
              ? "refused unsupported-version -"
              : "refused " + std::string(to_string(error.code())) + " " + error.rule()};
}

class GoldenArchives : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenArchives, AreRestoredOrRefusedAsTheySay) {
  const GoldenFile file = load_golden(golden_folder(), GetParam());
  EXPECT_THAT(observe(file.bytes), ElementsAreArray(file.expected));
}

INSTANTIATE_TEST_SUITE_P(All, GoldenArchives, ::testing::ValuesIn(golden_names(golden_folder())),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(GoldenArchiveFiles, BreakEveryRule) {
  std::set<std::string> named;
  for (const std::string& name : golden_names(golden_folder())) {
    if (name.starts_with("reject-archive-")) named.insert(caisson::testing::rule_named_by(name));
  }
  EXPECT_EQ(named, (std::set<std::string>{"ARCHIVE-1", "ARCHIVE-2", "ARCHIVE-3", "ARCHIVE-4",
                                          "ARCHIVE-5", "ARCHIVE-6"}));
}

}  // namespace
}  // namespace caisson::mvcc

// The golden files of spec/golden/: texts that say which bytes a file has, and what has to
// happen to it. README.md there describes the format. Everything that fails throws.

#ifndef CAISSON_BASE_TESTING_GOLDEN_H_
#define CAISSON_BASE_TESTING_GOLDEN_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace caisson::testing {

struct GoldenFile {
  std::vector<std::string> expected;  // In the order of the file.
  std::vector<std::byte> bytes;
};

GoldenFile load_golden(const std::filesystem::path& folder, const std::string& name);

// All in a folder, in order.
std::vector<std::string> golden_names(const std::filesystem::path& folder);

// The rule for which `reject-file-2-short` is named: FILE-2.
std::string rule_named_by(const std::string& name);

// A number, of which `text` is all.
std::uint64_t parse_number(std::string_view text, int base);

}  // namespace caisson::testing

#endif  // CAISSON_BASE_TESTING_GOLDEN_H_

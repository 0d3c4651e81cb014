// The golden files of spec/golden/: texts that say which bytes a page file has, and what has to
// happen to it. README.md there describes the format. Everything that fails throws.

#ifndef CAISSON_PAGER_TESTING_GOLDEN_H_
#define CAISSON_PAGER_TESTING_GOLDEN_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/sim/machine.h"

namespace caisson::pager::testing {

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

// A store on the machine with this page file, durable.
std::unique_ptr<io::Directory> make_store_of(io::sim::Machine& machine, Bytes page_file);

}  // namespace caisson::pager::testing

#endif  // CAISSON_PAGER_TESTING_GOLDEN_H_

// How far a load has come, kept in the store itself (spec/dump.md, section 4): it changes in the
// same transaction as the rows that it counts.

#ifndef CAISSON_TOOLS_CAISSON_LOAD_MARK_H_
#define CAISSON_TOOLS_CAISSON_LOAD_MARK_H_

#include <caisson/store.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace caisson::tools {

struct LoadMark {
  std::string format;
  std::optional<std::string> tree;  // That all rows go to.
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint32_t checksum = 0;  // CRC-32C of those bytes.
};

std::string encode_load_mark(const LoadMark& mark);

// kCorruption with the rule MARK-1; kUnsupportedVersion.
Result<LoadMark> decode_load_mark(std::string_view text);

// The mark of a source; none if it has none.
Result<std::optional<LoadMark>> read_load_mark(const Store& store, const std::string& source);

// Sets it, and takes it away: with the tree, if nothing else is in it.
Result<void> set_load_mark(WriteTxn& txn, const std::string& source, const LoadMark& mark);
Result<void> remove_load_mark(WriteTxn& txn, const std::string& source);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_LOAD_MARK_H_

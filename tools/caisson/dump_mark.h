// What an interrupted dump has written, kept in a file beside its part (spec/dump.md, section 5).

#ifndef CAISSON_TOOLS_CAISSON_DUMP_MARK_H_
#define CAISSON_TOOLS_CAISSON_DUMP_MARK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "tools/rows/dump_format.h"

namespace caisson::tools {

struct DumpMark {
  std::string format;
  std::string store;                // The store's identity.
  std::uint64_t txn = 0;            // The state that is dumped.
  std::optional<std::string> only;  // The one tree that is.
  std::string tree;                 // Where it stopped: the tree,
  std::optional<std::string> key;   // and the last key that was written of it; none: no key.
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint32_t checksum = 0;  // CRC-32C of those bytes.
  DumpWriter::State binary;
};

// Where it is kept.
std::string dump_mark_file(const std::string& path);

// Writes it, and flushes it.
Result<void> write_dump_mark(const std::string& path, const DumpMark& mark);

// kNotFound; kCorruption with the rule MARK-2; kUnsupportedVersion.
Result<DumpMark> read_dump_mark(const std::string& path);
Result<DumpMark> decode_dump_mark(std::string_view text);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_DUMP_MARK_H_

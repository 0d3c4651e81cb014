// Rows, as `caisson load` reads and `caisson dump` writes them in one of three formats.

#ifndef CAISSON_TOOLS_ROWS_ROW_H_
#define CAISSON_TOOLS_ROWS_ROW_H_

#include <caisson/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tools/rows/input_buffer.h"

namespace caisson::tools {

enum class RowFormat : std::uint8_t { kTsv, kJsonLines, kBinary };

// "tsv", "jsonl", "binary", and back.
std::string_view to_string(RowFormat format);
std::optional<RowFormat> row_format_named(std::string_view name);

// The format of a file by the end of its name (.tsv, .jsonl, .ndjson, .dump); none for others.
std::optional<RowFormat> row_format_of_file(std::string_view path);

struct Row {
  enum class Kind : std::uint8_t {
    kTree,       // There is a tree of that name.
    kEntry,      // A key and its value.
    kLongEntry,  // A key whose value of `value_size` bytes is read by piece() now.
  };

  // All views live until the reader's next call.
  Kind kind = Kind::kEntry;
  std::optional<std::string_view> tree = {};  // None: the source doesn't say.
  std::string_view key = {};
  std::string_view value = {};
  std::uint64_t value_size = 0;
};

// Reads rows, in memory that doesn't grow with their number. Used by one thread. After an error it
// is at its end.
class RowReader {
 public:
  virtual ~RowReader() = default;

  // The next row; false at the end. kInvalidArgument for a text that is no row, kCorruption,
  // kUnsupportedVersion: the message says where.
  virtual Result<bool> next(Row& row) = 0;

  // The next piece of the value of a long entry; not empty. REQUIRES: there is more of it.
  virtual Result<std::string_view> piece();

  // Where the last row was: "line 7".
  virtual std::string place() const = 0;

  // Whether the last row was the last one, as far as can be told without waiting for more.
  virtual bool at_end() = 0;

  // Up to where bytes were used, and their CRC-32C. Where rows come in blocks, whole blocks count.
  virtual std::uint64_t position() const = 0;
  virtual std::uint32_t checksum() = 0;
};

// A reader of one format. `input` has to outlive it.
std::unique_ptr<RowReader> make_row_reader(RowFormat format, InputBuffer& input);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_ROWS_ROW_H_

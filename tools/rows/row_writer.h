// Writing rows, as text or binary.

#ifndef CAISSON_TOOLS_ROWS_ROW_WRITER_H_
#define CAISSON_TOOLS_ROWS_ROW_WRITER_H_

#include <caisson/value.h>

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "base/result.h"

namespace caisson::tools {

// Where rows go, counted.
class RowSink {
 public:
  // Goes on behind so many bytes with that checksum.
  explicit RowSink(std::ostream& out, std::uint64_t bytes = 0, std::uint32_t checksum = 0)
      : out_(out), bytes_(bytes), checksum_(checksum) {}

  void write(std::string_view bytes);

  std::uint64_t bytes() const { return bytes_; }
  std::uint32_t checksum() const { return checksum_; }  // CRC-32C
  bool good() const { return out_.good(); }

 private:
  std::ostream& out_;
  std::uint64_t bytes_;
  std::uint32_t checksum_;
};

// Writes the rows of some trees, one tree after the other, in memory that doesn't grow with them.
// Whether the output took them is asked of the sink.
class RowWriter {
 public:
  virtual ~RowWriter() = default;

  // What follows is in this tree, which has so many entries.
  virtual Result<void> begin_tree(std::string_view name, std::uint64_t count) = 0;

  // Errors: those of reading the value; what is written is no row then.
  virtual Result<void> entry(std::string_view key, Value& value) = 0;

  // Writes what was kept back.
  virtual void flush() {}

  // Ends the rows.
  virtual void finish() {}
};

// Key, tab, value.
class TsvWriter : public RowWriter {
 public:
  explicit TsvWriter(RowSink& sink) : sink_(sink) {}

  Result<void> begin_tree(std::string_view name, std::uint64_t count) override;
  Result<void> entry(std::string_view key, Value& value) override;

 private:
  RowSink& sink_;
  std::string line_;
};

// JSON Lines. Each row says its tree where there are several.
class JsonLinesWriter : public RowWriter {
 public:
  JsonLinesWriter(RowSink& sink, bool says_tree) : sink_(sink), says_tree_(says_tree) {}

  Result<void> begin_tree(std::string_view name, std::uint64_t count) override;
  Result<void> entry(std::string_view key, Value& value) override;

  // Goes on in a tree whose beginning was written before.
  void go_on_in(std::string_view name);

 private:
  RowSink& sink_;
  const bool says_tree_;
  std::string tree_field_;
  std::string line_;
};

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_ROWS_ROW_WRITER_H_

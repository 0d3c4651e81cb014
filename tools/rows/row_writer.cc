#include "tools/rows/row_writer.h"

#include <caisson/bytes.h>

#include <span>

#include "base/crc32c.h"
#include "tools/cli/text.h"

namespace caisson::tools {

void RowSink::write(std::string_view bytes) {
  out_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes_ += bytes.size();
  checksum_ = crc32c_extend(checksum_, std::as_bytes(std::span(bytes)));
}

// --- TSV -----------------------------------------------------------------------------------------

Result<void> TsvWriter::begin_tree(std::string_view /*name*/, std::uint64_t /*count*/) {
  return {};  // There is one tree, and nothing says which.
}

Result<void> TsvWriter::entry(std::string_view key, Value& value) {
  line_.clear();
  append_escaped(line_, key);
  line_ += '\t';
  for (std::uint64_t offset = 0; offset < value.size() && sink_.good();) {
    CAISSON_ASSIGN_OR_RETURN(const Bytes piece, value.piece(offset));
    offset += piece.size();
    append_escaped(line_, as_text(piece));
    if (offset == value.size()) break;
    sink_.write(line_);
    line_.clear();
  }
  line_ += '\n';
  sink_.write(line_);
  return {};
}

// --- JSON Lines ----------------------------------------------------------------------------------

void JsonLinesWriter::go_on_in(std::string_view name) {
  tree_field_.clear();
  if (says_tree_) append_json_field(tree_field_, "tree", name);
}

Result<void> JsonLinesWriter::begin_tree(std::string_view name, std::uint64_t count) {
  go_on_in(name);
  if (says_tree_ && count == 0) sink_.write("{" + tree_field_ + "}\n");
  return {};
}

Result<void> JsonLinesWriter::entry(std::string_view key, Value& value) {
  CAISSON_ASSIGN_OR_RETURN(const Bytes bytes, value.bytes());
  line_ = '{';
  line_ += tree_field_;
  if (!tree_field_.empty()) line_ += ',';
  append_json_field(line_, "key", key);
  line_ += ',';
  append_json_field(line_, "value", as_text(bytes));
  line_ += "}\n";
  sink_.write(line_);
  return {};
}

}  // namespace caisson::tools

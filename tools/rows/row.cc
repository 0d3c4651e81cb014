#include "tools/rows/row.h"

#include "tools/rows/dump_format.h"
#include "tools/rows/json_lines.h"
#include "tools/rows/tsv.h"

namespace caisson::tools {

std::string_view to_string(RowFormat format) {
  switch (format) {
    case RowFormat::kTsv:
      return "tsv";
    case RowFormat::kJsonLines:
      return "jsonl";
    case RowFormat::kBinary:
      return "binary";
  }
  return "";
}

std::optional<RowFormat> row_format_named(std::string_view name) {
  for (const RowFormat format : {RowFormat::kTsv, RowFormat::kJsonLines, RowFormat::kBinary}) {
    if (to_string(format) == name) return format;
  }
  return std::nullopt;
}

std::optional<RowFormat> row_format_of_file(std::string_view path) {
  if (path.ends_with(".tsv")) return RowFormat::kTsv;
  if (path.ends_with(".jsonl") || path.ends_with(".ndjson")) return RowFormat::kJsonLines;
  if (path.ends_with(".dump")) return RowFormat::kBinary;
  return std::nullopt;
}

Result<std::string_view> RowReader::piece() {
  return fail(Code::kInvalidArgument, "the value is in one piece");
}

std::unique_ptr<RowReader> make_row_reader(RowFormat format, InputBuffer& input) {
  switch (format) {
    case RowFormat::kTsv:
      return std::make_unique<TsvReader>(input);
    case RowFormat::kJsonLines:
      return std::make_unique<JsonLinesReader>(input);
    case RowFormat::kBinary:
      return std::make_unique<DumpReader>(input);
  }
  return nullptr;
}

}  // namespace caisson::tools

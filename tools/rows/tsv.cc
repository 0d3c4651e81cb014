#include "tools/rows/tsv.h"

#include "tools/cli/text.h"

namespace caisson::tools {

Result<std::string_view> TsvReader::field(std::string_view text, std::string& room) {
  if (text.find('\\') == std::string_view::npos) return text;
  if (const auto read = unescape(text, room); !read) {
    return bad(read.error().message(), read.error().advice());
  }
  return room;
}

Result<bool> TsvReader::next(Row& row) {
  std::string_view line;
  CAISSON_ASSIGN_OR_RETURN(const bool more, next_line(line));
  if (!more) return false;
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos) {
    return bad(line.empty() ? "it is empty" : "it has no tab",
               "A row is a key, a tab and a value.");
  }
  const std::string_view value = line.substr(tab + 1);
  if (value.find('\t') != std::string_view::npos) {
    return bad("it has more than one tab", "A tab within a key or value is written as \\t.");
  }
  if (value.ends_with('\r')) {
    return bad("it ends with a carriage return",
               "One within a value is written as \\r; lines of another system have to be converted "
               "first, say by dos2unix.");
  }
  row = {};
  CAISSON_ASSIGN_OR_RETURN(row.key, field(line.substr(0, tab), key_));
  CAISSON_ASSIGN_OR_RETURN(row.value, field(value, value_));
  return true;
}

}  // namespace caisson::tools

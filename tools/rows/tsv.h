// Rows as lines: key, tab, value, with the escapes of cli/text.h.

#ifndef CAISSON_TOOLS_ROWS_TSV_H_
#define CAISSON_TOOLS_ROWS_TSV_H_

#include <string>

#include "tools/rows/lines.h"

namespace caisson::tools {

class TsvReader : public LineReader {
 public:
  using LineReader::LineReader;

  Result<bool> next(Row& row) override;

 private:
  // The bytes of a field, which are in `room` where they aren't written as they are.
  Result<std::string_view> field(std::string_view text, std::string& room);

  std::string key_;
  std::string value_;
};

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_ROWS_TSV_H_

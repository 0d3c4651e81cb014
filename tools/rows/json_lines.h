// Rows as lines of JSON, each an object:
//
//   {"tree":"users","key":"alice","value":"text"}
//   {"key_base64":"/wA=","value_base64":"AAEC"}    bytes that are no UTF-8
//   {"key":"bob","value":{"age":7}}                a value that is no string: its JSON is the
//   value,
//                                                  without white space
//   {"tree":"empty"}                               a tree
//
// There are no other fields.

#ifndef CAISSON_TOOLS_ROWS_JSON_LINES_H_
#define CAISSON_TOOLS_ROWS_JSON_LINES_H_

#include <string>

#include "tools/rows/lines.h"

namespace caisson::tools {

class JsonLinesReader : public LineReader {
 public:
  using LineReader::LineReader;

  Result<bool> next(Row& row) override;

 private:
  // Reads what a field holds into `room`.
  Result<void> text_of(std::string_view name, std::string_view json, std::string& room);
  Result<void> bytes_of(std::string_view name, std::string_view json, std::string& room);

  // Reads one field of the line.
  Result<void> read_field(std::string_view name, std::string_view json);

  std::string name_;
  std::string tree_;
  std::string key_;
  std::string value_;
  std::string base64_;
  bool has_tree_ = false;
  bool has_key_ = false;
  bool has_value_ = false;
};

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_ROWS_JSON_LINES_H_

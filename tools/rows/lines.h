// The lines of a stream, for rows that are lines.

#ifndef CAISSON_TOOLS_ROWS_LINES_H_
#define CAISSON_TOOLS_ROWS_LINES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/rows/row.h"

namespace caisson::tools {

// The longest line, in bytes: it has to be in memory. Longer values go in the binary format.
inline constexpr std::size_t kLineSizeMax = std::size_t{256} << 20U;

class LineReader : public RowReader {
 public:
  explicit LineReader(InputBuffer& input) : input_(input) {}

  std::string place() const override { return "line " + std::to_string(number_); }
  bool at_end() override { return failed_ || input_.at_end(); }
  std::uint64_t position() const override { return input_.position(); }
  std::uint32_t checksum() override { return input_.checksum(); }

 protected:
  // The next line, without its end, which the last one need not have; false if there is none. Lives
  // until the next call.
  Result<bool> next_line(std::string_view& line);

  // kInvalidArgument about the last line. There are no lines behind it.
  std::unexpected<Error> bad(const std::string& what, const std::string& advice = "");

 private:
  InputBuffer& input_;
  std::uint64_t number_ = 0;
  bool failed_ = false;
};

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_ROWS_LINES_H_

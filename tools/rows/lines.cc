#include "tools/rows/lines.h"

namespace caisson::tools {

Result<bool> LineReader::next_line(std::string_view& line) {
  if (failed_) return false;
  std::size_t looked_at = 0;
  while (true) {
    const std::string_view unread = input_.unread();
    const std::size_t end = unread.find('\n', looked_at);
    if (end != std::string_view::npos) {
      ++number_;
      line = unread.substr(0, end);
      input_.use(end + 1);
      return true;
    }
    looked_at = unread.size();
    if (looked_at > kLineSizeMax) {
      ++number_;
      return bad("it is longer than " + std::to_string(kLineSizeMax >> 20U) + " MiB",
                 "Use the binary format for such values.");
    }
    if (input_.fill()) continue;
    line = input_.unread();
    if (line.empty()) return false;
    ++number_;
    input_.use(line.size());
    return true;
  }
}

std::unexpected<Error> LineReader::bad(const std::string& what, const std::string& advice) {
  failed_ = true;
  return fail(Error(Code::kInvalidArgument, place() + ": " + what).with_advice(advice));
}

}  // namespace caisson::tools

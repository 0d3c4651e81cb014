// Fields of the small JSON objects that say how far something is.

#ifndef CAISSON_TOOLS_CAISSON_MARK_FIELDS_H_
#define CAISSON_TOOLS_CAISSON_MARK_FIELDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/caisson/command.h"

namespace caisson::tools {

inline constexpr std::uint64_t kMarkVersion = 1;

// Reads fields of an object whose text anybody may have written. What is missing or of the wrong
// kind is noted, and good() says so in the end.
class MarkFields {
 public:
  explicit MarkFields(std::string_view text) : json_(Json::parse(text, nullptr, false)) {
    good_ = json_.is_object();
  }

  bool good() const { return good_; }

  // A number of at most `most`.
  std::uint64_t number(const char* name, std::uint64_t most = ~std::uint64_t{0});
  std::string text(const char* name);

  // What set_bytes() has set; none where there is nothing.
  std::optional<std::string> bytes(const std::string& name);

 private:
  Json json_;
  bool good_ = false;
};

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_MARK_FIELDS_H_

#include "tools/caisson/mark_fields.h"

#include "tools/cli/text.h"

namespace caisson::tools {

std::uint64_t MarkFields::number(const char* name, std::uint64_t most) {
  const auto at = good_ ? json_.find(name) : json_.end();
  if (at == json_.end() || !at->is_number_unsigned() || at->get<std::uint64_t>() > most) {
    good_ = false;
    return 0;
  }
  return at->get<std::uint64_t>();
}

std::string MarkFields::text(const char* name) {
  const auto at = good_ ? json_.find(name) : json_.end();
  if (at == json_.end() || !at->is_string()) {
    good_ = false;
    return "";
  }
  return at->get<std::string>();
}

std::optional<std::string> MarkFields::bytes(const std::string& name) {
  if (!good_) return std::nullopt;
  const std::string encoded = name + "_base64";
  const bool plain = json_.contains(name);
  if (plain && json_.contains(encoded)) good_ = false;
  if (plain) return text(name.c_str());
  if (!json_.contains(encoded)) return std::nullopt;
  std::string out;
  if (!from_base64(text(encoded.c_str()), out)) good_ = false;
  return out;
}

}  // namespace caisson::tools

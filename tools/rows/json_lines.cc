#include "tools/rows/json_lines.h"

#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "tools/cli/text.h"

namespace caisson::tools {
namespace {

// These take a text apart that is known to be valid JSON: numbers stay as they are written, which
// no tree of values would keep.

constexpr std::string_view kSpace = " \t\r\n";

void skip_space(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
}

// The string that a text begins with, with its quotes.
std::string_view string_at(std::string_view text) {
  std::size_t at = 1;
  while (text[at] != '"') at += text[at] == '\\' ? 2U : 1U;
  return text.substr(0, at + 1);
}

// The value that a text begins with.
std::string_view value_at(std::string_view text) {
  if (text.front() == '"') return string_at(text);
  std::size_t at = 0;
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at += string_at(text.substr(at)).size();
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (depth == 0 && (c == ',' || c == '}' || kSpace.find(c) != std::string_view::npos)) break;
    ++at;
    if ((c == '}' || c == ']') && --depth == 0) break;
  }
  return text.substr(0, at);
}

unsigned hex4(std::string_view text) {
  unsigned number = 0;
  text = text.substr(0, 4);
  std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return number;
}

void append_utf8(std::string& out, unsigned code) {
  const auto add = [&out](unsigned byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0U | (code >> 6U));
    add(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    add(0xE0U | (code >> 12U));
    add(0x80U | ((code >> 6U) & 0x3FU));
    add(0x80U | (code & 0x3FU));
  } else {
    add(0xF0U | (code >> 18U));
    add(0x80U | ((code >> 12U) & 0x3FU));
    add(0x80U | ((code >> 6U) & 0x3FU));
    add(0x80U | (code & 0x3FU));
  }
}

// What a JSON string says. `json` is the string with its quotes.
void read_string(std::string_view json, std::string& out) {
  out.clear();
  std::string_view text = json.substr(1, json.size() - 2);
  while (true) {
    const std::size_t at = text.find('\\');
    out.append(text.substr(0, at));
    if (at == std::string_view::npos) return;
    const char kind = text[at + 1];
    text.remove_prefix(at + 2);
    switch (kind) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        unsigned code = hex4(text);
        text.remove_prefix(4);
        if (code >= 0xD800 && code < 0xDC00) {  // The second half follows: the text is valid.
          code = 0x10000 + ((code - 0xD800) << 10U) + (hex4(text.substr(2)) - 0xDC00);
          text.remove_prefix(6);
        }
        append_utf8(out, code);
        break;
      }
      default:
        out += kind;  // A quote, a slash or a backslash.
    }
  }
}

// A value's JSON without white space.
void append_compact(std::string& out, std::string_view json) {
  while (!json.empty()) {
    if (json.front() == '"') {
      const std::string_view string = string_at(json);
      out += string;
      json.remove_prefix(string.size());
      continue;
    }
    if (kSpace.find(json.front()) == std::string_view::npos) out += json.front();
    json.remove_prefix(1);
  }
}

std::string why_invalid(std::string_view line) {
  try {
    [[maybe_unused]] const auto json = nlohmann::json::parse(line);
  } catch (const nlohmann::json::exception& error) {
    const std::string what = error.what();
    const std::size_t at = what.find("] ");
    return at == std::string::npos ? what : what.substr(at + 2);
  }
  return "";
}

}  // namespace

Result<void> JsonLinesReader::text_of(std::string_view name, std::string_view json,
                                      std::string& room) {
  if (json.front() != '"') return bad("\"" + std::string(name) + "\" is no string");
  read_string(json, room);
  return {};
}

Result<void> JsonLinesReader::bytes_of(std::string_view name, std::string_view json,
                                       std::string& room) {
  CAISSON_RETURN_IF_ERROR(text_of(name, json, base64_));
  if (!from_base64(base64_, room)) return bad("\"" + std::string(name) + "\" is no base64");
  return {};
}

Result<void> JsonLinesReader::read_field(std::string_view name, std::string_view json) {
  const auto once = [this](bool& has) -> Result<void> {
    if (has) return bad("it says the same twice");
    has = true;
    return {};
  };
  if (name == "key" || name == "key_base64") {
    CAISSON_RETURN_IF_ERROR(once(has_key_));
    return name == "key" ? text_of(name, json, key_) : bytes_of(name, json, key_);
  }
  if (name == "tree" || name == "tree_base64") {
    CAISSON_RETURN_IF_ERROR(once(has_tree_));
    return name == "tree" ? text_of(name, json, tree_) : bytes_of(name, json, tree_);
  }
  if (name == "value_base64") {
    CAISSON_RETURN_IF_ERROR(once(has_value_));
    return bytes_of(name, json, value_);
  }
  if (name == "value") {
    CAISSON_RETURN_IF_ERROR(once(has_value_));
    if (json.front() == '"') return text_of(name, json, value_);
    value_.clear();
    append_compact(value_, json);
    return {};
  }
  return bad("there is no field \"" + escaped(name) + "\"",
             "There are tree, key and value, and each with _base64 behind it.");
}

Result<bool> JsonLinesReader::next(Row& row) {
  std::string_view line;
  CAISSON_ASSIGN_OR_RETURN(const bool more, next_line(line));
  if (!more) return false;
  // Where there is one, the parser takes it for the end.
  if (line.find('\0') != std::string_view::npos) return bad("there is a zero byte in it");
  if (!nlohmann::json::accept(line)) return bad("it is no JSON: " + why_invalid(line));
  has_tree_ = has_key_ = has_value_ = false;
  skip_space(line);
  if (line.front() != '{') return bad("it is no object", "A row is {\"key\":..., \"value\":...}.");
  line.remove_prefix(1);
  for (skip_space(line); line.front() != '}'; skip_space(line)) {
    if (line.front() == ',') line.remove_prefix(1);
    skip_space(line);
    const std::string_view quoted_name = string_at(line);
    read_string(quoted_name, name_);
    line.remove_prefix(quoted_name.size());
    skip_space(line);
    line.remove_prefix(1);  // The colon.
    skip_space(line);
    const std::string_view json = value_at(line);
    line.remove_prefix(json.size());
    CAISSON_RETURN_IF_ERROR(read_field(name_, json));
  }
  row = {};
  if (has_tree_) row.tree = tree_;
  if (has_tree_ && !has_key_ && !has_value_) {
    row.kind = Row::Kind::kTree;
    return true;
  }
  if (!has_key_ || !has_value_) return bad(has_key_ ? "it has no value" : "it has no key");
  row.key = key_;
  row.value = value_;
  return true;
}

}  // namespace caisson::tools

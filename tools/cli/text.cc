#include "tools/cli/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace caisson::tools {
namespace {

constexpr char kDigits[] = "0123456789abcdef";
constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

unsigned byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

bool follows(std::string_view text, std::size_t at, unsigned least = 0x80, unsigned most = 0xBF) {
  return at < text.size() && byte_at(text, at) >= least && byte_at(text, at) <= most;
}

// 0 to 15; -1 for what is no digit.
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte of two digits; -1 if they are none.
int hex_byte(std::string_view text, std::size_t at) {
  if (text.size() < at + 2) return -1;
  const int high = hex_digit(text[at]);
  const int low = hex_digit(text[at + 1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

void append_hex_byte(std::string& out, char byte) {
  out += kDigits[static_cast<unsigned char>(byte) >> 4U];
  out += kDigits[static_cast<unsigned char>(byte) & 15U];
}

// Printable ASCII that is written as it is, which is nearly all there is.
bool is_plain(char c) { return c >= 0x20 && c < 0x7F && c != '\\'; }

bool is_control(std::string_view character) {
  return character.size() == 2 && byte_at(character, 0) == 0xC2 && byte_at(character, 1) < 0xA0;
}

constexpr std::array<std::int8_t, 256> base64_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (int i = 0; i < 64; ++i) {
    values[static_cast<unsigned char>(kBase64[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const unsigned first = byte_at(text, 0);
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return follows(text, 1) ? 2 : 0;
  if (first < 0xF0) {
    // Neither what has a shorter form, nor surrogates.
    const unsigned least = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned most = first == 0xED ? 0x9F : 0xBF;
    return follows(text, 1, least, most) && follows(text, 2) ? 3 : 0;
  }
  if (first > 0xF4) return 0;
  const unsigned least = first == 0xF0 ? 0x90 : 0x80;
  const unsigned most = first == 0xF4 ? 0x8F : 0xBF;
  return follows(text, 1, least, most) && follows(text, 2) && follows(text, 3) ? 4 : 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const auto odd = std::ranges::find_if_not(text, is_plain);
    const auto plain = static_cast<std::size_t>(odd - text.begin());
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return;
    const std::size_t length = utf8_length(text);
    if (length > 1 && !is_control(text.substr(0, length))) {
      out.append(text.substr(0, length));
      text.remove_prefix(length);
      continue;
    }
    switch (text.front()) {
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        out += "\\x";
        append_hex_byte(out, text.front());
    }
    text.remove_prefix(1);
  }
}

std::string escaped(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}

Result<void> unescape(std::string_view text, std::string& out) {
  out.clear();
  while (true) {
    const std::size_t at = text.find('\\');
    out.append(text.substr(0, at));
    if (at == std::string_view::npos) return {};
    text.remove_prefix(at + 1);
    const char kind = text.empty() ? '\0' : text.front();
    std::size_t length = 1;
    if (kind == 't') {
      out += '\t';
    } else if (kind == 'n') {
      out += '\n';
    } else if (kind == 'r') {
      out += '\r';
    } else if (kind == '\\') {
      out += '\\';
    } else if (kind == 'x' && hex_byte(text, 1) >= 0) {
      out += static_cast<char>(hex_byte(text, 1));
      length = 3;
    } else {
      return fail(
          Error(Code::kInvalidArgument,
                "\\" + escaped(text.substr(0, kind == 'x' ? 3 : 1)) + " is no escape")
              .with_advice("There are \\t, \\n, \\r, \\\\ and \\xHH; a backslash is \\\\."));
    }
    text.remove_prefix(length);
  }
}

void append_hex(std::string& out, std::string_view bytes) {
  for (const char byte : bytes) append_hex_byte(out, byte);
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  append_hex(out, bytes);
  return out;
}

Result<std::string> from_hex(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += 2) {
    const int byte = hex_byte(text, at);
    if (byte < 0) {
      return fail(Error(Code::kInvalidArgument, "\"" + escaped(text) + "\" is not hexadecimal")
                      .with_advice("Write two digits (0-9, a-f) for each byte."));
    }
    out += static_cast<char>(byte);
  }
  return out;
}

void append_base64(std::string& out, std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t left = std::min<std::size_t>(bytes.size() - at, 3);
    unsigned group = byte_at(bytes, at) << 16U;
    if (left > 1) group |= byte_at(bytes, at + 1) << 8U;
    if (left > 2) group |= byte_at(bytes, at + 2);
    out += kBase64[group >> 18U];
    out += kBase64[(group >> 12U) & 63U];
    out += left > 1 ? kBase64[(group >> 6U) & 63U] : '=';
    out += left > 2 ? kBase64[group & 63U] : '=';
  }
}

std::string to_base64(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

Result<void> from_base64(std::string_view text, std::string& out) {
  static constexpr std::array<std::int8_t, 256> kValues = base64_values();
  out.clear();
  const bool padded = text.ends_with('=');
  std::string_view digits = text;
  while (digits.ends_with('=') && text.size() - digits.size() < 2) digits.remove_suffix(1);
  std::uint32_t group = 0;
  unsigned bits = 0;
  bool good = text.size() % 4 == 0 && (!padded || digits.size() % 4 > 1);
  for (const char digit : digits) {
    const std::int8_t value = kValues[static_cast<unsigned char>(digit)];
    if (value < 0) good = false;
    if (!good) break;
    group = (group << 6U) | static_cast<std::uint8_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>((group >> bits) & 0xFFU);
  }
  // Bits that belong to no byte are zero, so that equal bytes have equal texts.
  if (good && (group & ((1U << bits) - 1)) == 0) return {};
  return fail(Code::kInvalidArgument, "this is not base64 (RFC 4648, with padding)");
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      out += "\\u00";
      append_hex_byte(out, c);
    }
  }
  out += '"';
}

void append_json_field(std::string& out, std::string_view name, std::string_view bytes) {
  const bool text = is_utf8(bytes);
  out += '"';
  out += name;
  out += text ? "\":" : "_base64\":\"";
  if (text) return append_json_string(out, bytes);
  append_base64(out, bytes);
  out += '"';
}

}  // namespace caisson::tools

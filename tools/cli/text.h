// Bytes as text, and back: escapes, hexadecimal, base64, JSON strings.
//
// The escapes are those of what `scan` and `dump` print and `load` reads. A byte is written as it
// is where it belongs to valid UTF-8 and is no control character (U+0000 to U+001F, U+007F, and
// U+0080 to U+009F); otherwise as \t, \n, \r, or \xHH with two hexadecimal digits. A backslash is
// written as \\. So the text has no tab, no line end, and is valid UTF-8 whatever the bytes are.
// Reading takes every byte but a backslash as it is, and both cases of digits.

#ifndef CAISSON_TOOLS_CLI_TEXT_H_
#define CAISSON_TOOLS_CLI_TEXT_H_

#include <caisson/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace caisson::tools {

// The length in bytes of the character of valid UTF-8 that a text begins with; 0 if it begins with
// none. No character is longer than four bytes.
std::size_t utf8_length(std::string_view text);

bool is_utf8(std::string_view text);

// Adds `text` to `out`, escaped. A piece of a longer text may be given: a character that is cut in
// two by that is written as \xHH, which is read back as the same bytes.
void append_escaped(std::string& out, std::string_view text);
std::string escaped(std::string_view text);

// Replaces `out` by what an escaped text says. kInvalidArgument for an escape that there isn't.
Result<void> unescape(std::string_view text, std::string& out);

// Two lower-case digits a byte; reading takes both cases. kInvalidArgument.
void append_hex(std::string& out, std::string_view bytes);
std::string to_hex(std::string_view bytes);
Result<std::string> from_hex(std::string_view text);

// RFC 4648, with padding. from_base64() replaces `out`. kInvalidArgument.
void append_base64(std::string& out, std::string_view bytes);
std::string to_base64(std::string_view bytes);
Result<void> from_base64(std::string_view text, std::string& out);

// Adds valid UTF-8 as a JSON string, with its quotes.
void append_json_string(std::string& out, std::string_view text);

// Adds `"name":"text"`, or `"name_base64":"..."` where the bytes are no valid UTF-8.
void append_json_field(std::string& out, std::string_view name, std::string_view bytes);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CLI_TEXT_H_

// Method: each form of text by examples that were worked out by hand from its definition, at the
// borders between what is one thing and another; then bytes of every kind and mixture, from a fixed
// seed, through writing and reading: the same bytes come back, and what was written keeps to its
// form.

#include "tools/cli/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/testing/value_of.h"

namespace caisson::tools {
namespace {

using caisson::testing::value_of;
using namespace std::string_literals;

std::string unescaped(std::string_view text) {
  std::string out;
  value_of(unescape(text, out));
  return out;
}

TEST(Utf8, KnowsTheFirstAndLastCharacterOfEachLength) {
  for (const char* good :
       {"\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(utf8_length(good), std::string(good).size()) << escaped(good);
  }
  EXPECT_EQ(utf8_length(""), 0U);
}

TEST(Utf8, RefusesLongForms_Surrogates_AndWhatIsCutOff) {
  for (const char* bad :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2 ", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    EXPECT_EQ(utf8_length(bad), 0U) << escaped(bad);
    EXPECT_FALSE(is_utf8("a"s + bad));
  }
}

TEST(Escapes, AreTheOnesThatThereAre) {
  EXPECT_EQ(escaped("plain \"text\" 'ä' €"), "plain \"text\" 'ä' €");
  EXPECT_EQ(escaped("\t\n\r\\"), "\\t\\n\\r\\\\");
  EXPECT_EQ(escaped("\0\x1F\x7F"s), "\\x00\\x1f\\x7f");
  EXPECT_EQ(escaped("\xC2\x80\xC2\x9F\xC2\xA0"), "\\xc2\\x80\\xc2\\x9f\xC2\xA0");
  EXPECT_EQ(escaped("\xFF\xC3"), "\\xff\\xc3");
  EXPECT_EQ(unescaped("\\x0aA\\xfF\\t\\n\\r\\\\"), "\nA\xFF\t\n\r\\");
  EXPECT_EQ(unescaped("raw \xFF\r"), "raw \xFF\r");
}

TEST(Escapes, RefuseWhatTheyDoNotKnow) {
  std::string out;
  for (const char* bad : {"\\", "a\\", "\\q", "\\x", "\\x1", "\\x1g", "\\X41", "\\0"}) {
    const auto read = unescape(bad, out);
    ASSERT_FALSE(read.has_value()) << bad;
    EXPECT_EQ(read.error().code(), Code::kInvalidArgument);
  }
}

TEST(Base64, IsThatOfTheRfc) {
  const std::vector<std::pair<std::string, std::string>> examples = {
      {"", ""},        {"f", "Zg=="},          {"fo", "Zm8="},
      {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {"\xFB\xFF", "+/8="}};
  for (const auto& [bytes, text] : examples) {
    EXPECT_EQ(to_base64(bytes), text);
    std::string out = "old";
    value_of(from_base64(text, out));
    EXPECT_EQ(out, bytes);
  }
}

TEST(Base64, RefusesOtherTexts) {
  std::string out;
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z===", "====", "=",
                          "Zg==Zg==", "Zm 9", "Zm-_"}) {
    EXPECT_FALSE(from_base64(bad, out).has_value()) << bad;
  }
}

TEST(Hex, HasTwoDigitsForEachByte) {
  EXPECT_EQ(to_hex("\x00\xFFz"s), "00ff7a");
  EXPECT_EQ(value_of(from_hex("00Ff7a")), "\x00\xFFz"s);
  for (const char* bad : {"0", "0g", "000", " 00"}) EXPECT_FALSE(from_hex(bad).has_value()) << bad;
}

// Bytes from all corners: plain text, control characters, characters of all lengths, and noise.
std::string any_bytes(Random& random) {
  static const std::vector<std::string> kParts = {
      "a",        "plain", "\\",       "\\x41", "\t",          "\n", "\r",
      "\"",       "/",     "\0"s,      "\x7F",  "ä",           "€",  "\xF0\x9F\x98\x80",
      "\xC2\x85", "\xC3",  "\xE2\x82", "\xFF",  "\xED\xA0\x80"};
  std::string bytes;
  for (std::uint64_t left = random.below(12); left > 0; --left) {
    if (random.below(4) == 0) {
      bytes += static_cast<char>(random.below(256));
    } else {
      bytes += kParts[random.below(kParts.size())];
    }
  }
  return bytes;
}

TEST(Texts, OfAnyBytesAreReadBackAsTheseBytes) {
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::string bytes = any_bytes(random);
    const std::string text = escaped(bytes);
    EXPECT_EQ(unescaped(text), bytes);
    EXPECT_TRUE(is_utf8(text));
    EXPECT_EQ(text.find_first_of("\t\n\r"), std::string::npos);
    EXPECT_EQ(value_of(from_hex(to_hex(bytes))), bytes);
    std::string back;
    value_of(from_base64(to_base64(bytes), back));
    EXPECT_EQ(back, bytes);
    std::string json = "{";
    append_json_field(json, "x", bytes);
    const auto parsed = nlohmann::json::parse(json + "}");
    if (is_utf8(bytes)) {
      EXPECT_EQ(parsed["x"], bytes);
    } else {
      EXPECT_EQ(parsed["x_base64"], to_base64(bytes));
    }
  }
}

TEST(Texts, MayBeEscapedPieceByPiece) {
  Random random(2);
  for (int i = 0; i < 5'000; ++i) {
    const std::string bytes = any_bytes(random);
    const std::size_t cut = random.below(bytes.size() + 1);
    EXPECT_EQ(unescaped(escaped(bytes.substr(0, cut)) + escaped(bytes.substr(cut))), bytes);
  }
}

}  // namespace
}  // namespace caisson::tools

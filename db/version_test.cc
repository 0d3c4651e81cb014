// Method: the number is the build's; what a test can hold it to is its form, on which callers
// that compare versions rely.

#include <caisson/version.h>

#include <gtest/gtest.h>

#include <regex>
#include <string>

namespace caisson {
namespace {

TEST(Version, HasThreeNumbersSeparatedByDots) {
  const std::string text(version());
  EXPECT_TRUE(std::regex_match(text, std::regex(R"((0|[1-9]\d*)(\.(0|[1-9]\d*)){2})"))) << text;
}

}  // namespace
}  // namespace caisson

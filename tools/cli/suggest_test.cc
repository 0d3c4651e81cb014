// Method: distances that were counted by hand, one kind of slip each; and what is near enough to be
// meant.

#include "tools/cli/suggest.h"

#include <gtest/gtest.h>

namespace caisson::tools {
namespace {

TEST(EditDistance, CountsEachKindOfSlipOnce) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("scan", "scan"), 0U);
  EXPECT_EQ(edit_distance("", "scan"), 4U);
  EXPECT_EQ(edit_distance("scam", "scan"), 1U);
  EXPECT_EQ(edit_distance("sca", "scan"), 1U);
  EXPECT_EQ(edit_distance("scann", "scan"), 1U);
  EXPECT_EQ(edit_distance("sacn", "scan"), 1U);
  EXPECT_EQ(edit_distance("ca", "abc"), 3U);  // No letter twice.
  EXPECT_EQ(edit_distance("verify", "very"), 2U);
}

TEST(Nearest, IsTheOneWithFewestSlipsIfTheyAreFew) {
  EXPECT_EQ(nearest("gte", {"put", "get", "del"}), "get");
  EXPECT_EQ(nearest("usrs", {"orders", "users"}), "users");
  EXPECT_EQ(nearest("xyz", {"put", "get", "del"}), "");
  EXPECT_EQ(nearest("a", {"b"}), "");
  EXPECT_EQ(nearest("", {"get"}), "");
  EXPECT_EQ(did_you_mean("gte", {"get"}), " Did you mean get?");
  EXPECT_EQ(did_you_mean("xyz", {"get"}), "");
}

}  // namespace
}  // namespace caisson::tools

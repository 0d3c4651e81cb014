#include "base/hex.h"

#include <gtest/gtest.h>

#include <vector>

namespace caisson {
namespace {

TEST(Hex, HasTwoDigitsForEachByte) {
  EXPECT_EQ(to_hex({}), "");
  const std::vector<std::byte> bytes = {std::byte{0x00}, std::byte{0x0F}, std::byte{0xA5},
                                        std::byte{0xFF}};
  EXPECT_EQ(to_hex(bytes), "000fa5ff");
}

}  // namespace
}  // namespace caisson

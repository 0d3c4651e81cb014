#include "base/hex.h"

#include <gtest/gtest.h>

#include <vector>

namespace caisson {
namespace {

TEST(Hex, HasTwoDigitsForEachByte) {
  EXPECT_EQ(to_hex(Bytes{}), "");
  const std::vector<std::byte> bytes = {std::byte{0x00}, std::byte{0x0F}, std::byte{0xA5},
                                        std::byte{0xFF}};
  EXPECT_EQ(to_hex(bytes), "000fa5ff");
}

TEST(Hex, ShowsAHashAsANumber) {
  EXPECT_EQ(to_hex(Hash128{.low = 0x0F, .high = 0xA500000000000001}),
            "a500000000000001000000000000000f");
}

}  // namespace
}  // namespace caisson

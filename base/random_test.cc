// Method: golden values that a separate program in another language computed from the published
// definitions of SplitMix64 and xoshiro256**, and the promises about ranges and evenness. Golden
// values mustn't change: recorded seeds would lose their meaning.

#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <string>
#include <vector>

namespace caisson {
namespace {

constexpr std::uint64_t kU64Max = std::numeric_limits<std::uint64_t>::max();

TEST(Random, GivesTheGoldenSequences) {
  struct Case {
    std::uint64_t seed;
    std::array<std::uint64_t, 4> numbers;
  };
  const Case cases[] = {
      {0, {0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0, 0x6aa594f1262d2d2c}},
      {1, {0xb3f2af6d0fc710c5, 0x853b559647364cea, 0x92f89756082a4514, 0x642e1c7bc266a3a7}},
      {12345, {0xbe6a36374160d49b, 0x214aaa0637a688c6, 0xf69d16de9954d388, 0x0c60048c4e96e033}},
  };
  for (const Case& c : cases) {
    Random random(c.seed);
    for (const std::uint64_t number : c.numbers) EXPECT_EQ(random.next(), number) << c.seed;
  }
}

TEST(Random, GivesTheGoldenNumbersBelowABound) {
  Random random(42);
  EXPECT_EQ(random.below(1), 0u);
  EXPECT_EQ(random.below(2), 0u);
  EXPECT_EQ(random.below(6), 4u);
  EXPECT_EQ(random.below(10), 9u);
  EXPECT_EQ(random.below(1000), 991u);
  EXPECT_EQ(random.below(1'000'000'000'000), 769739460434u);
  // About half of the draws are rejected for this bound.
  EXPECT_EQ(random.below((std::uint64_t{1} << 63) + 1), 6633989454467100377u);
  EXPECT_EQ(random.below((std::uint64_t{1} << 63) + 1), 7022439175346172479u);
  EXPECT_EQ(random.below(kU64Max), 10760895422300929084u);
}

TEST(Random, GivesTheGoldenNumbersBetweenLimits) {
  Random random(42);
  EXPECT_EQ(random.between(5, 5), 5u);
  EXPECT_EQ(random.between(1, 6), 3u);
  EXPECT_EQ(random.between(100, 200), 168u);
  EXPECT_EQ(random.between(10, kU64Max), 17057574109182124193u);
}

TEST(Random, DrawsFromTheWholeRange) {
  Random whole(7);
  Random plain(7);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(whole.between(0, kU64Max), plain.next());
}

TEST(Random, GivesTheGoldenChances) {
  Random random(42);
  std::string drawn;
  for (int i = 0; i < 24; ++i) drawn += random.chance(1, 3) ? '1' : '0';
  EXPECT_EQ(drawn, "100000000001010000001100");
}

TEST(Random, KnowsCertaintyAndImpossibility) {
  Random random(3);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(random.chance(5, 5));
    EXPECT_TRUE(random.chance(6, 5));
    EXPECT_FALSE(random.chance(0, 5));
  }
}

TEST(Random, GivesTheGoldenFractions) {
  Random random(42);
  EXPECT_EQ(random.unit(), 0x1.5780b2e0c2ec0p-4);
  EXPECT_EQ(random.unit(), 0x1.84136619b444ep-2);
  EXPECT_EQ(random.unit(), 0x1.5c2ea66473c93p-1);
}

TEST(Random, FillsWithLittleEndianNumbersAndTheLowBytesOfTheLast) {
  Random random(42);
  std::array<std::byte, 11> bytes;
  random.fill(bytes);
  constexpr std::array<int, 11> kGolden = {0x16, 0xc7, 0x2e, 0x0c, 0x2e, 0x0b,
                                           0x78, 0x15, 0x7e, 0x3a, 0x11};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_EQ(bytes[i], static_cast<std::byte>(kGolden[i])) << i;
  }
  EXPECT_EQ(random.next(), 0xae17533239e499a1u) << "two numbers were used, not more";
}

TEST(Random, FillsNothingWithoutDrawing) {
  Random random(42);
  random.fill({});
  EXPECT_EQ(random.next(), Random(42).next());
}

TEST(Random, ForksAGeneratorOfItsOwn) {
  Random random(42);
  Random child = random.fork();
  EXPECT_EQ(child.next(), 0x8ee445d14631c453u);
  for (int i = 0; i < 100; ++i) child.next();
  EXPECT_EQ(random.next(), 0x6104d9866d113a7eu) << "draws of the child must not matter";
}

TEST(Random, ReachesEveryNumberBelowASmallBoundAboutEquallyOften) {
  Random random(11);
  std::array<int, 10> counts{};
  constexpr int kDraws = 100'000;
  for (int i = 0; i < kDraws; ++i) ++counts[random.below(counts.size())];
  // The standard deviation is 95; six of them are never reached by chance.
  for (const int count : counts) EXPECT_NEAR(count, kDraws / 10, 570);
}

TEST(Random, StaysWithinItsLimits) {
  Random random(12);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t number = random.between(3, 7);
    ASSERT_GE(number, 3u);
    ASSERT_LE(number, 7u);
    seen.insert(number);
    const double unit = random.unit();
    ASSERT_GE(unit, 0.0);
    ASSERT_LT(unit, 1.0);
  }
  EXPECT_EQ(seen.size(), 5u);
}

}  // namespace
}  // namespace caisson

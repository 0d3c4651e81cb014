// Method: the test vectors of xxHash itself (its cli/xsum_sanity_check.c, with its generator of
// test data); the chain, and bytes that come in pieces, against one hash over the concatenation,
// made by copying. Pieces are cut on both sides of where XXH3 changes its method.

#include "base/hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"

namespace caisson {
namespace {

// xxHash's own test data.
std::vector<std::byte> sanity_buffer(std::size_t size) {
  std::vector<std::byte> result(size);
  std::uint64_t generator = 2654435761;
  for (std::byte& byte : result) {
    byte = static_cast<std::byte>(generator >> 56);
    generator *= 11400714785074694797u;
  }
  return result;
}

// Sizes on both sides of where XXH3 changes its method, and of its internal buffer.
constexpr std::size_t kSizes[] = {0,   1,   15,   16,   17,   111,   112,    113, 223,
                                  224, 225, 239,  240,  241,  255,   256,    257, 495,
                                  496, 497, 1023, 1024, 1025, 16384, 100'000};

Hash128 hash_of(std::string_view text) { return xxh3_128(std::as_bytes(std::span(text))); }

TEST(Xxh3, GivesThePublishedAnswers) {
  EXPECT_EQ(xxh3_128({}), (Hash128{0x6001c324468d497f, 0x99aa06d3014798d8}));
  EXPECT_EQ(hash_of("a"), (Hash128{0xe6c632b61e964e1f, 0xa96faf705af16834}));
  EXPECT_EQ(hash_of("abc"), (Hash128{0x78af5f94892f3950, 0x06b05ab6733a6185}));

  struct Case {
    std::size_t size;
    Hash128 hash;
  };
  const Case cases[] = {
      {1, {0xc44bdff4074eecdb, 0xa6cd5e9392000f6a}},
      {3, {0x54247382a8d6b94d, 0x20efc49ff02422ea}},
      {8, {0x64c69cab4bb21dc5, 0x47a7f080d82bb456}},
      {16, {0x562980258a998629, 0xc68c368ecf8a9c05}},
      {17, {0xabbc12d11973d7db, 0x955fa78643ed3669}},
      {128, {0xebb15e34a7fb5ab1, 0x39992220e045260a}},
      {129, {0x86c9e3bc8f0a3b5c, 0x03815fc91f1b30b6}},
      {240, {0x5c9aae94c8ebe5a0, 0xaa4202daa2769dc8}},
      {241, {0xc5a639ecd2030e5e, 0x99a80ecf0ecfc647}},
      {512, {0x617e49599013cb6b, 0x18d2d110dcc9bca1}},
  };
  for (const Case& c : cases) EXPECT_EQ(xxh3_128(sanity_buffer(c.size)), c.hash) << c.size;
}

TEST(Xxh3, DependsOnTheSeed) {
  EXPECT_EQ(xxh3_128({}, 42), (Hash128{0x3c1d09e9fe249164, 0x16c20acd33f7af2f}));
  EXPECT_EQ(xxh3_128({}, 0x9e3779b185ebca8d), (Hash128{0xa986dfc5d7605bfe, 0x00feaa732a3ce25e}));
}

TEST(Hash128, IsStoredAsSixteenLittleEndianBytesLowFirst) {
  std::array<std::byte, kHash128SizeBytes> bytes;
  store_hash128(bytes.data(), {.low = 0x0706050403020100, .high = 0x0f0e0d0c0b0a0908});
  for (std::size_t i = 0; i < bytes.size(); ++i) EXPECT_EQ(bytes[i], static_cast<std::byte>(i));
  EXPECT_EQ(load_hash128(bytes.data()), (Hash128{0x0706050403020100, 0x0f0e0d0c0b0a0908}));
}

TEST(Chain, IsTheHashOfThePreviousLinkFollowedByTheNextPiece) {
  Random random(1);
  Hash128 link;
  for (const std::size_t size : kSizes) {
    std::vector<std::byte> joined(kHash128SizeBytes + size);
    store_hash128(joined.data(), link);
    const MutableBytes piece = MutableBytes(joined).subspan(kHash128SizeBytes);
    random.fill(piece);
    const Hash128 next = chain(link, piece);
    EXPECT_EQ(next, xxh3_128(joined)) << size;
    link = next;
  }
}

TEST(Chain, TellsWhereAPieceBegan) {
  const auto bytes = sanity_buffer(100);
  const Hash128 start;
  const Hash128 early = chain(chain(start, Bytes(bytes).first(40)), Bytes(bytes).subspan(40));
  const Hash128 late = chain(chain(start, Bytes(bytes).first(60)), Bytes(bytes).subspan(60));
  EXPECT_NE(early, late);
  EXPECT_NE(early, chain(start, bytes));
}

TEST(Chain, MovesOnWithAnEmptyPiece) {
  const Hash128 start;
  EXPECT_NE(chain(start, {}), start);
  EXPECT_NE(chain(chain(start, {}), {}), chain(start, {}));
}

TEST(Hasher128, GivesTheHashOfAllBytesWhereverTheyAreCut) {
  for (const std::size_t size : kSizes) {
    const auto bytes = sanity_buffer(size);
    for (const std::size_t cut : kSizes) {
      if (cut > size) break;
      Hasher128 hasher;
      hasher.update(Bytes(bytes).first(cut));
      hasher.update(Bytes(bytes).subspan(cut));
      EXPECT_EQ(hasher.finish(), xxh3_128(bytes)) << size << " cut at " << cut;
    }
  }
}

TEST(Hasher128, TakesPiecesOfAnySizeAndSaysTheHashSoFarAtAnyTime) {
  const auto bytes = sanity_buffer(20'000);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    Hasher128 hasher;
    std::size_t at = 0;
    while (at < bytes.size()) {
      const std::size_t most = random.chance(1, 8) ? 3000 : 20;
      const std::size_t size = std::min<std::size_t>(random.below(most), bytes.size() - at);
      hasher.update(Bytes(bytes).subspan(at, size));
      at += size;
      if (random.chance(1, 50)) {
        EXPECT_EQ(hasher.finish(), xxh3_128(Bytes(bytes).first(at))) << seed << " at " << at;
      }
    }
    EXPECT_EQ(hasher.finish(), xxh3_128(bytes)) << seed;
  }
}

TEST(Hasher128, GoesOnWhereItWasMovedTo) {
  const auto bytes = sanity_buffer(1000);
  Hasher128 first;
  EXPECT_EQ(first.finish(), xxh3_128({}));
  first.update(Bytes(bytes).first(300));
  Hasher128 second(std::move(first));
  second.update(Bytes(bytes).subspan(300));
  EXPECT_EQ(second.finish(), xxh3_128(bytes));
}

}  // namespace
}  // namespace caisson

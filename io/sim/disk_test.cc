// Method: a file's image goes through short histories whose outcome is known: what the cache shows
// and what the medium holds after each step. Where chance decides, many seeds are tried, so that a
// simulator which became kind is noticed as well. Power cuts have a file of their own.

#include "io/sim/disk.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "io/sim/testing/images.h"

namespace caisson::io::sim {
namespace {

using testing::Buffer;
using testing::copy;
using testing::filled;
using testing::half_written;

// --- Reading and flushing ------------------------------------------------------------------------

TEST(FileImage, ShowsAWriteAtOnceAndOnTheMediumAfterAFlush) {
  FileImage image;
  EXPECT_FALSE(image.dirty());
  image.write(3, filled(5, 7));
  EXPECT_EQ(
      copy(image.cached()),
      (Buffer{{}, {}, {}, std::byte{7}, std::byte{7}, std::byte{7}, std::byte{7}, std::byte{7}}));
  EXPECT_TRUE(image.durable().empty());
  EXPECT_TRUE(image.dirty());
  image.flush();
  EXPECT_EQ(copy(image.durable()), copy(image.cached()));
  EXPECT_FALSE(image.dirty());
}

TEST(FileImage, FlushesWritesAndSizesInTheirOrder) {
  FileImage image;
  image.write(0, filled(1000, 1));
  image.resize(10);
  image.resize(20);
  image.write(15, filled(10, 2));
  image.write(17, filled(1, 3));
  Buffer expected = filled(25, 0);
  std::fill_n(expected.begin(), 10, std::byte{1});
  std::fill_n(expected.begin() + 15, 10, std::byte{2});
  expected[17] = std::byte{3};
  EXPECT_EQ(copy(image.cached()), expected);
  image.flush();
  EXPECT_EQ(copy(image.durable()), expected);
}

TEST(FileImage, IgnoresAnEmptyWrite) {
  FileImage image;
  image.write(100, {});
  EXPECT_TRUE(image.cached().empty());
  EXPECT_FALSE(image.dirty());
}

TEST(FileImage, IsAValue) {
  FileImage image = half_written(4);
  FileImage twin = image;
  Random random(1);
  twin.cut_power(CrashMode::kNothing, random);
  EXPECT_EQ(copy(image.cached()), filled(4 * kSectorSize, 2));
  EXPECT_TRUE(image.dirty());
}

// --- Flushes that fail and writes that get lost --------------------------------------------------

TEST(FlushAndDrop, LeavesTheCacheNewAndTheMediumAsChanceWill) {
  std::size_t lost = 0;
  std::size_t kept = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    FileImage image = half_written(8);
    Random random(seed);
    image.flush_and_drop(random);
    EXPECT_EQ(copy(image.cached()), filled(8 * kSectorSize, 2));
    EXPECT_FALSE(image.dirty());  // The system calls it clean.
    EXPECT_EQ(image.direct_view(), copy(image.durable()));
    lost += image.direct_view() == filled(8 * kSectorSize, 1) ? 1U : 0U;
    kept += image.direct_view() == filled(8 * kSectorSize, 2) ? 1U : 0U;
  }
  EXPECT_GT(lost, 0U);
  EXPECT_GT(kept, 0U);
  EXPECT_LT(lost + kept, 100U);  // And sometimes in part.
}

TEST(FlushAndDrop, IsNotMadeGoodByALaterFlush) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    FileImage image = half_written(8);
    Random random(seed);
    image.flush_and_drop(random);
    const Buffer medium = copy(image.durable());
    image.flush();
    EXPECT_EQ(copy(image.durable()), medium);
    image.write(0, filled(kSectorSize, 3));  // Elsewhere, a write goes its way.
    image.flush();
    EXPECT_EQ(copy(image.durable().subspan(kSectorSize)), copy(Bytes(medium).subspan(kSectorSize)));
    EXPECT_EQ(image.durable()[0], std::byte{3});
    image.cut_power(CrashMode::kEverything, random);
    EXPECT_EQ(copy(image.cached().subspan(kSectorSize)), copy(Bytes(medium).subspan(kSectorSize)));
  }
}

TEST(FlushAndDrop, ShowsWhenTheCacheIsDropped) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    FileImage image = half_written(8);
    Random random(seed);
    image.flush_and_drop(random);
    const Buffer medium = copy(image.durable());
    image.drop_cache(0, 2 * kSectorSize);
    EXPECT_EQ(copy(image.cached().first(2 * kSectorSize)),
              copy(Bytes(medium).first(2 * kSectorSize)));
    EXPECT_EQ(copy(image.cached().subspan(2 * kSectorSize)), filled(6 * kSectorSize, 2));
    image.drop_cache(0, ~std::uint64_t{0});
    EXPECT_EQ(copy(image.cached()), medium);
  }
}

TEST(FlushAndDrop, OfACleanFileDoesNothing) {
  FileImage image = half_written(2);
  image.flush();
  Random random(1);
  image.flush_and_drop(random);
  EXPECT_EQ(image.direct_view(), filled(2 * kSectorSize, 2));
}

TEST(DropCache, KeepsWhatIsPendingAndTheSize) {
  FileImage image;
  image.write(0, filled(100, 1));
  image.flush();
  image.write_lost(100, filled(50, 2));
  image.write(10, filled(5, 3));
  image.drop_cache(0, ~std::uint64_t{0});
  Buffer expected = filled(150, 1);
  std::fill(expected.begin() + 100, expected.end(), std::byte{0});
  std::fill_n(expected.begin() + 10, 5, std::byte{3});
  EXPECT_EQ(copy(image.cached()), expected);
  image.drop_cache(1000, 1);  // Behind the end there is nothing to drop.
  EXPECT_EQ(copy(image.cached()), expected);
}

TEST(WriteLost, ShowsInTheCacheAndNeverOnTheMedium) {
  FileImage image;
  image.write(0, filled(1000, 1));
  image.flush();
  image.write_lost(500, filled(100, 2));
  EXPECT_EQ(image.cached()[500], std::byte{2});
  EXPECT_EQ(image.direct_view(), filled(1000, 1));
  image.flush();
  EXPECT_EQ(copy(image.durable()), filled(1000, 1));
  EXPECT_EQ(image.cached()[500], std::byte{2});
  Random random(1);
  image.cut_power(CrashMode::kEverything, random);
  EXPECT_EQ(copy(image.cached()), filled(1000, 1));
}

TEST(WriteLost, GrowsTheFileWithZeros) {
  FileImage image;
  image.write(0, filled(10, 1));
  image.write_lost(10, filled(10, 2));
  image.flush();
  EXPECT_EQ(copy(image.cached().subspan(10)), filled(10, 2));
  EXPECT_EQ(copy(image.durable().subspan(10)), filled(10, 0));
}

TEST(WriteMisdirected, ShowsInTheRightPlaceAndLandsInTheWrongOne) {
  FileImage image;
  image.write(0, filled(1000, 1));
  image.flush();
  image.write_misdirected(100, 600, filled(50, 2));
  Buffer seen = filled(1000, 1);
  std::fill_n(seen.begin() + 100, 50, std::byte{2});
  EXPECT_EQ(copy(image.cached()), seen);
  image.flush();
  EXPECT_EQ(copy(image.cached()), seen);
  Buffer medium = filled(1000, 1);
  std::fill_n(medium.begin() + 600, 50, std::byte{2});
  EXPECT_EQ(copy(image.durable()), medium);
  EXPECT_EQ(image.direct_view(), medium);
}

TEST(WriteMisdirected, LosesWhatLandsBehindTheEnd) {
  FileImage image;
  image.write(0, filled(100, 1));
  image.flush();
  image.write_misdirected(0, 90, filled(20, 2));
  image.write_misdirected(0, 500, filled(20, 3));
  image.flush();
  Buffer medium = filled(100, 1);
  std::fill_n(medium.begin() + 90, 10, std::byte{2});
  EXPECT_EQ(copy(image.durable()), medium);
}

// --- Damage --------------------------------------------------------------------------------------

TEST(FlipBit, ChangesOneBitOfCacheAndMedium) {
  FileImage image = half_written(2);
  image.flush();
  image.flip_bit(700, 5);
  Buffer expected = filled(2 * kSectorSize, 2);
  expected[700] = std::byte{2 | 32};
  EXPECT_EQ(copy(image.cached()), expected);
  EXPECT_EQ(copy(image.durable()), expected);
  EXPECT_EQ(image.direct_view(), expected);
  image.flip_bit(700, 5);
  EXPECT_EQ(copy(image.durable()), filled(2 * kSectorSize, 2));
}

TEST(FlipBit, IsRepairedOnTheMediumByAWriteThatWasPending) {
  FileImage image = half_written(1);
  image.flip_bit(7, 0);
  EXPECT_EQ(image.cached()[7], std::byte{3});
  image.flush();
  EXPECT_EQ(image.durable()[7], std::byte{2});
  EXPECT_EQ(image.direct_view(), filled(kSectorSize, 2));  // Not what the cache still shows.
}

TEST(FlipBit, OfAByteThatWasNeverFlushedIsLeftToTheCache) {
  FileImage image;
  image.write(0, filled(10, 1));
  image.flip_bit(5, 1);
  EXPECT_EQ(image.cached()[5], std::byte{3});
  EXPECT_TRUE(image.durable().empty());
}

TEST(Overwrite, ChangesCacheAndAsMuchOfTheMediumAsThereIs) {
  FileImage image;
  image.write(0, filled(10, 1));
  image.flush();
  image.write(10, filled(10, 1));
  image.overwrite(5, filled(10, 9));
  EXPECT_EQ(copy(image.cached().subspan(5, 10)), filled(10, 9));
  EXPECT_EQ(image.durable().size(), 10U);
  EXPECT_EQ(copy(image.durable().subspan(5)), filled(5, 9));
}

TEST(MakeStale, BringsBackTheSectorFromBeforeTheFlushThatChangedIt) {
  FileImage image;
  image.write(0, filled(3 * kSectorSize, 1));
  image.flush();
  EXPECT_FALSE(image.make_stale(0));  // It never had another version.
  image.write(kSectorSize, filled(kSectorSize, 2));
  image.flush();
  image.write(2 * kSectorSize, filled(kSectorSize, 3));
  image.flush();
  EXPECT_FALSE(image.make_stale(0));
  EXPECT_FALSE(image.make_stale(3));
  ASSERT_TRUE(image.make_stale(1));
  EXPECT_EQ(copy(image.durable().first(2 * kSectorSize)), filled(2 * kSectorSize, 1));
  EXPECT_EQ(copy(image.cached()), copy(image.durable()));
  EXPECT_EQ(image.durable()[2 * kSectorSize], std::byte{3});
}

TEST(MakeStale, GoesBackOneFlushAndNoFurther) {
  FileImage image;
  for (int version = 1; version <= 4; ++version) {
    image.write(0, filled(kSectorSize, version));
    image.flush();
  }
  image.write(kSectorSize, filled(kSectorSize, 9));
  image.flush();  // Doesn't touch the first sector.
  ASSERT_TRUE(image.make_stale(0));
  EXPECT_EQ(copy(image.durable().first(kSectorSize)), filled(kSectorSize, 3));
}

TEST(MakeStale, LeavesASectorAloneThatTheFileHasLost) {
  FileImage image = half_written(2);
  image.flush();
  image.resize(kSectorSize + 1);
  image.flush();
  EXPECT_FALSE(image.make_stale(1));
  EXPECT_TRUE(image.make_stale(0));
}

TEST(MakeStale, KnowsWhatAPowerCutChanged) {
  FileImage image = half_written(1);
  Random random(1);
  image.cut_power(CrashMode::kEverything, random);
  ASSERT_TRUE(image.make_stale(0));
  EXPECT_EQ(copy(image.durable()), filled(kSectorSize, 1));
}

}  // namespace
}  // namespace caisson::io::sim

// Method: a file's image goes through short histories whose outcome is known, and through random
// ones beside a model that keeps every version each byte has had since the last flush: whatever a
// power cut leaves must be one of them. What may happen by chance is counted over many seeds, so
// that a simulator which became kind (never tears, never loses, never keeps) is noticed as well.

#include "io/sim/disk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "base/random.h"
#include "io/sim/testing/images.h"

namespace caisson::io::sim {
namespace {

using testing::Buffer;
using testing::copy;
using testing::filled;
using testing::half_written;
using testing::kModes;

// Pending changes of every kind over a flushed file.
FileImage busy_image() {
  FileImage image;
  image.write(0, filled(3000, 1));
  image.flush();
  image.write(100, filled(2000, 2));
  image.resize(500);
  image.resize(4000);
  image.write(600, filled(5000, 3));
  image.resize(5555);
  return image;
}

TEST(CutPower, KeepsNothingThatWasNotFlushed) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    FileImage image = busy_image();
    Random random(seed);
    image.cut_power(CrashMode::kNothing, random);
    EXPECT_EQ(copy(image.durable()), filled(3000, 1));
    EXPECT_EQ(copy(image.cached()), filled(3000, 1));
    EXPECT_FALSE(image.dirty());
  }
}

TEST(CutPower, KeepsEverything) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    FileImage image = busy_image();
    const Buffer expected = copy(image.cached());
    Random random(seed);
    image.cut_power(CrashMode::kEverything, random);
    EXPECT_EQ(copy(image.durable()), expected);
    EXPECT_EQ(copy(image.cached()), expected);
    EXPECT_FALSE(image.dirty());
  }
}

TEST(CutPower, DoesNotBringBackWhatWasCutOffBeforeTheFileGrewAgain) {
  FileImage image;
  image.write(0, filled(100, 1));
  image.flush();
  image.resize(0);
  image.resize(100);
  Random random(1);
  image.cut_power(CrashMode::kEverything, random);
  EXPECT_EQ(copy(image.durable()), filled(100, 0));
}

TEST(CutPower, NeverLosesWhatWasFlushed) {
  for (const CrashMode mode : kModes) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      FileImage image = half_written(8);
      image.flush();
      Random random(seed);
      image.cut_power(mode, random);
      EXPECT_EQ(copy(image.durable()), filled(8 * kSectorSize, 2));
    }
  }
}

TEST(CutPower, LeavesNothingPendingForALaterCut) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    FileImage image = half_written(8);
    Random random(seed);
    image.cut_power(CrashMode::kHalf, random);
    const Buffer left = copy(image.durable());
    image.cut_power(CrashMode::kEverything, random);
    EXPECT_EQ(copy(image.durable()), left);
  }
}

TEST(CutPower, KeepsEachSectorWithTheProbabilityOfItsMode) {
  for (const auto& [mode, of_eight] :
       std::map<CrashMode, double>{{CrashMode::kHalf, 4}, {CrashMode::kMost, 7}}) {
    constexpr std::size_t kSectors = 64;
    constexpr std::uint64_t kSeeds = 200;
    std::size_t kept = 0;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      FileImage image = half_written(kSectors);
      Random random(seed);
      image.cut_power(mode, random);
      for (std::size_t sector = 0; sector < kSectors; ++sector) {
        const Buffer bytes = copy(image.durable().subspan(sector * kSectorSize, kSectorSize));
        const bool is_new = bytes == filled(kSectorSize, 2);
        ASSERT_TRUE(is_new || bytes == filled(kSectorSize, 1)) << "torn, seed " << seed;
        kept += is_new ? 1U : 0U;
      }
    }
    const double share = static_cast<double>(kept) / (kSectors * kSeeds);
    EXPECT_NEAR(share, of_eight / 8, 0.02);  // Five standard deviations of 12,800 draws.
  }
}

TEST(CutPower, KeepsNeighbouringSectorsIndependently) {
  for (const CrashMode mode : {CrashMode::kHalf, CrashMode::kMost}) {
    std::set<std::pair<std::byte, std::byte>> seen;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
      FileImage image = half_written(2);
      Random random(seed);
      image.cut_power(mode, random);
      seen.emplace(image.durable()[0], image.durable()[kSectorSize]);
    }
    EXPECT_EQ(seen.size(), 4U);
  }
}

TEST(CutPower, MayKeepTheLaterOfTwoWritesAndLoseTheEarlier) {
  std::set<std::pair<std::byte, std::byte>> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    FileImage image;
    image.write(0, filled(2 * kSectorSize, 1));
    image.flush();
    image.write(0, filled(kSectorSize, 2));
    image.write(kSectorSize, filled(kSectorSize, 3));
    Random random(seed);
    image.cut_power(CrashMode::kHalf, random);
    seen.emplace(image.durable()[0], image.durable()[kSectorSize]);
  }
  EXPECT_TRUE(seen.contains({std::byte{1}, std::byte{3}}));
  EXPECT_EQ(seen.size(), 4U);
}

TEST(CutPower, MayKeepAnyOfTheVersionsOfASector) {
  std::set<std::byte> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    FileImage image;
    image.write(0, filled(kSectorSize, 1));
    image.flush();
    for (int version = 2; version <= 4; ++version) image.write(0, filled(kSectorSize, version));
    Random random(seed);
    image.cut_power(CrashMode::kHalf, random);
    const std::byte version = image.durable()[0];
    EXPECT_EQ(copy(image.durable()), Buffer(kSectorSize, version));
    seen.insert(version);
  }
  EXPECT_EQ(seen.size(), 4U);
}

TEST(CutPower, KeepsTheSizeApartFromTheBytes) {
  // What is seen: whether the file grew, and whether the byte that was there already changed.
  std::set<std::pair<std::size_t, std::byte>> seen;
  bool grown_without_bytes = false;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    FileImage image;
    image.write(0, filled(kSectorSize, 1));
    image.flush();
    image.write(0, filled(2 * kSectorSize, 2));
    Random random(seed);
    image.cut_power(CrashMode::kHalf, random);
    seen.emplace(image.durable().size(), image.durable()[0]);
    grown_without_bytes = grown_without_bytes || (image.durable().size() == 2 * kSectorSize &&
                                                  image.durable()[kSectorSize] == std::byte{0});
  }
  EXPECT_EQ(seen.size(), 4U);
  EXPECT_TRUE(grown_without_bytes);  // Zeros where the bytes should be.
}

TEST(CutPower, MayUndoATruncationOrKeepIt) {
  std::set<std::size_t> sizes;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    FileImage image;
    image.write(0, filled(1000, 1));
    image.flush();
    image.resize(10);
    Random random(seed);
    image.cut_power(CrashMode::kHalf, random);
    EXPECT_EQ(copy(image.durable()), filled(image.durable().size(), 1));
    sizes.insert(image.durable().size());
  }
  EXPECT_EQ(sizes, (std::set<std::size_t>{10, 1000}));
}

// Where the bytes of a sector change from one version to the other, and which comes first.
struct Tear {
  std::size_t at = 0;
  bool new_first = false;
};

TEST(CutPower, TearsSectorsAtEveryByteFromEitherSide) {
  constexpr std::size_t kSectors = 64;
  std::array<std::array<bool, kSectorSize>, 2> seen{};
  std::size_t whole_old = 0;
  std::size_t whole_new = 0;
  std::size_t torn = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    FileImage image = half_written(kSectors);
    Random random(seed);
    image.cut_power(CrashMode::kTorn, random);
    for (std::size_t sector = 0; sector < kSectors; ++sector) {
      const Bytes bytes = image.durable().subspan(sector * kSectorSize, kSectorSize);
      const auto cut = static_cast<std::size_t>(
          std::ranges::adjacent_find(bytes, std::ranges::not_equal_to{}) - bytes.begin());
      const bool new_first = bytes[0] == std::byte{2};
      if (cut == kSectorSize) {
        (new_first ? whole_new : whole_old) += 1;
        continue;
      }
      ++torn;
      const Bytes rest = bytes.subspan(cut + 1);
      ASSERT_EQ(std::ranges::count(rest, rest[0]), static_cast<std::ptrdiff_t>(rest.size()))
          << "torn twice, seed " << seed;
      seen[new_first ? 1 : 0][cut + 1] = true;
    }
  }
  const double all = 64.0 * 1000;
  EXPECT_NEAR(static_cast<double>(whole_old) / all, 0.5, 0.02);
  EXPECT_NEAR(static_cast<double>(whole_new) / all, 0.25, 0.02);
  EXPECT_NEAR(static_cast<double>(torn) / all, 0.25, 0.02);
  for (std::size_t at = 1; at < kSectorSize; ++at) {
    EXPECT_TRUE(seen[0][at]) << "never old before and new from byte " << at;
    EXPECT_TRUE(seen[1][at]) << "never new before and old from byte " << at;
  }
}

TEST(CutPower, TearsOnlyInTornMode) {
  for (const CrashMode mode : kModes) {
    if (mode == CrashMode::kTorn) continue;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      FileImage image = half_written(8);
      Random random(seed);
      image.cut_power(mode, random);
      for (std::size_t sector = 0; sector < 8; ++sector) {
        const Bytes bytes = image.durable().subspan(sector * kSectorSize, kSectorSize);
        EXPECT_EQ(std::ranges::count(bytes, bytes[0]), std::ptrdiff_t{kSectorSize});
      }
    }
  }
}

TEST(CutPower, TearsAWriteOfAFewBytesWithinThemAndLeavesItsNeighboursAlone) {
  std::set<Buffer> seen;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    FileImage image;
    image.write(0, filled(kSectorSize, 1));
    image.flush();
    image.write(100, filled(4, 2));
    Random random(seed);
    image.cut_power(CrashMode::kTorn, random);
    const Bytes bytes = image.durable();
    EXPECT_EQ(std::ranges::count(bytes.first(100), std::byte{1}), 100);
    EXPECT_EQ(std::ranges::count(bytes.subspan(104), std::byte{1}), std::ptrdiff_t{512 - 104});
    seen.insert(copy(bytes.subspan(100, 4)));
  }
  EXPECT_EQ(seen.size(), 8U);  // Old, new, and three cuts from either side.
}

TEST(CutPower, RepeatsItselfForTheSameSeed) {
  for (const CrashMode mode : kModes) {
    FileImage first = half_written(16);
    FileImage second = half_written(16);
    Random random(7);
    Random same(7);
    first.cut_power(mode, random);
    second.cut_power(mode, same);
    EXPECT_EQ(copy(first.durable()), copy(second.durable()));
  }
}

// --- The model -----------------------------------------------------------------------------------

// What each byte may be after a power cut: any value it has had since the last flush, and any
// size the file has had.
struct Versions {
  std::vector<std::set<std::byte>> bytes;
  std::set<std::size_t> sizes;

  explicit Versions(Bytes flushed) : sizes{flushed.size()} {
    for (const std::byte byte : flushed) bytes.push_back({byte});
  }

  void see(Bytes cached) {
    sizes.insert(cached.size());
    // Bytes that were not there are zeros, should the size say that they are.
    if (bytes.size() < cached.size()) bytes.resize(cached.size(), {std::byte{0}});
    for (std::size_t i = 0; i < cached.size(); ++i) bytes[i].insert(cached[i]);
    for (std::size_t i = cached.size(); i < bytes.size(); ++i) bytes[i].insert(std::byte{0});
  }
};

void change_at_random(FileImage& image, Random& random, bool whole_sectors) {
  constexpr std::uint64_t kSectors = 6;
  const std::uint64_t unit = whole_sectors ? kSectorSize : 1;
  if (random.chance(1, 8)) {
    image.resize(random.below(kSectors * kSectorSize / unit + 1) * unit);
    return;
  }
  const std::uint64_t offset = random.below(kSectors * kSectorSize / unit) * unit;
  Buffer bytes((1 + random.below(whole_sectors ? 3 : 1200)) * unit);
  random.fill(bytes);
  image.write(offset, bytes);
}

TEST(CutPower, LeavesOfEveryByteAVersionItHasHadSinceTheLastFlush) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Random random(seed);
    FileImage image;
    for (int life = 0; life < 3; ++life) {
      Versions versions(image.durable());
      for (std::uint64_t step = random.below(12); step > 0; --step) {
        if (random.chance(1, 6)) {
          image.flush();
          ASSERT_EQ(copy(image.durable()), copy(image.cached())) << "seed " << seed;
          versions = Versions(image.durable());
        } else {
          change_at_random(image, random, false);
          versions.see(image.cached());
        }
      }
      image.cut_power(kModes[random.below(kModes.size())], random);
      ASSERT_EQ(copy(image.cached()), copy(image.durable())) << "seed " << seed;
      ASSERT_TRUE(versions.sizes.contains(image.durable().size())) << "seed " << seed;
      for (std::size_t i = 0; i < image.durable().size(); ++i) {
        ASSERT_TRUE(i < versions.bytes.size() && versions.bytes[i].contains(image.durable()[i]))
            << "byte " << i << ", seed " << seed;
      }
    }
  }
}

TEST(CutPower, LeavesWholeVersionsOfSectorsThatWereWrittenWholeUnlessItTears) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Random random(seed);
    FileImage image;
    std::vector<std::set<Buffer>> versions(16, {filled(kSectorSize, 0)});
    const auto see = [&] {
      for (std::size_t i = 0; i < image.cached().size() / kSectorSize; ++i) {
        versions[i].insert(copy(image.cached().subspan(i * kSectorSize, kSectorSize)));
      }
    };
    for (int step = 0; step < 12; ++step) {
      change_at_random(image, random, true);
      see();
      if (step != 5) continue;
      image.flush();
      versions.assign(16, {filled(kSectorSize, 0)});
      see();
    }
    const CrashMode mode = random.chance(1, 2) ? CrashMode::kHalf : CrashMode::kMost;
    image.cut_power(mode, random);
    ASSERT_EQ(image.durable().size() % kSectorSize, 0U);
    for (std::size_t i = 0; i < image.durable().size() / kSectorSize; ++i) {
      ASSERT_TRUE(versions[i].contains(copy(image.durable().subspan(i * kSectorSize, kSectorSize))))
          << "sector " << i << ", seed " << seed;
    }
  }
}

}  // namespace
}  // namespace caisson::io::sim

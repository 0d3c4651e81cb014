// Method: random lives and pins, with the rule applied in the plainest way to every page and
// every pin (ALLOC-5). Pins come and go as they do in a store: a new one is the newest death or
// later, and any may go.

#include "pager/dead_pages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/testing/replay.h"

namespace caisson::pager {
namespace {

using caisson::testing::Replay;

struct Life {
  std::uint64_t id = 0;
  std::uint64_t birth = 0;
  std::uint64_t death = 0;

  auto operator<=>(const Life&) const = default;
};

Life life_of(const DeadRun& page) {
  return {to_u64(page.run.first), to_u64(page.birth), to_u64(page.death)};
}

DeadPage page_of(const Life& life) {
  return {PageId{life.id}, TxnId{life.birth}, TxnId{life.death}};
}

std::set<Life> reclaimed(DeadPages& pages, const std::set<std::uint64_t>& pins) {
  std::vector<TxnId> sorted;
  for (const std::uint64_t pin : pins) sorted.emplace_back(TxnId{pin});
  std::set<Life> released;
  pages.reclaim(sorted, kAlive, [&](const DeadRun& page) {
    EXPECT_TRUE(released.insert(life_of(page)).second) << "released twice";
  });
  return released;
}

std::set<Life> all_of(const DeadPages& pages) {
  std::set<Life> all;
  pages.for_each([&](const DeadRun& page) { all.insert(life_of(page)); });
  return all;
}

bool protected_by(const std::set<std::uint64_t>& pins, const Life& life) {
  return std::ranges::any_of(
      pins, [&](std::uint64_t pin) { return life.birth <= pin && pin < life.death; });
}

TEST(DeadPages, KeepsAPageExactlyWhileAPinLiesInItsLife) {  // ALLOC-5
  for (std::uint64_t pin = 0; pin <= 12; ++pin) {
    DeadPages pages;
    pages.add(page_of({7, 5, 9}));
    const bool kept = pin >= 5 && pin < 9;
    EXPECT_EQ(reclaimed(pages, {pin}).empty(), kept) << pin;
    EXPECT_EQ(pages.count(), kept ? 1U : 0U) << pin;
  }
}

TEST(DeadPages, ReleasesEverythingWithoutPins) {
  DeadPages pages;
  pages.add(page_of({7, 5, 9}));
  pages.add(page_of({8, 1, 2}));
  EXPECT_EQ(reclaimed(pages, {}).size(), 2U);
  EXPECT_EQ(pages.count(), 0U);
}

TEST(DeadPages, LetsAnOldReaderKeepNothingThatCameLater) {
  DeadPages pages;
  for (std::uint64_t txn = 10; txn < 100; ++txn) pages.add(page_of({txn, txn, txn + 1}));
  EXPECT_EQ(reclaimed(pages, {3, 50}).size(), 89U);
  EXPECT_EQ(all_of(pages), (std::set<Life>{{50, 50, 51}}));
}

TEST(DeadPages, WaitsForEveryPinThatProtectsAPageInTurn) {
  DeadPages pages;
  pages.add(page_of({1, 1, 10}));
  EXPECT_TRUE(reclaimed(pages, {2, 5, 9}).empty());
  EXPECT_TRUE(reclaimed(pages, {5, 9}).empty());
  EXPECT_TRUE(reclaimed(pages, {9}).empty());
  EXPECT_EQ(reclaimed(pages, {10}).size(), 1U);
}

TEST(DeadPages, AgreesWithThePlainRuleOverRandomHistories) {
  const Replay replay = Replay::from_environment({"seed"});
  for (const std::uint64_t seed : replay.seeds("seed", 1, 200)) {
    SCOPED_TRACE(replay.command({seed}));
    Random random(seed);
    DeadPages pages;
    std::set<Life> waiting;
    std::set<std::uint64_t> pins;
    std::uint64_t now = 1;
    std::uint64_t next_id = 1;
    for (int step = 0; step < 200; ++step) {
      now += random.below(3);
      for (std::uint64_t count = random.below(5); count > 0; --count) {
        const Life life{next_id++, 1 + random.below(now), now + 1};
        waiting.insert(life);
        pages.add(page_of(life));
      }
      ++now;
      if (random.chance(1, 2)) pins.insert(now);
      if (random.chance(1, 2) && !pins.empty()) {
        auto gone = pins.begin();
        std::advance(gone, static_cast<std::ptrdiff_t>(random.below(pins.size())));
        pins.erase(gone);
      }
      if (random.chance(1, 2)) continue;
      std::set<Life> expected;
      for (const Life& life : waiting) {
        if (!protected_by(pins, life)) expected.insert(life);
      }
      ASSERT_EQ(reclaimed(pages, pins), expected);
      for (const Life& life : expected) waiting.erase(life);
      ASSERT_EQ(all_of(pages), waiting);
      ASSERT_EQ(pages.count(), waiting.size());
    }
  }
}

TEST(DeadPages, AreLeftAloneWhenTheyDiedAfterThePinsWereLookedAt) {  // ALLOC-5
  DeadPages pages;
  pages.add(DeadPage{PageId{40}, TxnId{11}, TxnId{12}});
  const std::vector<TxnId> pins = {TxnId{10}};
  int released = 0;
  const auto count = [&released](const DeadRun&) { ++released; };
  pages.reclaim(pins, TxnId{10}, count);  // 11 may be the published root by now.
  EXPECT_EQ(released, 0);
  const std::vector<TxnId> later = {TxnId{12}};
  pages.reclaim(later, TxnId{12}, count);
  EXPECT_EQ(released, 1);
}

}  // namespace
}  // namespace caisson::pager

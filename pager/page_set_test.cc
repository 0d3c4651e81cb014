// Method: random inserts and erases, compared with a std::set after every step or run of steps,
// with ids around the borders at which a level is added (64, 64^2, ...). The sets stay sparse, so
// the memory is that of the bitmap: one bit an id. CAISSON_LONG=1 goes to ids around 2^30.

#include "pager/page_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <vector>

#include "base/random.h"
#include "base/testing/replay.h"

namespace caisson::pager {
namespace {

using caisson::testing::Replay;

class Model {
 public:
  void insert(const PageRun& run) {
    for (std::uint64_t i = 0; i < run.count; ++i) ids_.insert(to_u64(run.first) + i);
  }
  void erase(std::uint64_t id) { ids_.erase(id); }
  const std::set<std::uint64_t>& ids() const { return ids_; }

  std::vector<PageRun> runs() const {
    std::vector<PageRun> runs;
    for (const std::uint64_t id : ids_) {
      if (!runs.empty() && to_u64(runs.back().first) + runs.back().count == id) {
        ++runs.back().count;
      } else {
        runs.push_back({PageId{id}, 1});
      }
    }
    return runs;
  }

 private:
  std::set<std::uint64_t> ids_;
};

void expect_same(const PageSet& set, const Model& model) {
  ASSERT_EQ(set.count(), model.ids().size());
  ASSERT_EQ(set.empty(), model.ids().empty());
  if (model.ids().empty()) {
    ASSERT_EQ(set.lowest(), std::nullopt);
  } else {
    ASSERT_EQ(set.lowest(), PageId{*model.ids().begin()});
  }
}

// Ids close to borders of words, of levels, and to `largest`.
std::uint64_t any_id(Random& random, std::uint64_t largest) {
  switch (random.below(4)) {
    case 0:
      return random.below(std::min<std::uint64_t>(largest, 300));
    case 1: {
      const std::uint64_t border = std::uint64_t{1} << random.below(31);
      return std::min(largest, border + random.below(4) - std::min<std::uint64_t>(border, 2));
    }
    case 2:
      return largest - random.below(std::min<std::uint64_t>(largest, 200));
    default:
      return random.below(largest + 1);
  }
}

void run_history(std::uint64_t seed, std::uint64_t largest, int steps) {
  SCOPED_TRACE("largest id " + std::to_string(largest));
  Random random(seed);
  PageSet set;
  Model model;
  for (int step = 0; step < steps; ++step) {
    const std::uint64_t id = any_id(random, largest);
    switch (random.below(8)) {
      case 0:
      case 1: {
        const PageRun run{PageId{id}, random.below(std::min<std::uint64_t>(200, largest - id + 1))};
        set.insert(run);
        model.insert(run);
        break;
      }
      case 2:
        set.insert(PageId{id});
        model.insert({PageId{id}, 1});
        break;
      case 3:
        set.erase(PageId{id});
        model.erase(id);
        break;
      default:  // As the allocator does it.
        if (const auto lowest = set.lowest(); lowest && random.chance(2, 3)) {
          set.erase(*lowest);
          model.erase(to_u64(*lowest));
        }
    }
    expect_same(set, model);
    if (::testing::Test::HasFatalFailure()) return;
    ASSERT_EQ(set.contains(PageId{id}), model.ids().contains(id));
  }
  EXPECT_EQ(set.runs(), model.runs());
}

TEST(PageSet, IsEmptyAtFirst) {
  const PageSet set;
  EXPECT_TRUE(set.empty());
  EXPECT_EQ(set.count(), 0U);
  EXPECT_EQ(set.lowest(), std::nullopt);
  EXPECT_TRUE(set.runs().empty());
  EXPECT_FALSE(set.contains(PageId{0}));
  EXPECT_FALSE(set.contains(PageId{~std::uint64_t{0}}));
}

TEST(PageSet, BehavesAsASetOfEveryShallowDepth) {
  const Replay replay = Replay::from_environment({"seed"});
  for (const std::uint64_t seed : replay.seeds("seed", 1, 30)) {
    SCOPED_TRACE(replay.command({seed}));
    run_history(seed, 63, 400);
    run_history(seed, 64, 400);
    run_history(seed, 4096, 400);
    run_history(seed, 300'000, 400);
  }
}

TEST(PageSet, BehavesAsASetWithSparseIdsFarApart) {
  const bool long_run = std::getenv("CAISSON_LONG") != nullptr;
  run_history(31, (std::uint64_t{1} << 24U) + 70, 2000);
  if (long_run) run_history(32, (std::uint64_t{1} << 30U) + 70, 5000);
}

TEST(PageSet, CountsEachMemberOnce) {
  PageSet set;
  set.insert(PageRun{PageId{10}, 100});
  set.insert(PageRun{PageId{50}, 100});
  set.insert(PageId{60});
  EXPECT_EQ(set.count(), 140U);
  set.erase(PageId{60});
  set.erase(PageId{60});
  set.erase(PageId{5});
  set.erase(PageId{1'000'000});
  EXPECT_EQ(set.count(), 139U);
}

TEST(PageSet, TakesAnEmptyRunForNothing) {
  PageSet set;
  set.insert(PageRun{PageId{0}, 0});
  set.insert(PageRun{PageId{~std::uint64_t{0}}, 0});
  EXPECT_TRUE(set.empty());
}

TEST(PageSet, FindsItsLowestMemberAcrossEveryLevelThatIsAddedLater) {
  // A level that is added has to know of what lay below it.
  for (const std::uint64_t low : {0ULL, 1ULL, 63ULL}) {
    PageSet set;
    set.insert(PageId{low});
    for (const std::uint64_t border : {64ULL, 4096ULL, 262'144ULL, 16'777'216ULL}) {
      set.insert(PageId{border});
      EXPECT_EQ(set.lowest(), PageId{low});
    }
    set.erase(PageId{low});
    EXPECT_EQ(set.lowest(), PageId{64});
    set.erase(PageId{64});
    set.erase(PageId{4096});
    EXPECT_EQ(set.lowest(), PageId{262'144});
  }
}

TEST(PageSet, GrowsEmptyToo) {
  // The same, where nothing lay below: a level must not claim that something does.
  PageSet set;
  set.insert(PageId{5});
  set.erase(PageId{5});
  set.insert(PageId{1'000'000});
  EXPECT_EQ(set.lowest(), PageId{1'000'000});
}

TEST(PageSet, JoinsRunsAcrossWords) {
  PageSet set;
  set.insert(PageRun{PageId{60}, 200});
  set.erase(PageId{128});
  const std::vector<PageRun> expected = {{PageId{60}, 68}, {PageId{129}, 131}};
  EXPECT_EQ(set.runs(), expected);
}

}  // namespace
}  // namespace caisson::pager

// Method: random insertions and removals beside std::set, with ids that lie side by side, at the
// borders of words and chunks, and at the end of what a page table can hold.

#include "pager/sparse_page_set.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "base/random.h"

namespace caisson::pager {
namespace {

TEST(SparsePageSet, AgreesWithASetWhateverTheIds) {
  constexpr std::uint64_t kFar = std::uint64_t{1} << 48U;
  Random random(1);
  SparsePageSet pages;
  std::set<PageId> model;
  EXPECT_FALSE(pages.erase(PageId{0}));
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t base = std::vector<std::uint64_t>{0, 1000, kFar}[random.below(3)];
    const PageId id{base + random.below(100)};
    if (random.chance(2, 3)) {
      pages.insert(id);
      model.insert(id);
    } else {
      EXPECT_EQ(pages.erase(id), model.erase(id) == 1);
    }
    ASSERT_EQ(pages.count(), model.size());
  }
  EXPECT_EQ(pages.pages(), std::vector<PageId>(model.begin(), model.end()));
}

TEST(SparsePageSet, ListsItsMembersInAscendingOrder) {
  SparsePageSet pages;
  for (const std::uint64_t id : {5000U, 64U, 63U, 1024U, 1023U, 0U}) pages.insert(PageId{id});
  EXPECT_EQ(pages.pages(), (std::vector<PageId>{PageId{0}, PageId{63}, PageId{64}, PageId{1023},
                                                PageId{1024}, PageId{5000}}));
}

}  // namespace
}  // namespace caisson::pager

// A set of pages that finds its lowest member in a few steps: a bitmap of bitmaps.

#ifndef CAISSON_PAGER_PAGE_SET_H_
#define CAISSON_PAGER_PAGE_SET_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"

namespace caisson::pager {

// `count` pages from `first` on.
struct PageRun {
  PageId first{};
  std::uint64_t count = 0;

  friend bool operator==(const PageRun&, const PageRun&) = default;
};

// Each level has a bit for every word of the level below that isn't zero, up to a level of one
// word; so every operation costs one step a level, and there are log64(largest id) of them.
// Memory: one bit an id up to the largest ever inserted, and 1/63 more.
// Not thread-safe.
class PageSet {
 public:
  bool contains(PageId id) const;
  bool empty() const { return count_ == 0; }
  std::uint64_t count() const { return count_; }
  std::optional<PageId> lowest() const;

  // Inserting a member and erasing what is none change nothing.
  void insert(PageId id);
  void insert(const PageRun& run);
  void erase(PageId id);

  // The members as maximal runs in ascending order. O(largest id / 64).
  std::vector<PageRun> runs() const;

 private:
  void reach(std::uint64_t index);

  // levels_[0] has a bit an id; levels_.back() has one word.
  std::vector<std::vector<std::uint64_t>> levels_{{0}};
  std::uint64_t count_ = 0;
};

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_PAGE_SET_H_

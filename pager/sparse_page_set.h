// A set of some pages of a file, however large that is.

#ifndef CAISSON_PAGER_SPARSE_PAGE_SET_H_
#define CAISSON_PAGER_SPARSE_PAGE_SET_H_

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "base/ids.h"

namespace caisson::pager {

// A bitmap in chunks, each allocated with its first member. So a small set costs little whatever
// the ids (PageSet has a bit for every id up to the largest), and a large one of ids that lie side
// by side, as a transaction is given them, next to nothing a page.
// Not thread-safe.
class SparsePageSet {
 public:
  std::uint64_t count() const { return count_; }

  // Inserting a member changes nothing. O(log chunks), here and below.
  void insert(PageId id);

  // False if it is no member. The memory stays until the set goes.
  bool erase(PageId id);

  bool contains(PageId id) const;

  // The members in ascending order.
  std::vector<PageId> pages() const;

 private:
  static constexpr std::uint64_t kWordBits = 64;
  static constexpr std::uint64_t kChunkPages = 1024;
  using Chunk = std::array<std::uint64_t, kChunkPages / kWordBits>;

  std::map<std::uint64_t, Chunk> chunks_;  // By id / kChunkPages.
  std::uint64_t count_ = 0;
};

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_SPARSE_PAGE_SET_H_

#include "pager/sparse_page_set.h"

#include <bit>

namespace caisson::pager {

void SparsePageSet::insert(PageId id) {
  const std::uint64_t within = to_u64(id) % kChunkPages;
  std::uint64_t& word = chunks_[to_u64(id) / kChunkPages][within / kWordBits];
  const std::uint64_t bit = std::uint64_t{1} << (within % kWordBits);
  if ((word & bit) == 0) ++count_;
  word |= bit;
}

bool SparsePageSet::erase(PageId id) {
  const auto chunk = chunks_.find(to_u64(id) / kChunkPages);
  if (chunk == chunks_.end()) return false;
  const std::uint64_t within = to_u64(id) % kChunkPages;
  std::uint64_t& word = chunk->second[within / kWordBits];
  const std::uint64_t bit = std::uint64_t{1} << (within % kWordBits);
  if ((word & bit) == 0) return false;
  word &= ~bit;
  --count_;
  return true;
}

bool SparsePageSet::contains(PageId id) const {
  const auto chunk = chunks_.find(to_u64(id) / kChunkPages);
  if (chunk == chunks_.end()) return false;
  const std::uint64_t within = to_u64(id) % kChunkPages;
  return (chunk->second[within / kWordBits] >> (within % kWordBits) & 1U) != 0;
}

std::vector<PageId> SparsePageSet::pages() const {
  std::vector<PageId> pages;
  pages.reserve(count_);
  for (const auto& [number, chunk] : chunks_) {
    std::uint64_t first = number * kChunkPages;
    for (std::uint64_t word : chunk) {
      for (; word != 0; word &= word - 1) {
        pages.emplace_back(PageId{first + static_cast<std::uint64_t>(std::countr_zero(word))});
      }
      first += kWordBits;
    }
  }
  return pages;
}

}  // namespace caisson::pager

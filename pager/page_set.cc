#include "pager/page_set.h"

#include <algorithm>
#include <bit>

namespace caisson::pager {
namespace {

constexpr std::uint64_t kWordBits = 64;

std::uint64_t bit_of(std::uint64_t index) { return std::uint64_t{1} << (index % kWordBits); }

}  // namespace

bool PageSet::contains(PageId id) const {
  const std::uint64_t word = to_u64(id) / kWordBits;
  return word < levels_[0].size() && (levels_[0][word] & bit_of(to_u64(id))) != 0;
}

std::optional<PageId> PageSet::lowest() const {
  if (count_ == 0) return std::nullopt;
  std::uint64_t index = 0;
  for (std::size_t level = levels_.size(); level-- > 0;) {
    index = index * kWordBits + static_cast<std::uint64_t>(std::countr_zero(levels_[level][index]));
  }
  return PageId{index};
}

// Makes every level long enough for `index`, and adds levels until the top is one word.
void PageSet::reach(std::uint64_t index) {
  std::uint64_t words = index / kWordBits + 1;
  for (std::size_t level = 0; words > levels_[level].size(); ++level) {
    const bool was_top = level + 1 == levels_.size();
    const std::uint64_t first_word = levels_[level][0];
    levels_[level].resize(std::max<std::uint64_t>(words, 2 * levels_[level].size()), 0);
    words = (levels_[level].size() - 1) / kWordBits + 1;
    if (was_top) levels_.push_back({first_word != 0 ? std::uint64_t{1} : 0});
  }
}

void PageSet::insert(PageId id) { insert(PageRun{id, 1}); }

void PageSet::insert(const PageRun& run) {
  if (run.count == 0) return;
  std::uint64_t index = to_u64(run.first);
  const std::uint64_t end = index + run.count;
  reach(end - 1);
  while (index < end) {
    // As many members as lie in one word, at once.
    const std::uint64_t stop = std::min(end, (index / kWordBits + 1) * kWordBits);
    const std::uint64_t ones = ~std::uint64_t{0} >> (kWordBits - (stop - index));
    const std::uint64_t mask = ones << (index % kWordBits);
    std::uint64_t word = index / kWordBits;
    count_ += static_cast<std::uint64_t>(std::popcount(mask & ~levels_[0][word]));
    levels_[0][word] |= mask;
    for (std::size_t level = 1; level < levels_.size(); ++level) {
      levels_[level][word / kWordBits] |= bit_of(word);
      word /= kWordBits;
    }
    index = stop;
  }
}

void PageSet::erase(PageId id) {
  if (!contains(id)) return;
  std::uint64_t index = to_u64(id);
  for (std::vector<std::uint64_t>& level : levels_) {
    level[index / kWordBits] &= ~bit_of(index);
    if (level[index / kWordBits] != 0) break;
    index /= kWordBits;
  }
  --count_;
}

std::vector<PageRun> PageSet::runs() const {
  std::vector<PageRun> runs;
  const std::vector<std::uint64_t>& words = levels_[0];
  for (std::uint64_t w = 0; w < words.size(); ++w) {
    std::uint64_t word = words[w];
    while (word != 0) {
      const auto begin = static_cast<unsigned>(std::countr_zero(word));
      const auto length = static_cast<unsigned>(std::countr_one(word >> begin));
      const PageId first{w * kWordBits + begin};
      if (!runs.empty() && to_u64(runs.back().first) + runs.back().count == to_u64(first)) {
        runs.back().count += length;
      } else {
        runs.push_back({first, length});
      }
      if (begin + length == kWordBits) break;
      word &= ~std::uint64_t{0} << (begin + length);
    }
  }
  return runs;
}

}  // namespace caisson::pager

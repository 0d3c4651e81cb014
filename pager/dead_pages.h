// Pages that a transaction freed and somebody may still read.

#ifndef CAISSON_PAGER_DEAD_PAGES_H_
#define CAISSON_PAGER_DEAD_PAGES_H_

#include <algorithm>
#include <map>
#include <span>
#include <vector>

#include "base/ids.h"

namespace caisson::pager {

// A txn later than all others: a page that has not died.
inline constexpr TxnId kAlive{~std::uint64_t{0}};

// A page that is part of every state from txn `birth` to the one before txn `death`.
struct DeadPage {
  PageId id{};
  TxnId birth{};
  TxnId death{};
};

// Applies the reuse rule (ALLOC-5): a dead page may be reused when no pin lies in
// [birth, death). Each page waits for one pin that protects it, and is looked at again only
// when that pin has gone; so a long-lived reader costs nothing for the pages that wait for it.
// Not thread-safe.
class DeadPages {
 public:
  void add(const DeadPage& page) { fresh_.push_back(page); }

  // Hands every page that no pin protects and that died no later than `newest` to `release`, and
  // forgets it.
  // `pins` is sorted. A pin that was not there at the last call must not lie before the newest
  // death known then (new readers start at published states).
  template <typename Release>
  void reclaim(std::span<const TxnId> pins, TxnId newest, Release release) {
    for (auto entry = waiting_.begin(); entry != waiting_.end();) {
      if (std::ranges::binary_search(pins, entry->first)) {
        ++entry;
        continue;
      }
      fresh_.insert(fresh_.end(), entry->second.begin(), entry->second.end());
      entry = waiting_.erase(entry);
    }
    std::vector<DeadPage> too_young;
    for (const DeadPage& page : fresh_) {
      if (page.death > newest) {
        too_young.push_back(page);
        continue;
      }
      const auto pin = std::ranges::lower_bound(pins, page.birth);
      if (pin == pins.end() || *pin >= page.death) {
        release(page);
      } else {
        waiting_[*pin].push_back(page);
      }
    }
    fresh_ = std::move(too_young);
  }

  // Calls `visit` for every page, in no particular order.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [pin, pages] : waiting_) std::ranges::for_each(pages, visit);
    std::ranges::for_each(fresh_, visit);
  }

  std::uint64_t count() const {
    std::uint64_t count = fresh_.size();
    for (const auto& [pin, pages] : waiting_) count += pages.size();
    return count;
  }

 private:
  std::vector<DeadPage> fresh_;                     // Not compared with any pins yet.
  std::map<TxnId, std::vector<DeadPage>> waiting_;  // By the pin that protects them.
};

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_DEAD_PAGES_H_

// Pages that a transaction freed and somebody may still read.

#ifndef CAISSON_PAGER_DEAD_PAGES_H_
#define CAISSON_PAGER_DEAD_PAGES_H_

#include <algorithm>
#include <map>
#include <span>
#include <vector>

#include "base/ids.h"
#include "pager/page_set.h"

namespace caisson::pager {

// A txn later than all others: a page that has not died.
inline constexpr TxnId kAlive{~std::uint64_t{0}};

// A page that is part of every state from txn `birth` to the one before txn `death`.
struct DeadPage {
  PageId id{};
  TxnId birth{};
  TxnId death{};
};

// Pages with the same birth and death.
struct DeadRun {
  PageRun run;
  TxnId birth{};
  TxnId death{};

  friend bool operator==(const DeadRun&, const DeadRun&) = default;
};

// Applies the reuse rule (ALLOC-5): a dead page may be reused when no pin lies in
// [birth, death). Each run waits for one pin that protects it, and is looked at again only
// when that pin has gone; so a long-lived reader costs nothing for the pages that wait for it.
// Not thread-safe.
class DeadPages {
 public:
  void add(const DeadPage& page) { add(DeadRun{{page.id, 1}, page.birth, page.death}); }

  // As one: a run lives and dies whole, so memory follows the runs and not the pages.
  void add(const DeadRun& run) { fresh_.push_back(run); }

  // Hands every run that no pin protects and that died no later than `newest` to `release`, and
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
    std::vector<DeadRun> too_young;
    for (const DeadRun& run : fresh_) {
      if (run.death > newest) {
        too_young.push_back(run);
        continue;
      }
      const auto pin = std::ranges::lower_bound(pins, run.birth);
      if (pin == pins.end() || *pin >= run.death) {
        release(run);
      } else {
        waiting_[*pin].push_back(run);
      }
    }
    fresh_ = std::move(too_young);
  }

  // Calls `visit` for every run, in no particular order.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [pin, pages] : waiting_) std::ranges::for_each(pages, visit);
    std::ranges::for_each(fresh_, visit);
  }

  // Pages that wait for that pin to go.
  std::uint64_t count_behind(TxnId pin) const {
    const auto found = waiting_.find(pin);
    std::uint64_t count = 0;
    if (found == waiting_.end()) return count;
    for (const DeadRun& run : found->second) count += run.run.count;
    return count;
  }

  // Pages, not runs.
  std::uint64_t count() const {
    std::uint64_t count = 0;
    for_each([&count](const DeadRun& run) { count += run.run.count; });
    return count;
  }

 private:
  std::vector<DeadRun> fresh_;                     // Not compared with any pins yet.
  std::map<TxnId, std::vector<DeadRun>> waiting_;  // By the pin that protects them.
};

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_DEAD_PAGES_H_

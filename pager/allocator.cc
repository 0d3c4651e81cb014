#include "pager/allocator.h"

#include <algorithm>
#include <utility>

namespace caisson::pager {
namespace {

// Joins runs that touch and are alike: a state has one encoding.
std::vector<DeadRun> maximal(std::vector<DeadRun> dead) {
  std::ranges::sort(dead, {}, [](const DeadRun& run) { return run.run.first; });
  std::vector<DeadRun> runs;
  for (const DeadRun& run : dead) {
    if (!runs.empty()) {
      DeadRun& last = runs.back();
      if (to_u64(last.run.first) + last.run.count == to_u64(run.run.first) &&
          last.birth == run.birth && last.death == run.death) {
        last.run.count += run.run.count;
        continue;
      }
    }
    runs.push_back(run);
  }
  return runs;
}

}  // namespace

Allocator::Allocator(std::uint64_t page_count, std::uint64_t capacity, const AllocationState& state,
                     CheckpointIds ids)
    : page_count_(page_count), capacity_(std::max(page_count, capacity)) {
  const bool reused = ids == CheckpointIds::kReused;
  for (const PageRun& run : state.free) (reused ? free_ : left_free_).insert(run);
  for (const DeadRun& dead : state.dead) (reused ? dead_ : left_dead_).add(dead);
}

std::uint64_t Allocator::available(AllocationUse use) const {
  const std::uint64_t all = free_.count() + capacity_ - page_count_;
  if (use == AllocationUse::kEmergency) return all;
  return all > kEmergencyPages ? all - kEmergencyPages : 0;
}

std::optional<PageId> Allocator::take(AllocationUse use) {
  if (available(use) == 0) return std::nullopt;
  if (const std::optional<PageId> id = free_.lowest()) {
    free_.erase(*id);
    return id;
  }
  return PageId{page_count_++};
}

std::uint64_t Allocator::give_up_end(std::uint64_t least) {
  const std::uint64_t before = page_count_;
  while (page_count_ > least && free_.contains(PageId{page_count_ - 1})) {
    free_.erase(PageId{--page_count_});
  }
  return before - page_count_;
}

PageSet Allocator::dead_pages() const {
  PageSet pages;
  for (const DeadPages* list : {&dead_, &left_dead_}) {
    list->for_each([&](const DeadRun& dead) { pages.insert(dead.run); });
  }
  return pages;
}

void Allocator::release_dead() {
  left_dead_.for_each([this](const DeadRun& dead) { dead_.add(dead); });
  left_dead_ = {};
}

void Allocator::add_young(TxnId txn, std::vector<PageId> pages) {
  if (!pages.empty()) young_.push_back({txn, std::move(pages)});
}

AllocationState Allocator::as_of(TxnId txn, std::span<const PageId> open_txn_pages,
                                 std::span<const PageId> blob, std::span<const PageId> earlier_blob,
                                 std::span<const PageId> overwritten_blob,
                                 const std::function<bool(PageId)>& never_written) const {
  PageSet free = free_;
  const auto insert_all = [](std::span<const PageId> pages, PageSet& set) {
    for (const PageId id : pages) set.insert(id);
  };
  const auto erase_all = [](std::span<const PageId> pages, PageSet& set) {
    for (const PageId id : pages) set.erase(id);
  };
  insert_all(open_txn_pages, free);
  insert_all(overwritten_blob, free);
  for (const Young& young : young_) {
    if (young.txn <= txn) continue;
    for (const PageId id : young.pages) {
      if (to_u64(id) < page_count_) free.insert(id);  // Else it has been given up since.
    }
  }
  std::vector<DeadRun> dead;
  const auto add_dead = [&](const DeadRun& run) {
    // One that died later is alive as of `txn`, or was not born yet and is free.
    if (run.death > txn) return;
    // Only single pages, which died in this process, can be unwritten.
    if (run.run.count == 1 && never_written(run.run.first)) {
      free.insert(run.run);
    } else {
      dead.push_back(run);
    }
  };
  dead_.for_each(add_dead);
  left_dead_.for_each(add_dead);
  erase_all(blob, free);
  erase_all(earlier_blob, free);
  PageSet earlier;
  insert_all(earlier_blob, earlier);
  return {.free = free.runs(), .dead = maximal(std::move(dead)), .earlier_blob = earlier.runs()};
}

void Allocator::forget_young(TxnId txn) {
  while (!young_.empty() && young_.front().txn <= txn) young_.pop_front();
}

}  // namespace caisson::pager

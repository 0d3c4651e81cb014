#include "pager/allocator.h"

#include <algorithm>
#include <utility>

namespace caisson::pager {
namespace {

std::vector<DeadRun> runs_of(std::vector<DeadPage> pages) {
  std::ranges::sort(pages, {}, &DeadPage::id);
  std::vector<DeadRun> runs;
  for (const DeadPage& page : pages) {
    if (!runs.empty()) {
      DeadRun& last = runs.back();
      if (to_u64(last.run.first) + last.run.count == to_u64(page.id) && last.birth == page.birth &&
          last.death == page.death) {
        ++last.run.count;
        continue;
      }
    }
    runs.push_back({{page.id, 1}, page.birth, page.death});
  }
  return runs;
}

}  // namespace

Allocator::Allocator(std::uint64_t page_count, std::uint64_t capacity, const AllocationState& state)
    : page_count_(page_count), capacity_(std::max(page_count, capacity)) {
  for (const PageRun& run : state.free) free_.insert(run);
  for (const DeadRun& dead : state.dead) {
    for (std::uint64_t i = 0; i < dead.run.count; ++i) {
      dead_.add({PageId{to_u64(dead.run.first) + i}, dead.birth, dead.death});
    }
  }
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

PageSet Allocator::dead_pages() const {
  PageSet pages;
  dead_.for_each([&](const DeadPage& page) { pages.insert(page.id); });
  return pages;
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
    if (young.txn > txn) insert_all(young.pages, free);
  }
  std::vector<DeadPage> dead;
  dead_.for_each([&](const DeadPage& page) {
    // One that died later is alive as of `txn`, or was not born yet and is free.
    if (page.death > txn) return;
    if (never_written(page.id)) {
      free.insert(page.id);
    } else {
      dead.push_back(page);
    }
  });
  erase_all(blob, free);
  erase_all(earlier_blob, free);
  PageSet earlier;
  insert_all(earlier_blob, earlier);
  return {.free = free.runs(), .dead = runs_of(std::move(dead)), .earlier_blob = earlier.runs()};
}

void Allocator::forget_young(TxnId txn) {
  while (!young_.empty() && young_.front().txn <= txn) young_.pop_front();
}

}  // namespace caisson::pager

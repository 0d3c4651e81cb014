// What a checkpoint says about unused pages, and its encoding. Format: spec/pages.md, section 4.
//
// Pure functions of values; thread-safe.

#ifndef CAISSON_PAGER_ALLOCATION_H_
#define CAISSON_PAGER_ALLOCATION_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "pager/dead_pages.h"
#include "pager/page_set.h"

namespace caisson::pager {

// The three lists of a blob, each ascending, of maximal runs; and what the store has attached.
struct AllocationState {
  std::vector<PageRun> free;
  std::vector<DeadRun> dead;
  std::vector<PageRun> earlier_blob;
  std::vector<std::byte> attachment = {};

  // True if there is nothing to write a blob for.
  bool empty() const {
    return free.empty() && dead.empty() && earlier_blob.empty() && attachment.empty();
  }

  friend bool operator==(const AllocationState&, const AllocationState&) = default;
};

// What the lists have to fit.
struct AllocationBounds {
  PageId first_page{};
  std::uint64_t page_count = 0;  // Ids end here.
  TxnId txn{};                   // The checkpoint's.
};

// The blob's bytes. REQUIRES: the state keeps ALLOC-2 to ALLOC-4.
std::vector<std::byte> encode_allocation(const AllocationState& state, PageId first_page);

// Checks ALLOC-1 (varints), ALLOC-2, ALLOC-3 among the lists, and ALLOC-4. Memory: a
// small multiple of the blob's size. Errors: kCorruption naming the rule.
Result<AllocationState> decode_allocation(Bytes blob, const AllocationBounds& bounds);

// Checks ALLOC-3 for the pages that are certainly in use: the blob's own, and the root (0: none).
Result<void> check_in_use(const AllocationState& state, std::span<const PageId> blob, PageId root);

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_ALLOCATION_H_

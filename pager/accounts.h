// Whether every page of a checkpoint is accounted for: ALLOC-7 of spec/pages.md.

#ifndef CAISSON_PAGER_ACCOUNTS_H_
#define CAISSON_PAGER_ACCOUNTS_H_

#include <cstddef>
#include <vector>

#include "base/result.h"
#include "pager/open.h"
#include "pager/page_set.h"

namespace caisson::pager {

// `reachable`: the pages that a full walk from the checkpoint's root found, every tree's and
// value's. Returns what contradicts the allocation blob, at most `findings_max` errors: runs of
// pages that nobody has, and pages that are in use although the blob lists them. None: the walk
// and the blob agree. REQUIRES: candidate.offered(). O(pages).
std::vector<Error> check_accounts(const Candidate& candidate, const PageSet& reachable,
                                  std::size_t findings_max);

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_ACCOUNTS_H_

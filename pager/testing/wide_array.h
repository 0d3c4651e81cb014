// An array of arrays: what PageArray is, with one level more, for files of many thousand pages.

#ifndef CAISSON_PAGER_TESTING_WIDE_ARRAY_H_
#define CAISSON_PAGER_TESTING_WIDE_ARRAY_H_

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "pager/page_txn.h"
#include "pager/pager.h"
#include "pager/testing/page_array.h"

namespace caisson::pager::testing {

// A handle on one array, as PageArray is. Its pages are those of PageArray, under a root of the
// same layout at level 2.
class WideArray {
 public:
  WideArray(Pager& pager, PageRef root) : pager_(&pager), root_(root) {}

  PageRef root() const { return root_; }

  // Sets a value, 0 to remove it. REQUIRES: index < PageArray::length_max() squared.
  Result<void> set(PageTxn& txn, std::uint32_t index, std::uint64_t value);

  // Everything in it, each leaf checked to its last byte.
  Result<ArrayModel> read_all() const;

  // The leaves in the order of their indices. For an array that was checkpointed, whose pages
  // name the checksums of their children.
  Result<std::vector<PageRef>> leaves() const;

 private:
  Pager* pager_;
  PageRef root_;
};

}  // namespace caisson::pager::testing

#endif  // CAISSON_PAGER_TESTING_WIDE_ARRAY_H_

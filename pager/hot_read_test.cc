// Method: count every allocation of this program and every call to the simulated system while a
// verified page is read, and every allocation while a transaction makes pages. Not with a
// sanitizer, which brings operators of its own.

#include "base/sanitizers.h"

#ifndef CAISSON_SANITIZED

#include <gtest/gtest.h>

#include "base/testing/counted_allocations.h"
#include "pager/page_txn.h"
#include "pager/testing/harness.h"

namespace caisson::pager {
namespace {

using caisson::testing::allocations;
using testing::Harness;
using testing::value_of;

TEST(HotRead, AllocatesNothingAndCallsNobody) {
  for (const PageAccess access : {PageAccess::kMapped, PageAccess::kPrivate}) {
    Harness store({.access = access});
    store.set(1, 10);
    store.checkpoint();
    store.reopen();
    EXPECT_EQ(value_of(store.array().get(1)), 10U);
    const PageRef root = store.array().root();
    const std::uint64_t calls = store.machine().calls();
    const std::uint64_t before = allocations;
    std::uint64_t found = 0;
    for (int i = 0; i < 1000; ++i) found += store.pager().read(root).has_value() ? 1U : 0U;
    const std::uint64_t after = allocations;
    EXPECT_EQ(found, 1000U);
    EXPECT_EQ(after, before);
    EXPECT_EQ(store.machine().calls(), calls);
  }
  const std::uint64_t before = allocations;
  ::operator delete(::operator new(1));
  EXPECT_GT(allocations, before);  // It does count.
}

TEST(PageTxn, AllocatesNextToNothingForThePagesThatItMakes) {
  Harness store({});
  store.set(1, 10);
  PageTxn txn = value_of(PageTxn::begin(store.pager(), TxnId{2}));
  const std::uint64_t before = allocations;
  for (int i = 0; i < 900; ++i) value_of(txn.allocate(testing::kArrayLeaf, 0));
  const std::uint64_t after = allocations;
  EXPECT_LT(after - before, 90U);  // One for each growth of the file, and a few.
  const std::uint64_t before_end = allocations;
  txn.roll_back();
  EXPECT_LT(allocations - before_end, 30U);
}

}  // namespace
}  // namespace caisson::pager

#endif  // CAISSON_SANITIZED

// Method: what a transaction leaves behind, looked at through the pager's own counts and through
// the pages that later transactions are given. The life of whole stores: pager_test.cc.

#include "pager/page_txn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/codec.h"
#include "pager/scrub.h"
#include "pager/testing/audit.h"
#include "pager/testing/harness.h"

namespace caisson::pager {
namespace {

using testing::ArrayModel;
using testing::Harness;
using testing::kArrayLeaf;
using testing::value_of;

PageTxn begin(Harness& store, std::uint64_t number) {
  return value_of(PageTxn::begin(store.pager(), TxnId{number}));
}

TEST(PageTxn, RollingBackTakesNothingFromACheckpointThatReusedItsPage) {
  // A page that a transaction made and freed again is free at once, and a checkpoint beside it
  // took it for its blob. The transaction still counted the page as its own and gave it back when
  // it was rolled back; so the next one wrote over the blob of the newest checkpoint.
  Harness store({});
  store.set(1, 10);
  {
    PageTxn txn = begin(store, 2);
    const PageId made = value_of(txn.allocate(kArrayLeaf, 0)).id;
    txn.free(made, TxnId{2});
    const Meta meta = store.checkpoint().meta;
    ASSERT_EQ(meta.allocation.first.id, made) << "the test's point: the blob took the page";
    txn.roll_back();
  }
  PageTxn txn = begin(store, 3);
  for (int i = 0; i < 10; ++i) {
    EXPECT_NE(value_of(txn.allocate(kArrayLeaf, 0)).id,
              store.pager().checkpointed().allocation.first.id);
  }
}

TEST(PageTxn, DoesNotCallAPageYoungThatACheckpointReused) {
  // The same, but the transaction is sealed: a checkpoint of an earlier one must not call the
  // blob's page free.
  Harness store({});
  store.set(1, 10);
  PageTxn txn = begin(store, 2);
  const PageId made = value_of(txn.allocate(kArrayLeaf, 0)).id;
  txn.free(made, TxnId{2});
  ASSERT_EQ(store.checkpoint().meta.allocation.first.id, made);
  txn.seal();
  store.checkpoint();
  store.reopen();
  EXPECT_EQ(store.contents(), (ArrayModel{{1, 10}}));
}

TEST(PageTxn, GivesAPageThatItMadeAndFreedToWhoeverAsksNext) {
  Harness store({});
  PageTxn txn = begin(store, 1);
  const PageId first = value_of(txn.allocate(kArrayLeaf, 0)).id;
  for (int i = 0; i < 5; ++i) {
    txn.free(first, TxnId{1});
    EXPECT_EQ(value_of(txn.allocate(kArrayLeaf, 0)).id, first);
  }
  txn.roll_back();
  EXPECT_EQ(store.pager().stats().free_pages, 1U);
  EXPECT_EQ(store.pager().stats().dirty_frames, 0U);
}

TEST(PageTxn, MakesPagesOfZerosInFramesThatWereOthersBefore) {
  Harness store({});
  PageTxn txn = value_of(PageTxn::begin(store.pager(), TxnId{1}));
  for (int round = 0; round < 3; ++round) {
    std::vector<PageId> pages;
    for (int i = 0; i < 20; ++i) {
      const NewPage page = value_of(txn.allocate(PageType::kTestFirst, 0));
      ASSERT_TRUE(all_zero(page.bytes.subspan(kPageHeaderSize)));
      std::ranges::fill(page.bytes.subspan(kPageHeaderSize), std::byte{7});
      pages.push_back(page.id);
    }
    for (const PageId id : pages) txn.free(id, TxnId{1});
  }
}

TEST(PageTxn, AllocatesWhatItReservedWhenNothingElseIsLeft) {
  Harness store({.memory_budget_bytes = 64 * 4096});
  PageTxn txn = begin(store, 1);
  value_of(txn.reserve(8));
  // Every frame but those reserved is in use.
  std::uint64_t made = 0;
  while (store.pager().stats().dirty_frames + 8 < 64) {
    value_of(txn.reserve(9));
    value_of(txn.allocate(kArrayLeaf, 0));
    ++made;
  }
  EXPECT_EQ(made, 56U);
  EXPECT_EQ(txn.reserve(9).error().code(), Code::kResourceExhausted);
  std::set<PageId> ids;
  for (int i = 0; i < 8; ++i) ids.insert(value_of(txn.allocate(kArrayLeaf, 0)).id);
  EXPECT_EQ(ids.size(), 8U);
  EXPECT_EQ(txn.allocate(kArrayLeaf, 0).error().code(), Code::kResourceExhausted);
}

TEST(PageTxn, GivesBackWhatItReservedAndDidNotUse) {
  for (const bool sealed : {true, false}) {
    Harness store({});
    store.set(1, 10);
    store.checkpoint();
    const PagerStats before = store.pager().stats();
    PageTxn txn = begin(store, 2);
    value_of(txn.reserve(5));
    // Beside it: the reserved pages are free as of the checkpoint, and in nobody's way.
    const Meta meta = store.checkpoint().meta;
    EXPECT_EQ(value_of(scrub(store.pager(), {})).damage_total, 0U);
    if (sealed) {
      txn.seal();
    } else {
      txn.roll_back();
    }
    const PagerStats after = store.pager().stats();
    EXPECT_EQ(after.page_count - after.free_pages,
              before.page_count - before.free_pages + meta.allocation.page_count);
    EXPECT_EQ(after.dirty_frames, before.dirty_frames);
    store.reopen();
    EXPECT_EQ(store.contents(), (ArrayModel{{1, 10}}));
    EXPECT_EQ(testing::audit(store.directory()).problem, "");
  }
}

}  // namespace
}  // namespace caisson::pager

// Method: what a transaction leaves behind, looked at through the pager's own counts and through
// the pages that later transactions are given. The life of whole stores: pager_test.cc.

#include "pager/page_txn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/codec.h"
#include "pager/scrub.h"
#include "pager/testing/access.h"
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

TEST(PageTxn, CopiesAPageUnderAHeaderOfItsOwn) {
  Harness store({});
  PageTxn txn = begin(store, 1);
  const NewPage old = value_of(txn.allocate(kArrayLeaf, 3));
  std::ranges::fill(old.bytes.subspan(kPageHeaderSize), std::byte{0x5A});
  const NewPage copy = value_of(txn.allocate_copy(old.bytes.data()));
  EXPECT_NE(copy.id, old.id);
  const PageHeader header = read_header(copy.bytes.data());
  EXPECT_EQ(header.type, kArrayLeaf);
  EXPECT_EQ(header.level, 3);
  EXPECT_EQ(header.id, copy.id);
  EXPECT_EQ(header.txn, TxnId{1});
  EXPECT_TRUE(
      std::ranges::equal(copy.bytes.subspan(kPageHeaderSize), old.bytes.subspan(kPageHeaderSize)));
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

// --- What the writer looks at --------------------------------------------------------------------

class WriterReads : public ::testing::TestWithParam<PageAccess> {
 protected:
  WriterReads() : store_({.access = GetParam(), .memory_budget_bytes = 64 * 4096}) {}

  // Makes pages that nobody names, until no frame is left or `most` are made.
  static int fill(PageTxn& txn, int most) {
    int made = 0;
    while (made < most && txn.allocate(kArrayLeaf, 0)) ++made;
    return made;
  }

  Harness store_;
};

TEST_P(WriterReads, BytesStayUntilItRenewsItsEpoch) {
  for (std::uint32_t i = 0; i < 20; ++i) store_.set(i, 100 + i);
  PageTxn txn = begin(store_, 21);
  // Nobody is registered. Both a page of an earlier transaction and one of its own leave the
  // table when they are spilled.
  const PageRef root = store_.array().root();
  const std::byte* old_page = value_of(store_.pager().read(root));
  const NewPage mine = value_of(txn.allocate(kArrayLeaf, 0));
  const std::vector<std::byte> old_copy(old_page, old_page + 4096);
  const std::vector<std::byte> my_copy(mine.bytes.begin(), mine.bytes.end());
  const int before = fill(txn, 10);
  ASSERT_GT(value_of(store_.pager().spill()), 0U);
  ASSERT_TRUE(txn.editable(mine.id).empty());
  const std::uint64_t held = store_.pager().stats().retired_frames;
  EXPECT_GT(held, 10U);
  EXPECT_LT(before + fill(txn, 1000), 64);
  EXPECT_EQ(store_.pager().stats().retired_frames, held);
  EXPECT_TRUE(std::ranges::equal(old_copy, Bytes(old_page, 4096)));
  EXPECT_TRUE(std::ranges::equal(my_copy, Bytes(mine.bytes)));
  txn.renew();
  EXPECT_GE(fill(txn, 1000), static_cast<int>(held));
  EXPECT_EQ(store_.pager().stats().retired_frames, 0U);
}

TEST_P(WriterReads, MakingRoomSpillsAndRenews) {
  PageTxn txn = begin(store_, 1);
  for (int i = 0; i < 1000; ++i) {
    value_of(txn.make_room());
    value_of(txn.allocate(kArrayLeaf, 0));
  }
  EXPECT_GT(store_.pager().stats().pages_spilled, 900U);
}

TEST(PageTxn, FindsFramesForAnOperationWhereThePagesReadFillTheMemory) {
  Harness store({.memory_budget_bytes = std::uint64_t{4} << 20U});
  for (std::uint32_t i = 0; i < 300; ++i) store.set(i, i + 1);
  store.checkpoint();
  const testing::PageArray array = store.array();
  store.close();
  const auto pager = value_of(
      open_pager(store.directory(), testing::small_options(PageAccess::kPrivate, 64 * 4096)));
  for (std::uint32_t i = 0; i < 300; ++i) {
    ASSERT_EQ(value_of(testing::PageArray(*pager, array.root()).get(i)), i + 1);
  }
  ASSERT_GT(pager->stats().cached_frames, 50U);
  PageTxn txn = value_of(PageTxn::begin(*pager, TxnId{301}));
  value_of(txn.make_room());
  value_of(txn.reserve(32));
}

INSTANTIATE_TEST_SUITE_P(Access, WriterReads,
                         ::testing::Values(PageAccess::kMapped, PageAccess::kPrivate),
                         testing::access_name);

}  // namespace
}  // namespace caisson::pager

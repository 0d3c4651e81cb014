// Method: a file that was opened to read is changed all the same, in memory (OPEN-5), by many
// transactions, while another opening writes it; the changes are there, the file is not touched by
// them, and pages of the checkpoint that is read are never used again by this side.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "pager/open.h"
#include "pager/page_txn.h"
#include "pager/testing/access.h"
#include "pager/testing/harness.h"

namespace caisson::pager {
namespace {

using testing::ArrayModel;
using testing::Harness;
using testing::PageArray;
using testing::small_options;
using testing::value_of;

class MemoryChanges : public ::testing::TestWithParam<PageAccess> {};

INSTANTIATE_TEST_SUITE_P(Access, MemoryChanges,
                         ::testing::Values(PageAccess::kMapped, PageAccess::kPrivate),
                         testing::access_name);

PagerOptions reading(PageAccess access, std::uint64_t frames = 256) {
  PagerOptions options = small_options(access, frames * 4096);
  options.read_only = true;
  options.readers = [](std::vector<RegisteredReader>&) {};
  return options;
}

TEST_P(MemoryChanges, AreSeenAndNeverReachTheFile) {
  Harness store({});
  for (std::uint32_t i = 1; i <= 20; ++i) store.set(i, i);
  store.checkpoint();
  for (std::uint32_t i = 1; i <= 20; ++i) store.set(i, 2 * i);
  store.checkpoint();  // Leaves dead pages and free ones.
  const ArrayModel before = store.contents();
  const auto pager = value_of(open_pager(store.directory(), reading(GetParam())));
  const Meta meta = pager->checkpointed();
  const auto file = [&store] { return testing::page_file_bytes(store.machine()); };
  const std::vector<std::byte> bytes = file();
  PageArray array(*pager, meta.root);
  for (std::uint64_t txn = to_u64(meta.txn) + 1; txn < 200; ++txn) {
    PageTxn changes = value_of(PageTxn::begin(*pager, TxnId{txn}));
    const std::vector<PageId> had = value_of(array.pages());
    value_of(array.set(changes, static_cast<std::uint32_t>(txn % 15), txn));
    for (const PageId id : value_of(array.pages())) {
      const bool is_new = std::ranges::find(had, id) == had.end();
      ASSERT_TRUE(!is_new || to_u64(id) >= meta.page_count) << to_u64(id);
    }
    changes.seal();
    const TxnId pins[] = {TxnId{txn}};
    pager->reclaim(pins);
  }
  EXPECT_NE(value_of(array.read_all()), before);
  EXPECT_EQ(value_of(array.read_all()).at(14), 194U);
  EXPECT_EQ(value_of(PageArray(*pager, meta.root).read_all()), before);
  EXPECT_EQ(file(), bytes);
  EXPECT_EQ(store.contents(), before);
  EXPECT_EQ(pager->stats().pages_written, 0U);
}

TEST_P(MemoryChanges, EndWhereTheMemoryDoes) {
  Harness store({});
  store.set(1, 1);
  store.checkpoint();
  const auto pager = value_of(open_pager(store.directory(), reading(GetParam(), 64)));
  PageArray array(*pager, pager->checkpointed().root);
  PageTxn changes = value_of(PageTxn::begin(*pager, TxnId{9}));
  Result<void> set;
  for (std::uint32_t i = 2; i < 100 && set; ++i) {
    value_of(changes.make_room());
    set = array.set(changes, i, i);
  }
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code(), Code::kResourceExhausted);
  changes.roll_back();
  EXPECT_EQ(value_of(PageArray(*pager, pager->checkpointed().root).read_all()),
            (ArrayModel{{1, 1}}));
}

TEST_P(MemoryChanges, BeginAtACheckpointThatIsRetained) {
  Harness store({});
  for (std::uint32_t i = 1; i <= 5; ++i) store.set(i, i);
  const Meta retained = store.checkpoint().meta;
  const ArrayModel before = store.contents();
  store.pin(retained.txn);
  for (std::uint64_t round = 1; round < 10; ++round) {
    for (std::uint32_t i = 1; i <= 8; ++i) store.set(i, 100 * round + i);
    store.checkpoint();
  }
  OpenAttempt attempt = value_of(OpenAttempt::begin(store.directory(), reading(GetParam())));
  const MetaSlot newest = value_of(attempt.newest());
  const CheckpointRoot root{
      .txn = retained.txn, .root = retained.root, .page_count = retained.page_count};
  const auto pager = value_of(open_pager(std::move(attempt), newest, root));
  PageArray array(*pager, retained.root);
  EXPECT_EQ(value_of(array.read_all()), before);
  PageTxn changes = value_of(PageTxn::begin(*pager, TxnId{to_u64(retained.txn) + 1}));
  value_of(array.set(changes, 3, 33));
  changes.seal();
  ArrayModel after = before;
  after[3] = 33;
  EXPECT_EQ(value_of(array.read_all()), after);
}

TEST(CheckpointRoot, IsRefusedWhereItCantBeOfThatFile) {
  Harness store({});
  store.set(1, 1);
  const Meta meta = store.checkpoint().meta;
  const auto open_at = [&](bool read_only, const CheckpointRoot& root) {
    PagerOptions options = reading(PageAccess::kMapped);
    options.read_only = read_only;
    OpenAttempt attempt = value_of(OpenAttempt::begin(store.directory(), options));
    const MetaSlot newest = value_of(attempt.newest());
    auto pager = open_pager(std::move(attempt), newest, root);
    return pager ? Code{255} : pager.error().code();
  };
  const CheckpointRoot good{.txn = meta.txn, .root = meta.root, .page_count = meta.page_count};
  CheckpointRoot later = good;
  later.txn = TxnId{to_u64(meta.txn) + 1};
  EXPECT_EQ(open_at(true, later), Code::kInvalidArgument);
  CheckpointRoot longer = good;
  ++longer.page_count;
  EXPECT_EQ(open_at(true, longer), Code::kInvalidArgument);
  CheckpointRoot nothing = good;
  nothing.page_count = 3;
  EXPECT_EQ(open_at(true, nothing), Code::kInvalidArgument);
  store.close();
  EXPECT_EQ(open_at(false, good), Code::kInvalidArgument);
}

}  // namespace
}  // namespace caisson::pager

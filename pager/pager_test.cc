// Method: arrays of numbers (testing/page_array.h) on a page file of the simulated machine,
// compared with what was put in.

#include "pager/pager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <utility>

#include "base/codec.h"
#include "base/random.h"
#include "pager/open.h"
#include "pager/page_txn.h"
#include "pager/testing/harness.h"

namespace caisson::pager {
namespace {

using testing::array_entry;
using testing::ArrayModel;
using testing::Harness;
using ::testing::HasSubstr;
using testing::kArrayLeaf;
using testing::kPagesPath;
using testing::PageArray;
using testing::small_options;
using testing::value_of;

PageRef leaf_of(const Harness& store, std::size_t index) {
  return {value_of(const_cast<Harness&>(store).array().pages())[index], 0};
}

TEST(Pager, KeepsACheckpointAcrossReopening) {
  for (const std::uint32_t page_size : {4096U, 8192U, 16384U, 32768U, 65536U}) {
    Harness store({.page_size = page_size});
    store.set(3, 30);
    store.set(5, 50);
    store.checkpoint();
    store.reopen();
    EXPECT_EQ(store.contents(), (ArrayModel{{3, 30}, {5, 50}})) << page_size;
    EXPECT_EQ(store.pager().page_size(), page_size);
  }
}

TEST(Pager, ForgetsWhatNoCheckpointHolds) {
  Harness store({});
  store.set(1, 10);
  store.checkpoint();
  store.set(1, 11);
  store.reopen();
  EXPECT_EQ(store.contents(), (ArrayModel{{1, 10}}));
}

TEST(Pager, ReadsAVerifiedPageWithoutTheSystem) {  // PAGE-9
  for (const PageAccess access : {PageAccess::kMapped, PageAccess::kPrivate}) {
    Harness store({.access = access});
    store.set(1, 10);
    store.checkpoint();
    store.reopen();
    EXPECT_EQ(store.contents(), (ArrayModel{{1, 10}}));
    const std::uint64_t calls = store.machine().calls();
    const std::uint64_t verified = store.pager().stats().pages_verified;
    EXPECT_EQ(verified, 2U);  // The root and one leaf, once each.
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(value_of(store.array().get(1)), 10U);
    EXPECT_EQ(store.machine().calls(), calls);
    EXPECT_EQ(store.pager().stats().pages_verified, verified);
  }
}

TEST(Pager, SaysOfAPageToComeWhereItIsIfItIsInMemory) {
  for (const PageAccess access : {PageAccess::kMapped, PageAccess::kPrivate}) {
    Harness store({.access = access});
    store.set(1, 10);
    store.checkpoint();
    store.reopen();
    const PageRef root = store.array().root();
    EXPECT_EQ(store.pager().prefetch(root.id), nullptr);
    const std::byte* const page = value_of(store.pager().read(root));
    EXPECT_EQ(store.pager().prefetch(root.id), page);
    EXPECT_EQ(store.pager().prefetch(PageId{0}), nullptr);
    EXPECT_EQ(store.pager().prefetch(PageId{~std::uint64_t{0}}), nullptr);
  }
}

TEST(Pager, LocksPagesInMemoryOnRequestAndGoesOnWhereItMayNot) {
  Harness store({});
  store.set(1, 10);
  store.checkpoint();
  store.close();
  EXPECT_FALSE(value_of(open_pager(store.directory(), small_options()))->stats().locked);
  PagerOptions options = small_options();
  options.lock_in_memory = true;
  store.machine().record_trace(true);
  EXPECT_TRUE(value_of(open_pager(store.directory(), options))->stats().locked);
  std::uint64_t call = store.machine().calls();
  for (const auto& traced : store.machine().trace()) {
    if (traced.call == io::Call::kLockMemory) break;
    ++call;
  }
  store.machine().inject({call, io::sim::FaultKind::kIoError, false});
  EXPECT_FALSE(value_of(open_pager(store.directory(), options))->stats().locked);
  EXPECT_EQ(store.machine().faults_hit(), 1U);
}

TEST(Pager, ReturnsTheSameAddressForAsLongAsThePageLives) {
  Harness store({});
  store.set(1, 10);
  store.checkpoint();
  const PageRef leaf = leaf_of(store, 1);
  const std::byte* before = value_of(store.pager().read(leaf));
  for (std::uint32_t i = 2; i < 300; ++i) store.set(i, i);  // The file grows many times over.
  store.checkpoint();
  EXPECT_EQ(value_of(store.pager().read(leaf)), before);
}

TEST(Pager, RefusesReferencesToPagesThatCannotBe) {  // PAGE-6
  Harness store({});
  store.set(1, 10);
  store.checkpoint();
  for (const std::uint64_t id :
       {std::uint64_t{0}, std::uint64_t{31}, store.pager().stats().page_count,
        std::uint64_t{1} << 40U, ~std::uint64_t{0}}) {
    const auto read = store.pager().read({PageId{id}, 1});
    ASSERT_FALSE(read.has_value()) << id;
    EXPECT_EQ(read.error().rule(), "PAGE-6");
    EXPECT_EQ(read.error().page(), id);
  }
}

TEST(Pager, ReportsAnIoErrorOfAFirstReadAndRecoversFromIt) {
  for (const PageAccess access : {PageAccess::kMapped, PageAccess::kPrivate}) {
    Harness store({.access = access});
    store.set(1, 10);
    store.checkpoint();
    store.reopen();
    // A first read is a hint and a fetch where the file is mapped, else a read.
    const std::uint64_t fetch = access == PageAccess::kMapped ? 1 : 0;
    store.machine().inject({store.machine().calls() + fetch, io::sim::FaultKind::kIoError, false});
    const auto failed = store.array().read_all();
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().code(), Code::kIoError);
    EXPECT_TRUE(failed.error().page().has_value());
    EXPECT_EQ(store.contents(), (ArrayModel{{1, 10}}));
  }
}

TEST(Pager, VerifiesAPageAgainAfterItWasWritten) {
  Harness store({});
  store.set(1, 10);
  store.checkpoint();
  EXPECT_EQ(store.pager().stats().pages_verified, 0U);
  store.machine().image(kPagesPath)->flip_bit(to_u64(store.array().root().id) * 4096 + 200, 1);
  // The mapping mirrors what the file holds once it is fetched again.
  store.reopen();
  EXPECT_EQ(store.contents(), (ArrayModel{}));  // The older checkpoint: the newest is not offered.
}

TEST(Pager, RollsBackWithoutATrace) {
  Harness store({});
  store.set(1, 10);
  store.checkpoint();
  const PagerStats before = store.pager().stats();
  {
    PageTxn txn = value_of(PageTxn::begin(store.pager(), TxnId{2}));
    PageArray array = store.array();
    for (std::uint32_t i = 0; i < 20; ++i) value_of(array.set(txn, i, 7));
    for (std::uint32_t i = 0; i < 20; i += 2) value_of(array.set(txn, i, 0));
  }  // Destroyed without being sealed.
  const PagerStats after = store.pager().stats();
  EXPECT_EQ(after.dirty_frames, before.dirty_frames);
  EXPECT_EQ(after.dead_pages, before.dead_pages);
  EXPECT_EQ(after.page_count - after.free_pages, before.page_count - before.free_pages);
  EXPECT_EQ(store.contents(), (ArrayModel{{1, 10}}));
  store.set(1, 11);  // The number is free again.
  EXPECT_EQ(store.contents(), (ArrayModel{{1, 11}}));
}

TEST(Pager, AllowsOneTransactionAtATimeAndOnlyForward) {
  Harness store({});
  store.set(1, 10);
  PageTxn txn = value_of(PageTxn::begin(store.pager(), TxnId{2}));
  EXPECT_EQ(PageTxn::begin(store.pager(), TxnId{3}).error().code(), Code::kBusy);
  txn.roll_back();
  EXPECT_EQ(PageTxn::begin(store.pager(), TxnId{1}).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(PageTxn::begin(store.pager(), kAlive).error().code(), Code::kInvalidArgument);
  EXPECT_TRUE(PageTxn::begin(store.pager(), TxnId{9}).has_value());
}

TEST(Pager, EditsItsOwnPagesInPlaceAndNoOthers) {
  Harness store({});
  store.set(1, 10);
  PageTxn txn = value_of(PageTxn::begin(store.pager(), TxnId{2}));
  EXPECT_TRUE(txn.editable(store.array().root().id).empty());
  EXPECT_TRUE(txn.editable(PageId{0}).empty());
  EXPECT_TRUE(txn.editable(PageId{~std::uint64_t{0}}).empty());
  const NewPage page = value_of(txn.allocate(kArrayLeaf, 0));
  EXPECT_EQ(txn.editable(page.id).data(), page.bytes.data());
  EXPECT_TRUE(all_zero(page.bytes.subspan(kPageHeaderSize)));
}

TEST(Pager, WritesNothingOfPagesThatNoCheckpointEverSaw) {  // PAGE-8
  Harness store({});
  for (std::uint64_t i = 1; i <= 500; ++i) {
    store.set(1, i);
    store.reclaim();
  }
  EXPECT_LE(store.pager().stats().dirty_frames, 4U);
  EXPECT_LE(store.pager().stats().page_count, 32U + 6U);
  const CheckpointResult result = store.checkpoint();
  EXPECT_LE(result.pages_written, 3U);  // Root, leaf and the allocation blob.
}

TEST(Pager, AnOldReaderKeepsWhatItCanSeeAndNothingThatCameLater) {  // ALLOC-5
  Harness store({});
  for (std::uint32_t i = 0; i < 50; ++i) store.set(i, 1);
  store.checkpoint();
  const PageArray old_reader = store.array();
  const ArrayModel seen = store.contents();
  store.pin(store.txn());
  std::uint64_t pages_after_first_round = 0;
  for (std::uint64_t round = 0; round < 20; ++round) {
    for (std::uint32_t i = 0; i < 50; ++i) {
      store.set(i, 100 + round);
      store.reclaim();
    }
    store.checkpoint();
    EXPECT_EQ(value_of(old_reader.read_all()), seen);
    if (round == 2) pages_after_first_round = store.pager().stats().page_count;
  }
  EXPECT_LE(store.pager().stats().page_count, pages_after_first_round + 4);
}

TEST(Pager, SpillsATransactionThatOutgrowsItsMemory) {
  for (const PageAccess access : {PageAccess::kMapped, PageAccess::kPrivate}) {
    Harness store({.access = access, .memory_budget_bytes = 64 * 4096});
    PageTxn txn = value_of(PageTxn::begin(store.pager(), TxnId{1}));
    PageArray array = store.array();
    ArrayModel model;
    std::uint64_t spilled = 0;
    Random random(11);
    for (std::uint32_t i = 0; i < 1000; ++i) {
      const auto index = static_cast<std::uint32_t>(random.below(300));
      if (store.pager().should_spill()) spilled += value_of(store.pager().spill());
      value_of(array.set(txn, index, i + 1));
      model[index] = i + 1;
    }
    for (std::uint32_t i = 0; i < 300; ++i) {  // Reads its own writes.
      txn.renew();
      EXPECT_EQ(value_of(array.get(i)), model.contains(i) ? model.at(i) : 0);
    }
    txn.seal();
    EXPECT_EQ(value_of(array.read_all()), model);
    EXPECT_GT(spilled, 200U);
    EXPECT_EQ(store.pager().stats().pages_spilled, spilled);
    CheckpointRequest request{
        .txn = TxnId{1}, .root = array.root().id, .apply_version = 0, .log = {}};
    value_of(store.pager().checkpoint(request));
    store.reopen();
    EXPECT_EQ(store.contents(), model);
  }
}

TEST(Pager, ATransactionThatSpilledAndRolledBackLeavesNothing) {
  Harness store({.memory_budget_bytes = 64 * 4096});
  store.set(1, 10);
  store.checkpoint();
  const PagerStats before = store.pager().stats();
  {
    PageTxn txn = value_of(PageTxn::begin(store.pager(), TxnId{2}));
    PageArray array = store.array();
    for (std::uint32_t i = 0; i < 200; ++i) {
      if (store.pager().should_spill()) value_of(store.pager().spill());
      value_of(array.set(txn, i, 5));
    }
  }
  const PagerStats after = store.pager().stats();
  EXPECT_EQ(after.page_count - after.free_pages, before.page_count - before.free_pages);
  store.reopen();
  EXPECT_EQ(store.contents(), (ArrayModel{{1, 10}}));
}

TEST(Pager, SaysSoWhenNoFrameIsFree) {
  Harness store({.memory_budget_bytes = 64 * 4096});
  PageTxn txn = value_of(PageTxn::begin(store.pager(), TxnId{1}));
  Result<NewPage> page = txn.allocate(kArrayLeaf, 0);
  for (int i = 1; i < 64; ++i) page = txn.allocate(kArrayLeaf, 0);
  ASSERT_TRUE(page.has_value());
  page = txn.allocate(kArrayLeaf, 0);
  ASSERT_FALSE(page.has_value());
  EXPECT_EQ(page.error().code(), Code::kResourceExhausted);
  EXPECT_THAT(page.error().message(), HasSubstr("64 are dirty"));
  EXPECT_THAT(page.error().advice(), HasSubstr("memory_budget_bytes"));
  value_of(store.pager().spill());
  txn.renew();
  EXPECT_TRUE(txn.allocate(kArrayLeaf, 0).has_value());
}

TEST(Pager, PrivateCopiesStayWithinTheBudget) {
  Harness store({.access = PageAccess::kPrivate, .memory_budget_bytes = 64 * 4096});
  ArrayModel model;
  for (std::uint32_t i = 0; i < 300; ++i) {
    store.set(i, i + 1);
    model[i] = i + 1;
    if (store.pager().should_spill()) {
      store.checkpoint();
    }
  }
  store.checkpoint();
  store.reopen();
  Random random(3);
  for (int i = 0; i < 5000; ++i) {
    const auto index = static_cast<std::uint32_t>(random.below(300));
    ASSERT_EQ(value_of(store.array().get(index)), index + 1U);
    const PagerStats stats = store.pager().stats();
    ASSERT_LE(stats.cached_frames + stats.retired_frames, 64U);
  }
  EXPECT_GT(store.pager().stats().pages_verified, 300U);  // Some were evicted and came back.
}

// The store's page file with 64 frames, where those in `readers` read, whoever they are then.
std::unique_ptr<Pager> open_with_readers(Harness& store, PageAccess access,
                                         const std::vector<RegisteredReader>& readers) {
  store.close();
  PagerOptions options = small_options(access, std::uint64_t{64} * 4096);
  options.readers = [&readers](std::vector<RegisteredReader>& all) {
    all.insert(all.end(), readers.begin(), readers.end());
  };
  return value_of(open_pager(store.directory(), options));
}

TEST(Pager, KeepsFramesThatAReaderMayLookAt) {
  std::vector<RegisteredReader> readers;
  Harness store({});
  const auto pager = open_with_readers(store, PageAccess::kPrivate, readers);
  PageTxn txn = value_of(PageTxn::begin(*pager, TxnId{1}));
  PageArray array(*pager, {});
  for (std::uint32_t i = 0; i < 40; ++i) value_of(array.set(txn, i, i + 1));
  txn.seal();
  readers = {{.epoch = pager->epoch(), .txn = TxnId{1}}};
  const std::byte* leaf = value_of(pager->read({value_of(array.pages())[1], 0}));
  const std::vector<std::byte> seen(leaf, leaf + 4096);
  value_of(
      pager->checkpoint({.txn = TxnId{1}, .root = array.root().id, .apply_version = 0, .log = {}}));
  EXPECT_EQ(pager->stats().retired_frames, 41U);
  PageTxn next = value_of(PageTxn::begin(*pager, TxnId{2}));
  while (next.allocate(kArrayLeaf, 0)) {
  }
  EXPECT_TRUE(std::equal(seen.begin(), seen.end(), leaf));  // Nobody took it.
  readers.clear();
  EXPECT_TRUE(next.allocate(kArrayLeaf, 0).has_value());
}

// Pages that a reader was handed out, and copies of their bytes.
class HeldPages {
 public:
  HeldPages(Pager& pager, const PageArray& array) {
    for (const PageId id : value_of(array.pages())) {
      const std::byte* page = value_of(pager.read({id, 0}));
      pages_.emplace_back(page, std::vector<std::byte>(page, page + pager.page_size()));
    }
  }

  std::size_t count() const { return pages_.size(); }

  bool unchanged() const {
    return std::ranges::all_of(pages_, [](const auto& held) {
      return std::equal(held.second.begin(), held.second.end(), held.first);
    });
  }

 private:
  std::vector<std::pair<const std::byte*, std::vector<std::byte>>> pages_;
};

// Two readers stay, the second of a newer state than the first, while the writer fills the frames
// many times over. Each keeps the frames that it may see, and no others.
TEST(Pager, AReaderThatStaysHoldsNoFramesOfPagesBornLater) {
  constexpr std::uint32_t kLeaves = 12;
  std::vector<RegisteredReader> readers;
  Harness store({});
  const auto pager = open_with_readers(store, PageAccess::kMapped, readers);
  PageArray array(*pager, {});
  std::vector<TxnId> pins;
  std::vector<HeldPages> held;
  std::vector<PageArray> held_arrays;
  std::uint64_t pages_made = 0;
  for (std::uint64_t txn = 1; txn <= 300; ++txn) {
    PageTxn writing = value_of(PageTxn::begin(*pager, TxnId{txn}));
    for (std::uint32_t i = 0; i < kLeaves; ++i) value_of(array.set(writing, i, 100 * txn + i));
    pages_made += kLeaves + 1;
    writing.seal();
    if (txn == 1 || txn == 150) {  // Before its checkpoint, so that all its pages lie in frames.
      readers.push_back({.epoch = pager->epoch(), .txn = TxnId{txn}});
      pins.push_back(TxnId{txn});
      held.emplace_back(*pager, array);
      held_arrays.push_back(array);
    }
    const auto written = value_of(pager->checkpoint(
        {.txn = TxnId{txn}, .root = array.root().id, .apply_version = 0, .log = {}}));
    array = PageArray(*pager, written.meta.root);
    std::vector<TxnId> all_pins = pins;
    all_pins.push_back(TxnId{txn});
    pager->reclaim(all_pins);
    for (const HeldPages& pages : held) ASSERT_TRUE(pages.unchanged()) << "after txn " << txn;
    ASSERT_GE(pager->stats().retired_frames, held.size() * (kLeaves + 1)) << "after txn " << txn;
  }
  EXPECT_GT(pages_made, 50 * pager->stats().frames);
  EXPECT_EQ(value_of(held_arrays[0].get(3)), 103U);
  EXPECT_EQ(value_of(held_arrays[1].get(3)), 15003U);
  readers.clear();
  pager->reclaim(std::vector<TxnId>{TxnId{300}});
  EXPECT_EQ(pager->stats().retired_frames, 0U);
}

// Any reader may have asked for one, so an old reader holds all that are evicted.
TEST(Pager, AReaderThatStaysHoldsPrivateCopiesWhateverItsState) {
  Harness store({});
  for (std::uint32_t i = 0; i < 100; ++i) store.set(i, i + 1);
  store.checkpoint();
  const Meta meta = store.pager().checkpointed();
  std::vector<RegisteredReader> readers;
  const auto pager = open_with_readers(store, PageAccess::kPrivate, readers);
  readers = {{.epoch = pager->epoch(), .txn = meta.txn}};
  const PageRef root = meta.root;
  const std::byte* page = value_of(pager->read(root));
  const std::vector<std::byte> seen(page, page + 4096);
  Result<const std::byte*> leaf = page;
  for (std::uint32_t i = 0; leaf && i < 100; ++i) leaf = pager->read(array_entry(page, i));
  ASSERT_FALSE(leaf.has_value());
  EXPECT_EQ(leaf.error().code(), Code::kResourceExhausted);
  EXPECT_TRUE(std::equal(seen.begin(), seen.end(), page));
}

// What the open transaction reads of its own pages is younger than all that readers may see.
TEST(Pager, TheOpenTransactionHoldsPagesOfItsOwnThatWereSpilled) {
  std::vector<RegisteredReader> readers;
  Harness store({});
  const auto pager = open_with_readers(store, PageAccess::kMapped, readers);
  readers = {{.epoch = pager->epoch(), .txn = TxnId{0}}};
  PageTxn txn = value_of(PageTxn::begin(*pager, TxnId{1}));
  PageArray array(*pager, {});
  for (std::uint32_t i = 0; i < 40; ++i) value_of(array.set(txn, i, i + 1));
  const HeldPages held(*pager, array);
  ASSERT_GT(value_of(pager->spill()), 20U);
  while (txn.allocate(kArrayLeaf, 0)) {
  }
  EXPECT_TRUE(held.unchanged());
  txn.renew();
  EXPECT_TRUE(txn.allocate(kArrayLeaf, 0).has_value());
}

TEST(Pager, EvictsAheadSoThatARegisteredReaderFindsFrames) {
  Harness store({.memory_budget_bytes = std::uint64_t{4} << 20U});
  for (std::uint32_t i = 0; i < 300; ++i) store.set(i, i + 1);
  store.checkpoint();
  const Meta meta = store.pager().checkpointed();
  // One reader that registers anew for each value, as a point read does, with 64 frames for 301
  // pages. What it evicts itself is not free before it is done.
  std::vector<RegisteredReader> readers;
  const auto pager = open_with_readers(store, PageAccess::kPrivate, readers);
  const PageArray array(*pager, meta.root);
  Random random(9);
  for (int i = 0; i < 3000; ++i) {
    readers = {{.epoch = pager->epoch(), .txn = meta.txn}};
    const auto index = static_cast<std::uint32_t>(random.below(300));
    ASSERT_EQ(value_of(array.get(index)), index + 1U) << i;
  }
  const PagerStats stats = pager->stats();
  EXPECT_GT(stats.cached_frames, 40U);  // It is a cache all the same.
  EXPECT_LT(stats.pages_verified, 3000U);
}

// Runs something when a page's references are looked at for the second time since it was armed:
// spill() chooses pages under the pager's lock, and computes their checksums without it.
class LayoutThatInterrupts final : public PageLayout {
 public:
  void child_slots(Bytes page, std::vector<ChildSlot>& slots) const override {
    testing::array_layout().child_slots(page, slots);
    if (interrupt_ && !seen_.insert(read_header(page.data()).id).second) {
      std::exchange(interrupt_, nullptr)();
    }
  }

  void arm(std::function<void()> interrupt) { interrupt_ = std::move(interrupt); }
  bool armed() const { return interrupt_ != nullptr; }

 private:
  mutable std::function<void()> interrupt_;
  mutable std::set<PageId> seen_;
};

TEST(Pager, ReclaimingDuringASpillLeavesTheFramesThatAreBeingWritten) {
  Harness store({});
  store.close();
  LayoutThatInterrupts layout;
  PagerOptions options = small_options(PageAccess::kMapped, 64 * 4096);
  options.layout = &layout;
  const auto pager = value_of(open_pager(store.directory(), options));
  PageArray array(*pager, {});
  for (std::uint64_t txn = 1; txn <= 31; ++txn) {  // Each makes a leaf and a root.
    PageTxn writing = value_of(PageTxn::begin(*pager, TxnId{txn}));
    value_of(array.set(writing, static_cast<std::uint32_t>(txn % 10), txn));
    writing.seal();
  }
  const PagerStats before = pager->stats();
  ASSERT_EQ(before.dirty_frames, 62U);
  ASSERT_EQ(before.dead_pages, 30U + 21U);
  layout.arm([&] { pager->reclaim(std::vector<TxnId>{TxnId{31}}); });
  const std::uint64_t spilled = value_of(pager->spill());
  ASSERT_FALSE(layout.armed());
  const PagerStats after = pager->stats();
  EXPECT_EQ(after.dirty_frames + spilled, before.dirty_frames);
  EXPECT_EQ(after.dead_pages, before.dead_pages);
  pager->reclaim(std::vector<TxnId>{TxnId{31}});
  EXPECT_EQ(pager->stats().dead_pages, 0U);
  // Every other frame goes to one page, and to one only.
  const std::uint64_t dirty = pager->stats().dirty_frames;
  PageTxn filling = value_of(PageTxn::begin(*pager, TxnId{32}));
  std::set<const std::byte*> frames;
  for (Result<NewPage> page = filling.allocate(kArrayLeaf, 0); page;
       page = filling.allocate(kArrayLeaf, 0)) {
    EXPECT_TRUE(frames.insert(page->bytes.data()).second);
  }
  EXPECT_EQ(frames.size(), 64 - dirty);
}

TEST(Pager, GrowsInStepsAndStopsAtItsAddressSpace) {
  Harness store({});
  store.close();
  PagerOptions options = small_options(PageAccess::kMapped, 1024 * 4096);
  options.address_space_bytes = std::uint64_t{1} << 20U;  // 256 pages.
  const auto pager = value_of(open_pager(store.directory(), options));
  PageTxn txn = value_of(PageTxn::begin(*pager, TxnId{1}));
  Result<NewPage> page = txn.allocate(kArrayLeaf, 0);
  int count = 0;
  for (; page; ++count) page = txn.allocate(kArrayLeaf, 0);
  EXPECT_EQ(page.error().code(), Code::kResourceExhausted);
  EXPECT_THAT(page.error().advice(), HasSubstr("address_space_bytes"));
  EXPECT_EQ(count, 256 - 32 - static_cast<int>(kEmergencyPages));
}

TEST(Pager, KeepsAReserveForDeletesOnAFullDisk) {
  Harness store({});
  for (std::uint32_t i = 0; i < 100; ++i) store.set(i, i + 1);
  store.checkpoint();
  const std::uint64_t size = store.machine().image(kPagesPath)->cached().size();
  store.machine().set_capacity({.bytes = size + 4096});
  PageTxn txn = value_of(PageTxn::begin(store.pager(), TxnId{101}));
  Result<NewPage> page = txn.allocate(kArrayLeaf, 0);
  while (page) page = txn.allocate(kArrayLeaf, 0);
  EXPECT_EQ(page.error().code(), Code::kOutOfSpace);
  txn.roll_back();
  EXPECT_EQ(store.pager().reserve(1000).error().code(), Code::kOutOfSpace);
  // Fill up what is left, then delete.
  PageArray array = store.array();
  PageTxn fill = value_of(PageTxn::begin(store.pager(), TxnId{101}));
  std::uint32_t index = 100;
  while (array.set(fill, index, 5)) ++index;
  fill.seal();
  PageTxn remove = value_of(PageTxn::begin(store.pager(), TxnId{102}));
  remove.set_space(AllocationUse::kEmergency);
  for (std::uint32_t i = 0; i < index; ++i) value_of(array.set(remove, i, 0));
  remove.seal();
  CheckpointRequest request{
      .txn = TxnId{102}, .root = array.root().id, .apply_version = 0, .log = {}};
  value_of(store.pager().checkpoint(request));
  store.reopen();
  EXPECT_EQ(store.contents(), (ArrayModel{}));
  store.set(1, 1);  // Space is back.
  store.checkpoint();
}

TEST(Pager, RefusesToWriteWhenItWasOpenedToRead) {
  Harness store({});
  store.set(1, 10);
  store.checkpoint();
  store.close();
  PagerOptions options = small_options();
  options.read_only = true;
  const auto pager = value_of(open_pager(store.directory(), options));
  EXPECT_EQ(pager->checkpoint({}).error().code(), Code::kReadOnly);
  EXPECT_EQ(pager->spill().error().code(), Code::kReadOnly);
  EXPECT_EQ(pager->reserve(1).error().code(), Code::kReadOnly);
}

}  // namespace
}  // namespace caisson::pager

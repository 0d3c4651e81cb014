// Method: checkpoints on the simulated machine, whose trace shows each call in order.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "pager/open.h"
#include "pager/page_txn.h"
#include "pager/testing/audit.h"
#include "pager/testing/harness.h"

namespace caisson::pager {
namespace {

using io::Call;
using io::sim::FaultKind;
using io::sim::TracedCall;
using testing::ArrayModel;
using testing::Harness;
using ::testing::HasSubstr;
using testing::value_of;

CheckpointRequest request_for(Harness& store) {
  return {.txn = store.txn(), .root = store.array().root().id, .apply_version = 0, .log = {}};
}

TEST(Checkpoint, WritesPagesInOrderFlushesWritesTheMetaAndFlushes) {  // CKPT-1
  Harness store({});
  for (std::uint32_t i = 0; i < 40; ++i) store.set(i, i + 1);
  store.machine().record_trace(true);
  const CheckpointResult result = store.checkpoint();
  std::vector<TracedCall> calls;
  for (const TracedCall& call : store.machine().trace()) {
    if (call.call == Call::kWrite || call.call == Call::kSyncData || call.call == Call::kSyncAll) {
      calls.push_back(call);
    }
  }
  ASSERT_GE(calls.size(), 4U);
  const std::size_t writes = calls.size() - 3;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < writes; ++i) {
    EXPECT_EQ(calls[i].call, Call::kWrite);
    EXPECT_GE(calls[i].offset, kMetaAreaSize);
    EXPECT_TRUE(i == 0 || calls[i].offset > calls[i - 1].offset);
    bytes += calls[i].size;
  }
  EXPECT_EQ(bytes, result.pages_written * 4096);  // Each page once.
  EXPECT_EQ(calls[writes].call, Call::kSyncData);
  EXPECT_EQ(calls[writes + 1].call, Call::kWrite);
  EXPECT_EQ(calls[writes + 1].offset, meta_offset(result.meta.slot));
  EXPECT_EQ(calls[writes + 1].size, kMetaSize);
  EXPECT_EQ(calls[writes + 2].call, Call::kSyncData);
}

TEST(Checkpoint, TakesTurnsBetweenTheSlots) {  // CKPT-2
  Harness store({});
  MetaSlot last = store.pager().checkpointed().slot;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    store.set(1, i);
    const Meta meta = store.checkpoint().meta;
    EXPECT_EQ(meta.slot, other(last));
    last = meta.slot;
    if (i == 3) store.reopen();
  }
}

TEST(Checkpoint, OverwritesTheDamagedMetaAndNotTheWholeOne) {  // CKPT-2
  Harness store({});
  store.set(1, 1);
  const Meta meta = store.checkpoint().meta;
  store.close();
  store.machine().image(testing::kPagesPath)->flip_bit(meta_offset(other(meta.slot)) + 50, 0);
  store.open();
  store.set(1, 2);
  EXPECT_EQ(store.checkpoint().meta.slot, other(meta.slot));
}

TEST(Checkpoint, NumbersGoOnFromTheHighestMetaThatIsWhole) {
  Harness store({});
  store.set(1, 1);
  const Meta first = store.checkpoint().meta;
  store.set(1, 2);
  const Meta second = store.checkpoint().meta;
  store.close();
  // The newest names a root that is damaged, so the older one is opened.
  store.machine().image(testing::kPagesPath)->flip_bit(to_u64(second.root.id) * 4096 + 99, 0);
  store.open();
  EXPECT_EQ(store.pager().checkpointed(), first);
  store.set(1, 3);
  const Meta third = store.checkpoint().meta;
  EXPECT_EQ(third.sequence, second.sequence + 1);
  EXPECT_EQ(third.slot, second.slot);
  store.reopen();
  EXPECT_EQ(store.contents(), (ArrayModel{{1, 3}}));
}

TEST(Checkpoint, AfterEachOneTheLossOfTheNewestMetaCostsNothing) {  // CKPT-3
  Harness store({});
  ArrayModel before;
  for (std::uint32_t round = 0; round < 30; ++round) {
    store.set_all({{round % 7, round + 1}, {round % 5 + 10, round + 2}});
    const Meta meta = store.checkpoint().meta;
    const ArrayModel now = store.contents();
    const auto damaged = store.machine().clone(round);
    damaged->image(testing::kPagesPath)->flip_bit(meta_offset(meta.slot) + 20, 2);
    const auto directory = value_of(damaged->vfs().open_directory(testing::kStorePath));
    const testing::Audit found = testing::audit(*directory);
    EXPECT_EQ(found.problem, "");
    const auto& older = found.checkpoints[static_cast<std::size_t>(other(meta.slot))];
    EXPECT_TRUE(older.offered) << older.reason;
    EXPECT_EQ(older.contents, before);
    before = now;
  }
}

TEST(Checkpoint, ANewerCheckpointThatWasGivenUpNeverComesBack) {  // CKPT-7
  Harness store({});
  for (std::uint32_t i = 0; i < 8; ++i) store.set(i, 10);
  const Meta older = store.checkpoint().meta;
  for (std::uint32_t i = 0; i < 8; ++i) store.set(i, 20);
  const Meta newer = store.checkpoint().meta;
  store.close();
  const auto open_older = [&older](io::sim::Machine& machine) -> Result<std::unique_ptr<Pager>> {
    CAISSON_ASSIGN_OR_RETURN(const auto directory,
                             machine.vfs().open_directory(testing::kStorePath));
    CAISSON_ASSIGN_OR_RETURN(OpenAttempt attempt,
                             OpenAttempt::begin(*directory, testing::small_options()));
    return open_pager(std::move(attempt), older.slot);
  };
  const auto write_and_checkpoint = [&](Pager& pager) -> Result<void> {
    CAISSON_ASSIGN_OR_RETURN(PageTxn txn, PageTxn::begin(pager, TxnId{to_u64(older.txn) + 1}));
    testing::PageArray array(pager, older.root);
    for (std::uint32_t i = 0; i < 8; ++i) CAISSON_RETURN_IF_ERROR(array.set(txn, i, 30));
    txn.seal();
    CAISSON_RETURN_IF_ERROR(pager.checkpoint({.txn = TxnId{to_u64(older.txn) + 1},
                                              .root = array.root().id,
                                              .apply_version = 0,
                                              .log = {}}));
    return {};
  };
  // Opening alone gives nothing up.
  value_of(open_older(store.machine())).reset();
  store.open();
  EXPECT_EQ(store.pager().checkpointed(), newer);
  store.close();
  // A power cut at each call of going back and going on.
  std::set<std::uint64_t> seen;
  for (std::uint64_t call = 0;; ++call) {
    const auto machine = store.machine().clone(call);
    machine->inject({call, FaultKind::kPowerCut, false});
    if (auto pager = open_older(*machine)) (void)write_and_checkpoint(**pager);
    const bool finished = !machine->down();
    machine->clear_faults();
    machine->cut_power(io::sim::CrashMode::kTorn);
    const auto directory = value_of(machine->vfs().open_directory(testing::kStorePath));
    const auto pager = value_of(open_pager(*directory, testing::small_options()));
    const Meta meta = pager->checkpointed();
    const ArrayModel contents = value_of(testing::PageArray(*pager, meta.root).read_all());
    ASSERT_EQ(contents.size(), 8U) << machine->describe();
    seen.insert(contents.at(0));
    for (const auto& [index, value] : contents) ASSERT_EQ(value, contents.at(0));
    if (finished) {
      EXPECT_EQ(contents.at(0), 30U);
      break;
    }
  }
  EXPECT_EQ(seen, (std::set<std::uint64_t>{10, 20, 30}));
}

TEST(Checkpoint, HoldsWhatTheCallerSaysOfTheLog) {
  Harness store({});
  store.set(1, 1);
  CheckpointRequest request = request_for(store);
  request.apply_version = 3;
  request.log = {.file = 7,
                 .offset = 8192,
                 .epoch = 0x1234,
                 .record_checksum = 99,
                 .hash = {.low = 11, .high = 12}};
  value_of(store.pager().checkpoint(request));
  store.reopen();
  const Meta meta = store.pager().checkpointed();
  EXPECT_EQ(meta.log, request.log);
  EXPECT_EQ(meta.apply_version, 3U);
}

TEST(Checkpoint, LetsTheWriterGoOnBehindIt) {
  Harness store({});
  store.set(1, 10);
  const CheckpointRequest request = request_for(store);
  const ArrayModel at_request = store.contents();
  // Later transactions are sealed, and one is open, before the checkpoint is taken.
  store.pin(store.txn());
  store.set(1, 11);
  store.set(2, 22);
  store.reclaim();
  PageTxn open_txn = value_of(PageTxn::begin(store.pager(), TxnId{4}));
  testing::PageArray later = store.array();
  value_of(later.set(open_txn, 3, 33));
  const Meta meta = value_of(store.pager().checkpoint(request)).meta;
  EXPECT_EQ(to_u64(meta.txn), 1U);
  open_txn.seal();
  EXPECT_EQ(value_of(later.read_all()), (ArrayModel{{1, 11}, {2, 22}, {3, 33}}));
  store.reopen();
  EXPECT_EQ(store.contents(), at_request);
  const testing::Audit found = testing::audit(store.directory());
  EXPECT_EQ(found.problem, "");
}

TEST(Checkpoint, RefusesToGoBackOrToChangeAState) {  // CKPT-6
  Harness store({});
  store.set(1, 1);
  const CheckpointRequest old_request = request_for(store);
  store.set(1, 2);
  store.checkpoint();
  EXPECT_EQ(store.pager().checkpoint(old_request).error().code(), Code::kInvalidArgument);
  CheckpointRequest other_root = request_for(store);
  other_root.root = PageId{};
  EXPECT_EQ(store.pager().checkpoint(other_root).error().rule(), "CKPT-6");
  CheckpointRequest future = request_for(store);
  future.txn = TxnId{99};
  EXPECT_EQ(store.pager().checkpoint(future).error().code(), Code::kInvalidArgument);
  value_of(store.pager().checkpoint(request_for(store)));  // The same again is fine.
  store.reopen();
  EXPECT_EQ(store.contents(), (ArrayModel{{1, 2}}));
}

TEST(Checkpoint, RefusesARootThatIsNotOneOfItsTxn) {  // CKPT-6
  Harness store({});
  store.set(1, 1);
  const TxnId first = store.txn();
  const PageId first_root = store.array().root().id;
  store.pin(first);
  store.set(1, 2);
  CheckpointRequest mixed{
      .txn = first, .root = store.array().root().id, .apply_version = 0, .log = {}};
  EXPECT_THAT(store.pager().checkpoint(mixed).error().message(), HasSubstr("the root"));
  mixed = {.txn = store.txn(), .root = first_root, .apply_version = 0, .log = {}};
  const auto refused = store.pager().checkpoint(mixed);
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
  EXPECT_THAT(refused.error().message(), HasSubstr("the root"));
  EXPECT_FALSE(store.pager().poisoned().has_value());
  store.checkpoint();
  store.reopen();
  EXPECT_EQ(store.contents(), (ArrayModel{{1, 2}}));
}

TEST(Checkpoint, RefusesATxnThatNobodyPinned) {  // ALLOC-5
  Harness store({});
  store.set(1, 1);
  const CheckpointRequest late = request_for(store);
  store.set(1, 2);
  store.reclaim();  // Pages of the first may have been reused from here on.
  const auto refused = store.pager().checkpoint(late);
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
  EXPECT_THAT(refused.error().message(), HasSubstr("was not pinned"));
}

TEST(Checkpoint, RefusesToWriteDownAPageThatWasFreedTwice) {  // ALLOC-2
  Harness store({});
  for (std::uint32_t i = 0; i < 5; ++i) store.set(i, i + 1);
  store.checkpoint();
  const PageId leaf = value_of(store.array().pages())[2];
  const TxnId birth = read_header(value_of(store.pager().read({leaf, 1}))).txn;
  PageTxn txn = value_of(PageTxn::begin(store.pager(), TxnId{6}));
  txn.free(leaf, birth);
  txn.free(leaf, birth);
  txn.seal();
  const auto refused = store.pager().checkpoint(
      {.txn = TxnId{6}, .root = store.array().root().id, .apply_version = 0, .log = {}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
  store.reopen();
  EXPECT_EQ(store.contents().size(), 5U);
}

// A process grew the file, its flush failed, and the length was lost with it, but for the cache.
// The next process used those pages, and freed the last ones again before its checkpoint: nothing
// wrote them, and after a power cut the file was shorter than the meta said.
TEST(Checkpoint, KeepsTheLengthThatAFailedFlushHasLost) {  // CKPT-9
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {       // What a failed flush loses is chance.
    Harness store({.seed = seed});
    // Sets the first `count` values, and takes the pages of more than those for a moment.
    const auto fill = [&store](std::uint32_t count, std::uint64_t value) {
      std::vector<std::pair<std::uint32_t, std::uint64_t>> changes;
      for (std::uint32_t i = 0; i < 60; ++i) changes.emplace_back(i, value);
      for (std::uint32_t i = count; i < 60; ++i) changes.emplace_back(i, 0);
      store.set_all(changes);
    };
    fill(60, 1);
    store.machine().inject(
        {.call = store.machine().calls(), .kind = FaultKind::kSyncDrops, .forever = true});
    ASSERT_EQ(store.pager().checkpoint(request_for(store)).error().code(),
              Code::kDurabilityUnknown);
    store.close();
    store.machine().kill();
    store.machine().clear_faults();
    store.open();
    fill(20, 2);
    store.checkpoint();
    store.close();
    store.machine().cut_power(io::sim::CrashMode::kNothing);
    store.open();
    EXPECT_EQ(store.contents().size(), 20U);
  }
}

TEST(Checkpoint, LackOfSpaceChangesNothing) {  // CKPT-4
  Harness store({});
  store.set(1, 1);
  store.checkpoint();
  for (std::uint32_t i = 0; i < 60; ++i) store.set(i, i + 1);
  const ArrayModel contents = store.contents();
  // The file system refuses every write, as a copy-on-write one does when it is full.
  store.machine().inject({store.machine().calls(), FaultKind::kNoSpace, true});
  const auto failed = store.pager().checkpoint(request_for(store));
  EXPECT_EQ(failed.error().code(), Code::kOutOfSpace);
  EXPECT_FALSE(store.pager().poisoned().has_value());
  EXPECT_EQ(store.contents(), contents);
  store.machine().clear_faults();
  store.set(1, 500);  // Writing goes on without reopening.
  store.checkpoint();
  store.reopen();
  EXPECT_EQ(value_of(store.array().get(1)), 500U);
  EXPECT_EQ(testing::audit(store.directory()).problem, "");
}

TEST(Checkpoint, AFailedFlushPoisonsAndNothingIsWrittenAfterwards) {  // CKPT-4
  Harness store({});
  store.set(1, 1);
  store.checkpoint();
  store.set(1, 2);
  store.machine().inject({store.machine().calls(), FaultKind::kSyncDrops, true});
  const auto failed = store.pager().checkpoint(request_for(store));
  EXPECT_EQ(failed.error().code(), Code::kDurabilityUnknown);
  EXPECT_TRUE(store.pager().poisoned().has_value());
  EXPECT_TRUE(store.pager().stats().poisoned);
  store.machine().clear_faults();
  store.machine().record_trace(true);
  EXPECT_EQ(store.pager().checkpoint(request_for(store)).error().code(), Code::kPoisoned);
  EXPECT_EQ(PageTxn::begin(store.pager(), TxnId{9}).error().code(), Code::kPoisoned);
  EXPECT_EQ(store.pager().spill().error().code(), Code::kPoisoned);
  EXPECT_EQ(store.contents(), (ArrayModel{{1, 2}}));  // Reads of what was published go on.
  store.close();
  for (const TracedCall& call : store.machine().trace()) {
    EXPECT_NE(call.call, Call::kWrite);
    EXPECT_NE(call.call, Call::kSyncData);
  }
}

TEST(Checkpoint, ReusesThePagesOfBlobsThatNoMetaNames) {  // ALLOC-6
  Harness store({});
  store.set(1, 1);
  store.checkpoint();
  std::uint64_t page_count = 0;
  for (std::uint64_t i = 2; i < 40; ++i) {
    store.set(1, i);
    store.checkpoint();
    if (i == 6) page_count = store.pager().stats().page_count;
    if (i % 7 == 0) store.reopen();
  }
  EXPECT_LE(store.pager().stats().page_count, page_count + 2);
}

// Whoever follows a damaged tree may read a page of a blob; its private copy goes with the page.
TEST(Checkpoint, KeepsNoCopyOfABlobThatNoMetaNames) {  // ALLOC-6
  Harness store({.access = PageAccess::kPrivate, .memory_budget_bytes = 64 * 4096});
  std::set<PageId> seen;
  int again = 0;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    store.set(1, i);
    const PageRef blob = store.checkpoint().meta.allocation.first;
    if (blob.id == PageId{}) continue;
    // The one that the page had in an earlier life would be found in the table.
    ASSERT_EQ(stored_checksum(value_of(store.pager().read(blob))), blob.checksum) << i;
    if (!seen.insert(blob.id).second) ++again;
  }
  EXPECT_GT(again, 5);
  EXPECT_LE(store.pager().stats().cached_frames, 10U);
}

TEST(Checkpoint, SplitsALongAllocationBlobOverPages) {  // ALLOC-1
  Harness store({.memory_budget_bytes = std::uint64_t{64} << 20U});
  // Every second page of many dies, at many different transactions: as many runs.
  PageTxn make = value_of(PageTxn::begin(store.pager(), TxnId{1}));
  std::vector<PageId> pages;
  for (int i = 0; i < 6000; ++i) {
    pages.push_back(value_of(make.allocate(testing::kArrayLeaf, 0)).id);
  }
  make.seal();
  const CheckpointRequest none{.txn = TxnId{1}, .root = PageId{}, .apply_version = 0, .log = {}};
  value_of(store.pager().checkpoint(none));
  PageTxn kill = value_of(PageTxn::begin(store.pager(), TxnId{2}));
  for (std::size_t i = 0; i < pages.size(); i += 2) kill.free(pages[i], TxnId{1});
  kill.seal();
  const Meta meta =
      value_of(store.pager().checkpoint(
                   {.txn = TxnId{2}, .root = PageId{}, .apply_version = 0, .log = {}}))
          .meta;
  EXPECT_GT(meta.allocation.page_count, 2U);
  store.close();
  PagerOptions options = testing::small_options();
  options.read_only = true;
  const auto attempt = value_of(OpenAttempt::begin(store.directory(), options));
  const Candidate& candidate = attempt.candidate(meta.slot);
  ASSERT_TRUE(candidate.offered()) << candidate.reason->to_string();
  EXPECT_EQ(candidate.allocation.dead.size(), 3000U);
  EXPECT_EQ(candidate.blob_pages.size(), meta.allocation.page_count);
}

}  // namespace
}  // namespace caisson::pager

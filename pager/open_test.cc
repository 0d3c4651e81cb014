// Method: page files on the simulated machine, whole and damaged in one way at a time. What an
// opening that is refused must say, and that it leaves every byte as it was.

#include "pager/open.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <utility>

#include "base/codec.h"
#include "base/crc32c.h"
#include "pager/testing/audit.h"
#include "pager/testing/harness.h"

namespace caisson::pager {
namespace {

using io::sim::FileImage;
using io::sim::Machine;
using testing::ArrayModel;
using testing::Harness;
using ::testing::HasSubstr;
using testing::kPagesPath;
using testing::page_file_bytes;
using testing::small_options;
using testing::value_of;

// Both metas, and what lies between them.
constexpr std::uint64_t kMetasSize = meta_offset(MetaSlot::kB) + kMetaSize;

// A store with two checkpoints behind it: txn 1 in one slot, txn 2 in the other.
class Open : public ::testing::Test {
 protected:
  Open() : store_({}) {
    store_.set(1, 10);
    first_ = store_.checkpoint().meta;
    store_.set(1, 20);
    second_ = store_.checkpoint().meta;
    store_.close();
  }

  FileImage& image() { return *store_.machine().image(kPagesPath); }

  // Writes a meta as it would have to be, checksum and all, into its slot.
  void put_meta(const Meta& meta) { image().overwrite(meta_offset(meta.slot), encode_meta(meta)); }

  void destroy(MetaSlot slot) {
    const std::vector<std::byte> noise(64, std::byte{0xA5});
    image().overwrite(meta_offset(slot) + 100, noise);
  }

  // Opening fails like this, and changes nothing.
  Error refusal(const PagerOptions& options = small_options()) {
    const std::vector<std::byte> before = page_file_bytes(store_.machine());
    auto opened = open_pager(store_.directory(), options);
    EXPECT_FALSE(opened.has_value());
    EXPECT_EQ(page_file_bytes(store_.machine()), before) << "OPEN-2";
    return opened ? Error(Code::kInvalidArgument, "it opened") : opened.error();
  }

  // The number of the call by which the next opening reads that.
  std::uint64_t call_that_reads(std::uint64_t offset, std::uint64_t size) {
    store_.machine().record_trace(true);
    value_of(OpenAttempt::begin(store_.directory(), small_options()));
    std::uint64_t call = store_.machine().calls();
    for (const auto& traced : store_.machine().trace()) {
      if (traced.call == io::Call::kRead && traced.offset == offset && traced.size == size) break;
      ++call;
    }
    EXPECT_LT(call, store_.machine().calls() + store_.machine().trace().size());
    return call;
  }

  // The next opening can't read that.
  void fail_page(PageId id) {
    const std::uint64_t call = call_that_reads(to_u64(id) * 4096, 4096);
    store_.machine().inject({call, io::sim::FaultKind::kIoError, false});
  }
  void fail_meta(MetaSlot slot) {  // Neither with the other one nor alone.
    const std::uint64_t both = call_that_reads(0, kMetasSize);
    const std::uint64_t alone = both + (slot == MetaSlot::kA ? 1 : 2);
    store_.machine().inject({both, io::sim::FaultKind::kIoError, false});
    store_.machine().inject({alone, io::sim::FaultKind::kIoError, false});
  }

  Harness store_;
  Meta first_;
  Meta second_;
};

TEST_F(Open, OffersBothCheckpointsAndChoosesTheNewest) {
  auto attempt = value_of(OpenAttempt::begin(store_.directory(), small_options()));
  EXPECT_TRUE(attempt.candidate(MetaSlot::kA).offered());
  EXPECT_TRUE(attempt.candidate(MetaSlot::kB).offered());
  EXPECT_EQ(value_of(attempt.newest()), second_.slot);
}

TEST_F(Open, OpensTheOlderCheckpointWhenAskedTo) {
  auto attempt = value_of(OpenAttempt::begin(store_.directory(), small_options()));
  const auto pager = value_of(open_pager(std::move(attempt), first_.slot));
  EXPECT_EQ(pager->checkpointed(), first_);
  EXPECT_EQ(value_of(testing::PageArray(*pager, first_.root).read_all()), (ArrayModel{{1, 10}}));
}

TEST_F(Open, OffersTheOtherAndSaysWhyWhenOneMetaIsDamaged) {  // META-1
  destroy(second_.slot);
  auto attempt = value_of(OpenAttempt::begin(store_.directory(), small_options()));
  const Candidate& lost = attempt.candidate(second_.slot);
  ASSERT_FALSE(lost.offered());
  EXPECT_EQ(lost.reason->code(), Code::kCorruption);
  EXPECT_EQ(lost.reason->rule(), "META-1");
  EXPECT_EQ(lost.reason->offset(), meta_offset(second_.slot));
  EXPECT_EQ(value_of(attempt.newest()), first_.slot);
}

TEST_F(Open, NamesBothReasonsWhenNeitherCheckpointCanBeRead) {
  destroy(first_.slot);
  image().overwrite(meta_offset(second_.slot), std::vector<std::byte>(kMetaSize));
  const Error error = refusal();
  EXPECT_EQ(error.code(), Code::kCorruption);
  EXPECT_THAT(error.message(), HasSubstr("doesn't fit its checksum"));
  EXPECT_THAT(error.message(), HasSubstr("is all zeros"));
  EXPECT_NE(error.advice(), "");
}

TEST_F(Open, FallsBackWhenTheNewestRootIsDamaged) {  // PAGE-1
  image().flip_bit(to_u64(second_.root.id) * 4096 + 500, 3);
  auto attempt = value_of(OpenAttempt::begin(store_.directory(), small_options()));
  ASSERT_FALSE(attempt.candidate(second_.slot).offered());
  EXPECT_EQ(attempt.candidate(second_.slot).reason->page(), to_u64(second_.root.id));
  EXPECT_EQ(value_of(attempt.newest()), first_.slot);
}

TEST_F(Open, FallsBackWhenTheNewestAllocationBlobIsDamaged) {  // ALLOC-1
  ASSERT_NE(second_.allocation.first.id, PageId{});
  image().flip_bit(to_u64(second_.allocation.first.id) * 4096 + 90, 0);
  auto attempt = value_of(OpenAttempt::begin(store_.directory(), small_options()));
  EXPECT_FALSE(attempt.candidate(second_.slot).offered());
  EXPECT_EQ(value_of(attempt.newest()), first_.slot);
}

TEST_F(Open, LeavesADamagedMetaAsItIsUntilACheckpointWritesIt) {  // META-7
  destroy(second_.slot);
  const std::vector<std::byte> before = page_file_bytes(store_.machine());
  store_.open();
  EXPECT_EQ(page_file_bytes(store_.machine()), before);
  store_.set(2, 5);
  store_.checkpoint();
  store_.reopen();
  EXPECT_EQ(store_.contents(), (ArrayModel{{1, 10}, {2, 5}}));
}

TEST_F(Open, DoesNotGoBackBehindAMetaThatCouldNotBeReadThisTime) {
  fail_meta(second_.slot);
  EXPECT_EQ(refusal().code(), Code::kIoError);
  EXPECT_EQ(store_.machine().faults_hit(), 2U);
}

TEST_F(Open, GoesBackBehindNoCheckpointWhosePagesCouldNotBeRead) {
  for (const PageId id : {second_.root.id, second_.allocation.first.id}) {
    fail_page(id);
    EXPECT_EQ(refusal().code(), Code::kIoError);
  }
  EXPECT_EQ(store_.machine().faults_hit(), 2U);
}

// It can't be the newest; but it may be readable tomorrow, and is then to be whole.
TEST_F(Open, ProtectsAnOlderCheckpointWhosePagesCouldNotBeRead) {  // CKPT-8
  store_.open();
  store_.set(1, 30);  // So that the older of the two checkpoints has a blob.
  first_ = std::exchange(second_, store_.checkpoint().meta);
  store_.close();
  ASSERT_NE(first_.allocation.first.id, PageId{});
  for (const PageId id : {first_.root.id, first_.allocation.first.id}) {
    SCOPED_TRACE("page " + std::to_string(to_u64(id)));
    fail_page(id);
    auto attempt = value_of(OpenAttempt::begin(store_.directory(), small_options()));
    ASSERT_FALSE(attempt.candidate(first_.slot).offered());
    EXPECT_EQ(value_of(attempt.newest()), second_.slot);
    // Straight, and by choice.
    auto pager = value_of(open_pager(std::move(attempt), second_.slot));
    testing::PageArray array(*pager, second_.root);
    std::uint64_t txn = to_u64(second_.txn);
    for (int i = 0; i < 20; ++i) {
      PageTxn change = value_of(PageTxn::begin(*pager, TxnId{++txn}));
      for (std::uint32_t index = 0; index < 5; ++index) {
        value_of(array.set(change, index, txn * 100 + index));
      }
      change.seal();
      const std::array<TxnId, 1> pins = {TxnId{txn}};
      pager->reclaim(pins);
    }
    // The pages are written, and then nothing more.
    store_.machine().inject({store_.machine().calls(), io::sim::FaultKind::kSyncDrops, true});
    CheckpointRequest request;
    request.txn = TxnId{txn};
    request.root = array.root().id;
    EXPECT_FALSE(pager->checkpoint(request));
    EXPECT_TRUE(pager->poisoned());
    pager.reset();
    store_.machine().clear_faults();
    auto again = value_of(OpenAttempt::begin(store_.directory(), small_options()));
    for (const Meta& meta : {first_, second_}) {
      const auto& reason = again.candidate(meta.slot).reason;
      ASSERT_FALSE(reason.has_value()) << reason->to_string();
      EXPECT_EQ(again.candidate(meta.slot).meta, meta);
    }
    const auto older = value_of(open_pager(std::move(again), first_.slot));
    testing::PageArray seen(*older, first_.root);
    EXPECT_EQ(value_of(seen.read_all()), (ArrayModel{{1, 20}}));
  }
}

TEST_F(Open, FreesAnOlderCheckpointThatCouldNotBeReadWhenItIsOverwritten) {  // CKPT-8, ALLOC-7
  store_.open();
  store_.set(1, 30);
  first_ = std::exchange(second_, store_.checkpoint().meta);
  store_.close();
  fail_page(first_.allocation.first.id);
  store_.open();
  for (std::uint64_t value = 40; value < 43; ++value) {
    store_.set(1, value);
    store_.checkpoint();
    EXPECT_EQ(testing::audit(store_.directory()).problem, "");
  }
}

TEST_F(Open, RefusesWhatIsNoPageFile) {  // META-2
  for (const MetaSlot slot : {MetaSlot::kA, MetaSlot::kB}) {
    image().overwrite(meta_offset(slot), std::vector<std::byte>(8, std::byte{'x'}));
  }
  const Error error = refusal();
  EXPECT_EQ(error.code(), Code::kCorruption);
  EXPECT_THAT(error.message(), HasSubstr("not a Caisson page file"));
}

TEST_F(Open, RefusesANewerFormatEvenWhereTheOtherMetaIsReadable) {  // META-3
  MetaBlock block = encode_meta(second_);
  store_u32(block.data() + 12, 2);
  store_u32(block.data() + 8, 0);
  store_u32(block.data() + 8, crc32c(block));
  image().overwrite(meta_offset(second_.slot), block);
  const Error error = refusal();
  EXPECT_EQ(error.code(), Code::kUnsupportedVersion);
  EXPECT_EQ(error.rule(), "META-3");
  EXPECT_THAT(error.advice(), HasSubstr("version"));
}

TEST_F(Open, RefusesAMetaWrittenForTheOtherSlot) {  // META-4
  const MetaBlock block = encode_meta(first_);
  image().overwrite(meta_offset(second_.slot), block);
  auto attempt = value_of(OpenAttempt::begin(store_.directory(), small_options()));
  ASSERT_FALSE(attempt.candidate(second_.slot).offered());
  EXPECT_EQ(attempt.candidate(second_.slot).reason->rule(), "META-4");
}

TEST_F(Open, RefusesFieldsOutOfRange) {  // META-5
  const auto rule_for = [this](auto change) {
    Meta meta = second_;
    change(meta);
    put_meta(meta);
    auto attempt = value_of(OpenAttempt::begin(store_.directory(), small_options()));
    const Candidate& candidate = attempt.candidate(second_.slot);
    return candidate.reason ? candidate.reason->rule() : "offered";
  };
  EXPECT_EQ(rule_for([](Meta& meta) { meta.sequence = 0; }), "META-5");
  EXPECT_EQ(rule_for([](Meta& meta) { meta.page_size = 12288; }), "META-5");
  EXPECT_EQ(rule_for([](Meta& meta) { meta.page_size = 1U << 17U; }), "META-5");
  EXPECT_EQ(rule_for([](Meta& meta) { meta.page_count = 1; }), "META-5");
  EXPECT_EQ(rule_for([](Meta& meta) { meta.page_count = kPageCountMax + 1; }), "META-5");
  EXPECT_EQ(rule_for([](Meta& meta) { meta.root.id = PageId{3}; }), "META-5");
  EXPECT_EQ(rule_for([](Meta& meta) { meta.root.id = PageId{meta.page_count}; }), "META-5");
  EXPECT_EQ(rule_for([](Meta& meta) { meta.root.checksum = 0; }), "META-5");
  EXPECT_EQ(rule_for([](Meta& meta) { meta.allocation.size_bytes = 1U << 30U; }), "META-5");
  EXPECT_EQ(rule_for([](Meta& meta) { meta.allocation.page_count += 2; }), "META-5");
  EXPECT_EQ(rule_for([](Meta& meta) { meta.limits.key_size_max = 0; }), "META-5");
  EXPECT_EQ(rule_for([](Meta& meta) { meta.limits.key_size_max = 513; }), "META-5");
  EXPECT_EQ(rule_for([](Meta& meta) { meta.limits.tree_height_max = 64; }), "META-5");
}

TEST_F(Open, RefusesMetasThatContradictEachOther) {  // META-6
  Meta meta = first_;
  meta.sequence = second_.sequence;
  put_meta(meta);
  EXPECT_EQ(refusal().rule(), "META-6");
  meta = first_;
  meta.txn = TxnId{7};  // Later than the newer checkpoint's.
  put_meta(meta);
  EXPECT_EQ(refusal().rule(), "META-6");
  meta = first_;
  meta.limits.key_size_max -= 1;
  put_meta(meta);
  EXPECT_EQ(refusal().rule(), "META-6");
  meta = first_;
  meta.limits.value_size_max += 1;
  put_meta(meta);
  EXPECT_EQ(refusal().rule(), "META-6");
  meta = first_;
  meta.limits.tree_height_max += 1;
  put_meta(meta);
  EXPECT_EQ(refusal().rule(), "META-6");
}

TEST_F(Open, RefusesAFileOfAnotherStore) {
  PagerOptions options = small_options();
  options.expected_uuid = Uuid{};
  EXPECT_EQ(refusal(options).code(), Code::kWrongStore);
  Meta meta = first_;
  meta.uuid.bytes[0] ^= std::byte{1};
  put_meta(meta);
  EXPECT_EQ(refusal().code(), Code::kWrongStore);  // META-6: one meta each of two stores.
}

TEST_F(Open, RefusesAFileShorterThanItsMetaSays) {  // FILE-3
  image().resize(second_.page_count * 4096 - 1);
  auto attempt = value_of(OpenAttempt::begin(store_.directory(), small_options()));
  for (const MetaSlot slot : {first_.slot, second_.slot}) {
    if (attempt.candidate(slot).offered()) continue;
    EXPECT_EQ(attempt.candidate(slot).reason->rule(), "FILE-3");
  }
  EXPECT_FALSE(attempt.candidate(second_.slot).offered());
}

TEST_F(Open, RefusesAnEmptyFileAndOneCutOffInItsMetas) {
  image().resize(66'000);
  EXPECT_EQ(refusal().code(), Code::kCorruption);
  image().resize(0);
  EXPECT_EQ(refusal().code(), Code::kCorruption);
}

TEST_F(Open, TakesAnythingBehindTheLastPageForRoom) {
  image().resize(image().cached().size() + 12345);
  const std::vector<std::byte> garbage(1000, std::byte{0x77});
  image().overwrite(image().cached().size() - 1000, garbage);
  store_.open();
  EXPECT_EQ(store_.contents(), (ArrayModel{{1, 20}}));
}

TEST_F(Open, AllowsOneWriterAtATime) {  // FILE-5
  store_.open();
  auto second = open_pager(store_.directory(), small_options());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code(), Code::kBusy);
  EXPECT_NE(second.error().advice(), "");
  PagerOptions reading = small_options();
  reading.read_only = true;
  EXPECT_TRUE(open_pager(store_.directory(), reading).has_value());
  store_.close();
  EXPECT_TRUE(open_pager(store_.directory(), small_options()).has_value());
}

TEST(OpenBesideAWriter, FindsAWholeCheckpointWheneverTheWriterWritesOne) {  // OPEN-4
  std::uint64_t newest = 0;
  std::uint64_t before = 0;
  for (std::uint64_t at = 0;; ++at) {
    SCOPED_TRACE("call " + std::to_string(at));
    Harness store({});
    store.set(1, 10);
    store.checkpoint();
    store.set(1, 20);
    store.checkpoint();
    PagerOptions options = small_options();
    options.read_only = true;
    bool interleaved = false;
    store.machine().interleave(store.machine().calls() + at, [&] {
      interleaved = true;
      std::vector<std::pair<std::uint32_t, std::uint64_t>> many;
      for (std::uint32_t i = 0; i < 200; ++i) many.emplace_back(i, 30);
      store.set_all(many);  // The file has to grow for it.
      store.checkpoint();
    });
    const auto directory = value_of(store.machine().vfs().open_directory(testing::kStorePath));
    auto attempt = value_of(OpenAttempt::begin(*directory, options));
    if (!interleaved) break;
    for (const MetaSlot slot : {MetaSlot::kA, MetaSlot::kB}) {
      const auto& reason = attempt.candidate(slot).reason;
      EXPECT_FALSE(reason.has_value()) << reason->to_string();
    }
    const MetaSlot slot = value_of(attempt.newest());
    const auto pager = value_of(open_pager(std::move(attempt), slot));
    testing::PageArray array(*pager, pager->checkpointed().root);
    const ArrayModel seen = value_of(array.read_all());
    seen.size() == 200 ? ++newest : ++before;
    if (seen.size() != 200) {
      EXPECT_EQ(seen, (ArrayModel{{1, 20}}));
    }
  }
  EXPECT_GE(newest, 3U);
  EXPECT_GE(before, 3U);
}

TEST_F(Open, ReadsAReadOnlyFileSystemAndRefusesToWriteThere) {
  store_.machine().set_read_only(true);
  EXPECT_EQ(refusal().code(), Code::kReadOnly);
  PagerOptions reading = small_options();
  reading.read_only = true;
  const auto pager = value_of(open_pager(store_.directory(), reading));
  EXPECT_EQ(pager->checkpoint({}).error().code(), Code::kReadOnly);
}

TEST_F(Open, RefusesToWriteOnANetworkFileSystemUnlessTold) {
  store_.machine().set_file_system(io::FileSystemKind::kNetwork);
  EXPECT_EQ(refusal().code(), Code::kUnsupported);
  PagerOptions options = small_options();
  options.allow_network_file_system = true;
  auto pager = value_of(open_pager(store_.directory(), options));
  EXPECT_FALSE(pager->stats().mapped);
  pager.reset();
  options.allow_network_file_system = false;
  options.read_only = true;
  EXPECT_FALSE(value_of(open_pager(store_.directory(), options))->stats().mapped);
}

TEST_F(Open, SaysThatAFileIsTooLargeForTheAddressesReserved) {
  PagerOptions options = small_options();
  options.address_space_bytes = std::uint64_t{1} << 20U;
  store_.open();
  for (std::uint32_t i = 0; i < 300; ++i) store_.set(i, i + 1);
  store_.checkpoint();
  store_.close();
  const Error error = refusal(options);
  EXPECT_EQ(error.code(), Code::kResourceExhausted);
  EXPECT_THAT(error.advice(), HasSubstr("address_space_bytes"));
}

TEST_F(Open, HandsOutNoPageBeyondTheAddressesReservedHoweverLongTheFileIs) {
  image().resize(2 * 256 * 4096);
  PagerOptions options = small_options();
  options.address_space_bytes = std::uint64_t{1} << 20U;  // 256 pages.
  const auto pager = value_of(open_pager(store_.directory(), options));
  PageTxn txn = value_of(PageTxn::begin(*pager, TxnId{3}));
  Result<NewPage> page = txn.allocate(testing::kArrayLeaf, 0);
  while (page) {
    ASSERT_LT(to_u64(page->id), 256U);
    page = txn.allocate(testing::kArrayLeaf, 0);
  }
  EXPECT_EQ(page.error().code(), Code::kResourceExhausted);
}

TEST_F(Open, DoesNotWriteBehindAMetaThatCouldNotBeRead) {  // CKPT-7
  fail_meta(second_.slot);
  auto attempt = value_of(OpenAttempt::begin(store_.directory(), small_options()));
  ASSERT_TRUE(attempt.candidate(first_.slot).offered());
  const auto opened = open_pager(std::move(attempt), first_.slot);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), Code::kIoError);
}

TEST_F(Open, GivesUpAMetaThatCouldNotBeReadWhereTheLogSaysSo) {  // CKPT-7
  fail_meta(second_.slot);
  auto attempt = value_of(OpenAttempt::begin(store_.directory(), small_options()));
  auto pager = value_of(open_pager(std::move(attempt), first_.slot, UnreadMeta::kGiveUp));
  // OPEN-2: not before the first change.
  EXPECT_TRUE(
      decode_meta(second_.slot, image().cached().subspan(meta_offset(second_.slot), kMetaSize)));
  PageTxn txn = value_of(PageTxn::begin(*pager, TxnId{2}));
  // Durable, and before anything else is written.
  store_.machine().cut_power(io::sim::CrashMode::kNothing);
  txn.seal();
  pager.reset();
  EXPECT_TRUE(all_zero(image().durable().subspan(meta_offset(second_.slot), kMetaSize)));
  store_.open();
  EXPECT_EQ(store_.contents(), (ArrayModel{{1, 10}}));
  store_.set(1, 50);
  store_.checkpoint();
  store_.reopen();
  EXPECT_EQ(store_.contents(), (ArrayModel{{1, 50}}));
}

// The meta that should have replaced an old one was lost on its way to the disk. What is left there
// is whole, but its pages are nobody's any more; the newest checkpoint is the one to open.
TEST(OpenAttempt, DoesNotTakeAMetaFromLongAgoForTheOneBefore) {  // ALLOC-6
  testing::Harness store({});
  store.set(1, 1);
  store.checkpoint();
  store.pin(store.txn());  // Its pages stay as they are, so that nothing else is wrong with it.
  const MetaSlot slot = store.pager().checkpointed().slot;
  const Bytes file = store.machine().image(testing::kPagesPath)->cached();
  const Bytes block = file.subspan(meta_offset(slot), kMetaSize);
  const std::vector<std::byte> long_ago(block.begin(), block.end());
  for (std::uint64_t value = 2; value <= 5; ++value) {  // Twice over both slots.
    store.set(1, value);
    store.set(static_cast<std::uint32_t>(value), value);
    store.checkpoint();
  }
  store.set(9, 9);
  store.checkpoint();  // In the other slot.
  ASSERT_NE(store.pager().checkpointed().slot, slot);
  store.close();
  {
    const auto pages =
        value_of(store.directory().open_file(kPageFileName, {io::OpenMode::kReadWrite, false}));
    value_of(pages->write(meta_offset(slot), long_ago));
    value_of(pages->sync_all());
  }
  {
    const auto attempt = value_of(OpenAttempt::begin(store.directory(), testing::small_options()));
    EXPECT_EQ(attempt.candidate(slot).reason->rule(), "ALLOC-6");
    EXPECT_TRUE(attempt.candidate(other(slot)).offered());
  }
  store.open();
  EXPECT_EQ(store.contents().at(9), 9U);
  store.set(10, 10);
  store.checkpoint();
  store.reopen();
  EXPECT_EQ(store.contents().at(10), 10U);
}

TEST_F(Open, WantsMemoryForSixtyFourPages) {
  PagerOptions options = small_options();
  options.memory_budget_bytes = 64 * 4096 - 1;
  EXPECT_EQ(refusal(options).code(), Code::kInvalidArgument);
  Harness large({.page_size = 65536});
  large.close();
  options.memory_budget_bytes = 63 * 65536;
  EXPECT_EQ(open_pager(large.directory(), options).error().code(), Code::kInvalidArgument);
}

TEST_F(Open, RefusesOptionsOutOfRange) {
  PagerOptions options = small_options();
  options.memory_budget_bytes = 1;
  EXPECT_EQ(refusal(options).code(), Code::kInvalidArgument);
}

TEST_F(Open, WithoutDirectAccessItDropsTheCacheInstead) {  // OPEN-1
  store_.machine().set_direct_supported(false);
  store_.machine().record_trace(true);
  store_.open();
  EXPECT_EQ(store_.contents(), (ArrayModel{{1, 20}}));
  const auto trace = store_.machine().trace();
  EXPECT_TRUE(std::ranges::any_of(
      trace, [](const auto& traced) { return traced.call == io::Call::kAdvise; }));
}

TEST_F(Open, DropsTheCacheWhereDirectAccessIsRefusedOnlyWhenItIsUsed) {  // OPEN-1
  store_.machine().set_direct_alignment(65536);  // Larger sectors than a meta.
  store_.machine().record_trace(true);
  store_.open();
  EXPECT_EQ(store_.contents(), (ArrayModel{{1, 20}}));
  const auto trace = store_.machine().trace();
  const auto dropped = std::ranges::find(trace, io::Call::kAdvise, &io::sim::TracedCall::call);
  ASSERT_NE(dropped, trace.end());
  EXPECT_EQ(std::ranges::count_if(dropped, trace.end(),
                                  [](const auto& traced) {
                                    return traced.call == io::Call::kRead &&
                                           traced.size == kMetasSize && traced.offset == 0;
                                  }),
            1);
}

TEST_F(Open, ReadsAMetaWhoseFirstReadFailed) {
  const std::uint64_t both = call_that_reads(0, kMetasSize);
  store_.machine().inject({both, io::sim::FaultKind::kIoError, false});
  const auto attempt = value_of(OpenAttempt::begin(store_.directory(), small_options()));
  EXPECT_EQ(store_.machine().faults_hit(), 1U);
  EXPECT_TRUE(attempt.candidate(first_.slot).offered());
  EXPECT_TRUE(attempt.candidate(second_.slot).offered());
}

// OPEN-1: what is acknowledged lies on a file that was flushed, whoever wrote it.
TEST_F(Open, FlushesBeforeTheFirstChangeWhereItDidNotBefore) {
  store_.machine().record_trace(true);
  const auto flushes = [this] {
    return std::ranges::count_if(store_.machine().trace(), [](const auto& traced) {
      return traced.call == io::Call::kSyncData || traced.call == io::Call::kSyncDirectory;
    });
  };
  auto attempt = value_of(OpenAttempt::begin(store_.directory(), small_options(),
                                             [this] { return store_.directory().sync(); }));
  const auto pager = value_of(open_pager(std::move(attempt), second_.slot));
  EXPECT_EQ(flushes(), 0);
  value_of(PageTxn::begin(*pager, TxnId{3})).seal();
  EXPECT_EQ(flushes(), 2);
  value_of(PageTxn::begin(*pager, TxnId{4})).seal();
  EXPECT_EQ(flushes(), 2);
}

TEST_F(Open, WritesNothingWhereThatFlushFails) {  // OPEN-1
  auto attempt = value_of(OpenAttempt::begin(store_.directory(), small_options(),
                                             [this] { return store_.directory().sync(); }));
  const auto pager = value_of(open_pager(std::move(attempt), second_.slot));
  store_.machine().inject({store_.machine().calls(), io::sim::FaultKind::kIoError, false});
  EXPECT_EQ(PageTxn::begin(*pager, TxnId{3}).error().code(), Code::kIoError);
  // Whether the disk has it, nobody knows: a second flush would say so for no reason.
  EXPECT_EQ(PageTxn::begin(*pager, TxnId{3}).error().code(), Code::kPoisoned);
}

TEST(OpenDirectory, SaysThatThereIsNoPageFile) {
  Machine machine(1);
  const auto directory = value_of(machine.vfs().open_directory("/"));
  EXPECT_EQ(open_pager(*directory, small_options()).error().code(), Code::kNotFound);
}

TEST(OpenDirectory, RefusesADirectoryInPlaceOfThePageFile) {
  Machine machine(1);
  const auto directory = value_of(machine.vfs().open_directory("/"));
  value_of(directory->make_directory(kPageFileName));
  const Error error = open_pager(*directory, small_options()).error();
  EXPECT_EQ(error.code(), Code::kInvalidArgument);
  EXPECT_THAT(error.message(), HasSubstr("directory"));
}

}  // namespace
}  // namespace caisson::pager

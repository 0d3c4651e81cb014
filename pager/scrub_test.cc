// Method: files on the simulated machine that rot after they were opened.

#include "pager/scrub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "pager/testing/harness.h"

namespace caisson::pager {
namespace {

using testing::Harness;
using testing::kPagesPath;
using testing::small_options;
using testing::value_of;

class Scrub : public ::testing::Test {
 protected:
  Scrub() : store_({.access = PageAccess::kPrivate}) {
    for (std::uint32_t i = 0; i < 20; ++i) store_.set(i, i + 1);
    store_.checkpoint();
    store_.set(3, 33);
    store_.checkpoint();
  }

  ScrubReport run() { return value_of(scrub(store_.pager(), {})); }
  void flip(std::uint64_t offset) { store_.machine().image(kPagesPath)->flip_bit(offset, 4); }

  Harness store_;
};

TEST_F(Scrub, FindsNothingInAWholeFileAndCountsEveryPage) {
  const ScrubReport report = run();
  EXPECT_TRUE(report.findings.empty());
  const PagerStats stats = store_.pager().stats();
  EXPECT_EQ(report.pages_checked + report.pages_free + report.pages_in_memory,
            stats.page_count - 32);
}

TEST_F(Scrub, FindsWhatRottedAfterItWasRead) {
  EXPECT_EQ(store_.contents().size(), 20U);  // Every page has been verified once.
  const PageId victim = value_of(store_.array().pages())[5];
  flip(to_u64(victim) * 4096 + 1000);
  const ScrubReport report = run();
  ASSERT_EQ(report.findings_total, 1U);
  EXPECT_EQ(report.findings[0].severity, ScrubSeverity::kDamage);
  EXPECT_EQ(report.findings[0].error.page(), to_u64(victim));
  EXPECT_EQ(report.findings[0].error.rule(), "PAGE-1");
  EXPECT_EQ(report.findings[0].error.offset(), to_u64(victim) * 4096);
  EXPECT_EQ(store_.contents().size(), 20U);  // Readers have their verified copies.
}

// What a reader sees is right, and what the next start of the machine will see is not.
TEST(ScrubPastTheCache, FindsWhatRottedBehindACachedPage) {
  for (const PageAccess access : {PageAccess::kMapped, PageAccess::kPrivate}) {
    for (const std::uint64_t sector : {4096U, 65536U}) {
      for (const bool read_only : {false, true}) {
        SCOPED_TRACE(std::to_string(sector) + (read_only ? ", read-only" : ""));
        Harness store({.access = access});
        store.machine().set_direct_alignment(sector);
        for (std::uint32_t i = 0; i < 20; ++i) store.set(i, i + 1);
        store.checkpoint();
        const PageId victim = value_of(store.array().pages())[5];
        std::unique_ptr<Pager> pager;
        if (read_only) {
          const Meta meta = store.pager().checkpointed();
          store.close();
          PagerOptions options = small_options(access);
          options.read_only = true;
          pager = value_of(open_pager(store.directory(), options));
          value_of(testing::PageArray(*pager, meta.root).read_all());
        } else {
          EXPECT_EQ(store.contents().size(), 20U);  // Every page has been verified once.
        }
        Pager& scrubbed = read_only ? *pager : store.pager();
        EXPECT_EQ(value_of(scrub(scrubbed, {})).findings_total, 0U);
        store.machine().image(kPagesPath)->flip_bit_behind_cache(to_u64(victim) * 4096 + 100, 1);
        // Where there is no direct access and the file is mapped, nobody can see it.
        const bool hidden = sector > 4096 && access == PageAccess::kMapped;
        const ScrubReport report = value_of(scrub(scrubbed, {}));
        ASSERT_EQ(report.findings_total, hidden ? 0U : 1U);
        if (hidden) continue;
        EXPECT_EQ(report.findings[0].error.page(), to_u64(victim));
        EXPECT_EQ(report.findings[0].error.rule(), "PAGE-1");
      }
    }
  }
}

TEST(ScrubPastTheCache, SeesWhatHasBeenWrittenAndNotFlushed) {
  Harness store({.memory_budget_bytes = 64 * 4096});
  std::vector<std::pair<std::uint32_t, std::uint64_t>> values;
  for (std::uint32_t i = 0; i < 40; ++i) values.emplace_back(i, i + 1);
  store.set_all(values);
  ASSERT_GT(value_of(store.pager().spill()), 0U);
  store.machine().image(kPagesPath)->flip_bit_behind_cache(70'000, 1);  // Cache and medium differ.
  const ScrubReport report = value_of(scrub(store.pager(), {}));
  ASSERT_EQ(report.damage_total, 1U);
  EXPECT_EQ(report.findings[0].error.rule(), "FILE-2");
}

// The read of many pages fails, then one of the reads of a single page, and its repetition.
TEST_F(Scrub, NamesWhatCannotBeReadAndGoesOnBehindIt) {
  const auto pages = value_of(store_.array().pages());
  const std::set<PageId> in_use(pages.begin(), pages.end());
  const ScrubReport whole = run();
  ASSERT_EQ(whole.findings_total, 0U);
  const PageId victim = pages[5];
  store_.machine().record_trace(true);
  run();
  const auto trace = store_.machine().trace();
  const auto chunk =
      std::ranges::find(trace, to_u64(PageId{32}) * 4096, &io::sim::TracedCall::offset) -
      trace.begin();
  const std::uint64_t first = store_.machine().calls() + static_cast<std::uint64_t>(chunk);
  const std::uint64_t single = first + 1 + to_u64(victim) - 32;
  for (const std::uint64_t call : {first, single, single + 1}) {
    store_.machine().inject({.call = call, .kind = io::sim::FaultKind::kIoError});
  }
  const ScrubReport report = run();
  ASSERT_EQ(report.findings_total, 1U);
  EXPECT_EQ(report.findings[0].severity, ScrubSeverity::kDamage);
  EXPECT_EQ(report.findings[0].error.code(), Code::kIoError);
  EXPECT_EQ(report.findings[0].error.page(), to_u64(victim));
  EXPECT_EQ(report.findings[0].error.offset(), to_u64(victim) * 4096);
  EXPECT_EQ(report.pages_checked, whole.pages_checked);
  EXPECT_EQ(report.pages_free, whole.pages_free);
  // One that passes is none.
  store_.machine().inject({.call = store_.machine().calls() + static_cast<std::uint64_t>(chunk),
                           .kind = io::sim::FaultKind::kIoError});
  EXPECT_EQ(run().findings_total, 0U);
}

TEST_F(Scrub, NamesEachMetaThatCannotBeReadAndGoesOn) {
  for (const MetaSlot slot : {MetaSlot::kA, MetaSlot::kB}) {
    const std::uint64_t area = store_.machine().calls();
    // The area, then Meta A, the bytes behind it, Meta B, the bytes behind it.
    const std::uint64_t part = slot == MetaSlot::kA ? 1 : 3;
    for (const std::uint64_t call : {area, area + part}) {
      store_.machine().inject({.call = call, .kind = io::sim::FaultKind::kIoError});
    }
    const ScrubReport report = run();
    ASSERT_EQ(report.findings_total, 1U);
    EXPECT_EQ(report.findings[0].error.code(), Code::kIoError);
    EXPECT_EQ(report.findings[0].error.offset(), meta_offset(slot));
    EXPECT_GT(report.pages_checked, 0U);
  }
}

TEST_F(Scrub, NamesThePagesBehindTheEndOfAFileThatWasCutOff) {  // FILE-3
  const std::uint64_t end = store_.pager().stats().page_count;
  const std::uint64_t kept = 40;
  store_.machine().image(kPagesPath)->resize(kept * 4096 + 1000);
  const ScrubReport report = run();
  EXPECT_EQ(report.damage_total, end - kept);
  for (const ScrubFinding& finding : report.findings) {
    EXPECT_EQ(finding.error.rule(), "FILE-3") << finding.error.to_string();
    EXPECT_GE(finding.error.page(), kept);
  }
  store_.machine().image(kPagesPath)->resize(5000);
  const ScrubReport cut = run();
  EXPECT_GE(cut.damage_total, end - 32 + 2);  // All pages, meta B, and the bytes between.
}

TEST_F(Scrub, FindsADamagedMeta) {
  flip(meta_offset(MetaSlot::kB) + 7);
  const ScrubReport report = run();
  ASSERT_EQ(report.findings_total, 1U);
  EXPECT_EQ(report.findings[0].error.rule(), "META-2");
}

TEST_F(Scrub, FindsBytesBetweenTheMetas) {  // FILE-2
  for (const std::uint64_t offset :
       {std::uint64_t{4096}, std::uint64_t{65535}, std::uint64_t{69632}, std::uint64_t{131071}}) {
    flip(offset);
    const ScrubReport report = run();
    ASSERT_EQ(report.findings_total, 1U) << offset;
    EXPECT_EQ(report.findings[0].error.rule(), "FILE-2");
    flip(offset);
  }
}

TEST_F(Scrub, TakesAnUnfinishedCheckpointForNoDamage) {
  std::uint64_t poisoned = 0;
  for (std::uint64_t fail_at = 0;; ++fail_at) {
    Harness store({.seed = fail_at + 1, .access = PageAccess::kPrivate});
    for (std::uint32_t i = 0; i < 20; ++i) store.set(i, i + 1);
    store.checkpoint();
    store.set(3, 33);
    store.machine().inject(
        {.call = store.machine().calls() + fail_at, .kind = io::sim::FaultKind::kIoError});
    CheckpointRequest request;
    request.txn = store.txn();
    request.root = store.array().root().id;
    if (store.pager().checkpoint(request)) break;
    ASSERT_TRUE(store.pager().poisoned());
    ++poisoned;
    // All but a meta that may have been written in part.
    for (const ScrubFinding& finding : value_of(scrub(store.pager(), {})).findings) {
      if (finding.severity == ScrubSeverity::kDamage) {
        EXPECT_EQ(finding.error.rule(), "META-2") << fail_at << ": " << finding.error.to_string();
      }
    }
  }
  EXPECT_GE(poisoned, 4U);  // K1 to K4.
}

TEST_F(Scrub, NotesAFreePageThatHoldsNoise) {
  ASSERT_GT(store_.pager().stats().free_pages, 0U);
  const std::uint64_t end = store_.pager().stats().page_count;
  std::uint64_t notes = 0;
  std::uint64_t free_pages = 0;
  const auto in_use = value_of(store_.array().pages());
  for (std::uint64_t id = 32; id < end; ++id) {
    flip(id * 4096 + 77);
    const ScrubReport report = run();
    if (report.findings_total == 1 && report.findings[0].severity == ScrubSeverity::kNote) ++notes;
    flip(id * 4096 + 77);
    free_pages = report.pages_free;
  }
  EXPECT_EQ(notes, free_pages);
}

TEST_F(Scrub, KnowsThatDirtyPagesAreNotInTheFileYet) {
  store_.set(4, 44);
  const ScrubReport report = run();
  EXPECT_TRUE(report.findings.empty());
  EXPECT_GE(report.pages_in_memory, 2U);
}

TEST_F(Scrub, StopsWhenAsked) {
  std::stop_source source;
  source.request_stop();
  ScrubOptions options;
  options.stop = source.get_token();
  const ScrubReport report = value_of(scrub(store_.pager(), options));
  EXPECT_TRUE(report.stopped);
  EXPECT_EQ(report.pages_checked, 0U);
}

TEST_F(Scrub, TellsHowFarItIs) {
  std::uint64_t read = 0;
  ScrubOptions options;
  options.progress = [&read](std::uint64_t bytes) { read += bytes; };
  const ScrubReport report = value_of(scrub(store_.pager(), options));
  EXPECT_EQ(read, (report.pages_checked + report.pages_free + report.pages_in_memory) * 4096);
}

TEST_F(Scrub, KeepsToItsPace) {
  io::Clock& clock = store_.machine().vfs().clock();
  const auto before = clock.monotonic();
  ScrubOptions options;
  options.clock = &clock;
  options.bytes_per_second = 4096 * 10;
  value_of(scrub(store_.pager(), options));
  const double seconds = std::chrono::duration<double>(clock.monotonic() - before).count();
  const double pages = static_cast<double>(store_.pager().stats().page_count - 32);
  EXPECT_NEAR(seconds, pages / 10, 0.01);
  options.clock = nullptr;
  EXPECT_EQ(scrub(store_.pager(), options).error().code(), Code::kInvalidArgument);
}

TEST_F(Scrub, KeepsOnlyAsManyFindingsAsWanted) {
  for (const PageId id : value_of(store_.array().pages())) flip(to_u64(id) * 4096 + 9);
  ScrubOptions options;
  options.findings_max = 3;
  const ScrubReport report = value_of(scrub(store_.pager(), options));
  EXPECT_EQ(report.findings.size(), 3U);
  EXPECT_EQ(report.findings_total, 21U);
}

TEST_F(Scrub, KeepsDamageInFrontOfNotesHoweverManyThereAre) {
  std::set<PageId> in_use;
  for (const PageId id : value_of(store_.array().pages())) in_use.insert(id);
  for (std::uint64_t id = 32; id < store_.pager().stats().page_count; ++id) flip(id * 4096 + 9);
  ScrubOptions options;
  options.findings_max = 2;
  const ScrubReport report = value_of(scrub(store_.pager(), options));
  EXPECT_GE(report.damage_total, in_use.size());
  EXPECT_GT(report.findings_total, report.damage_total);
  ASSERT_EQ(report.findings.size(), 2U);
  for (const ScrubFinding& finding : report.findings) {
    EXPECT_EQ(finding.severity, ScrubSeverity::kDamage);
  }
}

TEST_F(Scrub, OpenUntrustedRefusesAnyDamageItCouldServe) {  // OPEN-3
  const auto pages = value_of(store_.array().pages());
  store_.close();
  const auto pager = value_of(open_untrusted(store_.directory(), small_options()));
  EXPECT_TRUE(pager->read_only());
  EXPECT_FALSE(pager->stats().mapped);
  flip(to_u64(pages[7]) * 4096 + 3000);
  const auto opened = open_untrusted(store_.directory(), small_options());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().page(), to_u64(pages[7]));
}

TEST_F(Scrub, OpenUntrustedRefusesAPageThatCannotBeRead) {  // OPEN-3
  store_.close();
  store_.machine().record_trace(true);
  value_of(open_untrusted(store_.directory(), small_options()));
  std::uint64_t call = store_.machine().calls();
  std::uint64_t chunk = 0;
  for (const auto& traced : store_.machine().trace()) {
    if (traced.call == io::Call::kRead && traced.offset == 32 * 4096) chunk = call;
    ++call;
  }
  store_.machine().inject({.call = chunk, .kind = io::sim::FaultKind::kIoError, .forever = true});
  const auto opened = open_untrusted(store_.directory(), small_options());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), Code::kIoError);
  EXPECT_TRUE(opened.error().page().has_value());
}

}  // namespace
}  // namespace caisson::pager

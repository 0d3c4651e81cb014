// Method: a small page file with two checkpoints, damaged in every way that is small enough to
// try all of: each bit, each sector zeroed, swapped with each other, or replaced by its older
// version, each length. Whatever is done, nothing wrong comes back as data, and an error, the
// reason why a checkpoint is not offered or a finding of a scrub names the page and the rule.
// Where nobody can know, the test says so case by case.
//
// Sanitized builds try a sample (testing/effort.h). A case that fails prints the command that runs
// it alone (testing/replay.h).

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/testing/effort.h"
#include "base/testing/replay.h"
#include "pager/scrub.h"
#include "pager/testing/harness.h"

namespace caisson::pager {
namespace {

using caisson::testing::long_run;
using caisson::testing::Replay;
using caisson::testing::stride;
using io::sim::FileImage;
using io::sim::kSectorSize;
using testing::ArrayModel;
using testing::Harness;
using testing::kPagesPath;
using testing::PageArray;
using testing::small_options;
using testing::value_of;

class Damage : public ::testing::Test {
 protected:
  Damage() : store_({}) {
    for (std::uint32_t i = 0; i < 12; ++i) store_.set(i, 100 + i);
    older_ = store_.checkpoint().meta;
    older_contents_ = store_.contents();
    for (std::uint32_t i = 0; i < 6; ++i) store_.set(2 * i, 200 + i);
    newer_ = store_.checkpoint().meta;
    contents_ = store_.contents();
    store_.close();
  }

  // What a test that went through many cases prints at its end. One seed makes the file.
  void done(std::uint64_t cases) const {
    std::cout << "cases=" << cases << " failures=0 seed=" << store_.options().seed << "\n";
  }

  FileImage& image() { return *store_.machine().image(kPagesPath); }
  std::uint64_t used_bytes() const { return newer_.page_count * newer_.page_size; }

  // How a damaged file was treated.
  struct Verdict {
    std::string wrong;           // What must never be; "" if nothing.
    std::vector<Error> reports;  // Everything that anybody said.
    std::optional<MetaSlot> opened;

    bool reported() const { return !reports.empty(); }

    // With the rule, and the page if the place is in one.
    bool reported_at(std::uint64_t offset) const {
      return std::ranges::any_of(reports, [offset](const Error& error) {
        if (error.code() != Code::kCorruption || error.rule().empty()) return false;
        return offset < kMetaAreaSize ? error.rule().starts_with("META") || error.rule() == "FILE-2"
                                      : error.page() == offset / 4096;
      });
    }
  };

  Verdict judge(PageAccess access = PageAccess::kMapped) {
    Verdict verdict;
    PagerOptions options = small_options(access);
    options.read_only = true;
    auto attempt = OpenAttempt::begin(store_.directory(), options);
    if (!attempt) return refused(std::move(verdict), attempt.error());
    for (const MetaSlot slot : {MetaSlot::kA, MetaSlot::kB}) {
      const std::optional<Error>& reason = attempt->candidate(slot).reason;
      if (!reason) continue;
      verdict.reports.push_back(*reason);
      if (reason->rule().empty()) verdict.wrong = "no rule says why a checkpoint is not offered";
    }
    auto slot = attempt->newest();
    if (!slot) return refused(std::move(verdict), slot.error());
    auto pager = open_pager(std::move(*attempt), *slot);
    if (!pager) return refused(std::move(verdict), pager.error());
    verdict.opened = *slot;
    const Meta meta = (*pager)->checkpointed();
    const auto contents = PageArray(**pager, meta.root).read_all();
    if (contents && *contents != (*slot == newer_.slot ? contents_ : older_contents_)) {
      verdict.wrong = "wrong contents";
    }
    if (!contents) {
      verdict.reports.push_back(contents.error());
      if (!contents.error().page()) verdict.wrong = "no page: " + contents.error().to_string();
    }
    const auto report = scrub(**pager, {});
    if (!report) {
      verdict.wrong = report.error().to_string();
      return verdict;
    }
    for (const ScrubFinding& finding : report->findings) verdict.reports.push_back(finding.error);
    if (!contents && report->findings.empty()) verdict.wrong = "a scrub found nothing";
    return verdict;
  }

  static Verdict refused(Verdict verdict, const Error& error) {
    verdict.reports.push_back(error);
    if (error.code() != Code::kCorruption && error.code() != Code::kWrongStore &&
        error.code() != Code::kUnsupportedVersion) {
      verdict.wrong = error.to_string();
    }
    return verdict;
  }

  Bytes sector_of(std::uint64_t sector) {
    return image().cached().subspan(sector * kSectorSize, kSectorSize);
  }

  // The pages that either checkpoint reaches, or its blob has.
  std::set<std::uint64_t> pages_in_use() {
    std::set<std::uint64_t> pages;
    for (const MetaSlot slot : {MetaSlot::kA, MetaSlot::kB}) {
      PagerOptions options = small_options();
      options.read_only = true;
      auto attempt = value_of(OpenAttempt::begin(store_.directory(), options));
      for (const PageId id : attempt.candidate(slot).blob_pages) pages.insert(to_u64(id));
      const auto pager = value_of(open_pager(std::move(attempt), slot));
      const PageArray array(*pager, pager->checkpointed().root);
      for (const PageId id : value_of(array.pages())) pages.insert(to_u64(id));
    }
    return pages;
  }

  bool page_or_zeros(std::uint64_t id) {
    const Bytes page = image().cached().subspan(id * 4096, 4096);
    const PageExpectation expected{PageId{id}, 0, newer_.txn};
    return all_zero(page) || check_page(page_checksum_seed(newer_.uuid), page, expected);
  }

  Harness store_;
  Meta older_;
  Meta newer_;
  ArrayModel older_contents_;
  ArrayModel contents_;
};

// The whole path, from opening to the last leaf and a scrub. Of the bits it takes
//
//   all of the metas' fields (168 bytes each);
//   every 13th of the pages, so that each place in a byte and most bytes have their turn, and all
//   in long runs: EveryFlippedBitOfAPage... asks the function that decides about a page for all;
//   a few of the rest, which opening doesn't look at: EveryFlippedBitBetween... has a scrub look
//   for all, and EveryFlippedBitOfAMeta... has all of both blocks decoded.
//
// Every eighth of them is read through a mapping, which takes several times as long to make.
TEST_F(Damage, AFlippedBitIsReportedWithPageAndRule) {
  const Replay replay = Replay::from_environment({"bit"});
  std::uint64_t cases = 0;
  const auto step_at = [](std::uint64_t bit) -> std::uint64_t {
    if (bit / 8 >= kMetaAreaSize) return long_run() ? 1 : 13 * stride(101);
    return bit / 8 % 65536 < 168 ? stride(13) : 1009 * stride(101);
  };
  std::vector<std::uint64_t> bits;
  for (std::uint64_t bit = 0; bit < used_bytes() * 8; bit += step_at(bit)) bits.push_back(bit);
  for (const std::uint64_t bit : replay.sample("bit", 0, used_bytes() * 8, std::move(bits))) {
    image().flip_bit(bit / 8, bit % 8);
    const Verdict verdict = judge(bit / 16 % 8 == 0 ? PageAccess::kMapped : PageAccess::kPrivate);
    image().flip_bit(bit / 8, bit % 8);
    ASSERT_EQ(verdict.wrong, "") << replay.command({bit});
    ASSERT_TRUE(verdict.reported_at(bit / 8)) << replay.command({bit});
    ++cases;
  }
  done(cases);
}

TEST_F(Damage, EveryFlippedBitOfAMetaBreaksARule) {  // META-1
  const Replay replay = Replay::from_environment({"slot", "bit"});
  std::uint64_t cases = 0;
  for (const std::uint64_t slot : replay.range("slot", 0, 2)) {
    const Meta& meta = older_.slot == static_cast<MetaSlot>(slot) ? older_ : newer_;
    MetaBlock block = encode_meta(meta);
    ASSERT_TRUE(decode_meta(meta.slot, block).has_value());
    for (const std::uint64_t bit : replay.range("bit", 0, block.size() * 8)) {
      block[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      const auto decoded = decode_meta(meta.slot, block);
      block[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      ASSERT_FALSE(decoded.has_value()) << replay.command({slot, bit});
      ASSERT_NE(decoded.error().rule(), "") << replay.command({slot, bit});
      ++cases;
    }
  }
  done(cases);
}

TEST_F(Damage, EveryFlippedBitBetweenTheMetasIsFound) {  // FILE-2
  const Replay replay = Replay::from_environment({"bit"});
  store_.open();
  std::uint64_t cases = 0;
  ScrubOptions metas_only;
  std::stop_source stop;
  stop.request_stop();
  metas_only.stop = stop.get_token();
  for (const std::uint64_t bit : replay.range("bit", 0, kMetaAreaSize * 8, stride(1009))) {
    if (bit / 8 % 65536 < kMetaSize) continue;
    image().flip_bit(bit / 8, bit % 8);
    const ScrubReport report = value_of(scrub(store_.pager(), metas_only));
    image().flip_bit(bit / 8, bit % 8);
    ASSERT_EQ(report.findings_total, 1U) << replay.command({bit});
    ASSERT_EQ(report.findings[0].error.rule(), "FILE-2") << replay.command({bit});
    ++cases;
  }
  done(cases);
}

TEST_F(Damage, EveryFlippedBitOfAPageBreaksARule) {  // PAGE-1
  const Replay replay = Replay::from_environment({"page", "bit"});
  const std::vector<std::byte> file(image().cached().begin(), image().cached().end());
  const std::uint32_t seed = page_checksum_seed(newer_.uuid);
  std::uint64_t cases = 0;
  for (const std::uint64_t id : replay.range("page", kMetaAreaSize / 4096, newer_.page_count)) {
    std::vector<std::byte> page(file.begin() + static_cast<std::ptrdiff_t>(id * 4096),
                                file.begin() + static_cast<std::ptrdiff_t>((id + 1) * 4096));
    if (all_zero(page)) continue;
    const PageExpectation expected{PageId{id}, 0, TxnId{1000}};
    ASSERT_TRUE(check_page(seed, page, expected).has_value()) << id;
    for (const std::uint64_t bit : replay.range("bit", 0, page.size() * 8, stride(97))) {
      page[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      const auto checked = check_page(seed, page, expected);
      page[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      ASSERT_FALSE(checked.has_value()) << replay.command({id, bit});
      ASSERT_EQ(checked.error().page(), id) << replay.command({id, bit});
      ASSERT_NE(checked.error().rule(), "") << replay.command({id, bit});
      ++cases;
    }
  }
  done(cases);
}

TEST_F(Damage, EveryZeroedSectorIsReportedWithPageAndRule) {
  const Replay replay = Replay::from_environment({"sector"});
  std::uint64_t cases = 0;
  std::uint64_t unchanged = 0;
  const std::vector<std::byte> zeros(kSectorSize);
  for (const std::uint64_t sector : replay.range("sector", 0, used_bytes() / kSectorSize)) {
    const std::vector<std::byte> before(sector_of(sector).begin(), sector_of(sector).end());
    image().overwrite(sector * kSectorSize, zeros);
    const Verdict verdict = judge();
    image().overwrite(sector * kSectorSize, before);
    ASSERT_EQ(verdict.wrong, "") << replay.command({sector});
    ++cases;
    if (before == zeros) {
      // Not damaged at all, and nobody may say that it is.
      ASSERT_FALSE(verdict.reported()) << replay.command({sector});
      ASSERT_EQ(verdict.opened, newer_.slot) << replay.command({sector});
      ++unchanged;
      continue;
    }
    ASSERT_TRUE(verdict.reported_at(sector * kSectorSize)) << replay.command({sector});
  }
  if (replay.everything()) {
    EXPECT_GT(cases - unchanged, 100U);
  }
  done(cases);
}

TEST_F(Damage, EveryPairOfSwappedSectorsIsReportedWithPageAndRule) {
  const Replay replay = Replay::from_environment({"a", "b"});
  std::uint64_t cases = 0;
  const std::vector<std::byte> file(image().cached().begin(), image().cached().end());
  const auto original = [&file](std::uint64_t sector) {
    return Bytes(file).subspan(sector * kSectorSize, kSectorSize);
  };
  // Sectors that are all zeros are alike; one stands for them all.
  std::vector<std::uint64_t> sectors;
  bool zero_taken = false;
  for (std::uint64_t sector = 0; sector < used_bytes() / kSectorSize; ++sector) {
    const bool zero = all_zero(original(sector));
    if (!zero || !zero_taken) sectors.push_back(sector);
    zero_taken = zero_taken || zero;
  }
  std::uint64_t pair = 0;
  for (const std::uint64_t a : replay.choice("a", sectors)) {
    for (const std::uint64_t b : replay.choice("b", sectors)) {
      if (a >= b) continue;
      if (++pair % stride(61) != 0 && replay.everything()) continue;
      image().overwrite(a * kSectorSize, original(b));
      image().overwrite(b * kSectorSize, original(a));
      const Verdict verdict = judge();
      image().overwrite(a * kSectorSize, original(a));
      image().overwrite(b * kSectorSize, original(b));
      ASSERT_EQ(verdict.wrong, "") << replay.command({a, b});
      ASSERT_TRUE(verdict.reported_at(a * kSectorSize) || verdict.reported_at(b * kSectorSize))
          << replay.command({a, b});
      ++cases;
    }
  }
  done(cases);
}

TEST_F(Damage, EveryMisdirectedPageIsReported) {  // PAGE-2
  const Replay replay = Replay::from_environment({"from", "to"});
  std::uint64_t cases = 0;
  const std::vector<std::byte> file(image().cached().begin(), image().cached().end());
  for (const std::uint64_t from : replay.range("from", 32, newer_.page_count)) {
    for (const std::uint64_t to : replay.range("to", 32, newer_.page_count)) {
      // Zeros are what a free page may hold; EveryZeroedSector... has them.
      if (from == to || all_zero(Bytes(file).subspan(from * 4096, 4096))) continue;
      image().overwrite(to * 4096, Bytes(file).subspan(from * 4096, 4096));
      const Verdict verdict = judge();
      image().overwrite(to * 4096, Bytes(file).subspan(to * 4096, 4096));
      ASSERT_EQ(verdict.wrong, "") << replay.command({from, to});
      ASSERT_TRUE(verdict.reported_at(to * 4096)) << replay.command({from, to});
      ++cases;
    }
  }
  done(cases);
}

TEST_F(Damage, EveryStaleSectorIsReportedWithPageAndRule) {
  // Some more checkpoints, so that places have been written twice.
  store_.open();
  for (std::uint32_t i = 0; i < 12; ++i) {
    older_ = newer_;
    older_contents_ = contents_;
    store_.set(i, 300 + i);
    newer_ = store_.checkpoint().meta;
    contents_ = store_.contents();
  }
  store_.close();
  const Replay replay = Replay::from_environment({"sector"});
  const std::set<std::uint64_t> in_use = pages_in_use();
  std::uint64_t cases = 0;
  std::uint64_t of_a_meta = 0;
  std::uint64_t of_no_meaning = 0;
  for (const std::uint64_t sector : replay.range("sector", 0, used_bytes() / kSectorSize)) {
    const std::uint64_t offset = sector * kSectorSize;
    const std::uint64_t page = offset / 4096;
    const std::vector<std::byte> before(sector_of(sector).begin(), sector_of(sector).end());
    if (!image().make_stale(sector)) continue;
    const Verdict verdict = judge();
    const bool whole = page_or_zeros(page);
    image().overwrite(offset, before);
    ASSERT_EQ(verdict.wrong, "") << replay.command({sector});
    ++cases;
    if (offset == meta_offset(newer_.slot)) {
      // The exception: what is left is a whole checkpoint, the one before, and nothing in the file
      // tells that it isn't the newest. That its contents are right has been looked at.
      ASSERT_EQ(verdict.opened, older_.slot) << replay.command({sector});
      ++of_a_meta;
    } else if (offset == meta_offset(older_.slot)) {
      // It names a checkpoint that is long gone. Pages that it reaches say so, not the meta.
      ASSERT_EQ(verdict.opened, newer_.slot) << replay.command({sector});
      ASSERT_TRUE(verdict.reported()) << replay.command({sector});
      ASSERT_EQ(verdict.reports.front().rule(), "PAGE-4") << replay.command({sector});
      ++of_a_meta;
    } else if (!in_use.contains(page) && whole) {
      // Neither checkpoint reaches the page, so its bytes have no meaning (section 4 of the spec),
      // and of zeros or a whole page there is nothing to note.
      ASSERT_EQ(verdict.opened, newer_.slot) << replay.command({sector});
      ASSERT_FALSE(verdict.reported()) << replay.command({sector});
      ++of_no_meaning;
    } else {
      ASSERT_TRUE(verdict.reported_at(offset)) << replay.command({sector});
    }
  }
  if (replay.everything()) {
    EXPECT_GT(cases, 100U);
    EXPECT_EQ(of_a_meta, 2U);
    EXPECT_LT(of_no_meaning, 5U);
  }
  done(cases);
}

TEST_F(Damage, AStalePageThatIsWholeInItselfIsFoundByItsParentsChecksum) {  // PAGE-4
  const std::vector<std::byte> old_file(image().cached().begin(), image().cached().end());
  store_.open();
  const std::vector<PageId> old_pages = value_of(store_.array().pages());
  // The same ids come to hold other pages, and then the old ones come back from the dead.
  std::vector<PageId> reused;
  for (std::uint32_t round = 0; round < 6 && reused.empty(); ++round) {
    for (std::uint32_t i = 0; i < 12; ++i) store_.set(i, 1000 + round * 100 + i);
    newer_ = store_.checkpoint().meta;
    for (const PageId id : value_of(store_.array().pages())) {
      if (std::ranges::find(old_pages, id) != old_pages.end()) reused.push_back(id);
    }
  }
  ASSERT_FALSE(reused.empty());
  store_.close();
  for (const PageId id : reused) {
    const Bytes old_page = Bytes(old_file).subspan(to_u64(id) * 4096, 4096);
    ASSERT_TRUE(check_page(page_checksum_seed(newer_.uuid), old_page, {id, 0, TxnId{1000}}));
    const auto now = image().cached().subspan(to_u64(id) * 4096, 4096);
    const std::vector<std::byte> before(now.begin(), now.end());
    image().overwrite(to_u64(id) * 4096, old_page);
    PagerOptions options = small_options();
    options.read_only = true;
    auto attempt = value_of(OpenAttempt::begin(store_.directory(), options));
    Error error(Code::kNotFound, "nothing was reported");
    if (!attempt.candidate(newer_.slot).offered()) {
      error = *attempt.candidate(newer_.slot).reason;
    } else {
      const auto pager = value_of(open_pager(std::move(attempt), newer_.slot));
      const auto contents = PageArray(*pager, newer_.root).read_all();
      if (!contents) error = contents.error();
    }
    EXPECT_EQ(error.rule(), "PAGE-4") << error.to_string();
    EXPECT_EQ(error.page(), to_u64(id));
    image().overwrite(to_u64(id) * 4096, before);
  }
}

TEST_F(Damage, EveryTruncationIsReported) {  // FILE-3
  const Replay replay = Replay::from_environment({"length"});
  std::uint64_t cases = 0;
  const std::vector<std::byte> file(image().cached().begin(), image().cached().end());
  std::vector<std::uint64_t> lengths = replay.range("length", 0, used_bytes(), stride(97));
  std::ranges::reverse(lengths);  // What was cut off is gone.
  for (const std::uint64_t size : lengths) {
    image().resize(size);
    const Verdict verdict = judge();
    ASSERT_EQ(verdict.wrong, "") << replay.command({size});
    ASSERT_TRUE(verdict.reported()) << replay.command({size});
    ++cases;
  }
  done(cases);
}

}  // namespace
}  // namespace caisson::pager

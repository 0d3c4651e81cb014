// Method: a small page file with two checkpoints, damaged in every way that is small enough to
// try all of: each bit, each sector zeroed, swapped with each other, or replaced by its older
// version, each length. Whatever is done, nothing wrong comes back as data: either all is as it
// was, or an error or a finding names the place and the rule, or an older checkpoint is offered
// with the reason.
//
// Sanitized builds try a sample (testing/effort.h). A case that fails prints the command that runs
// it alone (testing/replay.h).

#include <gtest/gtest.h>

#include "base/codec.h"
#include "pager/scrub.h"
#include "pager/testing/effort.h"
#include "pager/testing/harness.h"
#include "pager/testing/replay.h"

namespace caisson::pager {
namespace {

using io::sim::FileImage;
using io::sim::kSectorSize;
using testing::ArrayModel;
using testing::Harness;
using testing::kPagesPath;
using testing::PageArray;
using testing::Replay;
using testing::small_options;
using testing::stride;
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

  // Judges the damaged file. Returns what is wrong with how it was treated; "" if nothing.
  // `seen` counts the cases in which anybody noticed.
  std::string judge(std::uint64_t& seen) {
    PagerOptions options = small_options();
    options.read_only = true;
    auto attempt = OpenAttempt::begin(store_.directory(), options);
    if (!attempt) return noticed(attempt.error(), seen);
    const bool both =
        attempt->candidate(MetaSlot::kA).offered() && attempt->candidate(MetaSlot::kB).offered();
    auto slot = attempt->newest();
    if (!slot) return noticed(slot.error(), seen);
    const bool newest = *slot == newer_.slot;
    const std::optional<Error>& reason = attempt->candidate(newer_.slot).reason;
    if (reason && reason->rule().empty()) return "no rule says why the newest is not offered";
    auto pager = open_pager(std::move(*attempt), *slot);
    if (!pager) return noticed(pager.error(), seen);
    const Meta meta = (*pager)->checkpointed();
    const auto contents = PageArray(**pager, meta.root).read_all();
    if (contents && *contents != (newest ? contents_ : older_contents_)) return "wrong contents";
    if (!contents && !contents.error().page())
      return "no page named: " + contents.error().to_string();
    const auto report = scrub(**pager, {});
    if (!report) return report.error().to_string();
    if (!contents || !both || !report->findings.empty()) ++seen;
    if (!contents && report->findings.empty()) return "a scrub found nothing";
    return "";
  }

  static std::string noticed(const Error& error, std::uint64_t& seen) {
    ++seen;
    if (error.code() != Code::kCorruption && error.code() != Code::kWrongStore &&
        error.code() != Code::kUnsupportedVersion) {
      return error.to_string();
    }
    return "";
  }

  Harness store_;
  Meta older_;
  Meta newer_;
  ArrayModel older_contents_;
  ArrayModel contents_;
};

TEST_F(Damage, EveryFlippedBitIsReportedOrHarmless) {
  const Replay replay = Replay::from_environment({"bit"});
  std::uint64_t cases = 0;
  std::uint64_t seen = 0;
  // Each bit of the metas' fields, and one in a hundred elsewhere: the tests below try all the
  // others without opening the file for each.
  const auto in_a_field = [](std::uint64_t bit) {
    return bit / 8 < kMetaAreaSize && bit / 8 % 65536 < 168;
  };
  std::vector<std::uint64_t> bits;
  for (std::uint64_t bit = 0; bit < used_bytes() * 8;
       bit += in_a_field(bit) ? stride(13) : 101 * stride(101)) {
    bits.push_back(bit);
  }
  for (const std::uint64_t bit : replay.sample("bit", 0, used_bytes() * 8, std::move(bits))) {
    image().flip_bit(bit / 8, bit % 8);
    const std::string wrong = judge(seen);
    image().flip_bit(bit / 8, bit % 8);
    ASSERT_EQ(wrong, "") << "byte " << bit / 8 << " bit " << bit % 8 << replay.command({bit});
    ++cases;
  }
  // Every one is seen: nothing is ignored, and the file had no free pages of noise.
  EXPECT_EQ(seen, cases);
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

TEST_F(Damage, EveryZeroedSectorIsReportedOrHarmless) {
  const Replay replay = Replay::from_environment({"sector"});
  std::uint64_t cases = 0;
  std::uint64_t seen = 0;
  const std::vector<std::byte> zeros(kSectorSize);
  for (const std::uint64_t sector : replay.range("sector", 0, used_bytes() / kSectorSize)) {
    const auto part = image().cached().subspan(sector * kSectorSize, kSectorSize);
    const std::vector<std::byte> before(part.begin(), part.end());
    image().overwrite(sector * kSectorSize, zeros);
    const std::string wrong = judge(seen);
    image().overwrite(sector * kSectorSize, before);
    ASSERT_EQ(wrong, "") << replay.command({sector});
    ++cases;
  }
  if (replay.everything()) {
    EXPECT_GT(seen, 0U);
  }
  done(cases);
}

TEST_F(Damage, EveryPairOfSwappedSectorsIsReportedOrHarmless) {
  const Replay replay = Replay::from_environment({"a", "b"});
  std::uint64_t cases = 0;
  std::uint64_t seen = 0;
  const std::vector<std::byte> file(image().cached().begin(), image().cached().end());
  const auto sector_of = [&file](std::uint64_t sector) {
    return Bytes(file).subspan(sector * kSectorSize, kSectorSize);
  };
  // Sectors that are all zeros are alike; one stands for them all.
  std::vector<std::uint64_t> sectors;
  bool zero_taken = false;
  for (std::uint64_t sector = 0; sector < used_bytes() / kSectorSize; ++sector) {
    const bool zero = all_zero(sector_of(sector));
    if (!zero || !zero_taken) sectors.push_back(sector);
    zero_taken = zero_taken || zero;
  }
  std::uint64_t pair = 0;
  for (const std::uint64_t a : replay.choice("a", sectors)) {
    for (const std::uint64_t b : replay.choice("b", sectors)) {
      if (a >= b) continue;
      if (++pair % stride(61) != 0 && replay.everything()) continue;
      image().overwrite(a * kSectorSize, sector_of(b));
      image().overwrite(b * kSectorSize, sector_of(a));
      const std::string wrong = judge(seen);
      image().overwrite(a * kSectorSize, sector_of(a));
      image().overwrite(b * kSectorSize, sector_of(b));
      ASSERT_EQ(wrong, "") << replay.command({a, b});
      ++cases;
    }
  }
  EXPECT_EQ(seen, cases);
  done(cases);
}

TEST_F(Damage, EveryMisdirectedPageIsReported) {  // PAGE-2
  const Replay replay = Replay::from_environment({"from", "to"});
  std::uint64_t seen = 0;
  std::uint64_t cases = 0;
  const std::vector<std::byte> file(image().cached().begin(), image().cached().end());
  for (const std::uint64_t from : replay.range("from", 32, newer_.page_count)) {
    for (const std::uint64_t to : replay.range("to", 32, newer_.page_count)) {
      // Zeros are what a free page may hold; EveryZeroedSector... has them.
      if (from == to || all_zero(Bytes(file).subspan(from * 4096, 4096))) continue;
      image().overwrite(to * 4096, Bytes(file).subspan(from * 4096, 4096));
      const std::string wrong = judge(seen);
      image().overwrite(to * 4096, Bytes(file).subspan(to * 4096, 4096));
      ASSERT_EQ(wrong, "") << replay.command({from, to});
      ++cases;
    }
  }
  EXPECT_EQ(seen, cases);
  done(cases);
}

TEST_F(Damage, EveryStaleSectorIsReportedOrHarmless) {
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
  std::uint64_t seen = 0;
  std::uint64_t cases = 0;
  for (const std::uint64_t sector : replay.range("sector", 0, used_bytes() / kSectorSize)) {
    const auto part = image().cached().subspan(sector * kSectorSize, kSectorSize);
    const std::vector<std::byte> before(part.begin(), part.end());
    if (!image().make_stale(sector)) continue;
    const std::string wrong = judge(seen);
    image().overwrite(sector * kSectorSize, before);
    ASSERT_EQ(wrong, "") << replay.command({sector});
    ++cases;
  }
  if (replay.everything()) {
    EXPECT_GT(cases, 20U);
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
  std::uint64_t seen = 0;
  std::uint64_t cases = 0;
  const std::vector<std::byte> file(image().cached().begin(), image().cached().end());
  // Each length down to the last byte of the last pages, and each sector's from there on.
  std::vector<std::uint64_t> lengths;
  for (std::uint64_t size = used_bytes(); size-- > 0;) {
    if (used_bytes() - size > 3 * 4096 && size % kSectorSize > 1) continue;
    if (size % stride(13) == 0) lengths.push_back(size);
  }
  for (const std::uint64_t size : replay.sample("length", 0, used_bytes(), std::move(lengths))) {
    image().resize(size);
    const std::string wrong = judge(seen);
    ASSERT_EQ(wrong, "") << replay.command({size});
    ++cases;
  }
  EXPECT_EQ(seen, cases);
  done(cases);
}

}  // namespace
}  // namespace caisson::pager

#include "pager/scrub.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/codec.h"
#include "io/memory.h"

namespace caisson::pager {
namespace {

// Read at once. A multiple of every page size, and room for the area of the metas.
constexpr std::size_t kChunkBytes = std::size_t{256} << 10U;

}  // namespace

// Holds no lock while it reads. So a page that looks damaged may merely have been on its way to
// the disk; it is then read again under the locks that keep writers away.
class Scrubber {
 public:
  Scrubber(Pager& pager, const ScrubOptions& options) : pager_(pager), options_(options) {}

  Result<ScrubReport> run() {
    if (options_.bytes_per_second != 0 && options_.clock == nullptr) {
      return fail(Code::kInvalidArgument, "bytes_per_second needs a clock");
    }
    if (options_.clock != nullptr) started_ = options_.clock->monotonic();
    find_dead_pages();
    CAISSON_RETURN_IF_ERROR(check_meta_area());
    const std::uint64_t chunk = kChunkBytes / pager_.page_size_;
    std::uint64_t next = to_u64(first_page(pager_.page_size_));
    while (true) {
      const std::uint64_t end = pager_.page_count_.load(std::memory_order_acquire);
      if (next >= end) break;
      if (options_.stop.stop_requested()) {
        report_.stopped = true;
        break;
      }
      const std::uint64_t count = std::min(chunk, end - next);
      CAISSON_RETURN_IF_ERROR(check_pages(PageId{next}, count));
      next += count;
      options_.progress(count * pager_.page_size_);
      pace(count * pager_.page_size_);
    }
    return std::move(report_);
  }

 private:
  enum class Use : std::uint8_t {
    kFree,
    kUnclaimed,  // Dead, and nobody has said yet whether a pin protects it.
    kInMemory,
    kInFile,
  };

  void add(ScrubSeverity severity, Error error) {
    ++report_.findings_total;
    std::vector<ScrubFinding>& kept = report_.findings;
    const std::uint64_t damage_kept = std::min<std::uint64_t>(report_.damage_total, kept.size());
    ScrubFinding finding{severity, std::move(error).in_file(pager_.file_->name())};
    if (severity == ScrubSeverity::kDamage) {
      // In front of the notes, of which the last one goes if there is no room.
      ++report_.damage_total;
      kept.insert(kept.begin() + static_cast<std::ptrdiff_t>(damage_kept), std::move(finding));
      if (kept.size() > options_.findings_max) kept.pop_back();
    } else if (kept.size() < options_.findings_max) {
      kept.push_back(std::move(finding));
    }
  }

  // From the medium: past the cache, and where that can't be, through a cache that was told to
  // forget. (It keeps what is mapped or dirty whatever it is told.) What has not been flushed yet
  // is seen by a direct read, too: the system writes it back first. If that fails, the next flush
  // through the writer's own descriptor reports it as well.
  Result<void> read(std::uint64_t offset, MutableBytes into) {
    if (direct_) {
      auto done = pager_.past_cache_->read_exactly(offset, into);
      if (done || done.error().code() != Code::kUnsupported) return done;
      direct_ = false;  // Some systems say so only when it is used.
    }
    pager_.file_->advise(offset, into.size(), io::Advice::kDontNeed);
    return pager_.file_->read_exactly(offset, into);
  }

  // Errors that say something of the file; any other, such as a lack of memory, ends the scrub.
  static bool is_finding(const Error& error) {
    return error.code() == Code::kIoError || error.code() == Code::kCorruption;
  }

  Result<void> check_meta_area() {
    // A meta may be half-written at any moment but while this is held.
    const MutexLock writing(pager_.write_mutex_);
    const Result<void> whole = read(0, buffer_.bytes().first(kMetaAreaSize));
    for (const MetaSlot slot : {MetaSlot::kA, MetaSlot::kB}) {
      const auto check_meta = [slot](Bytes block) -> Result<void> {
        auto meta = decode_meta(slot, block);
        if (!meta) return fail(std::move(meta).error());
        return {};
      };
      const auto check_gap = [slot](Bytes bytes) -> Result<void> {
        if (all_zero(bytes)) return {};
        return fail(Error(Code::kCorruption,
                          "bytes behind " + std::string(to_string(slot)) + " are not zero")
                        .with_rule("FILE-2"));
      };
      const std::uint64_t offset = meta_offset(slot);
      CAISSON_RETURN_IF_ERROR(check_part(offset, kMetaSize, whole, check_meta));
      CAISSON_RETURN_IF_ERROR(
          check_part(offset + kMetaSize, kMetaAreaSize / 2 - kMetaSize, whole, check_gap));
    }
    return {};
  }

  // One part of the area of the metas, which is in the buffer unless `whole` is an error: then the
  // part is read by itself.
  template <typename Check>
  Result<void> check_part(std::uint64_t offset, std::size_t size, const Result<void>& whole,
                          Check check) {
    const MutableBytes bytes = buffer_.bytes().subspan(offset, size);
    Result<void> checked = whole ? Result<void>{} : read(offset, bytes);
    if (checked) checked = check(bytes);
    if (checked) return {};
    if (!is_finding(checked.error())) return checked;
    Error error = std::move(checked).error();
    if (error.rule().empty() && error.code() == Code::kCorruption) {
      error = std::move(error).with_rule("FILE-3");
    }
    add(ScrubSeverity::kDamage, std::move(error).at_offset(offset));
    return {};
  }

  // Those that a checkpoint left; asking the allocator about each page in turn would take time in
  // proportion to the square of their number, which a hostile file chooses. Until the pins are
  // known none of them is reclaimed, and pages that die meanwhile are whole.
  void find_dead_pages() {
    const MutexLock lock(pager_.mutex_);
    if (!pager_.pins_known_) dead_at_start_ = pager_.allocator_.dead_pages();
  }

  Use use_of(PageId id) {
    const MutexLock lock(pager_.mutex_);
    if (pager_.allocator_.is_free(id)) return Use::kFree;
    if (!pager_.pins_known_ && dead_at_start_.contains(id)) return Use::kUnclaimed;
    return pager_.dirty_frame(id) || pager_.is_reserved(id) ? Use::kInMemory : Use::kInFile;
  }

  // One page that can't be read must not hide its neighbours: then each is read by itself.
  Result<void> check_pages(PageId first, std::uint64_t count) {
    const MutableBytes pages = buffer_.bytes().first(count * pager_.page_size_);
    const Result<void> whole = read(pager_.offset_of(first), pages);
    for (std::uint64_t i = 0; i < count; ++i) {
      const PageId id{to_u64(first) + i};
      const MutableBytes page = pages.subspan(i * pager_.page_size_, pager_.page_size_);
      CAISSON_RETURN_IF_ERROR(
          check_page_at(id, page, whole ? whole : read(pager_.offset_of(id), page)));
    }
    return {};
  }

  // `got` says whether the page's bytes are there.
  Result<void> check_page_at(PageId id, MutableBytes page, const Result<void>& got) {
    const Use use = use_of(id);
    if (use == Use::kInMemory) {
      ++report_.pages_in_memory;
      return {};
    }
    ++(use == Use::kFree ? report_.pages_free : report_.pages_checked);
    if (got && check(id, page, use)) return {};
    // Perhaps it changed under our eyes: once more, with everybody who writes kept away.
    const MutexLock writing(pager_.write_mutex_);
    const Use use_now = use_of(id);
    if (use_now == Use::kInMemory) return {};
    const Result<void> got_now = read(pager_.offset_of(id), page);
    if (!got_now && !is_finding(got_now.error())) return got_now;
    const Result<void> checked = got_now ? check(id, page, use_now) : got_now;
    if (checked) return {};
    Error error = Error(checked.error()).at_page(to_u64(id)).at_offset(pager_.offset_of(id));
    // The file ends before the page does: whatever the page is for.
    const bool cut_off = !got_now && got_now.error().code() == Code::kCorruption;
    if (cut_off) error = std::move(error).with_rule("FILE-3");
    add(use_now == Use::kInFile || cut_off ? ScrubSeverity::kDamage : ScrubSeverity::kNote,
        std::move(error));
    return {};
  }

  Result<void> check(PageId id, Bytes page, Use use) {
    if (use == Use::kFree && all_zero(page)) return {};
    const std::uint32_t known = use == Use::kInFile ? pager_.table_.checksum(id) : 0;
    return check_page(pager_.checksum_seed_, page,
                      {.id = id,
                       .checksum = known,
                       .txn_max = TxnId{pager_.newest_txn_.load(std::memory_order_acquire)}});
  }

  void pace(std::uint64_t bytes) {
    bytes_read_ += bytes;
    if (options_.bytes_per_second == 0) return;
    const auto due = std::chrono::nanoseconds(static_cast<std::int64_t>(
        static_cast<double>(bytes_read_) * 1e9 / static_cast<double>(options_.bytes_per_second)));
    const auto spent = options_.clock->monotonic() - started_;
    if (due > spent) options_.clock->sleep(due - spent);
  }

  Pager& pager_;
  const ScrubOptions& options_;
  PageSet dead_at_start_;
  io::AlignedBuffer buffer_{kChunkBytes};
  bool direct_ = pager_.past_cache_ != nullptr;
  ScrubReport report_;
  std::chrono::nanoseconds started_{};
  std::uint64_t bytes_read_ = 0;
};

Result<ScrubReport> scrub(Pager& pager, const ScrubOptions& options) {
  return Scrubber(pager, options).run();
}

}  // namespace caisson::pager

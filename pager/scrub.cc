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

  // The kernel keeps pages that are mapped or dirty whatever it is told, so this is as close to
  // the medium as a file descriptor shared with a mapping comes.
  Result<void> read(std::uint64_t offset, MutableBytes into) {
    pager_.file_->advise(offset, into.size(), io::Advice::kDontNeed);
    return pager_.file_->read_exactly(offset, into);
  }

  Result<void> check_meta_area() {
    const MutableBytes area = buffer_.bytes().first(kMetaAreaSize);
    // A meta may be half-written at any moment but while this is held.
    const MutexLock writing(pager_.write_mutex_);
    CAISSON_RETURN_IF_ERROR(read(0, area));
    for (const MetaSlot slot : {MetaSlot::kA, MetaSlot::kB}) {
      const std::uint64_t offset = meta_offset(slot);
      auto meta = decode_meta(slot, area.subspan(offset, kMetaSize));
      if (!meta) add(ScrubSeverity::kDamage, std::move(meta).error());
      const std::uint64_t gap = offset + kMetaSize;
      if (!all_zero(area.subspan(gap, kMetaAreaSize / 2 - kMetaSize))) {
        add(ScrubSeverity::kDamage,
            Error(Code::kCorruption,
                  "bytes behind " + std::string(to_string(slot)) + " are not zero")
                .at_offset(gap)
                .with_rule("FILE-2"));
      }
    }
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
    return pager_.dirty_frame(id) ? Use::kInMemory : Use::kInFile;
  }

  Result<void> check_pages(PageId first, std::uint64_t count) {
    const MutableBytes pages = buffer_.bytes().first(count * pager_.page_size_);
    CAISSON_RETURN_IF_ERROR(read(pager_.offset_of(first), pages));
    for (std::uint64_t i = 0; i < count; ++i) {
      CAISSON_RETURN_IF_ERROR(check_page_at(
          PageId{to_u64(first) + i}, pages.subspan(i * pager_.page_size_, pager_.page_size_)));
    }
    return {};
  }

  Result<void> check_page_at(PageId id, MutableBytes page) {
    const Use use = use_of(id);
    if (use == Use::kInMemory) {
      ++report_.pages_in_memory;
      return {};
    }
    ++(use == Use::kFree ? report_.pages_free : report_.pages_checked);
    if (use == Use::kFree && all_zero(page)) return {};
    if (check(id, page, use)) return {};
    // Perhaps it changed under our eyes: once more, with everybody who writes kept away.
    const MutexLock writing(pager_.write_mutex_);
    const Use use_now = use_of(id);
    if (use_now == Use::kInMemory) return {};
    CAISSON_RETURN_IF_ERROR(read(pager_.offset_of(id), page));
    if (use_now == Use::kFree && all_zero(page)) return {};
    if (auto checked = check(id, page, use_now); !checked) {
      add(use_now == Use::kInFile ? ScrubSeverity::kDamage : ScrubSeverity::kNote,
          std::move(checked.error()).at_offset(pager_.offset_of(id)));
    }
    return {};
  }

  Result<void> check(PageId id, Bytes page, Use use) {
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
  ScrubReport report_;
  std::chrono::nanoseconds started_{};
  std::uint64_t bytes_read_ = 0;
};

Result<ScrubReport> scrub(Pager& pager, const ScrubOptions& options) {
  return Scrubber(pager, options).run();
}

}  // namespace caisson::pager

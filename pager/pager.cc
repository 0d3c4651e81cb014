#include "pager/pager.h"

#include <algorithm>
#include <utility>

#include "pager/mutants.h"
#include "pager/page_writer.h"

namespace caisson::pager {
namespace {

// The file grows by an eighth of itself, within these bounds.
constexpr std::uint64_t kGrowthMinPages = 32;
constexpr std::uint64_t kGrowthMaxBytes = std::uint64_t{64} << 20U;

}  // namespace

Pager::Pager(std::unique_ptr<io::File> file, std::unique_ptr<io::File> past_cache,
             const PagerOptions& options, const Meta& meta)
    : options_(options),
      file_(std::move(file)),
      past_cache_(std::move(past_cache)),
      uuid_(meta.uuid),
      page_size_(meta.page_size),
      checksum_seed_(page_checksum_seed(meta.uuid)),
      limits_(meta.limits),
      opened_txn_(meta.txn) {}

// The lock in so many words (FILE-5): a child that was forked off has the file open as well.
Pager::~Pager() {
  if (!options_.read_only && fork_mark_.in_parent()) (void)file_->unlock(kLockOffset, 1);
}

// --- Reading -------------------------------------------------------------------------------------

Result<void> Pager::check_range(PageId id) const {
  if (has_page(id)) return {};
  const std::uint64_t end = page_count_.load(std::memory_order_acquire);
  return fail(Error(Code::kCorruption, "a reference to a page that can't be; pages go from " +
                                           std::to_string(to_u64(first_page(page_size_))) + " to " +
                                           std::to_string(end - 1))
                  .in_file(file_->name())
                  .at_page(to_u64(id))
                  .with_rule("PAGE-6")
                  .with_advice("Copy the store's files away before anything else; a scrub finds "
                               "what else is damaged."));
}

Result<void> Pager::check_first_read(const PageRef& ref, Bytes page) {
  // What this process wrote or verified itself counts more than the parent's word: a parent
  // that is still in memory does not know the checksums of children written since.
  const std::uint32_t known = table_.checksum(ref.id);
  // Nor can a page be younger than the checkpoint opened that nobody has written since.
  const TxnId newest{newest_txn_.load(std::memory_order_acquire)};
  const PageExpectation expected{.id = ref.id,
                                 .checksum = known != 0 ? known : ref.checksum,
                                 .txn_max = known != 0 ? newest : opened_txn_};
  if (auto checked = check_page(checksum_seed_, page, expected); !checked) {
    return fail(std::move(checked.error()).in_file(file_->name()).at_offset(offset_of(ref.id)));
  }
  if (known == 0 && ref.checksum == 0) {
    return fail(Error(Code::kCorruption, "a reference without a checksum")
                    .in_file(file_->name())
                    .at_page(to_u64(ref.id))
                    .with_rule("PAGE-4"));
  }
  if (options_.layout != nullptr) {
    if (auto checked = options_.layout->check(page); !checked) {
      return fail(std::move(checked.error()).in_file(file_->name()).at_offset(offset_of(ref.id)));
    }
  }
  table_.set_checksum(ref.id, stored_checksum(page.data()));
  pages_verified_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

Result<const std::byte*> Pager::read_first(const PageRef& ref) {
  CAISSON_RETURN_IF_ERROR(check_range(ref.id));
  if (const std::byte* page = table_.present(ref.id)) {
    if (table_.warm(ref.id, page)) return page;
  }
  if (const std::byte* page = table_.ready(ref.id)) return page;  // Another thread was faster.
  return mapping_ != nullptr ? read_mapped(ref) : read_private(ref);
}

Result<const std::byte*> Pager::read_mapped(const PageRef& ref) {
  const std::uint64_t offset = offset_of(ref.id);
  // Read-ahead is off, and then the kernel would fetch a page of ours one page of its own after
  // the other, waiting for each: this asks for all of them in one request.
  mapping_->advise(offset, page_size_, io::Advice::kWillNeed);
  if (auto populated = mapping_->populate(offset, page_size_); !populated) {
    if (populated.error().code() != Code::kUnsupported) {
      return fail(std::move(populated.error()).at_page(to_u64(ref.id)));
    }
    // An old kernel: reading the page first brings it into the cache, or fails as an error.
    std::vector<std::byte> scratch(page_size_);
    CAISSON_RETURN_IF_ERROR(file_->read_exactly(offset, scratch));
  }
  const std::byte* page = mapping_->base() + offset;
  CAISSON_RETURN_IF_ERROR(check_first_read(ref, page_bytes(page)));
  (void)table_.set_ready_if_absent(ref.id, page);
  return page;
}

Result<const std::byte*> Pager::read_private(const PageRef& ref) {
  std::uint32_t frame = 0;
  MutableBytes bytes;
  {
    const MutexLock lock(mutex_);
    const std::optional<std::uint32_t> taken = take_frame(FrameState::kCached, ref.id, TxnId{});
    if (!taken) return fail(frames_used_up());
    frame = *taken;
    bytes = {frames_.data(frame), page_size_};
  }
  // Without the lock: nobody else evicts or looks at a frame that is not in the table.
  Result<void> filled = file_->read_exactly(offset_of(ref.id), bytes);
  if (filled) filled = check_first_read(ref, bytes);
  if (filled && table_.set_ready_if_absent(ref.id, bytes.data())) return bytes.data();
  {
    const MutexLock lock(mutex_);
    frames_.give_back(frame);
  }
  if (!filled) return fail(std::move(filled.error()).at_page(to_u64(ref.id)));
  return read(ref);  // Another thread read the page at the same time; its copy serves.
}

const std::byte* Pager::prefetch(PageId id) {
  if (!has_page(id)) return nullptr;
  const std::byte* const page = table_.present(id);
  if (page == nullptr && mapping_ != nullptr) {
    mapping_->advise(offset_of(id), page_size_, io::Advice::kWillNeed);
  }
  return page;
}

void Pager::advise(io::Advice advice) {
  if (mapping_ != nullptr) {
    mapping_->advise(0, mapping_->size(), advice);  // What the file grows by later, too.
  } else {
    file_->advise(0, 0, advice);
  }
}

// --- Frames --------------------------------------------------------------------------------------

Error Pager::frames_used_up() const {
  return Error(Code::kResourceExhausted,
               "no frame is free: of " + std::to_string(frames_.capacity()) + ", " +
                   std::to_string(frames_.count(FrameState::kDirty)) + " are dirty, " +
                   std::to_string(frames_.count(FrameState::kCached)) + " cached and " +
                   std::to_string(frames_.count(FrameState::kRetired)) + " held for readers")
      .with_advice("Close old snapshots, write smaller transactions or raise memory_budget_bytes.");
}

// Frees what no reader can be looking at: as much as is quickly found, and all of it if fewer than
// `free_wanted` frames are free then.
void Pager::release_frames(std::uint64_t free_wanted) {
  if (!options_.readers) return;
  // The open transaction; or else whoever registers from now on, unseen.
  const std::uint64_t first = open_txn_ ? open_txn_->epoch : epoch();
  readers_.assign(1, {.epoch = first, .txn = kSeesEverything});
  options_.readers(readers_);
  frames_.release(readers_, free_wanted);
}

// Evicts ahead of need: a frame evicted now is free only once the readers of today are done, the
// one that asks included. So `reserve` are always kept free or on the way there, and an operation
// that reads no more pages than that always finds its frames.
void Pager::evict_ahead(std::uint64_t reserve) {
  if (!options_.readers || frames_.count(FrameState::kFree) >= reserve) return;
  release_frames(reserve);
  const std::uint64_t cached = frames_.count(FrameState::kCached);
  // Two rounds over the frames at most: the first may only cool what it meets.
  for (std::uint64_t step = 0; cached > 0 && step < 2 * std::uint64_t{frames_.touched()}; ++step) {
    if (frames_.count(FrameState::kFree) + frames_.count(FrameState::kRetired) >= reserve) break;
    clock_hand_ = (clock_hand_ + 1) % frames_.touched();
    const Frame& frame = frames_.frame(clock_hand_);
    const std::byte* bytes = frames_.data(clock_hand_);
    // A cached frame that is not in the table is being filled by its reader.
    if (frame.state != FrameState::kCached || table_.present(frame.id) != bytes) continue;
    if (table_.cool(frame.id) || !table_.remove_if_cool(frame.id, bytes)) continue;
    frames_.retire(clock_hand_, epoch_.fetch_add(1, std::memory_order_seq_cst));
  }
  release_frames(reserve);
}

std::optional<std::uint32_t> Pager::take_frame(FrameState state, PageId id, TxnId birth) {
  evict_ahead(frames_.capacity() / 8);
  return frames_.take(state, id, birth);
}

// A page and a frame for the open transaction, which nobody finds in the table yet.
Result<void> Pager::reserve_frame() {
  if (is_poisoned_.load(std::memory_order_acquire)) {
    return fail(Error(Code::kPoisoned, "an earlier write failed").in_file(file_->name()));
  }
  CAISSON_ASSIGN_OR_RETURN(const PageId id, take_page(open_txn_->use));
  const std::optional<std::uint32_t> frame = take_frame(FrameState::kReserved, id, open_txn_->txn);
  if (!frame) {
    allocator_.give_back(id);
    return fail(frames_used_up());
  }
  open_txn_->reserved.push_back(*frame);
  return {};
}

bool Pager::is_reserved(PageId id) const {
  return open_txn_ && std::ranges::any_of(open_txn_->reserved, [&](std::uint32_t frame) {
           mutex_.assume_held();
           return frames_.frame(frame).id == id;
         });
}

void Pager::release_reserved() {
  for (const std::uint32_t frame : open_txn_->reserved) {
    allocator_.give_back(frames_.frame(frame).id);
    frames_.give_back(frame);
  }
}

std::optional<std::uint32_t> Pager::dirty_frame(PageId id) const {
  if (to_u64(id) >= table_.capacity()) return std::nullopt;
  const std::optional<std::uint32_t> frame = frames_.index_of(table_.present(id));
  if (frame && frames_.frame(*frame).state == FrameState::kDirty) return frame;
  return std::nullopt;
}

void Pager::forget_page(PageId id) {
  const std::optional<std::uint32_t> frame = frames_.index_of(table_.present(id));
  table_.remove(id);
  if (!mutated(Mutant::kSupersededChecksum)) table_.set_checksum(id, 0);
  if (!frame) return;
  if (frames_.frame(*frame).state == FrameState::kCached) {
    // Whoever has just read the page may go on looking at it.
    frames_.retire(*frame, epoch_.fetch_add(1, std::memory_order_seq_cst));
  } else {
    frames_.give_back(*frame);
  }
}

void Pager::retire_written(std::span<const std::uint32_t> frames) {
  for (const std::uint32_t index : frames) table_.remove(frames_.frame(index).id);
  // After the removals: a reader that notes the new epoch can't find the frames any more.
  const std::uint64_t epoch = epoch_.fetch_add(1, std::memory_order_seq_cst);
  for (const std::uint32_t index : frames) frames_.retire(index, epoch);
  release_frames(0);
}

// --- Space ---------------------------------------------------------------------------------------

Result<void> Pager::grow(std::uint64_t pages) {
  const std::uint64_t capacity = allocator_.capacity();
  const std::uint64_t limit = table_.capacity();
  if (pages > limit - std::min(limit, capacity)) {
    return fail(Error(Code::kResourceExhausted, "the page file would outgrow " +
                                                    std::to_string(limit * page_size_) + " bytes")
                    .in_file(file_->name())
                    .with_advice("Reopen the store with a larger address_space_bytes."));
  }
  const std::uint64_t step =
      std::clamp(capacity / 8, kGrowthMinPages, kGrowthMaxBytes / page_size_);
  std::uint64_t wanted = std::min(std::max(pages, step), limit - capacity);
  while (!options_.read_only) {
    auto grown = file_->allocate(capacity * page_size_, wanted * page_size_);
    if (grown) break;
    if (grown.error().code() != Code::kOutOfSpace || wanted == pages) return grown;
    wanted = std::max(pages, wanted / 2);
  }
  allocator_.set_capacity(capacity + wanted);
  return {};
}

Result<PageId> Pager::take_page(AllocationUse use) {
  std::optional<PageId> id = allocator_.take(use);
  if (!id) {
    const std::uint64_t spare = allocator_.available(AllocationUse::kEmergency);
    const std::uint64_t missing = use == AllocationUse::kNormal ? kEmergencyPages + 1 - spare : 1;
    CAISSON_RETURN_IF_ERROR(grow(missing));
    id = allocator_.take(use);
  }
  page_count_.store(allocator_.page_count(), std::memory_order_release);
  return *id;
}

Result<void> Pager::reserve(std::uint64_t pages) {
  CAISSON_RETURN_IF_ERROR(prepare_to_write());
  const MutexLock lock(mutex_);
  const std::uint64_t spare = allocator_.available(AllocationUse::kEmergency);
  const std::uint64_t wanted = pages > kPageCountMax ? kPageCountMax : pages + kEmergencyPages;
  if (spare >= wanted) return {};
  return grow(wanted - spare);
}

void Pager::reclaim(std::span<const TxnId> pins) {
  std::vector<TxnId> all(pins.begin(), pins.end());
  const MutexLock lock(mutex_);
  for (const std::optional<Meta>& meta : metas_) {
    if (!meta) continue;
    if (mutated(Mutant::kPageReusedTooEarly) && meta->slot != current_) continue;
    all.push_back(meta->txn);
  }
  if (checkpoint_pin_) all.push_back(*checkpoint_pin_);
  std::ranges::sort(all);
  last_pins_.assign(pins.begin(), pins.end());
  pins_known_ = true;
  if (!spilling_ && !pins.empty()) {
    allocator_.reclaim(all, pins.back(), [this](const PageRun& run) {
      mutex_.assume_held();
      for (std::uint64_t i = 0; i < run.count; ++i) forget_page(PageId{to_u64(run.first) + i});
    });
  }
  release_frames(0);
}

std::uint64_t Pager::dead_behind(TxnId pin) const {
  const MutexLock lock(mutex_);
  return allocator_.dead_behind(pin);
}

void Pager::keep_dead() {
  const MutexLock lock(mutex_);
  allocator_.keep_dead();
}

void Pager::release_dead() {
  const MutexLock lock(mutex_);
  allocator_.release_dead();
}

// What readers hold is not to be had, for however long they stay.
std::uint64_t Pager::frames_not_held() const {
  return frames_.capacity() - frames_.count(FrameState::kRetired);
}

bool Pager::should_spill() const {
  const MutexLock lock(mutex_);
  return frames_.count(FrameState::kDirty) * 2 >= frames_not_held();
}

std::vector<std::uint32_t> Pager::choose_spill() const {
  std::vector<std::uint32_t> dirty;
  for (std::uint32_t index = 0; index < frames_.touched(); ++index) {
    if (frames_.frame(index).state == FrameState::kDirty) dirty.push_back(index);
  }
  std::ranges::stable_sort(dirty, {}, [this](std::uint32_t index) {
    mutex_.assume_held();
    return read_header(frames_.data(index)).level;
  });
  const std::uint64_t keep = frames_not_held() / 4;
  std::vector<bool> chosen(frames_.touched(), false);
  std::vector<std::uint32_t> result;
  std::vector<ChildSlot> slots;
  for (const std::uint32_t index : dirty) {
    if (dirty.size() - result.size() <= keep) break;
    slots.clear();
    const Bytes page = page_bytes(frames_.data(index));
    if (read_header(page.data()).level > 0) {
      if (options_.layout == nullptr) continue;
      options_.layout->child_slots(page, slots);
    }
    // A parent has to name its children's checksums, so they go first or it stays.
    const bool ready = std::ranges::all_of(slots, [&](const ChildSlot& slot) {
      mutex_.assume_held();
      const std::optional<std::uint32_t> child = dirty_frame(slot.id);
      return !child || chosen[*child];
    });
    if (!ready) continue;
    chosen[index] = true;
    result.push_back(index);
  }
  return result;
}

Result<std::uint64_t> Pager::spill() {
  CAISSON_RETURN_IF_ERROR(prepare_to_write());
  const MutexLock writing(write_mutex_);
  CAISSON_RETURN_IF_ERROR(check_writable());
  std::vector<std::uint32_t> frames;
  std::vector<PageImage> images;
  {
    const MutexLock lock(mutex_);
    spilling_ = true;
    frames = choose_spill();
    for (const std::uint32_t index : frames) {
      images.push_back({frames_.frame(index).id, frames_.data(index)});
    }
  }
  PageWriter writer(*file_, table_, options_.layout, page_size_, checksum_seed_);
  Result<void> written = writer.compute_checksums(images);
  if (written) {
    for (const PageImage& image : images) note_written(image.id);
    written = writer.write(std::move(images));
    if (!written && written.error().code() != Code::kOutOfSpace) poison(written.error());
  }
  const MutexLock lock(mutex_);
  spilling_ = false;
  if (!written) return fail(std::move(written).error());
  pages_written_.fetch_add(frames.size(), std::memory_order_relaxed);
  pages_spilled_.fetch_add(frames.size(), std::memory_order_relaxed);
  retire_written(frames);
  return frames.size();
}

// --- State ---------------------------------------------------------------------------------------

Result<void> Pager::check_writable() const {
  if (options_.read_only) {
    return fail(Error(Code::kReadOnly, "the page file was opened to read").in_file(file_->name()));
  }
  if (is_poisoned_.load(std::memory_order_acquire)) {
    return fail(Error(Code::kPoisoned, "an earlier write failed: " + poisoned()->message())
                    .in_file(file_->name())
                    .with_advice("Close the store and open it again: recovery finds out what "
                                 "reached the disk."));
  }
  return {};
}

// OPEN-5: what is changed in a file that was opened to read is never written.
Result<void> Pager::prepare_to_change() {
  return options_.read_only ? Result<void>{} : prepare_to_write();
}

Result<void> Pager::prepare_to_write() {
  CAISSON_RETURN_IF_ERROR(check_writable());
  const bool prepared = !newer_meta_left_.load(std::memory_order_acquire) &&
                        !unflushed_.load(std::memory_order_acquire);
  if (prepared) [[likely]]
    return {};
  const MutexLock writing(write_mutex_);
  CAISSON_RETURN_IF_ERROR(check_writable());  // Another thread may have tried, and failed.
  CAISSON_RETURN_IF_ERROR(flush_late());
  return erase_newer_meta();
}

// OPEN-1: what an earlier process left in the cache becomes durable, or we learn that it can't.
Result<void> Pager::flush_opened(io::File& file) {
  return mutated(Mutant::kCachedMetaTrusted) ? Result<void>{} : file.sync_data();
}

// The same, where the opening has not done it. Never tried again: after a failure nobody knows what
// the disk has.
Result<void> Pager::flush_late() {
  if (!unflushed_.load(std::memory_order_acquire)) return {};
  Result<void> flushed = flush_opened(*file_);
  if (flushed) flushed = flush_later_();
  if (!flushed) {
    poison(flushed.error());
    return flushed;
  }
  unflushed_.store(false, std::memory_order_release);
  return {};
}

// CKPT-7: whoever opened the older checkpoint has given the newer one up, and from the first change
// on it must not come back. The same goes for a meta that could not be read.
Result<void> Pager::erase_newer_meta() {
  if (!newer_meta_left_.load(std::memory_order_acquire)) return {};
  const MetaSlot slot = other(checkpointed().slot);
  Result<void> erased = file_->write(meta_offset(slot), MetaBlock{});
  if (erased) erased = file_->sync_data();
  if (!erased) {
    // Whatever the cause: lack of space, too, may have left a part of it.
    poison(erased.error());
    return fail(Error(Code::kDurabilityUnknown,
                      "the checkpoint that was given up may or may not "
                      "be erased: " +
                          erased.error().message())
                    .in_file(file_->name())
                    .with_rule("CKPT-7")
                    .with_advice("Close the store and open it again."));
  }
  newer_meta_left_.store(false, std::memory_order_release);
  return {};
}

void Pager::poison(const Error& cause) {
  const MutexLock lock(mutex_);
  if (!poison_cause_) poison_cause_ = cause;
  is_poisoned_.store(true, std::memory_order_release);
}

std::optional<Error> Pager::poisoned() const {
  const MutexLock lock(mutex_);
  return poison_cause_;
}

Meta Pager::checkpointed() const {
  const MutexLock lock(mutex_);
  return *metas_[static_cast<std::size_t>(current_)];
}

std::optional<Meta> Pager::checkpointed_before() const {
  const MutexLock lock(mutex_);
  return metas_[static_cast<std::size_t>(other(current_))];
}

PagerStats Pager::stats() const {
  const MutexLock lock(mutex_);
  return {.page_count = allocator_.page_count(),
          .file_pages = allocator_.capacity(),
          .free_pages = allocator_.free_count(),
          .dead_pages = allocator_.dead_count(),
          .frames = frames_.capacity(),
          .dirty_frames = frames_.count(FrameState::kDirty),
          .cached_frames = frames_.count(FrameState::kCached),
          .retired_frames = frames_.count(FrameState::kRetired),
          .pages_verified = pages_verified_.load(std::memory_order_relaxed),
          .pages_written = pages_written_.load(std::memory_order_relaxed),
          .pages_spilled = pages_spilled_.load(std::memory_order_relaxed),
          .checkpoints = checkpoints_.load(std::memory_order_relaxed),
          .mapped = mapping_ != nullptr,
          .locked = locked_,
          .poisoned = is_poisoned_.load(std::memory_order_relaxed)};
}

}  // namespace caisson::pager

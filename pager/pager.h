// The page file: pages that can be believed after any crash.
//
// What it is for. Trees are made of pages; a transaction makes new versions of some of them in
// memory (copy-on-write) and frees the old ones; a checkpoint writes what a root reaches, and
// then a meta that names it. A read follows references (id and checksum) from a root.
// Formats, rules and the reasons for both: spec/pages.md.
//
// What it doesn't know. Trees (a PageLayout tells where a page keeps its references), snapshots
// (their owner tells which txns are pinned and who is reading), the commit log (so it offers both
// metas, and whoever knows the log decides).
//
// Threads. Any number of readers: read() takes no lock once a page has been verified. One writer
// at a time, through PageTxn. One checkpoint at a time, on any thread, while the writer goes on.
// Where the file was opened to read, there can be a writer too: what it makes stays in memory
// (OPEN-5).
// scrub() and stats() on any thread.
//
// Lifetime of bytes. What read() returned is valid while its reader is registered. A reader
// registers by storing epoch(), and the txn whose root it is going to read, where the readers
// option looks, reading epoch() again, and starting over if it has moved (all sequentially
// consistent: otherwise frames could be released between the two unseen). While it doesn't know its
// txn yet, it is registered for kSeesEverything. It is registered until it takes its number away.
// It sees the pages of a root as long as that root's txn is among the pins given to reclaim();
// pages born after the txn that it is registered for may go under its eyes.
//
// The writer need not register for what it reads: the open transaction has an epoch of its own,
// that of the last PageTxn::renew(), and what the writer was given since then stays, whenever it
// was born.

#ifndef CAISSON_PAGER_PAGER_H_
#define CAISSON_PAGER_PAGER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "io/memory.h"
#include "io/vfs.h"
#include "pager/allocator.h"
#include "pager/frame_pool.h"
#include "pager/layout.h"
#include "pager/meta.h"
#include "pager/options.h"
#include "pager/page.h"
#include "pager/page_table.h"
#include "pager/registered_reader.h"
#include "pager/sparse_page_set.h"

namespace caisson::pager {

class OpenAttempt;
class PageTxn;
enum class UnreadMeta : std::uint8_t;
struct PageImage;

// FILE-5: the byte that a writer locks.
inline constexpr std::uint64_t kLockOffset = 0;

// What a checkpoint is to hold. Everything but the pages' own state comes from the caller.
struct CheckpointRequest {
  // Durable in the log, not below the last one's, and among the pins of every reclaim() since it
  // was sealed (or later than all of them): else pages of its root may have been reused.
  TxnId txn{};
  PageId root{};  // 0: no tree.
  std::uint32_t apply_version = 0;
  LogPosition log;

  // Comes and goes with the checkpoint; whoever opens it finds it with its candidate. Lives as long
  // as the call.
  Bytes attachment = {};
};

struct CheckpointResult {
  Meta meta;                        // As written.
  std::uint64_t pages_written = 0;  // Tree pages and allocation blob.
};

struct PagerStats {
  std::uint64_t page_count = 0;
  std::uint64_t file_pages = 0;  // Room in the file.
  std::uint64_t free_pages = 0;
  std::uint64_t dead_pages = 0;  // Freed, but somebody may still read them.
  std::uint64_t frames = 0;      // The memory budget, in pages.
  std::uint64_t dirty_frames = 0;
  std::uint64_t cached_frames = 0;
  std::uint64_t retired_frames = 0;  // Held only for readers.
  std::uint64_t pages_verified = 0;  // First reads since the file was opened.
  std::uint64_t pages_written = 0;
  std::uint64_t pages_spilled = 0;  // Of those, written before their checkpoint.
  std::uint64_t checkpoints = 0;
  bool mapped = false;
  bool locked = false;  // Kept in memory once read (lock_in_memory).
  bool poisoned = false;
};

class Pager {
 public:
  ~Pager();
  Pager(const Pager&) = delete;
  Pager& operator=(const Pager&) = delete;

  // --- Reading -------------------------------------------------------------------------------

  // The bytes of a page, page_size() of them. A page that was verified before costs one table
  // load and one bit test: no lock, no allocation, no system call. The first read checks PAGE-1
  // to PAGE-6, and what the layout option checks. Errors: kCorruption naming page and rule;
  // kIoError; kResourceExhausted (private copies only: every frame is in use).
  Result<const std::byte*> read(const PageRef& ref) {
    if (const std::byte* page = table_.ready(ref.id)) [[likely]]
      return page;
    return read_first(ref);
  }

  // The number by which a reader registers. Grows with every batch of frames retired. Never waits.
  std::uint64_t epoch() const { return epoch_.load(std::memory_order_seq_cst); }

  // Whether a page of this number can be (PAGE-6).
  bool has_page(PageId id) const {
    return to_u64(id) >= to_u64(first_page(page_size_)) &&
           to_u64(id) < page_count_.load(std::memory_order_acquire);
  }

  // Asks the system to fetch a page that will be read soon, unless it is in memory: then returns
  // where, for whoever wants to have the processor fetch it. Only a hint.
  const std::byte* prefetch(PageId id);

  // Tells what reads are to come: kRandom (the default) or kSequential, for scans.
  void advise(io::Advice advice);

  // --- What it is ----------------------------------------------------------------------------

  std::uint32_t page_size() const { return page_size_; }
  const Uuid& uuid() const { return uuid_; }
  bool read_only() const { return options_.read_only; }

  // Whether readers look into a mapping of the file; else at private copies, which are evicted
  // where memory runs short, but never under a reader who is registered.
  bool mapped() const { return mapping_ != nullptr; }

  // The checkpoint in force: the one opened, or the last one written.
  Meta checkpointed() const;

  // The one before, if it is whole: what a log has to reach back to, since that one may be needed.
  std::optional<Meta> checkpointed_before() const;

  PagerStats stats() const;

  // How many dead pages wait, as far as is known since the last reclaim(), for this pin to go.
  // Others may keep some of them as well. O(runs of pages).
  std::uint64_t dead_behind(TxnId pin) const;

  // --- Space and memory ----------------------------------------------------------------------

  // Makes sure that `pages` pages can be allocated without growing the file.
  // kOutOfSpace when the disk has no room, kResourceExhausted beyond address_space_bytes.
  Result<void> reserve(std::uint64_t pages);

  // Frees dead pages that no pin protects, and frames that no reader looks at. `pins` is sorted:
  // every txn whose root somebody may read, now or later; the published root and sealed ones
  // are among them. Both metas and a running checkpoint are added here. Any thread: pages that
  // died later than the newest pin are left for the next call, since transactions may have been
  // sealed after the pins were looked at; and so are all while spill() runs.
  void reclaim(std::span<const TxnId> pins);

  // Leaves the pages alone that are dead now, whatever the pins, until release_dead(): for who has
  // just opened the file, and does not know which earlier checkpoints are being read. Any thread.
  void keep_dead();
  void release_dead();

  // True once half of the frames that no reader holds are dirty: time for a checkpoint, or spill().
  bool should_spill() const;

  // Writes dirty pages early, from the lowest level up, until a quarter of those frames is dirty
  // or nothing more can be; returns how many. Only for the writer, between operations: pages of
  // the open transaction that were written can't be edited any more, only copied.
  // A failure poisons, but for kOutOfSpace.
  Result<std::uint64_t> spill();

  // --- Shrinking (CKPT-10) -------------------------------------------------------------------

  // Forgets the free pages at the file's end, down to so many pages: the next checkpoint says that
  // it has no such pages. Returns how many. They can be taken again at any time. Errors: as a
  // change. O(pages given up).
  Result<std::uint64_t> give_up_end(std::uint64_t page_count_min);

  // Cuts off what lies behind the pages of both metas, and those taken since, but for some that are
  // kept for a full disk. Returns how many bytes: 0 where a meta is damaged, too. kIoError and the
  // like change nothing.
  Result<std::uint64_t> truncate_end();

  // --- Checkpoint ----------------------------------------------------------------------------

  // Writes a checkpoint: K1 to K4 of spec/pages.md, section 5. On return both metas are whole
  // and the new one is durable. kInvalidArgument, and kOutOfSpace before the meta was written,
  // change nothing. A failure to write poisons: kDurabilityUnknown in K2 or later, kIoError in K1.
  Result<CheckpointResult> checkpoint(const CheckpointRequest& request);

  // Why this handle refuses to write, if it does (CKPT-4). Sticky.
  std::optional<Error> poisoned() const;

 private:
  friend class OpenAttempt;
  friend class PageTxn;
  friend class Scrubber;
  friend Result<std::unique_ptr<Pager>> open_pager(OpenAttempt attempt, MetaSlot slot,
                                                   UnreadMeta unread);

  struct CheckpointPlan;

  // What a transaction did since a savepoint began.
  struct Savepoint {
    SparsePageSet allocated;
    std::vector<PageId> own_freed;  // Made before it began: gone only with its release.
    std::size_t freed_before = 0;   // Of OpenTxn::freed.
  };

  // The transaction that is open, if any. A page that it made and freed is no longer in
  // `allocated`: it may belong to somebody else by now, such as a checkpoint's blob.
  struct OpenTxn {
    OpenTxn(TxnId number, std::uint64_t now) : txn(number), epoch(now) {}

    TxnId txn{};
    std::uint64_t epoch = 0;  // Of the last renew(): as a reader's.
    SparsePageSet allocated;
    std::vector<std::uint32_t> reserved;  // Frames, each with a page's number, for allocate().
    std::vector<DeadPage> freed;
    std::vector<Savepoint> savepoints;
    AllocationUse use = AllocationUse::kNormal;
  };

  Pager(std::unique_ptr<io::File> file, std::unique_ptr<io::File> past_cache,
        const PagerOptions& options, const Meta& meta);

  std::uint64_t offset_of(PageId id) const { return to_u64(id) * page_size_; }
  Bytes page_bytes(const std::byte* page) const { return {page, page_size_}; }

  Result<const std::byte*> read_first(const PageRef& ref);
  Result<const std::byte*> read_mapped(const PageRef& ref);
  Result<const std::byte*> read_private(const PageRef& ref);
  Result<void> check_range(PageId id) const;
  Result<void> check_first_read(const PageRef& ref, Bytes page);
  void evict_ahead(std::uint64_t reserve) CAISSON_REQUIRES(mutex_);
  Error frames_used_up() const CAISSON_REQUIRES(mutex_);

  Result<void> check_writable() const;
  static Result<void> flush_opened(io::File& file);
  Result<void> prepare_to_change();
  Result<void> flush_late() CAISSON_REQUIRES(write_mutex_);
  Result<void> erase_newer_meta() CAISSON_REQUIRES(write_mutex_);
  Result<void> prepare_to_write();
  Result<PageId> take_page(AllocationUse use) CAISSON_REQUIRES(mutex_);
  Result<void> grow(std::uint64_t pages) CAISSON_REQUIRES(mutex_);
  std::optional<std::uint32_t> take_frame(FrameState state, PageId id, TxnId birth)
      CAISSON_REQUIRES(mutex_);
  Result<void> reserve_frame() CAISSON_REQUIRES(mutex_);
  void release_reserved() CAISSON_REQUIRES(mutex_);
  void free_own_page(PageId id) CAISSON_REQUIRES(mutex_);
  void drop_own_page(PageId id) CAISSON_REQUIRES(mutex_);
  void release_last_savepoint() CAISSON_REQUIRES(mutex_);
  bool is_reserved(PageId id) const CAISSON_REQUIRES(mutex_);
  std::optional<std::uint32_t> dirty_frame(PageId id) const CAISSON_REQUIRES(mutex_);
  void forget_page(PageId id) CAISSON_REQUIRES(mutex_);
  void release_frames(std::uint64_t free_wanted) CAISSON_REQUIRES(mutex_);
  std::uint64_t frames_not_held() const CAISSON_REQUIRES(mutex_);
  std::vector<std::uint32_t> choose_spill() const CAISSON_REQUIRES(mutex_);
  void retire_written(std::span<const std::uint32_t> frames) CAISSON_REQUIRES(mutex_);
  void poison(const Error& cause);

  Result<CheckpointPlan> plan_checkpoint(const CheckpointRequest& request);
  Result<void> check_root(const CheckpointRequest& request) const CAISSON_REQUIRES(mutex_);
  Result<void> take_blob_pages(CheckpointPlan& plan, Bytes attachment) CAISSON_REQUIRES(mutex_);
  void give_back_blob(CheckpointPlan& plan) CAISSON_REQUIRES(mutex_);
  Result<void> write_checkpoint(const CheckpointRequest& request, CheckpointPlan& plan)
      CAISSON_REQUIRES(write_mutex_);
  void note_written(PageId last) CAISSON_REQUIRES(write_mutex_);
  Result<void> reach_end(const Meta& meta) CAISSON_REQUIRES(write_mutex_);
  Result<void> flush_and_write_meta(const Meta& meta);
  void abandon(CheckpointPlan& plan);
  void complete(CheckpointPlan& plan);

  const PagerOptions options_;
  const std::unique_ptr<io::File> file_;
  const std::unique_ptr<io::File> past_cache_;  // The same, read directly; null where it can't be.
  const io::ForkMark fork_mark_;
  const Uuid uuid_;
  const std::uint32_t page_size_;
  const std::uint32_t checksum_seed_;
  const Limits limits_;
  const TxnId opened_txn_;                // Of the checkpoint opened.
  std::unique_ptr<io::Mapping> mapping_;  // Null: private copies.
  bool locked_ = false;                   // Set by open_pager, never again.
  PageTable table_;

  std::atomic<std::uint64_t> epoch_{1};
  std::atomic<std::uint64_t> page_count_{0};  // Mirrors the allocator's, for readers.
  std::atomic<std::uint64_t> newest_txn_{0};  // No page is younger; the open one's included.
  std::atomic<std::uint64_t> pages_verified_{0};
  std::atomic<std::uint64_t> pages_written_{0};
  std::atomic<std::uint64_t> pages_spilled_{0};
  std::atomic<std::uint64_t> checkpoints_{0};
  std::atomic<bool> is_poisoned_{false};

  // The other slot holds a meta that has been given up: one that is newer than the one opened, or
  // one that could not be read (CKPT-7).
  std::atomic<bool> newer_meta_left_{false};

  // What was opened has still to be flushed before anything is changed (OPEN-1).
  std::atomic<bool> unflushed_{false};

  // Held while pages are written, by a checkpoint or by spill(). Taken before mutex_.
  Mutex write_mutex_;

  std::function<Result<void>()> flush_later_ CAISSON_GUARDED_BY(write_mutex_);

  // Behind the last page that the checkpoint opened has, or that was written since (CKPT-9).
  std::uint64_t written_end_ CAISSON_GUARDED_BY(write_mutex_) = 0;

  mutable Mutex mutex_;
  Allocator allocator_ CAISSON_GUARDED_BY(mutex_);
  FramePool frames_ CAISSON_GUARDED_BY(mutex_);
  std::optional<OpenTxn> open_txn_ CAISSON_GUARDED_BY(mutex_);
  TxnId sealed_txn_ CAISSON_GUARDED_BY(mutex_){};                        // The last one.
  std::array<std::optional<Meta>, 2> metas_ CAISSON_GUARDED_BY(mutex_);  // Those that are whole.
  MetaSlot current_ CAISSON_GUARDED_BY(mutex_) = MetaSlot::kA;
  std::uint64_t last_sequence_ CAISSON_GUARDED_BY(mutex_) = 0;
  std::array<std::vector<PageId>, 2> blob_pages_ CAISSON_GUARDED_BY(mutex_);
  std::optional<TxnId> checkpoint_pin_ CAISSON_GUARDED_BY(mutex_);
  bool spilling_ CAISSON_GUARDED_BY(mutex_) = false;  // Frames of dead pages are being written.
  std::vector<TxnId> last_pins_ CAISSON_GUARDED_BY(mutex_);  // As reclaim() was last given them.
  bool pins_known_ CAISSON_GUARDED_BY(mutex_) = false;       // reclaim() has been called.
  std::optional<Error> poison_cause_ CAISSON_GUARDED_BY(mutex_);
  std::uint32_t clock_hand_ CAISSON_GUARDED_BY(mutex_) = 0;
  std::vector<RegisteredReader> readers_ CAISSON_GUARDED_BY(mutex_);  // For release_frames().
};

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_PAGER_H_

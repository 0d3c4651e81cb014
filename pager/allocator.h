// Which page ids are in use, free, or waiting to become free.

#ifndef CAISSON_PAGER_ALLOCATOR_H_
#define CAISSON_PAGER_ALLOCATOR_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "pager/allocation.h"
#include "pager/dead_pages.h"
#include "pager/page_set.h"

namespace caisson::pager {

// This many pages stay unused in the file until somebody asks for the last of the space: so that
// deletes, and the checkpoint that makes them effective, still run on a full disk.
inline constexpr std::uint64_t kEmergencyPages = 32;

enum class AllocationUse : std::uint8_t { kNormal, kEmergency };

// What becomes of the ids that a checkpoint calls free or dead.
enum class CheckpointIds : std::uint8_t {
  kReused,
  kLeftAlone,  // Others may read or write these pages: only new ids are taken.
};

// Ids from the first page's to page_count() are known; those up to capacity() have room in the
// file. Not thread-safe; the pager's mutex guards it.
class Allocator {
 public:
  Allocator() = default;

  // The state that a checkpoint left. Its earlier-blob pages are not free: take them from the
  // state and give them back when their meta has been overwritten.
  Allocator(std::uint64_t page_count, std::uint64_t capacity, const AllocationState& state,
            CheckpointIds ids = CheckpointIds::kReused);

  std::uint64_t page_count() const { return page_count_; }
  std::uint64_t capacity() const { return capacity_; }
  void set_capacity(std::uint64_t capacity) { capacity_ = capacity; }
  std::uint64_t free_count() const { return free_.count() + left_free_.count(); }
  std::uint64_t dead_count() const { return dead_.count() + left_dead_.count(); }
  bool is_free(PageId id) const { return free_.contains(id) || left_free_.contains(id); }

  std::uint64_t dead_behind(TxnId pin) const { return dead_.count_behind(pin); }

  // The dead pages. O(dead pages + largest id / 64).
  PageSet dead_pages() const;

  // Ids that can be taken without growing the file.
  std::uint64_t available(AllocationUse use) const;

  // The lowest free id, or a new one; none when the file has to grow first.
  std::optional<PageId> take(AllocationUse use);

  // The ids are free at once: nothing that anybody can read refers to them.
  void give_back(PageId id) { free_.insert(id); }
  void give_back(const PageRun& run) { free_.insert(run); }

  // Forgets the free ids at the end, down to `least` ids; returns how many. They have room in the
  // file still, and are new ones when they are taken again.
  std::uint64_t give_up_end(std::uint64_t least);

  // The pages that a sealed transaction made. They count as free in checkpoints of earlier
  // transactions.
  void add_young(TxnId txn, std::vector<PageId> pages);

  // A page freed by a sealed transaction.
  void retire(const DeadPage& page) { dead_.add(page); }

  // Leaves the pages alone that are dead now, whatever the pins, until release_dead().
  void keep_dead() { std::swap(dead_, left_dead_); }
  void release_dead();

  // Frees the dead pages that no pin protects and that died no later than `newest`, and tells of
  // each. `pins` is sorted.
  template <typename Freed>
  void reclaim(std::span<const TxnId> pins, TxnId newest, Freed freed) {
    dead_.reclaim(pins, newest, [&](const DeadRun& dead) {
      free_.insert(dead.run);
      freed(dead.run);
    });
  }

  // What a checkpoint of `txn` says of unused pages. A dead page that never reached the file
  // (`never_written` tells) is free there: only this process can read it. `open_txn_pages` belong
  // to a transaction that isn't sealed. The blobs: of this checkpoint, of the last one, and of the
  // one it overwrites.
  AllocationState as_of(TxnId txn, std::span<const PageId> open_txn_pages,
                        std::span<const PageId> blob, std::span<const PageId> earlier_blob,
                        std::span<const PageId> overwritten_blob,
                        const std::function<bool(PageId)>& never_written) const;

  // A checkpoint of `txn` is durable: its pages are not young any more.
  void forget_young(TxnId txn);

 private:
  struct Young {
    TxnId txn{};
    std::vector<PageId> pages;
  };

  std::uint64_t page_count_ = 0;
  std::uint64_t capacity_ = 0;
  PageSet free_;
  DeadPages dead_;
  PageSet left_free_;    // Left alone: those of the checkpoint that is read,
  DeadPages left_dead_;  // and dead pages of either.
  // By txn, ascending. May name ids that were freed since, or even taken again; both are free
  // as of any earlier txn, which is all that is asked of it.
  std::deque<Young> young_;
};

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_ALLOCATOR_H_

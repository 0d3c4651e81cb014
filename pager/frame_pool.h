// Pages in memory: new ones that the file doesn't hold yet, and, where the file isn't mapped,
// verified copies of those that it does.

#ifndef CAISSON_PAGER_FRAME_POOL_H_
#define CAISSON_PAGER_FRAME_POOL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <new>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "io/memory.h"
#include "pager/dead_pages.h"
#include "pager/registered_reader.h"

namespace caisson::pager {

enum class FrameState : std::uint8_t {
  kFree,
  kDirty,     // A new page. It changes only while the transaction that made it is open.
  kCached,    // A verified copy of a page of the file.
  kRetired,   // No longer in the page table, but a reader may still look at it.
  kReserved,  // Kept for a page that the open transaction is going to make.
};

struct Frame {
  FrameState state = FrameState::kFree;
  PageId id{};
  TxnId birth{};
  TxnId death = kAlive;
  bool zeros = false;  // Nothing has been written there yet.
};

// A fixed number of frames in one range of addresses; their memory appears when first used, and so
// does what is known of each.
//
// A frame that leaves the page table is retired with the number of the present epoch. Readers
// note the epoch when they start, and the txn whose state they read. So a frame retired in epoch E,
// with a page born at B, is free for reuse unless a reader has an epoch of at most E and a txn of
// at least B: one that stays for long holds what it may have seen, and nothing that came later. A
// private copy is taken with a birth of 0, since any reader may have asked for it.
//
// Not thread-safe; the pager's mutex guards it. The bytes of a frame follow the page table's
// rules.
class FramePool {
 public:
  FramePool() = default;

  // kResourceExhausted when the addresses for so many aren't to be had.
  static Result<FramePool> create(std::uint32_t page_size, std::uint64_t frame_count);

  std::uint64_t capacity() const { return capacity_; }
  std::uint64_t count(FrameState state) const { return counts_[static_cast<std::size_t>(state)]; }

  // A free frame, with whatever bytes it had last, or zeros (it says so); none when all are in use.
  std::optional<std::uint32_t> take(FrameState state, PageId id, TxnId birth);

  // Gives a frame that is in use another use.
  void set_state(std::uint32_t index, FrameState state);

  // Makes a frame free at once: no reader can have seen it.
  void give_back(std::uint32_t index);

  // Puts a frame that readers may look at aside, until release() finds that none does. Epochs
  // ascend.
  void retire(std::uint32_t index, std::uint64_t epoch);

  // Frees what was retired before the oldest of all readers. If fewer than `free_wanted` frames are
  // free then, also what was retired later and none of them can have seen: that looks at every
  // retired frame, but not twice for the same readers. Reorders `readers`.
  void release(std::span<RegisteredReader> readers, std::uint64_t free_wanted);

  std::byte* data(std::uint32_t index) const { return memory_.data() + index * page_size_; }

  // The frame that these bytes are, if they are one.
  std::optional<std::uint32_t> index_of(const std::byte* bytes) const;

  // REQUIRES: index < touched().
  Frame& frame(std::uint32_t index) { return frames()[index]; }
  const Frame& frame(std::uint32_t index) const { return frames()[index]; }

  // The number of frames ever taken: indexes from here on are free and untouched.
  std::uint32_t touched() const { return touched_; }

 private:
  struct Retired {
    std::uint64_t epoch = 0;
    std::uint32_t index = 0;
  };

  void release_unseen(std::span<const RegisteredReader> steps);

  Frame* frames() const { return std::launder(reinterpret_cast<Frame*>(frames_.data())); }

  std::uint64_t page_size_ = 0;  // A power of two,
  int page_shift_ = 0;           // and its exponent.
  io::ReservedMemory memory_;
  std::uint64_t capacity_ = 0;
  io::ReservedMemory frames_;  // A Frame each; made when first taken.
  std::uint32_t touched_ = 0;
  std::uint64_t populated_ = 0;  // Frames whose memory has been asked for.
  std::vector<std::uint32_t> free_;
  std::deque<Retired> retired_;  // By epoch, ascending.
  // Who holds all that is retired, or all but what was retired since the last look at every frame.
  std::vector<RegisteredReader> holders_;
  bool retired_since_ = false;
  std::array<std::uint64_t, 5> counts_{};
};

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_FRAME_POOL_H_

// Who reads what: the snapshots that are open, and the reads that go on.
//
// Two kinds of slots, each in a cache line of its own. A snapshot's slot holds its state, so that
// the pages of that state are not reused. A read's slot holds the pager's epoch, so that frames
// which left the page table since are not reused: for as long as somebody looks at bytes, not for
// as long as a snapshot is open. Taking a slot and giving it back is a few atomic operations: no
// lock, no allocation (but of 64 slots at once, where more are open than ever before), no system
// call.

#ifndef CAISSON_MVCC_READER_REGISTRY_H_
#define CAISSON_MVCC_READER_REGISTRY_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "mvcc/state.h"

namespace caisson::mvcc {

// Slots that threads take, one for each thing that is open. `Slot` has a method
// `bool try_take(args...)`, which takes it if it is free. Thread-safe.
template <typename Slot>
class SlotArray {
 public:
  static constexpr std::size_t kChunk = 64;
  static constexpr std::size_t kSlotsMax = 64 * kChunk;

  SlotArray() = default;
  SlotArray(const SlotArray&) = delete;
  SlotArray& operator=(const SlotArray&) = delete;

  // A slot that was free; null where kSlotsMax are taken.
  template <typename... Args>
  Slot* take(Args... args) {
    // Where this thread found one last, so that threads keep out of each other's way.
    thread_local std::size_t hint = next_hint();
    while (true) {
      const std::size_t chunks = chunks_.load(std::memory_order_acquire);
      for (std::size_t i = 0; i < chunks * kChunk; ++i) {
        const std::size_t index = (hint + i) % (chunks * kChunk);
        Slot& slot = at(index);
        if (!slot.try_take(args...)) continue;
        hint = index;
        return &slot;
      }
      if (!add_chunk(chunks)) return nullptr;
    }
  }

  template <typename Visit>
  void for_each(Visit visit) const {
    const std::size_t chunks = chunks_.load(std::memory_order_seq_cst);
    for (std::size_t i = 0; i < chunks * kChunk; ++i) visit(at(i));
  }

 private:
  using Chunk = std::array<Slot, kChunk>;

  static std::size_t next_hint() {
    static std::atomic<std::size_t> threads{0};
    return threads.fetch_add(1, std::memory_order_relaxed) % kChunk;
  }

  Slot& at(std::size_t index) const { return (*slots_[index / kChunk])[index % kChunk]; }

  bool add_chunk(std::size_t had) {
    const MutexLock lock(mutex_);
    const std::size_t chunks = chunks_.load(std::memory_order_relaxed);
    if (chunks != had) return true;
    if (chunks * kChunk == kSlotsMax) return false;
    slots_[chunks] = std::make_unique<Chunk>();
    chunks_.store(chunks + 1, std::memory_order_seq_cst);
    return true;
  }

  Mutex mutex_;  // Held while slots are added; those that are there stay where they are.
  std::atomic<std::size_t> chunks_{0};
  std::array<std::unique_ptr<Chunk>, kSlotsMax / kChunk> slots_;
};

// An open snapshot: its state; null if the slot is free.
struct alignas(64) SnapshotSlot {
  std::atomic<const State*> state{nullptr};

  bool try_take(const State* wanted) {
    if (state.load(std::memory_order_relaxed) != nullptr) return false;
    const State* free = nullptr;
    return state.compare_exchange_strong(free, wanted, std::memory_order_seq_cst);
  }
  void give_back() { state.store(nullptr, std::memory_order_release); }
};

// Somebody who looks at bytes of pages. Taken, but not registered yet, while the epoch is 0.
struct alignas(64) ReadSlot {
  std::atomic<std::uint64_t> taken{0};  // The txn whose state is read, and one more; 0: free.
  std::atomic<std::uint64_t> epoch{0};

  bool try_take(TxnId txn) {
    if (taken.load(std::memory_order_relaxed) != 0) return false;
    std::uint64_t free = 0;
    return taken.compare_exchange_strong(free, to_u64(txn) + 1, std::memory_order_acq_rel);
  }
  void give_back() {
    epoch.store(0, std::memory_order_release);
    taken.store(0, std::memory_order_release);
  }
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_READER_REGISTRY_H_

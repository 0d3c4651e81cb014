// Who may write: one transaction at a time, and the order of those that wait (spec/store.md,
// section 5).

#ifndef CAISSON_MVCC_WRITE_SLOT_H_
#define CAISSON_MVCC_WRITE_SLOT_H_

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/mutex.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "io/vfs.h"

namespace caisson::mvcc {

// Most transactions are shorter than it takes to wake a thread. So whoever takes the slot wakes the
// one that has waited longest, which then looks, without sleeping, for the moment when it is given
// back: for a while, one thread at a time, and before any that comes later.
//
// Thread-safe.
class WriteSlot {
 public:
  explicit WriteSlot(io::Clock& clock) : clock_(clock) {}
  WriteSlot(const WriteSlot&) = delete;
  WriteSlot& operator=(const WriteSlot&) = delete;

  // Waits for it for up to `timeout`. kBusy; kInvalidArgument where it is closed.
  Result<void> take(std::chrono::nanoseconds timeout);

  // REQUIRES: it is taken.
  void give_back();

  bool taken() const { return taken_.load(std::memory_order_acquire); }
  bool closed() const;

  // Nobody takes it any more, those who wait included. False, and nothing changes, where it is
  // taken.
  bool close();

 private:
  Result<bool> take_or_wait(std::chrono::nanoseconds timeout);
  void look_for_its_return() CAISSON_REQUIRES(mutex_);

  io::Clock& clock_;
  mutable Mutex mutex_;
  CondVar given_back_;
  std::uint64_t asleep_ CAISSON_GUARDED_BY(mutex_) = 0;
  bool looking_ CAISSON_GUARDED_BY(mutex_) = false;  // A thread is, and will have it.
  bool closed_ CAISSON_GUARDED_BY(mutex_) = false;
  std::atomic<bool> taken_{false};  // Changed under the mutex.
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_WRITE_SLOT_H_

// Who may write: one transaction at a time.

#ifndef CAISSON_MVCC_WRITE_SLOT_H_
#define CAISSON_MVCC_WRITE_SLOT_H_

#include <chrono>

#include "base/mutex.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "io/vfs.h"

namespace caisson::mvcc {

// Whoever asks when nobody has it takes it, and one that waits is woken when it is given back. They
// may come first who ask just then: a thread that runs does more than one that has to be woken.
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

  bool taken() const;
  bool closed() const;

  // Nobody takes it any more, those who wait included. False, and nothing changes, where it is
  // taken.
  bool close();

 private:
  io::Clock& clock_;
  mutable Mutex mutex_;
  CondVar given_back_;
  bool closed_ CAISSON_GUARDED_BY(mutex_) = false;
  bool taken_ CAISSON_GUARDED_BY(mutex_) = false;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_WRITE_SLOT_H_

#include "mvcc/write_slot.h"

#include <algorithm>

namespace caisson::mvcc {

Result<void> WriteSlot::take(std::chrono::nanoseconds timeout) {
  constexpr std::chrono::nanoseconds kTimeoutMax = std::chrono::hours(24 * 365 * 100);
  const auto end = clock_.monotonic() + std::min(timeout, kTimeoutMax);
  const MutexLock lock(mutex_);
  while (taken_ && !closed_) {
    const auto left = end - clock_.monotonic();
    if (left.count() <= 0) {
      return fail(Error(Code::kBusy, "another write transaction is open")
                      .with_advice("Wait for it with a timeout, or end it first: a store has one "
                                   "writer at a time."));
    }
    given_back_.wait_for(mutex_, left);
  }
  if (closed_) return fail(Code::kInvalidArgument, "the store is closed");
  taken_ = true;
  return {};
}

void WriteSlot::give_back() {
  {
    const MutexLock lock(mutex_);
    taken_ = false;
  }
  given_back_.notify_one();
}

bool WriteSlot::taken() const {
  const MutexLock lock(mutex_);
  return taken_;
}

bool WriteSlot::closed() const {
  const MutexLock lock(mutex_);
  return closed_;
}

bool WriteSlot::close() {
  const MutexLock lock(mutex_);
  if (taken_) return false;
  closed_ = true;
  given_back_.notify_all();
  return true;
}

}  // namespace caisson::mvcc

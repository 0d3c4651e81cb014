#include "mvcc/write_slot.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace caisson::mvcc {
namespace {

// About as long as it takes to go to sleep and be woken.
constexpr int kLooksMax = 4000;
constexpr int kLooksPerYield = 500;  // Whoever has the slot may want this processor.

void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

}  // namespace

Result<void> WriteSlot::take(std::chrono::nanoseconds timeout) {
  CAISSON_ASSIGN_OR_RETURN(const bool others, take_or_wait(timeout));
  if (others) given_back_.notify_one();
  return {};
}

// Whether others sleep.
Result<bool> WriteSlot::take_or_wait(std::chrono::nanoseconds timeout) {
  constexpr std::chrono::nanoseconds kTimeoutMax = std::chrono::hours(24 * 365 * 100);
  const MutexLock lock(mutex_);
  if ((taken() || looking_) && !closed_) {
    const auto end = clock_.monotonic() + std::min(timeout, kTimeoutMax);
    bool woken = false;  // One who hasn't waited yet comes behind those who have.
    while (!closed_) {
      if (!looking_ && (woken || asleep_ == 0) && timeout.count() > 0) look_for_its_return();
      if (!taken() && !looking_) break;
      const auto left = end - clock_.monotonic();
      if (left.count() <= 0) {
        return fail(Error(Code::kBusy, "another write transaction is open")
                        .with_advice("Wait for it with a timeout, or end it first: a store has one "
                                     "writer at a time."));
      }
      ++asleep_;
      given_back_.wait_for(mutex_, left);
      --asleep_;
      woken = true;
    }
  }
  if (closed_) return fail(Code::kInvalidArgument, "the store is closed");
  taken_.store(true, std::memory_order_relaxed);
  return asleep_ > 0;
}

void WriteSlot::look_for_its_return() {
  looking_ = true;
  mutex_.unlock();
  for (int i = 0; taken() && i < kLooksMax; ++i) {
    if (i % kLooksPerYield == kLooksPerYield - 1) std::this_thread::yield();
    pause_briefly();
  }
  mutex_.lock();
  looking_ = false;
}

void WriteSlot::give_back() {
  bool wake = false;
  {
    const MutexLock lock(mutex_);
    taken_.store(false, std::memory_order_release);
    wake = asleep_ > 0 && !looking_;
  }
  if (wake) given_back_.notify_one();
}

bool WriteSlot::close() {
  const MutexLock lock(mutex_);
  if (taken()) return false;
  closed_ = true;
  given_back_.notify_all();
  return true;
}

bool WriteSlot::closed() const {
  const MutexLock lock(mutex_);
  return closed_;
}

}  // namespace caisson::mvcc

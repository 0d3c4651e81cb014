// Mutex, SharedMutex, what holds them for a scope, and CondVar: the standard library's, with
// annotations for clang's thread-safety analysis. Everything is inline and costs what those cost.

#ifndef CAISSON_BASE_MUTEX_H_
#define CAISSON_BASE_MUTEX_H_

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#include "base/thread_annotations.h"

namespace caisson {

// A lock that one thread holds at a time. Not recursive. Prefer MutexLock to calling these.
class CAISSON_CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  // Waits until no other thread holds it, then takes it. REQUIRES: this thread doesn't hold it.
  void lock() CAISSON_ACQUIRE() { mutex_.lock(); }

  // REQUIRES: this thread holds it.
  void unlock() CAISSON_RELEASE() { mutex_.unlock(); }

  // Takes it if no thread holds it; says whether. May fail for no reason.
  [[nodiscard]] bool try_lock() CAISSON_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

  // Tells the analysis that this thread holds it, where that can't be seen (in a callback, say).
  // Checks nothing at run time.
  void assume_held() const CAISSON_ASSERT_CAPABILITY() {}

 private:
  friend class CondVar;

  std::mutex mutex_;
};

// Holds a Mutex from its construction until the end of its scope.
class CAISSON_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) CAISSON_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() CAISSON_RELEASE() { mutex_.unlock(); }

  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// A lock that one thread holds alone, or any number of them share. Not recursive.
class CAISSON_CAPABILITY("mutex") SharedMutex {
 public:
  SharedMutex() = default;
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;

  // Waits until no other thread holds it alone, then shares it.
  void lock_shared() CAISSON_ACQUIRE_SHARED() { mutex_.lock_shared(); }

  // REQUIRES: this thread shares it.
  void unlock_shared() CAISSON_RELEASE_SHARED() { mutex_.unlock_shared(); }

  // Waits until no other thread holds or shares it, then takes it alone.
  void lock() CAISSON_ACQUIRE() { mutex_.lock(); }

  // Takes it alone if no thread holds or shares it; says whether. May fail for no reason.
  [[nodiscard]] bool try_lock() CAISSON_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

  // REQUIRES: this thread holds it alone.
  void unlock() CAISSON_RELEASE() { mutex_.unlock(); }

 private:
  std::shared_mutex mutex_;
};

// Shares a SharedMutex from its construction until the end of its scope.
class CAISSON_SCOPED_CAPABILITY SharedLock {
 public:
  explicit SharedLock(SharedMutex& mutex) CAISSON_ACQUIRE_SHARED(mutex) : mutex_(mutex) {
    mutex_.lock_shared();
  }
  ~SharedLock() CAISSON_RELEASE() { mutex_.unlock_shared(); }

  SharedLock(const SharedLock&) = delete;
  SharedLock& operator=(const SharedLock&) = delete;

 private:
  SharedMutex& mutex_;
};

// Where threads wait for a change of what a Mutex guards.
//
// There is no form that takes a predicate, because the analysis can't see that a lambda runs
// under the lock. Write the loop, which is needed anyway since a wait may end for no reason:
//   while (queue_.empty()) changed_.wait(mutex_);
class CondVar {
 public:
  CondVar() = default;
  CondVar(const CondVar&) = delete;
  CondVar& operator=(const CondVar&) = delete;

  // Releases the mutex, waits for a notification, and takes the mutex again.
  void wait(Mutex& mutex) CAISSON_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();  // The caller goes on holding it.
  }

  // The same, for about `timeout` at the most; zero or less only looks. Returns false once the
  // time is over, true if it was woken before, for whatever reason.
  bool wait_for(Mutex& mutex, std::chrono::nanoseconds timeout) CAISSON_REQUIRES(mutex) {
    // The standard library adds the timeout to the present time, which mustn't overflow. Waking
    // up early is allowed, so a limit is harmless, and the caller's loop waits again.
    constexpr std::chrono::nanoseconds kTimeoutMax = std::chrono::hours(24 * 365);
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const auto status = condition_.wait_for(lock, std::min(timeout, kTimeoutMax));
    lock.release();  // The caller goes on holding it.
    return status == std::cv_status::no_timeout;
  }

  // Wakes one waiting thread, or all of them. The mutex may be held or not.
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace caisson

#endif  // CAISSON_BASE_MUTEX_H_

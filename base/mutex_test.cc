// Method: threads that would interfere without the lock, waits that must end, and waits that must
// time out. Run under ThreadSanitizer too, where a lock that doesn't lock is seen for certain.

#include "base/mutex.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <thread>
#include <vector>

namespace caisson {
namespace {

// A counter and a flag, as the rest of the engine guards them.
class Guarded {
 public:
  void add(int value) CAISSON_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    sum_ += value;
  }

  int sum() CAISSON_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return sum_;
  }

  void open() CAISSON_EXCLUDES(mutex_) {
    {
      MutexLock lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }

  void wait_until_open() CAISSON_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (!open_) changed_.wait(mutex_);
    ++sum_;  // Guarded again after the wait, or ThreadSanitizer reports a race.
  }

  // Waits once; says whether it was woken before the time was over.
  bool wait_once(std::chrono::nanoseconds timeout) CAISSON_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const bool woken = changed_.wait_for(mutex_, timeout);
    ++sum_;
    return woken;
  }

  bool wait_until_open_for(std::chrono::nanoseconds timeout) CAISSON_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (!open_) {
      if (!changed_.wait_for(mutex_, timeout)) return open_;
    }
    return true;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int sum_ CAISSON_GUARDED_BY(mutex_) = 0;
  bool open_ CAISSON_GUARDED_BY(mutex_) = false;
};

TEST(Mutex, LetsOneThreadInAtATime) {
  Guarded guarded;
  // They start together and go on for long enough to be in each other's way.
  std::latch start(4);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&guarded, &start] {
        start.arrive_and_wait();
        for (int k = 0; k < 100'000; ++k) guarded.add(1);
      });
    }
  }
  EXPECT_EQ(guarded.sum(), 400'000);
}

TEST(MutexLock, KeepsOthersOutUntilItsScopeEnds) {
  Mutex mutex;
  std::atomic<bool> trying = false;
  std::atomic<bool> inside = false;
  std::jthread other;
  {
    MutexLock lock(mutex);
    other = std::jthread([&] {
      trying = true;
      MutexLock second(mutex);
      inside = true;
    });
    while (!trying) std::this_thread::yield();
    // Long enough for the other thread to get in, if anything let it.
    Guarded never_woken;
    EXPECT_FALSE(never_woken.wait_until_open_for(std::chrono::milliseconds(20)));
    EXPECT_FALSE(inside);
  }
  other.join();
  EXPECT_TRUE(inside);
}

TEST(Mutex, IsNotTakenTwiceByTryLock) {
  Mutex mutex;
  const auto try_elsewhere = [&mutex] {
    bool taken = false;
    std::jthread([&mutex, &taken] {
      if (mutex.try_lock()) {
        taken = true;
        mutex.unlock();
      }
    }).join();
    return taken;
  };
  {
    MutexLock lock(mutex);
    EXPECT_FALSE(try_elsewhere());
  }
  EXPECT_TRUE(try_elsewhere());
}

TEST(CondVar, WakesEveryWaitingThread) {
  Guarded guarded;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back([&guarded] { guarded.wait_until_open(); });
    guarded.open();
  }
  EXPECT_EQ(guarded.sum(), 3);
}

TEST(CondVar, ReportsThatTheTimeIsOverAndHoldsTheLockAgain) {
  Guarded guarded;
  // A wait may end early for no reason, but not over and over.
  bool timed_out = false;
  for (int i = 0; i < 100 && !timed_out; ++i) {
    timed_out = !guarded.wait_once(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(timed_out);
  guarded.add(1);  // Would hang if the lock were still held.
  EXPECT_GE(guarded.sum(), 2);
}

TEST(CondVar, ReturnsAtOnceWhenThereIsNoTimeLeft) {
  Guarded guarded;
  EXPECT_FALSE(guarded.wait_until_open_for(std::chrono::nanoseconds(0)));
  EXPECT_FALSE(guarded.wait_until_open_for(std::chrono::nanoseconds::min()));
}

TEST(CondVar, AcceptsTheLongestTimeoutWithoutOverflow) {
  Guarded guarded;
  std::jthread opener([&guarded] { guarded.open(); });
  EXPECT_TRUE(guarded.wait_until_open_for(std::chrono::nanoseconds::max()));
}

TEST(SharedMutex, IsSharedByManyOrHeldByOne) {
  SharedMutex mutex;
  {
    const SharedLock first(mutex);
    std::jthread([&mutex] {
      {
        const SharedLock second(mutex);
      }  // Doesn't wait for the first.
      if (mutex.try_lock()) {
        mutex.unlock();
        ADD_FAILURE() << "held alone beside others";
      }
    }).join();
  }
  mutex.lock();
  std::jthread([&mutex] {
    if (mutex.try_lock()) {
      mutex.unlock();
      ADD_FAILURE() << "held alone twice";
    }
  }).join();
  mutex.unlock();
}

// ThreadSanitizer sees whether those who share it come behind the one who held it alone.
TEST(SharedMutex, OrdersWhatItGuards) {
  SharedMutex mutex;
  int guarded = 0;
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 1000; ++round) {
        {
          const SharedLock lock(mutex);
          EXPECT_GE(guarded, 0);
        }
        mutex.lock();
        ++guarded;
        mutex.unlock();
      }
    });
  }
  for (std::jthread& thread : threads) thread.join();
  EXPECT_EQ(guarded, 4000);
}

}  // namespace
}  // namespace caisson

// Method: the checkpointer with a checkpoint that the test plays, which fails and succeeds as told;
// and both threads on a log that nobody else flushes.

#include "db/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "io/posix.h"

namespace caisson::db {
namespace {

using std::chrono::milliseconds;

bool comes_true(const std::function<bool()>& condition) {
  for (int i = 0; i < 10'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return false;
}

// Counts what it is asked, and what it does.
struct Played {
  std::atomic<int> looks = 0;
  std::atomic<int> checkpoints = 0;
  std::atomic<bool> due = true;
  std::atomic<bool> fails = false;

  CheckpointerOptions options(milliseconds retry = milliseconds(5)) {
    return {.due =
                [this] {
                  ++looks;
                  return due.load();
                },
            .checkpoint = [this]() -> Result<void> {
              ++checkpoints;
              if (fails) return fail(Code::kOutOfSpace, "the disk is full");
              due = false;
              return {};
            },
            .gather = milliseconds(1),
            .retry_first = retry,
            .retry_last = 4 * retry};
  }
};

TEST(Checkpointer, SleepsUntilSomethingIsCommitted) {
  Played played;
  Checkpointer checkpointer(played.options());
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(played.looks, 0);
  checkpointer.wake();
  EXPECT_TRUE(comes_true([&] { return played.checkpoints == 1; }));
  checkpointer.wake();
  EXPECT_TRUE(comes_true([&] { return played.looks == 2; }));
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(played.looks, 2);
  EXPECT_EQ(played.checkpoints, 1);
  EXPECT_EQ(checkpointer.failures().count, 0U);
}

TEST(Checkpointer, TriesAgainWhatFailedAndLessAndLessOften) {
  Played played;
  played.fails = true;
  const auto begin = io::posix_vfs().clock().monotonic();
  Checkpointer checkpointer(played.options());
  checkpointer.wake();
  EXPECT_TRUE(comes_true([&] { return played.checkpoints >= 5; }));
  // 5, 10, 20 and again 20 ms lie between five of them.
  EXPECT_GE(io::posix_vfs().clock().monotonic() - begin, milliseconds(55));
  EXPECT_GE(checkpointer.failures().count, 4U);
  EXPECT_EQ(checkpointer.failures().last->code(), Code::kOutOfSpace);
  played.fails = false;
  EXPECT_TRUE(comes_true([&] { return !played.due; }));
  const int tried = played.checkpoints;
  std::this_thread::sleep_for(milliseconds(60));
  EXPECT_EQ(played.checkpoints, tried);
}

TEST(Checkpointer, EndsAtOnceWhileItWaitsForAnotherTry) {
  Played played;
  played.fails = true;
  Checkpointer checkpointer(played.options(std::chrono::hours(1)));
  checkpointer.wake();
  EXPECT_TRUE(comes_true([&] { return checkpointer.failures().count == 1; }));
}

TEST(Workers, DoNothingBeforeTheirStartAndBehindTheirEnd) {
  Workers workers;
  workers.committed(true);
  workers.committed(false);
  EXPECT_EQ(workers.failures().count, 0U);
  workers.stop();
  workers.stop();
}

}  // namespace
}  // namespace caisson::db

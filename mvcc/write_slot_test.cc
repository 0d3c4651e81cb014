// Method: threads that take the slot in turn, with a count that only its owner touches: under TSan
// that is the proof. A clock bounds waits, and times nothing.

#include "mvcc/write_slot.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/testing/value_of.h"
#include "io/posix.h"

namespace caisson::mvcc {
namespace {

using caisson::testing::value_of;
using namespace std::chrono_literals;

io::Clock& clock() { return io::posix_vfs().clock(); }

TEST(WriteSlot, IsTakenByOneThreadAtATime) {
  WriteSlot slot(clock());
  constexpr std::uint64_t kThreads = 8;
  constexpr std::uint64_t kTurns = 500;
  std::uint64_t turns = 0;  // Guarded by the slot.
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (std::uint64_t k = 0; k < kTurns; ++k) {
          value_of(slot.take(1h));
          const std::uint64_t before = turns;
          if (k % 50 == 0) std::this_thread::sleep_for(100us);  // Others go to sleep.
          turns = before + 1;
          slot.give_back();
        }
      });
    }
  }
  EXPECT_EQ(turns, kThreads * kTurns);
  EXPECT_FALSE(slot.taken());
}

TEST(WriteSlot, IsBusyAtOnceWhereNobodyWantsToWait) {
  WriteSlot slot(clock());
  value_of(slot.take(0ns));
  EXPECT_EQ(slot.take(0ns).error().code(), Code::kBusy);
  EXPECT_EQ(slot.take(-1ns).error().code(), Code::kBusy);
  slot.give_back();
  EXPECT_TRUE(slot.take(0ns));
}

TEST(WriteSlot, IsBusyWhenTheTimeIsOverAndNotBefore) {
  WriteSlot slot(clock());
  value_of(slot.take(0ns));
  const auto begin = clock().monotonic();
  EXPECT_EQ(slot.take(20ms).error().code(), Code::kBusy);
  EXPECT_GE(clock().monotonic() - begin, 20ms);
  // Who gave up is not waited for.
  slot.give_back();
  EXPECT_TRUE(slot.take(0ns));
}

TEST(WriteSlot, GoesToAllWhoWaitHoweverTheyCome) {
  WriteSlot slot(clock());
  value_of(slot.take(0ns));
  std::atomic<int> had{0};
  std::vector<std::jthread> waiting;
  for (int i = 0; i < 16; ++i) {
    waiting.emplace_back([&] {
      value_of(slot.take(std::chrono::nanoseconds::max()));
      ++had;
      slot.give_back();
    });
  }
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(had, 0);
  slot.give_back();
  waiting.clear();
  EXPECT_EQ(had, 16);
}

TEST(WriteSlot, IsNotClosedUnderItsOwner) {
  WriteSlot slot(clock());
  value_of(slot.take(0ns));
  EXPECT_FALSE(slot.close());
  EXPECT_FALSE(slot.closed());
  slot.give_back();
  EXPECT_TRUE(slot.close());
  EXPECT_TRUE(slot.closed());
  EXPECT_EQ(slot.take(1h).error().code(), Code::kInvalidArgument);
}

TEST(WriteSlot, TellsThoseWhoWaitThatItIsClosed) {
  WriteSlot slot(clock());
  std::atomic<int> refused{0};
  std::atomic<int> had{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      while (true) {
        const auto taken = slot.take(1h);
        if (!taken) {
          refused += taken.error().code() == Code::kInvalidArgument ? 1 : 100;
          return;
        }
        ++had;
        slot.give_back();
      }
    });
  }
  while (had < 100) std::this_thread::yield();
  while (!slot.close()) std::this_thread::yield();
  threads.clear();
  EXPECT_EQ(refused, 8);
}

}  // namespace
}  // namespace caisson::mvcc

// Method: commits that nobody waits for, on a simulated machine, with the flusher's thread beside
// the one that writes. The test waits for what has to happen, and for nothing else; a clock only
// bounds the waiting. Run under TSan this also proves the ordering.

#include "log/flusher.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "log/testing/harness.h"

namespace caisson::log {
namespace {

using io::sim::FaultKind;
using testing::Commits;
using testing::LogStore;
using testing::read_commits;
using testing::value_of;
using namespace std::chrono_literals;

// Waits until that is so; for a minute at the most.
template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 60'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

TEST(Flusher, MakesDurableWhatNobodyWaitsFor) {
  LogStore store;
  value_of(store.open());
  Flusher flusher(store.writer(), {.delay = 1ms, .idle = 1h});
  Commits expected;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 10; ++i) {
      expected.push_back(std::to_string(round * 10 + i));
      value_of(store.append(expected.back()));
      flusher.wake();
    }
    ASSERT_TRUE(eventually([&] { return store.writer().durable_upto() == store.txn(); }));
  }
  EXPECT_LT(store.writer().stats().flushes, store.writer().stats().commits);
  EXPECT_EQ(value_of(read_commits(store.directory())), expected);
}

TEST(Flusher, FlushesWhatIsQueuedWhenItStops) {
  LogStore store;
  value_of(store.open());
  {
    Flusher flusher(store.writer(), {.delay = 1h, .idle = 1h});
    value_of(store.append("last"));
    flusher.wake();
  }
  EXPECT_EQ(store.writer().durable_upto(), TxnId{1});
}

TEST(Flusher, MarksALogThatIsIdle) {
  LogStore store;
  value_of(store.open());
  Flusher flusher(store.writer(), {.delay = 1ms, .idle = 2ms});
  value_of(store.commit("one"));
  EXPECT_TRUE(eventually([&] { return store.writer().stats().records == 2; }));
  value_of(store.commit("two"));
  EXPECT_TRUE(eventually([&] { return store.writer().stats().records == 4; }));
  EXPECT_EQ(value_of(read_commits(store.directory())), (Commits{"one", "two"}));
}

TEST(Flusher, MakesTheNextFileAhead) {
  LogStore store;
  value_of(store.open());
  Flusher flusher(store.writer(), {.delay = 1ms, .idle = 1h});
  value_of(store.append(std::string(40'000, 'x')));
  flusher.wake();
  EXPECT_TRUE(eventually([&] { return value_of(store.directory().files()).size() == 2; }));
  EXPECT_EQ(store.writer().stats().files_made, 1U);
}

TEST(Flusher, StopsWritingWhereAFlushHasFailed) {  // WRITE-3
  LogStore store;
  value_of(store.open());
  {
    Flusher flusher(store.writer(), {.delay = 1ms, .idle = 1h});
    store.machine().inject({store.machine().calls(), FaultKind::kIoError, true});
    value_of(store.append("unknown"));
    flusher.wake();
    EXPECT_TRUE(eventually([&] { return store.writer().poisoned().has_value(); }));
  }
  EXPECT_EQ(store.append("refused").error().code(), Code::kPoisoned);
  EXPECT_EQ(store.writer().durable_upto(), TxnId{0});
}

}  // namespace
}  // namespace caisson::log

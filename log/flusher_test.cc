// Method: commits that nobody waits for, on a simulated machine, with the flusher's thread beside
// the one that writes. The test waits for what has to happen, and for nothing else; a clock only
// bounds the waiting. Run under TSan this also proves the ordering.

#include "log/flusher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "log/testing/harness.h"

namespace caisson::log {
namespace {

using io::sim::FaultKind;
using testing::commit_in_threads;
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
  // It is counted when it has its name.
  EXPECT_TRUE(eventually([&] { return store.writer().stats().files_made == 1; }));
  EXPECT_EQ(value_of(store.directory().files()).size(), 2U);
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

TEST(Flusher, FlushesForThreadsThatCommitTogether) {
  LogStore store;
  value_of(store.open());
  Flusher flusher(store.writer(), {.delay = 1h, .idle = 1h});
  EXPECT_EQ(commit_in_threads(store, 8, 100), std::vector<int>(8, 100));
  const Commits commits = value_of(read_commits(store.directory()));
  ASSERT_EQ(commits.size(), 800U);
  for (std::size_t i = 0; i < commits.size(); ++i) EXPECT_EQ(commits[i], std::to_string(i + 1));
  EXPECT_LE(store.writer().stats().flushes, store.writer().stats().commits);
}

// However long others go on, so that none of them has to make one.
TEST(Flusher, MakesFilesAheadWhileThreadsCommitTogether) {
  WriterOptions options = testing::kSmallFiles;
  options.file_size_max = options.file_size_min = std::uint64_t{1} << 20U;
  LogStore store(options);
  value_of(store.open());
  Flusher flusher(store.writer(), {.delay = 1h, .idle = 1h});
  EXPECT_EQ(commit_in_threads(store, 8, 400), std::vector<int>(8, 400));
  EXPECT_TRUE(eventually([&] {
    return value_of(store.directory().files()).size() > store.writer().stats().bytes_written >> 20U;
  }));
}

TEST(Flusher, LeavesNoThreadWaitingWhenItEndsWhileTheyCommit) {
  LogStore store;
  value_of(store.open());
  std::atomic<bool> done{false};
  std::jthread comes_and_goes([&] {
    while (!done) {
      const Flusher flusher(store.writer(), {.delay = 1h, .idle = 1h});
      std::this_thread::sleep_for(100us);
    }
  });
  EXPECT_EQ(commit_in_threads(store, 8, 200), std::vector<int>(8, 200));
  done = true;
}

TEST(Flusher, TellsAllThreadsThatAFlushHasFailed) {  // WRITE-3
  for (const std::uint64_t call : {5U, 20U, 33U}) {
    LogStore store;
    value_of(store.open());
    const Flusher flusher(store.writer(), {.delay = 1h, .idle = 1h});
    store.machine().inject({store.machine().calls() + call, FaultKind::kIoError, true});
    const std::vector<int> durable = commit_in_threads(store, 8, 1000);  // Which ends.
    for (const int count : durable) EXPECT_LT(count, 1000);
    EXPECT_TRUE(store.writer().poisoned().has_value());
  }
}

}  // namespace
}  // namespace caisson::log

// Method: commits are written on a simulated machine, alone, together and from many threads, and
// read back by a reader that knows nothing of the writer. What each flush costs is counted in calls
// to the system. Every call fails once: then nothing that was acknowledged is missing, and nothing
// is acknowledged any more. On the real system, each way to make a write durable is tried.

#include "log/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "base/sanitizers.h"
#include "base/testing/counted_allocations.h"
#include "io/posix.h"
#include "io/testing/posix_directory.h"
#include "log/testing/harness.h"

namespace caisson::log {
namespace {

using caisson::testing::allocations;
using io::Call;
using io::sim::FaultKind;
using testing::bytes_of;
using testing::commit_in_threads;
using testing::Commits;
using testing::kSmallFiles;
using testing::LogStore;
using testing::read_commits;
using testing::value_of;

std::string payload_of(std::uint64_t number, std::size_t size = 40) {
  return std::to_string(number) + std::string(size, static_cast<char>('a' + number % 26));
}

TEST(LogWriter, WritesEachCommitOnceAndFlushesOnce) {  // WRITE-1
  LogStore store;
  value_of(store.open());
  value_of(store.commit("first"));
  store.machine().record_trace(true);
  value_of(store.commit("second"));
  const auto trace = store.machine().trace();
  ASSERT_EQ(trace.size(), 2U);
  EXPECT_EQ(trace[0].call, Call::kWrite);
  EXPECT_EQ(trace[0].size, 4096U);
  EXPECT_EQ(trace[1].call, Call::kSyncData);
  EXPECT_EQ(store.writer().durable_upto(), TxnId{2});
  EXPECT_EQ(value_of(read_commits(store.directory())), (Commits{"first", "second"}));
}

TEST(LogWriter, FlushesTogetherWhatWasQueuedTogether) {
  LogStore store;
  value_of(store.open());
  Commits expected;
  LogWriter::Appended last;
  for (std::uint64_t i = 0; i < 20; ++i) {
    expected.push_back(payload_of(i));
    last = value_of(store.append(expected.back()));
  }
  EXPECT_EQ(store.writer().durable(), 0U);
  EXPECT_EQ(store.writer().durable_upto(), TxnId{0});
  value_of(store.writer().flush(last.ticket));
  EXPECT_EQ(store.writer().durable(), last.ticket);
  EXPECT_EQ(store.writer().stats().flushes, 1U);
  EXPECT_EQ(store.writer().stats().commits, 20U);
  EXPECT_EQ(store.writer().stats().bytes_written, 8192U);  // 20 records of 208 bytes.
  EXPECT_EQ(value_of(read_commits(store.directory())), expected);
  EXPECT_EQ(value_of(read_commits(store.directory(), TxnId{7})).size(), 7U);
}

TEST(LogWriter, GoesOnInTheNextFileAndUsesRetiredOnesAgain) {  // LOG-3, WRITE-4
  LogStore store;
  value_of(store.open());
  Commits expected;
  for (std::uint64_t i = 0; i < 300; ++i) {
    expected.push_back(payload_of(i, 3000));
    value_of(store.commit(expected.back()));
    if (i == 150) {
      EXPECT_EQ(value_of(read_commits(store.directory())), expected);
    }
    if (i >= 200) {
      const auto files = value_of(store.directory().files());
      value_of(store.writer().retire_before(files.back() - 1));
      EXPECT_LE(value_of(store.directory().files()).size(), 4U);
    }
  }
  EXPECT_GT(store.writer().stats().files_recycled, 2U);
  EXPECT_GT(store.writer().stats().files_made, 5U);
  // What the first files held is gone.
  EXPECT_EQ(read_commits(store.directory()).error().rule(), "RECOVER-5");
}

TEST(LogWriter, TakesPayloadsUpToItsLimit) {
  LogStore store;
  value_of(store.open());
  Commits expected;
  const std::size_t most = store.writer().payload_size_max();
  EXPECT_LT(record_size(most), kFileSizeMin);
  for (const std::size_t size : {most, std::size_t{0}, most - 1, std::size_t{1}, most}) {
    expected.push_back(std::string(size, 'x'));
    value_of(store.commit(expected.back()));
  }
  EXPECT_EQ(value_of(read_commits(store.directory())), expected);
}

TEST(LogWriter, LeavesNoMoreThanFourMebibytesUnflushed) {  // WRITE-2
  LogStore store(WriterOptions{.file_size_min = std::uint64_t{8} << 20U,
                               .file_size_max = std::uint64_t{8} << 20U,
                               .direct = true});
  value_of(store.open());
  const std::string payload(300'000, 'p');
  for (std::uint64_t i = 1; i <= 60; ++i) {
    value_of(store.append(payload));
    const std::uint64_t unflushed = i - store.writer().durable();
    EXPECT_LE(unflushed * payload.size(), std::uint64_t{4} << 20U);
  }
  EXPECT_GT(store.writer().durable(), 30U);
}

TEST(LogWriter, ChecksItsOptions) {
  const auto refused = [](std::uint64_t least, std::uint64_t most) {
    return !validate({.file_size_min = least, .file_size_max = most, .direct = true}).has_value();
  };
  EXPECT_FALSE(refused(kFileSizeMin, kFileSizeMin));
  EXPECT_FALSE(refused(kFileSizeMin, kFileSizeMax));
  EXPECT_TRUE(refused(kFileSizeMin - 4096, kFileSizeMax));
  EXPECT_TRUE(refused(kFileSizeMin + 1, kFileSizeMax));
  EXPECT_TRUE(refused(2 * kFileSizeMin, kFileSizeMin));
  EXPECT_TRUE(refused(kFileSizeMin, kFileSizeMax + 4096));
}

// --- Parts ---------------------------------------------------------------------------------------

class Parts : public ::testing::Test {
 protected:
  Parts() { value_of(store_.open()); }

  void write(RecordType type, std::uint64_t txn, std::uint32_t part, std::string_view payload) {
    last_ = value_of(store_.writer().append(type, TxnId{txn}, part, bytes_of(payload)));
  }

  void roll_back(std::uint64_t txn, std::uint32_t part, const RollbackTarget& target) {
    std::vector<std::byte> payload(kRollbackPayloadSize);
    encode_rollback(target, payload);
    last_ = value_of(store_.writer().append(RecordType::kRollback, TxnId{txn}, part, payload));
  }

  Commits read() {
    value_of(store_.writer().flush(last_.ticket));
    Commits commits = value_of(read_commits(store_.directory()));
    // The same when the log is opened anew, to write behind it.
    const LogEnd end = value_of(store_.open());
    EXPECT_EQ(to_u64(end.txn), commits.size());
    return commits;
  }

  LogStore store_;
  LogWriter::Appended last_;
};

TEST_F(Parts, MakeOneCommit) {
  write(RecordType::kPart, 1, 0, "one ");
  write(RecordType::kPart, 1, 1, "two ");
  write(RecordType::kCommit, 1, 2, "three");
  write(RecordType::kCommit, 2, 0, "next");
  EXPECT_EQ(read(), (Commits{"one two three", "next"}));
}

TEST_F(Parts, WithoutAnEndAreNoCommit) {
  write(RecordType::kCommit, 1, 0, "whole");
  write(RecordType::kPart, 2, 0, "one ");
  write(RecordType::kPart, 2, 1, "two ");
  EXPECT_EQ(read(), (Commits{"whole"}));
  // The number is free, and so is their place.
  value_of(store_.commit("instead"));
  EXPECT_EQ(value_of(read_commits(store_.directory())), (Commits{"whole", "instead"}));
}

TEST_F(Parts, OfACommitThatWasGivenUpAreVoid) {
  write(RecordType::kPart, 1, 0, "given ");
  write(RecordType::kPart, 1, 1, "up ");
  write(RecordType::kPart, 1, 0, "one ");
  write(RecordType::kCommit, 1, 1, "two");
  write(RecordType::kPart, 2, 0, "given up");
  write(RecordType::kCommit, 2, 0, "whole");
  EXPECT_EQ(read(), (Commits{"one two", "whole"}));
}

TEST_F(Parts, AreVoidFromWhereTheyWereRolledBackTo) {
  write(RecordType::kPart, 1, 0, "0123");
  write(RecordType::kPart, 1, 1, "4567");
  write(RecordType::kPart, 1, 2, "89");
  roll_back(1, 3, {.part = 1, .offset = 2});
  write(RecordType::kPart, 1, 4, "abc");
  roll_back(1, 5, {.part = 4, .offset = 1});
  write(RecordType::kPart, 1, 6, "de");
  write(RecordType::kPart, 1, 7, "fg");
  roll_back(1, 8, {.part = 4, .offset = 0});
  write(RecordType::kCommit, 1, 9, "!");
  EXPECT_EQ(read(), (Commits{"012345!"}));
}

TEST_F(Parts, MayFillManyFiles) {
  std::string expected;
  for (std::uint32_t part = 0; part < 20; ++part) {
    const std::string payload(50'000, static_cast<char>('a' + part));
    expected += payload;
    write(part == 19 ? RecordType::kCommit : RecordType::kPart, 1, part, payload);
  }
  write(RecordType::kCommit, 2, 0, "next");
  EXPECT_EQ(read(), (Commits{expected, "next"}));
}

TEST_F(Parts, WaitForTheirEndInAReaderThatFollows) {
  CommitReader reader(store_.directory(), FileAccess::kRead, {}, {});
  EXPECT_FALSE(value_of(reader.next(TxnId{5})).has_value());
  write(RecordType::kPart, 1, 0, "one ");
  value_of(store_.writer().flush(last_.ticket));
  EXPECT_FALSE(value_of(reader.next(TxnId{5})).has_value());
  write(RecordType::kCommit, 1, 1, "two");
  value_of(store_.writer().flush(last_.ticket));
  EXPECT_FALSE(value_of(reader.next(TxnId{0})).has_value());
  EXPECT_EQ(value_of(reader.next(TxnId{1}))->txn, TxnId{1});
  EXPECT_EQ(testing::text_of(*value_of(reader.payload())), "one ");
  EXPECT_EQ(testing::text_of(*value_of(reader.payload())), "two");
  EXPECT_FALSE(value_of(reader.payload()).has_value());
  EXPECT_FALSE(value_of(reader.next(TxnId{5})).has_value());
}

// --- Marks ---------------------------------------------------------------------------------------

TEST(LogWriter, MarksAnIdleLogOnce) {
  LogStore store;
  value_of(store.open());
  value_of(store.writer().mark_idle());
  EXPECT_EQ(store.writer().stats().records, 0U);
  value_of(store.commit("one"));
  value_of(store.writer().mark_idle());
  value_of(store.writer().mark_idle());
  EXPECT_EQ(store.writer().stats().records, 2U);
  value_of(store.commit("two"));
  EXPECT_EQ(value_of(read_commits(store.directory())), (Commits{"one", "two"}));
  // Not while a commit has parts and no end: the mark would make them void.
  const auto part = value_of(store.writer().append(RecordType::kPart, TxnId{3}, 0, bytes_of("a")));
  value_of(store.writer().flush(part.ticket));
  value_of(store.writer().mark_idle());
  EXPECT_EQ(store.writer().stats().records, 4U);
}

// --- Failures ------------------------------------------------------------------------------------

TEST(LogWriter, RefusesEverythingAfterAFlushThatFailed) {  // WRITE-3
  for (const FaultKind kind : {FaultKind::kIoError, FaultKind::kSyncDrops}) {
    for (const std::uint64_t call : {0U, 1U}) {
      if (kind == FaultKind::kSyncDrops && call == 0) continue;  // Writes can't.
      LogStore store;
      value_of(store.open());
      value_of(store.commit("durable"));
      store.machine().inject({store.machine().calls() + call, kind, false});
      const auto failed = store.commit("unknown");
      ASSERT_FALSE(failed.has_value());
      EXPECT_EQ(failed.error().code(), Code::kDurabilityUnknown);
      const std::uint64_t calls = store.machine().calls();
      EXPECT_EQ(store.append("refused").error().code(), Code::kPoisoned);
      EXPECT_EQ(store.writer().reserve().error().code(), Code::kPoisoned);
      EXPECT_EQ(store.writer().flush(2).error().code(), Code::kDurabilityUnknown);
      value_of(store.writer().flush(1));
      EXPECT_TRUE(store.writer().poisoned().has_value());
      EXPECT_EQ(store.machine().calls(), calls);
      EXPECT_EQ(store.writer().durable_upto(), TxnId{1});
    }
  }
}

TEST(LogWriter, ChangesNothingWhereThereIsNoRoomAndGoesOnWhenThereIs) {  // WRITE-3
  LogStore store;
  value_of(store.open());
  Commits expected;
  const std::string payload(10'000, 'p');
  // Written zeros have their room; there is none for another file.
  store.machine().set_capacity({.bytes = kFileSizeMin + 8192});
  while (true) {
    const auto done = store.commit(payload);
    if (!done) {
      EXPECT_EQ(done.error().code(), Code::kOutOfSpace) << done.error().to_string();
      break;
    }
    expected.push_back(payload);
    ASSERT_LT(expected.size(), 100U);
  }
  EXPECT_EQ(store.writer().reserve().error().code(), Code::kOutOfSpace);
  EXPECT_FALSE(store.writer().poisoned().has_value());
  store.machine().set_capacity({});
  value_of(store.writer().reserve());
  value_of(store.commit(payload));
  expected.push_back(payload);
  EXPECT_EQ(value_of(read_commits(store.directory())), expected);
}

// --- Ways to the disk ----------------------------------------------------------------------------

TEST(LogWriter, AsksOnceForAWayThatTheSystemDoesNotHave) {
  for (const io::SyncMethod method : {io::SyncMethod::kDsync, io::SyncMethod::kUring}) {
    WriterOptions options = kSmallFiles;
    options.sync_method = method;
    LogStore store(options);
    value_of(store.open());
    for (int i = 0; i < 40; ++i) value_of(store.commit(std::string(4000, 'p')));
    EXPECT_EQ(store.writer().stats().sync_method, io::SyncMethod::kTwoCalls);
    EXPECT_EQ(store.machine().vfs().counters().calls(Call::kWriteAndSync), 1U);
    EXPECT_EQ(value_of(read_commits(store.directory())).size(), 40U);
  }
}

// On the real system, past the page cache or not, in each way to make a write durable.
class WaysToTheDisk : public io::testing::Posix {
 protected:
  void for_each(const std::function<void(LogStore&)>& check) {
    for (const bool direct : {true, false}) {
      for (const io::SyncMethod method :
           {io::SyncMethod::kTwoCalls, io::SyncMethod::kDsync, io::SyncMethod::kUring}) {
        SCOPED_TRACE(std::to_string(static_cast<int>(direct)) + ", method " +
                     std::to_string(static_cast<int>(method)));
        const WriterOptions options{.file_size_min = std::uint64_t{4} << 20U,
                                    .file_size_max = std::uint64_t{4} << 20U,
                                    .direct = direct,
                                    .sync_method = method};
        LogStore store(io::posix_vfs(), at(std::to_string(++stores_)).string(), options);
        value_of(store.open());
        check(store);
      }
    }
  }

  // What a file here makes of this way.
  io::SyncMethod available(io::SyncMethod method) {
    const auto file = create("probe " + std::to_string(++stores_));
    const Bytes part = bytes_of("probe");
    return value_of(file->write_and_sync(0, std::span(&part, 1), method));
  }

 private:
  int stores_ = 0;
};

TEST_F(WaysToTheDisk, WriteALogThatReadsBackAndGoesOn) {
  for_each([&](LogStore& store) {
    const io::Counters& counters = io::posix_vfs().counters();
    value_of(store.commit("first"));
    const std::uint64_t calls = counters.calls(Call::kWriteAndSync);
    const std::uint64_t syncs = counters.calls(Call::kSyncData);
    value_of(store.commit("second"));
    const io::SyncMethod used = store.writer().stats().sync_method;
    const bool one_call = used != io::SyncMethod::kTwoCalls;
    EXPECT_EQ(counters.calls(Call::kWriteAndSync) - calls, one_call ? 1U : 0U);
    EXPECT_EQ(counters.calls(Call::kSyncData) - syncs, one_call ? 0U : 1U);
    EXPECT_EQ(used, available(store.options().sync_method));
    // Several batches of a file at once, and on into the next ones.
    Commits expected = {"first", "second"};
    for (std::uint64_t i = 0; i < 9; ++i) {
      expected.push_back(payload_of(i, 700'000));
      value_of(store.append(expected.back()));
    }
    value_of(store.writer().flush(store.writer().appended()));
    EXPECT_GT(value_of(store.directory().files()).size(), 1U);
    EXPECT_EQ(value_of(read_commits(store.directory())), expected);
    EXPECT_EQ(to_u64(value_of(store.open()).txn), expected.size());
    expected.emplace_back("behind the reopening");
    value_of(store.commit(expected.back()));
    EXPECT_EQ(value_of(read_commits(store.directory())), expected);
  });
}

TEST_F(WaysToTheDisk, RefuseEverythingAfterAWriteThatFailed) {  // WRITE-3
  for_each([](LogStore& store) {
    const int result = io::testing::in_child([&] {
      value_of(store.open());
      value_of(store.commit("durable"));
      if (!io::testing::limit_file_size(0)) return 100;
      const auto failed = store.commit("unknown");
      if (failed || failed.error().code() != Code::kDurabilityUnknown) return 1;
      const auto refused = store.append("refused");
      return refused || refused.error().code() != Code::kPoisoned ? 2 : 0;
    });
    EXPECT_EQ(result, 0);
  });
}

#ifndef CAISSON_SANITIZED  // Which brings operators of its own.
TEST_F(WaysToTheDisk, AllocateNothingForACommit) {
  for_each([](LogStore& store) {
    const std::string payload(300, 'p');
    for (int i = 0; i < 10; ++i) value_of(store.commit(payload));
    const std::uint64_t before = allocations;
    bool durable = true;
    for (int i = 0; i < 30; ++i) durable = durable && store.commit(payload).has_value();
    EXPECT_EQ(allocations - before, 0U);
    EXPECT_TRUE(durable);
  });
}
#endif

TEST_F(WaysToTheDisk, AreSharedByThreads) {
  for_each([](LogStore& store) {
    EXPECT_EQ(commit_in_threads(store, 4, 10), std::vector<int>(4, 10));
    const Commits commits = value_of(read_commits(store.directory()));
    ASSERT_EQ(commits.size(), 40U);
    for (std::size_t i = 0; i < commits.size(); ++i) EXPECT_EQ(commits[i], std::to_string(i + 1));
  });
}

// --- Threads -------------------------------------------------------------------------------------

TEST(LogWriter, LetsThreadsShareFlushes) {
  LogStore store;
  value_of(store.open());
  constexpr int kThreads = 8;
  constexpr int kCommits = 50;
  Mutex turn;  // As the store's writer lock: one commit is queued after the other.
  std::atomic<int> wrong{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < kCommits; ++k) {
        LogWriter::Appended appended;
        TxnId txn{};
        {
          const MutexLock lock(turn);
          appended = value_of(store.append(payload_of(to_u64(store.txn()))));
          txn = store.txn();
        }
        value_of(store.writer().flush(appended.ticket));
        if (store.writer().durable_upto() < txn) ++wrong;
      }
    });
  }
  // Others ask for flushes all the time, as a flusher does.
  std::atomic<bool> done{false};
  std::jthread idler([&] {
    std::uint64_t last = 0;
    while (!done) {
      value_of(store.writer().flush(store.writer().appended()));
      const std::uint64_t durable = store.writer().durable();
      if (durable < last) ++wrong;
      last = durable;
    }
  });
  threads.clear();
  done = true;
  idler.join();
  EXPECT_EQ(wrong, 0);
  const Commits commits = value_of(read_commits(store.directory()));
  ASSERT_EQ(commits.size(), static_cast<std::size_t>(kThreads * kCommits));
  for (std::uint64_t i = 0; i < commits.size(); ++i) EXPECT_EQ(commits[i], payload_of(i));
}

// Those who have come while it was on its way wait for the next one, which is never made.
TEST(LogWriter, TellsThoseWhoWaitForTheNextFlushThatThisOneHasFailed) {  // WRITE-3
  for (const bool fails : {false, true}) {
    LogStore store;
    value_of(store.open());
    LogWriter& writer = store.writer();
    std::vector<std::jthread> others;
    std::atomic<int> durable{0};
    std::atomic<int> unknown{0};
    value_of(store.append("first"));
    store.machine().interleave(store.machine().calls(), [&] {
      for (std::uint64_t i = 0; i < 4; ++i) {
        const auto appended = value_of(store.append("later"));
        others.emplace_back([&, ticket = appended.ticket] {
          const auto flushed = writer.flush(ticket);
          flushed ? ++durable : ++unknown;
        });
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // Until they sleep.
    });
    if (fails) store.machine().inject({store.machine().calls(), FaultKind::kIoError, true});
    EXPECT_EQ(writer.flush(1).has_value(), !fails);
    others.clear();
    EXPECT_EQ(durable, fails ? 0 : 4);
    EXPECT_EQ(unknown, fails ? 4 : 0);
    EXPECT_EQ(writer.stats().flushes, fails ? 1U : 2U);
  }
}

// As a flusher does, while somebody else flushes.
TEST(LogWriter, TellsAllWhoWaitWhereTheNextFileCantBeMade) {  // WRITE-3
  LogStore store;
  value_of(store.open());
  LogWriter& writer = store.writer();
  std::vector<std::jthread> others;
  std::atomic<int> unknown{0};
  value_of(store.append(std::string(40'000, 'p')));  // Half of a file, and more.
  store.machine().interleave(store.machine().calls(), [&] {
    for (std::uint64_t i = 0; i < 4; ++i) {
      const auto appended = value_of(store.append("later"));
      others.emplace_back([&, ticket = appended.ticket] {
        const auto flushed = writer.flush(ticket);
        if (!flushed && flushed.error().code() == Code::kDurabilityUnknown) ++unknown;
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // Until they sleep.
    store.machine().inject({store.machine().calls(), FaultKind::kIoError, false});
    EXPECT_FALSE(writer.prepare_ahead());
    others.clear();  // None waits for the flush that goes on here.
    EXPECT_EQ(unknown, 4);
  });
  EXPECT_TRUE(writer.flush(1));
  EXPECT_TRUE(writer.poisoned().has_value());
}

// It looked whether the log was idle, and queued its mark later.
TEST(LogWriter, PutsNoMarkBetweenThePartsOfACommit) {
  LogStore store;
  value_of(store.open());
  std::atomic<bool> done{false};
  std::jthread marker([&] {
    while (!done) value_of(store.writer().mark_idle());
  });
  Commits expected;
  for (std::uint64_t txn = 1; txn <= 300; ++txn) {
    const std::string payload = payload_of(txn);
    value_of(store.writer().append(RecordType::kPart, TxnId{txn}, 0, bytes_of(payload)));
    const auto last =
        value_of(store.writer().append(RecordType::kCommit, TxnId{txn}, 1, bytes_of("end")));
    value_of(store.writer().flush(last.ticket));
    std::this_thread::yield();
    expected.push_back(payload + "end");
  }
  done = true;
  marker.join();
  EXPECT_EQ(value_of(read_commits(store.directory())), expected);
}

TEST(LogWriter, ShowsAFollowerEveryCommitOnceItIsDurable) {
  LogStore store;
  value_of(store.open());
  CommitReader reader(store.directory(), FileAccess::kRead, {}, {});
  for (std::uint64_t txn = 1; txn <= 50; ++txn) {
    value_of(store.commit(payload_of(txn, 3000)));
    // At the first time of asking, whatever has been read of the file before.
    const auto commit = value_of(reader.next(store.writer().durable_upto()));
    ASSERT_TRUE(commit.has_value()) << txn;
    EXPECT_EQ(to_u64(commit->txn), txn);
  }
}

}  // namespace
}  // namespace caisson::log

// Method: a writer on a simulated machine, and feeds beside it, behind it, or as another process.
// What they give is applied to a state in memory, and that is held against the store's, by its
// hash; which log files stay is read from the directory.

#include "mvcc/feed.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mvcc/change_reader.h"
#include "mvcc/memory_state.h"
#include "mvcc/replay.h"
#include "mvcc/state_hash.h"
#include "mvcc/testing/harness.h"
#include "mvcc/testing/long_history.h"

namespace caisson::mvcc {
namespace {

using testing::bytes_of;
using testing::code_of;
using testing::EngineStore;
using testing::follow;
using testing::kStorePath;
using testing::LongHistory;
using testing::put;
using testing::StoreOptions;
using testing::value_of;

FeedSource source_of(Engine& engine, std::optional<TxnId> after = {}) {
  return value_of(engine.feed_source(after));
}

Feed feed_behind(Engine& engine, std::uint64_t txn) {
  return value_of(Feed::open_behind(source_of(engine, TxnId{txn}), TxnId{txn}));
}

// The commit that it goes on to; 0: none.
std::uint64_t next_of(Feed& feed) {
  const auto commit = value_of(feed.next());
  return commit ? to_u64(commit->txn) : 0;
}

std::vector<std::uint64_t> log_files(EngineStore& store) {
  const auto directory = value_of(store.machine().vfs().open_directory(kStorePath));
  return value_of(value_of(log::LogDirectory::open(*directory, store.engine().uuid()))->files());
}

// So many commits, each with a file's fourth part of log, and a checkpoint behind every third.
void fill_log(EngineStore& store, int commits) {
  for (int i = 0; i < commits; ++i) {
    value_of(put(store.engine(), "t", "k" + std::to_string(i % 7), std::string(15'000, 'v')));
    if (i % 3 == 2) value_of(store.engine().checkpoint());
  }
}

TEST(Feed, GivesTheCommitsBehindOneInTheirOrder) {  // FEED-1
  EngineStore store(StoreOptions{});
  for (int i = 0; i < 50; ++i) value_of(put(store.engine(), "t", "k", std::to_string(i)));
  for (const std::uint64_t after : {0U, 1U, 17U, 49U, 50U}) {
    Feed feed = feed_behind(store.engine(), after);
    EXPECT_EQ(feed.txn(), TxnId{after});
    for (std::uint64_t txn = after + 1; txn <= 50; ++txn) ASSERT_EQ(next_of(feed), txn);
    EXPECT_EQ(next_of(feed), 0U);
    EXPECT_EQ(feed.txn(), TxnId{50});
  }
}

TEST(Feed, ItsCommitsLeadFromEachStateToTheNext) {
  LongHistory history(StoreOptions{}, 11);
  history.run(300);
  EXPECT_GT(history.counts().spilled, 0);
  EXPECT_GT(history.counts().long_values, 0);
  EXPECT_GT(history.counts().rolled_back_savepoints, 0);
  EXPECT_GT(history.counts().restarts, 0);
  Feed feed = feed_behind(history.store().engine(), 0);
  MemoryState state;
  Applier applier(state, feed.source().limits);
  std::uint64_t txn = 0;
  while (value_of(feed.next())) {
    while (const auto payload = value_of(feed.payload())) value_of(applier.apply(*payload));
    value_of(applier.end_commit());
    ++txn;
    ASSERT_EQ(feed.txn(), TxnId{txn});
    ASSERT_EQ(state.hash(), history.hashes()[txn]) << txn;
  }
  EXPECT_EQ(txn + 1, history.hashes().size());
}

TEST(Feed, GivesNoCommitBeforeItIsDurable) {  // FEED-1
  EngineStore store(StoreOptions{});
  value_of(put(store.engine(), "t", "a", "1"));
  Feed feed = feed_behind(store.engine(), 0);
  EXPECT_EQ(next_of(feed), 1U);
  const auto committed = value_of(put(store.engine(), "t", "a", "2", Durability::kAsync));
  EXPECT_EQ(value_of(store.engine().snapshot()).txn(), TxnId{2});
  EXPECT_EQ(next_of(feed), 0U);
  value_of(store.engine().wait_durable(committed));
  EXPECT_EQ(next_of(feed), 2U);
}

TEST(Feed, BeginsBehindACommitThatNobodyHasWaitedFor) {
  EngineStore store(StoreOptions{});
  value_of(put(store.engine(), "t", "a", "1", Durability::kAsync));
  Feed feed = feed_behind(store.engine(), 1);
  value_of(put(store.engine(), "t", "a", "2"));
  EXPECT_EQ(next_of(feed), 2U);
}

TEST(Feed, FollowsBesideAWriterInAnotherProcessAndBehindItsEnd) {
  EngineStore store(StoreOptions{});
  value_of(put(store.engine(), "t", "a", "1"));
  const auto reader = value_of(follow(store));
  Feed feed = value_of(Feed::open_behind(value_of(reader->feed_source()), TxnId{1}));
  EXPECT_EQ(next_of(feed), 0U);
  value_of(put(store.engine(), "t", "a", "2"));
  EXPECT_EQ(next_of(feed), 2U);
  value_of(put(store.engine(), "t", "a", "3"));
  value_of(store.close());
  EXPECT_EQ(next_of(feed), 3U);
  EXPECT_EQ(next_of(feed), 0U);
  value_of(store.open());
  EXPECT_EQ(next_of(feed), 0U);
  value_of(put(store.engine(), "t", "a", "4"));
  store.abandon();
  EXPECT_EQ(next_of(feed), 4U);
  EXPECT_EQ(next_of(feed), 0U);
}

TEST(Feed, OutlivesWhatItCameFrom) {
  EngineStore store(StoreOptions{});
  value_of(put(store.engine(), "t", "a", "1"));
  Feed feed = feed_behind(store.engine(), 0);
  value_of(store.close());
  EXPECT_EQ(next_of(feed), 1U);
  EXPECT_EQ(next_of(feed), 0U);
  EXPECT_EQ(feed.txn(), TxnId{1});
}

TEST(Feed, GivesWhatIsDurableOfAPoisonedStore) {
  EngineStore store(StoreOptions{});
  value_of(put(store.engine(), "t", "a", "1"));
  Feed feed = feed_behind(store.engine(), 0);
  store.machine().inject(
      {.call = store.machine().calls(), .kind = io::sim::FaultKind::kSyncDrops, .forever = true});
  EXPECT_FALSE(put(store.engine(), "t", "a", "2"));
  EXPECT_TRUE(store.engine().poisoned());
  store.machine().clear_faults();
  EXPECT_EQ(next_of(feed), 1U);
  EXPECT_EQ(next_of(feed), 0U);
  EXPECT_EQ(code_of(Feed::open_behind(source_of(store.engine()), TxnId{2})), Code::kNotFound);
  EXPECT_EQ(next_of(*std::make_unique<Feed>(feed_behind(store.engine(), 0))), 1U);
}

// Kills the writer when it is about to flush a commit: its record is in the page cache alone.
void kill_before_flush(EngineStore& store) {
  io::sim::Machine& machine = store.machine();
  const std::uint64_t begin = machine.calls();
  machine.record_trace(true);
  value_of(put(store.engine(), "t", "a", "warm"));
  std::uint64_t flush = 0;
  for (const auto& call : machine.trace()) {
    if (call.call == io::Call::kSyncData) break;
    ++flush;
  }
  machine.record_trace(false);
  ASSERT_LT(begin + flush, machine.calls());
  machine.inject({.call = machine.calls() + flush, .kind = io::sim::FaultKind::kKill});
  EXPECT_FALSE(put(store.engine(), "t", "a", "last"));
  store.kill();
}

// Else whoever followed it would be ahead of the store behind a power cut.
TEST(Feed, GivesNothingOfAKilledWriterThatAPowerCutWouldTake) {  // FEED-1
  struct Case {
    bool direct;
    bool writable;
    std::uint64_t given;
  };
  // Where the disk can be flushed and then be read itself, all of it; else what was acknowledged.
  for (const Case& c :
       {Case{true, true, 4}, {true, false, 3}, {false, true, 3}, {false, false, 3}}) {
    StoreOptions options;
    options.log.direct = false;
    EngineStore store(options);
    store.machine().set_direct_supported(c.direct);
    value_of(put(store.engine(), "t", "a", "1"));
    value_of(put(store.engine(), "t", "a", "2"));
    kill_before_flush(store);
    store.machine().set_read_only(!c.writable);
    {
      const auto reader = value_of(follow(store));
      const FeedSource source = value_of(reader->feed_source());
      Feed feed = value_of(Feed::open_before(source, std::nullopt));
      while (value_of(feed.next())) continue;
      // What the record before says of those before it may be one less.
      EXPECT_LE(to_u64(feed.txn()), c.given);
      EXPECT_GE(to_u64(feed.txn()), c.given - (c.given == 3 ? 1 : 0));
      store.machine().set_read_only(false);
      store.kill();
      store.machine().cut_power(io::sim::CrashMode::kNothing);
      value_of(store.open());
      EXPECT_GE(value_of(store.engine().snapshot()).txn(), feed.txn());
    }
  }
}

// The first parts of a commit were read ahead, behind the last one that was durable. Then their
// writer was killed, and the next one wrote something else in their place.
TEST(Feed, ForgetsWhatItHasReadAheadOfWhatWasDurable) {
  EngineStore store(StoreOptions{});
  Feed feed = feed_behind(store.engine(), 0);
  const std::string value(15'000, 'v');
  // Into the second file, which has room for a part beside them; each time it reads further ahead.
  for (std::uint64_t txn = 1; txn <= 5; ++txn) {
    value_of(put(store.engine(), "t", "a", value));
    EXPECT_EQ(next_of(feed), txn);
  }
  value_of(put(store.engine(), "t", "a", value));
  {
    WriteTxn txn = value_of(store.engine().begin_write());
    const TreeId tree = testing::tree_in(txn, "t");
    for (int i = 0; i < 400; ++i) {
      value_of(txn.put(tree, bytes_of(std::to_string(i)), bytes_of(std::string(9000, 'm'))));
    }
    EXPECT_EQ(next_of(feed), 6U);
    EXPECT_EQ(feed.position().file, 2U);
    txn.roll_back();
  }
  store.abandon();
  value_of(store.open());
  value_of(put(store.engine(), "t", "a", "2"));
  EXPECT_EQ(next_of(feed), 7U);
  EXPECT_EQ(next_of(feed), 0U);
}

TEST(Feed, KeepsTheLogThatItStillNeedsAndNoMore) {  // FEED-2
  EngineStore store(StoreOptions{});
  fill_log(store, 4);
  Feed feed = feed_behind(store.engine(), 4);
  const std::uint64_t first = feed.position().file;
  fill_log(store, 60);
  EXPECT_LE(log_files(store).front(), first);
  EXPECT_EQ(store.engine().stats().readers.feeds, 1U);
  EXPECT_EQ(store.engine().stats().readers.checkpoints, 0U);
  EXPECT_FALSE(store.engine().stats().readers.unknown);
  for (std::uint64_t txn = 5; txn <= 64; ++txn) ASSERT_EQ(next_of(feed), txn);
  EXPECT_EQ(next_of(feed), 0U);
  fill_log(store, 9);
  EXPECT_GT(log_files(store).front(), first);
  for (std::uint64_t txn = 65; txn <= 73; ++txn) ASSERT_EQ(next_of(feed), txn);
}

// It reads no page, so it keeps none: what is dead is used again.
TEST(Feed, KeepsNoPages) {  // FEED-2
  EngineStore store(StoreOptions{});
  fill_log(store, 30);
  const std::uint64_t pages = store.engine().stats().pages.page_count;
  const Feed feed = feed_behind(store.engine(), 30);
  fill_log(store, 60);
  EXPECT_LE(store.engine().stats().pages.page_count, pages + 8);
}

// A commit of parts is read twice, from behind the one before it: that one's file stays.
TEST(Feed, ReadsACommitOfPartsToItsEndWhateverIsRetiredMeanwhile) {  // FEED-2
  EngineStore store(StoreOptions{});
  fill_log(store, 3);
  {
    WriteTxn txn = value_of(store.engine().begin_write());
    const TreeId tree = testing::tree_in(txn, "t");
    for (int i = 0; i < 40; ++i) {
      value_of(txn.put(tree, bytes_of("m" + std::to_string(i)), bytes_of(std::string(9000, 'm'))));
    }
    value_of(txn.commit());
  }
  Feed feed = feed_behind(store.engine(), 3);
  EXPECT_EQ(next_of(feed), 4U);
  fill_log(store, 30);
  std::size_t bytes = 0;
  int parts = 0;
  for (; const auto payload = value_of(feed.payload()); ++parts) bytes += payload->size();
  EXPECT_GT(parts, 3);
  EXPECT_GT(bytes, 40U * 9000);
  EXPECT_EQ(next_of(feed), 5U);
}

TEST(Feed, BeginsWhereWhatIsRetainedLeads) {
  EngineStore store(StoreOptions{.retention = {.checkpoints = 3, .age_ns = 0}});
  fill_log(store, 60);
  for (std::uint64_t after = 51; after <= 60; ++after) {
    Feed feed = feed_behind(store.engine(), after);
    for (std::uint64_t txn = after + 1; txn <= 60; ++txn) ASSERT_EQ(next_of(feed), txn);
  }
  const FeedSource source = source_of(store.engine());
  EXPECT_EQ(code_of(Feed::open_behind(source, TxnId{30})), Code::kNotFound);
  EXPECT_EQ(code_of(Feed::open_behind(source, TxnId{61})), Code::kNotFound);
}

// A checkpoint that has only a name has no log behind it.
TEST(Feed, DoesNotBeginBehindWhatOnlyANameKeeps) {
  EngineStore store(StoreOptions{});
  fill_log(store, 3);
  value_of(store.engine().retain("three"));
  fill_log(store, 60);
  EXPECT_EQ(value_of(store.engine().snapshot_as_of(TxnId{3})).txn(), TxnId{3});
  EXPECT_EQ(code_of(Feed::open_behind(source_of(store.engine()), TxnId{3})), Code::kNotFound);
}

TEST(Feed, BeginsAtAPlaceThatWasNotedAndSaysWhereTheLogIsAnother) {  // FEED-3
  EngineStore store(StoreOptions{});
  fill_log(store, 2);
  EngineStore older = store.copy(7);
  value_of(older.open());
  const FeedSource source = source_of(store.engine());
  Feed feed = value_of(Feed::open_behind(source, TxnId{0}));
  fill_log(store, 6);
  while (to_u64(feed.txn()) < 5) value_of(feed.next());
  const LogPosition place = feed.position();
  Feed again = value_of(Feed::open_at(source, TxnId{5}, place));
  EXPECT_EQ(next_of(again), 6U);
  fill_log(older, 1);
  EXPECT_EQ(code_of(Feed::open_at(source_of(older.engine()), TxnId{5}, place)), Code::kCorruption);
  fill_log(older, 9);
  EXPECT_EQ(code_of(Feed::open_at(source_of(older.engine()), TxnId{5}, place)), Code::kCorruption);
  {
    const Feed ended = std::move(feed);
  }
  {
    const Feed ended = std::move(again);
  }
  fill_log(store, 60);
  EXPECT_EQ(code_of(Feed::open_at(source, TxnId{5}, place)), Code::kNotFound);
}

TEST(Feed, WaitsForACommitForAsLongAsItIsTold) {
  EngineStore store(StoreOptions{});
  value_of(put(store.engine(), "t", "a", "1"));
  Feed feed = feed_behind(store.engine(), 1);
  io::Clock& clock = store.machine().vfs().clock();
  const auto begin = clock.monotonic();
  EXPECT_FALSE(value_of(feed.next(std::chrono::seconds(1))));
  const auto waited = clock.monotonic() - begin;
  EXPECT_GE(waited, std::chrono::seconds(1));
  EXPECT_LT(waited, std::chrono::milliseconds(1100));
  // Another process commits while it looks for the seventh time.
  store.machine().interleave(store.machine().calls() + 6,
                             [&] { value_of(put(store.engine(), "t", "a", "2")); });
  EXPECT_EQ(to_u64(value_of(feed.next(std::chrono::hours(10)))->txn), 2U);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(value_of(feed.next(std::chrono::hours(10), stop.get_token())));
  value_of(put(store.engine(), "t", "a", "3"));
  EXPECT_TRUE(value_of(feed.next(std::chrono::nanoseconds(-1), stop.get_token())));
}

// What waiting costs: one call a look, whoever writes, and also where nobody does.
TEST(Feed, LooksOnceACallWhileNothingComes) {
  EngineStore store(StoreOptions{});
  value_of(put(store.engine(), "t", "a", "1"));
  Feed feed = feed_behind(store.engine(), 1);
  const auto calls = [&] {
    const std::uint64_t before = store.machine().calls();
    EXPECT_EQ(next_of(feed), 0U);
    return store.machine().calls() - before;
  };
  EXPECT_EQ(calls(), 1U);
  value_of(put(store.engine(), "t", "a", "2", Durability::kAsync));
  EXPECT_EQ(calls(), 1U);
  value_of(store.close());
  EXPECT_EQ(next_of(feed), 2U);
  EXPECT_EQ(calls(), 1U);
}

}  // namespace
}  // namespace caisson::mvcc

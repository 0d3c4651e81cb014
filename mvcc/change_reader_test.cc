// Method: the changes of random histories (testing/long_history.h: savepoints rolled back, values
// in pieces, ranges, trees dropped and made again, commits of many parts, kills in between) are
// applied to a state in memory, which has to have the hash of the store's behind each commit, from
// wherever the feed begins. What is skipped, and how much at a time, is up to chance.

#include "mvcc/change_reader.h"

#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <string>

#include "base/random.h"
#include "base/testing/replay.h"
#include "mvcc/memory_state.h"
#include "mvcc/replay.h"
#include "mvcc/testing/long_history.h"

namespace caisson::mvcc {
namespace {

using caisson::testing::Replay;
using log::OperationCode;
using testing::bytes_of;
using testing::code_of;
using testing::EngineStore;
using testing::LongHistory;
using testing::put;
using testing::StoreOptions;
using testing::text_of;
using testing::value_of;

// A state that changes are applied to, with names of trees held against its own.
struct Target {
  MemoryState state;

  void apply(const Change& change, ChangeReader& reader) {
    if (change.code == OperationCode::kCreateTree) {
      value_of(state.create(change.tree, kPlainTree, bytes_of(change.tree_name), {}));
      return;
    }
    ASSERT_EQ(state.trees().at(change.tree).name, change.tree_name);
    switch (change.code) {
      case OperationCode::kDropTree:
        return value_of(state.drop(change.tree));
      case OperationCode::kDelete:
        return value_of(state.erase(change.tree, change.key));
      case OperationCode::kDeleteRange:
        return value_of(state.erase_range(change.tree, {change.key, change.end}));
      default:
        break;
    }
    value_of(state.begin_value(change.tree, change.key, change.value_size));
    while (true) {
      const Bytes piece = value_of(reader.next_piece());
      if (piece.empty()) break;
      value_of(state.append_piece(piece));
    }
    value_of(state.finish_value());
  }
};

// The state behind a commit, from the log alone, without what changes say.
MemoryState state_behind(Engine& engine, std::uint64_t txn) {
  MemoryState state;
  Feed feed = value_of(Feed::open_behind(value_of(engine.feed_source()), TxnId{0}));
  Applier applier(state, feed.source().limits);
  while (to_u64(feed.txn()) < txn) {
    value_of(feed.next());
    while (const auto payload = value_of(feed.payload())) value_of(applier.apply(*payload));
    value_of(applier.end_commit());
  }
  return state;
}

// Options of trees are no changes that a feed tells of, so states are compared by what trees hold.
std::map<std::string, MemoryState::Entries> entries_of(const MemoryState& state) {
  std::map<std::string, MemoryState::Entries> all;
  for (const auto& [id, tree] : state.trees()) {
    all[std::to_string(to_u64(id)) + " " + tree.name] = tree.entries;
  }
  return all;
}

TEST(ChangeReader, ItsChangesLeadFromWhereverItBeginsToEachStateBehind) {
  const Replay replay = Replay::from_environment({"seed"});
  std::uint64_t commits = 0;
  for (const std::uint64_t seed : replay.seeds("seed", 1, 6)) {
    LongHistory history(StoreOptions{}, seed);
    history.run(150);
    Engine& engine = history.store().engine();
    const std::uint64_t last = history.hashes().size() - 1;
    Random random(seed);
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t begin = i == 0 ? 0 : random.below(last);
      Target target{state_behind(engine, begin)};
      ASSERT_EQ(target.state.hash(), history.hashes()[begin]);
      ChangeReader reader =
          value_of(ChangeReader::open_behind(value_of(engine.feed_source()), TxnId{begin}));
      while (value_of(reader.next_commit())) {
        while (const auto change = value_of(reader.next_change())) target.apply(*change, reader);
        ++commits;
      }
      ASSERT_EQ(reader.feed().txn(), TxnId{last}) << replay.command({seed});
      ASSERT_EQ(entries_of(target.state), entries_of(state_behind(engine, last)))
          << replay.command({seed});
    }
  }
  std::cout << "commits=" << commits << " seeds=1..6 failures=0\n";
}

// Each commit is read to some point by chance, and the next one's trees are known all the same; so
// are those of a position that is acknowledged there.
TEST(ChangeReader, KnowsTheTreesBehindCommitsThatWereReadInPart) {
  LongHistory history(StoreOptions{}, 21);
  history.run(200);
  Engine& engine = history.store().engine();
  const FeedSource source = value_of(engine.feed_source());
  value_of(ChangeReader::create_position(source, "a", TxnId{0}));
  Random random(4);
  MemoryState state;
  Feed feed = value_of(Feed::open_behind(source, TxnId{0}));
  Applier applier(state, feed.source().limits);
  auto reader = std::make_unique<ChangeReader>(value_of(ChangeReader::open_position(source, "a")));
  while (value_of(reader->next_commit())) {
    for (std::uint64_t n = random.below(12); n > 0; --n) {
      const auto change = value_of(reader->next_change());
      if (!change) break;
      if (random.chance(1, 2)) value_of(reader->next_piece());
    }
    value_of(feed.next());
    while (const auto payload = value_of(feed.payload())) value_of(applier.apply(*payload));
    value_of(applier.end_commit());
    if (!random.chance(1, 10)) continue;
    value_of(reader->acknowledge());
    reader.reset();
    const Position position = value_of(PositionFiles(*source.directory, source.uuid).read("a"));
    TreeNames names;
    for (const auto& [id, tree] : state.trees()) names.emplace(id, tree.name);
    ASSERT_EQ(position.trees, names);
    ASSERT_EQ(position.txn, feed.txn());
    ASSERT_EQ(position.log, feed.position());
    reader = std::make_unique<ChangeReader>(value_of(ChangeReader::open_position(source, "a")));
  }
  EXPECT_EQ(reader->feed().txn(), TxnId{history.hashes().size() - 1});
}

TEST(ChangeReader, GivesALongValueInPiecesAndItsKeyStaysMeanwhile) {
  EngineStore store(StoreOptions{});
  const std::string value(900'000, 'v');
  value_of(put(store.engine(), "t", "k", value));
  ChangeReader reader =
      value_of(ChangeReader::open_behind(value_of(store.engine().feed_source()), TxnId{0}));
  EXPECT_TRUE(value_of(reader.next_commit()));
  EXPECT_EQ(value_of(reader.next_change())->code, OperationCode::kCreateTree);
  const auto change = value_of(reader.next_change());
  EXPECT_EQ(change->value_size, value.size());
  std::string whole;
  int pieces = 0;
  for (;; ++pieces) {
    const Bytes piece = value_of(reader.next_piece());
    if (piece.empty()) break;
    EXPECT_LE(piece.size(), 100'000U);
    EXPECT_EQ(text_of(change->key), "k");
    whole += text_of(piece);
  }
  EXPECT_EQ(whole, value);
  EXPECT_GT(pieces, 9);
  EXPECT_FALSE(value_of(reader.next_change()));
}

// What failed half-way is not gone on with: it would leave something out.
TEST(ChangeReader, IsOfNoUseOnceReadingHasFailed) {
  EngineStore store(StoreOptions{});
  value_of(put(store.engine(), "t", "k", std::string(900'000, 'v')));
  ChangeReader reader =
      value_of(ChangeReader::open_behind(value_of(store.engine().feed_source()), TxnId{0}));
  EXPECT_TRUE(value_of(reader.next_commit()));
  store.machine().inject(
      {.call = store.machine().calls(), .kind = io::sim::FaultKind::kIoError, .forever = true});
  Result<std::optional<Change>> change = reader.next_change();
  while (change && *change) change = reader.next_change();
  EXPECT_EQ(code_of(change), Code::kIoError);
  store.machine().clear_faults();
  EXPECT_EQ(code_of(reader.next_change()), Code::kIoError);
  EXPECT_EQ(code_of(reader.next_commit()), Code::kIoError);
  EXPECT_EQ(code_of(reader.next_piece()), Code::kIoError);
  EXPECT_EQ(code_of(reader.acknowledge()), Code::kIoError);
}

}  // namespace
}  // namespace caisson::mvcc

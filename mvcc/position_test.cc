// Method: positions on a simulated machine: what they keep, across checkpoints, closing, kills and
// power cuts; every call of making, moving and removing one fails, or is the last before the power
// goes, or has a checkpoint of the writer come before it; and what is damaged, or another's. What
// is followed from a position has to lead to the store's state, by its hash.

#include "mvcc/position.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mvcc/change_reader.h"
#include "mvcc/position_list.h"
#include "mvcc/testing/harness.h"

namespace caisson::mvcc {
namespace {

using io::sim::CrashMode;
using io::sim::FaultKind;
using testing::bytes_of;
using testing::code_of;
using testing::EngineStore;
using testing::follow;
using testing::kStorePath;
using testing::put;
using testing::StoreOptions;
using testing::text_of;
using testing::value_of;

FeedSource source_of(Engine& engine) { return value_of(engine.feed_source()); }

TxnId create(EngineStore& store, std::string_view name, std::optional<TxnId> after = {}) {
  return value_of(ChangeReader::create_position(source_of(store.engine()), name, after));
}

ChangeReader open(EngineStore& store, std::string_view name) {
  return value_of(ChangeReader::open_position(source_of(store.engine()), name));
}

std::uint64_t first_log_file(EngineStore& store) {
  const auto directory = value_of(store.machine().vfs().open_directory(kStorePath));
  const auto log = value_of(log::LogDirectory::open(*directory, store.engine().uuid()));
  return value_of(log->files()).front();
}

// The log file that a position needs. One that nobody needs may still be there, to be used again.
std::uint64_t needed_log_file(EngineStore& store) {
  const FeedSource source = source_of(store.engine());
  return PositionFiles(*source.directory, source.uuid).needs().first_log_file;
}

// So many commits, with a checkpoint behind every third.
void fill_log(EngineStore& store, int commits) {
  for (int i = 0; i < commits; ++i) {
    value_of(put(store.engine(), "t", "k" + std::to_string(i % 7), std::string(15'000, 'v')));
    if (i % 3 == 2) value_of(store.engine().checkpoint());
  }
}

// Reads to the end, and says which commits came.
std::vector<std::uint64_t> commits_of(ChangeReader& reader) {
  std::vector<std::uint64_t> commits;
  while (value_of(reader.next_commit())) {
    int changes = 0;
    while (value_of(reader.next_change())) ++changes;
    EXPECT_GT(changes, 0);
    commits.push_back(to_u64(reader.feed().txn()));
  }
  return commits;
}

std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> all;
  for (; first <= last; ++first) all.push_back(first);
  return all;
}

std::string path_of(std::string_view name) {
  return std::string(kStorePath) + "/" + kPositionsName + "/" + position_file_name(name);
}

TEST(Position, KeepsTheLogFromItsCommitOnWhateverComes) {  // POSITION-3
  EngineStore store(StoreOptions{});
  fill_log(store, 10);
  EXPECT_EQ(create(store, "mirror"), TxnId{10});
  fill_log(store, 30);
  value_of(store.close());
  value_of(store.open());
  fill_log(store, 30);
  store.kill();
  value_of(store.open());
  fill_log(store, 30);
  store.kill();
  store.machine().cut_power(CrashMode::kNothing);
  value_of(store.open());
  EXPECT_EQ(store.engine().stats().positions.positions, 1U);
  EXPECT_EQ(store.engine().stats().positions.oldest, TxnId{10});
  fill_log(store, 5);
  ChangeReader reader = open(store, "mirror");
  EXPECT_EQ(commits_of(reader), numbers(11, 105));
}

TEST(Position, LetsGoOfTheLogWhenItMovesOrIsRemoved) {
  EngineStore store(StoreOptions{});
  fill_log(store, 10);
  create(store, "a");
  const std::uint64_t first = needed_log_file(store);
  fill_log(store, 30);
  EXPECT_EQ(first_log_file(store), first);
  {
    ChangeReader reader = open(store, "a");
    EXPECT_EQ(commits_of(reader), numbers(11, 40));
    value_of(reader.acknowledge());
    value_of(reader.acknowledge());  // Nothing new.
  }
  const std::uint64_t later = needed_log_file(store);
  EXPECT_GT(later, first);
  fill_log(store, 30);
  EXPECT_EQ(first_log_file(store), later);
  value_of(remove_position(source_of(store.engine()), "a"));
  EXPECT_EQ(code_of(remove_position(source_of(store.engine()), "a")), Code::kNotFound);
  fill_log(store, 9);
  EXPECT_GT(first_log_file(store), later);
  EXPECT_EQ(store.engine().stats().positions, PositionNeeds{});
}

TEST(Position, GoesOnBehindWhatWasAcknowledgedLast) {
  EngineStore store(StoreOptions{});
  fill_log(store, 10);
  create(store, "a", TxnId{8});
  EXPECT_EQ(code_of(ChangeReader::create_position(source_of(store.engine()), "a", {})),
            Code::kAlreadyExists);
  for (std::uint64_t txn = 9; txn <= 10; ++txn) {
    {
      ChangeReader reader = open(store, "a");  // Nobody says that it was read.
      EXPECT_EQ(commits_of(reader), numbers(txn, 10));
    }
    ChangeReader reader = open(store, "a");
    EXPECT_TRUE(value_of(reader.next_commit()));
    value_of(reader.acknowledge());
  }
  ChangeReader reader = open(store, "a");
  EXPECT_EQ(commits_of(reader), numbers(11, 10));
}

// Needs no checkpoint: the names of the trees are in it.
TEST(Position, KnowsTheTreesThatThereWereByTheirNames) {
  EngineStore store(StoreOptions{});
  value_of(put(store.engine(), "one", "k", "v"));
  value_of(put(store.engine(), "two", "k", "v"));
  create(store, "a", TxnId{1});
  const auto change_of = [](ChangeReader& reader) {
    const auto change = value_of(reader.next_change());
    return change ? std::string(change->tree_name) + "/" + text_of(change->key) : "none";
  };
  {
    ChangeReader reader = open(store, "a");
    EXPECT_TRUE(value_of(reader.next_commit()));
    EXPECT_EQ(change_of(reader), "two/");
    value_of(reader.acknowledge());  // What is left of the commit is passed over.
  }
  WriteTxn txn = value_of(store.engine().begin_write());
  value_of(txn.drop_tree(testing::tree_in(txn, "one")));
  value_of(txn.put(testing::tree_in(txn, "two"), bytes_of("x"), bytes_of("y")));
  value_of(txn.put(testing::tree_in(txn, "one"), bytes_of("z"), bytes_of("y")));
  value_of(txn.commit());
  ChangeReader reader = open(store, "a");
  EXPECT_TRUE(value_of(reader.next_commit()));
  EXPECT_EQ(change_of(reader), "one/");
  EXPECT_EQ(change_of(reader), "two/x");
  EXPECT_EQ(change_of(reader), "one/");
  EXPECT_EQ(change_of(reader), "one/z");
  EXPECT_EQ(change_of(reader), "none");
}

TEST(Position, IsFollowedByOneAtATime) {  // POSITION-4
  EngineStore store(StoreOptions{});
  fill_log(store, 3);
  create(store, "a", TxnId{1});
  create(store, "b", TxnId{2});
  const FeedSource source = source_of(store.engine());
  const auto elsewhere = value_of(follow(store));
  {
    const ChangeReader reader = open(store, "a");
    EXPECT_EQ(code_of(ChangeReader::open_position(source, "a")), Code::kBusy);
    EXPECT_EQ(code_of(ChangeReader::open_position(value_of(elsewhere->feed_source()), "a")),
              Code::kBusy);
    EXPECT_EQ(code_of(remove_position(source, "a")), Code::kBusy);
    EXPECT_EQ(code_of(ChangeReader::create_position(source, "a", {})), Code::kBusy);
    ChangeReader other = open(store, "b");
    EXPECT_EQ(commits_of(other), numbers(3, 3));
    value_of(other.acknowledge());
  }
  ChangeReader reader =
      value_of(ChangeReader::open_position(value_of(elsewhere->feed_source()), "a"));
  EXPECT_EQ(commits_of(reader), numbers(2, 3));
  value_of(reader.acknowledge());
  store.kill();
  value_of(store.open());
  EXPECT_EQ(store.engine().stats().positions.oldest, TxnId{3});
}

TEST(Position, SaysWhatItCantDo) {
  EngineStore store(StoreOptions{});
  fill_log(store, 3);
  const FeedSource source = source_of(store.engine());
  EXPECT_EQ(code_of(ChangeReader::open_position(source, "a")), Code::kNotFound);
  EXPECT_EQ(code_of(remove_position(source, "a")), Code::kNotFound);
  create(store, "b");
  EXPECT_EQ(code_of(ChangeReader::open_position(source, "a")), Code::kNotFound);
  for (const std::string& name : {std::string(), std::string(256, 'n')}) {
    EXPECT_EQ(code_of(ChangeReader::create_position(source, name, {})), Code::kInvalidArgument);
    EXPECT_EQ(code_of(ChangeReader::open_position(source, name)), Code::kInvalidArgument);
    EXPECT_EQ(code_of(remove_position(source, name)), Code::kInvalidArgument);
  }
  EXPECT_EQ(code_of(ChangeReader::create_position(source, "a", TxnId{4})), Code::kNotFound);
  ChangeReader reader = value_of(ChangeReader::open_behind(source, TxnId{3}));
  EXPECT_EQ(code_of(reader.acknowledge()), Code::kInvalidArgument);
  EXPECT_FALSE(value_of(reader.next_commit()));
}

// Nobody knows what it needs, so all of the log stays, until it is removed.
TEST(Position, ThatIsDamagedKeepsAllOfTheLogAndIsLeftAlone) {  // POSITION-3
  EngineStore store(StoreOptions{});
  fill_log(store, 10);
  create(store, "a");
  const std::uint64_t first = needed_log_file(store);
  fill_log(store, 10);
  store.machine().image(path_of("a"))->flip_bit(60, 0);
  fill_log(store, 30);
  EXPECT_EQ(first_log_file(store), first);
  EXPECT_EQ(store.engine().stats().positions,
            (PositionNeeds{.positions = 0, .oldest = {}, .unreadable = 1}));
  const FeedSource source = source_of(store.engine());
  const auto refused = ChangeReader::open_position(source, "a");
  EXPECT_EQ(code_of(refused), Code::kCorruption);
  EXPECT_EQ(refused.error().rule(), "POSITION-1");
  EXPECT_EQ(code_of(ChangeReader::create_position(source, "a", {})), Code::kAlreadyExists);
  const auto listed = value_of(list_positions(source));
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].name, "");
  EXPECT_EQ(listed[0].error->file(), "positions/" + position_file_name("a"));
  value_of(store.close());
  value_of(store.open());
  EXPECT_EQ(store.engine().stats().positions.unreadable, 1U);
  EXPECT_EQ(first_log_file(store), first);
  value_of(remove_position(source_of(store.engine()), "a"));
  fill_log(store, 30);
  EXPECT_GT(first_log_file(store), first);
}

// As a backup gives it that is older than its positions, or another store's.
TEST(Position, OfAnotherStoreOrALaterStateIsRefused) {  // POSITION-1 FEED-3
  EngineStore store(StoreOptions{});
  fill_log(store, 6);
  EngineStore older = store.copy(3);
  value_of(older.open());
  fill_log(store, 2);
  create(store, "a");
  const Position late = value_of(
      PositionFiles(*source_of(store.engine()).directory, store.engine().uuid()).read("a"));
  const FeedSource source = source_of(older.engine());
  value_of(PositionFiles(*source.directory, source.uuid).write(late));
  EXPECT_EQ(code_of(ChangeReader::open_position(source, "a")), Code::kCorruption);
  fill_log(older, 9);
  EXPECT_EQ(code_of(ChangeReader::open_position(source, "a")), Code::kCorruption);
  Uuid other = source.uuid;
  other.bytes[0] ^= std::byte{1};
  value_of(PositionFiles(*source.directory, other).write(late));
  EXPECT_EQ(code_of(ChangeReader::open_position(source, "a")), Code::kWrongStore);
  EXPECT_EQ(PositionFiles(*source.directory, source.uuid).needs().unreadable, 1U);
}

TEST(Position, IsListedWithTheLogThatItKeeps) {
  EngineStore store(StoreOptions{});
  EXPECT_TRUE(value_of(list_positions(source_of(store.engine()))).empty());
  fill_log(store, 3);
  create(store, "b", TxnId{1});
  fill_log(store, 20);
  create(store, "a");
  const auto elsewhere = value_of(follow(store));
  for (const FeedSource& source : {source_of(store.engine()), value_of(elsewhere->feed_source())}) {
    const auto listed = value_of(list_positions(source));
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(listed[0].name, "a");
    EXPECT_EQ(listed[0].txn, TxnId{23});
    EXPECT_EQ(listed[1].name, "b");
    EXPECT_EQ(listed[1].txn, TxnId{1});
    EXPECT_GT(listed[1].log_bytes, listed[0].log_bytes + 20 * 15'000);
    EXPECT_LT(listed[1].log_bytes, 2 * 20 * 15'000U);
  }
  EXPECT_EQ(elsewhere->stats().positions.positions, 2U);
}

TEST(Position, IsFollowedButNotMovedWhereNothingCanBeWritten) {
  EngineStore store(StoreOptions{});
  fill_log(store, 3);
  create(store, "a", TxnId{1});
  store.kill();
  store.machine().set_read_only(true);
  const auto reader = value_of(follow(store));
  const FeedSource source = value_of(reader->feed_source());
  ChangeReader changes = value_of(ChangeReader::open_position(source, "a"));
  EXPECT_TRUE(value_of(changes.next_commit()));
  EXPECT_EQ(code_of(changes.acknowledge()), Code::kReadOnly);
  EXPECT_EQ(code_of(ChangeReader::create_position(source, "b", {})), Code::kReadOnly);
  EXPECT_EQ(code_of(remove_position(source, "a")), Code::kReadOnly);
  // It can be tried again.
  store.machine().set_read_only(false);
  value_of(changes.acknowledge());
  EXPECT_EQ(value_of(PositionFiles(*source.directory, source.uuid).read("a")).txn, TxnId{2});
}

TEST(Position, StaysAsItIsWhereTheDiskIsFull) {  // POSITION-2
  EngineStore store(StoreOptions{});
  fill_log(store, 3);
  const FeedSource source = source_of(store.engine());
  store.machine().set_capacity({.bytes = 0, .inodes = 0});
  EXPECT_EQ(code_of(ChangeReader::create_position(source, "a", TxnId{1})), Code::kOutOfSpace);
  EXPECT_TRUE(value_of(list_positions(source)).empty());
  store.machine().set_capacity({});
  create(store, "a", TxnId{1});
  ChangeReader reader = open(store, "a");
  EXPECT_TRUE(value_of(reader.next_commit()));
  store.machine().set_capacity({.bytes = 0, .inodes = 0});
  EXPECT_EQ(code_of(reader.acknowledge()), Code::kOutOfSpace);
  EXPECT_EQ(PositionFiles(*source.directory, source.uuid).needs().oldest, TxnId{1});
  EXPECT_TRUE(value_of(reader.next_commit()));
  store.machine().set_capacity({});
  value_of(reader.acknowledge());
  EXPECT_EQ(PositionFiles(*source.directory, source.uuid).needs().oldest, TxnId{3});
}

// A store can't be made where positions lie: they are what is left of one.
TEST(Position, IsWhatIsLeftOfAStore) {
  EngineStore store(StoreOptions{});
  create(store, "a");
  value_of(store.close());
  const auto directory = value_of(store.machine().vfs().open_directory(kStorePath));
  value_of(directory->unlink(pager::kPageFileName));
  EXPECT_EQ(code_of(store.create()), Code::kAlreadyExists);
}

// --- Every call ----------------------------------------------------------------------------------

enum class Step : std::uint8_t { kCreate, kMove, kRemove };

// A store with ten commits, and a position behind the fourth unless it is to be made.
EngineStore store_for(Step step) {
  EngineStore store(StoreOptions{});
  for (int i = 0; i < 10; ++i) {
    value_of(put(store.engine(), "t", "k" + std::to_string(i), std::string(15'000, 'v')));
  }
  if (step != Step::kCreate) create(store, "a", TxnId{4});
  return store;
}

Result<void> take(Step step, const FeedSource& source) {
  switch (step) {
    case Step::kCreate:
      CAISSON_RETURN_IF_ERROR(ChangeReader::create_position(source, "a", TxnId{8}));
      return {};
    case Step::kMove: {
      CAISSON_ASSIGN_OR_RETURN(ChangeReader reader, ChangeReader::open_position(source, "a"));
      while (to_u64(reader.feed().txn()) < 8) CAISSON_RETURN_IF_ERROR(reader.next_commit());
      return reader.acknowledge();
    }
    case Step::kRemove:
      return remove_position(source, "a");
  }
  return {};
}

// Where the position stands; 0: there is none.
std::uint64_t place_of(EngineStore& store) {
  return to_u64(store.engine().stats().positions.oldest.value_or(TxnId{}));
}

class PositionSteps : public ::testing::TestWithParam<Step> {
 protected:
  static std::uint64_t before() { return GetParam() == Step::kCreate ? 0 : 4; }
  static std::uint64_t after() { return GetParam() == Step::kRemove ? 0 : 8; }

  // What holds of a store that has just been opened: the position is where it was, or where it
  // should be, and leads on from there whatever is retired.
  static void check(EngineStore& store, bool done, const std::string& where) {
    const std::uint64_t place = place_of(store);
    ASSERT_TRUE(place == after() || (!done && place == before())) << place << where;
    ASSERT_EQ(store.engine().stats().positions.unreadable, 0U) << where;
    fill_log(store, 12);
    if (place == 0) return;
    ChangeReader reader = open(store, "a");
    ASSERT_EQ(commits_of(reader), numbers(place + 1, 22)) << where;
    value_of(reader.acknowledge());
  }
};

INSTANTIATE_TEST_SUITE_P(All, PositionSteps,
                         ::testing::Values(Step::kCreate, Step::kMove, Step::kRemove),
                         [](const auto& test) {
                           return test.param == Step::kCreate ? "Create"
                                  : test.param == Step::kMove ? "Move"
                                                              : "Remove";
                         });

TEST_P(PositionSteps, AreDoneOrNotWhereverThePowerGoes) {  // POSITION-2
  std::uint64_t crashes = 0;
  for (std::uint64_t call = 0;; ++call) {
    for (const CrashMode mode :
         {CrashMode::kNothing, CrashMode::kEverything, CrashMode::kHalf, CrashMode::kTorn}) {
      EngineStore store = store_for(GetParam());
      const FeedSource source = source_of(store.engine());
      store.machine().inject(
          {.call = store.machine().calls() + call, .kind = FaultKind::kPowerCut});
      const bool done = take(GetParam(), source).has_value();
      if (!store.machine().down()) {
        ASSERT_TRUE(done);
        std::cout << "crashes=" << crashes << " failures=0\n";
        EXPECT_GT(crashes, 30U);
        return;
      }
      store.abandon();
      store.machine().cut_power(mode);
      store.machine().clear_faults();
      value_of(store.open());
      check(store, done, " call " + std::to_string(call));
      if (HasFatalFailure()) return;
      ++crashes;
    }
  }
}

TEST_P(PositionSteps, AreDoneOrNotWhicheverCallFails) {
  for (const FaultKind kind : {FaultKind::kIoError, FaultKind::kNoSpace, FaultKind::kSyncDrops}) {
    std::uint64_t failed = 0;
    for (std::uint64_t call = 0;; ++call) {
      EngineStore store = store_for(GetParam());
      const FeedSource source = source_of(store.engine());
      const std::uint64_t begin = store.machine().calls();
      store.machine().inject({.call = begin + call, .kind = kind});
      const bool done = take(GetParam(), source).has_value();
      if (store.machine().calls() <= begin + call) break;
      store.machine().clear_faults();
      if (!done) ++failed;
      value_of(store.close());
      value_of(store.open());
      check(store, done, " call " + std::to_string(call));
      if (HasFatalFailure()) return;
    }
    EXPECT_GT(failed, 0U) << to_string(kind);
  }
}

// The writer looks at locks and positions at any moment of it (POSITION-3).
TEST_P(PositionSteps, LoseNoLogWhateverTheWriterRetiresMeanwhile) {
  std::uint64_t moments = 0;
  for (std::uint64_t call = 0; call <= moments; ++call) {
    EngineStore store = store_for(GetParam());
    const auto reader = value_of(follow(store));
    const FeedSource source = value_of(reader->feed_source());
    const std::uint64_t begin = store.machine().calls();
    if (call > 0) store.machine().interleave(begin + call - 1, [&] { fill_log(store, 12); });
    const auto done = take(GetParam(), source);
    if (call == 0) {
      moments = store.machine().calls() - begin;
      continue;
    }
    if (!done) {
      // What it was to begin behind may be kept no more, where nobody has begun with it.
      ASSERT_EQ(GetParam(), Step::kCreate) << done.error().to_string();
      ASSERT_EQ(code_of(done), Code::kNotFound) << done.error().to_string();
      continue;
    }
    fill_log(store, 12);
    const std::uint64_t place = place_of(store);
    ASSERT_EQ(place, after()) << call;
    if (place == 0) continue;
    ChangeReader changes = open(store, "a");
    ASSERT_EQ(commits_of(changes), numbers(place + 1, 34)) << call;
  }
  EXPECT_GT(moments, 5U);
}

// The other way about: one is written, and its lock is given up, at any moment of a checkpoint that
// retires what it needs, unless it is seen.
TEST(Position, IsSeenOrItsLockIsWhereverTheWriterStandsWhenItIsMade) {  // POSITION-3
  std::uint64_t moments = 0;
  for (std::uint64_t call = 0; call <= moments; ++call) {
    EngineStore store = store_for(Step::kCreate);
    const FeedSource source = source_of(store.engine());
    auto feed = std::make_unique<Feed>(value_of(Feed::open_behind(source, TxnId{2})));
    const Position position{
        .name = "a", .txn = feed->txn(), .log = feed->position(), .trees = {{TreeId{1}, "t"}}};
    fill_log(store, 8);
    value_of(put(store.engine(), "t", "k", "v"));
    const std::uint64_t begin = store.machine().calls();
    if (call > 0) {
      store.machine().interleave(begin + call - 1, [&] {
        value_of(PositionFiles(*source.directory, source.uuid).write(position));
        feed.reset();
      });
    }
    value_of(store.engine().checkpoint());
    if (call == 0) {
      moments = store.machine().calls() - begin;
      continue;
    }
    fill_log(store, 12);
    ChangeReader changes = open(store, "a");
    ASSERT_EQ(commits_of(changes), numbers(3, 31)) << call;
  }
  EXPECT_GT(moments, 20U);
}

}  // namespace
}  // namespace caisson::mvcc

// Method: the change feed and positions through the public interface, on the real file system. What
// a feed gives is applied to trees in memory, which have to be the store's: of one process, beside
// a writer's thread (run under ThreadSanitizer, too); and beside a process that writes and is
// killed, again and again, where nothing that was given may be missing from the store afterwards.

#include <caisson/store.h>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "base/testing/effort.h"
#include "tests/child/process.h"
#include "tests/support.h"

namespace caisson {
namespace {

using testing::ChildProcess;
using testing::code_of;
using testing::contents;
using testing::in_child;
using testing::put;
using testing::value_of;

class Feeds : public testing::StoreTest {};

using Entries = std::map<std::string, std::string>;

// Trees by their numbers, as changes leave them.
struct Mirror {
  std::map<std::uint64_t, std::pair<std::string, Entries>> trees;
  TxnId txn{};

  void apply(const Change& change, ChangeFeed& feed) {
    if (change.kind == Change::Kind::kCreateTree) {
      trees[change.tree_number].first = change.tree;
      return;
    }
    auto& [name, entries] = trees.at(change.tree_number);
    EXPECT_EQ(name, change.tree);
    const std::string key(as_text(change.key));
    switch (change.kind) {
      case Change::Kind::kDropTree:
        trees.erase(change.tree_number);
        break;
      case Change::Kind::kPut:
        put(entries[key], change, feed);
        break;
      case Change::Kind::kErase:
        entries.erase(key);
        break;
      default: {
        const auto end =
            change.end ? entries.lower_bound(std::string(as_text(*change.end))) : entries.end();
        const auto begin = entries.lower_bound(key);
        if (!change.end || as_text(*change.end) > key) entries.erase(begin, end);
      }
    }
  }

  // Whole, or in pieces.
  static void put(std::string& value, const Change& change, ChangeFeed& feed) {
    if (change.value_size % 2 == 0) {
      value = as_text(value_of(feed.value()));
    } else {
      value.clear();
      for (Bytes piece = value_of(feed.next_piece()); !piece.empty();
           piece = value_of(feed.next_piece())) {
        value += as_text(piece);
      }
    }
    EXPECT_EQ(value.size(), change.value_size);
  }

  void apply_commit(ChangeFeed& feed) {
    while (const auto change = value_of(feed.next_change())) apply(*change, feed);
    txn = feed.txn();
  }

  std::map<std::string, Entries> by_name() const {
    std::map<std::string, Entries> all;
    for (const auto& [number, tree] : trees) all[tree.first] = tree.second;
    return all;
  }
};

std::map<std::string, Entries> all_of(const Snapshot& snapshot) {
  std::map<std::string, Entries> all;
  for (const std::string& name : value_of(snapshot.tree_names())) {
    all[name] = contents(value_of(snapshot.tree(name)));
  }
  return all;
}

TEST_F(Feeds, GiveEachChangeOfEachCommitInItsOrder) {
  const Store store = open();
  ChangeFeed feed = value_of(store.follow(TxnId{0}));
  EXPECT_FALSE(value_of(feed.next_commit()));
  EXPECT_FALSE(value_of(feed.next_change()));
  WriteTxn txn = value_of(store.begin_write());
  WriteTree tree = value_of(txn.create_tree("a"));
  value_of(tree.put("k", "1"));
  value_of(txn.savepoint());
  value_of(tree.put("k", "2"));
  value_of(txn.roll_back_to(1));
  value_of(tree.put("k", ""));
  value_of(tree.put("c", ""));
  value_of(tree.erase("k"));
  value_of(tree.erase_range(Range::between("b", "d")));
  value_of(tree.put("e", ""));
  value_of(tree.erase_range(Range::from("d")));
  value_of(tree.put("long", std::string(3'000'001, 'l')));
  value_of(txn.drop_tree("a"));
  value_of(txn.commit());
  ASSERT_TRUE(value_of(feed.next_commit(std::chrono::seconds(10))));
  EXPECT_EQ(feed.txn(), TxnId{1});
  const auto next = [&] {
    const auto change = value_of(feed.next_change());
    if (!change) return std::string("none");
    EXPECT_EQ(change->tree, "a");
    EXPECT_EQ(change->tree_number, 1U);
    std::string text = std::to_string(static_cast<int>(change->kind)) + " " +
                       std::string(as_text(change->key)) + " " + std::to_string(change->value_size);
    if (change->end) text += " to " + std::string(as_text(*change->end));
    return text;
  };
  EXPECT_EQ(next(), "0  0");
  EXPECT_EQ(code_of(feed.value()), Code::kInvalidArgument);
  EXPECT_TRUE(value_of(feed.next_piece()).empty());
  EXPECT_EQ(next(), "2 k 1");
  EXPECT_EQ(as_text(value_of(feed.value())), "1");
  EXPECT_EQ(as_text(value_of(feed.value())), "1");
  EXPECT_EQ(next(), "2 k 0");
  EXPECT_TRUE(value_of(feed.value()).empty());
  EXPECT_EQ(next(), "2 c 0");
  EXPECT_EQ(next(), "3 k 0");
  EXPECT_EQ(next(), "4 b 0 to d");
  EXPECT_EQ(next(), "2 e 0");
  EXPECT_EQ(next(), "4 d 0");
  EXPECT_EQ(next(), "2 long 3000001");
  EXPECT_EQ(as_text(value_of(feed.value())), std::string(3'000'001, 'l'));
  EXPECT_EQ(next(), "1  0");
  EXPECT_EQ(next(), "none");
  EXPECT_EQ(next(), "none");
  EXPECT_EQ(code_of(feed.acknowledge()), Code::kInvalidArgument);
  EXPECT_EQ(code_of(store.follow(TxnId{2})), Code::kNotFound);
}

TEST_F(Feeds, OfAPositionGoOnWhereItWasAcknowledgedLast) {
  Store store = open();
  put(store, "t", "a", "1");
  EXPECT_EQ(value_of(store.create_position("mirror")), TxnId{1});
  EXPECT_EQ(code_of(store.create_position("mirror")), Code::kAlreadyExists);
  put(store, "t", "a", std::string(200'000, '2'));
  put(store, "t", "a", "3");
  {
    ChangeFeed feed = value_of(store.follow_position("mirror"));
    EXPECT_EQ(code_of(store.follow_position("mirror")), Code::kBusy);
    EXPECT_EQ(code_of(store.remove_position("mirror")), Code::kBusy);
    EXPECT_TRUE(value_of(feed.next_commit()));
    value_of(feed.acknowledge());
    EXPECT_FALSE(value_of(feed.next_change()));
    EXPECT_TRUE(value_of(feed.next_commit()));
    EXPECT_TRUE(value_of(feed.next_change()));  // And no word that it was dealt with.
  }
  value_of(store.checkpoint());
  EXPECT_EQ(value_of(store.stats()).positions, 1U);
  EXPECT_EQ(value_of(store.stats()).oldest_position, TxnId{2});
  value_of(store.close());
  EXPECT_EQ(code_of(store.positions()), Code::kInvalidArgument);
  const Store reader = open({.read_only = true});
  {
    ChangeFeed feed = value_of(reader.follow_position("mirror"));
    EXPECT_EQ(feed.txn(), TxnId{2});
    EXPECT_TRUE(value_of(feed.next_commit()));
    value_of(feed.acknowledge());
  }
  const auto positions = value_of(reader.positions());
  ASSERT_EQ(positions.size(), 1U);
  EXPECT_EQ(positions[0].name, "mirror");
  EXPECT_EQ(positions[0].txn, TxnId{3});
  EXPECT_GT(positions[0].log_bytes, 0U);
  EXPECT_FALSE(positions[0].error);
  EXPECT_EQ(value_of(reader.stats()).oldest_position, TxnId{3});
  value_of(reader.remove_position("mirror"));
  EXPECT_EQ(code_of(reader.follow_position("mirror")), Code::kNotFound);
  EXPECT_EQ(value_of(reader.stats()).positions, 0U);
}

TEST_F(Feeds, OutliveTheirStoreAndEndWithTheirProcess) {
  Store store = open();
  put(store, "t", "a", "1");
  ChangeFeed feed = value_of(store.follow(TxnId{0}));
  value_of(store.close());
  EXPECT_TRUE(in_child([&] { return code_of(feed.next_commit()) == Code::kInvalidArgument; }));
  EXPECT_TRUE(value_of(feed.next_commit()));
  Mirror mirror;
  mirror.apply_commit(feed);
  EXPECT_EQ(mirror.by_name(), (std::map<std::string, Entries>{{"t", {{"a", "1"}}}}));
  ChangeFeed moved = std::move(feed);
  EXPECT_FALSE(value_of(moved.next_commit(std::chrono::milliseconds(5))));
}

TEST_F(Feeds, WaitUntilACommitComesOrTheyAreStopped) {
  const Store store = open();
  put(store, "t", "a", "1");
  ChangeFeed feed = value_of(store.follow(TxnId{1}));
  {
    const std::jthread writer([&store] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      put(store, "t", "a", "2");
    });
    EXPECT_TRUE(value_of(feed.next_commit(std::chrono::hours(1))));
  }
  std::stop_source stop;
  const std::jthread stopper([&stop] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stop.request_stop();
  });
  EXPECT_FALSE(value_of(feed.next_commit(std::chrono::hours(1), stop.get_token())));
}

// One of a transaction's changes, by chance.
void change_something(WriteTxn& txn, Random& random) {
  const std::string name = "t" + std::to_string(random.below(3));
  WriteTree tree = value_of(txn.open_or_create_tree(name));
  const std::string key = std::to_string(random.below(200));
  switch (random.below(12)) {
    case 0:
      value_of(txn.drop_tree(name));
      break;
    case 1:
      value_of(tree.erase_range(Range::between(key, key + "5")));
      break;
    case 2:
      value_of(tree.put(key, std::string(random.below(60'000), 'L')));
      break;
    case 3:
    case 4:
      value_of(tree.erase(key));
      break;
    default:
      value_of(tree.put(key, std::string(random.below(300), 's')));
  }
}

// With the store's own threads, and checkpoints as often as they can be.
TEST_F(Feeds, BesideAWriterLeadFromStateToState) {
  const int commits = testing::long_run() ? 4000 : 400;
  const Store store = open({.replay_time_max = std::chrono::milliseconds(1),
                            .log_file_size_min = std::uint64_t{64} << 10U,
                            .log_file_size_max = std::uint64_t{128} << 10U});
  value_of(store.create_position("mirror", TxnId{0}));
  std::map<std::string, Entries> last;
  std::atomic<std::uint64_t> last_txn{0};
  std::jthread writer([&] {
    Random random(7);
    for (int i = 0; i < commits; ++i) {
      WriteTxn txn = value_of(store.begin_write());
      for (std::uint64_t n = random.below(8); n > 0; --n) change_something(txn, random);
      const Durability how = i % 4 == 0 ? Durability::kSync : Durability::kAsync;
      value_of(txn.commit({.durability = how, .wait = {}}));
    }
    value_of(store.checkpoint());
    const Snapshot snapshot = value_of(store.snapshot());
    last = all_of(snapshot);
    last_txn = to_u64(snapshot.txn());
  });
  Mirror mirror;
  Random random(8);
  std::optional<ChangeFeed> feed;
  std::uint64_t reopened = 0;
  while (last_txn == 0 || to_u64(mirror.txn) < last_txn) {
    if (!feed) {
      feed.emplace(value_of(store.follow_position("mirror")));
      ASSERT_EQ(feed->txn(), mirror.txn);
      ++reopened;
    }
    if (!value_of(feed->next_commit(std::chrono::milliseconds(2)))) continue;
    ASSERT_EQ(to_u64(feed->txn()), to_u64(mirror.txn) + 1);
    mirror.apply_commit(*feed);
    if (!random.chance(1, 20)) continue;
    value_of(feed->acknowledge());
    feed.reset();
  }
  writer.join();
  EXPECT_EQ(mirror.by_name(), last);
  std::cout << "commits=" << last_txn << " feeds=" << reopened << " failures=0\n";
}

// Where each life ends, the feed may not be ahead of what the next one finds.
TEST_F(Feeds, BesideAProcessThatIsKilledGiveNothingThatIsNotThere) {
  const int lives = testing::long_run() ? 60 : 6;
  // As the process would make it.
  value_of(value_of(Store::create(path(), {.page_size = 4096})).close());
  const Store reader = open({.read_only = true});
  value_of(reader.create_position("mirror", TxnId{0}));
  Mirror mirror;
  Random random(5);
  ChangeFeed feed = value_of(reader.follow_position("mirror"));
  for (int life = 0; life < lives; ++life) {
    ChildProcess child({"live", path(), "5", std::to_string(life)}, path("complaints"));
    const std::uint64_t commits = 20 + random.below(150);
    for (std::uint64_t i = 0; i < commits; ++i) {
      if (!value_of(feed.next_commit(std::chrono::seconds(20)))) break;
      ASSERT_EQ(to_u64(feed.txn()), to_u64(mirror.txn) + 1);
      mirror.apply_commit(feed);
      if (random.chance(1, 30)) value_of(feed.acknowledge());
    }
    const int status = child.kill();
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << child.complaints();
    while (value_of(feed.next_commit())) mirror.apply_commit(feed);
    Store store = open();
    const Snapshot snapshot = value_of(store.snapshot());
    ASSERT_GE(snapshot.txn(), mirror.txn);
    while (mirror.txn < snapshot.txn()) {
      ASSERT_TRUE(value_of(feed.next_commit()));
      mirror.apply_commit(feed);
    }
    ASSERT_EQ(mirror.by_name(), all_of(snapshot));
  }
  std::cout << "lives=" << lives << " commits=" << to_u64(mirror.txn) << " failures=0\n";
}

}  // namespace
}  // namespace caisson

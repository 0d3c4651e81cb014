// Method: everything at once, on real files and with the store's own threads: a writer, readers of
// several kinds, checkpoints as often as they can be, and somebody who tries to close the store all
// the while. Each commit keeps an invariant that every reader checks: all keys have the same
// value, and the state's number is in it. Run under ThreadSanitizer, which sees what a lucky order
// hides.
//
// Then 64 readers, who hold snapshots for different times: what a snapshot shows is hashed twice,
// and all who hold the same state have to come to the same hash. And stores that are closed, or
// just destroyed, in every state that their threads can be in: whatever was committed is there.

#include <caisson/store.h>

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/hash.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/testing/effort.h"
#include "io/testing/posix_directory.h"
#include "tests/support.h"

namespace caisson {
namespace {

using testing::code_of;
using testing::contents;
using testing::value_of;

class Threads : public testing::StoreTest, public ::testing::WithParamInterface<PageAccess> {};

INSTANTIATE_TEST_SUITE_P(Access, Threads,
                         ::testing::Values(PageAccess::kMapped, PageAccess::kPrivate),
                         [](const auto& access) {
                           return access.param == PageAccess::kMapped ? "Mapped" : "Private";
                         });

constexpr int kKeys = 60;
constexpr int kCommits = 300;

std::string value_at(TxnId txn) { return std::to_string(to_u64(txn)) + std::string(400, '.'); }

TxnId write_once(const Store& store, int round) {
  WriteTxn txn = value_of(store.begin_write(std::chrono::seconds(60)));
  WriteTree tree = value_of(txn.open_or_create_tree("t"));
  for (int i = 0; i < kKeys; ++i) value_of(tree.put(std::to_string(i), value_at(txn.txn())));
  if (round % 7 == 6) return TxnId{};  // Rolled back.
  const Durability durability = round % 3 == 0   ? Durability::kSync
                                : round % 3 == 1 ? Durability::kGroup
                                                 : Durability::kAsync;
  return value_of(txn.commit({.durability = durability, .wait = {}})).txn;
}

// Checks a state, in one of three ways; false if it isn't as it has to be.
bool check_once(const Store& store, int way) {
  const Snapshot snapshot = value_of(store.snapshot());
  if (snapshot.txn() == TxnId{}) return true;
  const std::string expected = value_at(snapshot.txn());
  const Tree tree = value_of(snapshot.tree("t"));
  if (way == 0) {
    int count = 0;
    for (const auto& [key, value] : contents(tree)) count += value == expected ? 1 : -kKeys;
    return count == kKeys;
  }
  const std::string key = std::to_string(way % kKeys);
  if (way % 2 == 1) return value_of(value_of(tree.get(key))->to_string()) == expected;
  // A value that outlives all else for a while.
  auto value = value_of(value_of(value_of(store.snapshot()).tree("t")).get(key));
  std::this_thread::sleep_for(std::chrono::microseconds(100));
  const std::string found = value_of(value->to_string());
  return to_u64(snapshot.txn()) <= std::stoull(found);
}

TEST_P(Threads, ReadersWritersCheckpointsAndCloseTakeTurns) {
  Store store = open({.create = {.page_size = 4096},
                      .replay_time_max = std::chrono::nanoseconds(1),
                      .memory_budget_bytes = std::uint64_t{2} << 20U,
                      .access = GetParam(),
                      .log_file_size_min = std::uint64_t{64} << 10U,
                      .log_file_size_max = std::uint64_t{128} << 10U});
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::atomic<int> checks = 0;
  std::atomic<std::uint64_t> last = 0;
  std::vector<std::jthread> threads;
  threads.reserve(6);
  for (int writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&, writer] {
      for (int round = writer; round < kCommits; round += 2) {
        const TxnId txn = write_once(store, round);
        std::uint64_t before = last;
        while (before < to_u64(txn) && !last.compare_exchange_weak(before, to_u64(txn))) {
        }
      }
    });
  }
  for (int reader = 0; reader < 3; ++reader) {
    threads.emplace_back([&, reader] {
      for (int way = reader; !done; way += 1 - reader % 2) {
        if (!check_once(store, way % 20)) ++wrong;
        ++checks;
      }
    });
  }
  threads.emplace_back([&] {
    while (!done) {
      value_of(store.stats());
      value_of(store.checkpoint());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  // Nobody but this thread may close it while the others are at it, so it has to stay open.
  Snapshot holds_it_open = value_of(store.snapshot());
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(code_of(store.close()), Code::kBusy);
    value_of(holds_it_open.renew());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  threads[0].join();
  threads[1].join();
  done = true;
  for (std::jthread& thread : threads) {
    if (thread.joinable()) thread.join();
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(checks, 0);
  value_of(holds_it_open.renew());
  EXPECT_EQ(to_u64(holds_it_open.txn()), last.load());
  EXPECT_EQ(code_of(store.close()), Code::kBusy);
  {
    const Snapshot ended = std::move(holds_it_open);
  }
  value_of(store.close());

  const Store again = open();
  EXPECT_TRUE(again.recovery().was_closed);
  EXPECT_EQ(to_u64(again.recovery().recovered), last.load());
  EXPECT_TRUE(check_once(again, 0));
}

void pause() { std::this_thread::sleep_for(std::chrono::microseconds(300)); }

// The store is closed under everybody's hands: whoever is inside keeps it open, and whoever comes
// later is told. All commits that were acknowledged are there. The others pause now and then, or it
// would hardly ever find a moment at which nothing is open.
TEST_P(Threads, ClosingBesideOthersIsBusyOrEndsTheirCalls) {
  for (int round = 0; round < 20; ++round) {
    Store store = open({.access = GetParam()});
    const TxnId begin = store.recovery().recovered;
    std::atomic<std::uint64_t> committed = 0;
    std::vector<std::jthread> threads;
    threads.reserve(3);
    threads.emplace_back([&] {
      while (true) {
        auto txn = store.begin_write();
        if (!txn) {
          EXPECT_EQ(txn.error().code(), Code::kInvalidArgument);
          return;
        }
        value_of(value_of(txn->open_or_create_tree("t")).put("k", value_at(txn->txn())));
        value_of(txn->commit({.durability = Durability::kAsync, .wait = {}}));
        ++committed;
        pause();
      }
    });
    for (int reader = 0; reader < 2; ++reader) {
      threads.emplace_back([&] {
        while (true) {
          auto snapshot = store.snapshot();
          if (!snapshot) {
            EXPECT_EQ(snapshot.error().code(), Code::kInvalidArgument);
            return;
          }
          if (auto tree = snapshot->tree("t")) {
            EXPECT_EQ(value_of(value_of(tree->get("k"))->to_string()), value_at(snapshot->txn()));
          }
          snapshot = fail(Code::kNotFound, "let go");
          pause();
        }
      });
    }
    while (true) {
      const auto closed = store.close();
      if (closed) break;
      ASSERT_EQ(closed.error().code(), Code::kBusy) << closed.error().to_string();
      std::this_thread::yield();
    }
    for (std::jthread& thread : threads) thread.join();
    store = open();
    ASSERT_TRUE(store.recovery().was_closed);
    ASSERT_EQ(to_u64(store.recovery().recovered), to_u64(begin) + committed);
  }
}

// --- Snapshots that are held ---------------------------------------------------------------------

Hash128 hash_of(const Snapshot& snapshot) {
  std::string all;
  for (const std::string& name : value_of(snapshot.tree_names())) {
    all.append(name).push_back('\0');
    for (const auto& [key, value] : contents(value_of(snapshot.tree(name)))) {
      all.append(key).push_back('\0');
      all.append(value).push_back('\0');
    }
  }
  return xxh3_128(ByteView(all));
}

// One transaction of a writer who changes a little of everything. The tree "txn" tells its number.
void change_something(const Store& store, Random& random) {
  WriteTxn txn = value_of(store.begin_write(std::chrono::seconds(60)));
  const std::string name = "t" + std::to_string(random.below(3));
  if (random.chance(1, 20)) static_cast<void>(txn.drop_tree(name));
  WriteTree tree = value_of(txn.open_or_create_tree(name));
  for (std::uint64_t i = random.between(1, 12); i > 0; --i) {
    const std::string key = std::to_string(random.below(80));
    const std::size_t size = random.chance(1, 15) ? random.between(5000, 20'000) : 60;
    value_of(tree.put(key, std::string(size, static_cast<char>('a' + random.below(26)))));
  }
  if (random.chance(1, 3)) value_of(tree.erase(std::to_string(random.below(80))));
  if (random.chance(1, 6)) {
    const std::string begin = std::to_string(random.below(80));
    value_of(tree.erase_range(Range::between(begin, begin + "5")));
  }
  value_of(value_of(txn.open_or_create_tree("txn")).put("txn", std::to_string(to_u64(txn.txn()))));
  const Durability durability = random.chance(1, 3) ? Durability::kSync : Durability::kAsync;
  value_of(txn.commit({.durability = durability, .wait = {}}));
}

// How far the writer has come. Readers wait for it instead of for a time.
class Progress {
 public:
  void step() {
    commits_.fetch_add(1);
    commits_.notify_all();
  }
  void end() {
    commits_.fetch_add(kEnded);
    commits_.notify_all();
  }
  bool ended() const { return commits_ >= kEnded; }

  // Until there are so many more, or no more will come.
  void wait_for(std::uint64_t more) const {
    const std::uint64_t begin = commits_;
    for (std::uint64_t now = begin; now < begin + more && now < kEnded; now = commits_) {
      commits_.wait(now);
    }
  }

 private:
  static constexpr std::uint64_t kEnded = std::uint64_t{1} << 32U;
  std::atomic<std::uint64_t> commits_{0};
};

// What each state's hash is, as the first reader found it.
class Hashes {
 public:
  bool agree(TxnId txn, const Hash128& hash) {
    const MutexLock lock(mutex_);
    return hashes_.emplace(txn, hash).first->second == hash;
  }
  std::size_t states() const {
    const MutexLock lock(mutex_);
    return hashes_.size();
  }

 private:
  mutable Mutex mutex_;
  std::map<TxnId, Hash128> hashes_ CAISSON_GUARDED_BY(mutex_);
};

// Whether a snapshot shows what it has to, and the same again after a while, for others too.
bool look_twice(const Store& store, Random& random, const Progress& progress, Hashes& hashes) {
  Snapshot snapshot = value_of(store.snapshot());
  for (int i = 0; i < 2; ++i) {
    const Hash128 before = hash_of(snapshot);
    if (!hashes.agree(snapshot.txn(), before)) return false;
    const auto number = contents(value_of(snapshot.tree("txn")));
    if (number.at("txn") != std::to_string(to_u64(snapshot.txn()))) return false;
    // Mostly for a moment, sometimes for longer than pages stay unused.
    progress.wait_for(random.chance(1, 4) ? random.below(40) : random.below(3));
    if (hash_of(snapshot) != before) return false;
    value_of(snapshot.renew());
  }
  return true;
}

TEST_P(Threads, WhatSixtyFourReadersHoldNeverChanges) {
  const Store store = open({.create = {.page_size = 4096},
                            .replay_time_max = std::chrono::nanoseconds(1),
                            .memory_budget_bytes = std::uint64_t{4} << 20U,
                            .access = GetParam(),
                            .log_file_size_min = std::uint64_t{64} << 10U,
                            .log_file_size_max = std::uint64_t{128} << 10U});
  Random random(1);
  for (int i = 0; i < 20; ++i) change_something(store, random);
  Progress progress;
  Hashes hashes;
  std::atomic<int> wrong = 0;
  std::atomic<int> looks = 0;
  std::vector<std::jthread> threads;
  threads.reserve(65);
  for (std::uint64_t reader = 0; reader < 64; ++reader) {
    threads.emplace_back([&, own = Random(reader)]() mutable {
      try {
        do {
          if (!look_twice(store, own, progress, hashes)) ++wrong;
          ++looks;
        } while (!progress.ended());
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
    });
  }
  threads.emplace_back([&] {
    while (!progress.ended()) {
      progress.wait_for(5);
      value_of(store.checkpoint());
    }
  });
  const int commits = testing::long_run() ? 3000 : 150;
  for (int i = 0; i < commits; ++i) {
    change_something(store, random);
    progress.step();
  }
  progress.end();
  threads.clear();
  EXPECT_EQ(wrong, 0);
  std::cout << "looks=" << looks << " states=" << hashes.states() << " failures=" << wrong << "\n";
}

// --- Ends ----------------------------------------------------------------------------------------

// Brings a store into some state. What it returns is open when the store ends.
struct Moment {
  const char* name;
  std::function<std::vector<WriteTxn>(const Store&)> reach;
};

void commit_something(const Store& store, Durability durability, std::size_t size = 100) {
  WriteTxn txn = value_of(store.begin_write());
  WriteTree tree = value_of(txn.open_or_create_tree("t"));
  const std::string number = std::to_string(to_u64(txn.txn()));
  value_of(tree.put(number, number + std::string(size, '.')));
  value_of(txn.commit({.durability = durability, .wait = {}}));
}

const std::vector<Moment>& moments() {
  static const std::vector<Moment> all = {
      {"at once", [](const Store&) { return std::vector<WriteTxn>{}; }},
      {"idle",
       [](const Store& store) {
         commit_something(store, Durability::kSync);
         EXPECT_TRUE(testing::comes_true([&] {
           const StoreStats stats = value_of(store.stats());
           return stats.checkpointed == stats.published;
         }));
         return std::vector<WriteTxn>{};
       }},
      {"behind a begin",
       [](const Store& store) {
         std::vector<WriteTxn> open;
         open.push_back(value_of(store.begin_write()));
         value_of(value_of(open.back().open_or_create_tree("t")).put("open", "o"));
         return open;
       }},
      {"behind a commit that waited",
       [](const Store& store) {
         commit_something(store, Durability::kSync);
         return std::vector<WriteTxn>{};
       }},
      {"behind commits that nobody waits for, while they are flushed",
       [](const Store& store) {
         for (int i = 0; i < 20; ++i) commit_something(store, Durability::kAsync, 3000);
         return std::vector<WriteTxn>{};
       }},
      {"behind a transaction that was rolled back",
       [](const Store& store) {
         commit_something(store, Durability::kAsync);
         WriteTxn txn = value_of(store.begin_write());
         value_of(value_of(txn.open_or_create_tree("t")).put("gone", std::string(200'000, 'g')));
         txn.roll_back();
         return std::vector<WriteTxn>{};
       }},
      {"while a log file is prepared",
       [](const Store& store) {
         const std::uint64_t made = value_of(store.stats()).log_files_made;
         while (value_of(store.stats()).log_files_made == made) {
           commit_something(store, Durability::kAsync, 9000);
         }
         commit_something(store, Durability::kAsync, 40'000);
         return std::vector<WriteTxn>{};
       }},
      {"while a checkpoint is written",
       [](const Store& store) {
         const std::uint64_t written = value_of(store.stats()).pages_written;
         for (int i = 0; i < 20; ++i) commit_something(store, Durability::kAsync, 50'000);
         EXPECT_TRUE(
             testing::comes_true([&] { return value_of(store.stats()).pages_written > written; }));
         return std::vector<WriteTxn>{};
       }},
  };
  return all;
}

// Every commit is there, and nothing else.
void expect_commits(const Store& store, std::uint64_t last) {
  EXPECT_EQ(to_u64(store.recovery().recovered), last);
  if (last == 0) return;
  const auto found = contents(store, "t");
  EXPECT_EQ(found.size(), last);
  for (const auto& [key, value] : found) ASSERT_EQ(value.substr(0, key.size() + 1), key + ".");
}

TEST_P(Threads, AStoreMayEndWhateverItsThreadsAreDoing) {
  const Options options = {.create_if_missing = true,
                           .create = {.page_size = 4096},
                           .async_delay = std::chrono::nanoseconds(0),
                           .replay_time_max = std::chrono::nanoseconds(1),
                           .memory_budget_bytes = std::uint64_t{1} << 20U,
                           .access = GetParam(),
                           .log_file_size_min = std::uint64_t{64} << 10U,
                           .log_file_size_max = std::uint64_t{128} << 10U};
  for (const Moment& moment : moments()) {
    for (const bool destroyed : {false, true}) {
      SCOPED_TRACE(std::string(moment.name) + (destroyed ? ", destroyed" : ", closed"));
      std::string where = path("store");
      std::filesystem::remove_all(where);
      std::uint64_t last = 0;
      for (int round = 0; round < 3; ++round) {
        std::optional<Store> store = value_of(Store::open(where, options));
        expect_commits(*store, last);
        std::vector<WriteTxn> open = moment.reach(*store);
        last = to_u64(value_of(store->stats()).published);
        if (!destroyed) {
          if (!open.empty()) {
            EXPECT_EQ(code_of(store->close()), Code::kBusy);
            open.clear();
          }
          value_of(store->close());
          EXPECT_EQ(code_of(store->begin_write()), Code::kInvalidArgument);
        }
        store.reset();
        if (open.empty()) continue;
        // It stays open, and locked, until this process ends. Others find what a crash would leave.
        std::filesystem::copy(where, where + "+", std::filesystem::copy_options::recursive);
        where += "+";
      }
      Store store = value_of(Store::open(where, options));
      expect_commits(store, last);
    }
  }
}

// No file may grow any more, and nothing can be written to those that are there: the next commit
// fails. In a process of its own, whose limits are its own affair.
TEST_P(Threads, AStoreThatIsPoisonedMayEndWhateverItsThreadsAreDoing) {
  const Options options = {.create_if_missing = true,
                           .async_delay = std::chrono::nanoseconds(0),
                           .replay_time_max = std::chrono::nanoseconds(1),
                           .access = GetParam()};
  for (const Durability durability : {Durability::kSync, Durability::kAsync}) {
    for (const int way : {0, 1, 2}) {
      std::filesystem::remove_all(path("store"));
      EXPECT_TRUE(testing::in_child([&] {
        std::optional<Store> store = value_of(Store::open(path("store"), options));
        commit_something(*store, Durability::kSync);
        std::optional<Snapshot> snapshot = value_of(store->snapshot());
        if (!io::testing::limit_file_size(1)) return false;
        {
          WriteTxn txn = value_of(store->begin_write());
          value_of(value_of(txn.open_tree("t")).put("lost", "l"));
          // Those that don't wait are told by the next call.
          const auto committed = txn.commit({.durability = durability, .wait = {}});
          if (committed.has_value() != (durability == Durability::kAsync)) return false;
        }
        if (!testing::comes_true([&] { return store->poisoned().has_value(); })) return false;
        if (code_of(store->begin_write()) != Code::kPoisoned) return false;
        if (contents(value_of(snapshot->tree("t"))).size() != 1) return false;
        if (way == 0) {  // Destroyed, with a snapshot open.
          store.reset();
          return contents(value_of(snapshot->tree("t"))).size() == 1;
        }
        snapshot.reset();
        if (way == 1) return store.reset(), true;
        const auto closed = store->close();
        return !closed && closed.error().code() != Code::kBusy &&
               code_of(store->begin_write()) == Code::kInvalidArgument;
      })) << "way "
          << way;
      const Store store = value_of(Store::open(path("store"), options));
      expect_commits(store, 1);
    }
  }
}

}  // namespace
}  // namespace caisson

// Method: everything at once, on real files and with the store's own threads: a writer, readers of
// several kinds, checkpoints as often as they can be, and somebody who tries to close the store all
// the while. Each commit keeps an invariant that every reader checks: all keys have the same
// value, and the state's number is in it. Run under ThreadSanitizer, which sees what a lucky order
// hides.

#include <caisson/store.h>

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

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

}  // namespace
}  // namespace caisson

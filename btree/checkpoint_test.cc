// Method: one thread changes a tree in transactions of random changes, so large for the memory
// there is that they spill; another writes checkpoints of sealed roots; others read roots that they
// pin, a piece at a time, while these grow old. What they see is compared with a copy of the model
// as of that root; at the end, all contents and the page accounts. Rounds are counted, and nobody
// waits for a clock. Run under TSan this also proves the ordering.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "base/testing/effort.h"
#include "btree/testing/harness.h"
#include "pager/testing/access.h"

namespace caisson::btree {
namespace {

using caisson::testing::stride;
using pager::PageAccess;
using pager::testing::ReaderRegistry;
using testing::bytes_of;
using testing::read_in_steps;
using testing::text_of;
using testing::TreeModel;
using testing::TreeStore;
using testing::value_of;

constexpr std::size_t kReaders = 2;
constexpr std::size_t kCheckpointer = kReaders;  // Its slot.
constexpr int kKeys = 3000;

struct Published {
  TxnId txn{};
  TreeRoot root;
  TreeModel model;
};

std::string key_of(std::uint64_t number) { return "key" + std::to_string(10'000 + number); }

class BesideCheckpoints : public ::testing::TestWithParam<PageAccess> {
 protected:
  BesideCheckpoints()
      : registry_(kReaders + 1),
        store_({.access = GetParam(),
                .memory_budget_bytes = std::uint64_t{256} * 4096,
                .readers = &registry_}) {
    publish();
  }

  void publish() {
    published_.push_back({store_.txn(), store_.root(), model_});
    newest_ = &published_.back();
  }

  // One random change, tried until memory suffices: readers hold frames, but not for ever.
  void change(Random& random) {
    const std::string key = key_of(random.below(kKeys));
    const std::uint64_t kind = random.below(20);
    const std::string value(kind == 0 ? 9000 : random.below(150),
                            static_cast<char>('a' + random.below(26)));
    const std::string end = key_of(random.below(kKeys));
    while (true) {
      Result<void> done;
      if (kind < 14) {
        done = without_value(store_.writer().put(bytes_of(key), bytes_of(value)));
      } else if (kind < 19 || end < key || end.compare(0, 6, key, 0, 6) != 0) {
        done = without_value(store_.writer().erase(bytes_of(key)));
      } else {
        done = without_value(store_.writer().erase_range({bytes_of(key), bytes_of(end)}));
        if (done) model_.erase(model_.lower_bound(key), model_.lower_bound(end));
      }
      if (done) break;
      if (done.error().code() != Code::kResourceExhausted) value_of(done);
      std::this_thread::yield();
    }
    if (kind < 14) {
      model_[key] = value;
    } else {
      model_.erase(key);
    }
  }

  template <typename T>
  static Result<void> without_value(const Result<T>& result) {
    if (!result) return fail(result.error());
    return {};
  }

  // Walks some entries of a state. False if memory was too short for that.
  Result<bool> compare(const Published& state, Random& random) {
    const std::string from = key_of(random.below(kKeys));
    Cursor cursor(Tree(store_.pager(), state.root));
    auto at = state.model.lower_bound(from);
    CAISSON_ASSIGN_OR_RETURN(bool more, cursor.seek(bytes_of(from)));
    for (int i = 0; i < 150 && more; ++i) {
      if (at == state.model.end() || text_of(cursor.key()) != at->first) return false;
      std::string value(cursor.value_size(), '\0');
      CAISSON_RETURN_IF_ERROR(
          cursor.value().read(0, {reinterpret_cast<std::byte*>(value.data()), value.size()}));
      if (value != at->second) return false;
      ++at;
      CAISSON_ASSIGN_OR_RETURN(more, cursor.next());
    }
    return more || at == state.model.end();
  }

  void read_old_roots(std::size_t slot) {
    Random random(slot);
    int seen = 0;
    while (!done_ || seen < 3) {
      const Published& state = registry_.enter(slot, store_.pager(), newest_);
      while (true) {
        const auto same = compare(state, random);
        if (same) {
          wrong_ += *same ? 0 : 1;
          ++seen;
        } else if (same.error().code() != Code::kResourceExhausted) {
          ++wrong_;
        }
        if (done_ || to_u64(newest_.load()->txn) > to_u64(state.txn) + 3) break;
        registry_.renew(slot, store_.pager());
        std::this_thread::yield();
      }
      registry_.leave(slot);
    }
  }

  void write_checkpoints() {
    TxnId last{};
    while (!done_) {
      const Published& state = registry_.enter(kCheckpointer, store_.pager(), newest_);
      if (state.txn != last) {
        last = state.txn;
        if (!store_.pager().checkpoint(
                {.txn = state.txn, .root = state.root.page.id, .apply_version = 0, .log = {}})) {
          ++wrong_;
        }
        ++checkpoints_;
      }
      registry_.leave(kCheckpointer);
      std::this_thread::yield();
    }
  }

  ReaderRegistry registry_;
  TreeStore store_;
  TreeModel model_;
  std::deque<Published> published_;  // All of them: readers hold pointers.
  std::atomic<const Published*> newest_{nullptr};
  std::atomic<bool> done_{false};
  std::atomic<int> wrong_{0};
  std::atomic<int> checkpoints_{0};
};

TEST_P(BesideCheckpoints, AWriterAndReadersOfOldRootsGoOn) {
  std::vector<std::jthread> threads;
  for (std::size_t slot = 0; slot < kReaders; ++slot) {
    threads.emplace_back([this, slot] { read_old_roots(slot); });
  }
  threads.emplace_back([this] { write_checkpoints(); });
  Random random(1);
  const int rounds = static_cast<int>(90 / stride(3));
  for (int round = 0; round < rounds; ++round) {
    const TreeModel before = model_;
    for (std::uint64_t i = random.below(round % 10 == 0 ? 2000 : 200); i > 0; --i) change(random);
    if (round % 7 == 6) {
      store_.roll_back();
      model_ = before;
      continue;
    }
    store_.commit();
    publish();
    store_.reclaim(registry_.pins(store_.txn()));
  }
  while (checkpoints_ < 3) std::this_thread::yield();
  done_ = true;
  threads.clear();
  EXPECT_EQ(wrong_, 0);
  EXPECT_GT(store_.pager().stats().pages_spilled, 100U);
  store_.checkpoint();
  EXPECT_EQ(store_.audit(), "");
  store_.kill_and_reopen();
  EXPECT_EQ(read_in_steps(store_), model_);
}

INSTANTIATE_TEST_SUITE_P(Access, BesideCheckpoints,
                         ::testing::Values(PageAccess::kMapped, PageAccess::kPrivate),
                         pager::testing::access_name);

}  // namespace
}  // namespace caisson::btree

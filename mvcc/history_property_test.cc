// Method: random histories of all that can be done with a store, beside a model of every version
// that it ever had. Snapshots are opened, renewed and ended on the way, and while the history goes
// on, readers of their own check at random those that are held, and new ones: each shows its
// version, by value, whatever is committed, checkpointed or rolled back meanwhile. A reopened store
// has lost nothing, and a killed one nothing but the last of what nobody had waited for.
//
// On the simulated machine, whose flushes cost nothing. Which reader meets which moment is up to
// the scheduler: a history that failed may have to be run some times to fail again.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "base/testing/effort.h"
#include "mvcc/testing/harness.h"

namespace caisson::mvcc {
namespace {

using testing::bytes_of;
using testing::EngineStore;
using testing::Model;
using testing::read_all;
using testing::value_of;

struct Step {
  enum Kind : std::uint8_t {
    kPut,
    kPutMany,
    kPutLong,
    kErase,
    kEraseRange,
    kDropTree,
    kSavepoint,
    kRollBackTo,
    kRelease,
    kCommitSync,
    kCommitGroup,
    kCommitQueued,
    kCommitAsync,
    kWaitDurable,
    kRollBack,
    kOpenSnapshot,
    kRenewSnapshot,
    kEndSnapshot,
    kCheckpoint,
    kReopen,
    kKill,
  };
  Kind kind;
  std::uint64_t seed;
};

struct History {
  pager::PageAccess access;
  std::vector<Step> steps;
};

std::ostream& operator<<(std::ostream& out, const History& history) {
  out << (history.access == pager::PageAccess::kMapped ? "mapped" : "private");
  for (const Step& step : history.steps) {
    out << " (" << static_cast<int>(step.kind) << ", " << step.seed << ")";
  }
  return out;
}

rc::Gen<Step> any_step() {
  return rc::gen::apply(
      [](Step::Kind kind, std::uint64_t seed) { return Step{kind, seed}; },
      rc::gen::weightedElement<Step::Kind>(
          {{8, Step::kPut},          {4, Step::kPutMany},       {2, Step::kPutLong},
           {4, Step::kErase},        {2, Step::kEraseRange},    {1, Step::kDropTree},
           {2, Step::kSavepoint},    {2, Step::kRollBackTo},    {1, Step::kRelease},
           {4, Step::kCommitSync},   {1, Step::kCommitGroup},   {3, Step::kCommitQueued},
           {3, Step::kCommitAsync},  {1, Step::kWaitDurable},   {2, Step::kRollBack},
           {4, Step::kOpenSnapshot}, {2, Step::kRenewSnapshot}, {2, Step::kEndSnapshot},
           {3, Step::kCheckpoint},   {1, Step::kReopen},        {1, Step::kKill}}),
      rc::gen::resize(1000, rc::gen::arbitrary<std::uint64_t>()));
}

rc::Gen<History> any_history() {
  return rc::gen::apply(
      [](pager::PageAccess access, std::vector<Step> steps) {
        return History{access, std::move(steps)};
      },
      rc::gen::element(pager::PageAccess::kMapped, pager::PageAccess::kPrivate),
      rc::gen::container<std::vector<Step>>(120 / caisson::testing::stride(4), any_step()));
}

using Version = std::shared_ptr<const Model>;

// What readers share with whoever plays the history. Thread-safe.
class Versions {
 public:
  void set(TxnId txn, Version version) {
    const MutexLock lock(mutex_);
    versions_[txn] = std::move(version);
  }
  Version at(TxnId txn) const {
    const MutexLock lock(mutex_);
    const auto found = versions_.find(txn);
    return found == versions_.end() ? nullptr : found->second;
  }

  // The first thing that is wrong.
  void complain(const std::string& what) {
    const MutexLock lock(mutex_);
    if (wrong_.empty()) wrong_ = what;
  }
  std::string wrong() const {
    const MutexLock lock(mutex_);
    return wrong_;
  }

  // Compares a snapshot with its version.
  void check(const Snapshot& snapshot) {
    const Version version = at(snapshot.txn());
    const auto found = read_all(snapshot);
    const std::string name = "version " + std::to_string(to_u64(snapshot.txn()));
    if (!version) return complain(name + " was never made");
    if (!found) return complain(name + " can't be read: " + found.error().to_string());
    if (*found != *version) complain(name + " shows something else");
  }

 private:
  mutable Mutex mutex_;
  std::map<TxnId, Version> versions_ CAISSON_GUARDED_BY(mutex_);
  std::string wrong_ CAISSON_GUARDED_BY(mutex_);
};

// A snapshot that is held. Any number may read it; renewing it is for one.
struct Held {
  explicit Held(Snapshot opened) : snapshot(std::move(opened)) {}

  SharedMutex mutex;
  Snapshot snapshot CAISSON_GUARDED_BY(mutex);
};

class Player {
 public:
  explicit Player(const History& history)
      : history_(history), store_({.access = history.access, .frames = 256}), model_() {
    versions_.set(TxnId{}, std::make_shared<Model>());
    for (std::uint64_t i = 0; i < 3; ++i) {
      readers_.emplace_back([this, i] { read(Random(i)); });
    }
  }
  ~Player() {
    done_ = true;
    readers_.clear();
  }
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;

  void play() {
    for (const Step& step : history_.steps) {
      Random random(step.seed);
      play(step.kind, random);
      RC_ASSERT(versions_.wrong() == "");
    }
    roll_back();
    reopen(false);
    RC_ASSERT(versions_.wrong() == "");
  }

 private:
  // --- Readers ---

  void read(Random random) {
    while (!done_) {
      reopening_.wait(true);  // Else those who are inside might never all be gone.
      const SharedLock open(gate_);
      const std::shared_ptr<Held> held = any_held(random);
      if (held && random.chance(3, 4)) {
        const SharedLock lock(held->mutex);
        versions_.check(held->snapshot);
        continue;
      }
      const auto snapshot = store_.engine().snapshot();
      if (snapshot) {
        versions_.check(*snapshot);
      } else {
        versions_.complain(snapshot.error().to_string());
      }
    }
  }

  std::shared_ptr<Held> any_held(Random& random) {
    const MutexLock lock(held_mutex_);
    return held_.empty() ? nullptr : held_[random.below(held_.size())];
  }

  // --- The history ---

  WriteTxn& txn() {
    if (!txn_) txn_ = value_of(store_.engine().begin_write());
    return *txn_;
  }

  static std::string any_tree(Random& random) { return "t" + std::to_string(random.below(3)); }
  static std::string any_key(Random& random) { return "key" + std::to_string(random.below(120)); }

  void put(Random& random, std::size_t low, std::size_t high) {
    const std::string tree = any_tree(random);
    const std::string key = any_key(random);
    const std::string value(random.between(low, high), static_cast<char>('a' + random.below(26)));
    const TreeId id = testing::tree_in(txn(), tree);
    const bool added = value_of(txn().put(id, bytes_of(key), bytes_of(value)));
    RC_ASSERT(added == model_[tree].insert_or_assign(key, value).second);
  }

  void erase(Random& random, bool range) {
    const std::string tree = any_tree(random);
    if (!model_.contains(tree)) return;
    const std::string key = any_key(random);
    const TreeId id = testing::tree_in(txn(), tree);
    if (!range) {
      const bool erased = value_of(txn().erase(id, bytes_of(key)));
      RC_ASSERT(erased == (model_[tree].erase(key) == 1));
      return;
    }
    const std::string end = key + "5";
    const auto first = model_[tree].lower_bound(key);
    const auto last = model_[tree].lower_bound(end);
    const auto count = static_cast<std::uint64_t>(std::distance(first, last));
    model_[tree].erase(first, last);
    RC_ASSERT(value_of(txn().erase_range(id, {bytes_of(key), bytes_of(end)})) == count);
  }

  void drop_tree(Random& random) {
    const std::string tree = any_tree(random);
    const auto entry = value_of(txn().find_tree(bytes_of(tree)));
    RC_ASSERT(entry.has_value() == (model_.erase(tree) == 1));
    if (entry) value_of(txn().drop_tree(entry->id));
  }

  void roll_back_to(Random& random) {
    if (savepoints_.empty()) return;
    const std::size_t number = random.between(1, savepoints_.size());
    value_of(txn().roll_back_to(number));
    savepoints_.resize(number);
    model_ = savepoints_.back();
  }

  void release(Random& random) {
    if (savepoints_.empty()) return;
    const std::size_t number = random.between(1, savepoints_.size());
    value_of(txn().release(number));
    savepoints_.resize(number - 1);
  }

  void commit(Durability durability, std::chrono::nanoseconds wait = {}) {
    RC_ASSERT(value_of(read_all(txn())) == model_);
    const TxnId number = txn().txn();
    // Readers may see it before commit() returns.
    versions_.set(number, std::make_shared<const Model>(model_));
    const Committed committed = value_of(txn().commit(durability, wait));
    txn_.reset();
    savepoints_.clear();
    if (committed.txn != number) {  // It changed nothing.
      RC_ASSERT(committed.txn == last_.txn);
      RC_ASSERT(*versions_.at(committed.txn) == model_);
      return;
    }
    last_ = committed;
    if (durability == Durability::kSync) durable_ = number;
  }

  void roll_back() {
    if (!txn_) return;
    txn_->roll_back();
    txn_.reset();
    savepoints_.clear();
    model_ = *versions_.at(last_.txn);
  }

  void wait_durable() {
    value_of(store_.engine().wait_durable(last_));
    durable_ = last_.txn;
  }

  void open_snapshot() {
    Snapshot snapshot = value_of(store_.engine().snapshot());
    RC_ASSERT(snapshot.txn() >= durable_);
    const MutexLock lock(held_mutex_);
    held_.push_back(std::make_shared<Held>(std::move(snapshot)));
  }

  // Each one is looked at before it ends, whether a reader came by or not.
  void renew_snapshot(Random& random) {
    const std::shared_ptr<Held> held = any_held(random);
    if (!held) return;
    held->mutex.lock();
    versions_.check(held->snapshot);
    held->snapshot.renew();
    const TxnId now = held->snapshot.txn();
    held->mutex.unlock();
    RC_ASSERT(now >= durable_);
  }

  void end_snapshot(Random& random) {
    const MutexLock lock(held_mutex_);
    if (held_.empty()) return;
    const auto which = held_.begin() + static_cast<std::ptrdiff_t>(random.below(held_.size()));
    {
      const SharedLock reading((*which)->mutex);
      versions_.check((*which)->snapshot);
    }
    held_.erase(which);
  }

  // Without any reader inside.
  void reopen(bool killed) {
    reopening_ = true;
    gate_.lock();
    {
      const MutexLock lock(held_mutex_);
      for (const auto& held : held_) {
        const SharedLock reading(held->mutex);
        versions_.check(held->snapshot);
      }
      held_.clear();
    }
    const Result<void> closed = killed ? Result<void>{} : store_.close();
    if (killed) store_.kill();
    const Result<void> opened = closed ? store_.open() : closed;
    gate_.unlock();
    reopening_ = false;
    reopening_.notify_all();
    value_of(opened);
    const TxnId recovered = store_.engine().recovery().recovered;
    RC_ASSERT(recovered <= last_.txn);
    RC_ASSERT(recovered >= (killed ? durable_ : last_.txn));
    last_ = {.txn = recovered, .ticket = 0};  // Tickets are those of one opening.
    durable_ = recovered;
    model_ = *versions_.at(recovered);
  }

  void play(Step::Kind kind, Random& random) {
    switch (kind) {
      case Step::kPut:
        return put(random, 0, 200);
      case Step::kPutMany:
        for (std::uint64_t i = random.below(60); i > 0; --i) put(random, 0, 900);
        return;
      case Step::kPutLong:
        return put(random, 5000, 40'000);
      case Step::kErase:
        return erase(random, false);
      case Step::kEraseRange:
        return erase(random, true);
      case Step::kDropTree:
        return drop_tree(random);
      case Step::kSavepoint:
        savepoints_.push_back(model_);
        RC_ASSERT(value_of(txn().savepoint()) == savepoints_.size());
        return;
      case Step::kRollBackTo:
        return roll_back_to(random);
      case Step::kRelease:
        return release(random);
      case Step::kCommitSync:
        return commit(Durability::kSync);
      case Step::kCommitGroup:
        return commit(Durability::kSync, std::chrono::microseconds(10));
      case Step::kCommitQueued:
        return commit(Durability::kQueued);
      case Step::kCommitAsync:
        return commit(Durability::kAsync);
      case Step::kWaitDurable:
        return wait_durable();
      case Step::kRollBack:
        return roll_back();
      case Step::kOpenSnapshot:
        return open_snapshot();
      case Step::kRenewSnapshot:
        return renew_snapshot(random);
      case Step::kEndSnapshot:
        return end_snapshot(random);
      case Step::kCheckpoint:
        value_of(store_.engine().checkpoint());
        return;
      case Step::kReopen:
        roll_back();
        return reopen(false);
      case Step::kKill:
        roll_back();
        return reopen(true);
    }
  }

  const History& history_;
  EngineStore store_;
  Versions versions_;

  // Of the open transaction, or of what was committed last.
  Model model_;
  std::vector<Model> savepoints_;
  std::optional<WriteTxn> txn_;
  Committed last_;
  TxnId durable_{};

  // Held by readers while they look at the store, and alone while it is opened anew.
  SharedMutex gate_;
  std::atomic<bool> reopening_{false};
  Mutex held_mutex_;
  std::vector<std::shared_ptr<Held>> held_ CAISSON_GUARDED_BY(held_mutex_);
  std::atomic<bool> done_{false};
  std::vector<std::jthread> readers_;
};

RC_GTEST_PROP(HistoryProperty, EverySnapshotShowsItsVersionHoweverTheHistoryGoesOn, ()) {
  const History history = *any_history();
  Player(history).play();
}

}  // namespace
}  // namespace caisson::mvcc

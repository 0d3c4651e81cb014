#include "mvcc/states.h"

#include <algorithm>
#include <string>
#include <utility>

#include "mvcc/mutants.h"
#include "mvcc/snapshot.h"

namespace caisson::mvcc {

void sort_pins(std::vector<TxnId>& pins) {
  std::ranges::sort(pins);
  const auto repeated = std::ranges::unique(pins);
  pins.erase(repeated.begin(), repeated.end());
}

void States::list_readers(std::vector<pager::RegisteredReader>& readers) const {
  reads_.for_each([&readers](const ReadSlot& slot) {
    // The epoch first: who has none yet looks at it again when it has.
    const std::uint64_t epoch = slot.epoch.load(std::memory_order_seq_cst);
    const std::uint64_t taken = slot.taken.load(std::memory_order_acquire);
    if (epoch != 0 && taken != 0) readers.push_back({.epoch = epoch, .txn = TxnId{taken - 1}});
  });
}

void States::start(pager::Pager& pager, const State& first, std::uint64_t age_max_ns) {
  pager_ = &pager;
  age_max_ns_ = age_max_ns;
  const MutexLock lock(mutex_);
  states_.push_back({std::make_unique<const State>(first)});
  published_txn_.store(to_u64(first.txn), std::memory_order_relaxed);
  published_ns_.store(first.replay_ns, std::memory_order_relaxed);
  published_.store(states_.back().state.get(), std::memory_order_seq_cst);
}

Result<void> States::check_process() const {
  if (!in_child()) [[likely]]
    return {};
  return fail(Error(Code::kInvalidArgument, "a store can't be used behind a fork")
                  .with_advice("Start the child before the store is opened. A child that only goes "
                               "on with exec has nothing to do."));
}

Result<Snapshot> States::snapshot() {
  CAISSON_RETURN_IF_ERROR(check_process());
  const State* const state = published();
  SnapshotSlot* const slot = snapshots_.take(state);
  if (slot == nullptr) {
    return fail(
        Error(Code::kResourceExhausted,
              "too many snapshots are open: " + std::to_string(SlotArray<SnapshotSlot>::kSlotsMax))
            .with_advice("Close snapshots that are needed no more."));
  }
  Snapshot snapshot(*this, *slot, state);
  snapshot.settle();
  return snapshot;
}

// --- Who makes states ----------------------------------------------------------------------------

void States::add(const State& state) {
  auto added = std::make_unique<const State>(state);
  const MutexLock lock(mutex_);
  states_.back().superseded_ns = added->made_ns;
  states_.push_back({std::move(added)});
}

const State* States::newest() const {
  const MutexLock lock(mutex_);
  return states_.back().state.get();
}

void States::publish(std::uint64_t durable, bool poisoned) {
  const MutexLock lock(mutex_);
  const State* newest = published_.load(std::memory_order_relaxed);
  for (const Entry& entry : states_) {
    const State& state = *entry.state;
    if (state.txn <= newest->txn) continue;
    if (state.ticket > durable && (state.awaited || poisoned)) break;
    newest = &state;
  }
  published_txn_.store(to_u64(newest->txn), std::memory_order_release);
  published_ns_.store(newest->replay_ns, std::memory_order_release);
  published_.store(newest, std::memory_order_seq_cst);
}

const State* States::hold_published() {
  const MutexLock lock(mutex_);
  held_ = published_.load(std::memory_order_relaxed);
  return held_;
}

void States::release() {
  const MutexLock lock(mutex_);
  held_ = nullptr;
}

void States::set_checkpoint_pins(std::vector<TxnId> pins) {
  const MutexLock lock(mutex_);
  checkpoint_pins_ = std::move(pins);
}

void States::reclaim(std::uint64_t now_ns) {
  const MutexLock lock(mutex_);
  forget();
  if (age_max_ns_ > 0) refuse_old(now_ns);
  pager_->reclaim(pins());
}

void States::forget() {
  // In this order: a snapshot whose slot is not seen here finds another state published, and takes
  // that one.
  const State* const published = published_.load(std::memory_order_seq_cst);
  // Compared, never looked into: a slot may hold, for a moment, what has been forgotten.
  std::vector<const State*> held;
  snapshots_.for_each([&held](const SnapshotSlot& slot) {
    if (const State* state = slot.state.load(std::memory_order_seq_cst)) held.push_back(state);
  });
  // After those: a value or a cursor that outlives its snapshot was there before that ended.
  std::vector<TxnId> read;
  reads_.for_each([&read](const ReadSlot& slot) {
    const std::uint64_t taken = slot.taken.load(std::memory_order_seq_cst);
    if (taken != 0) read.push_back(TxnId{taken - 1});
  });
  std::ranges::sort(held);
  std::ranges::sort(read);
  std::erase_if(states_, [&](const Entry& entry) {
    mutex_.assume_held();
    const State* const state = entry.state.get();
    return state->txn < published->txn && state != held_ &&
           !std::ranges::binary_search(held, state) &&
           !std::ranges::binary_search(read, state->txn);
  });
}

// Those that are sealed and not yet published supersede nothing that is.
void States::refuse_old(std::uint64_t now_ns) {
  const TxnId published = published_txn();
  for (const Entry& entry : states_) {
    const bool old = entry.state->txn < published && now_ns > entry.superseded_ns &&
                     now_ns - entry.superseded_ns >= age_max_ns_;
    if (old) continue;
    readable_from_.store(to_u64(entry.state->txn), std::memory_order_relaxed);
    return;
  }
}

Result<void> States::too_old(TxnId txn) {
  return fail(Error(Code::kSnapshotTooOld,
                    "later commits have been there for long; this snapshot is of commit " +
                        std::to_string(to_u64(txn)))
                  .with_advice("Renew it, or take another one; Options::snapshot_age_max says how "
                               "long snapshots can be read."));
}

// Those that somebody may read, now or later.
std::vector<TxnId> States::pins() const {
  std::vector<TxnId> pins = checkpoint_pins_;
  pins.reserve(pins.size() + states_.size());
  for (const Entry& entry : states_) {
    const TxnId txn = entry.state->txn;
    if (mutated(Mutant::kSealedNotPinned) && txn != states_.back().state->txn &&
        txn > published_.load()->txn) {
      continue;
    }
    if (mutated(Mutant::kSnapshotNotPinned) && txn < published_.load()->txn) continue;
    pins.push_back(txn);
  }
  sort_pins(pins);
  return pins;
}

// --- What there is -------------------------------------------------------------------------------

std::uint64_t States::open_count() const {
  std::uint64_t open = 0;
  snapshots_.for_each([&open](const SnapshotSlot& slot) {
    if (slot.state.load(std::memory_order_seq_cst) != nullptr) ++open;
  });
  reads_.for_each([&open](const ReadSlot& slot) {
    if (slot.taken.load(std::memory_order_acquire) != 0) ++open;
  });
  return open;
}

SnapshotStats States::snapshot_stats() const {
  SnapshotStats stats;
  std::vector<const State*> held;
  snapshots_.for_each([&held](const SnapshotSlot& slot) {
    if (const State* state = slot.state.load(std::memory_order_seq_cst)) held.push_back(state);
  });
  stats.open = held.size();
  std::ranges::sort(held);
  const MutexLock lock(mutex_);
  for (const Entry& entry : states_) {
    if (!std::ranges::binary_search(held, entry.state.get())) continue;
    stats.oldest = entry.state->txn;
    stats.superseded_ns = entry.superseded_ns;
    break;
  }
  return stats;
}

}  // namespace caisson::mvcc

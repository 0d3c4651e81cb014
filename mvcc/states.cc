#include "mvcc/states.h"

#include <algorithm>
#include <string>
#include <utility>

#include "mvcc/mutants.h"
#include "mvcc/snapshot.h"

namespace caisson::mvcc {

void States::list_readers(std::vector<pager::RegisteredReader>& readers) const {
  reads_.for_each([&readers](const ReadSlot& slot) {
    // The epoch first: who has none yet looks at it again when it has.
    const std::uint64_t epoch = slot.epoch.load(std::memory_order_seq_cst);
    const std::uint64_t taken = slot.taken.load(std::memory_order_acquire);
    if (epoch != 0 && taken != 0) readers.push_back({.epoch = epoch, .txn = TxnId{taken - 1}});
  });
}

void States::start(pager::Pager& pager, const State& first) {
  pager_ = &pager;
  const MutexLock lock(mutex_);
  states_.push_back(std::make_unique<const State>(first));
  published_txn_.store(to_u64(first.txn), std::memory_order_relaxed);
  published_ns_.store(first.replay_ns, std::memory_order_relaxed);
  published_.store(states_.back().get(), std::memory_order_seq_cst);
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
  states_.push_back(std::move(added));
}

const State* States::newest() const {
  const MutexLock lock(mutex_);
  return states_.back().get();
}

void States::publish(std::uint64_t durable, bool poisoned) {
  const MutexLock lock(mutex_);
  const State* newest = published_.load(std::memory_order_relaxed);
  for (const auto& state : states_) {
    if (state->txn <= newest->txn) continue;
    if (state->ticket > durable && (state->awaited || poisoned)) break;
    newest = state.get();
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

void States::reclaim() {
  const MutexLock lock(mutex_);
  forget();
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
  std::erase_if(states_, [&](const std::unique_ptr<const State>& state) {
    mutex_.assume_held();
    return state->txn < published->txn && state.get() != held_ &&
           !std::ranges::binary_search(held, state.get()) &&
           !std::ranges::binary_search(read, state->txn);
  });
}

// Those that somebody may read, now or later.
std::vector<TxnId> States::pins() const {
  std::vector<TxnId> pins = checkpoint_pins_;
  pins.reserve(pins.size() + states_.size());
  for (const auto& state : states_) {
    if (mutated(Mutant::kSealedNotPinned) && state != states_.back() &&
        state->txn > published_.load()->txn) {
      continue;
    }
    if (mutated(Mutant::kSnapshotNotPinned) && state->txn < published_.load()->txn) continue;
    pins.push_back(state->txn);
  }
  std::ranges::sort(pins);
  const auto repeated = std::ranges::unique(pins);
  pins.erase(repeated.begin(), repeated.end());
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
  for (const auto& state : states_) {
    if (!std::ranges::binary_search(held, state.get())) continue;
    stats.oldest = state->txn;
    break;
  }
  return stats;
}

}  // namespace caisson::mvcc

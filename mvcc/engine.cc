#include "mvcc/engine.h"

#include <algorithm>
#include <utility>

#include "mvcc/mutants.h"
#include "mvcc/replay.h"
#include "mvcc/snapshot.h"

namespace caisson::mvcc {

Engine::Engine(io::Vfs& vfs, std::unique_ptr<io::Directory> directory, const EngineOptions& options)
    : vfs_(vfs), directory_(std::move(directory)), options_(options) {}

Engine::~Engine() = default;

// Begins to serve a state.
void Engine::start(const State& state) {
  limits_ = pager_->checkpointed().limits;
  const MutexLock lock(mutex_);
  states_.push_back(std::make_unique<const State>(state));
  published_ns_.store(state.replay_ns, std::memory_order_relaxed);
  published_.store(states_.back().get(), std::memory_order_seq_cst);
}

// --- What may be done ----------------------------------------------------------------------------

Result<void> Engine::check_usable() const {
  if (!fork_mark_.in_child()) [[likely]]
    return {};
  return fail(Error(Code::kInvalidArgument, "a store can't be used behind a fork")
                  .with_advice("Start the child before the store is opened. A child that only goes "
                               "on with exec has nothing to do."));
}

std::optional<Error> Engine::poisoned() const {
  if (auto cause = log_ ? log_->poisoned() : std::nullopt) return cause;
  return pager_->poisoned();
}

Result<void> Engine::check_writable() const {
  CAISSON_RETURN_IF_ERROR(check_usable());
  if (read_only()) {
    return fail(Error(Code::kReadOnly, "the store was opened to read")
                    .with_advice("Open it without the read_only option to write."));
  }
  if (const auto cause = poisoned()) {
    return fail(Error(Code::kPoisoned, "an earlier write failed: " + cause->message())
                    .in_file(cause->file())
                    .with_advice("Close the store and open it again: that finds out what is "
                                 "durable. What has been read so far can still be read."));
  }
  return {};
}

// --- Transactions --------------------------------------------------------------------------------

Result<const State*> Engine::begin_transaction(std::chrono::nanoseconds timeout) {
  constexpr std::chrono::nanoseconds kTimeoutMax = std::chrono::hours(24 * 365 * 100);
  const auto end = vfs_.clock().monotonic() + std::min(timeout, kTimeoutMax);
  const MutexLock lock(mutex_);
  while (writing_ && !closed_) {
    const auto left = end - vfs_.clock().monotonic();
    if (left.count() <= 0) {
      return fail(Error(Code::kBusy, "another write transaction is open")
                      .with_advice("Wait for it with a timeout, or end it first: a store has one "
                                   "writer at a time."));
    }
    transaction_ended_.wait_for(mutex_, left);
  }
  if (closed_) return fail(Code::kInvalidArgument, "the store is closed");
  writing_ = true;
  publish();  // What others have made durable meanwhile.
  forget_states();
  pager_->reclaim(pins());
  return states_.back().get();
}

void Engine::end_transaction() {
  {
    const MutexLock lock(mutex_);
    writing_ = false;
  }
  transaction_ended_.notify_one();
}

// T3: what has been queued and sealed; the next transaction builds on it.
void Engine::seal(const State& state) {
  {
    const MutexLock lock(mutex_);
    states_.push_back(std::make_unique<const State>(state));
    writing_ = false;
    if (!state.awaited) publish();
  }
  transaction_ended_.notify_one();
}

Result<void> Engine::wait_durable(const Committed& committed, std::chrono::nanoseconds wait) {
  CAISSON_RETURN_IF_ERROR(check_usable());
  if (!log_) return {};
  if (committed.ticket > log_->appended()) {
    return fail(Code::kInvalidArgument, "that commit was not made by this opening of the store");
  }
  if (wait.count() > 0) log_->wait(committed.ticket, wait);
  CAISSON_RETURN_IF_ERROR(log_->flush(committed.ticket));
  publish_durable();
  return {};
}

void Engine::publish_durable() {
  const MutexLock lock(mutex_);
  publish();
}

// T5: in the order of their numbers, all that are durable, and those that nobody waits for.
void Engine::publish() {
  const std::uint64_t durable = log_->durable();
  const bool poisoned = log_->poisoned().has_value();
  const State* newest = published_.load(std::memory_order_relaxed);
  for (const auto& state : states_) {
    if (state->txn <= newest->txn) continue;
    if (state->ticket > durable && (state->awaited || poisoned)) break;
    newest = state.get();
  }
  published_ns_.store(newest->replay_ns, std::memory_order_release);
  published_.store(newest, std::memory_order_seq_cst);
}

// --- States --------------------------------------------------------------------------------------

// Forgets the states that are neither held, nor published, nor still to be.
void Engine::forget_states() {
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
    return state->txn < published->txn && state.get() != checkpointing_ &&
           !std::ranges::binary_search(held, state.get()) &&
           !std::ranges::binary_search(read, state->txn);
  });
}

// Those that somebody may read, now or later.
std::vector<TxnId> Engine::pins() {
  std::vector<TxnId> pins;
  pins.reserve(states_.size());
  for (const auto& state : states_) {
    if (mutated(Mutant::kSealedNotPinned) && state != states_.back() &&
        state->txn > published_.load()->txn) {
      continue;
    }
    if (mutated(Mutant::kSnapshotNotPinned) && state->txn < published_.load()->txn) continue;
    pins.push_back(state->txn);
  }
  return pins;
}

void Engine::list_readers(std::vector<pager::RegisteredReader>& readers) const {
  reads_.for_each([&readers](const ReadSlot& slot) {
    // The epoch first: who has none yet looks at it again when it has.
    const std::uint64_t epoch = slot.epoch.load(std::memory_order_seq_cst);
    const std::uint64_t taken = slot.taken.load(std::memory_order_acquire);
    if (epoch != 0 && taken != 0) readers.push_back({.epoch = epoch, .txn = TxnId{taken - 1}});
  });
}

// --- Checkpoints ---------------------------------------------------------------------------------

Result<void> Engine::checkpoint() {
  CAISSON_RETURN_IF_ERROR(check_writable());
  const MutexLock checkpointing(checkpoint_mutex_);
  return checkpoint_published();
}

Result<void> Engine::checkpoint_published() {
  const State* state = nullptr;
  {
    const MutexLock lock(mutex_);
    publish();
    state = published_.load(std::memory_order_relaxed);
    checkpointing_ = state;  // A pin, until the pager knows of the checkpoint.
  }
  Result<void> written = write_checkpoint(*state);
  const MutexLock lock(mutex_);
  checkpointing_ = nullptr;
  forget_states();
  pager_->reclaim(pins());
  return written;
}

Result<void> Engine::write_checkpoint(const State& state) {
  if (state.txn > pager_->checkpointed().txn) {
    // CHECKPOINT-1: one that nobody waits for is published, and not yet durable.
    if (!mutated(Mutant::kCheckpointBeforeDurable)) {
      CAISSON_RETURN_IF_ERROR(log_->flush(state.ticket));
    }
    if (mutated(Mutant::kLogRetiredFirst)) (void)log_->retire_before(state.log.file);
    CAISSON_RETURN_IF_ERROR(pager_->checkpoint({.txn = state.txn,
                                                .root = state.catalog.page.id,
                                                .apply_version = kApplyVersion,
                                                .log = state.log}));
    checkpointed_ns_.store(state.replay_ns, std::memory_order_release);
    // CHECKPOINT-2. Its failure costs room, and nothing else.
    const auto older = pager_->checkpointed_before();
    if (mutated(Mutant::kLogRetiredBehindNewest)) (void)log_->retire_before(state.log.file);
    if (older) (void)log_->retire_before(older->log.file);
  }
  return {};
}

// The checkpoint's first: what is published only grows.
std::uint64_t Engine::replay_ns() const {
  const std::uint64_t checkpointed = checkpointed_ns_.load(std::memory_order_acquire);
  return published_ns_.load(std::memory_order_acquire) - checkpointed;
}

bool Engine::checkpoint_due() const {
  if (!log_ || poisoned()) return false;
  const std::uint64_t behind = replay_ns();
  return behind >= options_.replay_time_max_ns || (behind > 0 && pager_->should_spill());
}

// --- The end -------------------------------------------------------------------------------------

Result<void> Engine::check_unused() const {
  const MutexLock lock(mutex_);
  return check_unused_locked();
}

Result<void> Engine::check_unused_locked() const {
  std::size_t open = writing_ ? 1 : 0;
  snapshots_.for_each([&open](const SnapshotSlot& slot) {
    if (slot.state.load(std::memory_order_seq_cst) != nullptr) ++open;
  });
  reads_.for_each([&open](const ReadSlot& slot) {
    if (slot.taken.load(std::memory_order_acquire) != 0) ++open;
  });
  if (open == 0) return {};
  return fail(Error(Code::kBusy,
                    std::to_string(open) + " transactions, snapshots, cursors or values are open")
                  .with_advice("End them before the store is closed."));
}

Result<void> Engine::close() {
  CAISSON_RETURN_IF_ERROR(check_usable());
  const MutexLock checkpointing(checkpoint_mutex_);  // Waits for one that runs.
  {
    const MutexLock lock(mutex_);
    if (closed_) return {};
    CAISSON_RETURN_IF_ERROR(check_unused_locked());
    closed_ = true;
  }
  transaction_ended_.notify_all();
  if (!log_) return {};
  CAISSON_RETURN_IF_ERROR(check_writable());
  return close_log();
}

Result<void> Engine::close_log() {
  CAISSON_RETURN_IF_ERROR(log_->flush(log_->appended()));
  CAISSON_RETURN_IF_ERROR(checkpoint_published());
  const bool written = log_->appended() > 0 || !recovery_.was_closed;
  return written ? log_->mark_closed() : Result<void>{};
}

// --- What it is ----------------------------------------------------------------------------------

EngineStats Engine::stats() const {
  EngineStats stats;
  stats.pages = pager_->stats();
  stats.checkpointed = pager_->checkpointed().txn;
  stats.checkpoints = stats.pages.checkpoints;
  stats.rolled_back = rolled_back_.load(std::memory_order_relaxed);
  stats.poisoned = poisoned().has_value();
  if (log_) {
    stats.log = log_->stats();
    stats.commits = stats.log.commits;
  }
  const MutexLock lock(mutex_);
  const State* const published = published_.load(std::memory_order_seq_cst);
  stats.published = published->txn;
  stats.replay_ns = replay_ns();
  std::vector<const State*> held;
  snapshots_.for_each([&](const SnapshotSlot& slot) {
    if (const State* state = slot.state.load(std::memory_order_seq_cst)) held.push_back(state);
  });
  stats.snapshots = held.size();
  for (const auto& state : states_) {
    if (std::ranges::find(held, state.get()) == held.end()) continue;
    stats.oldest_snapshot = state->txn;
    break;
  }
  return stats;
}

}  // namespace caisson::mvcc

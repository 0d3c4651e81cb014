#include "mvcc/engine.h"

#include <algorithm>
#include <utility>

#include "mvcc/mutants.h"
#include "mvcc/open_files.h"
#include "mvcc/replay.h"

namespace caisson::mvcc {

Engine::Engine(io::Vfs& vfs, std::unique_ptr<io::Directory> directory, const EngineOptions& options)
    : vfs_(vfs),
      directory_(std::move(directory)),
      options_(options),
      write_slot_(vfs.clock()),
      history_(vfs, *directory_, options) {}

Engine::~Engine() = default;

// Begins to serve a state.
Result<void> Engine::start(const State& state) {
  limits_ = pager_->checkpointed().limits;
  {
    const MutexLock checkpointing(checkpoint_mutex_);
    (void)look_at_readers();  // OPENING-6
    (void)look_at_positions();
    states_.set_checkpoint_pins(checkpoint_pins_);
  }
  states_.start(*pager_, state, options_.snapshot_age_max_ns);
  const MutexLock lock(mutex_);
  told_durable_.store(to_u64(state.txn), std::memory_order_release);
  return lock_->say_durable(uuid(), state.txn);  // LOCK-2
}

// --- What may be done ----------------------------------------------------------------------------

std::optional<Error> Engine::poisoned() const {
  if (auto cause = log_->poisoned()) return cause;
  return pager_->poisoned();
}

Result<void> Engine::check_writable() const {
  CAISSON_RETURN_IF_ERROR(check_usable());
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
  CAISSON_RETURN_IF_ERROR(write_slot_.take(timeout));
  const MutexLock lock(mutex_);
  publish();  // What others have made durable meanwhile.
  states_.reclaim(now_ns());
  return states_.newest();
}

void Engine::end_transaction() { write_slot_.give_back(); }

// T3: what has been queued and sealed; the next transaction builds on it.
void Engine::seal(const State& state) {
  {
    const MutexLock lock(mutex_);
    states_.add(state);
    if (!state.awaited) publish();
  }
  write_slot_.give_back();
}

Result<void> Engine::wait_durable(const Committed& committed, std::chrono::nanoseconds wait) {
  CAISSON_RETURN_IF_ERROR(check_usable());
  if (committed.ticket > log_->appended()) {
    return fail(Code::kInvalidArgument, "that commit was not made by this opening of the store");
  }
  if (wait.count() > 0) log_->wait(committed.ticket, wait);
  CAISSON_RETURN_IF_ERROR(log_->flush(committed.ticket));
  // Of those that were flushed together, the first does it for all.
  if (to_u64(committed.txn) > told_durable_.load(std::memory_order_acquire)) publish_durable();
  return {};
}

void Engine::publish_durable() {
  const MutexLock lock(mutex_);
  publish();
}

// T5: in the order of their numbers, all that are durable, and those that nobody waits for.
void Engine::publish() {
  const std::uint64_t durable = log_->durable();
  states_.publish(durable, log_->poisoned().has_value());
  const TxnId told = std::min(log_->durable_upto(), states_.published_txn());
  if (to_u64(told) <= told_durable_.load(std::memory_order_relaxed)) return;
  // LOCK-2. A failure costs readers in other processes the news, and nobody the commit.
  if (!lock_->say_durable(uuid(), told)) return;
  told_durable_.store(to_u64(told), std::memory_order_release);
}

Result<Snapshot> Engine::durable_snapshot() {
  CAISSON_ASSIGN_OR_RETURN(Snapshot newest, snapshot());
  CAISSON_RETURN_IF_ERROR(log_->flush(newest.state().ticket));
  publish_durable();
  return newest;
}

// --- The past ------------------------------------------------------------------------------------

Result<Snapshot> Engine::snapshot_as_of(TxnId txn) {
  CAISSON_ASSIGN_OR_RETURN(Snapshot newest, snapshot());
  if (newest.txn() == txn) return newest;
  // Views are of what is durable; one that nobody waits for may have been published before.
  if (txn < newest.txn() && !poisoned()) {
    CAISSON_RETURN_IF_ERROR(log_->flush(log_->appended()));
    publish_durable();
  }
  return history_.as_of(txn);
}

Result<Snapshot> Engine::snapshot_named(std::string_view name) {
  CAISSON_RETURN_IF_ERROR(check_usable());
  return history_.named(name);
}

Result<FeedSource> Engine::feed_source(std::optional<TxnId> after) {
  CAISSON_RETURN_IF_ERROR(check_usable());
  const bool durable = !after || to_u64(*after) <= told_durable_.load(std::memory_order_acquire);
  if (!durable && *after <= states_.published_txn() && !poisoned()) {
    CAISSON_RETURN_IF_ERROR(log_->flush(log_->appended()));
    publish_durable();
  }
  return FeedSource{.vfs = &vfs_,
                    .directory = directory_,
                    .options = options_,
                    .uuid = uuid(),
                    .limits = operation_limits(limits_),
                    .known = pager_->checkpointed().txn};
}

Result<TxnId> Engine::retain(std::string_view name) {
  CAISSON_RETURN_IF_ERROR(validate_snapshot_name(name));
  CAISSON_RETURN_IF_ERROR(check_writable());
  const MutexLock checkpointing(checkpoint_mutex_);
  if (retention_.has_name(name)) {
    return fail(
        Error(Code::kAlreadyExists, "there is a snapshot of the name \"" + std::string(name) + "\"")
            .with_advice("Release it first, or choose another name."));
  }
  return checkpoint_twice([name](Retention& next) { next.add_name(std::string(name)); });
}

Result<void> Engine::release(std::string_view name) {
  CAISSON_RETURN_IF_ERROR(check_writable());
  const MutexLock checkpointing(checkpoint_mutex_);
  if (!retention_.has_name(name)) {
    return fail(Code::kNotFound, "there is no snapshot of the name \"" + std::string(name) + "\"");
  }
  CAISSON_RETURN_IF_ERROR(checkpoint_twice([name](Retention& next) { next.remove_name(name); }));
  return {};
}

// RETAIN-5. Returns the commit of the first.
Result<TxnId> Engine::checkpoint_twice(const RetentionChange& change) {
  CAISSON_RETURN_IF_ERROR(checkpoint_published(change));
  const TxnId first = pager_->checkpointed().txn;
  CAISSON_RETURN_IF_ERROR(checkpoint_published([](Retention&) {}));
  return first;
}

Result<std::vector<RetainedCheckpoint>> Engine::retained() const {
  const MutexLock checkpointing(checkpoint_mutex_);
  std::vector<RetainedCheckpoint> all = retention_.earlier;
  all.push_back(entry_of(pager_->checkpointed(), retention_));
  return all;
}

// --- Checkpoints ---------------------------------------------------------------------------------

Result<void> Engine::checkpoint() {
  CAISSON_RETURN_IF_ERROR(check_writable());
  const MutexLock checkpointing(checkpoint_mutex_);
  return checkpoint_published();
}

Result<void> Engine::checkpoint_published(const RetentionChange& change) {
  publish_durable();
  const State* const state = states_.hold_published();
  Result<void> written = write_checkpoint(*state, change);
  publish_durable();  // It may have been the first to make that one durable.
  states_.release();
  states_.reclaim(now_ns());
  return written;
}

Result<void> Engine::write_checkpoint(const State& state, const RetentionChange& change) {
  const pager::Meta last = pager_->checkpointed();
  if (state.txn == last.txn && !change) return {};
  // CHECKPOINT-1: one that nobody waits for is published, and not yet durable.
  if (!mutated(Mutant::kCheckpointBeforeDurable)) {
    CAISSON_RETURN_IF_ERROR(log_->flush(state.ticket));
  }
  Retention next =
      next_retention(retention_, last, state.txn, vfs_.clock().wall_ns(), options_.retention);
  if (change) change(next);
  const bool says_something = options_.retention.is_on() || !next.empty();
  const std::vector<std::byte> attachment =
      says_something ? encode_retention(next) : std::vector<std::byte>{};
  if (mutated(Mutant::kLogRetiredFirst)) (void)log_->retire_before(state.log.file);
  CAISSON_RETURN_IF_ERROR(pager_->checkpoint({.txn = state.txn,
                                              .root = state.catalog.page.id,
                                              .apply_version = kApplyVersion,
                                              .log = state.log,
                                              .attachment = attachment}));
  checkpointed_ns_.store(state.replay_ns, std::memory_order_release);
  retention_before_ = std::exchange(retention_, std::move(next));
  older_unread_ = false;
  if (mutated(Mutant::kLogRetiredBehindNewest)) (void)log_->retire_before(state.log.file);
  // Readers say what they read before others stop protecting it (VIEW-2); and states of the past
  // that nobody looks at any more protect nothing.
  (void)history_.drop_unused();
  const bool readers_known = look_at_readers();
  // Behind the locks (POSITION-3).
  if (look_at_positions() && readers_known) retire_log();
  states_.set_checkpoint_pins(checkpoint_pins_);
  return {};
}

// Finds out which checkpoints are pins from now on: those that both metas name, what they say is
// retained, and what readers in other processes need. False where somebody may need any log file.
bool Engine::look_at_readers() {
  const std::vector<TxnId> before = std::exchange(checkpoint_pins_, {});
  const auto add = [this](const std::vector<TxnId>& pins) {
    checkpoint_mutex_.assume_held();
    checkpoint_pins_.insert(checkpoint_pins_.end(), pins.begin(), pins.end());
  };
  checkpoint_pins_.push_back(pager_->checkpointed().txn);
  if (const auto older = pager_->checkpointed_before()) checkpoint_pins_.push_back(older->txn);
  if (!mutated(Mutant::kRetainedNotPinned)) add(retention_.pins());
  add(retention_before_.pins());
  auto needs = lock_->readers(uuid());
  if (!needs) needs = ReaderNeeds{.anything = true};  // Nobody knows.
  if (mutated(Mutant::kReadersNotSeen)) needs = ReaderNeeds{};
  reader_needs_ = std::move(*needs);
  note_readers();
  add(reader_needs_.checkpoints);
  if (reader_needs_.anything) add(before);
  if (!reader_needs_.anything && !older_unread_) pager_->release_dead();
  sort_pins(checkpoint_pins_);
  return !reader_needs_.anything;
}

// For stats(), which does not wait for a checkpoint.
void Engine::note_readers() {
  std::vector<TxnId>& read = reader_needs_.checkpoints;
  sort_pins(read);
  const MutexLock lock(mutex_);
  readers_ = {.checkpoints = read.size(),
              .oldest = read.empty() ? std::nullopt : std::optional(read.front()),
              .unknown = reader_needs_.anything,
              .feeds = reader_needs_.feeds};
}

// Finds out which log files positions need. False where nobody knows.
bool Engine::look_at_positions() {
  position_needs_ = PositionFiles(*directory_, uuid()).needs();
  if (mutated(Mutant::kPositionsNotSeen)) position_needs_ = {};
  const MutexLock lock(mutex_);
  positions_ = position_needs_;
  return position_needs_.unreadable == 0;
}

// CHECKPOINT-2. A failure costs room, and nothing else.
void Engine::retire_log() {
  const auto older = pager_->checkpointed_before();
  if (!older) return;
  std::uint64_t first =
      std::min({older->log.file, reader_needs_.first_log_file, position_needs_.first_log_file});
  for (const Retention* said : {&retention_, &retention_before_}) {
    const auto oldest = std::ranges::find_if(said->earlier, &RetainedCheckpoint::history);
    if (oldest != said->earlier.end()) first = std::min(first, oldest->log.file);
  }
  (void)log_->retire_before(first);
}

// --- Shrinking -----------------------------------------------------------------------------------

// CKPT-10. The first two checkpoints let go of what only the last ones needed; what describes a
// checkpoint has moved to lower pages behind the next two, so there may be more at the end.
Result<std::uint64_t> Engine::shrink() {
  CAISSON_RETURN_IF_ERROR(check_writable());
  const MutexLock checkpointing(checkpoint_mutex_);
  constexpr int kRounds = 4;
  for (int i = 0; i < kRounds; ++i) {
    CAISSON_RETURN_IF_ERROR(checkpoint_twice([](Retention&) {}));
    CAISSON_ASSIGN_OR_RETURN(const std::uint64_t pages, pager_->give_up_end(retained_page_count()));
    if (pages == 0) break;
  }
  return pager_->truncate_end();
}

// RETAIN-1: none of them has more pages than the checkpoint that names it.
std::uint64_t Engine::retained_page_count() const {
  std::uint64_t most = 0;
  for (const Retention* said : {&retention_, &retention_before_}) {
    for (const RetainedCheckpoint& entry : said->earlier) most = std::max(most, entry.page_count);
  }
  return most;
}

// The checkpoint's first: what is published only grows.
std::uint64_t Engine::replay_ns() const {
  const std::uint64_t checkpointed = checkpointed_ns_.load(std::memory_order_acquire);
  return states_.published_ns() - checkpointed;
}

bool Engine::checkpoint_due() const {
  if (poisoned()) return false;
  const std::uint64_t behind = replay_ns();
  return behind >= options_.replay_time_max_ns || (behind > 0 && pager_->should_spill());
}

// --- The end -------------------------------------------------------------------------------------

Result<void> Engine::check_unused() {
  return check_none_open((write_slot_.taken() ? 1 : 0) + states_.open_count() +
                         history_.drop_unused());
}

Result<void> Engine::close() {
  CAISSON_RETURN_IF_ERROR(check_usable());
  const MutexLock checkpointing(checkpoint_mutex_);  // Waits for one that runs.
  if (write_slot_.closed()) return {};
  CAISSON_RETURN_IF_ERROR(check_unused());
  if (!write_slot_.close()) return check_none_open(1);
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
  stats.log = log_->stats();
  stats.commits = stats.log.commits;
  stats.snapshots = states_.snapshot_stats();
  if (stats.snapshots.superseded_ns != 0) {
    stats.oldest_snapshot_age_ns = now_ns() - stats.snapshots.superseded_ns;
    stats.pinned_pages = pager_->dead_behind(*stats.snapshots.oldest);
  }
  {
    const MutexLock lock(mutex_);
    stats.readers = readers_;
    stats.positions = positions_;
  }
  stats.published = states_.published_txn();
  stats.replay_ns = replay_ns();
  return stats;
}

}  // namespace caisson::mvcc

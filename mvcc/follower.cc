#include "mvcc/follower.h"

#include <utility>

#include "mvcc/mutants.h"
#include "mvcc/open_files.h"
#include "mvcc/replay.h"

namespace caisson::mvcc {

Follower::Follower(io::Vfs& vfs, std::unique_ptr<io::Directory> directory,
                   const EngineOptions& options)
    : vfs_(vfs),
      directory_(std::move(directory)),
      options_(options),
      history_(vfs, *directory_, options),
      rebase_at_ns_(options.replay_time_max_ns) {}

Result<std::unique_ptr<Follower>> Follower::open(io::Vfs& vfs, const std::string& path,
                                                 const EngineOptions& options) {
  CAISSON_ASSIGN_OR_RETURN(auto directory, open_store_directory(vfs, path));
  // Not a folder where something else is: LOCK would be made there.
  CAISSON_RETURN_IF_ERROR(check_has_store(*directory, options.unfinished));
  std::unique_ptr<Follower> follower(new Follower(vfs, std::move(directory), options));
  const MutexLock lock(follower->mutex_);
  CAISSON_ASSIGN_OR_RETURN(follower->view_, View::open_newest(vfs, *follower->directory_, options));
  follower->recovery_ = follower->view_->report();
  follower->uuid_ = follower->view_->pager().uuid();
  return follower;
}

// --- Snapshots -----------------------------------------------------------------------------------

Result<Snapshot> Follower::snapshot() {
  const MutexLock lock(mutex_);
  CAISSON_RETURN_IF_ERROR(view_->states().check_process());
  CAISSON_RETURN_IF_ERROR(advance());
  return view_->states().snapshot();
}

Result<void> Follower::advance() {
  (void)history_.drop_unused();  // What they say is read is kept.
  CAISSON_ASSIGN_OR_RETURN(const TxnId durable, view_->durable());
  if (durable <= view_->txn()) return {};
  auto followed = view_->follow(durable);
  if (mutated(Mutant::kFollowedPastDurable)) return {};
  if (followed && !view_->is_full() && view_->replay_ns() < rebase_at_ns_) return {};
  // Also where the commits don't fit: behind a newer checkpoint there are fewer.
  const auto rebased = rebase();
  if (!followed && !(rebased && *rebased)) return followed;
  return {};
}

// Goes over to a newer checkpoint, if there is one.
Result<bool> Follower::rebase() {
  rebase_at_ns_ = view_->replay_ns() + options_.replay_time_max_ns;
  CAISSON_ASSIGN_OR_RETURN(auto newer,
                           View::open_newer(vfs_, *directory_, options_, view_->base()));
  if (!newer || newer->txn() < view_->txn()) return false;
  rebase_at_ns_ = newer->replay_ns() + options_.replay_time_max_ns;
  history_.keep(std::exchange(view_, std::move(newer)));
  return true;
}

Result<Snapshot> Follower::snapshot_as_of(TxnId txn) {
  CAISSON_ASSIGN_OR_RETURN(Snapshot newest, snapshot());
  if (newest.txn() == txn) return newest;
  return history_.as_of(txn);
}

Result<Snapshot> Follower::snapshot_named(std::string_view name) { return history_.named(name); }

Result<FeedSource> Follower::feed_source(std::optional<TxnId> /*after*/) {
  const MutexLock lock(mutex_);
  CAISSON_RETURN_IF_ERROR(view_->states().check_process());
  return FeedSource{.vfs = &vfs_,
                    .directory = directory_,
                    .options = options_,
                    .uuid = uuid_,
                    .limits = operation_limits(view_->pager().checkpointed().limits),
                    .known = view_->known()};
}

Result<std::vector<RetainedCheckpoint>> Follower::retained() {
  CAISSON_ASSIGN_OR_RETURN(const auto lock, ReaderLock::take(*directory_));
  pager::PagerOptions options = pager_options(options_);
  options.read_only = true;
  CAISSON_ASSIGN_OR_RETURN(Checkpoints checkpoints, read_checkpoints(*directory_, options));
  return std::move(checkpoints.retained);
}

// --- What there is -------------------------------------------------------------------------------

Result<void> Follower::check_unused() {
  const MutexLock lock(mutex_);
  return check_none_open(view_->states().open_count() + history_.drop_unused());
}

FollowerStats Follower::stats() const {
  const MutexLock lock(mutex_);
  const SnapshotStats snapshots = view_->states().snapshot_stats();
  const auto now = static_cast<std::uint64_t>(vfs_.clock().monotonic().count());
  return {
      .published = view_->txn(),
      .checkpoint = view_->base(),
      .snapshots = snapshots,
      .oldest_snapshot_age_ns = snapshots.superseded_ns != 0 ? now - snapshots.superseded_ns : 0,
      .replay_ns = view_->replay_ns(),
      .positions = PositionFiles(*directory_, uuid_).needs(),
      .pages = view_->pager().stats(),
      .page_size = view_->pager().page_size()};
}

}  // namespace caisson::mvcc

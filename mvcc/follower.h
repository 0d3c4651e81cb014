// A store that is opened to read, whoever else has it open: its newest state, as far as it is
// durable, and states of the past.

#ifndef CAISSON_MVCC_FOLLOWER_H_
#define CAISSON_MVCC_FOLLOWER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "mvcc/feed.h"
#include "mvcc/history.h"
#include "mvcc/position.h"
#include "mvcc/snapshot.h"
#include "mvcc/view.h"

namespace caisson::mvcc {

struct FollowerStats {
  TxnId published{};
  TxnId checkpoint{};  // Which it reads, with the commits behind it in memory.
  SnapshotStats snapshots;
  std::uint64_t oldest_snapshot_age_ns = 0;  // Since it was superseded.
  std::uint64_t replay_ns = 0;               // About how long these took to apply.
  PositionNeeds positions;                   // Now.
  pager::PagerStats pages;
  std::uint32_t page_size = 0;
};

// Thread-safe. It writes nothing but its record in LOCK, and has no thread. Positions are made and
// moved by others, with its feed_source().
class Follower {
 public:
  // Errors: as View::open_newest(). The system outlives it.
  static Result<std::unique_ptr<Follower>> open(io::Vfs& vfs, const std::string& path,
                                                const EngineOptions& options);

  const RecoveryReport& recovery() const { return recovery_; }
  const Uuid& uuid() const { return uuid_; }

  // The newest state that is durable: every commit that has been acknowledged, in whatever process,
  // before this was called. One small read where nothing is new; else the new commits are applied,
  // and now and then a newer checkpoint is opened. Errors: as View.
  Result<Snapshot> snapshot();

  // As Engine: what others have is durable.
  Result<Snapshot> durable_snapshot() { return snapshot(); }

  // As History.
  Result<Snapshot> snapshot_as_of(TxnId txn);
  Result<Snapshot> snapshot_named(std::string_view name);

  // What a feed of this store begins with. It has no use for what the feed is to begin behind.
  Result<FeedSource> feed_source(std::optional<TxnId> after = {});

  // The checkpoints that are retained now, by txn.
  Result<std::vector<RetainedCheckpoint>> retained();

  // kBusy where a snapshot, a cursor or a value is open.
  Result<void> check_unused();

  FollowerStats stats() const;

  // Never: it writes nothing.
  static std::optional<Error> poisoned() { return std::nullopt; }
  static bool checkpoint_due() { return false; }

 private:
  Follower(io::Vfs& vfs, std::unique_ptr<io::Directory> directory, const EngineOptions& options);

  Result<void> advance() CAISSON_REQUIRES(mutex_);
  Result<bool> rebase() CAISSON_REQUIRES(mutex_);

  io::Vfs& vfs_;
  const std::shared_ptr<io::Directory> directory_;  // Feeds share it, and may outlive this.
  const EngineOptions options_;
  History history_;
  RecoveryReport recovery_;
  Uuid uuid_;

  mutable Mutex mutex_;
  std::unique_ptr<View> view_ CAISSON_GUARDED_BY(mutex_);
  std::uint64_t rebase_at_ns_ CAISSON_GUARDED_BY(mutex_) = 0;  // Of View::replay_ns().
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_FOLLOWER_H_

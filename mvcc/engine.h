// The engine: one store, its commits in order, and the snapshots of them (spec/store.md).
//
// Threads. begin_write(), snapshots, checkpoint() and stats() on any thread. At most one write
// transaction is open at a time; one checkpoint runs at a time, while the writer goes on. Readers
// take no lock and never wait.
//
// The engine has no thread of its own. Whoever owns it calls checkpoint() when checkpoint_due(),
// and runs a log::Flusher over log() for commits that nobody waits for.

#ifndef CAISSON_MVCC_ENGINE_H_
#define CAISSON_MVCC_ENGINE_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "io/vfs.h"
#include "log/log_file.h"
#include "log/writer.h"
#include "mvcc/feed.h"
#include "mvcc/history.h"
#include "mvcc/lock_file.h"
#include "mvcc/options.h"
#include "mvcc/position.h"
#include "mvcc/recorder.h"
#include "mvcc/retention.h"
#include "mvcc/snapshot.h"
#include "mvcc/state.h"
#include "mvcc/states.h"
#include "mvcc/write_slot.h"
#include "pager/open.h"
#include "pager/pager.h"

namespace caisson::mvcc {

class WriteTxn;

// Who reads checkpoints, in other processes and of the past, as far as was known last.
struct CheckpointReaders {
  std::uint64_t checkpoints = 0;
  std::optional<TxnId> oldest = {};
  bool unknown = false;     // Somebody reads nobody knows which.
  std::uint64_t feeds = 0;  // Who read the log alone.
};

struct EngineStats {
  TxnId published{};
  TxnId checkpointed{};
  std::uint64_t commits = 0;
  std::uint64_t rolled_back = 0;
  std::uint64_t checkpoints = 0;
  SnapshotStats snapshots;
  std::uint64_t oldest_snapshot_age_ns = 0;  // Since it was superseded.
  std::uint64_t pinned_pages = 0;            // Which it keeps, dead ones.
  CheckpointReaders readers;
  PositionNeeds positions;      // At the last checkpoint.
  std::uint64_t replay_ns = 0;  // About how long the log since the last checkpoint takes.
  bool poisoned = false;
  pager::PagerStats pages;
  log::WriterStats log;
};

enum class Durability : std::uint8_t {
  kSync,    // commit() returns when it is durable, and seen by others.
  kQueued,  // commit() returns at once. Durable, and seen by others, with the next commit that
            // waits, with wait_durable(), or when the log's flusher comes by.
  kAsync,   // The same, but seen by others at once. A crash takes the last of them, never one in
            // between.
};

// A commit, as wait_durable() knows it.
struct Committed {
  TxnId txn{};
  std::uint64_t ticket = 0;  // For LogWriter::flush(), which waits until it is durable.
};

class Engine {
 public:
  // Makes an empty store at a path where nothing is, or what an earlier attempt left (STORE-2).
  // Errors: kAlreadyExists; kInvalidArgument; kOutOfSpace, kPermissionDenied, kReadOnly, kIoError.
  static Result<void> create(io::Vfs& vfs, const std::string& path,
                             const pager::CreateOptions& options,
                             const log::WriterOptions& log = {});

  // Opens a store to write, and recovers it where it has not been closed (section 9). Errors:
  // kNotFound (no store is there); kBusy (another process writes it); kCorruption; others as
  // opening files may give. The system outlives the engine.
  static Result<std::unique_ptr<Engine>> open(io::Vfs& vfs, const std::string& path,
                                              const EngineOptions& options);

  // REQUIRES: nothing is open any more. Leaves the store as a crash would, unless close() was
  // called.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const RecoveryReport& recovery() const { return recovery_; }
  const Uuid& uuid() const { return pager_->uuid(); }
  const pager::Limits& limits() const { return limits_; }

  // The newest state. kResourceExhausted where as many snapshots are open as can be.
  Result<Snapshot> snapshot() { return states_.snapshot(); }

  // The same, durable when this returns. Errors: as wait_durable().
  Result<Snapshot> durable_snapshot();

  // The state behind a commit, as far as what is retained leads there; or the checkpoint of that
  // name. Needs memory for the commits behind its checkpoint, within a budget of its own. Errors:
  // as View::open_as_of() and open_named().
  Result<Snapshot> snapshot_as_of(TxnId txn);
  Result<Snapshot> snapshot_named(std::string_view name);

  // What a feed of this store begins with. Where the commit behind which it is to begin has been
  // published, and isn't durable yet, makes it so. Errors: as LogWriter::flush().
  Result<FeedSource> feed_source(std::optional<TxnId> after = {});

  // The one write transaction. kBusy where another is open, or stays open for so long; kPoisoned;
  // kOutOfSpace.
  Result<WriteTxn> begin_write(std::chrono::nanoseconds timeout = {});

  // Returns when a commit is durable, and published with all before it. Waits for others to flush
  // the log for up to `wait`, and then does it. kDurabilityUnknown where the log has failed.
  Result<void> wait_durable(const Committed& committed, std::chrono::nanoseconds wait = {});

  // Publishes what has become durable without somebody who waited: what follows a flush of the log
  // by anybody else.
  void publish_durable();

  // Writes a checkpoint of the state published last, unless it is in one. Errors: as
  // Pager::checkpoint() and LogWriter::flush().
  Result<void> checkpoint();

  // Gives what is unused at the end of the page file back to the file system; returns how many
  // bytes. Writes checkpoints. What snapshots, readers elsewhere and retained states need stays
  // where it is, and so does what lies before it. Errors: as checkpoint().
  Result<std::uint64_t> shrink();

  // Retains the state published last under a name; returns its commit. Writes two checkpoints;
  // where the second fails, the first has done it (RETAIN-5). kAlreadyExists; kInvalidArgument (the
  // name); others as checkpoint().
  Result<TxnId> retain(std::string_view name);

  // Takes a name away, and writes two checkpoints. kNotFound; others as checkpoint().
  Result<void> release(std::string_view name);

  // The checkpoints that are retained, by txn; the last one included.
  Result<std::vector<RetainedCheckpoint>> retained() const;

  // Whether it is time for one: replaying the log would take long, or memory runs short.
  bool checkpoint_due() const;

  // kBusy where a transaction, a snapshot, a cursor or a value is open.
  Result<void> check_unused();

  // Ends well: what is queued is made durable and checkpointed, and the log says so. Errors: as
  // check_unused(), and nothing has changed. After any other error it is closed all the same.
  // Called again, does nothing.
  Result<void> close();

  // Why no transaction begins any more, if so. Sticky. (COMMIT-3)
  std::optional<Error> poisoned() const;

  EngineStats stats() const;
  const States& states() const { return states_; }
  TxnId published() const { return states_.published_txn(); }
  log::LogWriter& log() { return *log_; }
  pager::Pager& pager() { return *pager_; }

 private:
  friend class LongValue;
  friend class WriteTxn;

  // A change of what the next checkpoint says is retained.
  using RetentionChange = std::function<void(Retention&)>;

  Engine(io::Vfs& vfs, std::unique_ptr<io::Directory> directory, const EngineOptions& options);

  // Whether a store that was not closed is to be recovered.
  enum class Opening : std::uint8_t { kAny, kOfClosed };

  Result<void> lock();
  Result<void> recover();
  Result<bool> open_closed(const pager::PagerOptions& options);
  Result<void> flush_opened();
  Result<bool> recover_from(pager::OpenAttempt attempt, pager::MetaSlot slot, Opening opening);
  Result<void> read_retention(const pager::OpenAttempt& attempt, pager::MetaSlot slot);
  static Result<void> check_no_reader_behind(const ReaderNeeds& needs, const pager::Meta& meta,
                                             bool may_be_older);
  Result<State> replay(const State& checkpoint, TxnId upto);
  Result<void> start(const State& state);
  Result<void> check_usable() const { return states_.check_process(); }
  Result<void> check_writable() const;
  Result<const State*> begin_transaction(std::chrono::nanoseconds timeout);
  void end_transaction();
  void seal(const State& state);
  void publish() CAISSON_REQUIRES(mutex_);
  Result<void> checkpoint_published(const RetentionChange& change = {})
      CAISSON_REQUIRES(checkpoint_mutex_);
  Result<TxnId> checkpoint_twice(const RetentionChange& change) CAISSON_REQUIRES(checkpoint_mutex_);
  Result<void> write_checkpoint(const State& state, const RetentionChange& change)
      CAISSON_REQUIRES(checkpoint_mutex_);
  bool look_at_readers() CAISSON_REQUIRES(checkpoint_mutex_);
  void note_readers() CAISSON_REQUIRES(checkpoint_mutex_) CAISSON_EXCLUDES(mutex_);
  bool look_at_positions() CAISSON_REQUIRES(checkpoint_mutex_);
  void retire_log() CAISSON_REQUIRES(checkpoint_mutex_);
  std::uint64_t retained_page_count() const CAISSON_REQUIRES(checkpoint_mutex_);
  Result<void> close_log() CAISSON_REQUIRES(checkpoint_mutex_);
  std::uint64_t replay_ns() const;
  std::uint64_t now_ns() const {
    return static_cast<std::uint64_t>(vfs_.clock().monotonic().count());
  }

  io::Vfs& vfs_;
  const std::shared_ptr<io::Directory> directory_;  // Feeds share it, and may outlive the engine.
  const EngineOptions options_;
  std::unique_ptr<WriterLock> lock_;
  WriteSlot write_slot_;  // Of the open transaction.
  States states_;
  History history_;
  std::unique_ptr<log::LogDirectory> log_directory_;
  std::unique_ptr<pager::Pager> pager_;
  std::unique_ptr<log::LogWriter> log_;
  std::unique_ptr<Recorder> recorder_;  // Of the open transaction.
  pager::Limits limits_;
  RecoveryReport recovery_;

  // Held while a checkpoint is written. Taken before mutex_.
  mutable Mutex checkpoint_mutex_;

  // What the checkpoints say that the two metas name, and what readers in other processes, and
  // positions, needed when they were looked at last.
  Retention retention_ CAISSON_GUARDED_BY(checkpoint_mutex_);
  Retention retention_before_ CAISSON_GUARDED_BY(checkpoint_mutex_);
  bool older_unread_ CAISSON_GUARDED_BY(checkpoint_mutex_) = false;  // What that one says.
  ReaderNeeds reader_needs_ CAISSON_GUARDED_BY(checkpoint_mutex_);
  PositionNeeds position_needs_ CAISSON_GUARDED_BY(checkpoint_mutex_);
  std::vector<TxnId> checkpoint_pins_ CAISSON_GUARDED_BY(checkpoint_mutex_);

  // State::replay_ns of the last checkpoint.
  std::atomic<std::uint64_t> checkpointed_ns_{0};

  std::atomic<std::uint64_t> rolled_back_{0};

  // The commit that others are told of (LOCK-2). Changed under mutex_.
  std::atomic<std::uint64_t> told_durable_{0};

  mutable Mutex mutex_;
  CheckpointReaders readers_ CAISSON_GUARDED_BY(mutex_);
  PositionNeeds positions_ CAISSON_GUARDED_BY(mutex_);
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_ENGINE_H_

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
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "io/memory.h"
#include "io/vfs.h"
#include "log/log_file.h"
#include "log/writer.h"
#include "mvcc/options.h"
#include "mvcc/reader_registry.h"
#include "mvcc/recorder.h"
#include "mvcc/state.h"
#include "pager/open.h"
#include "pager/pager.h"

namespace caisson::mvcc {

class Snapshot;
class WriteTxn;

// What opening had to do.
struct RecoveryReport {
  bool was_closed = true;         // The last one to write had closed the store: nothing was done.
  bool older_checkpoint = false;  // Not the newest that a meta tells of, whose pages are damaged.
  TxnId checkpoint{};             // The commit that was in the checkpoint,
  TxnId recovered{};              // and the last one that the log led to.
  std::uint64_t log_bytes = 0;    // Read in between,
  std::uint64_t operations = 0;   // and applied.
};

struct EngineStats {
  TxnId published{};
  TxnId checkpointed{};
  std::uint64_t commits = 0;
  std::uint64_t rolled_back = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t snapshots = 0;           // Open now.
  std::optional<TxnId> oldest_snapshot;  // The state that the oldest of them holds.
  std::uint64_t replay_ns = 0;           // About how long the log since the last checkpoint takes.
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

  // Opens a store, and recovers it where it has not been closed (section 6). Errors: kNotFound (no
  // store is there); kBusy (another process writes it); kCorruption; others as opening files may
  // give. The system outlives the engine.
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
  bool read_only() const { return pager_->read_only(); }

  // The newest state. kResourceExhausted where as many snapshots are open as can be.
  Result<Snapshot> snapshot();

  // The one write transaction. kBusy where another is open, or stays open for so long; kReadOnly;
  // kPoisoned; kOutOfSpace.
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

  // Whether it is time for one: replaying the log would take long, or memory runs short.
  bool checkpoint_due() const;

  // kBusy where a transaction, a snapshot, a cursor or a value is open.
  Result<void> check_unused() const;

  // Ends well: what is queued is made durable and checkpointed, and the log says so. Errors: as
  // check_unused(), and nothing has changed. After any other error it is closed all the same.
  // Called again, does nothing.
  Result<void> close();

  // Why nothing is written any more, if so. Sticky.
  std::optional<Error> poisoned() const;

  EngineStats stats() const;
  log::LogWriter& log() { return *log_; }
  pager::Pager& pager() { return *pager_; }

 private:
  friend class LongValue;
  friend class ReadGuard;
  friend class Snapshot;
  friend class WriteTxn;

  Engine(io::Vfs& vfs, std::unique_ptr<io::Directory> directory, const EngineOptions& options);

  Result<void> lock();
  Result<void> recover();
  Result<void> recover_from(pager::OpenAttempt attempt, pager::MetaSlot slot);
  Result<State> replay(const State& checkpoint, TxnId upto);
  void start(const State& state);
  Result<void> check_usable() const;
  Result<void> check_writable() const;
  Result<void> check_unused_locked() const CAISSON_REQUIRES(mutex_);
  std::vector<TxnId> pins() CAISSON_REQUIRES(mutex_);
  Result<const State*> begin_transaction(std::chrono::nanoseconds timeout);
  void end_transaction();
  void seal(const State& state);
  void publish() CAISSON_REQUIRES(mutex_);
  void forget_states() CAISSON_REQUIRES(mutex_);
  Result<void> checkpoint_published() CAISSON_REQUIRES(checkpoint_mutex_);
  Result<void> write_checkpoint(const State& state);
  Result<void> close_log() CAISSON_REQUIRES(checkpoint_mutex_);
  std::uint64_t replay_ns() const;
  void list_readers(std::vector<pager::RegisteredReader>& readers) const;

  io::Vfs& vfs_;
  const std::unique_ptr<io::Directory> directory_;
  const EngineOptions options_;
  std::unique_ptr<io::File> lock_;  // STORE-3. Null: opened to read.
  io::ForkMark fork_mark_;
  SlotArray<SnapshotSlot> snapshots_;
  SlotArray<ReadSlot> reads_;
  std::unique_ptr<log::LogDirectory> log_directory_;
  std::unique_ptr<pager::Pager> pager_;
  std::unique_ptr<log::LogWriter> log_;  // Null: opened to read.
  std::unique_ptr<Recorder> recorder_;   // Of the open transaction.
  pager::Limits limits_;
  RecoveryReport recovery_;

  std::atomic<const State*> published_{nullptr};

  // Held while a checkpoint is written. Taken before mutex_.
  Mutex checkpoint_mutex_;

  // State::replay_ns of the state published last, and of the last checkpoint.
  std::atomic<std::uint64_t> published_ns_{0};
  std::atomic<std::uint64_t> checkpointed_ns_{0};

  std::atomic<std::uint64_t> rolled_back_{0};

  mutable Mutex mutex_;
  CondVar transaction_ended_;
  bool writing_ CAISSON_GUARDED_BY(mutex_) = false;  // A transaction is open.
  bool closed_ CAISSON_GUARDED_BY(mutex_) = false;
  const State* checkpointing_ CAISSON_GUARDED_BY(mutex_) = nullptr;  // Being written.
  // By txn: those that snapshots hold, the one published, and those that are sealed.
  std::deque<std::unique_ptr<const State>> states_ CAISSON_GUARDED_BY(mutex_);
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_ENGINE_H_

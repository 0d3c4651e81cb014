// An open store behind the public interface: the engine, its threads, and who is inside a call.
//
// The gate. Every call that uses the engine shares it, from its first look at the engine to its
// last; close() takes it alone, and only if nobody is inside. So the engine is there for whoever is
// inside, and whoever comes later is told. Reading through a snapshot doesn't pass the gate: what
// is open keeps the engine from being closed by itself.

#ifndef CAISSON_DB_STORE_STATE_H_
#define CAISSON_DB_STORE_STATE_H_

#include <caisson/options.h>
#include <caisson/stats.h>
#include <caisson/write_txn.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include "base/histogram.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "db/backup.h"
#include "db/options.h"
#include "db/workers.h"
#include "io/memory.h"
#include "io/vfs.h"
#include "mvcc/engine.h"
#include "mvcc/follower.h"
#include "mvcc/write_txn.h"

namespace caisson::db {

// Makes an empty store.
Result<void> create_store(io::Vfs& vfs, const std::string& path, const CreateOptions& create,
                          const Options& options);

// Thread-safe, but for open() and abandon(). Destroyed only when it is closed, or where nothing
// uses it.
class StoreState {
 public:
  // The system outlives it.
  explicit StoreState(io::Vfs& vfs) : vfs_(vfs) {}
  ~StoreState();
  StoreState(const StoreState&) = delete;
  StoreState& operator=(const StoreState&) = delete;

  // Opens the store. Called once, before anything else.
  Result<void> open(const std::string& path, const Options& options);

  // Ends its threads, and returns. Called instead of close(), where something is open, before it is
  // left in memory.
  void abandon() { workers_.stop(); }

  // Store::close().
  Result<void> close() CAISSON_EXCLUDES(gate_);

  // Calls `work`, which returns a Result, with the engine. kInvalidArgument if it is closed, or in
  // a child process; kReadOnly. Not within another call of it.
  template <typename Work>
  std::invoke_result_t<Work, mvcc::Engine&> use(Work work) CAISSON_EXCLUDES(gate_) {
    CAISSON_RETURN_IF_ERROR(check_process());
    const SharedLock lock(gate_);
    if (!engine_) return fail(not_writable());
    return work(*engine_);
  }

  // The same with the engine, or the follower, where the store was opened to read.
  template <typename Work>
  std::invoke_result_t<Work, mvcc::Engine&> read(Work work) CAISSON_EXCLUDES(gate_) {
    CAISSON_RETURN_IF_ERROR(check_process());
    const SharedLock lock(gate_);
    if (engine_) return work(*engine_);
    if (follower_) return work(*follower_);
    return fail(not_writable());
  }

  // kInvalidArgument in a process that was forked off since the store was opened: locks that other
  // threads of the parent held then are held for ever there, and its threads are missing.
  Result<void> check_process() const;

  // Whether a snapshot of this store, which is open as long as that is, has the newest state; false
  // also where only another process could tell.
  bool is_newest(const mvcc::Snapshot& snapshot) const {
    return states_ != nullptr && snapshot.is_newest_of(*states_);
  }

  const RecoveryReport& recovery() const { return recovery_; }
  const Uuid& uuid() const { return uuid_; }

  // Begins a transaction, and before the first one the store's threads. As Engine::begin_write();
  // kResourceExhausted where the system gives no thread.
  Result<mvcc::WriteTxn> begin_write(mvcc::Engine& engine, std::chrono::nanoseconds timeout = {});

  // Store::checkpoint() and stats().
  Result<void> checkpoint(mvcc::Engine& engine);
  Result<StoreStats> stats();

  // What a backup of this store begins with: of its engine, or follower, which outlives that.
  template <typename Source>
  Result<BackupOrigin> backup_origin(Source& source) const {
    CAISSON_ASSIGN_OR_RETURN(mvcc::FeedSource feed, source.feed_source());
    return BackupOrigin{.vfs = vfs_,
                        .options = engine_options(options_),
                        .source = std::move(feed),
                        .snapshot = [&source] { return source.durable_snapshot(); }};
  }

  // Store::poisoned().
  std::optional<Error> poisoned();

  // WriteTxn::commit(): ends the transaction.
  Result<Committed> commit(mvcc::WriteTxn txn, const CommitOptions& options);

 private:
  Error not_writable() const CAISSON_REQUIRES_SHARED(gate_);
  Result<void> open_to_read(const std::string& path);
  Result<void> open_to_write(const std::string& path);
  Result<void> start_workers(mvcc::Engine& engine);
  StoreStats stats_of(mvcc::Engine& engine) const;
  StoreStats stats_of(mvcc::Follower& follower) const;
  Result<void> close_engine() CAISSON_REQUIRES(gate_);

  io::Vfs& vfs_;
  Options options_;
  io::ForkMark fork_mark_;
  RecoveryReport recovery_;
  Uuid uuid_;
  const mvcc::States* states_ = nullptr;  // The engine's. Set by open(), never again.
  Histogram commit_latency_;
  Histogram checkpoint_latency_;

  SharedMutex gate_;
  // Both null: closed.
  std::unique_ptr<mvcc::Engine> engine_ CAISSON_GUARDED_BY(gate_);
  std::unique_ptr<mvcc::Follower> follower_ CAISSON_GUARDED_BY(gate_);
  Workers workers_;
};

}  // namespace caisson::db

#endif  // CAISSON_DB_STORE_STATE_H_

// What a store tells of itself. Plain values.

#ifndef CAISSON_STATS_H_
#define CAISSON_STATS_H_

#include <caisson/error.h>
#include <caisson/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace caisson {

// What opening had to do.
struct RecoveryReport {
  bool was_closed = true;         // The last one to write had closed the store: nothing was done.
                                  // False too at its first opening.
  bool older_checkpoint = false;  // Not the newest that a meta tells of, whose pages are damaged.
  TxnId checkpoint{};             // The last commit that was in the checkpoint,
  TxnId recovered{};              // and the last one that the log led to: the store's state.
  std::uint64_t log_bytes = 0;    // Read in between,
  std::uint64_t operations = 0;   // and applied.

  std::chrono::nanoseconds duration{};  // Of the opening, with all that.
};

// A state of the past that is kept.
struct RetainedSnapshot {
  TxnId txn{};
  std::chrono::sys_time<std::chrono::nanoseconds> time;  // When it was written; 1970: not known.
  std::vector<std::string> names;                        // Given by Store::retain().

  // The log is kept, too: the commits from here to the next one can be looked at.
  bool history = false;
};

// How long something took, since the store was opened. A percentile is never below the exact one,
// and less than 1/64 above it; all are 0 while `count` is.
struct Latency {
  std::uint64_t count = 0;
  std::chrono::nanoseconds p50{};
  std::chrono::nanoseconds p99{};
  std::chrono::nanoseconds p999{};
  std::chrono::nanoseconds max{};
};

// A store's figures, counted since it was opened, as of about one moment.
struct StoreStats {
  // Commits. Of a store that was opened only to read, those that it has followed.
  TxnId published{};  // The last one that snapshots see.
  std::uint64_t commits = 0;
  std::uint64_t rolled_back = 0;  // Transactions that had changed something.
  Latency commit{};               // From WriteTxn::commit() to the acknowledgement.

  // The log.
  std::uint64_t log_flushes = 0;
  std::uint64_t log_bytes_written = 0;
  std::uint64_t log_files_made = 0;
  std::uint64_t log_files_recycled = 0;
  bool log_direct = false;  // Written past the page cache.
  Latency flush{};          // A write of the log, with its flush.

  // Checkpoints.
  TxnId checkpointed{};  // The last commit in one.
  std::uint64_t checkpoints = 0;
  Latency checkpoint{};
  std::chrono::nanoseconds replay_estimate{};  // What opening after a crash now would take, about;
                                               // to read: what following has taken.
  std::uint64_t background_failures = 0;       // Checkpoints in the background that failed,
  std::optional<Error> last_background_failure{};  // and why the last of them did. Retried.

  // Readers.
  std::uint64_t snapshots = 0;                     // That are open.
  std::optional<TxnId> oldest_snapshot{};          // The oldest state that a snapshot holds,
  std::chrono::nanoseconds oldest_snapshot_age{};  // for how long later commits have been there,
  std::uint64_t pinned_bytes = 0;                  // and what can't be used again before it ends.

  // In other processes, and of the past: as far as was known at the last checkpoint.
  std::uint64_t checkpoints_read = 0;  // Checkpoints that somebody reads.
  std::optional<TxnId> oldest_checkpoint_read{};
  bool unknown_readers = false;  // Somebody reads nobody knows what: every checkpoint is kept.
  std::uint64_t feeds = 0;       // That are open, here and elsewhere.

  // Positions, which keep the log: as of the last checkpoint; to read, as of now.
  std::uint64_t positions = 0;             // Those that can be read,
  std::optional<TxnId> oldest_position{};  // and the commit behind which the oldest stands.
  std::uint64_t unreadable_positions = 0;  // While there is one, all of the log is kept.

  // Pages.
  std::uint32_t page_size = 0;         // In bytes.
  std::uint64_t pages = 0;             // That the page file has,
  std::uint64_t free_pages = 0;        // of these, free,
  std::uint64_t dead_pages = 0;        // and free as soon as nobody can read them.
  std::uint64_t pages_first_read = 0;  // Read and verified for the first time.
  std::uint64_t pages_written = 0;
  std::uint64_t pages_spilled = 0;   // Of those, before their checkpoint.
  std::uint64_t frames = 0;          // The memory budget, in pages:
  std::uint64_t dirty_frames = 0;    // changed and not written,
  std::uint64_t cached_frames = 0;   // private copies,
  std::uint64_t retired_frames = 0;  // held for readers only.
  bool mapped = false;               // Pages are read in a mapping of the file.
  bool locked_in_memory = false;     // As Options::lock_in_memory asks.
};

}  // namespace caisson

#endif  // CAISSON_STATS_H_

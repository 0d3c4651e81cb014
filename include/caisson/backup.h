// Backing a store up, and making a store of a backup again.
//
// There are two kinds. A directory is a store itself: compact, opened like any other, for instance
// to look at it. A stream of bytes goes wherever its receiver puts it; spec/archive.md says what is
// in it. Both are of one snapshot, and others read and write the store meanwhile.
//
//   store.backup("/mnt/backup/notes", {.name = "nightly"}).value();  // All of it; and later
//   store.backup("/mnt/backup/notes", {.name = "nightly"}).value();  // what has come since.
//   caisson::restore("/mnt/backup/notes", "notes.caisson", {.as_of = caisson::TxnId{12}}).value();
//
// A backup proves itself before it is said to be one: a directory is opened and read again, from
// the medium where that can be, and its state hash compared with that of the snapshot
// (spec/store.md, section 3). A stream is decoded as it is written; what became of it behind its
// receiver shows when it is restored, which compares every commit and the state at the end.

#ifndef CAISSON_BACKUP_H_
#define CAISSON_BACKUP_H_

#include <caisson/error.h>
#include <caisson/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

namespace caisson {

// Takes the bytes of a stream, in order, some at a time; and when all have been given, none, once:
// then it makes them durable, as far as it has to, since what follows begins behind them. An error
// of it ends the backup, and is what that returns.
using BackupSink = std::function<Result<void>(Bytes)>;

// Fills as much as there is, and returns how much that was: 0 at the end of the stream only.
using BackupSource = std::function<Result<std::size_t>(MutableBytes)>;

// How far it is.
struct BackupProgress {
  std::uint64_t entries = 0;  // Of an increment: operations.
  std::uint64_t bytes = 0;    // Of keys and values; of an increment: of operations.
};

struct BackupOptions {
  // With a name, a position keeps the store's log from the backup's commit on
  // (Store::create_position()), so that the next backup under it is an increment: "backup:" and the
  // name, or for a stream "backup-stream:" and the name. One that is made no more has to be
  // removed: Store::remove_position(). 1 to 200 bytes; empty: none.
  std::string name = {};

  // All of it, though an increment could be made; the next one under its name begins behind it, and
  // no more behind what was there before. A directory has to be another one.
  bool full = false;

  // Where to restore it for a trial: a path where nothing is. What was restored is opened, read,
  // compared and removed, before the backup has its name. Not for increments as a stream, which
  // lead nowhere alone. Empty: no trial.
  std::string drill_path = {};

  // Called now and then, by the thread that makes the backup.
  std::function<void(const BackupProgress&)> progress = {};

  // Ends it soon: kStopped. As after any error nothing is left; but of an increment to a directory
  // that holds the store's state behind some commit between, and the next one goes on there.
  std::stop_token stop = {};
};

// What a backup came to.
struct BackupReport {
  bool increment = false;          // It has the commits behind `from` alone.
  TxnId from{};                    // Of an increment.
  TxnId txn{};                     // The last commit in it.
  std::uint64_t trees = 0;         // But for an increment,
  std::uint64_t entries = 0;       // of which these are its operations,
  std::uint64_t bytes = 0;         // and these theirs; else of keys and values.
  std::uint64_t stream_bytes = 0;  // Of a stream.
  std::string state_hash;          // Of the state behind its last commit: 32 hexadecimal digits.
};

struct RestoreOptions {
  // The last commit to restore. Absent: the last that the backup has.
  std::optional<TxnId> as_of = {};

  std::function<void(const BackupProgress&)> progress = {};
  std::stop_token stop = {};
};

struct RestoreReport {
  TxnId txn{};  // The store's last commit.
  std::string state_hash;
};

// Makes a store, at a path where nothing is, of a backup, or of any store: opened to read, beside
// whoever writes it. The store is compact, has an identity of its own, and its commits go on behind
// the last one that was restored. It has its name when it has been opened, read and compared;
// otherwise nothing is left, and what an attempt has left that was cut off, which can't be opened,
// the next one removes. Thread-safe. Errors: kNotFound (no backup; or it doesn't have that commit,
// or keeps it no more); kAlreadyExists; kCorruption; kStopped; others as Store::open() and
// Store::create().
[[nodiscard]] CAISSON_API Result<RestoreReport> restore(const std::string& backup,
                                                        const std::string& path,
                                                        const RestoreOptions& options = {});

// The same of a stream: a whole backup, and the increments that follow it, one behind the other.
// Reads no further than it needs to. kInvalidArgument where it begins with an increment;
// kCorruption for what is damaged, cut off or does not follow; the source's errors.
[[nodiscard]] CAISSON_API Result<RestoreReport> restore(const BackupSource& source,
                                                        const std::string& path,
                                                        const RestoreOptions& options = {});

}  // namespace caisson

#endif  // CAISSON_BACKUP_H_

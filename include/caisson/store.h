// A store: a directory with keys and values in named trees, transactions and snapshots. Including
// this header is enough to use all of it.
//
//   auto store = caisson::Store::open("notes.caisson", {.create_if_missing = true});
//   if (!store) { std::cerr << store.error().to_string() << '\n'; return 1; }
//
// Everything that can fail returns a Result (error.h): look at it, or take what it holds with
// .value(), which throws std::bad_expected_access<caisson::Error> where there is nothing.
// examples/quick_start.cc is a whole program.

#ifndef CAISSON_STORE_H_
#define CAISSON_STORE_H_

#include <caisson/backup.h>
#include <caisson/bytes.h>
#include <caisson/error.h>
#include <caisson/feed.h>
#include <caisson/options.h>
#include <caisson/range.h>
#include <caisson/snapshot.h>
#include <caisson/stats.h>
#include <caisson/types.h>
#include <caisson/value.h>
#include <caisson/write_txn.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace caisson {

// An open store. One process at a time has it open for writing, once.
//
// Movable; one that was moved from can only be destroyed or assigned to. Every const member may be
// called by any number of threads at once, and so may close(). Once it is closed, each of them but
// close(), recovery() and uuid() is kInvalidArgument. So it is in a process that was forked off
// since the store was opened, where close() is refused too.
//
// Opened with read_only, each call that would write is kReadOnly.
//
// Destroyed, it closes itself, and errors of that are lost: call close(). Where something is still
// open then (a snapshot, a transaction, a cursor, a value), it stops its threads, and leaves the
// rest in memory until the process ends, so that what is open goes on working; a store that is left
// so stays locked, and the next opening does what it does after a crash. It never waits for them.
class CAISSON_API Store {
 public:
  // Makes an empty store at a path where nothing is, or an empty directory (or what an attempt to
  // make one has left), and opens it. The directory is made with mode 0700; the one above must be
  // there. `open.create` and `open.create_if_missing` don't count.
  // Errors: kAlreadyExists; kNotFound (no directory above); kInvalidArgument (an option);
  // kOutOfSpace; kPermissionDenied; kReadOnly; kUnsupported (a network file system); kIoError.
  [[nodiscard]] static Result<Store> create(const std::string& path,
                                            const CreateOptions& create = {},
                                            const Options& open = {});

  // Opens a store; after a crash it applies the commits that the last checkpoint lacks, which
  // recovery() tells of. Errors: kNotFound (no store is there, and create_if_missing isn't set);
  // kBusy (another process has it open for writing, or this one); kCorruption; kUnsupportedVersion;
  // kResourceExhausted (memory or addresses); others as create().
  [[nodiscard]] static Result<Store> open(const std::string& path, const Options& options = {});

  Store(Store&& other) noexcept;
  Store& operator=(Store&& other) noexcept;  // What it had is closed, as if destroyed.
  ~Store();

  // --- Reading and writing ---------------------------------------------------------------------

  // The newest state. Never waits for a writer. kResourceExhausted where 4,096 snapshots are open.
  // One allocation. With read_only, looks for new commits and applies them first, one thread at a
  // time: errors as opening.
  [[nodiscard]] Result<Snapshot> snapshot() const;

  // The state behind an earlier commit: any since the oldest checkpoint that Options::retention
  // keeps, or one that retain() has given a name. kNotFound where it is not retained, or there is
  // no such commit. Reads its checkpoint, and the log up to it, unless it is open already; needs
  // memory for what the log has changed since: kResourceExhausted beyond memory_budget_bytes.
  [[nodiscard]] Result<Snapshot> snapshot_as_of(TxnId txn) const;

  // The state that has a name. kNotFound.
  [[nodiscard]] Result<Snapshot> snapshot_named(ByteView name) const;

  // Begins the one write transaction. Where another one is open, waits for its end for up to
  // `timeout`, and by default not at all: kBusy. Waiting for one's own is kBusy in the end.
  // Errors: kBusy; kReadOnly; kPoisoned (an earlier write failed: reopen); kOutOfSpace;
  // kResourceExhausted (the system gives no thread); kIoError.
  [[nodiscard]] Result<WriteTxn> begin_write(std::chrono::nanoseconds timeout = {}) const;

  // Returns when a commit is durable, and all before it: for those that were committed with kAsync.
  // Costs a flush, or nothing where it is durable already. kDurabilityUnknown where the log failed;
  // kInvalidArgument for what is no commit of this store since it was opened; kReadOnly.
  [[nodiscard]] Result<void> wait_durable(const Committed& committed) const;

  // --- Following -------------------------------------------------------------------------------
  // All of these also where the store was opened with read_only.

  // The commits behind `after`, as soon as they are durable. It has to be one from which the log is
  // still there: that of a snapshot which was opened just now is; others as snapshot_as_of() says,
  // but for those that only a name keeps. kNotFound where it is not, or there is no such commit;
  // kBusy (another process recovers the store just now); kResourceExhausted (126 readers); others
  // as opening. Reads the log from a checkpoint up to there.
  [[nodiscard]] Result<ChangeFeed> follow(TxnId after) const;

  // Makes a position behind a commit, or, without one, behind the newest that is durable; returns
  // which. From then on the log is kept from there, also where nobody follows it, until
  // acknowledge() moves it or it is removed: a position that is forgotten lets the log fill the
  // disk, as StoreStats shows. It survives crashes; a copy of the store has it, too. A name has 1
  // to 255 bytes. kAlreadyExists; kInvalidArgument; kOutOfSpace, kReadOnly and the like; others as
  // follow().
  // Who copies a state, and then keeps the copy up to date, makes the position first, copies a
  // snapshot that is opened behind that, and passes over the commits up to that snapshot's.
  [[nodiscard]] Result<TxnId> create_position(ByteView name, std::optional<TxnId> after = {}) const;

  // The commits behind a position, which this feed alone has until it ends. kNotFound; kBusy
  // (somebody else follows it, in whatever process); kCorruption, also where the log isn't the one
  // that it was made of: a store that was brought back from a backup, and its positions were not;
  // others as follow(). A reader that can't write the store can follow, and not acknowledge.
  [[nodiscard]] Result<ChangeFeed> follow_position(ByteView name) const;

  // All positions, by name. O(their trees).
  [[nodiscard]] Result<std::vector<FeedPosition>> positions() const;

  // Removes a position, readable or not; the next checkpoint lets go of the log. kNotFound; kBusy
  // (somebody follows it); others as create_position().
  [[nodiscard]] Result<void> remove_position(ByteView name) const;

  // --- Upkeep ----------------------------------------------------------------------------------

  // Writes the newest durable state into the page file, so that opening needn't read the log up to
  // there. Readers and the writer go on meanwhile; another checkpoint waits for this one. With
  // Options::background nobody needs to call it. kOutOfSpace and kResourceExhausted change nothing;
  // kIoError, kDurabilityUnknown, kPoisoned and kCorruption as for commits; kReadOnly. O(pages
  // changed since the last one).
  [[nodiscard]] Result<void> checkpoint() const;

  // Gives unused space at the end of the page file back to the file system; returns how many bytes.
  // Space between pages that are in use stays, for what is written later: to get rid of all of it,
  // make a backup() and go on with that. Writes some checkpoints; others read and write meanwhile.
  // Errors: as checkpoint().
  [[nodiscard]] Result<std::uint64_t> shrink() const;

  // Keeps the newest state under a name, until release(): with its pages, which are not used again,
  // but without the log behind it. Returns its commit. Writes two checkpoints. A name has 1 to
  // 255 bytes. kAlreadyExists; kInvalidArgument; others as checkpoint(). Where only the second one
  // fails, the name is there (retained() tells), and the next checkpoint does the rest.
  [[nodiscard]] Result<TxnId> retain(ByteView name) const;

  // Takes a name away; a state that has none left, and isn't kept by Options::retention, is not
  // kept any more. Snapshots of it that are open stay. Writes two checkpoints. kNotFound; others as
  // checkpoint(), and as retain() where only the second one fails.
  [[nodiscard]] Result<void> release(ByteView name) const;

  // The checkpoints that are kept, the oldest first; the newest of all is the last one.
  [[nodiscard]] Result<std::vector<RetainedSnapshot>> retained() const;

  // Whether it is time for one. False where the store is read-only or poisoned.
  [[nodiscard]] Result<bool> checkpoint_due() const;

  // Ends well: makes everything durable, writes a checkpoint, stops the threads, and gives the
  // store's lock back; the next opening has nothing to do then. Once closed, returns at once.
  // kBusy, and nothing has changed, while a snapshot, a transaction, a cursor or a value is open,
  // or another thread is inside a call of this store. After any other error it is closed all the
  // same, as by a crash: nothing that was durable is lost.
  [[nodiscard]] Result<void> close();

  // --- Backup ----------------------------------------------------------------------------------

  // Copies the newest state that is durable into a directory: one where nothing is becomes a store
  // of that state alone, as compact as can be, which makes it the way to get rid of unused space as
  // well. With BackupOptions::name, a directory that has a backup of this store under that name
  // gets the commits that it lacks, keeps each state since the first (restore() goes back to any),
  // and never holds anything but one of the store's states, whatever happens. Reads all of the
  // state, and writes all of it or what has come since. Errors: kAlreadyExists (something is there;
  // or a position of that name is, and no backup); kWrongStore (a backup of another store, or under
  // another name, or one that somebody has written to); kNotFound (the log isn't kept from where
  // the backup ends: make a new one); kBusy (the name is in use, or the backup open); kCorruption
  // (what was written isn't what was read); kStopped; others as snapshot(), follow() and create().
  [[nodiscard]] Result<BackupReport> backup(const std::string& path,
                                            const BackupOptions& options = {}) const;

  // The same as a stream. With a name: all of the state the first time, and then increments. The
  // position moves when the sink has taken all of it: what is lost behind it is missing, and
  // restore() says so.
  [[nodiscard]] Result<BackupReport> backup(const BackupSink& sink,
                                            const BackupOptions& options = {}) const;

  // --- What it is ------------------------------------------------------------------------------

  // What opening had to do. Lives as long as the store.
  const RecoveryReport& recovery() const;

  // The identity that the store was given when it was made.
  Uuid uuid() const;

  // Why nothing can be written any more, if a write has failed; or why nothing can be done, if it
  // is closed. Reading what has been committed goes on working in the first case. Sticky: reopen.
  std::optional<Error> poisoned() const;

  // O(snapshots), and some 100 KiB of counters to look at: for once a second, not for each commit.
  [[nodiscard]] Result<StoreStats> stats() const;

  // What it holds; known to the library alone.
  struct Body;
  explicit Store(std::unique_ptr<Body> body);

 private:
  std::unique_ptr<Body> body_;
};

}  // namespace caisson

#endif  // CAISSON_STORE_H_

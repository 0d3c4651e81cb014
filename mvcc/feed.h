// Following a store's log, commit by commit: spec/store.md, section 11.

#ifndef CAISSON_MVCC_FEED_H_
#define CAISSON_MVCC_FEED_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>

#include "base/log_position.h"
#include "base/result.h"
#include "io/memory.h"
#include "io/vfs.h"
#include "log/commit_reader.h"
#include "log/log_file.h"
#include "log/operations.h"
#include "mvcc/durable_end.h"
#include "mvcc/lock_file.h"
#include "mvcc/options.h"
#include "mvcc/position.h"

namespace caisson::mvcc {

// What a feed has to know of its store, which may be closed meanwhile. The system outlives it.
struct FeedSource {
  io::Vfs* vfs = nullptr;
  std::shared_ptr<io::Directory> directory;
  EngineOptions options;
  Uuid uuid;
  log::OperationLimits limits;
  TxnId known{};  // A checkpoint holds this commit.
};

// The commits behind one of them, in order, as soon as they are durable (FEED-1), each with the
// bytes of its operations. It reads nothing but the log, and LOCK, where it says which files it
// still needs; so the log is kept from there on for as long as it lives. Needs a few buffers,
// however large a commit is. Used by one thread at a time. It has no thread.
//
// After an error of next() or payload() it is of no use: open another one.
class Feed {
 public:
  // Begins behind the last checkpoint at or before `after`, or behind the last of all: where what
  // is retained begins to lead there. kNotFound where nothing does, or there is no such commit;
  // kBusy (the store is being recovered); kResourceExhausted (too many readers); kCorruption;
  // others as opening files.
  static Result<Feed> open_before(const FeedSource& source, std::optional<TxnId> after);

  // The same, and goes on to `after`, which the commits that follow are behind.
  static Result<Feed> open_behind(const FeedSource& source, TxnId after);

  // Begins at a place behind a commit that somebody has noted, and keeps. kNotFound where the log
  // behind it is gone; kCorruption where the log isn't the one that it was noted of (FEED-3).
  static Result<Feed> open_at(const FeedSource& source, TxnId txn, const LogPosition& position);

  // The same, of a position, which is its own until it ends. kNotFound; kBusy (somebody else has
  // it); others as open_at(), and PositionFiles::read().
  static Result<Feed> open_position(const FeedSource& source, std::string_view name);

  // The next commit. Where there is none yet, waits for one for up to `timeout`, or until it is
  // asked to stop: then none. It looks every 1 to 20 ms, the more seldom the longer nothing has
  // come. What payload() has not been asked for of the commit before is skipped.
  Result<std::optional<log::Commit>> next(std::chrono::nanoseconds timeout = {},
                                          const std::stop_token& stop = {});

  // The same for a commit that is known to be durable: kCorruption where the log hasn't got it.
  Result<void> next_durable();

  // The next bytes of the commit's operations, each of them whole; none behind the last. Valid
  // until the next call.
  Result<std::optional<Bytes>> payload();

  // The commit that it stands in, or began behind, and the place behind that.
  TxnId txn() const { return commits_->txn(); }
  const LogPosition& position() const { return commits_->position(); }

  // The last commit that is known to be durable.
  TxnId durable() const { return durable_; }

  // The trees as of the commit that it began behind. Empty where it began at a place.
  TreeNames take_trees() { return std::move(trees_); }

  // Takes a position for its own, besides (POSITION-4). kBusy.
  Result<void> take_position(std::string_view name);

  const FeedSource& source() const { return source_; }

 private:
  Feed(const FeedSource& source, std::unique_ptr<ReaderLock> lock)
      : source_(source), lock_(std::move(lock)) {}

  Result<void> begin(TxnId txn, const LogPosition& position, TxnId known);
  Result<void> check_begins_there(TxnId txn, const LogPosition& position) const;
  Result<void> check_process() const;
  Result<std::optional<log::Commit>> try_next();
  Result<void> look_for_more();
  void say_what_is_read();

  FeedSource source_;
  std::unique_ptr<ReaderLock> lock_;
  io::ForkMark fork_mark_;
  std::unique_ptr<log::LogDirectory> log_directory_;
  std::unique_ptr<log::CommitReader> commits_;
  TreeNames trees_;
  std::uint64_t said_log_file_ = 0;
  TxnId durable_{};

  // What the writer's record said when a log that nobody wrote was looked at last.
  bool looked_unwritten_ = false;
  std::optional<TxnId> said_unwritten_;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_FEED_H_

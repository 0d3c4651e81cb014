// The commit log of a store that is only looked at: where it begins, its records up to what is
// durable, and whether they hang together.

#ifndef CAISSON_TOOLS_CAISSON_LOG_CHAIN_H_
#define CAISSON_TOOLS_CAISSON_LOG_CHAIN_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log_position.h"
#include "base/result.h"
#include "io/file.h"
#include "log/log_file.h"
#include "log/reader.h"
#include "mvcc/durable_end.h"
#include "mvcc/lock_file.h"
#include "pager/meta.h"
#include "tools/caisson/command.h"

namespace caisson::tools {

// A place behind a commit from which the log can be followed.
struct LogPlace {
  TxnId txn{};
  LogPosition position;

  // The log file that is needed first, and where in it.
  std::uint64_t file() const { return std::max<std::uint64_t>(position.file, 1); }
  std::uint64_t offset() const { return std::max(position.offset, log::kFileHeaderSize); }
};

// A log, beside whoever writes it: registered as a reader, so that all of it stays until
// keep_from() says that less is needed. Used by one thread.
class OpenLog {
 public:
  // kNotFound; kBusy (the store is being recovered); kCorruption; others as opening files.
  static Result<OpenLog> open(const std::string& store);

  const log::LogDirectory& directory() const { return *log_; }
  log::LogDirectory& directory() { return *log_; }
  const mvcc::ReaderLock& lock() const { return *lock_; }
  const pager::Meta& meta() const { return meta_; }  // The newest.
  TxnId known() const { return known_; }             // The last commit that a meta names.

  // Those that checkpoints and positions name and that the files reach back to, by txn. At least
  // one.
  const std::vector<LogPlace>& places() const { return places_; }

  // Behind the first commit that the files hold, by its own word: at or before all of places().
  // kCorruption where the first record is damaged (LOG-4).
  Result<LogPlace> first_place() const;

  // No file before that is read any more. A failure keeps more than is needed.
  void keep_from(std::uint64_t file);

 private:
  OpenLog() = default;
  Result<void> find_places();

  std::unique_ptr<io::Directory> store_;
  std::unique_ptr<mvcc::ReaderLock> lock_;
  std::unique_ptr<log::LogDirectory> log_;
  pager::Meta meta_;
  TxnId known_{};
  std::vector<LogPlace> places_;
  std::uint64_t kept_from_ = 0;
};

// The records behind a place, up to the last commit that is durable. Used by one thread.
class LogWalk {
 public:
  // Whether what comes behind the last commit is read as well while nobody writes the store: a
  // mark, or what a crash has left without its end. Whoever writes next may write in its place: so
  // it is not for those who go on.
  enum class Tail : std::uint8_t { kRead, kLeft };

  // The log outlives it.
  LogWalk(OpenLog& log, const LogPlace& from, Tail tail);

  // The next record, valid until the next call; none where the log ends. Asked again, it looks for
  // more. kCorruption where the chain breaks (LOG-4 to LOG-8) and that isn't the log's end; kBusy
  // (the store is being recovered); kIoError.
  Result<std::optional<log::Record>> next();

  const log::LogReader& reader() const { return reader_; }

  // Whether somebody had the store open to write when it was looked at last.
  bool written() const { return written_; }

 private:
  Result<void> look();
  Result<std::optional<mvcc::DurableEnd>> find_end() const;

  OpenLog& log_;
  log::LogReader reader_;
  const Tail tail_;
  TxnId durable_;
  bool written_ = false;
  bool looked_ = false;
  bool trailing_ = false;        // What is not durable may be read.
  std::optional<TxnId> said_;    // By the writer's record when it was looked at.
  std::optional<Error> damage_;  // What makes the end none.
};

// What following a log came to.
struct ChainReport {
  LogPlace from;
  TxnId txn{};  // The last commit.
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  // Of records.
  log::Place end;           // Behind the last record.
  bool closed = false;      // It ends with the mark of a store that was closed.
  bool written = false;     // It goes on: somebody writes the store.
  std::vector<Error> findings;
};

// Follows a log from a place to its end, and says what is wrong: a chain that breaks, and places of
// checkpoints and positions that it does not pass. Calls `reading` now and then with the bytes so
// far, and ends early, with kStopped, when that returns false. Errors but damage: as LogWalk.
Result<ChainReport> check_chain(OpenLog& log, const LogPlace& from,
                                const std::function<bool(std::uint64_t)>& reading);

// What it came to, without the findings, as JSON and on a line for people.
Json chain_json(const ChainReport& report);
std::string describe(const ChainReport& report);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_LOG_CHAIN_H_

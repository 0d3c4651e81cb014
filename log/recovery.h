// Where a log ends, and whether that is its end: spec/commit_log.md, section 6.

#ifndef CAISSON_LOG_RECOVERY_H_
#define CAISSON_LOG_RECOVERY_H_

#include <optional>

#include "base/log_position.h"
#include "base/result.h"
#include "log/log_file.h"
#include "log/reader.h"

namespace caisson::log {

// What follows a place that a meta names.
struct LogEnd {
  TxnId txn{};                // The last commit that is whole.
  LogPosition position;       // Behind it.
  LogReader::Chain resume;    // Where the next epoch begins, and to what it is linked.
  std::uint64_t records = 0;  // Read on the way.
  std::uint64_t bytes = 0;    // Of these.
  bool past_cache = false;    // Read from the disk itself, as far as can be told.
};

// Makes durable what an earlier process may have left in the page cache (the files from `first` on,
// and their names), and lets the cache forget it (RECOVER-1). To be called before the log is read,
// by whoever will write.
Result<void> flush_log(LogDirectory& directory, std::uint64_t first);

// Where the next epoch begins, if the store was closed behind `position` with no commit in between,
// and none has been acknowledged since: then there is nothing to recover. Reads a block or two.
Result<std::optional<LogReader::Chain>> resume_if_closed(const LogDirectory& directory,
                                                         FileAccess access, TxnId txn,
                                                         const LogPosition& position);

// Follows the log from behind commit `txn` to its end (RECOVER-2), and makes sure that it is the
// end (RECOVER-3). `known`: the latest commit that any meta names. Changes nothing.
// Errors: kCorruption where an acknowledged commit is missing (RECOVER-3), or the log does not
// reach back to `position` (RECOVER-5); kIoError; others as LogDirectory::open_file().
// Takes time in proportion to the log behind `position`, and 5 MiB of each file that follows.
Result<LogEnd> find_log_end(const LogDirectory& directory, FileAccess access, TxnId txn,
                            const LogPosition& position, TxnId known);

// Where the log could not be read past the page cache: writes what lies between a place and its end
// once more, and flushes it (RECOVER-1). Otherwise nothing.
Result<void> make_durable(LogDirectory& directory, const LogPosition& from, const LogEnd& end);

}  // namespace caisson::log

#endif  // CAISSON_LOG_RECOVERY_H_

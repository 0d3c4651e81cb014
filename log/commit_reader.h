// Reading a log forward, commit by commit: what was given up or rolled back is left out.

#ifndef CAISSON_LOG_COMMIT_READER_H_
#define CAISSON_LOG_COMMIT_READER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "base/log_position.h"
#include "base/result.h"
#include "log/log_file.h"
#include "log/reader.h"
#include "log/record.h"

namespace caisson::log {

// A commit that is whole.
struct Commit {
  TxnId txn{};
  LogPosition position;       // Behind it.
  std::uint64_t payload = 0;  // Bytes of operations in its records, void ones included.
};

// Follows a log from behind a commit, up to what its owner says is durable, and waits there.
// A commit of many parts is read twice, once to find its end. Used by one thread.
class CommitReader {
 public:
  // As LogReader.
  CommitReader(const LogDirectory& directory, FileAccess access, TxnId txn,
               const LogPosition& position);

  // The next commit, if it is one up to `upto`; none if there is none yet. What payload() has not
  // been asked for of the one before is skipped. Errors: as LogReader::next().
  Result<std::optional<Commit>> next(TxnId upto);

  // The next bytes of the commit's operations, each of them whole; none behind the last. Valid
  // until the next call. Errors: as LogReader::next(); kCorruption where the log has changed.
  Result<std::optional<Bytes>> payload();

  // The last commit that next() returned, and the place behind it.
  TxnId txn() const { return txn_; }
  const LogPosition& position() const { return position_; }

 private:
  // Void: from there up to, but without, that part.
  struct Voided {
    RollbackTarget from;
    std::uint32_t end_part = 0;
  };

  void begin_parts(const Record& record);
  Bytes without_void(const Record& record) const;

  const LogDirectory* directory_;
  FileAccess access_;
  LogReader reader_;
  TxnId txn_;
  LogPosition position_;
  TxnId upto_{};  // Of the last next().

  // The commit that is being read, part by part.
  Place first_part_;
  std::uint64_t payload_bytes_ = 0;
  std::vector<Voided> voided_;

  // What payload() returns next: the commit's one payload, or those of a second reader.
  std::optional<Bytes> single_;
  std::optional<LogReader> again_;
  bool again_ended_ = false;
};

}  // namespace caisson::log

#endif  // CAISSON_LOG_COMMIT_READER_H_

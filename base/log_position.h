// A place in the commit log, as the log and the checkpoints that name it exchange it.

#ifndef CAISSON_BASE_LOG_POSITION_H_
#define CAISSON_BASE_LOG_POSITION_H_

#include <cstdint>

#include "base/hash.h"

namespace caisson {

// The place behind the record of a commit, and what the chain of records was there
// (spec/commit_log.md). All zeros: before the first record of a log.
struct LogPosition {
  std::uint64_t file = 0;    // Sequence number of the log file; 0: no log.
  std::uint64_t offset = 0;  // Byte in it from which to replay.
  std::uint64_t epoch = 0;
  std::uint32_t record_checksum = 0;  // Of the last record before it.
  Hash128 hash{};                     // Running hash of all payloads before it.

  friend bool operator==(const LogPosition&, const LogPosition&) = default;
};

}  // namespace caisson

#endif  // CAISSON_BASE_LOG_POSITION_H_

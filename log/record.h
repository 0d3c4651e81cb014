// A record of the commit log: spec/commit_log.md, section 2.
//
// Pure functions of bytes; thread-safe.

#ifndef CAISSON_LOG_RECORD_H_
#define CAISSON_LOG_RECORD_H_

#include <compare>
#include <cstddef>
#include <cstdint>

#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"

namespace caisson::log {

inline constexpr std::size_t kRecordAlignment = 8;
inline constexpr std::size_t kRecordHeaderSize = 152;
inline constexpr std::size_t kRecordTrailerSize = 8;
inline constexpr std::size_t kRecordSizeMax = std::size_t{1} << 20U;
inline constexpr std::size_t kPayloadSizeMax =
    kRecordSizeMax - kRecordHeaderSize - kRecordTrailerSize;

// Where batches begin (LOG-7). As direct writes need it.
inline constexpr std::size_t kBatchAlignment = 4096;

// The multiple of kBatchAlignment at or before an offset, and the one at or behind it.
constexpr std::uint64_t batch_floor(std::uint64_t offset) {
  return offset / kBatchAlignment * kBatchAlignment;
}
constexpr std::uint64_t batch_ceiling(std::uint64_t offset) {
  return batch_floor(offset + kBatchAlignment - 1);
}

enum class RecordType : std::uint8_t {
  kPart = 1,      // Operations of a commit that goes on.
  kCommit = 2,    // Operations that end a commit.
  kRollback = 3,  // Makes a part of the commit so far void.
  kMark = 4,      // Says what was acknowledged.
};

// The type's name in reports: "part", "commit", ... Lives for ever.
std::string_view to_string(RecordType type);

// A byte of the log. Ordered as the log is.
struct Place {
  std::uint64_t file = 0;  // Sequence number.
  std::uint64_t offset = 0;

  friend auto operator<=>(const Place&, const Place&) = default;
};

struct RecordHeader {
  RecordType type = RecordType::kMark;
  bool begins_epoch = false;
  bool closed = false;  // The store was closed behind this mark.
  std::uint32_t payload_size = 0;
  Place place;
  std::uint64_t epoch = 0;
  TxnId txn{};
  TxnId acknowledged{};
  Place previous;  // Zeros: not known.
  std::uint32_t previous_checksum = 0;
  std::uint32_t part = 0;
  Hash128 hash{};

  friend bool operator==(const RecordHeader&, const RecordHeader&) = default;
};

// A record that was read. Borrows the bytes.
struct Record {
  RecordHeader header;
  Bytes payload;
  std::uint32_t checksum = 0;
  std::size_t size = 0;  // All of it, to the end of the trailer.
};

// What a kRollback says: the commit's operations from there on are void.
struct RollbackTarget {
  std::uint32_t part = 0;
  std::uint32_t offset = 0;  // In that part's payload.

  friend auto operator<=>(const RollbackTarget&, const RollbackTarget&) = default;
};

inline constexpr std::size_t kRollbackPayloadSize = 8;

// How many bytes a record with such a payload takes.
constexpr std::size_t record_size(std::size_t payload_size) {
  const std::size_t body = kRecordHeaderSize + payload_size;
  return (body + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment + kRecordTrailerSize;
}

// What the store's UUID contributes to both checksums.
std::uint32_t record_checksum_seed(const Uuid& uuid);

// Completes a record in place, and returns its checksum: the payload stands behind the header
// already, and all else is written. REQUIRES: `record` is record_size(payload_size) bytes long;
// the header is as LOG-4 asks.
std::uint32_t encode_record(const RecordHeader& header, std::uint32_t seed, MutableBytes record);

// Checks LOG-4 and reads the header. kCorruption, naming the rule.
Result<RecordHeader> decode_record_header(Bytes bytes, std::uint32_t seed);

// Checks LOG-4 and reads the record at the front of `bytes`. kCorruption, naming the rule; also
// where the bytes end before the record does.
Result<Record> decode_record(Bytes bytes, std::uint32_t seed);

// Whether a record may begin here: the cheapest check that nearly all other bytes fail.
bool has_record_magic(Bytes bytes);

// The same for records that begin an epoch. REQUIRES: has_record_magic().
bool may_begin_epoch(Bytes bytes);

void encode_rollback(const RollbackTarget& target, MutableBytes payload);

// REQUIRES: a payload of kRollbackPayloadSize bytes, which decode_record() has seen to.
RollbackTarget decode_rollback(Bytes payload);

}  // namespace caisson::log

#endif  // CAISSON_LOG_RECORD_H_

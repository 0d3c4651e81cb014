// The blocks of an archive: spec/archive.md.
//
// Pure functions of bytes; thread-safe.

#ifndef CAISSON_MVCC_ARCHIVE_H_
#define CAISSON_MVCC_ARCHIVE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"
#include "mvcc/catalog.h"
#include "pager/meta.h"

namespace caisson::mvcc {

inline constexpr std::size_t kArchiveHeaderSize = 32;
inline constexpr std::size_t kArchivePayloadMax = (std::size_t{1} << 20U) - kArchiveHeaderSize;

enum class ArchiveBlockType : std::uint8_t {
  kBeginBase = 1,
  kTree = 2,
  kEntries = 3,
  kValue = 4,
  kPiece = 5,
  kEndBase = 6,
  kBeginIncrement = 7,
  kCommit = 8,
  kOperations = 9,
  kEndCommit = 10,
  kEndIncrement = 11,
};

struct ArchiveBlock {
  ArchiveBlockType type = ArchiveBlockType::kBeginBase;
  std::uint64_t archive = 0;
  std::uint64_t number = 0;
  Bytes payload;  // Borrowed.
};

// Completes a block in place: its payload stands behind where the header will be.
// REQUIRES: kArchiveHeaderSize bytes and the payload, of at most kArchivePayloadMax bytes.
void encode_archive_header(const ArchiveBlock& block, MutableBytes bytes);

// How many bytes of payload follow a header. kCorruption (ARCHIVE-1).
// REQUIRES: kArchiveHeaderSize bytes.
Result<std::size_t> decode_archive_payload_size(Bytes header);

// Checks ARCHIVE-1 and reads a block, of which these are all bytes. kCorruption.
Result<ArchiveBlock> decode_archive_block(Bytes block);

// --- Payloads --------------------------------------------------------------------------------

struct ArchiveBase {
  Uuid uuid;
  TxnId txn{};
  Hash128 log_hash;
  std::uint32_t page_size = 0;
  pager::Limits limits;
  TreeId next_tree{1};

  friend bool operator==(const ArchiveBase&, const ArchiveBase&) = default;
};

struct ArchiveBaseEnd {
  Hash128 state_hash;
  std::uint64_t trees = 0;
  std::uint64_t entries = 0;

  friend bool operator==(const ArchiveBaseEnd&, const ArchiveBaseEnd&) = default;
};

struct ArchiveIncrement {
  Uuid uuid;
  TxnId txn{};  // That it begins behind.
  Hash128 log_hash;

  friend bool operator==(const ArchiveIncrement&, const ArchiveIncrement&) = default;
};

struct ArchiveIncrementEnd {
  TxnId txn{};
  Hash128 state_hash;

  friend bool operator==(const ArchiveIncrementEnd&, const ArchiveIncrementEnd&) = default;
};

// What begins a value that comes in pieces.
struct ArchiveValue {
  Bytes key;  // Borrowed.
  std::uint64_t size = 0;
};

std::vector<std::byte> encode(const ArchiveBase& base);
std::vector<std::byte> encode(const ArchiveBaseEnd& end);
std::vector<std::byte> encode(const ArchiveIncrement& increment);
std::vector<std::byte> encode(const ArchiveIncrementEnd& end);
std::vector<std::byte> encode_archive_tree(const TreeEntry& tree);
std::vector<std::byte> encode(const ArchiveValue& value);

// Each checks ARCHIVE-3: kCorruption; kUnsupportedVersion.
Result<ArchiveBase> decode_archive_base(Bytes payload);
Result<ArchiveBaseEnd> decode_archive_base_end(Bytes payload);
Result<ArchiveIncrement> decode_archive_increment(Bytes payload);
Result<ArchiveIncrementEnd> decode_archive_increment_end(Bytes payload);
Result<TreeEntry> decode_archive_tree(Bytes payload);
Result<ArchiveValue> decode_archive_value(Bytes payload);

// What is said of an archive that breaks a rule.
Error broken_archive(const char* rule, std::string what);

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_ARCHIVE_H_

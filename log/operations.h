// What a commit did, as its records say it: spec/commit_log.md, section 4.
//
// Pure functions of bytes but for OperationReader, which serves one thread at a time.

#ifndef CAISSON_LOG_OPERATIONS_H_
#define CAISSON_LOG_OPERATIONS_H_

#include <cstdint>
#include <optional>

#include "base/codec.h"
#include "base/result.h"

namespace caisson::log {

enum class OperationCode : std::uint8_t {
  kCreateTree = 1,
  kDropTree = 2,
  kPut = 3,
  kDelete = 4,
  kDeleteRange = 5,
  kPutLong = 6,
  kPiece = 7,
  kNameSnapshot = 8,
  kForgetSnapshot = 9,
  kOwn = 128,  // The first of those that belong to a tree's kind.
};

// The code's name in reports: "put", "delete range", ... Lives for ever.
std::string_view to_string(OperationCode code);

inline constexpr std::size_t kNameSizeMax = 255;
inline constexpr std::size_t kTreeOptionsSizeMax = 512;

// One operation. Borrows its bytes. What it doesn't have is empty or 0.
struct Operation {
  OperationCode code = OperationCode::kPut;
  std::uint64_t tree = 0;
  std::uint64_t number =
      0;                 // Create tree: its kind. Put long: the value's size. Name snapshot: txn.
  Bytes key = {};        // Or a tree's or snapshot's name, or where a range begins.
  Bytes value = {};      // Or a tree's options, a piece, where a range ends, what is own.
  bool has_end = false;  // Of a range.
};

// How many bytes an operation takes.
std::size_t encoded_size(const Operation& operation);

// Writes an operation. REQUIRES: encoded_size() bytes of room.
void encode(const Operation& operation, Encoder& encoder);

// The store's limits, as far as operations have to keep them (OP-2).
struct OperationLimits {
  std::uint64_t key_size_max = 0;
  std::uint64_t value_size_max = 0;
};

// Reads the operations of one commit, payload after payload.
class OperationReader {
 public:
  explicit OperationReader(const OperationLimits& limits) : limits_(limits) {}

  // Goes on with the next payload of the commit, which outlives what next() returns of it.
  // REQUIRES: the last one has been read to its end.
  void read(Bytes payload);

  // The next operation; none at the payload's end. kCorruption naming the rule (OP-1 to OP-3).
  Result<std::optional<Operation>> next();

  // Whether the commit may end here: kCorruption (OP-3) if a value lacks pieces.
  Result<void> finish() const;

 private:
  Result<void> check(const Operation& operation);

  OperationLimits limits_;
  Bytes payload_;
  std::uint64_t missing_ = 0;  // Bytes of a long value that are to come.
};

}  // namespace caisson::log

#endif  // CAISSON_LOG_OPERATIONS_H_

// Ranges of keys. Keys are ordered as bytes without sign, the shorter first where one begins with
// the other: as memcmp does it, and std::string.

#ifndef CAISSON_RANGE_H_
#define CAISSON_RANGE_H_

#include <caisson/bytes.h>
#include <caisson/types.h>

#include <cstddef>
#include <optional>
#include <vector>

namespace caisson {

// The keys from one on, up to but without another. A value: it holds copies of both. A range whose
// end isn't behind its begin is empty, and no error. Thread-safe as a std::vector is.
class Range {
 public:
  // All keys.
  Range() = default;

  // Keys that are not less than `begin`, and less than `end`.
  CAISSON_API static Range between(ByteView begin, ByteView end);

  // Keys that are not less than `begin`; those that are less than `end`.
  CAISSON_API static Range from(ByteView begin);
  CAISSON_API static Range before(ByteView end);

  // Keys that begin with `prefix`; all keys if it is empty.
  CAISSON_API static Range with_prefix(ByteView prefix);

  // The bounds. They live as long as this object. No end: up to the last key.
  Bytes begin() const { return begin_; }
  std::optional<Bytes> end() const { return end_ ? std::optional<Bytes>(*end_) : std::nullopt; }

 private:
  std::vector<std::byte> begin_;
  std::optional<std::vector<std::byte>> end_;
};

}  // namespace caisson

#endif  // CAISSON_RANGE_H_

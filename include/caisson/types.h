// The few types that every part of Caisson's interface shares.
//
// Includes nothing but the standard library. Thread-safe: everything here is a value.

#ifndef CAISSON_TYPES_H_
#define CAISSON_TYPES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

// Marks a symbol that the shared library exports; everything else stays hidden.
#if defined(__GNUC__)
#define CAISSON_API [[gnu::visibility("default")]]
#else
#define CAISSON_API
#endif

namespace caisson {

// A borrowed run of bytes to read. Whoever returns one says how long it lives.
using Bytes = std::span<const std::byte>;

// A borrowed run of bytes to fill.
using MutableBytes = std::span<std::byte>;

// The number of a commit. Commits of one store are numbered 1, 2, 3, ... without gaps; 0 is the
// empty store before its first commit.
enum class TxnId : std::uint64_t {};

// The number behind it.
[[nodiscard]] constexpr std::uint64_t to_u64(TxnId id) { return static_cast<std::uint64_t>(id); }

// The identity of one store: 16 random bytes drawn at creation. It takes part in every checksum
// of every file of the store, so that files of two stores can't be mixed up.
struct Uuid {
  std::array<std::byte, 16> bytes{};

  friend bool operator==(const Uuid&, const Uuid&) = default;
};

}  // namespace caisson

#endif  // CAISSON_TYPES_H_

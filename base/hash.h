// XXH3-128: a fast 128-bit hash, and chains of hashes over a sequence of pieces.
//
// It finds accidental damage and mix-ups. It isn't cryptographic: whoever can choose the bytes
// can make two inputs collide. The algorithm is frozen by its authors since xxHash 0.8.0
// (https://github.com/Cyan4973/xxHash), so values may be stored. Thread-safe: pure functions, but
// for Hasher128, which one thread uses at a time.

#ifndef CAISSON_BASE_HASH_H_
#define CAISSON_BASE_HASH_H_

#include <caisson/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/codec.h"

namespace caisson {

// A 128-bit hash, as the number high * 2^64 + low.
struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend bool operator==(const Hash128&, const Hash128&) = default;
};

// A hash's size in files: 16 little-endian bytes, `low` first.
inline constexpr std::size_t kHash128SizeBytes = 16;

// Reads and writes that form. REQUIRES: kHash128SizeBytes bytes are there.
[[nodiscard]] inline Hash128 load_hash128(const std::byte* from) {
  return {.low = load_u64(from), .high = load_u64(from + 8)};
}
inline void store_hash128(std::byte* to, const Hash128& hash) {
  store_u64(to, hash.low);
  store_u64(to + 8, hash.high);
}

// The XXH3-128 hash of `bytes` under `seed`. Cost: one pass.
[[nodiscard]] Hash128 xxh3_128(Bytes bytes, std::uint64_t seed = 0);

// The next link of a chain: XXH3-128, with seed 0, of the 16 little-endian bytes of `previous`
// (see store_hash128) followed by `next`. A link therefore depends on all pieces before it, on
// their order and on where each began. Cost: one pass; `next` isn't copied.
[[nodiscard]] Hash128 chain(Hash128 previous, Bytes next);

// XXH3-128, with seed 0, of bytes that come in pieces: the same as xxh3_128() of all of them side
// by side, wherever they are cut. Needs some hundred bytes of memory, however many there are.
class Hasher128 {
 public:
  Hasher128();
  Hasher128(Hasher128&& other) noexcept;
  Hasher128& operator=(Hasher128&& other) noexcept;
  ~Hasher128();

  void update(Bytes bytes);

  // The hash of all bytes so far. More may follow.
  [[nodiscard]] Hash128 finish() const;

 private:
  struct State;  // xxHash's, which base/hash.cc alone knows. Null: moved from.
  std::unique_ptr<State> state_;
};

}  // namespace caisson

#endif  // CAISSON_BASE_HASH_H_

#include "base/hash.h"

#include <array>

// The only place that sees xxHash: inline, so that its symbols can't clash with another copy in
// the program that links us.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace caisson {
namespace {

Hash128 from_xxh(const XXH128_hash_t& hash) { return {.low = hash.low64, .high = hash.high64}; }

}  // namespace

Hash128 xxh3_128(Bytes bytes, std::uint64_t seed) {
  return from_xxh(XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed));
}

Hash128 chain(Hash128 previous, Bytes next) {
  std::array<std::byte, kHash128SizeBytes> link;
  store_hash128(link.data(), previous);
  // Of the state, only what reset writes is ever read: it needs no other initial value.
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  XXH3_128bits_update(&state, link.data(), link.size());
  // xxHash reports a null pointer as an error, even for no bytes.
  if (!next.empty()) XXH3_128bits_update(&state, next.data(), next.size());
  return from_xxh(XXH3_128bits_digest(&state));
}

}  // namespace caisson

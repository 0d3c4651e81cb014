#include "base/hash.h"

#include <array>

// The only place that sees xxHash: inline, so that its symbols can't clash with another copy in
// the program that links us.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace caisson {
namespace {

Hash128 from_xxh(const XXH128_hash_t& hash) { return {.low = hash.low64, .high = hash.high64}; }

// xxHash reports a null pointer as an error, even for no bytes.
void update_state(XXH3_state_t& state, Bytes bytes) {
  if (!bytes.empty()) XXH3_128bits_update(&state, bytes.data(), bytes.size());
}

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
  update_state(state, next);
  return from_xxh(XXH3_128bits_digest(&state));
}

struct Hasher128::State {
  XXH3_state_t xxh;
};

// Without an initial value, as in chain().
Hasher128::Hasher128() : state_(std::make_unique_for_overwrite<State>()) {
  XXH3_128bits_reset(&state_->xxh);
}

Hasher128::Hasher128(Hasher128&& other) noexcept = default;
Hasher128& Hasher128::operator=(Hasher128&& other) noexcept = default;
Hasher128::~Hasher128() = default;

void Hasher128::update(Bytes bytes) { update_state(state_->xxh, bytes); }

Hash128 Hasher128::finish() const { return from_xxh(XXH3_128bits_digest(&state_->xxh)); }

}  // namespace caisson

#include "base/random.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>

#include "base/codec.h"

namespace caisson {
namespace {

__extension__ using Uint128 = unsigned __int128;

// SplitMix64 by Steele, Lea and Flood (https://prng.di.unimi.it/splitmix64.c). It maps distinct
// states to distinct outputs, so of four in a row at most one can be zero.
std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(std::uint64_t seed) : state_{} {
  for (std::uint64_t& word : state_) word = splitmix64(seed);
}

std::uint64_t Random::next() {
  auto& [s0, s1, s2, s3] = state_;
  const std::uint64_t result = std::rotl(s1 * 5, 7) * 9;
  const std::uint64_t shifted = s1 << 17;
  s2 ^= s0;
  s3 ^= s1;
  s1 ^= s2;
  s0 ^= s3;
  s2 ^= shifted;
  s3 = std::rotl(s3, 45);
  return result;
}

std::uint64_t Random::below(std::uint64_t bound) {
  assert(bound > 0);
  Uint128 product = Uint128{next()} * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    // 2^64 mod bound products are too many for each result to have the same number.
    const std::uint64_t surplus = (0 - bound) % bound;
    while (static_cast<std::uint64_t>(product) < surplus) product = Uint128{next()} * bound;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t Random::between(std::uint64_t low, std::uint64_t high) {
  assert(low <= high);
  const std::uint64_t distance = high - low;
  // The whole range has 2^64 numbers, which is no bound for below().
  if (distance == std::numeric_limits<std::uint64_t>::max()) return next();
  return low + below(distance + 1);
}

bool Random::chance(std::uint64_t numerator, std::uint64_t denominator) {
  return below(denominator) < numerator;
}

double Random::unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

void Random::fill(MutableBytes bytes) {
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) store_u64(bytes.data(), next());
  if (bytes.empty()) return;
  std::array<std::byte, 8> last;
  store_u64(last.data(), next());
  std::copy_n(last.begin(), bytes.size(), bytes.begin());
}

}  // namespace caisson

// One transaction, as large as one likes, whose n-th key and value follow from n.

#ifndef CAISSON_TESTS_CHILD_GIANT_H_
#define CAISSON_TESTS_CHILD_GIANT_H_

#include <cstdint>
#include <cstdio>
#include <string>

#include "tests/child/workload.h"

namespace caisson::testing {

inline constexpr const char* kGiantTree = "giant";

// In an order that isn't that of the keys, so that changes go all over the tree.
inline std::string giant_key(std::uint64_t n) {
  std::string key(16, '\0');
  const std::uint64_t mixed = n * 0x9E37'79B9'7F4A'7C15;
  std::snprintf(key.data(), key.size() + 1, "%016llx", static_cast<unsigned long long>(mixed));
  return key;
}

// Mostly of some hundred bytes; now and then some that have pages of their own.
inline ValueSource giant_value(std::uint64_t n) {
  if (n % 2048 == 2047) return {.seed = n, .size = std::uint64_t{1} << 20U};
  if (n % 64 == 63) return {.seed = n, .size = 40'000 + n % 1000};
  return {.seed = n, .size = 200 + n % 400};
}

// How many keys make up so many bytes.
inline std::uint64_t giant_count(std::uint64_t bytes) {
  std::uint64_t n = 0;
  for (std::uint64_t sum = 0; sum < bytes; ++n) sum += giant_value(n).size;
  return n;
}

}  // namespace caisson::testing

#endif  // CAISSON_TESTS_CHILD_GIANT_H_

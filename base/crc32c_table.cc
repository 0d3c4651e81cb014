// CRC-32C in portable C++: the specification of the other kernels.
//
// Slicing by eight (Kounavis and Berry, "A Systematic Approach to Building High Performance,
// Software-based, CRC Generators", 2005): eight table look-ups, independent of each other,
// take eight bytes at a time.

#include <array>
#include <cstddef>

#include "base/codec.h"
#include "base/crc32c_fold.h"
#include "base/crc32c_kernels.h"

namespace caisson::crc32c_internal {
namespace {

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

// tables[k][b] is the state after byte b and then k zero bytes, from the state 0.
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t state = byte;
    for (int bit = 0; bit < 8; ++bit) state = times_x(state);
    tables[0][byte] = state;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

std::uint32_t after_eight_bytes(std::uint32_t state, std::uint64_t bytes) {
  // The state belongs to the first four bytes. Seven bytes follow the first one.
  const std::uint64_t mixed = bytes ^ state;
  std::uint32_t result = 0;
  for (unsigned i = 0; i < 8; ++i) result ^= kTables[7 - i][(mixed >> (8 * i)) & 0xff];
  return result;
}

}  // namespace

bool table_supported() { return true; }

std::uint32_t table_extend(std::uint32_t crc, Bytes bytes) {
  std::uint32_t state = ~crc;
  const std::byte* next = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; next += 8, left -= 8) state = after_eight_bytes(state, load_u64(next));
  for (; left > 0; ++next, --left) {
    state = (state >> 8) ^ kTables[0][(state ^ std::to_integer<std::uint32_t>(*next)) & 0xff];
  }
  return ~state;
}

}  // namespace caisson::crc32c_internal

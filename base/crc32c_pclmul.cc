// CRC-32C by the SSE4.2 instruction on three streams at a time, merged with PCLMULQDQ.
//
// The instruction can start every cycle but takes three to finish, so three independent streams
// keep it busy. Folding 128-bit registers instead is half as fast on AMD's Zen 4, where PCLMULQDQ
// starts every second cycle, and about equal on Intel's processors.

#include "base/crc32c_kernels.h"
#include "base/crc32c_x86.h"

#if defined(__x86_64__)

namespace caisson::crc32c_internal {
namespace {

// Three streams of 1360 bytes nearly fill 4 KiB, the smallest page; three of 168 bytes suit log
// records. Longer streams would save little: a merge costs some ten cycles.
constexpr std::size_t kLongStreamBytes = 1360;
constexpr std::size_t kShortStreamBytes = 168;

// The state after 3 * kStreamBytes more bytes.
template <std::size_t kStreamBytes>
CAISSON_CRC32C_PCLMUL [[gnu::always_inline]] inline std::uint64_t state_after_three_streams(
    std::uint64_t state, const std::byte* next) {
  constexpr std::uint32_t kTwoStreams = merge_by(2 * kStreamBytes);
  constexpr std::uint32_t kOneStream = merge_by(kStreamBytes);
  std::uint64_t second = 0;
  std::uint64_t third = 0;
  for (std::size_t i = 0; i < kStreamBytes; i += 8) {
    state = _mm_crc32_u64(state, load_u64(next + i));
    second = _mm_crc32_u64(second, load_u64(next + kStreamBytes + i));
    third = _mm_crc32_u64(third, load_u64(next + 2 * kStreamBytes + i));
  }
  const std::uint64_t moved = moved_ahead(state, kTwoStreams) ^ moved_ahead(second, kOneStream);
  return third ^ _mm_crc32_u64(0, moved);
}

}  // namespace

bool pclmul_supported() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("sse4.2") != 0 && __builtin_cpu_supports("pclmul") != 0;
}

CAISSON_CRC32C_PCLMUL std::uint32_t pclmul_extend(std::uint32_t crc, Bytes bytes) {
  std::uint64_t state = ~crc;
  const std::byte* next = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 3 * kLongStreamBytes; next += 3 * kLongStreamBytes, left -= 3 * kLongStreamBytes) {
    state = state_after_three_streams<kLongStreamBytes>(state, next);
  }
  for (; left >= 3 * kShortStreamBytes;
       next += 3 * kShortStreamBytes, left -= 3 * kShortStreamBytes) {
    state = state_after_three_streams<kShortStreamBytes>(state, next);
  }
  return ~static_cast<std::uint32_t>(state_after(state, next, left));
}

}  // namespace caisson::crc32c_internal

#endif  // defined(__x86_64__)

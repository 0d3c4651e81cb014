// The steps that the x86-64 kernels of CRC-32C share. Private to them.
//
// Inlined always: a copy of its own would be one more function that needs the right processor.

#ifndef CAISSON_BASE_CRC32C_X86_H_
#define CAISSON_BASE_CRC32C_X86_H_

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "base/codec.h"
#include "base/crc32c_fold.h"

namespace caisson::crc32c_internal {

#define CAISSON_CRC32C_SSE42 [[gnu::target("sse4.2")]]
#define CAISSON_CRC32C_PCLMUL [[gnu::target("sse4.2,pclmul")]]

// The state after `size_bytes` more bytes. States are kept in 64 bits, as the instruction has
// them; the upper half is zero.
CAISSON_CRC32C_SSE42 [[gnu::always_inline]] inline std::uint64_t state_after(
    std::uint64_t state, const std::byte* next, std::size_t size_bytes) {
  for (; size_bytes >= 8; next += 8, size_bytes -= 8) {
    state = _mm_crc32_u64(state, load_u64(next));
  }
  auto narrow = static_cast<std::uint32_t>(state);
  if ((size_bytes & 4) != 0) {
    narrow = _mm_crc32_u32(narrow, load_u32(next));
    next += 4;
  }
  if ((size_bytes & 2) != 0) {
    narrow = _mm_crc32_u16(narrow, load_u16(next));
    next += 2;
  }
  if ((size_bytes & 1) != 0) narrow = _mm_crc32_u8(narrow, std::to_integer<std::uint8_t>(*next));
  return narrow;
}

// The carry-less product of a state and a multiplier of merge_by, still to be reduced: the sum
// (exclusive or) of several needs one reduction only.
CAISSON_CRC32C_PCLMUL [[gnu::always_inline]] inline std::uint64_t moved_ahead(
    std::uint64_t state, std::uint32_t multiplier) {
  const __m128i product =
      _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<std::int64_t>(state)),
                           _mm_cvtsi64_si128(static_cast<std::int64_t>(multiplier)), 0x00);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
}

}  // namespace caisson::crc32c_internal

#endif  // defined(__x86_64__)

#endif  // CAISSON_BASE_CRC32C_X86_H_

// CRC-32C by the ARMv8 instruction: one stream after the other, or three side by side that are
// merged with PMULL. See crc32c_pclmul.cc, which does the same.

#include "base/crc32c_kernels.h"

#if defined(__aarch64__)

#include <arm_acle.h>
#include <arm_neon.h>
#include <sys/auxv.h>

#include <cstddef>

#include "base/codec.h"
#include "base/crc32c_fold.h"

namespace caisson::crc32c_internal {
namespace {

#define CAISSON_CRC32C_ARM [[gnu::target("+crc")]]
#define CAISSON_CRC32C_ARM_PMULL [[gnu::target("+crc+crypto")]]

// As in arch/arm64/include/uapi/asm/hwcap.h of Linux, where they are part of the interface.
constexpr unsigned long kHwcapPmull = 1UL << 4;
constexpr unsigned long kHwcapCrc32 = 1UL << 7;

constexpr std::size_t kLongStreamBytes = 1360;
constexpr std::size_t kShortStreamBytes = 168;

// The state after `size_bytes` more bytes.
CAISSON_CRC32C_ARM [[gnu::always_inline]] inline std::uint32_t state_after(std::uint32_t state,
                                                                           const std::byte* next,
                                                                           std::size_t size_bytes) {
  for (; size_bytes >= 8; next += 8, size_bytes -= 8) state = __crc32cd(state, load_u64(next));
  if ((size_bytes & 4) != 0) {
    state = __crc32cw(state, load_u32(next));
    next += 4;
  }
  if ((size_bytes & 2) != 0) {
    state = __crc32ch(state, load_u16(next));
    next += 2;
  }
  if ((size_bytes & 1) != 0) state = __crc32cb(state, std::to_integer<std::uint8_t>(*next));
  return state;
}

// The carry-less product of a state and a multiplier of merge_by, still to be reduced.
CAISSON_CRC32C_ARM_PMULL [[gnu::always_inline]] inline std::uint64_t moved_ahead(
    std::uint32_t state, std::uint32_t multiplier) {
  const poly128_t product = vmull_p64(poly64_t{state}, poly64_t{multiplier});
  return vgetq_lane_u64(vreinterpretq_u64_p128(product), 0);
}

// The state after 3 * kStreamBytes more bytes.
template <std::size_t kStreamBytes>
CAISSON_CRC32C_ARM_PMULL [[gnu::always_inline]] inline std::uint32_t state_after_three_streams(
    std::uint32_t state, const std::byte* next) {
  constexpr std::uint32_t kTwoStreams = merge_by(2 * kStreamBytes);
  constexpr std::uint32_t kOneStream = merge_by(kStreamBytes);
  std::uint32_t second = 0;
  std::uint32_t third = 0;
  for (std::size_t i = 0; i < kStreamBytes; i += 8) {
    state = __crc32cd(state, load_u64(next + i));
    second = __crc32cd(second, load_u64(next + kStreamBytes + i));
    third = __crc32cd(third, load_u64(next + 2 * kStreamBytes + i));
  }
  const std::uint64_t moved = moved_ahead(state, kTwoStreams) ^ moved_ahead(second, kOneStream);
  return third ^ __crc32cd(0, moved);
}

}  // namespace

bool arm_supported() { return (getauxval(AT_HWCAP) & kHwcapCrc32) != 0; }

CAISSON_CRC32C_ARM std::uint32_t arm_extend(std::uint32_t crc, Bytes bytes) {
  return ~state_after(~crc, bytes.data(), bytes.size());
}

bool arm_pmull_supported() { return arm_supported() && (getauxval(AT_HWCAP) & kHwcapPmull) != 0; }

CAISSON_CRC32C_ARM_PMULL std::uint32_t arm_pmull_extend(std::uint32_t crc, Bytes bytes) {
  std::uint32_t state = ~crc;
  const std::byte* next = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 3 * kLongStreamBytes; next += 3 * kLongStreamBytes, left -= 3 * kLongStreamBytes) {
    state = state_after_three_streams<kLongStreamBytes>(state, next);
  }
  for (; left >= 3 * kShortStreamBytes;
       next += 3 * kShortStreamBytes, left -= 3 * kShortStreamBytes) {
    state = state_after_three_streams<kShortStreamBytes>(state, next);
  }
  return ~state_after(state, next, left);
}

}  // namespace caisson::crc32c_internal

#endif  // defined(__aarch64__)

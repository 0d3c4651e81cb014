// CRC-32C by the SSE4.2 instruction alone, eight bytes at a time, one after the other. Only the
// first processors that had it lack PCLMULQDQ as well, so this stays simple.

#include "base/crc32c_kernels.h"
#include "base/crc32c_x86.h"

#if defined(__x86_64__)

namespace caisson::crc32c_internal {

bool sse42_supported() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("sse4.2") != 0;
}

CAISSON_CRC32C_SSE42 std::uint32_t sse42_extend(std::uint32_t crc, Bytes bytes) {
  return ~static_cast<std::uint32_t>(state_after(~crc, bytes.data(), bytes.size()));
}

}  // namespace caisson::crc32c_internal

#endif  // defined(__x86_64__)

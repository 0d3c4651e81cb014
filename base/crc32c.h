// CRC-32C (Castagnoli): the checksum of pages and log records.
//
// The polynomial is 0x1EDC6F41, bits reflected, with initial value and final exclusive-or
// 0xFFFFFFFF, as in RFC 3720 (iSCSI), ext4 and Btrfs; crc32c of "123456789" is 0xE3069283. It
// finds every burst of damage up to 32 bits long, and every change of up to three bits in a page.
//
// Several kernels compute the same function. The first call picks the best that the processor
// supports; the environment variable CAISSON_KERNEL, read at that moment, forces another by name
// ("scalar", "sse42", "pclmul", "vpclmul", "arm", "arm-pmull"). A name that is unknown, or that
// the processor doesn't support, is ignored. The scalar kernel is the specification of the rest.
//
// Thread-safe, also before main() starts: everything here is constant-initialised.

#ifndef CAISSON_BASE_CRC32C_H_
#define CAISSON_BASE_CRC32C_H_

#include <caisson/types.h>

#include <cstdint>
#include <span>
#include <string_view>

namespace caisson {

// The CRC-32C of `bytes`; 0 for no bytes. Any alignment and size. Cost: one pass.
[[nodiscard]] std::uint32_t crc32c(Bytes bytes);

// The CRC-32C of a concatenation: of whatever had the value `crc`, followed by `bytes`. Thus
// crc32c_extend(crc32c(a), b) == crc32c(a + b), and crc32c_extend(0, b) == crc32c(b).
[[nodiscard]] std::uint32_t crc32c_extend(std::uint32_t crc, Bytes bytes);

// One way of computing the function; for tests and benchmarks.
struct Crc32cKernel {
  std::string_view name;
  // Whether this processor can run `extend`.
  bool (*supported)();
  // The same function as crc32c_extend. REQUIRES: supported().
  std::uint32_t (*extend)(std::uint32_t crc, Bytes bytes);
};

// The kernels built for this architecture, best first; the last one is "scalar", which every
// processor supports. The span lives for ever.
[[nodiscard]] std::span<const Crc32cKernel> crc32c_kernels();

// The name of the kernel that crc32c and crc32c_extend use. The view lives for ever.
[[nodiscard]] std::string_view crc32c_kernel_in_use();

}  // namespace caisson

#endif  // CAISSON_BASE_CRC32C_H_

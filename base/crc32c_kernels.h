// The kernels of CRC-32C, each in its own file, and the choice among them. Private to crc32c.cc,
// the kernels and their tests.
//
// Every kernel turns the features it needs on for its own functions (by attribute), never for a
// file. Otherwise an inline function of a header, compiled with them, could be the one that the
// linker keeps for the whole program, which would then crash on an older processor.

#ifndef CAISSON_BASE_CRC32C_KERNELS_H_
#define CAISSON_BASE_CRC32C_KERNELS_H_

#include <cstdint>
#include <string_view>

#include "base/crc32c.h"

namespace caisson::crc32c_internal {

// The best kernel that this processor supports, or the one called `forced` if it is supported.
const Crc32cKernel& choose_kernel(std::string_view forced);

// For each kernel: whether this processor can run it, and what crc32c_extend promises.
// REQUIRES for the latter: the former.

bool table_supported();
std::uint32_t table_extend(std::uint32_t crc, Bytes bytes);

#if defined(__x86_64__)
bool sse42_supported();
std::uint32_t sse42_extend(std::uint32_t crc, Bytes bytes);

bool pclmul_supported();
std::uint32_t pclmul_extend(std::uint32_t crc, Bytes bytes);

bool vpclmul_supported();
std::uint32_t vpclmul_extend(std::uint32_t crc, Bytes bytes);
#endif

#if defined(__aarch64__)
bool arm_supported();
std::uint32_t arm_extend(std::uint32_t crc, Bytes bytes);

bool arm_pmull_supported();
std::uint32_t arm_pmull_extend(std::uint32_t crc, Bytes bytes);
#endif

}  // namespace caisson::crc32c_internal

#endif  // CAISSON_BASE_CRC32C_KERNELS_H_

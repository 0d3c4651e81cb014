#include "base/crc32c.h"

#include <array>
#include <atomic>
#include <cstdlib>

#include "base/crc32c_kernels.h"

namespace caisson {
namespace {

// Best first. A constant, so that it can be used before main().
constexpr auto kKernels = std::to_array<Crc32cKernel>({
#if defined(__x86_64__)
    {"vpclmul", crc32c_internal::vpclmul_supported, crc32c_internal::vpclmul_extend},
    {"pclmul", crc32c_internal::pclmul_supported, crc32c_internal::pclmul_extend},
    {"sse42", crc32c_internal::sse42_supported, crc32c_internal::sse42_extend},
#elif defined(__aarch64__)
    {"arm-pmull", crc32c_internal::arm_pmull_supported, crc32c_internal::arm_pmull_extend},
    {"arm", crc32c_internal::arm_supported, crc32c_internal::arm_extend},
#endif
    {"scalar", crc32c_internal::table_supported, crc32c_internal::table_extend},
});

// The kernel in use; null until the first call. Threads that find it null at the same time all
// choose the same kernel, so it doesn't matter which of them stores it, and relaxed order
// suffices because what it points to is constant.
constinit std::atomic<const Crc32cKernel*> kernel_in_use{nullptr};

[[gnu::noinline, gnu::cold]] const Crc32cKernel& choose_kernel_in_use() {
  const char* forced = std::getenv("CAISSON_KERNEL");
  const Crc32cKernel& kernel = crc32c_internal::choose_kernel(forced == nullptr ? "" : forced);
  kernel_in_use.store(&kernel, std::memory_order_relaxed);
  return kernel;
}

const Crc32cKernel& kernel() {
  const Crc32cKernel* chosen = kernel_in_use.load(std::memory_order_relaxed);
  return chosen != nullptr ? *chosen : choose_kernel_in_use();
}

}  // namespace

const Crc32cKernel& crc32c_internal::choose_kernel(std::string_view forced) {
  const Crc32cKernel* best = nullptr;
  for (const Crc32cKernel& candidate : kKernels) {
    if (!candidate.supported()) continue;
    if (candidate.name == forced) return candidate;
    if (best == nullptr) best = &candidate;
  }
  return *best;  // Not null: the scalar kernel is always supported.
}

std::uint32_t crc32c(Bytes bytes) { return kernel().extend(0, bytes); }

std::uint32_t crc32c_extend(std::uint32_t crc, Bytes bytes) { return kernel().extend(crc, bytes); }

std::span<const Crc32cKernel> crc32c_kernels() { return kKernels; }

std::string_view crc32c_kernel_in_use() { return kernel().name; }

}  // namespace caisson

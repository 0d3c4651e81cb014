// How fast the kernels of CRC-32C are, beside what the machine can do at best.
//
// Method: blocks of 16 KiB, the default page size, out of a set of 512 KiB that is visited in
// turn, so that data comes from the second-level cache as it does for a page that was just read.
// limit/memcpy_16k copies a block of that set into one fixed block; limit/sum_16k only reads.

#include <benchmark/benchmark.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "bench/support.h"

#ifdef CAISSON_HAVE_ISAL
#include <isa-l/crc.h>
#endif

namespace caisson {
namespace {

constexpr std::size_t kBlockBytes = 16 * 1024;
constexpr std::size_t kSetBytes = 512 * 1024;

struct alignas(64) Line {
  std::array<std::byte, 64> bytes;
};

const std::vector<Line>& block_set() {
  static const std::vector<Line> set = [] {
    std::vector<Line> lines(kSetBytes / sizeof(Line));
    Random(1).fill(std::as_writable_bytes(std::span(lines)));
    return lines;
  }();
  return set;
}

// Runs `work` on one block an iteration.
template <typename Work>
void for_each_block(benchmark::State& state, Work work) {
  const Bytes set = std::as_bytes(std::span(block_set()));
  std::size_t offset = 0;
  for ([[maybe_unused]] auto _ : state) {
    work(set.subspan(offset, kBlockBytes));
    offset = (offset + kBlockBytes) % kSetBytes;
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kBlockBytes));
}

void bench_kernel(benchmark::State& state, const Crc32cKernel& kernel) {
  for_each_block(state,
                 [&kernel](Bytes block) { benchmark::DoNotOptimize(kernel.extend(0, block)); });
}

#ifdef CAISSON_HAVE_ISAL
void bench_isal(benchmark::State& state) {
  for_each_block(state, [](Bytes block) {
    // ISA-L takes what it reads as not const, and leaves the inversions to the caller.
    auto* bytes = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(block.data()));
    benchmark::DoNotOptimize(~crc32_iscsi(bytes, static_cast<int>(block.size()), 0xffffffff));
  });
}
#endif

void bench_memcpy(benchmark::State& state) {
  std::vector<Line> target(kBlockBytes / sizeof(Line));
  for_each_block(state, [&target](Bytes block) {
    std::memcpy(target.data(), block.data(), block.size());
    benchmark::DoNotOptimize(target.data());
    benchmark::ClobberMemory();
  });
}

// The widest registers there are, where there are any, for a bound that holds for every kernel.
#if defined(__x86_64__)
[[gnu::target_clones("avx512f", "avx2", "default")]]
#endif
std::uint64_t sum_of_words(const std::byte* bytes, std::size_t size_bytes) {
  // Independent sums, one for each word of eight cache lines' worth, so that additions don't wait.
  std::array<std::uint64_t, 32> sums{};
  for (std::size_t i = 0; i < size_bytes; i += sizeof sums) {
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += load_u64(bytes + i + 8 * k);
  }
  std::uint64_t total = 0;
  for (const std::uint64_t sum : sums) total += sum;
  return total;
}

void bench_sum(benchmark::State& state) {
  for_each_block(state, [](Bytes block) {
    benchmark::DoNotOptimize(sum_of_words(block.data(), block.size()));
  });
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const Crc32cKernel& kernel : crc32c_kernels()) {
    if (!kernel.supported()) continue;
    const std::string name = "base/crc32c_16k/" + std::string(kernel.name);
    benchmark::RegisterBenchmark(name.c_str(), bench_kernel, kernel);
  }
#ifdef CAISSON_HAVE_ISAL
  benchmark::RegisterBenchmark("base/crc32c_16k/isal", bench_isal);
#endif
  benchmark::RegisterBenchmark("limit/memcpy_16k", bench_memcpy);
  benchmark::RegisterBenchmark("limit/sum_16k", bench_sum);
  const std::string in_use = "base/crc32c_16k/" + std::string(crc32c_kernel_in_use());
  bench::hold_against(in_use, "limit/sum_16k");
  bench::hold_against(in_use, "limit/memcpy_16k");
  return true;
}();

}  // namespace
}  // namespace caisson

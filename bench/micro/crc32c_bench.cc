// How fast the kernels of CRC-32C are, beside what the machine can do at best.
//
// Method: blocks of 16 KiB, the default page size, out of a set of 512 KiB that is visited in
// turn, so that data comes from the second-level cache as it does for a page that was just read.
// limit/memcpy_16k copies a block of that set into one fixed block; limit/sum_16k only reads.

#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "bench/harness/run.h"
#include "bench/support/keep.h"

#ifdef CAISSON_HAVE_ISAL
#include <isa-l/crc.h>
#endif

namespace caisson::bench {
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

// Does `work` on one block after the other, timed by the hundred.
template <typename Work>
void for_each_block(Run& run, Work work) {
  const Bytes set = std::as_bytes(std::span(block_set()));
  std::size_t offset = 0;
  run.batches(100, [&] {
    work(set.subspan(offset, kBlockBytes));
    offset = (offset + kBlockBytes) % kSetBytes;
  });
}

void bench_kernel(Run& run, const Crc32cKernel& kernel) {
  for_each_block(run, [&kernel](Bytes block) { keep(kernel.extend(0, block)); });
}

#ifdef CAISSON_HAVE_ISAL
void bench_isal(Run& run) {
  for_each_block(run, [](Bytes block) {
    // ISA-L takes what it reads as not const, and leaves the inversions to the caller.
    auto* bytes = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(block.data()));
    keep(~crc32_iscsi(bytes, static_cast<int>(block.size()), 0xffffffff));
  });
}
#endif

void bench_memcpy(Run& run) {
  std::vector<Line> target(kBlockBytes / sizeof(Line));
  for_each_block(run, [&target](Bytes block) {
    std::memcpy(target.data(), block.data(), block.size());
    keep(target);
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

void bench_sum(Run& run) {
  for_each_block(run, [](Bytes block) { keep(sum_of_words(block.data(), block.size())); });
}

About about(std::string name, const char* what, Gate gate) {
  return {.name = std::move(name), .about = what, .operation = "block", .gate = gate};
}

About held_against_limits(About about) {
  about.against = {"limit/sum_16k", "limit/memcpy_16k"};
  return about;
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const Crc32cKernel& kernel : crc32c_kernels()) {
    if (!kernel.supported()) continue;
    add(held_against_limits(about("base/crc32c_16k/" + std::string(kernel.name),
                                  "the checksum of 16 KiB by this kernel", Gate::kAdvisory)),
        [&kernel](Run& run) { bench_kernel(run, kernel); });
  }
  About in_use = held_against_limits(about(
      "base/crc32c_16k/in_use", "the same by the kernel that is in use here", Gate::kCritical));
  in_use.quick = true;
  add(std::move(in_use),
      [](Run& run) { for_each_block(run, [](Bytes block) { keep(crc32c(block)); }); });
#ifdef CAISSON_HAVE_ISAL
  add(about("isal/crc32c_16k", "the same by ISA-L", Gate::kNone), bench_isal);
#endif
  add(about("limit/memcpy_16k", "16 KiB copied", Gate::kNone), bench_memcpy);
  return add(about("limit/sum_16k", "16 KiB read and summed", Gate::kNone), bench_sum);
}();

}  // namespace
}  // namespace caisson::bench

// What this machine is worth: figures that have nothing to do with Caisson, beside which those of
// other machines can be read.
//
// "calibration/processor": a number is looked for by bisection among a million that are sorted, 8
// MB: arithmetic, branches that can't be foretold, and loads that depend on each other, as in a
// search tree. "calibration/disk": a block of 4 KiB written past the page cache into a file that
// was written before, and a flush, which is what a durable commit takes at least.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "bench/harness/run.h"
#include "bench/support/keep.h"
#include "bench/support/raw_log.h"

namespace caisson::bench {
namespace {

constexpr std::size_t kNumbers = 1'000'000;
constexpr std::size_t kBatch = 1000;

void bisect(Run& run) {
  Random random(run.seed());
  std::vector<std::uint64_t> numbers(kNumbers);
  for (std::uint64_t& number : numbers) number = random.next();
  std::ranges::sort(numbers);
  run.batches(kBatch, [&] { keep(std::ranges::lower_bound(numbers, random.next())); });
}

void write_and_flush(Run& run) {
  run.need_disk();
  RawLog log(run.new_path("log"));
  run.each([&] { log.append_and_flush(); });
}

[[maybe_unused]] const bool kRegistered =
    add({.name = calibration_of(Bound::kProcessor),
         .about = "a bisection among a million sorted numbers",
         .operation = "search",
         .gate = Gate::kNone,
         .quick = true},
        bisect) &&
    add({.name = calibration_of(Bound::kDisk),
         .about = "4 KiB written past the page cache, and a flush",
         .operation = "write",
         .bound = Bound::kDisk,
         .gate = Gate::kNone,
         .quick = true,
         .warmup_operations = 500},
        write_and_flush);

}  // namespace
}  // namespace caisson::bench

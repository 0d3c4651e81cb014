// What the benchmarks share: where files go, how latencies are reported, and which limit each
// figure is held against.

#ifndef CAISSON_BENCH_SUPPORT_H_
#define CAISSON_BENCH_SUPPORT_H_

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "base/result.h"

namespace caisson::bench {

// A new directory for this run, made at the first call and removed with all that is in it when
// the program ends. In $CAISSON_BENCH_DIR, or else the first of $TMPDIR, /tmp and /var/tmp that
// is on a disk.
const std::string& directory();

// The name of the file system that holds the directory, such as "ext4".
std::string file_system_name();

// True if that is a file system in memory, where flushing and a cold cache mean nothing.
bool in_memory();

// Ends the benchmark with a message, and makes the whole program fail.
void fail(benchmark::State& state, const std::string& message);
bool any_failed();

// Says that `limit` is a benchmark that does what the machine has to do for `name`, and no more.
// The summary shows the ratio of their times per operation. Returns true.
bool hold_against(const std::string& name, const std::string& limit);

struct Pair {
  std::string name;
  std::string limit;
};
const std::vector<Pair>& pairs();

// Median and 99th percentile of recorded nanoseconds, as counters in seconds.
void report_latencies(benchmark::State& state, const Histogram& nanoseconds);

inline constexpr const char* kMedianCounter = "p50_s";
inline constexpr const char* kTailCounter = "p99_s";

// Set where neither the median of single operations nor the process's CPU time for an iteration is
// the point: the time that comes to one operation, in seconds. The summary takes this one then.
inline constexpr const char* kEachCounter = "each_s";

// Time since some moment.
inline std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

// What all threads of the process have had of the processor, the kernel's for its io_uring
// included.
std::uint64_t processor_ns();

// What the process has read from the disk, as the system tells it.
struct DiskReads {
  std::uint64_t bytes = 0;         // By this process.
  std::uint64_t requests = 0;      // On the whole disk; 0 where the system doesn't say.
  std::uint64_t major_faults = 0;  // By this process.

  static DiskReads now();
};

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_SUPPORT_H_

// What operations cost, whoever does them: the processor's time of the whole process, and its calls
// that write or flush files.
//
// The program has functions of the names that the C library gives to these calls, which count and
// then do the same. An engine in a shared library reaches them, too. What is written through a
// mapping isn't seen; no engine here does that.

#ifndef CAISSON_BENCH_PEERS_METER_H_
#define CAISSON_BENCH_PEERS_METER_H_

#include <benchmark/benchmark.h>

#include <cstdint>

namespace caisson::bench {

// Counts since the process began, or the difference of two such.
struct Costs {
  std::uint64_t processor_ns = 0;    // Of all threads, in the system as well.
  std::uint64_t writes = 0;          // Calls that write anything but zeros,
  std::uint64_t bytes_written = 0;   // and what they write.
  std::uint64_t bytes_of_zeros = 0;  // Written by calls that write nothing else: room made ahead.
  std::uint64_t flushes = 0;         // Calls that flush, be it what they write themselves.

  static Costs so_far();
  Costs operator-(const Costs& before) const;
};

// The costs of each of so many operations as counters: cpu_s, flushes, writes, KiB_written, and
// KiB_zeros where there are any.
void report_costs(benchmark::State& state, const Costs& costs, double operations);

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_PEERS_METER_H_

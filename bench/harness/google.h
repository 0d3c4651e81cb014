// Micro benchmarks, driven by Google Benchmark.

#ifndef CAISSON_BENCH_HARNESS_GOOGLE_H_
#define CAISSON_BENCH_HARNESS_GOOGLE_H_

#include "bench/harness/run.h"

namespace caisson::bench {

// Has Google Benchmark find how often the operation has to be done for its time to be enough, half
// a second (a twentieth in profile ci), and returns what the last of its attempts measured.
// Throws what the body throws.
Measurement run_under_google_benchmark(const Benchmark& benchmark, const Settings& settings);

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_HARNESS_GOOGLE_H_

// One repeat of one benchmark in a process of its own.

#ifndef CAISSON_BENCH_HARNESS_CHILD_H_
#define CAISSON_BENCH_HARNESS_CHILD_H_

#include <functional>
#include <string>

#include "base/result.h"
#include "bench/harness/run.h"

namespace caisson::bench {

// Calls a benchmark's body with a Run, as often as it finds right, and returns what the last call
// measured. Throws what the body throws.
using Driver = std::function<Measurement(const Benchmark& benchmark, const Settings& settings)>;

// For macro benchmarks: once.
Measurement run_once(const Benchmark& benchmark, const Settings& settings);

// Forks, runs `work` there, and returns the text that it returned. The caller must have no other
// threads. What it has started is ended with it. Errors: kStopped if a signal came meanwhile that
// this process has caught (tools/cli/interrupt.h); kIoError with what was thrown, or with the
// signal that it died of.
Result<std::string> in_a_process(const std::function<std::string()>& work);

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_HARNESS_CHILD_H_

// The command line of caisson-bench.

#ifndef CAISSON_BENCH_HARNESS_PROGRAM_H_
#define CAISSON_BENCH_HARNESS_PROGRAM_H_

#include <functional>
#include <vector>

#include "bench/harness/child.h"
#include "tools/caisson/command.h"

namespace caisson::bench {

// Runs the program on these benchmarks; argv[0] is its name. Returns what it exits with, which is
// context.code: 0; 1 if a benchmark failed, or the gate; 2 if called wrongly, on files that aren't
// results, too; 5 if the system can't read or write; 130 and 143 if stopped.
int run_program(
    int argc, const char* const* argv, tools::Context& context, const std::vector<Benchmark>& list,
    const Driver& driver, const std::function<int()>& output_error = [] { return 0; });

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_HARNESS_PROGRAM_H_

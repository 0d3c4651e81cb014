// caisson-bench on benchmarks of a test's own, run in this process.

#ifndef CAISSON_BENCH_HARNESS_TESTING_PROGRAM_H_
#define CAISSON_BENCH_HARNESS_TESTING_PROGRAM_H_

#include <sstream>
#include <string>
#include <vector>

#include "bench/harness/program.h"
#include "tools/testing/command.h"

namespace caisson::bench::testing {

// Calls of an operation, ten of them, as a driver of micro benchmarks makes more.
inline Measurement drive(const Benchmark& benchmark, const Settings& settings) {
  if (benchmark.about.suite != Suite::kMicro) return run_once(benchmark, settings);
  Run run(settings, [](const std::function<std::uint64_t()>& step) {
    for (int i = 0; i < 10; ++i) step();
  });
  benchmark.body(run);
  return run.take();
}

inline tools::Outcome bench(const std::vector<Benchmark>& list,
                            const std::vector<std::string>& arguments) {
  std::vector<const char*> argv = {"caisson-bench"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  tools::Context context{.in = in, .out = out, .err = err};
  const int code = run_program(static_cast<int>(argv.size()), argv.data(), context, list, drive);
  return {code, out.str(), err.str()};
}

// Something that takes a while.
inline void spin() {
  const std::uint64_t begin = now_ns();
  while (now_ns() - begin < 10'000) continue;
}

inline Benchmark quick(std::string name, std::vector<std::string> against = {}) {
  return {{.name = std::move(name),
           .about = "it spins",
           .operation = "turn",
           .gate = Gate::kCritical,
           .against = std::move(against),
           .quick = true},
          [](Run& run) { run.each(spin); }};
}

}  // namespace caisson::bench::testing

#endif  // CAISSON_BENCH_HARNESS_TESTING_PROGRAM_H_

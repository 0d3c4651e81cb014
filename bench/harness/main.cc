// caisson-bench.

#include "bench/harness/google.h"
#include "bench/harness/program.h"
#include "tools/caisson/terminal.h"

namespace {

caisson::bench::Measurement drive(const caisson::bench::Benchmark& benchmark,
                                  const caisson::bench::Settings& settings) {
  return benchmark.about.suite == caisson::bench::Suite::kMicro
             ? run_under_google_benchmark(benchmark, settings)
             : run_once(benchmark, settings);
}

}  // namespace

int main(int argc, char** argv) {
  return caisson::tools::with_terminal([&](auto& context, const auto& output_error) {
    return caisson::bench::run_program(argc, argv, context, caisson::bench::all_benchmarks(), drive,
                                       output_error);
  });
}

#include "bench/harness/google.h"

#include <benchmark/benchmark.h>

#include <exception>
#include <optional>

namespace caisson::bench {
namespace {

// What is reported is ours to say.
class Silent final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& /*context*/) override { return true; }
  void ReportRuns(const std::vector<Run>& /*runs*/) override {}
};

}  // namespace

Measurement run_under_google_benchmark(const Benchmark& benchmark, const Settings& settings) {
  std::optional<Measurement> last;
  std::exception_ptr thrown;
  const auto body = [&](benchmark::State& state) {
    try {
      Run run(settings, [&state](const std::function<std::uint64_t()>& step) {
        for ([[maybe_unused]] auto _ : state) {
          state.SetIterationTime(static_cast<double>(step()) / 1e9);
        }
      });
      benchmark.body(run);
      last = run.take();
    } catch (...) {
      thrown = std::current_exception();
      state.SkipWithError("failed");
    }
  };
  auto* const registered = benchmark::RegisterBenchmark(benchmark.about.name.c_str(), body);
  registered->UseManualTime();
  if (benchmark.about.iterations > 0) {
    registered->Iterations(benchmark.about.iterations);
  } else {
    registered->MinTime(settings.profile == Profile::kCi ? 0.05 : 0.5);
  }
  Silent silent;
  benchmark::RunSpecifiedBenchmarks(&silent, ".");
  if (thrown) std::rethrow_exception(thrown);
  return last.value();
}

}  // namespace caisson::bench

// Runs the benchmarks, and then sums up: each figure beside its limit from the same run.
//
// Exits with 0; 1 if a benchmark found something wrong; 2 on wrong usage; 5 if it could not run.

#include <benchmark/benchmark.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/support.h"

namespace caisson::bench {
namespace {

// One benchmark's repetitions.
struct Figure {
  // The typical time of one operation: what the benchmark says that it is (kEachCounter); else its
  // median where single ones are timed, and the CPU's time for one where they aren't. Neither of
  // these minds much what else the machine does.
  std::vector<double> typical_ns;
  std::vector<double> tail_ns;  // 99th percentile; empty where single operations aren't timed.
};

double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// How far apart the repetitions lie, as part of their median.
double spread_of(const std::vector<double>& values) {
  const auto [low, high] = std::ranges::minmax(values);
  return (high - low) / median_of(values);
}

std::string show_time(double nanoseconds) {
  constexpr const char* kUnits[] = {"ns", "us", "ms", "s"};
  std::size_t unit = 0;
  for (; nanoseconds >= 9999.5 && unit + 1 < std::size(kUnits); ++unit) nanoseconds /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, "%.*f %s", nanoseconds < 99.95 ? 1 : 0, nanoseconds,
                kUnits[unit]);
  return text;
}

std::string base_name(std::string name) {
  for (const char* suffix : {"/manual_time", "/real_time"}) {
    if (name.ends_with(suffix)) name.resize(name.size() - std::string_view(suffix).size());
  }
  return name;
}

class Reporter final : public benchmark::ConsoleReporter {
 public:
  explicit Reporter(OutputOptions options) : ConsoleReporter(options) {}

  void ReportRuns(const std::vector<Run>& runs) override {
    std::vector<Run> shown;
    for (const Run& run : runs) {
      // Of several repetitions the median is enough to look at.
      const bool single = run.run_type == Run::RT_Iteration && run.repetitions <= 1;
      if (single || run.error_occurred || run.aggregate_name == "median") shown.push_back(run);
      if (run.run_type == Run::RT_Iteration && !run.error_occurred) note(run);
    }
    if (!shown.empty()) ConsoleReporter::ReportRuns(shown);
  }

  void Finalize() override {
    ConsoleReporter::Finalize();
    bool titled = false;
    for (const Pair& pair : pairs()) {
      if (!figures_.contains(pair.name) || !figures_.contains(pair.limit)) continue;
      if (!titled) {
        std::printf("\n%-43s %9s %9s %7s  %-31s %9s %7s  %7s\n", "figure", "typical", "p99",
                    "spread", "limit", "typical", "spread", "ratio");
        titled = true;
      }
      const Figure& figure = figures_.at(pair.name);
      const Figure& limit = figures_.at(pair.limit);
      const double time = median_of(figure.typical_ns);
      const double limit_time = median_of(limit.typical_ns);
      const std::string tail = figure.tail_ns.empty() ? "" : show_time(median_of(figure.tail_ns));
      std::printf("%-43s %9s %9s %6.0f%%  %-31s %9s %6.0f%%  %6.2fx\n", pair.name.c_str(),
                  show_time(time).c_str(), tail.c_str(), 100 * spread_of(figure.typical_ns),
                  pair.limit.c_str(), show_time(limit_time).c_str(),
                  100 * spread_of(limit.typical_ns), time / limit_time);
    }
  }

 private:
  void note(const Run& run) {
    Figure& figure = figures_[base_name(run.run_name.function_name)];
    const auto counter = [&run](const char* name) {
      const auto found = run.counters.find(name);
      return found == run.counters.end() ? -1.0 : found->second.value * 1e9;
    };
    if (counter(kTailCounter) >= 0) figure.tail_ns.push_back(counter(kTailCounter));
    if (counter(kEachCounter) >= 0) {
      figure.typical_ns.push_back(counter(kEachCounter));
    } else if (counter(kMedianCounter) >= 0) {
      figure.typical_ns.push_back(counter(kMedianCounter));
    } else {
      const double per_second = benchmark::GetTimeUnitMultiplier(run.time_unit);
      figure.typical_ns.push_back(run.GetAdjustedCPUTime() / per_second * 1e9);
    }
  }

  std::map<std::string, Figure> figures_;
};

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    if (const auto colon = line.find(": "); colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown processor";
}

std::string machine() {
  utsname system{};
  if (uname(&system) != 0) return processor();
  return processor() + ", " + system.sysname + " " + system.release + ", " + system.machine;
}

int run(int argc, char** argv) {
  // What is not for people is left to the library; so is a mere list.
  const bool for_people = std::none_of(argv + 1, argv + argc, [](std::string_view argument) {
    return (argument.starts_with("--benchmark_format=") && !argument.ends_with("=console")) ||
           argument.starts_with("--benchmark_list_tests");
  });
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("machine", machine());
  benchmark::AddCustomContext("directory", directory());
  benchmark::AddCustomContext("file system", file_system_name());
  Reporter reporter(isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr
                        ? benchmark::ConsoleReporter::OO_Color
                        : benchmark::ConsoleReporter::OO_None);
  benchmark::RunSpecifiedBenchmarks(for_people ? &reporter : nullptr);
  benchmark::Shutdown();
  return any_failed() ? 1 : 0;
}

}  // namespace
}  // namespace caisson::bench

int main(int argc, char** argv) {
  try {
    return caisson::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr,
                 "caisson-bench: %s\nSet CAISSON_BENCH_DIR to a directory on a disk, where it may "
                 "write some 3 GB.\n",
                 error.what());
    return 5;
  }
}

#include "bench/harness/benchmark.h"

#include <algorithm>
#include <utility>

namespace caisson::bench {
namespace {

std::vector<Benchmark>& list() {
  static std::vector<Benchmark> benchmarks;
  return benchmarks;
}

}  // namespace

const char* to_string(Suite suite) {
  constexpr const char* kNames[] = {"micro", "macro", "peers", "vector"};
  return kNames[static_cast<std::size_t>(suite)];
}

const char* to_string(Bound bound) { return bound == Bound::kDisk ? "disk" : "processor"; }

const char* to_string(Headline headline) {
  constexpr const char* kNames[] = {"median", "wall", "processor"};
  return kNames[static_cast<std::size_t>(headline)];
}

const char* to_string(Gate gate) {
  constexpr const char* kNames[] = {"critical", "advisory", "none"};
  return kNames[static_cast<std::size_t>(gate)];
}

const char* to_string(Profile profile) { return profile == Profile::kCi ? "ci" : "dev_nvme"; }

const char* calibration_of(Bound bound) {
  return bound == Bound::kDisk ? "calibration/disk" : "calibration/processor";
}

bool add(About about, std::function<void(Run&)> body) {
  if (about.against.empty() && about.gate != Gate::kNone) {
    about.against.emplace_back(calibration_of(about.bound));
  }
  list().push_back({std::move(about), std::move(body)});
  return true;
}

const std::vector<Benchmark>& all_benchmarks() { return list(); }

const Benchmark* find_benchmark(const std::vector<Benchmark>& list, const std::string& name) {
  const auto found = std::ranges::find(
      list, name,
      [](const Benchmark& benchmark) -> const std::string& { return benchmark.about.name; });
  return found == list.end() ? nullptr : &*found;
}

}  // namespace caisson::bench

// Results that nobody has measured, for tests.

#ifndef CAISSON_BENCH_HARNESS_TESTING_RESULTS_H_
#define CAISSON_BENCH_HARNESS_TESTING_RESULTS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bench/harness/result.h"

namespace caisson::bench::testing {

inline Machine some_machine() {
  return {.cpu = "Example 9000",
          .cpu_features = {"avx2"},
          .cores = 2,
          .memory_bytes = 8'000'000'000,
          .architecture = "x86_64",
          .kernel = "Linux 6.1",
          .governor = "none"};
}

inline RunInfo some_run() {
  return {.id = "0123456789abcdef",
          .started = "2026-03-31T09:05:59Z",
          .repeats = 3,
          .machine = some_machine(),
          .file_system = {.name = "ext4", .in_memory = false, .device = "vda"},
          .build = {.version = "0.1.0",
                    .commit = "0123456789012345678901234567890123456789",
                    .dirty = false,
                    .compiler = "GNU 12.2.0",
                    .flags = "-O3",
                    .build_type = "Release"}};
}

inline About some_benchmark(std::string name = "log/append") {
  return {.name = std::move(name),
          .about = "a record appended",
          .operation = "record",
          .gate = Gate::kCritical,
          .against = {"limit/append"},
          .parameters = {{"engine", "caisson"}, {"threads", 4.0}}};
}

// Operations that took so long each, and were alone.
inline Measurement some_measurement(const std::vector<std::uint64_t>& nanoseconds) {
  Measurement measured;
  Histogram samples;
  for (const std::uint64_t each : nanoseconds) {
    samples.record(each);
    measured.costs.wall_ns += each;
  }
  measured.operations = nanoseconds.size();
  measured.samples = samples.snapshot();
  measured.costs.processor_ns = measured.costs.wall_ns / 2;
  measured.costs.syncs = measured.operations;
  measured.costs.allocations = 3 * measured.operations;
  measured.costs.bytes_written = 4096 * measured.operations;
  measured.costs.system_calls = 2 * measured.operations;
  measured.peak_rss_bytes = 1'000'000;
  return measured;
}

inline Json some_result(const About& about, std::uint64_t repeat, std::uint64_t nanoseconds) {
  return document_of(about, some_run(), {.directory = ""}, repeat,
                     some_measurement(std::vector(100, nanoseconds)));
}

}  // namespace caisson::bench::testing

#endif  // CAISSON_BENCH_HARNESS_TESTING_RESULTS_H_

// Runs benchmarks: repeat by repeat, each in a process of its own, with what it is held against
// beside it.

#ifndef CAISSON_BENCH_HARNESS_RUNNER_H_
#define CAISSON_BENCH_HARNESS_RUNNER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/harness/child.h"
#include "bench/harness/result.h"

namespace caisson::bench {

// Which benchmarks: all that agree with everything that is said.
struct Selection {
  std::string filter{};  // A regular expression (ECMAScript) that is found in the name.
  std::optional<Suite> suite{};
  Profile profile = Profile::kDevNvme;
};

// Those that are selected, and whatever they are held against, each behind the first that names it:
// so that the two run one after the other in every repeat (A B A B ...). Calibrations come first.
// kInvalidArgument where the filter is no regular expression; kNotFound where nothing is selected.
Result<std::vector<const Benchmark*>> select(const std::vector<Benchmark>& list,
                                             const Selection& selection);

struct Plan {
  std::vector<const Benchmark*> benchmarks;
  Settings settings;                     // But for the directory, which the runner makes.
  bool warmup_operations_given = false;  // Else each benchmark's own.
  std::uint64_t repeats = 1;
  std::string out;  // The directory for results; "": they aren't kept.
  Driver driver;
};

// One that could not be run.
struct Failure {
  std::string benchmark;
  std::uint64_t repeat = 0;
  Error error;
};

struct Outcome {
  std::vector<Json> documents;
  std::vector<Failure> failures;
};

// Before each: which repeat of which benchmark, and how many came before of how many.
using Progress = std::function<void(const Benchmark& benchmark, std::uint64_t repeat,
                                    std::uint64_t done, std::uint64_t total)>;

// A benchmark that fails doesn't run again; the others do. Each result is written when it is there,
// under its name and whole, so that a run that is stopped leaves those that were ready. Files of
// benchmarks lie in a directory that is removed at the end, in $CAISSON_BENCH_DIR or else the first
// of $TMPDIR, /tmp and /var/tmp that is on a disk.
//
// Errors: kAlreadyExists if `out` has results; kStopped by a signal; kIoError, kOutOfSpace ...
Result<Outcome> run_all(const Plan& plan, const Progress& progress);

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_HARNESS_RUNNER_H_

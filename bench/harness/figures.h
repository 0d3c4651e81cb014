// Results, summed up over repeats: one figure for each benchmark.

#ifndef CAISSON_BENCH_HARNESS_FIGURES_H_
#define CAISSON_BENCH_HARNESS_FIGURES_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/harness/metrics.h"
#include "bench/harness/result.h"

namespace caisson::bench {

// The time of a benchmark divided by that of another, repeat by repeat.
struct Ratio {
  std::string against;
  Spread ratio;
};

struct Figure {
  std::string name;
  std::string suite;
  std::string gate;
  std::string operation;
  std::uint64_t repeats = 0;
  std::string reference;                  // "": none.
  std::map<std::string, Spread> metrics;  // By the names of kMetrics.

  // Not in a baseline: for people to look at.
  Spread headline_ns;
  std::vector<Ratio> ratios;
};

// A run, or a baseline.
struct Figures {
  std::string profile;
  Json run;  // Of a run: id, started.
  Json machine;
  Json build;
  std::map<std::string, Figure> by_name;
};

// The middle (of an even number, the mean of both middles) and the standard deviation of a sample
// over its mean; 0 for a single value, and where the mean is 0. `values` is not empty.
Spread spread_of(std::vector<double> values);

// Of documents that validate_result() has accepted, all of one run. kInvalidArgument where they are
// of several, naming `source`.
Result<Figures> sum_up(const std::vector<Json>& documents, const std::string& source);

// Reads a directory of results, a single result, or a baseline. kNotFound ..., and
// kInvalidArgument, which names file and field.
Result<Figures> read_figures(const std::string& path);

// As a baseline's document, and back.
Json to_baseline(const Figures& figures);
Result<Figures> from_baseline(const Json& document, const std::string& file);

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_HARNESS_FIGURES_H_

// Two runs beside each other, and whether the newer one may pass.

#ifndef CAISSON_BENCH_HARNESS_COMPARE_H_
#define CAISSON_BENCH_HARNESS_COMPARE_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "bench/harness/figures.h"

namespace caisson::bench {

// How timing is compared: as it is, between runs on one machine; or by its ratio to a reference of
// the same run. kAuto: as the two machines are the same or not.
enum class By : std::uint8_t { kAuto, kTime, kRatio };

struct Comparison {
  std::string benchmark;
  std::string gate;
  const Metric* metric = nullptr;
  Spread base;
  Spread now;
  Verdict verdict = Verdict::kSame;

  // A regression of it fails the gate.
  bool critical = false;

  // By what part of the base the metric has changed, in its own direction: 0.1 is a tenth more. Of
  // a base of 0, infinite where it isn't 0 any more.
  double change() const;
};

struct CompareReport {
  bool same_machine = false;
  By by = By::kTime;  // kTime or kRatio.
  std::vector<Comparison> lines;
  std::vector<std::string> missing;  // In the base and not in the newer run,
  std::vector<std::string> added;    // and the other way round.

  std::uint64_t count(Verdict verdict) const;
  std::uint64_t critical_regressions() const;

  // Something was compared, nothing critical has regressed, and nothing that the base has is
  // missing.
  bool passed() const { return !lines.empty() && critical_regressions() == 0 && missing.empty(); }
};

// Benchmarks that are limits, peers or calibrations aren't compared. Timing in profile ci is never
// critical: what such machines do besides isn't known. kInvalidArgument where the two are of
// different profiles.
Result<CompareReport> compare(const Figures& base, const Figures& now, By by);

// One line for each metric: benchmark, metric, base, new, change in percent, variations, verdict.
void write_csv(std::ostream& out, const CompareReport& report);

Json to_json(const CompareReport& report);

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_HARNESS_COMPARE_H_

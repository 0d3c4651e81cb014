#include "bench/harness/metrics.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace caisson::bench {

const Metric* find_metric(std::string_view name) {
  const auto* const found = std::ranges::find(kMetrics, name, &Metric::name);
  return found == std::end(kMetrics) ? nullptr : found;
}

const char* to_string(Verdict verdict) {
  constexpr const char* kNames[] = {"same", "better", "regression", "unstable"};
  return kNames[static_cast<std::size_t>(verdict)];
}

Verdict judge(const Metric& metric, const Spread& base, const Spread& now) {
  const double variation = std::max(base.variation, now.variation);
  if (variation > kVariationMax) return Verdict::kUnstable;
  const double change =
      metric.better == Better::kLower ? now.median - base.median : base.median - now.median;
  const double tolerated =
      std::abs(base.median) *
      (metric.within_variation ? std::max(metric.tolerance, variation) : metric.tolerance);
  // What the last digit of a division makes of equal counts is no change.
  const double rounding = 1e-9 * std::max(std::abs(base.median), std::abs(now.median));
  if (change > tolerated + rounding) return Verdict::kRegression;
  return -change > tolerated + rounding ? Verdict::kBetter : Verdict::kSame;
}

}  // namespace caisson::bench

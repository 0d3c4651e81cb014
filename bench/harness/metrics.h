// What is compared between two runs, which way is better, and how much worse is a regression.

#ifndef CAISSON_BENCH_HARNESS_METRICS_H_
#define CAISSON_BENCH_HARNESS_METRICS_H_

#include <cstdint>
#include <string_view>

namespace caisson::bench {

enum class Better : std::uint8_t { kHigher, kLower };

// Timing depends on the machine and on what else it does; of two runs on different machines it is
// compared by its ratio to a reference of the same run. What is counted does not.
enum class Nature : std::uint8_t { kTiming, kRatio, kCounted };

struct Metric {
  std::string_view name;
  Better better;
  Nature nature;

  // The part of the base by which it may be worse.
  double tolerance;

  // Below what the repeats of either side differ by, worse isn't worse: for counts that depend on
  // which threads meet, where nothing is tolerated of those that don't.
  bool within_variation = false;
};

inline constexpr Metric kMetrics[] = {
    // Operations a second, and the time of all but the slowest hundredth.
    {"throughput", Better::kHigher, Nature::kTiming, 0.05},
    {"p99_ns", Better::kLower, Nature::kTiming, 0.10},
    // The headline's time and that tail, beside the reference's headline of the same repeat.
    {"speed_to_reference", Better::kHigher, Nature::kRatio, 0.05},
    {"p99_to_reference", Better::kLower, Nature::kRatio, 0.10},
    // Of one operation.
    {"allocations", Better::kLower, Nature::kCounted, 0.05},
    {"syncs", Better::kLower, Nature::kCounted, 0, true},
    {"bytes_written", Better::kLower, Nature::kCounted, 0.05},
    {"pages_touched", Better::kLower, Nature::kCounted, 0.05},
};

const Metric* find_metric(std::string_view name);

// Above this, a figure is unstable and not gated: the standard deviation of its repeats over their
// mean.
inline constexpr double kVariationMax = 0.10;

// What a metric of two runs says.
enum class Verdict : std::uint8_t { kSame, kBetter, kRegression, kUnstable };
const char* to_string(Verdict verdict);

// The middle of several repeats, and how far they lie apart.
struct Spread {
  double median = 0;
  double variation = 0;
};

// Where one of the two is unstable, nothing is said. Worse by the tolerance, exactly, is still the
// same; better by it is better. Of a base of 0, any increase is a regression.
Verdict judge(const Metric& metric, const Spread& base, const Spread& now);

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_HARNESS_METRICS_H_

#include "bench/harness/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace caisson::bench {
namespace {

// What has to be the same for times to mean the same. A system's update is another machine.
bool is_same_machine(const Json& a, const Json& b) {
  constexpr const char* kFields[] = {"cpu",    "cores",       "memory_bytes",
                                     "kernel", "file_system", "disk"};
  return std::ranges::all_of(
      kFields, [&](const char* field) { return a.value(field, Json()) == b.value(field, Json()); });
}

bool is_compared(const Metric& metric, By by) {
  if (metric.nature == Nature::kCounted) return true;
  return metric.nature == (by == By::kTime ? Nature::kTiming : Nature::kRatio);
}

}  // namespace

double Comparison::change() const {
  if (base.median == now.median) return 0;
  if (base.median == 0) return std::numeric_limits<double>::infinity();
  return now.median / base.median - 1;
}

std::uint64_t CompareReport::count(Verdict verdict) const {
  return static_cast<std::uint64_t>(std::ranges::count(lines, verdict, &Comparison::verdict));
}

std::uint64_t CompareReport::critical_regressions() const {
  return static_cast<std::uint64_t>(std::ranges::count_if(lines, [](const Comparison& line) {
    return line.critical && line.verdict == Verdict::kRegression;
  }));
}

Result<CompareReport> compare(const Figures& base, const Figures& now, By by) {
  if (base.profile != now.profile) {
    return fail(Error(Code::kInvalidArgument, "run.profile: the base is of profile " +
                                                  base.profile + ", the other run of " +
                                                  now.profile)
                    .with_advice("Compare runs of one profile."));
  }
  CompareReport report;
  report.same_machine = is_same_machine(base.machine, now.machine);
  report.by = by != By::kAuto ? by : report.same_machine ? By::kTime : By::kRatio;
  for (const auto& [name, before] : base.by_name) {
    if (before.gate == "none") continue;
    const auto found = now.by_name.find(name);
    if (found == now.by_name.end()) {
      report.missing.push_back(name);
      continue;
    }
    const Figure& after = found->second;
    for (const Metric& metric : kMetrics) {
      const auto was = before.metrics.find(std::string(metric.name));
      const auto is = after.metrics.find(std::string(metric.name));
      if (was == before.metrics.end() || is == after.metrics.end()) continue;
      if (!is_compared(metric, report.by)) continue;
      if (metric.nature == Nature::kRatio && before.reference != after.reference) continue;
      const bool fatal = metric.nature == Nature::kCounted || now.profile != "ci";
      report.lines.push_back({.benchmark = name,
                              .gate = after.gate,
                              .metric = &metric,
                              .base = was->second,
                              .now = is->second,
                              .verdict = judge(metric, was->second, is->second),
                              .critical = fatal && after.gate == "critical"});
    }
  }
  for (const auto& [name, after] : now.by_name) {
    if (after.gate != "none" && !base.by_name.contains(name)) report.added.push_back(name);
  }
  return report;
}

void write_csv(std::ostream& out, const CompareReport& report) {
  out << "benchmark,gate,metric,base,new,change_percent,base_variation_percent,"
         "new_variation_percent,verdict,critical\n";
  for (const Comparison& line : report.lines) {
    out << line.benchmark << ',' << line.gate << ',' << line.metric->name << ',' << line.base.median
        << ',' << line.now.median << ',' << 100 * line.change() << ',' << 100 * line.base.variation
        << ',' << 100 * line.now.variation << ',' << to_string(line.verdict) << ','
        << (line.critical ? "yes" : "no") << '\n';
  }
}

Json to_json(const CompareReport& report) {
  Json lines = Json::array();
  for (const Comparison& line : report.lines) {
    const double change = line.change();
    lines.push_back({{"benchmark", line.benchmark},
                     {"gate", line.gate},
                     {"metric", line.metric->name},
                     {"base", line.base.median},
                     {"new", line.now.median},
                     {"change", std::isfinite(change) ? Json(change) : Json()},
                     {"base_variation", line.base.variation},
                     {"new_variation", line.now.variation},
                     {"verdict", to_string(line.verdict)},
                     {"critical", line.critical}});
  }
  return {{"passed", report.passed()},
          {"same_machine", report.same_machine},
          {"by", report.by == By::kTime ? "time" : "ratio"},
          {"better", report.count(Verdict::kBetter)},
          {"same", report.count(Verdict::kSame)},
          {"unstable", report.count(Verdict::kUnstable)},
          {"regressions", report.count(Verdict::kRegression)},
          {"critical_regressions", report.critical_regressions()},
          {"missing", report.missing},
          {"added", report.added},
          {"lines", std::move(lines)}};
}

}  // namespace caisson::bench

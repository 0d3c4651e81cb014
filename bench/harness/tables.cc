#include "bench/harness/tables.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <optional>

namespace caisson::bench {
namespace {

std::string show_digits(double value) {
  std::array<char, 32> text{};
  const int decimals = value == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

// 12, 1.3 k, 4.56 M.
std::string show_amount(double value) {
  constexpr const char* kUnits[] = {"", " k", " M", " G", " T"};
  std::size_t unit = 0;
  for (; value >= 9999.5 && unit + 1 < std::size(kUnits); ++unit) value /= 1000;
  return show_digits(value) + kUnits[unit];
}

std::string show_percent(double part) { return show_digits(100 * part) + "%"; }

// With a sign; "new" where there was nothing.
std::string show_change(double change) {
  if (std::isinf(change)) return "from 0";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%+.1f%%", 100 * change);
  return text.data();
}

std::string show_variation(const Spread& spread) {
  return show_percent(spread.variation) + (spread.variation > kVariationMax ? " unstable" : "");
}

std::optional<Spread> metric_of(const Figure& figure, const char* name) {
  const auto found = figure.metrics.find(name);
  if (found == figure.metrics.end()) return {};
  return found->second;
}

std::string show_metric(const Metric& metric, double value) {
  if (metric.name.ends_with("_ns")) return show_nanoseconds(value);
  if (metric.nature == Nature::kRatio) return show_digits(value) + "x";
  return show_amount(value);
}

}  // namespace

std::string show_nanoseconds(double nanoseconds) {
  constexpr const char* kUnits[] = {" ns", " us", " ms", " s"};
  std::size_t unit = 0;
  for (; nanoseconds >= 999.5 && unit + 1 < std::size(kUnits); ++unit) nanoseconds /= 1000;
  return show_digits(nanoseconds) + kUnits[unit];
}

void print_figures(tools::Context& context, const Figures& figures) {
  tools::Table table({{"benchmark"},
                      {"time", true},
                      {"p99", true},
                      {"varies", true},
                      {"ops/s", true},
                      {"allocs", true},
                      {"syncs", true},
                      {"written", true},
                      {"of this"},
                      {"ratio", true}});
  for (const auto& entry : figures.by_name) {
    const Figure& figure = entry.second;
    const auto show = [&figure](const char* metric) {
      const auto spread = metric_of(figure, metric);
      return spread ? show_amount(spread->median) : "";
    };
    std::vector<std::string> cells{figure.name,
                                   show_nanoseconds(figure.headline_ns.median),
                                   show_nanoseconds(metric_of(figure, "p99_ns")->median),
                                   show_variation(figure.headline_ns),
                                   show("throughput"),
                                   show("allocations"),
                                   show("syncs"),
                                   show("bytes_written"),
                                   "",
                                   ""};
    if (figure.ratios.empty()) table.add(cells);
    for (const Ratio& ratio : figure.ratios) {
      cells[8] = ratio.against;
      cells[9] = show_digits(ratio.ratio.median) + "x";
      table.add(cells);
      for (std::size_t i = 0; i < 8; ++i) cells[i].clear();
    }
  }
  table.print(context);
}

Json to_json(const Figures& figures) {
  Json list = Json::array();
  for (const auto& [name, figure] : figures.by_name) {
    const auto show = [](const Spread& spread) {
      return Json{{"median", spread.median},
                  {"variation", spread.variation},
                  {"stable", spread.variation <= kVariationMax}};
    };
    Json metrics = Json::object();
    for (const auto& [metric, spread] : figure.metrics) metrics[metric] = show(spread);
    Json ratios = Json::object();
    for (const Ratio& ratio : figure.ratios) ratios[ratio.against] = show(ratio.ratio);
    list.push_back({{"name", name},
                    {"suite", figure.suite},
                    {"gate", figure.gate},
                    {"operation", figure.operation},
                    {"repeats", figure.repeats},
                    {"headline_ns", show(figure.headline_ns)},
                    {"metrics", std::move(metrics)},
                    {"time_over", std::move(ratios)}});
  }
  return {{"profile", figures.profile},
          {"run", figures.run},
          {"machine", figures.machine},
          {"build", figures.build},
          {"figures", std::move(list)}};
}

void print_comparison(tools::Context& context, const CompareReport& report, bool all) {
  tools::Table table({{"benchmark"},
                      {"metric"},
                      {"base", true},
                      {"new", true},
                      {"change", true},
                      {"varies", true},
                      {"verdict"}});
  bool any = false;
  for (const Comparison& line : report.lines) {
    if (!all && line.verdict == Verdict::kSame) continue;
    any = true;
    table.add({line.benchmark, std::string(line.metric->name),
               show_metric(*line.metric, line.base.median),
               show_metric(*line.metric, line.now.median), show_change(line.change()),
               show_percent(std::max(line.base.variation, line.now.variation)),
               std::string(to_string(line.verdict)) +
                   (line.critical && line.verdict == Verdict::kRegression ? " (critical)" : "")});
  }
  if (any) table.print(context);
  for (const std::string& name : report.missing) context.out << name << " is missing\n";
  for (const std::string& name : report.added) context.out << name << " is new\n";
  context.out << tools::show_number(report.lines.size()) << " compared ("
              << (report.by == By::kTime ? "times of one machine"
                                         : "ratios to references of the same run")
              << "): " << report.count(Verdict::kBetter) << " better, "
              << report.count(Verdict::kSame) << " the same, " << report.count(Verdict::kUnstable)
              << " unstable and not judged, " << report.count(Verdict::kRegression)
              << " regressions, of which " << report.critical_regressions() << " critical\n";
}

void print_list(tools::Context& context, const std::vector<const Benchmark*>& list) {
  tools::Table table({{"benchmark"}, {"suite"}, {"gate"}, {"measures"}});
  for (const Benchmark* benchmark : list) {
    const About& about = benchmark->about;
    table.add({about.name, to_string(about.suite), to_string(about.gate), about.about});
  }
  table.print(context);
}

Json to_json(const std::vector<const Benchmark*>& list) {
  Json json = Json::array();
  for (const Benchmark* benchmark : list) {
    const About& about = benchmark->about;
    json.push_back({{"name", about.name},
                    {"suite", to_string(about.suite)},
                    {"gate", to_string(about.gate)},
                    {"about", about.about},
                    {"operation", about.operation},
                    {"against", about.against},
                    {"quick", about.quick}});
  }
  return {{"benchmarks", std::move(json)}};
}

}  // namespace caisson::bench

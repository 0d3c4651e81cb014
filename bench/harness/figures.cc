#include "bench/harness/figures.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <system_error>

namespace caisson::bench {
namespace {

// The headline's time of one operation, in nanoseconds.
double headline_ns(const Json& document) {
  const Json& result = document["result"];
  const std::string headline = document["benchmark"]["headline"];
  if (headline == "median") return result["latency_ns"]["p50"];
  const char* const seconds = headline == "wall" ? "wall_seconds" : "processor_seconds";
  return result[seconds].get<double>() * 1e9 / result["operations"].get<double>();
}

// The repeats of one benchmark.
using Repeats = std::vector<const Json*>;

template <typename Value>
Spread spread_over(const Repeats& repeats, Value value) {
  std::vector<double> values;
  for (const Json* document : repeats) values.push_back(value(*document));
  return spread_of(std::move(values));
}

const Json* repeat_of(const Repeats& repeats, const Json& number) {
  const auto found = std::ranges::find_if(
      repeats, [&number](const Json* each) { return (*each)["run"]["repeat"] == number; });
  return found == repeats.end() ? nullptr : *found;
}

// How a time of each repeat compares with the other's headline of the same repeat; none where they
// have none in common.
template <typename Time>
std::optional<Spread> ratio_of(const Repeats& repeats, const Repeats& others, Time time) {
  std::vector<double> ratios;
  for (const Json* document : repeats) {
    const Json* const other = repeat_of(others, (*document)["run"]["repeat"]);
    if (other != nullptr && headline_ns(*other) > 0) {
      ratios.push_back(time(*document) / headline_ns(*other));
    }
  }
  if (ratios.empty()) return {};
  return spread_of(std::move(ratios));
}

double p99_ns(const Json& document) { return document["result"]["latency_ns"]["p99"]; }

// What was counted of one operation.
void add_counts(Figure& figure, const Repeats& repeats) {
  for (const char* name : {"allocations", "syncs", "bytes_written"}) {
    figure.metrics[name] = spread_over(repeats, [name](const Json& document) {
      return document["result"]["per_operation"][name].get<double>();
    });
  }
  if (repeats.front()->at("result").at("counters").contains("pages_touched")) {
    figure.metrics["pages_touched"] = spread_over(repeats, [](const Json& document) {
      return document["result"]["counters"].value("pages_touched", 0.0);
    });
  }
}

Figure sum_up_one(const Repeats& repeats, const std::map<std::string, Repeats>& all) {
  const Json& about = (*repeats.front())["benchmark"];
  Figure figure{.name = about["name"],
                .suite = about["suite"],
                .gate = about["gate"],
                .operation = about["operation"],
                .repeats = repeats.size(),
                .reference = "",
                .metrics = {},
                .headline_ns = spread_over(repeats, headline_ns),
                .ratios = {}};
  figure.metrics["throughput"] = spread_over(repeats, [](const Json& document) {
    return document["result"]["operations_per_second"].get<double>();
  });
  figure.metrics["p99_ns"] = spread_over(repeats, p99_ns);
  add_counts(figure, repeats);
  for (const std::string against : about["against"]) {
    const auto others = all.find(against);
    if (others == all.end()) continue;
    const auto ratio = ratio_of(repeats, others->second, headline_ns);
    if (!ratio) continue;
    figure.ratios.push_back({against, *ratio});
    if (!figure.reference.empty() || ratio->median <= 0) continue;
    figure.reference = against;
    figure.metrics["speed_to_reference"] = {1 / ratio->median, ratio->variation};
    figure.metrics["p99_to_reference"] = *ratio_of(repeats, others->second, p99_ns);
  }
  return figure;
}

Error of_several(const std::string& source, const std::string& field, const Json& a,
                 const Json& b) {
  return Error(Code::kInvalidArgument,
               field + ": there is " + a.dump() + " and " + b.dump() + ": results of several runs")
      .in_file(source)
      .with_advice("Give the results of one run.");
}

// Documents of a run agree about everything that isn't measured.
Result<void> check_same_run(const Json& first, const Json& other, const std::string& source) {
  for (const char* field : {"id", "profile", "seed"}) {
    const Json& a = first["run"][field];
    const Json& b = other["run"][field];
    if (a != b) return fail(of_several(source, std::string("run.") + field, a, b));
  }
  return {};
}

Result<std::vector<std::string>> files_of(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return std::vector{path};
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path().string());
  }
  if (error) return fail(Error(Code::kIoError, error.message()).in_file(path));
  std::ranges::sort(files);
  if (files.empty()) {
    return fail(Error(Code::kNotFound, "no results are there")
                    .in_file(path)
                    .with_advice("Write some with caisson-bench --out " + path + "."));
  }
  return files;
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  Spread spread;
  spread.median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  if (values.size() < 2 || mean == 0) return spread;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  spread.variation = std::sqrt(squares / (count - 1)) / std::abs(mean);
  return spread;
}

Result<Figures> sum_up(const std::vector<Json>& documents, const std::string& source) {
  const Json& first = documents.front();
  Figures figures{.profile = first["run"]["profile"],
                  .run = {{"id", first["run"]["id"]}, {"started", first["run"]["started"]}},
                  .machine = first["machine"],
                  .build = first["build"],
                  .by_name = {}};
  std::map<std::string, Repeats> all;
  for (const Json& document : documents) {
    CAISSON_RETURN_IF_ERROR(check_same_run(first, document, source));
    Repeats& repeats = all[document["benchmark"]["name"]];
    if (repeat_of(repeats, document["run"]["repeat"]) != nullptr) {
      return fail(Error(Code::kInvalidArgument,
                        "run.repeat: repeat " + document["run"]["repeat"].dump() + " of " +
                            document["benchmark"]["name"].dump() + " is there twice")
                      .in_file(source));
    }
    repeats.push_back(&document);
  }
  for (const auto& [name, repeats] : all) figures.by_name[name] = sum_up_one(repeats, all);
  return figures;
}

Result<Figures> read_figures(const std::string& path) {
  CAISSON_ASSIGN_OR_RETURN(const auto files, files_of(path));
  std::vector<Json> documents;
  for (const std::string& file : files) {
    CAISSON_ASSIGN_OR_RETURN(Json document, read_json(file));
    const bool baseline =
        document.is_object() && document.value("format", Json()) == "caisson-bench-baseline";
    if (baseline && files.size() == 1) return from_baseline(document, file);
    CAISSON_RETURN_IF_ERROR(validate_result(document, file));
    documents.push_back(std::move(document));
  }
  return sum_up(documents, path);
}

Json to_baseline(const Figures& figures) {
  Json list = Json::array();
  for (const auto& [name, figure] : figures.by_name) {
    Json metrics = Json::object();
    for (const auto& [metric, spread] : figure.metrics) {
      metrics[metric] = {{"median", spread.median}, {"variation", spread.variation}};
    }
    list.push_back({{"name", name},
                    {"suite", figure.suite},
                    {"gate", figure.gate},
                    {"operation", figure.operation},
                    {"repeats", figure.repeats},
                    {"reference", figure.reference.empty() ? Json() : Json(figure.reference)},
                    {"metrics", std::move(metrics)}});
  }
  return {{"format", "caisson-bench-baseline"}, {"version", 1},
          {"profile", figures.profile},         {"run", figures.run},
          {"machine", figures.machine},         {"build", figures.build},
          {"figures", std::move(list)}};
}

Result<Figures> from_baseline(const Json& document, const std::string& file) {
  CAISSON_RETURN_IF_ERROR(validate_baseline(document, file));
  Figures figures{.profile = document["profile"],
                  .run = document["run"],
                  .machine = document["machine"],
                  .build = document["build"],
                  .by_name = {}};
  for (const Json& each : document["figures"]) {
    Figure figure{.name = each["name"],
                  .suite = each["suite"],
                  .gate = each["gate"],
                  .operation = each["operation"],
                  .repeats = each["repeats"],
                  .reference = each["reference"].is_null() ? "" : each["reference"],
                  .metrics = {},
                  .headline_ns = {},
                  .ratios = {}};
    for (const auto& [name, spread] : each["metrics"].items()) {
      if (find_metric(name) == nullptr) {
        return fail(Error(Code::kInvalidArgument, "figures." + figure.name + ".metrics." + name +
                                                      ": there is no metric of this name")
                        .in_file(file));
      }
      figure.metrics[name] = {spread["median"], spread["variation"]};
    }
    if (!figures.by_name.emplace(figure.name, figure).second) {
      return fail(Error(Code::kInvalidArgument, "figures: " + figure.name + " is there twice")
                      .in_file(file));
    }
  }
  return figures;
}

}  // namespace caisson::bench

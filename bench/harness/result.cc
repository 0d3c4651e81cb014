#include "bench/harness/result.h"

#include <cmath>
#include <memory>
#include <sstream>
#include <string_view>
#include <type_traits>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include <bench_schemas.h>
#include "tools/cli/descriptor.h"
#include "tools/cli/output_file.h"

namespace caisson::bench {
namespace {

Json to_json(const About& about) {
  Json parameters = Json::object();
  for (const auto& [name, value] : about.parameters) {
    const double* const number = std::get_if<double>(&value);
    parameters[name] = number != nullptr ? Json(*number) : Json(std::get<std::string>(value));
  }
  return {{"name", about.name},
          {"suite", to_string(about.suite)},
          {"about", about.about},
          {"operation", about.operation},
          {"bound", to_string(about.bound)},
          {"headline", to_string(about.headline)},
          {"gate", to_string(about.gate)},
          {"against", about.against},
          {"parameters", std::move(parameters)}};
}

Json to_json(const Machine& machine, const FileSystem& files) {
  return {{"cpu", machine.cpu},
          {"cpu_features", machine.cpu_features},
          {"cores", machine.cores},
          {"memory_bytes", machine.memory_bytes},
          {"architecture", machine.architecture},
          {"kernel", machine.kernel},
          {"file_system", files.name},
          {"disk", files.device},
          {"governor", machine.governor}};
}

Json to_json(const Build& build) {
  return {{"version", build.version},   {"commit", build.commit}, {"dirty", build.dirty},
          {"compiler", build.compiler}, {"flags", build.flags},   {"build_type", build.build_type}};
}

Json latency_of(const Measurement& measured) {
  const Histogram::Snapshot& samples = measured.samples;
  const auto each = static_cast<double>(measured.operations_per_sample);
  const auto percentile = [&](double percent) {
    return static_cast<double>(samples.percentile(percent)) / each;
  };
  Json buckets = Json::array();
  for (std::size_t bucket = 0; bucket < Histogram::kBucketCount; ++bucket) {
    if (const std::uint64_t count = samples.count_in(bucket); count > 0) {
      buckets.push_back({static_cast<double>(Histogram::bucket_high(bucket)) / each, count});
    }
  }
  return {{"samples", samples.count()},
          {"operations_per_sample", measured.operations_per_sample},
          {"min", static_cast<double>(samples.min()) / each},
          {"mean", samples.mean() / each},
          {"p50", percentile(50)},
          {"p90", percentile(90)},
          {"p95", percentile(95)},
          {"p99", percentile(99)},
          {"p99_9", percentile(99.9)},
          {"max", static_cast<double>(samples.max()) / each},
          {"buckets", std::move(buckets)}};
}

Json per_operation(const Measurement& measured) {
  const auto each = [&measured](std::uint64_t count) {
    return static_cast<double>(count) / static_cast<double>(measured.operations);
  };
  const Costs& costs = measured.costs;
  Json json{{"reads", each(costs.reads)},
            {"bytes_read", each(costs.bytes_read)},
            {"writes", each(costs.writes)},
            {"bytes_written", each(costs.bytes_written)},
            {"bytes_of_zeros", each(costs.bytes_of_zeros)},
            {"syncs", each(costs.syncs)},
            {"system_calls", nullptr},
            {"allocations", each(costs.allocations)},
            {"allocated_bytes", each(costs.allocated_bytes)},
            {"minor_faults", each(costs.minor_faults)},
            {"major_faults", each(costs.major_faults)}};
  if (costs.system_calls) json["system_calls"] = each(*costs.system_calls);
  return json;
}

// --- Validation ----------------------------------------------------------------------------------

Error wrong(const std::string& file, const std::string& field, const std::string& what) {
  return Error(Code::kInvalidArgument, field + ": " + what)
      .in_file(file)
      .with_advice("Give results that caisson-bench of this version has written.");
}

using Plain = nlohmann::json;

// A way into a document, "<root>", "[result]", "[buckets]", "[0]", as people write it:
// "result.buckets[0]"; and what is there, where that is short.
struct Place {
  std::string field;
  std::string value;
};

Place place_of(const Plain& document, const std::vector<std::string>& steps) {
  Place place;
  const Plain* here = &document;
  for (const std::string& step : steps) {
    if (!step.starts_with('[') || !step.ends_with(']')) continue;
    const std::string name = step.substr(1, step.size() - 2);
    if (here->is_array()) {
      place.field += step;
      here = &here->at(std::stoul(name));
    } else {
      place.field += (place.field.empty() ? "" : ".") + name;
      here = &here->at(name);
    }
  }
  if (place.field.empty()) place.field = "the document";
  if (!here->is_structured()) place.value = " It is " + here->dump() + ".";
  return place;
}

class Schema {
 public:
  explicit Schema(const char* text) {
    const Plain json = Plain::parse(text);
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(valijson::adapters::NlohmannJsonAdapter(json), schema_);
  }

  Result<void> validate(const Json& document, const std::string& file) const {
    const Plain plain = document;
    valijson::ValidationResults found;
    valijson::Validator validator;
    const valijson::adapters::NlohmannJsonAdapter adapter(plain);
    if (validator.validate(schema_, adapter, &found)) return {};
    // The first one lies deepest.
    valijson::ValidationResults::Error first;
    found.popError(first);
    const Place place = place_of(plain, first.context);
    return fail(wrong(file, place.field, first.description + place.value));
  }

 private:
  valijson::Schema schema_;
};

Result<void> check_latency(const Json& latency, const std::string& file) {
  constexpr const char* kRising[] = {"min", "p50", "p90", "p95", "p99", "p99_9", "max"};
  for (std::size_t i = 1; i < std::size(kRising); ++i) {
    if (latency[kRising[i]] < latency[kRising[i - 1]]) {
      return fail(wrong(file, std::string("result.latency_ns.") + kRising[i],
                        std::string("is less than ") + kRising[i - 1]));
    }
  }
  double total = 0;
  double last = -1;
  for (const Json& bucket : latency["buckets"]) {
    if (bucket[0].get<double>() <= last) {
      return fail(wrong(file, "result.latency_ns.buckets", "are not in their order"));
    }
    last = bucket[0].get<double>();
    total += bucket[1].get<double>();
  }
  if (total != latency["samples"].get<double>()) {
    return fail(wrong(file, "result.latency_ns.samples", "is not what its buckets add up to"));
  }
  return {};
}

}  // namespace

Json document_of(const About& about, const RunInfo& info, const Settings& settings,
                 std::uint64_t repeat, const Measurement& measured) {
  const double seconds = static_cast<double>(measured.costs.wall_ns) / 1e9;
  return {{"format", "caisson-bench-result"},
          {"version", 1},
          {"benchmark", to_json(about)},
          {"run",
           {{"id", info.id},
            {"repeat", repeat},
            {"repeats", info.repeats},
            {"seed", settings.seed},
            {"profile", to_string(settings.profile)},
            {"warmup_operations", settings.warmup_operations},
            {"warmup_ns", settings.warmup_ns},
            {"started", info.started}}},
          {"result",
           {{"operations", measured.operations},
            {"wall_seconds", seconds},
            {"processor_seconds", static_cast<double>(measured.costs.processor_ns) / 1e9},
            {"operations_per_second", static_cast<double>(measured.operations) / seconds},
            {"latency_ns", latency_of(measured)},
            {"per_operation", per_operation(measured)},
            {"peak_rss_bytes", measured.peak_rss_bytes},
            {"errors", measured.errors},
            {"counters", measured.counters}}},
          {"machine", to_json(info.machine, info.file_system)},
          {"build", to_json(info.build)}};
}

std::string file_name_of(const std::string& benchmark, std::uint64_t repeat) {
  std::string name = benchmark;
  for (char& each : name) {
    if (each == '/') each = '-';
  }
  const std::string number = std::to_string(repeat);
  return name + "_r" + std::string(number.size() < 3 ? 3 - number.size() : 0, '0') + number +
         ".json";
}

Result<void> validate_result(const Json& document, const std::string& file) {
  static const Schema schema(kResultsSchema);
  CAISSON_RETURN_IF_ERROR(schema.validate(document, file));
  const Json& run = document["run"];
  if (run["repeat"] > run["repeats"]) {
    return fail(wrong(file, "run.repeat", "is more than run.repeats"));
  }
  const Json& result = document["result"];
  const double rate = result["operations"].get<double>() / result["wall_seconds"].get<double>();
  if (std::abs(rate / result["operations_per_second"].get<double>() - 1) > 1e-6) {
    return fail(wrong(file, "result.operations_per_second", "is not operations over wall_seconds"));
  }
  return check_latency(result["latency_ns"], file);
}

Result<void> validate_baseline(const Json& document, const std::string& file) {
  static const Schema schema(kBaselineSchema);
  return schema.validate(document, file);
}

Result<Json> read_json(const std::string& file) {
  CAISSON_ASSIGN_OR_RETURN(const auto input, tools::InputFile::open(file));
  std::ostringstream text;
  text << input->stream().rdbuf();
  CAISSON_RETURN_IF_ERROR(input->status());
  Json document = Json::parse(text.str(), nullptr, false);
  if (document.is_discarded()) {
    return fail(Error(Code::kInvalidArgument, "is no JSON")
                    .in_file(file)
                    .with_advice("Give results that caisson-bench has written."));
  }
  return document;
}

Result<void> write_json(const std::string& file, const Json& document) {
  CAISSON_ASSIGN_OR_RETURN(const auto output, tools::OutputFile::create(file));
  output->stream() << document.dump(1) << "\n";
  CAISSON_RETURN_IF_ERROR(output->status());
  return output->finish();
}

}  // namespace caisson::bench

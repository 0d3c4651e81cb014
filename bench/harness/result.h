// One repeat of one benchmark as JSON, by bench/results.schema.json.

#ifndef CAISSON_BENCH_HARNESS_RESULT_H_
#define CAISSON_BENCH_HARNESS_RESULT_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/harness/benchmark.h"
#include "bench/harness/machine.h"
#include "bench/harness/run.h"

namespace caisson::bench {

// Ordered, so that files read as they were written.
using Json = nlohmann::ordered_json;

// What all files of a run have in common.
struct RunInfo {
  std::string id;       // 16 hexadecimal digits.
  std::string started;  // 2026-03-31T09:05:59Z
  std::uint64_t repeats = 1;
  Machine machine;
  FileSystem file_system;
  Build build;
};

// The whole document.
Json document_of(const About& about, const RunInfo& info, const Settings& settings,
                 std::uint64_t repeat, const Measurement& measured);

// "log/append", repeat 3: "log-append_r003.json".
std::string file_name_of(const std::string& benchmark, std::uint64_t repeat);

// Whether a document is what results.schema.json says, and its numbers agree with each other.
// kInvalidArgument, naming `file` and the field.
Result<void> validate_result(const Json& document, const std::string& file);

// The same by baseline.schema.json.
Result<void> validate_baseline(const Json& document, const std::string& file);

// Reads and parses a file. kNotFound ..., and kInvalidArgument where it is no JSON.
Result<Json> read_json(const std::string& file);

// Written under its name when it is whole, and not at all else.
Result<void> write_json(const std::string& file, const Json& document);

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_HARNESS_RESULT_H_

// Documents of results: what is in them, and what is said of those that are wrong.

#include "bench/harness/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "base/testing/value_of.h"
#include "bench/harness/testing/results.h"

namespace caisson::bench {
namespace {

using caisson::testing::value_of;
using ::testing::HasSubstr;
using testing::some_benchmark;
using testing::some_measurement;
using testing::some_result;
using testing::some_run;
using ::testing::StartsWith;

TEST(Result, IsTheDocumentOfTheGoldenFile) {
  Measurement measured = some_measurement({1000, 1000, 1000, 2000, 50'000});
  measured.counters["pages_touched"] = 1.5;
  measured.errors = 1;
  const Json document = document_of(some_benchmark(), some_run(),
                                    {.profile = Profile::kCi,
                                     .seed = 7,
                                     .warmup_operations = 10,
                                     .warmup_ns = 20,
                                     .directory = ""},
                                    2, measured);
  const std::string path = std::string(CAISSON_SOURCE_DIR) + "/bench/harness/testing/result.json";
  std::ifstream golden(path);
  std::ostringstream text;
  text << golden.rdbuf();
  EXPECT_EQ(document.dump(1) + "\n", text.str()) << path << ", which should be\n"
                                                 << document.dump(1);
  EXPECT_TRUE(validate_result(document, "golden"));
}

TEST(Result, SaysPercentilesOfOneOperationWhereASampleIsSeveral) {
  Measurement measured = some_measurement({50'000, 50'000, 100'000});
  measured.operations_per_sample = 50;
  measured.operations = 150;
  const Json document = document_of(some_benchmark(), some_run(), {.directory = ""}, 1, measured);
  const Json& latency = document["result"]["latency_ns"];
  EXPECT_NEAR(latency["p50"], 1000, 1000 / 64.0);
  EXPECT_NEAR(latency["max"], 2000, 2000 / 64.0);
  EXPECT_EQ(latency["samples"], 3);
  EXPECT_NEAR(document["result"]["operations_per_second"], 150 / 200e-6, 1);
  EXPECT_TRUE(validate_result(document, "it"));
}

TEST(Result, HasNoCountOfSystemCallsWhereTheKernelGaveNone) {
  Measurement measured = some_measurement({1000});
  measured.costs.system_calls.reset();
  const Json document = document_of(some_benchmark(), some_run(), {.directory = ""}, 1, measured);
  EXPECT_TRUE(document["result"]["per_operation"]["system_calls"].is_null());
  EXPECT_TRUE(validate_result(document, "it"));
}

TEST(Result, FileNamesAreStable) {
  EXPECT_EQ(file_name_of("mvcc/commit_group/16", 3), "mvcc-commit_group-16_r003.json");
  EXPECT_EQ(file_name_of("a/b", 999), "a-b_r999.json");
}

struct Wrong {
  const char* name;
  std::function<void(Json& document)> spoil;
  const char* field;
};

const Wrong kWrong[] = {
    {"NoObject", [](Json& d) { d = Json::array(); }, "the document"},
    {"Foreign", [](Json& d) { d = {{"context", 1}, {"benchmarks", 2}}; }, "the document"},
    {"OtherFormat", [](Json& d) { d["format"] = "other"; }, "format"},
    {"NewerVersion", [](Json& d) { d["version"] = 2; }, "version"},
    {"NoResult", [](Json& d) { d.erase("result"); }, "the document"},
    {"NoP99", [](Json& d) { d["result"]["latency_ns"].erase("p99"); }, "result.latency_ns"},
    {"TextForANumber", [](Json& d) { d["result"]["errors"] = "none"; }, "result.errors"},
    {"NegativeCount", [](Json& d) { d["result"]["per_operation"]["syncs"] = -1; },
     "result.per_operation.syncs"},
    {"UnknownField", [](Json& d) { d["machine"]["colour"] = "blue"; }, "machine"},
    {"BadName", [](Json& d) { d["benchmark"]["name"] = "Log Append"; }, "benchmark.name"},
    {"UnknownSuite", [](Json& d) { d["benchmark"]["suite"] = "nano"; }, "benchmark.suite"},
    {"ShortCommit", [](Json& d) { d["build"]["commit"] = "abc"; }, "build.commit"},
    {"NoOperations", [](Json& d) { d["result"]["operations"] = 0; }, "result.operations"},
    {"BadBucket", [](Json& d) { d["result"]["latency_ns"]["buckets"][0] = Json::array({1}); },
     "result.latency_ns.buckets[0]"},
    {"NoThreads", [](Json& d) { d["benchmark"]["parameters"]["threads"] = 0; },
     "benchmark.parameters.threads"},
    // What the schema can't say.
    {"RepeatOfMore", [](Json& d) { d["run"]["repeat"] = 4; }, "run.repeat"},
    {"OtherRate", [](Json& d) { d["result"]["operations_per_second"] = 5; },
     "result.operations_per_second"},
    {"FallingPercentiles", [](Json& d) { d["result"]["latency_ns"]["p90"] = 1e9; },
     "result.latency_ns.p95"},
    {"OtherSamples", [](Json& d) { d["result"]["latency_ns"]["samples"] = 7; },
     "result.latency_ns.samples"},
    {"BucketsOutOfOrder",
     [](Json& d) {
       Json& buckets = d["result"]["latency_ns"]["buckets"];
       buckets.push_back(buckets[0]);
     },
     "result.latency_ns.buckets"},
};

class WrongResult : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongResult, IsRefusedWithFileAndField) {
  Json document = some_result(some_benchmark(), 1, 1000);
  value_of(validate_result(document, "fine.json"));
  GetParam().spoil(document);
  const auto result = validate_result(document, "some.json");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(result.error().file(), "some.json");
  EXPECT_THAT(result.error().message(), StartsWith(std::string(GetParam().field) + ": "));
}

TEST(Result, WhatIsThereInsteadIsSaid) {
  Json document = some_result(some_benchmark(), 1, 1000);
  document["benchmark"]["suite"] = "nano";
  EXPECT_THAT(validate_result(document, "x").error().message(), HasSubstr("It is \"nano\"."));
}

INSTANTIATE_TEST_SUITE_P(Each, WrongResult, ::testing::ValuesIn(kWrong),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace caisson::bench

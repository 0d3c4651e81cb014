// Two runs beside each other.

#include "bench/harness/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/testing/value_of.h"
#include "bench/harness/testing/results.h"

namespace caisson::bench {
namespace {

using caisson::testing::value_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::some_benchmark;
using testing::some_result;

// One benchmark with its limit; each document may be changed before it is summed up.
Figures run_of(std::uint64_t nanoseconds, const std::function<void(Json&)>& change = {},
               std::uint64_t limit_nanoseconds = 1000, Gate gate = Gate::kCritical) {
  About about = some_benchmark();
  about.gate = gate;
  About limit = some_benchmark("limit/append");
  limit.gate = Gate::kNone;
  limit.against = {};
  std::vector<Json> documents;
  for (std::uint64_t repeat = 1; repeat <= 3; ++repeat) {
    documents.push_back(some_result(about, repeat, nanoseconds));
    documents.push_back(some_result(limit, repeat, limit_nanoseconds));
  }
  if (change) {
    for (Json& document : documents) change(document);
  }
  return value_of(sum_up(documents, "it"));
}

Verdict verdict_of(const CompareReport& report, std::string_view metric) {
  for (const Comparison& line : report.lines) {
    if (line.metric->name == metric) return line.verdict;
  }
  throw std::runtime_error("no line for " + std::string(metric));
}

bool has(const CompareReport& report, std::string_view metric) {
  return std::ranges::any_of(report.lines,
                             [&](const Comparison& line) { return line.metric->name == metric; });
}

TEST(Compare, ARunBesideItselfHasNotChangedAndPasses) {
  const Figures run = run_of(2000);
  const CompareReport report = value_of(compare(run, run, By::kAuto));
  EXPECT_TRUE(report.passed());
  EXPECT_EQ(report.count(Verdict::kSame), report.lines.size());
  EXPECT_GE(report.lines.size(), 5U);
}

TEST(Compare, OnOneMachineTimesAreCompared) {
  const CompareReport report = value_of(compare(run_of(2000), run_of(2300), By::kAuto));
  EXPECT_TRUE(report.same_machine);
  EXPECT_EQ(report.by, By::kTime);
  EXPECT_EQ(verdict_of(report, "throughput"), Verdict::kRegression);
  EXPECT_EQ(verdict_of(report, "p99_ns"), Verdict::kRegression);
  EXPECT_FALSE(has(report, "speed_to_reference"));
  EXPECT_EQ(report.critical_regressions(), 2U);
  EXPECT_FALSE(report.passed());
}

TEST(Compare, AFasterRunPasses) {
  const CompareReport report = value_of(compare(run_of(2300), run_of(2000), By::kAuto));
  EXPECT_EQ(verdict_of(report, "throughput"), Verdict::kBetter);
  EXPECT_EQ(verdict_of(report, "p99_ns"), Verdict::kBetter);
  EXPECT_TRUE(report.passed());
}

// Another machine that is half as fast at everything, and one at which only ours is slower.
TEST(Compare, AcrossMachinesRatiosToReferencesAre) {
  const auto elsewhere = [](Json& document) { document["machine"]["cpu"] = "Example 10000"; };
  const CompareReport even =
      value_of(compare(run_of(2000), run_of(4000, elsewhere, 2000), By::kAuto));
  EXPECT_FALSE(even.same_machine);
  EXPECT_EQ(even.by, By::kRatio);
  EXPECT_EQ(verdict_of(even, "speed_to_reference"), Verdict::kSame);
  EXPECT_FALSE(has(even, "throughput"));
  EXPECT_TRUE(even.passed());
  const CompareReport slower =
      value_of(compare(run_of(2000), run_of(2500, elsewhere, 1000), By::kAuto));
  EXPECT_EQ(verdict_of(slower, "speed_to_reference"), Verdict::kRegression);
  EXPECT_EQ(verdict_of(slower, "p99_to_reference"), Verdict::kRegression);
  EXPECT_FALSE(slower.passed());
}

TEST(Compare, WhatIsCountedIsComparedAnywhere) {
  const auto more = [](const char* field) {
    return [field](Json& document) {
      document["machine"]["cpu"] = "Example 10000";
      Json& value = document["result"]["per_operation"][field];
      value = value.get<double>() * 1.2;
    };
  };
  for (const char* field : {"allocations", "syncs", "bytes_written"}) {
    const CompareReport report =
        value_of(compare(run_of(2000), run_of(2000, more(field)), By::kAuto));
    EXPECT_EQ(verdict_of(report, field), Verdict::kRegression) << field;
    EXPECT_EQ(report.critical_regressions(), 1U) << field;
  }
}

TEST(Compare, InProfileCiTimesNeverFailAndCountsDo) {
  const auto ci = [](Json& document) { document["run"]["profile"] = "ci"; };
  const CompareReport slower = value_of(compare(run_of(2000, ci), run_of(4000, ci), By::kRatio));
  EXPECT_EQ(verdict_of(slower, "speed_to_reference"), Verdict::kRegression);
  EXPECT_TRUE(slower.passed());
  const auto flushes = [](Json& document) {
    document["run"]["profile"] = "ci";
    document["result"]["per_operation"]["syncs"] = 2;
  };
  EXPECT_FALSE(value_of(compare(run_of(2000, ci), run_of(2000, flushes), By::kRatio)).passed());
}

TEST(Compare, WhatIsNotCriticalIsShownAndPasses) {
  const CompareReport report = value_of(compare(
      run_of(2000, {}, 1000, Gate::kAdvisory), run_of(4000, {}, 1000, Gate::kAdvisory), By::kAuto));
  EXPECT_EQ(report.count(Verdict::kRegression), 2U);
  EXPECT_TRUE(report.passed());
}

TEST(Compare, LimitsAreNotCompared) {
  const CompareReport report =
      value_of(compare(run_of(2000, {}, 1000), run_of(2000, {}, 9000), By::kTime));
  EXPECT_TRUE(report.passed());
  for (const Comparison& line : report.lines) EXPECT_EQ(line.benchmark, "log/append");
}

TEST(Compare, WhatIsMissingFailsAndWhatIsNewPasses) {
  Figures fewer = run_of(2000);
  Figures more = fewer;
  more.by_name["log/other"] = more.by_name.at("log/append");
  const CompareReport missing = value_of(compare(more, fewer, By::kAuto));
  EXPECT_THAT(missing.missing, ElementsAre("log/other"));
  EXPECT_FALSE(missing.passed());
  const CompareReport added = value_of(compare(fewer, more, By::kAuto));
  EXPECT_THAT(added.added, ElementsAre("log/other"));
  EXPECT_TRUE(added.passed());
}

TEST(Compare, NothingComparedDoesNotPass) {
  Figures none = run_of(2000);
  none.by_name.clear();
  EXPECT_FALSE(value_of(compare(none, none, By::kAuto)).passed());
}

TEST(Compare, ProfilesAreNotMixed) {
  const auto ci = [](Json& document) { document["run"]["profile"] = "ci"; };
  const auto report = compare(run_of(2000), run_of(2000, ci), By::kAuto);
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message(), HasSubstr("run.profile"));
}

TEST(Compare, TheCsvHasALineForEachMetric) {
  const CompareReport report = value_of(compare(run_of(2000), run_of(2600), By::kAuto));
  std::ostringstream csv;
  write_csv(csv, report);
  const std::string text = csv.str();
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(text, '\n')), report.lines.size() + 1);
  EXPECT_THAT(text, HasSubstr("benchmark,gate,metric,base,new,change_percent,"));
  EXPECT_THAT(text, HasSubstr("log/append,critical,syncs,1,1,0,0,0,same,yes\n"));
  EXPECT_THAT(text, HasSubstr("log/append,critical,throughput,500000,384615,-23.07"));
}

}  // namespace
}  // namespace caisson::bench

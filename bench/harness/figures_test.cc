// Repeats summed up: the middle, how they vary, and ratios pair by pair.

#include "bench/harness/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/testing/value_of.h"
#include "bench/harness/testing/results.h"
#include "tools/testing/command.h"

namespace caisson::bench {
namespace {

using caisson::testing::value_of;
using ::testing::HasSubstr;
using testing::some_benchmark;
using testing::some_result;

TEST(Spread, IsTheMiddleAndTheDeviationOverTheMean) {
  EXPECT_EQ(spread_of({5}).median, 5);
  EXPECT_EQ(spread_of({5}).variation, 0);
  EXPECT_EQ(spread_of({9, 1, 5}).median, 5);
  EXPECT_EQ(spread_of({1, 2, 3, 4}).median, 2.5);
  // Of 8 and 12: the mean is 10, the deviation the root of (4 + 4) / 1.
  EXPECT_NEAR(spread_of({8, 12}).variation, 0.28284, 1e-5);
  EXPECT_EQ(spread_of({0, 0}).variation, 0);
}

About limit() {
  About about = some_benchmark("limit/append");
  about.gate = Gate::kNone;
  about.against = {};
  return about;
}

// In a slow minute both take twice as long: the ratio of each pair is the same.
TEST(Figures, RatiosAreOfPairsOfTheSameRepeat) {
  const std::vector<Json> documents{
      some_result(some_benchmark(), 1, 2000), some_result(limit(), 1, 1000),
      some_result(some_benchmark(), 2, 4000), some_result(limit(), 2, 2000),
      some_result(some_benchmark(), 3, 2000), some_result(limit(), 3, 1000)};
  const Figures figures = value_of(sum_up(documents, "it"));
  const Figure& figure = figures.by_name.at("log/append");
  ASSERT_EQ(figure.ratios.size(), 1U);
  EXPECT_EQ(figure.ratios[0].against, "limit/append");
  EXPECT_NEAR(figure.ratios[0].ratio.median, 2, 0.05);
  EXPECT_LT(figure.ratios[0].ratio.variation, 0.02);
  EXPECT_GT(figure.headline_ns.variation, 0.4);
  EXPECT_EQ(figure.reference, "limit/append");
  EXPECT_NEAR(figure.metrics.at("speed_to_reference").median, 0.5, 0.02);
  EXPECT_NEAR(figure.metrics.at("p99_to_reference").median, 2, 0.05);
  EXPECT_EQ(figure.metrics.at("syncs").median, 1);
  EXPECT_EQ(figure.metrics.at("allocations").median, 3);
  EXPECT_EQ(figure.metrics.at("bytes_written").median, 4096);
  EXPECT_FALSE(figure.metrics.contains("pages_touched"));
  EXPECT_EQ(figure.repeats, 3U);
}

TEST(Figures, TakeTheHeadlineThatTheBenchmarkNames) {
  About about = some_benchmark("log/wall");
  about.headline = Headline::kWall;
  About processor = some_benchmark("log/processor");
  processor.headline = Headline::kProcessor;
  const Figures figures =
      value_of(sum_up({some_result(about, 1, 1000), some_result(processor, 1, 1000)}, "it"));
  EXPECT_NEAR(figures.by_name.at("log/wall").headline_ns.median, 1000, 1);
  EXPECT_NEAR(figures.by_name.at("log/processor").headline_ns.median, 500, 1);
}

TEST(Figures, OfAReferenceThatDidNotRunThereIsNoRatio) {
  const Figures figures = value_of(sum_up({some_result(some_benchmark(), 1, 1000)}, "it"));
  const Figure& figure = figures.by_name.at("log/append");
  EXPECT_TRUE(figure.ratios.empty());
  EXPECT_EQ(figure.reference, "");
  EXPECT_FALSE(figure.metrics.contains("speed_to_reference"));
}

TEST(Figures, OfSeveralRunsAreRefused) {
  Json other = some_result(some_benchmark(), 2, 1000);
  other["run"]["id"] = "fedcba9876543210";
  const auto mixed = sum_up({some_result(some_benchmark(), 1, 1000), other}, "here");
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().file(), "here");
  EXPECT_THAT(mixed.error().message(), HasSubstr("run.id"));
  const Json one = some_result(some_benchmark(), 1, 1000);
  const auto twice = sum_up({one, one}, "here");
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().message(), HasSubstr("twice"));
}

class FigureFiles : public tools::FolderTest {
 protected:
  void write(const std::string& name, const std::string& text) {
    std::ofstream(path(name)) << text;
  }
};

TEST_F(FigureFiles, ADirectoryIsReadWholeAndOneFileAlone) {
  write("a.json", some_result(some_benchmark(), 1, 1000).dump());
  write("b.json", some_result(some_benchmark(), 2, 3000).dump());
  write("notes.txt", "no result");
  EXPECT_EQ(value_of(read_figures(path(""))).by_name.at("log/append").repeats, 2U);
  EXPECT_EQ(value_of(read_figures(path("a.json"))).by_name.at("log/append").repeats, 1U);
}

TEST_F(FigureFiles, WhatIsWrongIsSaidWithItsFile) {
  EXPECT_EQ(read_figures(path("none")).error().code(), Code::kNotFound);
  EXPECT_EQ(read_figures(path("")).error().code(), Code::kNotFound);
  write("a.json", "{\"format\":");
  const auto cut = read_figures(path(""));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(cut.error().file(), path("a.json"));
  write("a.json", R"({"context": {}, "benchmarks": []})");
  const auto foreign = read_figures(path(""));
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().file(), path("a.json"));
}

TEST_F(FigureFiles, ABaselineIsReadAsItWasWritten) {
  const Figures figures = value_of(
      sum_up({some_result(some_benchmark(), 1, 2000), some_result(limit(), 1, 1000)}, "it"));
  value_of(write_json(path("base.json"), to_baseline(figures)));
  const Figures read = value_of(read_figures(path("base.json")));
  EXPECT_EQ(read.profile, figures.profile);
  EXPECT_EQ(read.machine, figures.machine);
  ASSERT_EQ(read.by_name.size(), 2U);
  const Figure& figure = read.by_name.at("log/append");
  EXPECT_EQ(figure.reference, "limit/append");
  EXPECT_EQ(read.by_name.at("limit/append").reference, "");
  ASSERT_EQ(figure.metrics.size(), figures.by_name.at("log/append").metrics.size());
  for (const auto& [name, spread] : figures.by_name.at("log/append").metrics) {
    EXPECT_EQ(figure.metrics.at(name).median, spread.median) << name;
    EXPECT_EQ(figure.metrics.at(name).variation, spread.variation) << name;
  }
}

TEST_F(FigureFiles, AWrongBaselineIsRefusedWithItsField) {
  const Figures figures = value_of(sum_up({some_result(limit(), 1, 1000)}, "it"));
  Json metric = to_baseline(figures);
  metric["figures"][0]["metrics"]["speed"] = {{"median", 1}, {"variation", 0}};
  const auto unknown = from_baseline(metric, "base.json");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().file(), "base.json");
  EXPECT_THAT(unknown.error().message(), HasSubstr("limit/append.metrics.speed"));
  Json missing = to_baseline(figures);
  missing["figures"][0].erase("gate");
  EXPECT_THAT(from_baseline(missing, "base.json").error().message(), HasSubstr("figures[0]"));
  Json twice = to_baseline(figures);
  twice["figures"].push_back(twice["figures"][0]);
  EXPECT_THAT(from_baseline(twice, "base.json").error().message(), HasSubstr("twice"));
}

}  // namespace
}  // namespace caisson::bench

// What counts as worse: each metric with a base of 100, on either side of its threshold.

#include "bench/harness/metrics.h"

#include <gtest/gtest.h>

#include <string>

namespace caisson::bench {
namespace {

class Thresholds : public ::testing::TestWithParam<Metric> {
 protected:
  // What a change towards the worse (or, if negative, the better) by a part of the base comes to.
  static Verdict after(double worse_by, double variation = 0) {
    const Metric& metric = GetParam();
    const double sign = metric.better == Better::kLower ? 1 : -1;
    return judge(metric, {100, variation}, {100 * (1 + sign * worse_by), variation});
  }
};

TEST_P(Thresholds, ARegressionFailsAndAnImprovementPasses) {
  const double tolerance = GetParam().tolerance;
  EXPECT_EQ(after(tolerance + 0.001), Verdict::kRegression);
  EXPECT_EQ(after(0.5), Verdict::kRegression);
  EXPECT_EQ(after(-tolerance - 0.001), Verdict::kBetter);
  EXPECT_EQ(after(-0.5), Verdict::kBetter);
}

TEST_P(Thresholds, WithinItsToleranceNothingHasChanged) {
  EXPECT_EQ(after(0), Verdict::kSame);
  EXPECT_EQ(after(GetParam().tolerance), Verdict::kSame);
  EXPECT_EQ(after(-GetParam().tolerance), Verdict::kSame);
}

TEST_P(Thresholds, WhatIsUnstableIsNotJudged) {
  EXPECT_EQ(after(0.5, 0.11), Verdict::kUnstable);
  EXPECT_EQ(after(-0.5, 0.11), Verdict::kUnstable);
  EXPECT_EQ(after(0.5, 0.10), Verdict::kRegression);
  EXPECT_EQ(judge(GetParam(), {100, 0}, {100, 0.11}), Verdict::kUnstable);
  EXPECT_EQ(judge(GetParam(), {100, 0.11}, {100, 0}), Verdict::kUnstable);
}

INSTANTIATE_TEST_SUITE_P(Each, Thresholds, ::testing::ValuesIn(kMetrics),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Metrics, TheThresholdsAreThoseThatAreDocumented) {
  EXPECT_EQ(find_metric("throughput")->tolerance, 0.05);
  EXPECT_EQ(find_metric("throughput")->better, Better::kHigher);
  EXPECT_EQ(find_metric("p99_ns")->tolerance, 0.10);
  EXPECT_EQ(find_metric("allocations")->tolerance, 0.05);
  EXPECT_EQ(find_metric("syncs")->tolerance, 0);
  for (const char* name : {"p99_ns", "allocations", "syncs", "bytes_written", "pages_touched"}) {
    EXPECT_EQ(find_metric(name)->better, Better::kLower) << name;
  }
  EXPECT_EQ(find_metric("speed"), nullptr);
}

TEST(Metrics, AnythingIsMoreThanNothing) {
  EXPECT_EQ(judge(*find_metric("syncs"), {0, 0}, {0.001, 0}), Verdict::kRegression);
  EXPECT_EQ(judge(*find_metric("allocations"), {0, 0}, {1, 0}), Verdict::kRegression);
  EXPECT_EQ(judge(*find_metric("allocations"), {1, 0}, {0, 0}), Verdict::kBetter);
  EXPECT_EQ(judge(*find_metric("allocations"), {0, 0}, {0, 0}), Verdict::kSame);
}

// How many commits share a flush depends on when threads meet.
TEST(Metrics, FlushesMayVaryAsMuchAsTheirRepeatsDo) {
  const Metric& syncs = *find_metric("syncs");
  EXPECT_EQ(judge(syncs, {0.25, 0.04}, {0.255, 0.01}), Verdict::kSame);
  EXPECT_EQ(judge(syncs, {0.25, 0.04}, {0.262, 0.01}), Verdict::kRegression);
  EXPECT_EQ(judge(syncs, {2, 0}, {2.001, 0}), Verdict::kRegression);
}

// 1/3 in one run and 333/999 in another.
TEST(Metrics, RoundingIsNoChange) {
  EXPECT_EQ(judge(*find_metric("syncs"), {1.0 / 3, 0}, {1.0 / 3 + 1e-12, 0}), Verdict::kSame);
}

}  // namespace
}  // namespace caisson::bench

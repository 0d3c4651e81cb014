// What a run counts as an operation, and what comes before it.

#include "bench/harness/run.h"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/harness/testing/program.h"

namespace caisson::bench {
namespace {

Repeater times(int count) {
  return [count](const std::function<std::uint64_t()>& step) {
    for (int i = 0; i < count; ++i) step();
  };
}

TEST(Run, EachOperationIsASample) {
  const Settings settings;
  bench::Run run(settings, times(7));
  int calls = 0;
  run.each([&] {
    ++calls;
    testing::spin();
  });
  const Measurement measured = run.take();
  EXPECT_EQ(calls, 7);
  EXPECT_EQ(measured.operations, 7U);
  EXPECT_EQ(measured.samples.count(), 7U);
  EXPECT_EQ(measured.operations_per_sample, 1U);
  EXPECT_GE(measured.samples.min(), 9'000U);
  EXPECT_GE(measured.costs.wall_ns, 70'000U);
  EXPECT_GT(measured.peak_rss_bytes, 100'000U);
}

TEST(Run, ABatchIsASampleOfSeveralOperations) {
  const Settings settings;
  bench::Run run(settings, times(3));
  int calls = 0;
  run.batches(5, [&] { ++calls; });
  const Measurement measured = run.take();
  EXPECT_EQ(calls, 15);
  EXPECT_EQ(measured.operations, 15U);
  EXPECT_EQ(measured.samples.count(), 3U);
  EXPECT_EQ(measured.operations_per_sample, 5U);
}

TEST(Run, WhatIsPreparedDoesNotCount) {
  const Settings settings;
  bench::Run run(settings, times(2));
  std::vector<std::size_t> seen;
  run.prepared(3, [&] {
    count(Count::kSyncs, 100);
    return [&](std::size_t index) {
      count(Count::kSyncs, 1);
      seen.push_back(index);
    };
  });
  const Measurement measured = run.take();
  EXPECT_EQ(seen, (std::vector<std::size_t>{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(measured.operations, 6U);
  EXPECT_EQ(measured.samples.count(), 6U);
  EXPECT_EQ(measured.costs.syncs, 6U);
}

TEST(Run, WarmsUpForSoManyOperationsAndSoLong) {
  Settings settings{.warmup_operations = 20, .directory = ""};
  bench::Run counted(settings, times(1));
  int calls = 0;
  counted.each([&] { ++calls; });
  EXPECT_EQ(calls, 21);
  EXPECT_EQ(counted.take().operations, 1U);

  settings = {.warmup_ns = 2'000'000, .directory = ""};
  bench::Run timed(settings, times(1));
  const std::uint64_t begin = now_ns();
  timed.each(testing::spin);
  EXPECT_GE(now_ns() - begin, 2'000'000U);
  EXPECT_EQ(timed.take().operations, 1U);
}

TEST(Run, CountsBetweenStartAndStopAlone) {
  const Settings settings;
  bench::Run run(settings, times(0));
  count(Count::kWrites, 1000);
  for (int i = 0; i < 3; ++i) {
    run.start();
    count(Count::kWrites, 2);
    run.add_operations(1);
    run.stop();
    count(Count::kWrites, 1000);
  }
  run.add_uncounted({.writes = 10});
  run.add_error();
  run.set("grown_bytes", 3);
  const Measurement measured = run.take();
  EXPECT_EQ(measured.costs.writes, 16U);
  EXPECT_EQ(measured.operations, 3U);
  EXPECT_EQ(measured.errors, 1U);
  EXPECT_EQ(measured.counters.at("grown_bytes"), 3);
}

TEST(Run, ThatMeasuredNothingIsAnError) {
  const Settings settings;
  bench::Run run(settings, times(0));
  EXPECT_THROW(run.take(), std::runtime_error);
}

TEST(Run, DoesATwentiethInProfileCi) {
  const Settings ci{.profile = Profile::kCi, .directory = ""};
  const Settings dev;
  EXPECT_EQ(bench::Run(ci, times(0)).scaled(1'000'000), 50'000U);
  EXPECT_EQ(bench::Run(ci, times(0)).scaled(1), 1U);
  EXPECT_EQ(bench::Run(dev, times(0)).scaled(1'000'000), 1'000'000U);
}

// More of them than have a place of their own to count in.
TEST(Costs, NothingIsLostWhereManyThreadsCount) {
  const Costs before = Costs::so_far();
  constexpr std::uint64_t kThreads = 300;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([] {
        for (int k = 0; k < 1000; ++k) count(Count::kReads, 3);
      });
    }
  }
  EXPECT_EQ((Costs::so_far() - before).reads, kThreads * 3000);
}

}  // namespace
}  // namespace caisson::bench

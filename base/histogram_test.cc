// Method: the buckets are checked as a whole (they tile the range without gaps, and each is narrow
// enough); percentiles are compared with the exact ones of the sorted values.

#include "base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"

namespace caisson {
namespace {

// Waits for what never happens. Modules but io/ call no clock, and this test needs none of its own.
void pause(std::chrono::nanoseconds duration) {
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  while (never.wait_for(mutex, duration)) continue;
}

TEST(Histogram, TilesTheRangeWithoutGaps) {
  EXPECT_EQ(Histogram::bucket_low(0), 0u);
  for (std::size_t bucket = 0; bucket < Histogram::kBucketCount; ++bucket) {
    const std::uint64_t low = Histogram::bucket_low(bucket);
    const std::uint64_t high = Histogram::bucket_high(bucket);
    ASSERT_LE(low, high);
    ASSERT_EQ(Histogram::bucket_of(low), bucket);
    ASSERT_EQ(Histogram::bucket_of(high), bucket);
    if (bucket + 1 < Histogram::kBucketCount) {
      ASSERT_EQ(Histogram::bucket_low(bucket + 1), high + 1);
    }
  }
  EXPECT_EQ(Histogram::bucket_high(Histogram::kBucketCount - 1), Histogram::kValueMax);
}

TEST(Histogram, IsOffByLessThanOne64thEverywhere) {
  for (std::size_t bucket = 0; bucket < Histogram::kBucketCount; ++bucket) {
    const std::uint64_t low = Histogram::bucket_low(bucket);
    const std::uint64_t error_max = Histogram::bucket_high(bucket) - low;
    if (low < 128) {
      ASSERT_EQ(error_max, 0u);
    } else {
      ASSERT_LT(error_max, low / 64 + (low % 64 == 0 ? 0 : 1)) << bucket;
    }
  }
}

TEST(Histogram, HasTheSizeItStates) {
  EXPECT_EQ(Histogram::kBucketCount, 3712u);
  EXPECT_EQ(sizeof(Histogram), 29'696u);
}

TEST(Histogram, SaysZeroOfNothing) {
  const Histogram histogram;
  const auto snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.count(), 0u);
  EXPECT_EQ(snapshot.min(), 0u);
  EXPECT_EQ(snapshot.max(), 0u);
  EXPECT_EQ(snapshot.mean(), 0.0);
  EXPECT_EQ(snapshot.percentile(50), 0u);
  EXPECT_EQ(snapshot.percentile(100), 0u);
}

TEST(Histogram, IsExactForSmallValues) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.record(value);
  const auto snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.count(), 100u);
  EXPECT_EQ(snapshot.min(), 1u);
  EXPECT_EQ(snapshot.max(), 100u);
  EXPECT_DOUBLE_EQ(snapshot.mean(), 50.5);
  EXPECT_EQ(snapshot.percentile(0), 1u);
  EXPECT_EQ(snapshot.percentile(1), 1u);
  EXPECT_EQ(snapshot.percentile(1.5), 2u);
  EXPECT_EQ(snapshot.percentile(50), 50u);
  EXPECT_EQ(snapshot.percentile(99), 99u);
  EXPECT_EQ(snapshot.percentile(99.9), 100u);
  EXPECT_EQ(snapshot.percentile(100), 100u);
}

TEST(Histogram, TakesPercentagesBeyondTheEndsAsTheEnds) {
  Histogram histogram;
  histogram.record(3);
  histogram.record(9);
  const auto snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.percentile(-5), 3u);
  EXPECT_EQ(snapshot.percentile(-std::numeric_limits<double>::infinity()), 3u);
  EXPECT_EQ(snapshot.percentile(1e300), 9u);
  EXPECT_EQ(snapshot.percentile(std::nan("")), 9u);
}

TEST(Histogram, CountsValuesBeyondTheMaximumAsTheMaximum) {
  Histogram histogram;
  histogram.record(std::numeric_limits<std::uint64_t>::max());
  histogram.record(Histogram::kValueMax);
  const auto snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.max(), Histogram::kValueMax);
  EXPECT_EQ(snapshot.percentile(1), Histogram::kValueMax);
  EXPECT_NEAR(snapshot.mean(), 0x1p63, 0x1p63 / 64);
}

TEST(Histogram, NeverFlattersAPercentileAndIsOffByLessThanOne64th) {
  Random random(1);
  std::vector<std::uint64_t> values;
  Histogram histogram;
  for (int i = 0; i < 20'000; ++i) {
    // Every order of magnitude, as latencies have them.
    const std::uint64_t value = random.next() >> random.between(1, 63);
    values.push_back(value);
    histogram.record(value);
  }
  std::ranges::sort(values);
  const auto snapshot = histogram.snapshot();
  const auto expect_close = [](std::uint64_t reported, std::uint64_t exact) {
    EXPECT_GE(reported, exact);
    EXPECT_LE(reported - exact, exact / 64);
  };
  for (const double percent : {0.01, 1.0, 10.0, 25.0, 50.0, 75.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const auto rank =
        static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(values.size())));
    expect_close(snapshot.percentile(percent), values[std::max<std::size_t>(rank, 1) - 1]);
  }
  expect_close(snapshot.max(), values.back());
  expect_close(values.front(), snapshot.min());
  double sum = 0;
  for (const std::uint64_t value : values) sum += static_cast<double>(value);
  const double mean = sum / static_cast<double>(values.size());
  EXPECT_NEAR(snapshot.mean(), mean, mean / 64);
}

TEST(Histogram, MergesToWhatOneHistogramWouldHold) {
  Random random(2);
  Histogram first;
  Histogram second;
  Histogram both;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t value = random.below(1'000'000);
    (i % 3 == 0 ? first : second).record(value);
    both.record(value);
  }
  auto merged = first.snapshot();
  merged.merge(second.snapshot());
  merged.merge(Histogram::Snapshot());
  const auto expected = both.snapshot();
  EXPECT_EQ(merged.count(), 1000u);
  EXPECT_EQ(merged.min(), expected.min());
  EXPECT_EQ(merged.max(), expected.max());
  EXPECT_EQ(merged.mean(), expected.mean());
  for (int percent = 0; percent <= 100; ++percent) {
    EXPECT_EQ(merged.percentile(percent), expected.percentile(percent));
  }
}

TEST(Histogram, LosesNothingThatSeveralThreadsRecord) {
  Histogram histogram;
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> recorded = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        // All meet in one bucket until told to stop.
        std::uint64_t count = 0;
        for (; !stop.load(std::memory_order_relaxed); ++count) histogram.record(1);
        recorded += count;
      });
    }
    // Long enough for many switches between threads, even where they share one processor.
    pause(std::chrono::milliseconds(100));
    EXPECT_GT(histogram.snapshot().count(), 0u) << "reading meanwhile is allowed";
    stop = true;
  }
  EXPECT_EQ(histogram.snapshot().count(), recorded.load());
}

}  // namespace
}  // namespace caisson

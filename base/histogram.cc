#include "base/histogram.h"

#include <algorithm>
#include <cmath>

namespace caisson {

static_assert(Histogram::bucket_of(Histogram::kValueMax) == Histogram::kBucketCount - 1);
static_assert(Histogram::bucket_low(Histogram::kBucketCount - 1) <= Histogram::kValueMax);

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot result;
  for (std::size_t bucket = 0; bucket < kBucketCount; ++bucket) {
    const std::uint64_t count = counts_[bucket].load(std::memory_order_relaxed);
    result.counts_[bucket] = count;
    result.count_ += count;
  }
  return result;
}

std::uint64_t Histogram::Snapshot::min() const {
  for (std::size_t bucket = 0; bucket < kBucketCount; ++bucket) {
    if (counts_[bucket] != 0) return bucket_low(bucket);
  }
  return 0;
}

std::uint64_t Histogram::Snapshot::max() const {
  for (std::size_t bucket = kBucketCount; bucket > 0; --bucket) {
    if (counts_[bucket - 1] != 0) return bucket_high(bucket - 1);
  }
  return 0;
}

double Histogram::Snapshot::mean() const {
  if (count_ == 0) return 0;
  double sum = 0;
  for (std::size_t bucket = 0; bucket < kBucketCount; ++bucket) {
    const double low = static_cast<double>(bucket_low(bucket));
    const double high = static_cast<double>(bucket_high(bucket));
    sum += static_cast<double>(counts_[bucket]) * (low + (high - low) / 2);
  }
  return sum / static_cast<double>(count_);
}

std::uint64_t Histogram::Snapshot::percentile(double percent) const {
  // The comparisons are written so that NaN, which compares as false, takes the cautious end.
  if (!(percent < 100)) return max();
  const double rank = std::ceil(std::max(percent, 0.0) / 100 * static_cast<double>(count_));
  const std::uint64_t wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rank));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBucketCount; ++bucket) {
    seen += counts_[bucket];
    if (seen >= wanted) return bucket_high(bucket);
  }
  return max();
}

void Histogram::Snapshot::merge(const Snapshot& other) {
  for (std::size_t bucket = 0; bucket < kBucketCount; ++bucket) {
    counts_[bucket] += other.counts_[bucket];
  }
  count_ += other.count_;
}

}  // namespace caisson

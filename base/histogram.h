// A histogram of latencies or sizes that threads may record into without waiting.
//
// Buckets are log-linear, as in HdrHistogram: values below 128 have a bucket each, and every
// power of two from there on is cut into 64 buckets of equal width. A bucket is thus at most 1/64
// as wide as its smallest value, and any value it reports is off by less than 1/64 (1.6 %).
// Memory is fixed: kBucketCount counters of 8 bytes, 29,696 bytes, and nothing is allocated.

#ifndef CAISSON_BASE_HISTOGRAM_H_
#define CAISSON_BASE_HISTOGRAM_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace caisson {

// Counts values in 0..kValueMax, in whatever unit the caller chose (nanoseconds, mostly).
class Histogram {
 public:
  // The largest value that is told apart; larger ones count as this.
  static constexpr std::uint64_t kValueMax = (std::uint64_t{1} << 63) - 1;

  // Bits of a value that its bucket keeps after the leading one: 2^6 buckets per power of two.
  static constexpr unsigned kPrecisionBits = 6;

  // 64 single values, and 64 buckets for each leading bit from 2^6 to 2^62.
  static constexpr std::size_t kBucketCount = std::size_t{63 - kPrecisionBits + 1}
                                              << kPrecisionBits;

  class Snapshot;

  Histogram() = default;
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;

  // Counts one value. Any number of threads may do so at a time. Wait-free: one relaxed atomic
  // addition, which orders nothing else.
  void record(std::uint64_t value) {
    counts_[bucket_of(value)].fetch_add(1, std::memory_order_relaxed);
  }

  // The counts at about this moment. Values that other threads record meanwhile may be in it or
  // not; those whose recording happened before this call are. About 30 kB by value.
  [[nodiscard]] Snapshot snapshot() const;

  // The bucket of a value, and the smallest and largest value of a bucket.
  // REQUIRES: bucket < kBucketCount.
  [[nodiscard]] static constexpr std::size_t bucket_of(std::uint64_t value);
  [[nodiscard]] static constexpr std::uint64_t bucket_low(std::size_t bucket);
  [[nodiscard]] static constexpr std::uint64_t bucket_high(std::size_t bucket);

 private:
  std::array<std::atomic<std::uint64_t>, kBucketCount> counts_{};
};

// What a Histogram held at one moment; a value, to read, copy and merge. Every figure but count()
// carries the error that the head of this file states; of nothing recorded, all are 0.
//
// Thread-safety: const members are safe to call together. Cost: one pass over the buckets each,
// except for count().
class Histogram::Snapshot {
 public:
  Snapshot() = default;

  // How many values were recorded; exact.
  [[nodiscard]] std::uint64_t count() const { return count_; }

  // How many values a bucket holds; exact. REQUIRES: bucket < kBucketCount.
  [[nodiscard]] std::uint64_t count_in(std::size_t bucket) const { return counts_[bucket]; }

  // The smallest value of the lowest bucket in use: at most 1/64 below the smallest recorded.
  [[nodiscard]] std::uint64_t min() const;

  // The largest value of the highest bucket in use: less than 1/64 above the largest recorded.
  [[nodiscard]] std::uint64_t max() const;

  // The mean, taking each value as the middle of its bucket.
  [[nodiscard]] double mean() const;

  // The value that `percent` per cent of the recorded values don't exceed: the largest value of
  // the bucket that holds the k-th smallest one, where k is percent * count / 100 rounded up, and
  // at least 1. It never flatters: it isn't below the exact answer, and less than 1/64 above it.
  // `percent` is 0..100; beyond, it counts as the nearer end, and NaN as 100.
  [[nodiscard]] std::uint64_t percentile(double percent) const;

  // Adds what another snapshot counted. The order of merges doesn't matter.
  void merge(const Snapshot& other);

 private:
  friend class Histogram;

  std::array<std::uint64_t, kBucketCount> counts_{};
  std::uint64_t count_ = 0;  // The sum of counts_.
};

constexpr std::size_t Histogram::bucket_of(std::uint64_t value) {
  constexpr std::uint64_t kSingles = std::uint64_t{1} << kPrecisionBits;
  if (value > kValueMax) value = kValueMax;
  if (value < kSingles) return static_cast<std::size_t>(value);
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - (kPrecisionBits + 1);
  // value >> shift is in 64..127; leading bits above the first begin at multiples of 64.
  return (std::size_t{shift} << kPrecisionBits) + static_cast<std::size_t>(value >> shift);
}

constexpr std::uint64_t Histogram::bucket_low(std::size_t bucket) {
  constexpr std::size_t kSingles = std::size_t{1} << kPrecisionBits;
  if (bucket < kSingles) return bucket;
  const std::size_t shift = (bucket >> kPrecisionBits) - 1;
  return std::uint64_t{kSingles + (bucket & (kSingles - 1))} << shift;
}

constexpr std::uint64_t Histogram::bucket_high(std::size_t bucket) {
  return bucket + 1 < kBucketCount ? bucket_low(bucket + 1) - 1 : kValueMax;
}

}  // namespace caisson

#endif  // CAISSON_BASE_HISTOGRAM_H_

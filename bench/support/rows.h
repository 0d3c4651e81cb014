// The rows that benchmarks of stores use: keys of 16 random bytes, each with a value of 100.

#ifndef CAISSON_BENCH_SUPPORT_ROWS_H_
#define CAISSON_BENCH_SUPPORT_ROWS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace caisson::bench {

inline constexpr std::size_t kRowKeySize = 16;
inline constexpr std::size_t kRowValueSize = 100;
inline constexpr std::size_t kRowSize = kRowKeySize + kRowValueSize;

// The keys of so many rows, side by side in the order in which they are used, so that fetching them
// costs nothing. The same seed gives the same keys.
class Rows {
 public:
  explicit Rows(std::size_t count, std::uint64_t seed = 1) : bytes_(count * kRowKeySize, '\0') {
    Random(seed).fill(std::as_writable_bytes(std::span(bytes_)));
    keys_.reserve(count);
    for (std::size_t at = 0; at < bytes_.size(); at += kRowKeySize) {
      keys_.push_back(std::string_view(bytes_).substr(at, kRowKeySize));
    }
  }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  std::span<const std::string_view> keys() const { return keys_; }

 private:
  std::string bytes_;
  std::vector<std::string_view> keys_;
};

// Calls `put` for each transaction's part of the keys, or of rows.
template <typename Item, typename Put>
void put_in_parts(std::span<Item> rows, std::size_t rows_per_txn, Put put) {
  for (; !rows.empty(); rows = rows.subspan(std::min(rows_per_txn, rows.size()))) {
    put(rows.first(std::min(rows_per_txn, rows.size())));
  }
}

inline const std::string& row_value() {
  static const std::string value = [] {
    std::string bytes(kRowValueSize, '\0');
    Random(2).fill(std::as_writable_bytes(std::span(bytes)));
    return bytes;
  }();
  return value;
}

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_SUPPORT_ROWS_H_

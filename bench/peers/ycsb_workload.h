// The core workloads of YCSB, as operations that any store can be given.
//
// After Cooper, Silberstein, Tam, Ramakrishnan, Sears: "Benchmarking Cloud Serving Systems with
// YCSB", SoCC 2010. Rows are numbered in the order in which they were inserted; a row's key is
// "user" and a hash of its number, so that rows of neighbouring numbers lie anywhere.
//
// Everything follows from a seed, so that each engine gets the same operations in the same order.

#ifndef CAISSON_BENCH_PEERS_YCSB_WORKLOAD_H_
#define CAISSON_BENCH_PEERS_YCSB_WORKLOAD_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"

namespace caisson::bench {

// --- Which rows ----------------------------------------------------------------------------------

// Numbers 0..count-1, of which i comes up in proportion to 1 / (i + 1)^0.99. YCSB draws them by the
// method of Gray, Sundaresan, Englert, Baclawski, Weinberger: "Quickly Generating Billion-Record
// Synthetic Databases", SIGMOD 1994. That is an approximation, which gives the third number a fifth
// too often; here the sums are looked up, which is exact, and is done before anything is timed.
class Zipfian {
 public:
  static constexpr double kTheta = 0.99;

  // REQUIRES: count > 0. O(count), and eight bytes for each number.
  explicit Zipfian(std::uint64_t count);

  // O(log count).
  std::uint64_t next(Random& random) const;

 private:
  std::vector<double> sums_;  // Of the weights of all numbers up to each.
};

enum class Choice : std::uint8_t {
  kZipfian,  // Few rows are used most, wherever they are: a hash says which.
  kUniform,
  kLatest,  // Those that were inserted last are used most.
};
const char* to_string(Choice choice);

// --- What is done --------------------------------------------------------------------------------

enum class Kind : std::uint8_t { kRead, kUpdate, kInsert, kScan, kReadModifyWrite };
inline constexpr std::size_t kKindCount = 5;
const char* to_string(Kind kind);

struct Workload {
  char letter;
  std::array<unsigned, kKindCount> percent;  // Of each kind.
};

inline constexpr std::array<Workload, 6> kWorkloads = {{{'a', {50, 50, 0, 0, 0}},
                                                        {'b', {95, 5, 0, 0, 0}},
                                                        {'c', {100, 0, 0, 0, 0}},
                                                        {'d', {95, 0, 5, 0, 0}},
                                                        {'e', {0, 0, 5, 95, 0}},
                                                        {'f', {50, 0, 0, 0, 50}}}};

inline constexpr std::uint32_t kScanRowsMax = 100;

struct Operation {
  Kind kind = Kind::kRead;
  std::uint32_t scan_rows = 0;  // 1 to kScanRowsMax.

  // The number of a row; with Choice::kLatest, how many there are behind it. Of no meaning to an
  // insert.
  std::uint64_t row = 0;
};

// REQUIRES: rows > 0.
std::vector<Operation> make_operations(const Workload& workload, Choice choice, std::uint64_t rows,
                                       std::size_t count, std::uint64_t seed);

// --- Rows ----------------------------------------------------------------------------------------

// YCSB's hash of a number: FNV-1a of its eight bytes, without the sign.
std::uint64_t ycsb_hash(std::uint64_t number);

// A row's key.
class YcsbKey {
 public:
  explicit YcsbKey(std::uint64_t number);

  // NOLINTNEXTLINE(google-explicit-constructor): a key is what it is used as.
  operator std::string_view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 24> text_{};
  std::size_t size_ = 0;
};

// Values of 1,000 random bytes: another one for each number, as far as there are.
class YcsbValues {
 public:
  static constexpr std::size_t kSize = 1000;

  explicit YcsbValues(std::uint64_t seed);

  // Good for as long as this object.
  std::string_view value(std::uint64_t number) const;

 private:
  std::string bytes_;
};

// Which rows are there, where several threads insert. Thread-safe.
class RowCount {
 public:
  explicit RowCount(std::uint64_t rows) : next_(rows), all_there_(rows) {}

  // The number of a new row; and that it is there now.
  std::uint64_t take() { return next_.fetch_add(1); }
  void inserted(std::uint64_t number);

  // All rows of lesser numbers are there.
  std::uint64_t all_there() const { return all_there_.load(); }

 private:
  std::atomic<std::uint64_t> next_;
  std::atomic<std::uint64_t> all_there_;
  Mutex mutex_;
  std::set<std::uint64_t> ahead_ CAISSON_GUARDED_BY(mutex_);  // There, but not all before them.
};

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_PEERS_YCSB_WORKLOAD_H_

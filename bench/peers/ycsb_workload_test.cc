// YCSB's workloads: whether rows and kinds of operations come up as often as they are said to.
//
// Method. Drawn many times from a fixed seed, what comes up is counted and held against the exact
// probabilities, computed here from their definition, by Pearson's chi-square: of n kinds of
// outcome its mean is n - 1 and its variance 2 (n - 1). Five standard deviations to either side are
// let pass; so many draws tell an exponent of 0.985 from 0.99.

#include "bench/peers/ycsb_workload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace caisson::bench {
namespace {

constexpr std::size_t kDraws = 4'000'000;
constexpr std::uint64_t kRows = 100;

// 1 / (i + 1)^theta over the sum of all those.
std::vector<double> zipf_probabilities(std::uint64_t count) {
  std::vector<double> each;
  double sum = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    each.push_back(1 / std::pow(static_cast<double>(i + 1), 0.99));
    sum += each.back();
  }
  for (double& probability : each) probability /= sum;
  return each;
}

// What is impossible must not come up, and is left out.
void expect_as_likely(const std::vector<std::uint64_t>& seen,
                      const std::vector<double>& probabilities) {
  ASSERT_EQ(seen.size(), probabilities.size());
  double draws = 0;
  for (const std::uint64_t count : seen) draws += static_cast<double>(count);
  double chi_square = 0;
  double possible = 0;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const double expected = probabilities[i] * draws;
    if (expected == 0) {
      EXPECT_EQ(seen[i], 0U) << i;
      continue;
    }
    ++possible;
    const double off = static_cast<double>(seen[i]) - expected;
    chi_square += off * off / expected;
  }
  const double freedom = possible - 1;
  EXPECT_LE(std::abs(chi_square - freedom), 5 * std::sqrt(2 * freedom)) << chi_square;
}

std::vector<std::uint64_t> count_all(
    const std::vector<Operation>& operations, std::size_t outcomes,
    const std::function<std::uint64_t(const Operation&)>& outcome) {
  std::vector<std::uint64_t> seen(outcomes);
  for (const Operation& operation : operations) ++seen.at(outcome(operation));
  return seen;
}

std::vector<std::uint64_t> rows_seen(Choice choice) {
  return count_all(make_operations(kWorkloads[2], choice, kRows, kDraws, 7), kRows,
                   [](const Operation& operation) { return operation.row; });
}

TEST(Zipfian, DrawsEachNumberAsOftenAsZipfsLawSays) {
  const Zipfian zipfian(kRows);
  Random random(3);
  std::vector<std::uint64_t> seen(kRows);
  for (std::size_t i = 0; i < kDraws; ++i) ++seen.at(zipfian.next(random));
  expect_as_likely(seen, zipf_probabilities(kRows));
}

TEST(Zipfian, OfOneNumberDrawsThatOne) {
  Random random(3);
  const Zipfian zipfian(1);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(zipfian.next(random), 0U);
}

TEST(Ycsb, ChoosesRowsByAHashOfTheirRank) {
  const std::vector<double> ranks = zipf_probabilities(kRows);
  std::vector<double> rows(kRows);
  for (std::uint64_t rank = 0; rank < kRows; ++rank) rows[ycsb_hash(rank) % kRows] += ranks[rank];
  expect_as_likely(rows_seen(Choice::kZipfian), rows);
}

TEST(Ycsb, ChoosesRowsUniformly) {
  expect_as_likely(rows_seen(Choice::kUniform), std::vector<double>(kRows, 1.0 / kRows));
}

TEST(Ycsb, ChoosesTheLatestRowsMost) {
  expect_as_likely(rows_seen(Choice::kLatest), zipf_probabilities(kRows));
}

TEST(Ycsb, MixesOperationsAsPublished) {
  // Cooper et al., table 2, and "read-modify-write" for F, which YCSB came with later.
  const std::map<char, std::vector<double>> published{
      {'a', {0.5, 0.5, 0, 0, 0}},   {'b', {0.95, 0.05, 0, 0, 0}}, {'c', {1, 0, 0, 0, 0}},
      {'d', {0.95, 0, 0.05, 0, 0}}, {'e', {0, 0, 0.05, 0.95, 0}}, {'f', {0.5, 0, 0, 0, 0.5}}};
  for (const Workload& workload : kWorkloads) {
    SCOPED_TRACE(workload.letter);
    const auto operations = make_operations(workload, Choice::kUniform, kRows, kDraws, 11);
    expect_as_likely(count_all(operations, kKindCount,
                               [](const Operation& operation) {
                                 return static_cast<std::uint64_t>(operation.kind);
                               }),
                     published.at(workload.letter));
  }
}

TEST(Ycsb, ScansOneToAHundredRows) {
  const auto operations = make_operations(kWorkloads[4], Choice::kZipfian, kRows, kDraws, 13);
  std::vector<double> lengths(kScanRowsMax + 1, 1.0 / kScanRowsMax);
  lengths[0] = 0;
  expect_as_likely(count_all(operations, lengths.size(),
                             [](const Operation& operation) { return operation.scan_rows; }),
                   lengths);
}

TEST(Ycsb, GivesTheSameOperationsForTheSameSeed) {
  const auto draw = [](std::uint64_t seed) {
    std::vector<std::uint64_t> numbers;
    for (const Operation& each :
         make_operations(kWorkloads[0], Choice::kZipfian, kRows, 1000, seed)) {
      numbers.insert(numbers.end(), {each.row, each.scan_rows, static_cast<unsigned>(each.kind)});
    }
    return numbers;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

// As YCSB 0.17 prints them.
TEST(Ycsb, KeysAreThoseOfYcsb) {
  EXPECT_EQ(std::string_view(YcsbKey(0)), "user6284781860667377211");
  EXPECT_EQ(std::string_view(YcsbKey(1)), "user8517097267634966620");
}

TEST(Ycsb, KeysDiffer) {
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < 100'000; ++i) keys.emplace_back(std::string_view(YcsbKey(i)));
  std::ranges::sort(keys);
  EXPECT_EQ(std::ranges::adjacent_find(keys), keys.end());
}

TEST(Ycsb, ValuesDifferAndAreAsLongAsTheyShould) {
  const YcsbValues values(5);
  std::vector<std::string_view> all;
  for (std::uint64_t i = 0; i < 100; ++i) {
    all.push_back(values.value(i));
    ASSERT_EQ(all.back().size(), 1000U);
  }
  std::ranges::sort(all);
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
}

TEST(RowCount, CountsRowsOnceAllBeforeThemAreThere) {
  RowCount rows(10);
  EXPECT_EQ(rows.take(), 10U);
  EXPECT_EQ(rows.take(), 11U);
  EXPECT_EQ(rows.take(), 12U);
  rows.inserted(12);
  rows.inserted(11);
  EXPECT_EQ(rows.all_there(), 10U);
  rows.inserted(10);
  EXPECT_EQ(rows.all_there(), 13U);
}

TEST(RowCount, LosesNoneOfManyThreads) {
  constexpr std::uint64_t kThreads = 4;
  constexpr std::uint64_t kEach = 10'000;
  RowCount rows(0);
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&rows] {
        for (std::uint64_t j = 0; j < kEach; ++j) rows.inserted(rows.take());
      });
    }
  }
  EXPECT_EQ(rows.all_there(), kThreads * kEach);
}

}  // namespace
}  // namespace caisson::bench

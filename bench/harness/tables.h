// Results and comparisons as people read them.

#ifndef CAISSON_BENCH_HARNESS_TABLES_H_
#define CAISSON_BENCH_HARNESS_TABLES_H_

#include <string>
#include <vector>

#include "bench/harness/benchmark.h"
#include "bench/harness/compare.h"
#include "bench/harness/figures.h"
#include "tools/caisson/command.h"

namespace caisson::bench {

// Three digits that count: 41.3 ns, 1.27 ms.
std::string show_nanoseconds(double nanoseconds);

// A line for each figure and what it is held against.
void print_figures(tools::Context& context, const Figures& figures);
Json to_json(const Figures& figures);

// What has changed, or with `all` every line; then the counts.
void print_comparison(tools::Context& context, const CompareReport& report, bool all);

void print_list(tools::Context& context, const std::vector<const Benchmark*>& list);
Json to_json(const std::vector<const Benchmark*>& list);

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_HARNESS_TABLES_H_

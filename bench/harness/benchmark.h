// What a benchmark is, and the list of all that a program has.
//
// How to add one: in a file named *_bench.cc, describe it and say what it does:
//
//   [[maybe_unused]] const bool kRegistered = add(
//       {.name = "log/append", .about = "...", .operation = "commit", .bound = Bound::kDisk},
//       [](Run& run) {
//         Log log(run.directory());  // Not timed.
//         run.each([&] { log.append(); });
//       });
//
// Each repeat runs in a process of its own (harness/child.h), so that what it allocates, faults and
// leaves behind is its own.

#ifndef CAISSON_BENCH_HARNESS_BENCHMARK_H_
#define CAISSON_BENCH_HARNESS_BENCHMARK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace caisson::bench {

class Run;

// Micro: one operation over and over, for as long as Google Benchmark finds that it takes. Macro: a
// scenario that decides itself how much it does. Peers and vector: those beside other engines.
enum class Suite : std::uint8_t { kMicro, kMacro, kPeers, kVector };

// What its time is mostly made of.
enum class Bound : std::uint8_t { kProcessor, kDisk };

// The time that stands for it: the median of single operations; or, where those aren't timed, what
// comes to one operation of the clock's time, or of the processor's.
enum class Headline : std::uint8_t { kMedian, kWall, kProcessor };

// What a regression means: the gate fails; it is shown; nothing, because it is a limit, a peer or a
// calibration that others are held against.
enum class Gate : std::uint8_t { kCritical, kAdvisory, kNone };

// How much is done. kCi is for machines that are slow, shared and have little room: fewer rows,
// less time, and only those benchmarks that are marked as quick.
enum class Profile : std::uint8_t { kCi, kDevNvme };

const char* to_string(Suite suite);
const char* to_string(Bound bound);
const char* to_string(Headline headline);
const char* to_string(Gate gate);
const char* to_string(Profile profile);

using Parameter = std::variant<std::string, double>;

struct About {
  std::string name;  // Words of a-z, 0-9 and _, with / between: "mvcc/commit_group/16".
  Suite suite = Suite::kMicro;
  std::string about;      // In a sentence.
  std::string operation;  // What is counted: "get", "commit".
  Bound bound = Bound::kProcessor;
  Headline headline = Headline::kMedian;
  Gate gate = Gate::kAdvisory;

  // Benchmarks whose time its own is divided by; they run in the same repeat. Where there is none
  // and it isn't one itself, the calibration of its bound is (calibration_of()).
  std::vector<std::string> against{};

  // Such as {"engine", "lmdb"}, {"scenario", "commit_group/16"}, {"series", "commit_group"} and
  // {"threads", 16.0}: what pictures put side by side.
  std::map<std::string, Parameter> parameters{};

  // In profile kCi, too.
  bool quick = false;

  // Operations that come first and don't count, where the command line doesn't say.
  std::uint64_t warmup_operations = 0;

  // Of a micro benchmark: how many calls of its operation (or batches); 0: as many as fill the
  // time.
  std::int64_t iterations = 0;
};

struct Benchmark {
  About about;
  std::function<void(Run&)> body;
};

// Adds a benchmark to the program's list, before main(). Returns true.
bool add(About about, std::function<void(Run&)> body);

// All, in the order of their names' first words as they were added.
const std::vector<Benchmark>& all_benchmarks();

// What a benchmark that names nothing is held against.
const char* calibration_of(Bound bound);

// The benchmark of that name; nullptr.
const Benchmark* find_benchmark(const std::vector<Benchmark>& list, const std::string& name);

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_HARNESS_BENCHMARK_H_

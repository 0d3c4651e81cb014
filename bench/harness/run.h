// One repeat of one benchmark while it runs: what it is told, and what it measures.

#ifndef CAISSON_BENCH_HARNESS_RUN_H_
#define CAISSON_BENCH_HARNESS_RUN_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/histogram.h"
#include "bench/harness/benchmark.h"
#include "bench/harness/costs.h"

namespace caisson::bench {

// What the command line asks of every benchmark.
struct Settings {
  Profile profile = Profile::kDevNvme;
  std::uint64_t seed = 1;
  std::uint64_t warmup_operations = 0;
  std::uint64_t warmup_ns = 0;
  std::string directory;  // Where benchmarks may write: of this run, and empty at its beginning.
};

// What was measured.
struct Measurement {
  std::uint64_t operations = 0;
  Costs costs;
  Histogram::Snapshot samples;  // Nanoseconds of a sample.
  std::uint64_t operations_per_sample = 1;
  std::uint64_t errors = 0;
  std::uint64_t peak_rss_bytes = 0;
  std::map<std::string, double> counters;
};

// Calls `step` until it has had enough: whoever runs a micro benchmark decides. `step` returns the
// nanoseconds that count.
using Repeater = std::function<void(const std::function<std::uint64_t()>& step)>;

// Used by the thread that runs the benchmark; others may record latencies and count errors.
class Run {
 public:
  Run(const Settings& settings, Repeater repeater)
      : settings_(settings), repeater_(std::move(repeater)) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // --- What it is told -----------------------------------------------------------------------

  std::uint64_t seed() const { return settings_.seed; }
  Profile profile() const { return settings_.profile; }

  // So many in full, or what the profile makes of them: a twentieth in kCi.
  std::size_t scaled(std::size_t full) const {
    return profile() == Profile::kCi ? (full + 19) / 20 : full;
  }

  // For the files of this repeat, which are removed after it: a path where nothing is. And for
  // files that all repeats of a run share, such as a store that takes long to make: `make` makes it
  // at a path, once.
  std::string new_path(const std::string& name) const;
  std::string shared(const std::string& name,
                     const std::function<void(const std::string& path)>& make) const;

  // Throws unless files lie on a disk: for benchmarks that mean nothing in memory.
  void need_disk() const;

  // --- Micro benchmarks: one operation over and over -----------------------------------------

  // Each operation is timed. For those that take a microsecond or more; the clock's own 30 ns or so
  // are in it.
  template <typename Operation>
  void each(Operation operation) {
    warm_up(operation);
    repeat(1, [&] {
      const std::uint64_t begin = now_ns();
      operation();
      const std::uint64_t taken = now_ns() - begin;
      samples_.record(taken);
      return taken;
    });
  }

  // Operations that are too short for that are timed `size` at a time.
  template <typename Operation>
  void batches(std::size_t size, Operation operation) {
    warm_up(operation);
    repeat(size, [&] {
      const std::uint64_t begin = now_ns();
      for (std::size_t i = 0; i < size; ++i) operation();
      const std::uint64_t taken = now_ns() - begin;
      samples_.record(taken);
      return taken;
    });
  }

  // Each time, `prepare` makes, untimed and uncounted, what does the operations when it is called
  // with a number from 0 to size - 1; what it has made goes uncounted, too. Each is timed.
  template <typename Prepare>
  void prepared(std::size_t size, Prepare prepare) {
    repeater_([&] {
      auto operation = prepare();
      start();
      const std::uint64_t first = now_ns();
      std::uint64_t begin = first;
      for (std::size_t i = 0; i < size; ++i) {
        operation(i);
        const std::uint64_t end = now_ns();
        samples_.record(end - begin);
        begin = end;
      }
      stop();
      measured_.operations += size;
      return begin - first;
    });
  }

  // --- Macro benchmarks: what they do, and when it counts --------------------------------------

  // What comes first, as the command line asks for it or as the benchmark itself does.
  template <typename Operation>
  void warm_up(Operation operation) {
    const std::uint64_t begin = now_ns();
    for (std::uint64_t done = 0;
         done < settings_.warmup_operations ||
         (settings_.warmup_ns > 0 && now_ns() - begin < settings_.warmup_ns);
         ++done) {
      operation();
    }
  }

  // What happens in between counts. May come again and again.
  void start();
  void stop();

  // The time of a sample, which is one operation, or as many as set_operations_per_sample() says.
  // Any thread, at any time. And those that were recorded elsewhere, such as by each thread for
  // itself.
  void record(std::uint64_t nanoseconds) { samples_.record(nanoseconds); }
  void add_samples(const Histogram::Snapshot& nanoseconds) { measured_.samples.merge(nanoseconds); }
  void set_operations_per_sample(std::uint64_t count) { measured_.operations_per_sample = count; }

  // What the kernel did without a call, by io_uring: to be told by who knows of it.
  void add_uncounted(const Costs& costs) { measured_.costs += costs; }

  // How many were done while it counted.
  void add_operations(std::uint64_t count) { measured_.operations += count; }

  // An operation has failed. Any thread.
  void add_error() { errors_.fetch_add(1, std::memory_order_relaxed); }

  // A figure of its own; the name says its unit: "grown_bytes".
  void set(const std::string& name, double value) { measured_.counters[name] = value; }

  // --- After it ----------------------------------------------------------------------------------

  // Throws if nothing was measured.
  Measurement take();

 private:
  void repeat(std::uint64_t operations_per_step, const std::function<std::uint64_t()>& step);

  const Settings& settings_;
  const Repeater repeater_;
  Histogram samples_;
  std::atomic<std::uint64_t> errors_{0};
  Measurement measured_;
  Costs begin_;
  bool counting_ = false;
};

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_HARNESS_RUN_H_

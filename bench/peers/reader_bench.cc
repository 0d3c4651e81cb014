// Readers of a whole store: many at once, and beside a writer; beside LMDB's.
//
// Method. A million rows with keys of 16 random bytes and values of 100, all of which have been
// read once. "readers_N_point_get_hot": N threads, each with a snapshot of its own, get rows for a
// second, each thread from another place of one random order; the figure is the time of the
// processor that comes to one get, and a session's snapshot is held throughout.
// "writer_commits_with_readers_N": one thread commits single new rows for two seconds while N
// threads go over to the newest snapshot and get 16 rows from it, again and again. The figures are
// the commits' latencies; those of the reads, each with its part in taking the snapshot, are
// counters. Threads outnumber processors, so that the tail is mostly the wait for one: what is to
// be compared are engines in one run.

#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "bench/peers/meter.h"
#include "bench/peers/store.h"
#include "bench/peers/threads.h"
#include "bench/support.h"
#include "bench/support/rows.h"

namespace caisson::bench {
namespace {

constexpr std::size_t kRows = 1'000'000;
constexpr std::size_t kRowsPerTxn = 10'000;
constexpr std::size_t kGetsPerStep = 64;      // Between two looks at whether time is over.
constexpr std::size_t kGetsPerSnapshot = 16;  // Beside a writer.
constexpr std::chrono::milliseconds kReadTime{1000};
constexpr std::chrono::milliseconds kWriteTime{2000};

const Rows& rows() {
  static const Rows all(kRows);
  return all;
}

// The rows one after the other, from a place that a number chooses.
class Walk {
 public:
  explicit Walk(std::uint64_t number) : at_(Random(number).below(kRows)) {}

  std::string_view next() {
    at_ = at_ + 1 == kRows ? 0 : at_ + 1;
    return rows().keys()[at_];
  }

 private:
  std::size_t at_;
};

// The store that all benchmarks here share: checkpointed, every row read once.
PeerStore& full_store(const StorePeer& peer) {
  static std::map<std::string, std::unique_ptr<PeerStore>> stores;
  std::unique_ptr<PeerStore>& store = stores[peer.name];
  if (!store) {
    store = peer.make(directory() + "/read-" + peer.name, {});
    const auto session = store->session();
    put_in_parts(rows().keys(), kRowsPerTxn,
                 [&](auto keys) { session->put_all(keys, row_value()); });
    store->checkpoint();
    session->begin_reading();
    for (const std::string_view key : rows().keys()) session->get(key);
  }
  return *store;
}

// --- Readers alone -------------------------------------------------------------------------------

void point_get(benchmark::State& state, const StorePeer& peer, std::size_t readers) {
  PeerStore& store = full_store(peer);
  for ([[maybe_unused]] auto _ : state) {
    std::atomic<std::uint64_t> missed{0};
    const Work work = in_threads_for(kReadTime, readers, [&](std::size_t number) {
      auto session = store.session();
      session->begin_reading();
      return [&missed, session = std::move(session), walk = Walk(number)]() mutable {
        for (std::size_t i = 0; i < kGetsPerStep; ++i) {
          if (!session->get(walk.next())) ++missed;
        }
        return kGetsPerStep;
      };
    });
    if (missed != 0) return fail(state, "rows are missing");
    const double cpu = static_cast<double>(work.costs.processor_ns) / 1e9;
    const auto gets = static_cast<double>(work.steps);
    state.SetIterationTime(work.seconds);
    state.counters[kEachCounter] = cpu / gets;
    state.counters["gets_per_cpu_s"] = gets / cpu;
    state.counters["gets_per_s"] = gets / work.seconds;
  }
}

// --- Readers beside a writer ---------------------------------------------------------------------

void commits_with_readers(benchmark::State& state, const StorePeer& peer, std::size_t readers) {
  if (in_memory()) return fail(state, "in memory; set CAISSON_BENCH_DIR to a directory on a disk");
  PeerStore& store = full_store(peer);
  static std::uint64_t run = 0;  // So that rows are new in each.
  Histogram commits;
  Histogram gets;
  for ([[maybe_unused]] auto _ : state) {
    const Rows new_rows(100'000, 1000 + ++run);
    const auto read = [&](std::size_t number) {
      return [&gets, session = store.session(), walk = Walk(number)]() mutable {
        std::uint64_t begin = now_ns();
        session->begin_reading();
        for (std::size_t i = 0; i < kGetsPerSnapshot; ++i) {
          session->get(walk.next());
          const std::uint64_t end = now_ns();
          gets.record(end - begin);
          begin = end;
        }
        return kGetsPerSnapshot;
      };
    };
    const auto write = [&, session = store.session()] {
      const std::uint64_t until = now_ns() + std::chrono::nanoseconds(kWriteTime).count();
      for (std::size_t i = 0; now_ns() < until; ++i) {
        const std::uint64_t begin = now_ns();
        session->put_all(new_rows.keys().subspan(i % new_rows.keys().size(), 1), row_value());
        commits.record(now_ns() - begin);
      }
    };
    const Work work = in_threads(readers, read, write);
    state.SetIterationTime(work.seconds);
    state.counters["gets_per_s"] = static_cast<double>(work.steps) / work.seconds;
    state.counters["commits_per_s"] =
        static_cast<double>(commits.snapshot().count()) / work.seconds;
  }
  const Histogram::Snapshot seen = gets.snapshot();
  state.counters["get_p50_s"] = static_cast<double>(seen.percentile(50)) / 1e9;
  state.counters["get_p99_s"] = static_cast<double>(seen.percentile(99)) / 1e9;
  report_latencies(state, commits);
}

// --- Names ---------------------------------------------------------------------------------------

template <typename Run>
std::string add(const StorePeer& peer, const std::string& name, std::size_t readers, Run run) {
  std::string full = std::string(peer.name) + "/" + name;
  benchmark::RegisterBenchmark(
      full.c_str(), [run, &peer, readers](benchmark::State& state) { run(state, peer, readers); })
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
  return full;
}

std::string readers_name(std::size_t readers) {
  return "readers_" + std::to_string(readers) + "_point_get_hot";
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const std::size_t readers : {1U, 2U, 16U, 256U}) {
    const std::string ours = add(kCaisson, readers_name(readers), readers, point_get);
    hold_against(ours, add(kLmdb, readers_name(readers), readers, point_get));
    // What it costs that they are many.
    if (readers != 1) hold_against(ours, "mvcc/" + readers_name(1));
  }
  for (const std::size_t readers : {0U, 128U}) {
    const std::string name = "writer_commits_with_readers_" + std::to_string(readers);
    const std::string ours = add(kCaisson, name, readers, commits_with_readers);
    hold_against(ours, add(kLmdb, name, readers, commits_with_readers));
  }
  return true;
}();

}  // namespace
}  // namespace caisson::bench

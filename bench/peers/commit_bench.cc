// Durable commits of a whole store, beside other engines and the disk itself.
//
// Method. "commit_sync_1put": one thread, each commit one row that is new, its key random. Held
// against a block of 4 KiB written past the page cache into a file that was written before, and a
// flush. "commit_group": as many threads, each with commits of its own rows, for a second; the
// figure is the time that comes to one commit of them all, and the latencies are those of single
// ones. "commit_group_waiting" is the same with commits that wait for each other (kGroup).
// "random_rows": a million new rows in transactions of 1,000 by one thread, and one checkpoint at
// the end, all of it timed; memory for 512 MiB of pages, so that no engine has to write any before.
// "random_rows_in_64m" is the same with memory for 64 MiB, and with checkpoints when each engine
// wants them.
//
// Rows have keys of 16 random bytes and values of 100. Engines have their own page size; stores
// begin empty, in bench::directory().

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/peers/meter.h"
#include "bench/peers/store.h"
#include "bench/peers/threads.h"
#include "bench/support.h"
#include "bench/support/raw_log.h"
#include "bench/support/rows.h"

namespace caisson::bench {
namespace {

constexpr std::size_t kCommits = 5000;
constexpr std::size_t kFirstCommits = 500;  // Untimed: until files have the size to work with.
constexpr std::size_t kRows = 1'000'000;
constexpr std::size_t kRowsPerTxn = 1000;
constexpr PeerOptions kMemoryForAll{.memory_bytes = std::uint64_t{512} << 20U,
                                    .manual_checkpoints = true};
constexpr PeerOptions kLittleMemory{.memory_bytes = std::uint64_t{64} << 20U};
constexpr std::chrono::milliseconds kGroupTime{1000};

std::string store_path() { return directory() + "/store"; }

bool on_disk(benchmark::State& state) {
  if (in_memory()) fail(state, "in memory; set CAISSON_BENCH_DIR to a directory on a disk");
  return !in_memory();
}

// --- One committer -------------------------------------------------------------------------------

// Times `commit` in each iteration.
template <typename Commit>
void time_commits(benchmark::State& state, Commit commit) {
  Histogram latencies;
  const Costs before = Costs::so_far();
  for ([[maybe_unused]] auto _ : state) {
    const std::uint64_t begin = now_ns();
    commit();
    latencies.record(now_ns() - begin);
  }
  report_costs(state, Costs::so_far() - before, static_cast<double>(state.iterations()));
  report_latencies(state, latencies);
}

void commit_sync_1put(benchmark::State& state, const StorePeer& peer) {
  if (!on_disk(state)) return;
  const Rows rows(kFirstCommits + kCommits);
  const auto store = peer.make(store_path(), {});
  const auto session = store->session();
  const auto commit = [&, at = std::size_t{0}]() mutable {
    session->put_all(rows.keys().subspan(at++, 1), row_value());
  };
  auto next = commit;
  for (std::size_t i = 0; i < kFirstCommits; ++i) next();
  time_commits(state, next);
}

void raw_commits(benchmark::State& state) {
  if (!on_disk(state)) return;
  RawLog log(directory() + "/raw_log");
  for (std::size_t i = 0; i < kFirstCommits; ++i) log.append_and_flush();
  time_commits(state, [&] { log.append_and_flush(); });
}

// --- Many committers -----------------------------------------------------------------------------

// Random rows without an end, whose keys no other number gives.
class EndlessRows {
 public:
  explicit EndlessRows(std::uint64_t number) : random_(1000 + number) {}

  std::string_view next_key() {
    random_.fill(std::as_writable_bytes(std::span(key_)));
    return key_;
  }

 private:
  Random random_;
  std::string key_ = std::string(kRowKeySize, '\0');
};

void commit_group(benchmark::State& state, const StorePeer& peer, std::size_t committers,
                  bool wait_for_others) {
  if (!on_disk(state)) return;
  const auto store = peer.make(store_path(), {.wait_for_others = wait_for_others});
  Histogram latencies;
  for ([[maybe_unused]] auto _ : state) {
    const Work work = in_threads_for(kGroupTime, committers, [&](std::size_t number) {
      return [&latencies, session = store->session(), rows = EndlessRows(number)]() mutable {
        const std::string_view key = rows.next_key();
        const std::uint64_t begin = now_ns();
        session->put_all({&key, 1}, row_value());
        latencies.record(now_ns() - begin);
        return 1U;
      };
    });
    const auto commits = static_cast<double>(work.steps);
    state.SetIterationTime(work.seconds);
    report_costs(state, work.costs, commits);
    state.counters["commits_per_s"] = commits / work.seconds;
    state.counters[kEachCounter] = work.seconds / commits;
  }
  report_latencies(state, latencies);
}

// --- Many rows -----------------------------------------------------------------------------------

void random_rows(benchmark::State& state, const StorePeer& peer, const PeerOptions& options) {
  if (!on_disk(state)) return;
  const Rows rows(kRows);
  for ([[maybe_unused]] auto _ : state) {
    const auto store = peer.make(store_path(), options);
    const auto session = store->session();
    const Costs before = Costs::so_far();
    const std::uint64_t begin = now_ns();
    put_in_parts(rows.keys(), kRowsPerTxn, [&](auto keys) { session->put_all(keys, row_value()); });
    const std::uint64_t committed = now_ns();
    store->checkpoint();
    const std::uint64_t end = now_ns();
    const Costs costs = Costs::so_far() - before;
    constexpr double kPayload = kRows * kRowSize;
    state.SetIterationTime(static_cast<double>(end - begin) / 1e9);
    state.counters[kEachCounter] = static_cast<double>(end - begin) / 1e9 / kRows;
    state.counters["rows_per_s"] = kRows * 1e9 / static_cast<double>(end - begin);
    state.counters["checkpoint_s"] = static_cast<double>(end - committed) / 1e9;
    state.counters["cpu_s"] = static_cast<double>(costs.processor_ns) / 1e9 / kRows;
    state.counters["flushes"] = static_cast<double>(costs.flushes);
    state.counters["written_per_payload"] = static_cast<double>(costs.bytes_written) / kPayload;
    state.counters["zeros_per_payload"] = static_cast<double>(costs.bytes_of_zeros) / kPayload;
  }
}

// --- Names ---------------------------------------------------------------------------------------

constexpr const char* kRawLimit = "limit/direct_write_fdatasync_4k";

// Registers `run` for Caisson and for each of the others, under `name` behind the engine's.
template <typename Run, typename SetUp>
void add_all(const std::string& name, Run run, SetUp set_up) {
  const auto add = [&](const StorePeer& peer) {
    std::string full = std::string(peer.name) + "/" + name;
    set_up(benchmark::RegisterBenchmark(
        full.c_str(), [run, &peer](benchmark::State& state) { run(state, peer); }));
    return full;
  };
  const std::string ours = add(kCaisson);
  for (const StorePeer& peer : kOthers) hold_against(ours, add(peer));
}

void once(benchmark::internal::Benchmark* one) {
  one->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);
}

void each_commit(benchmark::internal::Benchmark* one) {
  one->UseRealTime()->Iterations(kCommits)->Unit(benchmark::kMicrosecond);
}

void add_group(std::size_t committers) {
  const std::string number = std::to_string(committers);
  const auto run = [committers](benchmark::State& state, const StorePeer& peer) {
    commit_group(state, peer, committers, false);
  };
  add_all("commit_group/" + number, run, once);
  const std::string waiting = "mvcc/commit_group_waiting/" + number;
  once(benchmark::RegisterBenchmark(waiting.c_str(), [committers](benchmark::State& state) {
    commit_group(state, kCaisson, committers, true);
  }));
  hold_against(waiting, "mvcc/commit_group/" + number);
}

[[maybe_unused]] const bool kRegistered = [] {
  each_commit(benchmark::RegisterBenchmark(kRawLimit, raw_commits));
  hold_against("mvcc/commit_sync_1put", kRawLimit);
  add_all("commit_sync_1put", commit_sync_1put, each_commit);
  for (const std::size_t committers : {1U, 2U, 4U, 8U, 16U, 32U, 64U}) add_group(committers);
  const auto with = [](const PeerOptions& options) {
    return [&options](benchmark::State& state, const StorePeer& peer) {
      random_rows(state, peer, options);
    };
  };
  add_all("random_rows", with(kMemoryForAll), once);
  add_all("random_rows_in_64m", with(kLittleMemory), once);
  return true;
}();

}  // namespace
}  // namespace caisson::bench

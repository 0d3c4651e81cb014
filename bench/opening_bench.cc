// Opening a store: one that was closed, hot and cold, and one whose process was killed.
//
// Method. The store has 1,000,000 rows with keys of 16 random bytes and values of 100, put in
// random order and checkpointed; about 150 MB. "open_1m_rows" opens and closes it, with nothing to
// do. "first_get_cold" opens it after all of its files were dropped from the page cache; the figure
// is the first row that is looked up then, from snapshot() on.
//
// "recovery": another process adds 100,000 random rows whose commits no checkpoint gets to, and is
// killed. What it leaves is copied before each opening, so that every one has the same to do: to
// map pages, to read the log and to apply it. "by_design" leaves the store's defaults alone: the
// other process adds rows in transactions of 1,000 as fast as it can, and is killed in the midst of
// it; the store is opened and closed, and it goes on from there.

#include <benchmark/benchmark.h>
#include <caisson/store.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>

#include "bench/raw_file.h"
#include "bench/rows.h"
#include "bench/support.h"

namespace caisson::bench {
namespace {

constexpr std::size_t kRows = 1'000'000;
constexpr std::size_t kNewRows = 100'000;
constexpr std::size_t kRowsPerTxn = 1000;
constexpr const char* kTree = "rows";

Options without_checkpoints() {
  Options options;
  options.memory_budget_bytes = std::uint64_t{512} << 20U;
  options.replay_time_max = std::chrono::hours(1);
  return options;
}

void put_rows(const Store& store, std::span<const std::string_view> keys, std::size_t rows_per_txn,
              Durability durability) {
  put_in_parts(keys, rows_per_txn, [&](auto part) {
    WriteTxn txn = store.begin_write().value();
    WriteTree tree = txn.open_or_create_tree(kTree).value();
    for (const std::string_view key : part) tree.put(key, row_value()).value();
    txn.commit({.durability = durability}).value();
  });
}

// The path of the store that all benchmarks here begin with. Closed.
const std::string& full_store() {
  static const std::string made = [] {
    std::string path = directory() + "/full";
    Store store = Store::create(path, {}, without_checkpoints()).value();
    put_rows(store, Rows(kRows).keys(), kRowsPerTxn, Durability::kAsync);
    store.close().value();
    return path;
  }();
  return made;
}

template <typename Act>
void with_files(const std::string& path, Act act) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) act(entry.path().string());
  }
}

void copy_store(const std::string& from, const std::string& to) {
  std::filesystem::remove_all(to);
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
  // Or opening would wait for what the copying has left to the system to write.
  with_files(to, [](const std::string& file) { RawFile(file, O_RDWR).flush(); });
}

void drop_from_cache(const std::string& path) {
  with_files(path, [](const std::string& name) {
    const RawFile file(name, O_RDWR);
    file.flush();
    posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);
  });
}

bool on_disk(benchmark::State& state) {
  if (in_memory()) fail(state, "in memory; set CAISSON_BENCH_DIR to a directory on a disk");
  return !in_memory();
}

// --- What was closed -----------------------------------------------------------------------------

void open_close(benchmark::State& state) {
  const std::string& path = full_store();
  Histogram latencies;
  Histogram openings;
  for ([[maybe_unused]] auto _ : state) {
    const std::uint64_t begin = now_ns();
    Store store = Store::open(path).value();
    openings.record(now_ns() - begin);
    store.close().value();
    latencies.record(now_ns() - begin);
  }
  state.counters["open_p50_s"] = static_cast<double>(openings.snapshot().percentile(50)) / 1e9;
  report_latencies(state, latencies);
}

bool get(const Store& store, std::string_view key) {
  auto value = store.snapshot().value().tree(kTree).value().get(key).value();
  return value && value->bytes().value().size() == kRowValueSize;
}

void first_get_cold(benchmark::State& state) {
  if (!on_disk(state)) return;
  const std::string& path = full_store();
  const Rows rows(kRows);
  Random random(4);
  Histogram latencies;
  Histogram openings;
  DiskReads read;
  for ([[maybe_unused]] auto _ : state) {
    drop_from_cache(path);
    const std::uint64_t begin = now_ns();
    Store store = Store::open(path).value();
    const DiskReads before = DiskReads::now();
    const std::uint64_t opened = now_ns();
    if (!get(store, rows.keys()[random.below(kRows)])) return fail(state, "a row is missing");
    const std::uint64_t end = now_ns();
    read.bytes += DiskReads::now().bytes - before.bytes;
    openings.record(opened - begin);
    latencies.record(end - opened);
    state.SetIterationTime(static_cast<double>(end - begin) / 1e9);
    store.close().value();
  }
  state.counters["open_p50_s"] = static_cast<double>(openings.snapshot().percentile(50)) / 1e9;
  state.counters["disk_KiB"] =
      static_cast<double>(read.bytes) / 1024 / static_cast<double>(state.iterations());
  report_latencies(state, latencies);
}

// --- What was killed -----------------------------------------------------------------------------

// Another process that runs `act`, and then waits to be killed.
class Victim {
 public:
  template <typename Act>
  explicit Victim(Act act) {
    if (pipe2(ends_, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category());
    process_ = fork();
    if (process_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (process_ != 0) return;
    try {
      act();
      (void)!write(ends_[1], "d", 1);
      while (true) pause();
    } catch (...) {
      _exit(1);
    }
  }
  ~Victim() {
    ::kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    for (const int end : ends_) ::close(end);
  }
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;

  // Returns when it has done what it had to; false if it can't.
  bool wait() {
    ::close(ends_[1]);
    ends_[1] = -1;
    char done = 0;
    return read(ends_[0], &done, 1) == 1;
  }

 private:
  int ends_[2] = {-1, -1};
  pid_t process_ = -1;
};

struct Recovery {
  const char* name;
  bool into_full_store;
  std::size_t rows_per_txn;
};

constexpr Recovery kRecoveries[] = {
    {"100k_rows_into_1m", true, 1000},
    {"100k_rows_into_none", false, 1000},
    {"100k_commits_into_1m", true, 1},
};

// What the process that was killed leaves.
std::string killed_store(const Recovery& recovery) {
  std::string path = directory() + "/killed-" + recovery.name;
  if (std::filesystem::exists(path)) return path;
  if (recovery.into_full_store) copy_store(full_store(), path);
  Victim victim([&] {
    Options options = without_checkpoints();
    options.create_if_missing = true;
    static const Store store = Store::open(path, options).value();
    put_rows(store, Rows(kNewRows, 5).keys(), recovery.rows_per_txn, Durability::kAsync);
    // Makes all of them durable.
    put_rows(store, Rows(1, 6).keys(), 1, Durability::kSync);
  });
  if (!victim.wait()) throw std::runtime_error("the process that is to be killed has failed");
  return path;
}

void recover(benchmark::State& state, const Recovery& recovery) {
  if (!on_disk(state)) return;
  const std::string killed = killed_store(recovery);
  const std::string path = directory() + "/recovered";
  Histogram latencies;
  std::uint64_t processor = 0;
  for ([[maybe_unused]] auto _ : state) {
    copy_store(killed, path);
    const std::uint64_t processor_before = processor_ns();
    const std::uint64_t begin = now_ns();
    Store store = Store::open(path, without_checkpoints()).value();
    const std::uint64_t taken = now_ns() - begin;
    processor += processor_ns() - processor_before;
    latencies.record(taken);
    state.SetIterationTime(static_cast<double>(taken) / 1e9);
    const RecoveryReport& report = store.recovery();
    if (report.operations < kNewRows) return fail(state, "not all rows were recovered");
    state.counters["log_MiB"] = static_cast<double>(report.log_bytes) / 1024 / 1024;
    store.close().value();
  }
  report_latencies(state, latencies);
  state.counters["row_p50_s"] =
      static_cast<double>(latencies.snapshot().percentile(50)) / 1e9 / kNewRows;
  state.counters["row_cpu_s"] =
      static_cast<double>(processor) / 1e9 / kNewRows / static_cast<double>(state.iterations());
}

// --- What was killed at any time, with the defaults ----------------------------------------------

void recover_by_design(benchmark::State& state) {
  if (!on_disk(state)) return;
  const std::string path = directory() + "/killed-any-time";
  copy_store(full_store(), path);
  Random random(7);
  Histogram latencies;
  Histogram operations;
  std::uint64_t run = 100;
  for ([[maybe_unused]] auto _ : state) {
    ++run;
    {
      const Victim victim([&] {
        static const Store store = Store::open(path).value();
        put_rows(store, Rows(4 * kRows, run).keys(), kRowsPerTxn, Durability::kSync);
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(1000 + random.below(1000)));
    }
    const std::uint64_t begin = now_ns();
    Store store = Store::open(path).value();
    const std::uint64_t taken = now_ns() - begin;
    latencies.record(taken);
    operations.record(store.recovery().operations);
    state.SetIterationTime(static_cast<double>(taken) / 1e9);
    store.close().value();
  }
  report_latencies(state, latencies);
  state.counters["max_s"] = static_cast<double>(latencies.snapshot().max()) / 1e9;
  state.counters["rows_p50"] = static_cast<double>(operations.snapshot().percentile(50));
  state.counters["rows_max"] = static_cast<double>(operations.snapshot().max());
}

// --- Names ---------------------------------------------------------------------------------------

[[maybe_unused]] const bool kRegistered = [] {
  benchmark::RegisterBenchmark("mvcc/open_1m_rows", open_close)
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark("mvcc/open_1m_rows/first_get_cold", first_get_cold)
      ->UseManualTime()
      ->Iterations(50)
      ->Unit(benchmark::kMicrosecond);
  for (const Recovery& recovery : kRecoveries) {
    const std::string name = std::string("mvcc/recovery/") + recovery.name;
    benchmark::RegisterBenchmark(name.c_str(),
                                 [&recovery](benchmark::State& state) { recover(state, recovery); })
        ->UseManualTime()
        ->Iterations(5)
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::RegisterBenchmark("mvcc/recovery/by_design", recover_by_design)
      ->UseManualTime()
      ->Iterations(10)
      ->Unit(benchmark::kMillisecond);
  return true;
}();

}  // namespace
}  // namespace caisson::bench

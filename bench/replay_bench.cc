// Making a state anew out of a log: in memory, and as a store.
//
// Method. The log has 1,000,000 records, each a commit of its own: one put of a random key of 16
// bytes, with a value of 100, into one tree. So a record is 280 bytes in the file, and a rebuild
// has a million commits to do, and a million rows at its end. What is timed is all of it, from
// opening the log to the last flush; the counters tell what comes to one record. The log is in the
// page cache.
//
// Limits do, without Caisson, what the machine has to do for it: the same rows put into an ordered
// map; the log's bytes read, summed and written once more, with a flush for every 4 MiB.

#include <benchmark/benchmark.h>
#include <fcntl.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "base/random.h"
#include "bench/raw_file.h"
#include "bench/support.h"
#include "io/memory.h"
#include "io/posix.h"
#include "log/operations.h"
#include "log/testing/harness.h"
#include "mvcc/rebuild.h"

namespace caisson::bench {
namespace {

using log::testing::LogStore;
using log::testing::value_of;

constexpr std::uint64_t kRecords = 1'000'000;
constexpr std::size_t kKeySize = 16;
constexpr std::size_t kValueSize = 100;
constexpr std::uint64_t kMemoryBudget = std::uint64_t{1} << 30U;
constexpr std::size_t kFlushSize = std::size_t{4} << 20U;

// The rows in the order of the log, each drawn anew.
class Rows {
 public:
  Bytes next_key() {
    random_.fill(key_);
    return key_;
  }
  Bytes value() const { return value_; }

 private:
  Random random_{1};
  std::vector<std::byte> key_ = std::vector<std::byte>(kKeySize);
  std::vector<std::byte> value_ = std::vector<std::byte>(kValueSize, std::byte{'v'});
};

void add(const log::Operation& operation, std::string& payload) {
  std::string bytes(log::encoded_size(operation), '\0');
  Encoder out(std::as_writable_bytes(std::span(bytes)));
  log::encode(operation, out);
  payload += bytes;
}

// The log that all benchmarks here read.
struct Log {
  LogStore store;
  std::vector<std::string> files;

  static Log& get() {
    static Log log;
    return log;
  }

 private:
  Log() : store(io::posix_vfs(), directory() + "/replayed", {}) {
    value_of(store.open());
    std::string payload;
    add({.code = log::OperationCode::kCreateTree, .tree = 1, .key = log::testing::bytes_of("rows")},
        payload);
    Rows rows;
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      add({.code = log::OperationCode::kPut,
           .tree = 1,
           .key = rows.next_key(),
           .value = rows.value()},
          payload);
      value_of(store.append(payload));
      payload.clear();
    }
    value_of(store.writer().flush(store.writer().appended()));
    store.close();
    for (const std::uint64_t file : value_of(store.directory().files())) {
      files.push_back(directory() + "/replayed/log/" + log::file_name(file));
    }
  }
};

// Times `rebuild` in each iteration, and removes `path`, where it has made something.
template <typename Rebuild>
void time_rebuilds(benchmark::State& state, const std::string& path, Rebuild rebuild) {
  Histogram latencies;
  for ([[maybe_unused]] auto _ : state) {
    const std::uint64_t begin = now_ns();
    rebuild();
    latencies.record(now_ns() - begin);
    state.PauseTiming();
    if (!path.empty()) std::filesystem::remove_all(path);
    state.ResumeTiming();
  }
  report_latencies(state, latencies);
  state.counters["records_per_s"] = benchmark::Counter(
      static_cast<double>(kRecords), benchmark::Counter::kIsIterationInvariantRate);
}

// --- The figures ---------------------------------------------------------------------------------

void into_memory(benchmark::State& state) {
  Log& log = Log::get();
  time_rebuilds(state, "", [&] {
    const auto rebuilt =
        value_of(mvcc::rebuild_in_memory(log.store.directory(), {.upto = TxnId{kRecords}}));
    if (rebuilt.done.operations != kRecords + 1) fail(state, "operations are missing");
  });
}

void into_store(benchmark::State& state) {
  if (in_memory()) return fail(state, "in memory; set CAISSON_BENCH_DIR to a directory on a disk");
  Log& log = Log::get();
  const std::string path = directory() + "/rebuilt";
  mvcc::FreshStore fresh{.path = path};
  fresh.engine.memory_budget_bytes = kMemoryBudget;
  time_rebuilds(state, path, [&] {
    const auto done = value_of(mvcc::rebuild_store(log.store.directory(), io::posix_vfs(), fresh,
                                                   {.upto = TxnId{kRecords}}));
    if (done.txn != TxnId{kRecords}) fail(state, "commits are missing");
  });
}

// --- Limits --------------------------------------------------------------------------------------

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void into_map(benchmark::State& state) {
  time_rebuilds(state, "", [&] {
    Rows rows;
    std::map<std::string, std::string> map;
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      map.insert_or_assign(text_of(rows.next_key()), text_of(rows.value()));
    }
    benchmark::DoNotOptimize(map.size());
  });
}

void copy_log(benchmark::State& state) {
  if (in_memory()) return fail(state, "in memory; set CAISSON_BENCH_DIR to a directory on a disk");
  Log& log = Log::get();
  const std::string path = directory() + "/copied_log";
  io::AlignedBuffer buffer(kFlushSize);
  time_rebuilds(state, path, [&] {
    const RawFile to(path, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT);
    std::uint64_t written = 0;
    for (const std::string& name : log.files) {
      const RawFile from(name, O_RDONLY);
      const std::uint64_t size = std::filesystem::file_size(name);
      for (std::uint64_t at = 0; at < size; at += kFlushSize) {
        const MutableBytes chunk =
            buffer.bytes().first(std::min<std::uint64_t>(kFlushSize, size - at));
        from.read(at, chunk);
        benchmark::DoNotOptimize(crc32c(chunk));
        to.write(written, chunk);
        to.flush();
        written += chunk.size();
      }
    }
  });
}

// --- Names ---------------------------------------------------------------------------------------

void add_rebuild(const char* name, void (*run)(benchmark::State&)) {
  benchmark::RegisterBenchmark(name, run)->UseRealTime()->Unit(benchmark::kMillisecond);
}

[[maybe_unused]] const bool kRegistered = [] {
  add_rebuild("log/replay_into_memory", into_memory);
  add_rebuild("log/replay_into_store", into_store);
  add_rebuild("limit/insert_1m_into_map", into_map);
  add_rebuild("limit/copy_log_of_1m_flushed_by_4m", copy_log);
  hold_against("log/replay_into_memory", "limit/insert_1m_into_map");
  hold_against("log/replay_into_store", "limit/copy_log_of_1m_flushed_by_4m");
  return true;
}();

}  // namespace
}  // namespace caisson::bench

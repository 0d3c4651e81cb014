// One commit made durable by the log in each way that it has, beside the two calls that the system
// needs for it at least.
//
// Method. A commit is one record with a payload of 100 bytes, and each is flushed alone, by one
// thread: so it is a write of one block of 4 KiB, and a flush. Limits write such blocks into a file
// that was written before, as log files are. "encode" is the record alone, without a log: its
// payload copied and hashed, its header, its checksum; nothing is written.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "base/hash.h"
#include "base/random.h"
#include "bench/raw_log.h"
#include "bench/support.h"
#include "io/posix.h"
#include "log/record.h"
#include "log/testing/harness.h"

namespace caisson::bench {
namespace {

using io::SyncMethod;
using log::testing::LogStore;
using log::testing::value_of;

constexpr std::size_t kPayloadSize = 100;
constexpr std::uint64_t kFileSize = RawLog::kFileSize;
static_assert(RawLog::kBlockSize == log::kBatchAlignment);

// --- The record alone ----------------------------------------------------------------------------

void encode(benchmark::State& state) {
  std::vector<std::byte> payload(kPayloadSize);
  Random(1).fill(payload);
  std::vector<std::byte> record(log::record_size(kPayloadSize));
  log::RecordHeader header;
  header.type = log::RecordType::kCommit;
  header.payload_size = kPayloadSize;
  for ([[maybe_unused]] auto _ : state) {
    header.txn = TxnId{to_u64(header.txn) + 1};
    header.hash = chain(header.hash, payload);
    std::ranges::copy(payload, record.begin() + log::kRecordHeaderSize);
    header.previous_checksum = log::encode_record(header, 1, record);
  }
  benchmark::DoNotOptimize(record.data());
}

// Its bytes copied, and their checksum.
void copy_and_sum(benchmark::State& state) {
  std::vector<std::byte> from(log::record_size(kPayloadSize));
  Random(1).fill(from);
  std::vector<std::byte> to(from.size());
  for ([[maybe_unused]] auto _ : state) {
    std::ranges::copy(from, to.begin());
    benchmark::DoNotOptimize(crc32c(to));
  }
}

// --- Durable commits -----------------------------------------------------------------------------

// Times `commit` in each iteration.
template <typename Commit>
void time_commits(benchmark::State& state, Commit commit) {
  Histogram latencies;
  const std::uint64_t processor_before = processor_ns();
  for ([[maybe_unused]] auto _ : state) {
    const std::uint64_t begin = now_ns();
    commit();
    latencies.record(now_ns() - begin);
  }
  state.counters["cpu_s"] = static_cast<double>(processor_ns() - processor_before) / 1e9 /
                            static_cast<double>(state.iterations());
  report_latencies(state, latencies);
}

void commit(benchmark::State& state, bool direct, SyncMethod method) {
  if (in_memory()) return fail(state, "in memory; set CAISSON_BENCH_DIR to a directory on a disk");
  const std::string path = directory() + "/log";
  std::filesystem::remove_all(path);
  LogStore store(io::posix_vfs(), path,
                 {.file_size_min = kFileSize,
                  .file_size_max = kFileSize,
                  .direct = direct,
                  .sync_method = method});
  value_of(store.open());
  const std::string payload(kPayloadSize, 'p');
  value_of(store.commit(payload));
  const log::WriterStats before = store.writer().stats();
  if (before.direct != direct || before.sync_method != method) {
    return state.SkipWithError("this system has no such way to the disk");
  }
  time_commits(state, [&] { value_of(store.commit(payload)); });
  const log::WriterStats after = store.writer().stats();
  const auto count = static_cast<double>(state.iterations());
  state.counters["flushes"] = static_cast<double>(after.flushes - before.flushes) / count;
  state.counters["KiB_written"] =
      static_cast<double>(after.bytes_written - before.bytes_written) / 1024 / count;
}

// A block written past the page cache into a file that was written before, and made durable.
void raw_write(benchmark::State& state, void (RawLog::*append)()) {
  if (in_memory()) return fail(state, "in memory; set CAISSON_BENCH_DIR to a directory on a disk");
  RawLog log(directory() + "/raw_log");
  time_commits(state, [&] { (log.*append)(); });
  state.counters["flushes"] = 1;
  state.counters["KiB_written"] = RawLog::kBlockSize / 1024.0;
}

// --- Names ---------------------------------------------------------------------------------------

const std::string kName = "log/append_commit_record/";
constexpr const char* kTwoCallsLimit = "limit/direct_write_fdatasync_4k";
constexpr const char* kDsyncLimit = "limit/direct_write_dsync_4k";

void add_commit(const std::string& name, bool direct, SyncMethod method) {
  benchmark::RegisterBenchmark(
      (kName + name).c_str(),
      [direct, method](benchmark::State& state) { commit(state, direct, method); })
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
  hold_against(kName + name, kTwoCallsLimit);
  if (method == SyncMethod::kDsync) hold_against(kName + name, kDsyncLimit);
}

void add_limit(const char* name, void (RawLog::*append)()) {
  benchmark::RegisterBenchmark(name,
                               [append](benchmark::State& state) { raw_write(state, append); })
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}

[[maybe_unused]] const bool kRegistered = [] {
  benchmark::RegisterBenchmark((kName + "encode").c_str(), encode);
  benchmark::RegisterBenchmark("limit/copy_and_crc32c_of_record", copy_and_sum);
  hold_against(kName + "encode", "limit/copy_and_crc32c_of_record");

  add_commit("direct", true, SyncMethod::kTwoCalls);
  add_commit("direct_dsync", true, SyncMethod::kDsync);
  add_commit("direct_uring", true, SyncMethod::kUring);
  add_commit("buffered", false, SyncMethod::kTwoCalls);
  add_commit("buffered_dsync", false, SyncMethod::kDsync);
  add_commit("buffered_uring", false, SyncMethod::kUring);
  add_limit(kTwoCallsLimit, &RawLog::append_and_flush);
  add_limit(kDsyncLimit, &RawLog::append_dsync);
  return true;
}();

}  // namespace
}  // namespace caisson::bench

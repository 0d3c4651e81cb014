// What a snapshot that is held for long costs: how much the files grow by, and what is written,
// while rows are overwritten behind it; beside LMDB's.
//
// Method. 100,000 rows with keys of 16 random bytes and values of 100; each is overwritten once, in
// another random order, in durable transactions of 100 rows. "held": a snapshot from before all of
// that is open meanwhile; "free": none is. Growth is of all files of the store, as the file system
// counts their blocks, up to a checkpoint at the end, so log files are part of it.

#include <benchmark/benchmark.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/peers/meter.h"
#include "bench/peers/store.h"
#include "bench/support.h"
#include "bench/support/rows.h"

namespace caisson::bench {
namespace {

constexpr std::size_t kRows = 100'000;
constexpr std::size_t kRowsPerTxn = 100;
constexpr double kMiB = 1024.0 * 1024.0;

std::vector<std::string_view> shuffled(std::span<const std::string_view> keys) {
  std::vector<std::string_view> order(keys.begin(), keys.end());
  Random random(3);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

std::uint64_t bytes_on_disk(const std::string& path) {
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    struct stat info{};
    if (stat(entry.path().c_str(), &info) == 0 && entry.is_regular_file()) {
      bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;
    }
  }
  return bytes;
}

void overwrite(benchmark::State& state, const StorePeer& peer, bool held) {
  if (in_memory()) return fail(state, "in memory; set CAISSON_BENCH_DIR to a directory on a disk");
  const Rows rows(kRows);
  const std::vector<std::string_view> order = shuffled(rows.keys());
  const std::string path = directory() + "/overwritten";
  for ([[maybe_unused]] auto _ : state) {
    const auto store = peer.make(path, {});
    const auto session = store->session();
    const auto put = [&](auto keys) { session->put_all(keys, row_value()); };
    put_in_parts(rows.keys(), kRows, put);
    store->checkpoint();
    const auto reader = store->session();
    if (held) reader->begin_reading();

    const std::uint64_t size_before = bytes_on_disk(path);
    const Costs before = Costs::so_far();
    const std::uint64_t begin = now_ns();
    put_in_parts(order, kRowsPerTxn, put);
    store->checkpoint();
    const double seconds = static_cast<double>(now_ns() - begin) / 1e9;
    const Costs costs = Costs::so_far() - before;

    state.SetIterationTime(seconds);
    state.counters[kEachCounter] = seconds / kRows;
    state.counters["grown_MiB"] =
        (static_cast<double>(bytes_on_disk(path)) - static_cast<double>(size_before)) / kMiB;
    state.counters["written_MiB"] = static_cast<double>(costs.bytes_written) / kMiB;
    state.counters["zeros_MiB"] = static_cast<double>(costs.bytes_of_zeros) / kMiB;
    if (held && !reader->get(order.front())) fail(state, "the snapshot has lost a row");
  }
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const bool held : {true, false}) {
    const auto add = [held](const StorePeer& peer) {
      const std::string name =
          std::string(peer.name) + "/held_snapshot/" + (held ? "held" : "free");
      benchmark::RegisterBenchmark(
          name.c_str(), [&peer, held](benchmark::State& state) { overwrite(state, peer, held); })
          ->UseManualTime()
          ->Iterations(1)
          ->Unit(benchmark::kMillisecond);
      return name;
    };
    const std::string ours = add(kCaisson);
    hold_against(ours, add(kLmdb));
  }
  return true;
}();

}  // namespace
}  // namespace caisson::bench

// Taking a snapshot and letting it go, while others are held.
//
// Method. As many snapshots as the name says are held, each of another
// state, and then one thread goes on: "fresh" takes a snapshot of the newest state and ends it;
// "reused" has one that it took before go over to the newest state, which is the one that it has;
// "moved" does so behind a commit (untimed), so that the state is another one each time.

#include <benchmark/benchmark.h>
#include <caisson/store.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/support.h"

namespace caisson::bench {
namespace {

class SnapshotStore {
 public:
  explicit SnapshotStore(std::size_t held) : store_(create()) {
    for (std::size_t i = 0; i < held; ++i) {
      snapshots_.push_back(store_.snapshot().value());
      commit();
    }
    commit();
  }

  const Store& store() const { return store_; }

  void commit() {
    WriteTxn txn = store_.begin_write().value();
    txn.open_or_create_tree("rows").value().put("key", std::to_string(++commits_)).value();
    txn.commit({.durability = Durability::kAsync}).value();
  }

 private:
  static Store create() {
    const std::string path = directory() + "/snapshots";
    std::filesystem::remove_all(path);
    return Store::create(path, {}, {.background = false}).value();
  }

  Store store_;
  std::uint64_t commits_ = 0;
  std::vector<Snapshot> snapshots_;  // These end before the store.
};

void fresh(benchmark::State& state, std::size_t held) {
  const SnapshotStore store(held);
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(store.store().snapshot().value().txn());
  }
}

void reused(benchmark::State& state, std::size_t held) {
  const SnapshotStore store(held);
  Snapshot snapshot = store.store().snapshot().value();
  for ([[maybe_unused]] auto _ : state) {
    snapshot.renew().value();
    benchmark::DoNotOptimize(snapshot.txn());
  }
}

void moved(benchmark::State& state, std::size_t held) {
  SnapshotStore store(held);
  Snapshot snapshot = store.store().snapshot().value();
  Histogram latencies;
  for ([[maybe_unused]] auto _ : state) {
    store.commit();
    const std::uint64_t begin = now_ns();
    snapshot.renew().value();
    latencies.record(now_ns() - begin);
  }
  report_latencies(state, latencies);
}

// The same beside an atomic counter that goes up and down: what any registration costs at least.
void count_up_and_down(benchmark::State& state) {
  std::atomic<std::uint64_t> counter{0};
  for ([[maybe_unused]] auto _ : state) {
    counter.fetch_add(1);
    benchmark::DoNotOptimize(counter.fetch_sub(1));
  }
}

[[maybe_unused]] const bool kRegistered = [] {
  constexpr const char* kLimit = "limit/atomic_up_and_down";
  benchmark::RegisterBenchmark(kLimit, count_up_and_down);
  const auto add = [](const std::string& kind, std::size_t held, auto run) {
    const std::string name = "mvcc/snapshot_open_close/" + kind + "/" + std::to_string(held);
    hold_against(name, kLimit);
    return benchmark::RegisterBenchmark(name.c_str(),
                                        [run, held](benchmark::State& state) { run(state, held); });
  };
  for (const std::size_t held : {0U, 16U, 256U}) {
    add("fresh", held, fresh);
    add("reused", held, reused);
    add("moved", held, moved)->Iterations(20'000);
  }
  return true;
}();

}  // namespace
}  // namespace caisson::bench

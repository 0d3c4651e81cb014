// Taking a snapshot and letting it go, while others are held.
//
// Method. As many snapshots as the name says are held, each of another
// state, and then one thread goes on: "fresh" takes a snapshot of the newest state and ends it;
// "reused" has one that it took before go over to the newest state, which is the one that it has;
// "moved" does so behind a commit (untimed), so that the state is another one each time.

#include <caisson/store.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/harness/run.h"
#include "bench/support/keep.h"

namespace caisson::bench {
namespace {

constexpr std::size_t kBatch = 1000;

class SnapshotStore {
 public:
  SnapshotStore(const std::string& path, std::size_t held)
      : store_(Store::create(path, {}, {.background = false}).value()) {
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
  Store store_;
  std::uint64_t commits_ = 0;
  std::vector<Snapshot> snapshots_;  // These end before the store.
};

void fresh(Run& run, std::size_t held) {
  const SnapshotStore store(run.new_path("store"), held);
  run.batches(kBatch, [&] { keep(store.store().snapshot().value().txn()); });
}

void reused(Run& run, std::size_t held) {
  const SnapshotStore store(run.new_path("store"), held);
  Snapshot snapshot = store.store().snapshot().value();
  run.batches(kBatch, [&] {
    snapshot.renew().value();
    keep(snapshot.txn());
  });
}

void moved(Run& run, std::size_t held) {
  SnapshotStore store(run.new_path("store"), held);
  Snapshot snapshot = store.store().snapshot().value();
  run.prepared(1, [&] {
    store.commit();
    return [&](std::size_t /*index*/) { snapshot.renew().value(); };
  });
}

// The same beside an atomic counter that goes up and down: what any registration costs at least.
void count_up_and_down(Run& run) {
  std::atomic<std::uint64_t> counter{0};
  run.batches(kBatch, [&] {
    counter.fetch_add(1);
    keep(counter.fetch_sub(1));
  });
}

struct Kind {
  const char* name;
  const char* about;
  void (*run)(Run& run, std::size_t held);
  std::int64_t iterations;
};

constexpr Kind kKinds[] = {
    {"fresh", "a snapshot of the newest state taken and ended", fresh, 0},
    {"reused", "a snapshot that goes over to the newest state, which is the one that it has",
     reused, 0},
    {"moved", "the same behind a commit; the clock's own 30 ns are in it", moved, 20'000},
};

[[maybe_unused]] const bool kRegistered = [] {
  constexpr const char* kLimit = "limit/atomic_up_and_down";
  for (const std::size_t held : {0U, 16U, 256U}) {
    for (const Kind& kind : kKinds) {
      add({.name =
               std::string("mvcc/snapshot_open_close/") + kind.name + "/" + std::to_string(held),
           .about = std::string(kind.about) + ", while " + std::to_string(held) + " are held",
           .operation = "snapshot",
           .gate = kind.iterations == 0 ? Gate::kCritical : Gate::kAdvisory,
           .against = {kLimit},
           .quick = held == 16 && kind.iterations == 0,
           .iterations = kind.iterations},
          [&kind, held](Run& run) { kind.run(run, held); });
    }
  }
  return add({.name = kLimit,
              .about = "an atomic counter, up and down again",
              .operation = "snapshot",
              .gate = Gate::kNone},
             count_up_and_down);
}();

}  // namespace
}  // namespace caisson::bench

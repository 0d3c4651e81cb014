// What a store does for one call, counted above all: allocations, flushes, bytes and pages, which
// are the same in every run.
//
// Method. A store of 100,000 rows with keys of 16 random bytes and values of 100, checkpointed, and
// nothing in the background. "get_hot" and "scan_1k_rows_hot" read rows whose pages have been read
// before, from one snapshot. "get_first_touch" opens the store anew for every hundred rows: its
// pages are those that were read and verified for the first time. "commit_sync_1put" is a
// transaction of one row, durable when it returns; "checkpoint_1k_random_rows" one of 1,000 random
// rows, and its checkpoint.

#include <caisson/store.h>

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "bench/harness/run.h"
#include "bench/support/keep.h"
#include "bench/support/rows.h"

namespace caisson::bench {
namespace {

constexpr std::size_t kRows = 100'000;
constexpr std::size_t kRowsPerTxn = 1000;
constexpr std::size_t kScanRows = 1000;
constexpr const char* kTree = "rows";

Options quiet() {
  Options options;
  options.background = false;
  options.memory_budget_bytes = std::uint64_t{256} << 20U;
  return options;
}

void put_rows(const Store& store, std::span<const std::string_view> keys, Durability durability) {
  WriteTxn txn = store.begin_write().value();
  WriteTree tree = txn.open_or_create_tree(kTree).value();
  for (const std::string_view key : keys) tree.put(key, row_value()).value();
  txn.commit({.durability = durability}).value();
}

Store make(const std::string& path, const Rows& rows) {
  Store store = Store::create(path, {}, quiet()).value();
  put_in_parts(rows.keys(), kRowsPerTxn,
               [&](auto keys) { put_rows(store, keys, Durability::kAsync); });
  store.checkpoint().value();
  return store;
}

void need(bool there) {
  if (!there) throw std::runtime_error("a row is missing");
}

void get_hot(Run& run) {
  const Rows rows(kRows, run.seed());
  const Store store = make(run.new_path("store"), rows);
  const Snapshot snapshot = store.snapshot().value();
  const Tree tree = snapshot.tree(kTree).value();
  const auto get = [&](std::string_view key) { need(tree.get(key).value().has_value()); };
  for (const std::string_view key : rows.keys()) get(key);
  Random random(run.seed());
  run.batches(100, [&] { get(rows.keys()[random.below(kRows)]); });
}

void scan_hot(Run& run) {
  const Rows rows(kRows, run.seed());
  const Store store = make(run.new_path("store"), rows);
  const Snapshot snapshot = store.snapshot().value();
  const Tree tree = snapshot.tree(kTree).value();
  Random random(run.seed());
  run.each([&] {
    Cursor cursor = tree.cursor().value();
    std::size_t seen = 0;
    for (bool there = cursor.seek(rows.keys()[random.below(kRows)]).value();
         there && seen < kScanRows; there = cursor.next().value()) {
      keep(cursor.key());
      ++seen;
    }
    keep(seen);
  });
}

void get_first_touch(Run& run) {
  constexpr std::size_t kGets = 100;
  const Rows rows(kRows, run.seed());
  const std::string path = run.new_path("store");
  make(path, rows).close().value();
  Random random(run.seed());
  std::uint64_t pages = 0;
  std::uint64_t gets = 0;
  std::optional<Store> store;
  std::optional<Snapshot> snapshot;
  std::optional<Tree> tree;
  const auto count = [&] {
    if (store) pages += store->stats().value().pages_first_read;
  };
  run.prepared(kGets, [&] {
    count();
    tree.reset();
    snapshot.reset();
    store.reset();
    store = Store::open(path, quiet()).value();
    snapshot = store->snapshot().value();
    tree = snapshot->tree(kTree).value();
    return [&](std::size_t /*index*/) {
      need(tree->get(rows.keys()[random.below(kRows)]).value().has_value());
      ++gets;
    };
  });
  count();
  run.set("pages_touched", static_cast<double>(pages) / static_cast<double>(gets));
}

void commit_sync_1put(Run& run) {
  run.need_disk();
  const Rows rows(kRows, run.seed());
  const Store store = make(run.new_path("store"), rows);
  Random random(run.seed());
  run.each(
      [&] { put_rows(store, rows.keys().subspan(random.below(kRows), 1), Durability::kSync); });
}

void checkpoint_random_rows(Run& run) {
  run.need_disk();
  const Rows rows(kRows, run.seed());
  const Store store = make(run.new_path("store"), rows);
  Random random(run.seed());
  std::vector<std::string_view> keys(kRowsPerTxn);
  const std::uint64_t pages_before = store.stats().value().pages_written;
  std::uint64_t checkpoints = 0;
  run.each([&] {
    for (std::string_view& key : keys) key = rows.keys()[random.below(kRows)];
    put_rows(store, keys, Durability::kSync);
    store.checkpoint().value();
    ++checkpoints;
  });
  run.set("pages_touched", static_cast<double>(store.stats().value().pages_written - pages_before) /
                               static_cast<double>(checkpoints));
}

About about(const char* name, const char* what, const char* operation, Bound bound) {
  return {.name = name,
          .about = what,
          .operation = operation,
          .bound = bound,
          .gate = Gate::kCritical,
          .quick = true};
}

[[maybe_unused]] const bool kRegistered = [] {
  add(about("store/get_hot", "a random row of 100,000 looked up, its pages read before", "get",
            Bound::kProcessor),
      get_hot);
  add(about("store/scan_1k_rows_hot", "1,000 rows in their order from a random one on", "scan",
            Bound::kProcessor),
      scan_hot);
  add(about("store/get_first_touch", "a random row, its pages read for the first time", "get",
            Bound::kProcessor),
      get_first_touch);
  // So many, whatever they take: new log files have flushes of their own.
  About commits =
      about("store/commit_sync_1put", "a transaction of one row, durable when it returns", "commit",
            Bound::kDisk);
  commits.iterations = 2000;
  add(std::move(commits), commit_sync_1put);
  About checkpoints =
      about("store/checkpoint_1k_random_rows",
            "a transaction of 1,000 random rows, and its checkpoint", "checkpoint", Bound::kDisk);
  checkpoints.iterations = 40;
  return add(std::move(checkpoints), checkpoint_random_rows);
}();

}  // namespace
}  // namespace caisson::bench

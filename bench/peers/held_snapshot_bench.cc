// What a snapshot that is held for long costs: how much the files grow by, and what is written,
// while rows are overwritten behind it; beside LMDB's.
//
// Method. 100,000 rows with keys of 16 random bytes and values of 100; each is overwritten once, in
// another random order, in durable transactions of 100 rows. "held": a snapshot from before all of
// that is open meanwhile; "free": none is. Growth is of all files of the store, as the file system
// counts their blocks, up to a checkpoint at the end, so log files are part of it. The latencies
// are those of transactions.

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench/peers/peers.h"

namespace caisson::bench {
namespace {

constexpr std::size_t kRows = 100'000;
constexpr std::size_t kRowsPerTxn = 100;

std::vector<Row> shuffled(std::vector<Row> rows, std::uint64_t seed) {
  Random random(seed + 1);
  for (std::size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[random.below(i)]);
  return rows;
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

void overwrite(Run& run, const Peer& peer, bool held) {
  run.need_disk();
  const Rows keys(run.scaled(kRows), run.seed());
  const std::vector<Row> rows = rows_of(keys.keys());
  const std::vector<Row> order = shuffled(rows, run.seed());
  const std::string path = run.new_path("store");
  const auto store = peer.open(path, {});
  const auto session = store->session();
  session->put_all(rows);
  store->checkpoint();
  const auto reader = store->session();
  if (held) reader->begin_reading();

  run.set_operations_per_sample(kRowsPerTxn);
  const std::uint64_t size_before = bytes_on_disk(path);
  run.start();
  put_in_parts(std::span(order), kRowsPerTxn, [&](std::span<const Row> part) {
    const std::uint64_t begin = now_ns();
    session->put_all(part);
    run.record(now_ns() - begin);
  });
  store->checkpoint();
  run.stop();
  run.add_operations(order.size());
  run.set("grown_bytes",
          static_cast<double>(bytes_on_disk(path)) - static_cast<double>(size_before));
  if (held && !reader->get(order.front().key)) {
    throw std::runtime_error("the snapshot has lost a row");
  }
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const bool held : {true, false}) {
    About about{.name = "held_snapshot/free",
                .about = "rows are overwritten in transactions of 100, and a checkpoint",
                .operation = "row",
                .bound = Bound::kDisk,
                .headline = Headline::kWall,
                .gate = Gate::kCritical,
                .quick = true};
    if (held) {
      about.name = "held_snapshot/held";
      about.about += ", behind a snapshot that is open";
    }
    add_for_each<Peer>(kOnlyLmdb, "mvcc", about,
                       [held](Run& run, const Peer& peer) { overwrite(run, peer, held); });
  }
  return true;
}();

}  // namespace
}  // namespace caisson::bench

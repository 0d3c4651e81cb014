// Durable commits of a whole store, beside other engines and the disk itself.
//
// Method. "commit_sync_1put": one thread, each commit one row that is new, its key random.
// "commit_group": as many threads, each with commits of its own rows, for a second; the time is
// what comes to one commit of them all, and the latencies are those of single ones.
// "commit_group_waiting" is the same with commits that wait for each other (kGroup).
// "random_rows": a million new rows in transactions of 1,000 by one thread, and one checkpoint at
// the end, all of it timed; memory for 512 MiB of pages, so that no engine has to write any before.
// "random_rows_in_64m" is the same with memory for 64 MiB, pages of 4 KiB, and checkpoints when
// each engine wants them. The latencies of both are those of transactions.
//
// Rows have keys of 16 random bytes and values of 100; stores begin empty.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "bench/peers/peers.h"
#include "bench/peers/threads.h"
#include "bench/support/rows.h"

namespace caisson::bench {
namespace {

constexpr std::size_t kCommits = 5000;
constexpr std::size_t kFirstCommits = 500;  // Until files have the size to work with.
constexpr std::size_t kRows = 1'000'000;
constexpr std::size_t kRowsPerTxn = 1000;
constexpr std::size_t kGroupMilliseconds = 1000;
constexpr PeerOptions kMemoryForAll{.memory_bytes = std::uint64_t{512} << 20U,
                                    .manual_checkpoints = true,
                                    .large_transactions = true};
constexpr PeerOptions kLittleMemory{
    .memory_bytes = std::uint64_t{64} << 20U, .large_transactions = true, .small_pages = true};

// Random rows without an end, whose keys no other number gives.
class EndlessRows {
 public:
  EndlessRows(std::uint64_t seed, std::uint64_t number) : random_(seed * 1000 + number) {}

  Row next() {
    random_.fill(std::as_writable_bytes(std::span(key_)));
    return {key_, row_value()};
  }

 private:
  Random random_;
  std::string key_ = std::string(kRowKeySize, '\0');
};

void commit_sync_1put(Run& run, const Peer& peer) {
  run.need_disk();
  const auto store = peer.open(run.new_path("store"), {});
  const auto session = store->session();
  EndlessRows rows(run.seed(), 0);
  time_each(
      run, run.scaled(kCommits), [&] { return rows.next(); },
      [&](const Row& row) { session->put_all({&row, 1}); });
}

void commit_group(Run& run, const Peer& peer, std::size_t committers, bool wait_for_others) {
  run.need_disk();
  const auto store = peer.open(run.new_path("store"), {.wait_for_others = wait_for_others});
  const std::chrono::milliseconds time(run.scaled(kGroupMilliseconds));
  run.add_operations(in_threads_for(run, time, committers, [&](std::size_t number) {
    return [&run, session = store->session(), rows = EndlessRows(run.seed(), number)]() mutable {
      const Row row = rows.next();
      const std::uint64_t begin = now_ns();
      session->put_all({&row, 1});
      run.record(now_ns() - begin);
      return std::uint64_t{1};
    };
  }));
}

void random_rows(Run& run, const Peer& peer, const PeerOptions& options) {
  run.need_disk();
  const Rows keys(run.scaled(kRows), run.seed());
  const std::vector<Row> rows = rows_of(keys.keys());
  const auto store = peer.open(run.new_path("store"), options);
  const auto session = store->session();
  run.set_operations_per_sample(kRowsPerTxn);
  const Costs before = Costs::so_far();
  run.start();
  put_in_parts(std::span(rows), kRowsPerTxn, [&](std::span<const Row> part) {
    const std::uint64_t begin = now_ns();
    session->put_all(part);
    run.record(now_ns() - begin);
  });
  const std::uint64_t committed = now_ns();
  store->checkpoint();
  const std::uint64_t end = now_ns();
  run.stop();
  const Costs costs = Costs::so_far() - before;
  run.add_operations(rows.size());
  const double payload = static_cast<double>(rows.size() * kRowSize);
  run.set("checkpoint_ns", static_cast<double>(end - committed));
  run.set("written_per_payload", static_cast<double>(costs.bytes_written) / payload);
  run.set("zeros_per_payload", static_cast<double>(costs.bytes_of_zeros) / payload);
}

// --- Names ---------------------------------------------------------------------------------------

void add_group(std::size_t committers) {
  const std::string number = std::to_string(committers);
  const About about{
      .name = "commit_group/" + number,
      .about = "threads that commit one row each, over and over: " + number,
      .operation = "commit",
      .bound = Bound::kDisk,
      .headline = Headline::kWall,
      .parameters = {{"series", "commit_group"}, {"threads", static_cast<double>(committers)}},
      .quick = committers == 4};
  add_for_each<Peer>(kPeers, "mvcc", about, [committers](Run& run, const Peer& peer) {
    commit_group(run, peer, committers, false);
  });

  About waiting = about;
  waiting.name = "commit_group_waiting/" + number;
  waiting.about = "the same where they wait for each other: " + number;
  waiting.against = {"mvcc/commit_group/" + number};
  waiting.parameters["series"] = "commit_group_waiting";
  waiting.quick = false;
  add_for_each<Peer>(kPeers.first(1), "mvcc", waiting, [committers](Run& run, const Peer& peer) {
    commit_group(run, peer, committers, true);
  });
}

[[maybe_unused]] const bool kRegistered = [] {
  add_for_each<Peer>(kPeers, "mvcc",
                     {.name = "commit_sync_1put",
                      .about = "one thread commits one row after the other",
                      .operation = "commit",
                      .bound = Bound::kDisk,
                      .gate = Gate::kCritical,
                      .against = {calibration_of(Bound::kDisk)},
                      .quick = true,
                      .warmup_operations = kFirstCommits},
                     commit_sync_1put);
  for (const std::size_t committers : {1U, 2U, 4U, 8U, 16U, 32U, 64U}) add_group(committers);
  const About rows{.name = "random_rows",
                   .about = "a million random rows in transactions of 1,000, and a checkpoint",
                   .operation = "row",
                   .bound = Bound::kDisk,
                   .headline = Headline::kWall,
                   .gate = Gate::kCritical,
                   .quick = true};
  add_for_each<Peer>(kPeers, "mvcc", rows,
                     [](Run& run, const Peer& peer) { random_rows(run, peer, kMemoryForAll); });
  About in_64m = rows;
  in_64m.name += "_in_64m";
  in_64m.about = "the same with 64 MiB of memory, and checkpoints when the engine wants them";
  in_64m.quick = false;
  add_for_each<Peer>(kPeers, "mvcc", in_64m,
                     [](Run& run, const Peer& peer) { random_rows(run, peer, kLittleMemory); });
  return true;
}();

}  // namespace
}  // namespace caisson::bench

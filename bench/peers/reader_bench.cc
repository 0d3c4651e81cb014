// Readers of a whole store: many at once, and beside a writer; beside LMDB's.
//
// Method. A million rows with keys of 16 random bytes and values of 100, all of which have been
// read once. "readers_N_point_get_hot": N threads, each with a snapshot of its own, get rows for a
// second, each thread from another place of one random order; the time is that of the processor
// that comes to one get, a latency is the mean of 64 of them, and a session's snapshot is held
// throughout. "writer_commits_with_readers_N": one thread overwrites single rows, a commit each,
// for five seconds, while N threads go over to the newest snapshot and get 16 rows from it, again
// and again. It begins when they have run for a while: until each has had its turn, a writer is
// hardly held up. The latencies are those of commits, and the time is their mean: a writer that has
// slept waits for a processor, or not, for seconds on end, and the median is one of the two. Those
// of the reads, each with its part in taking the snapshot, are counters. Threads outnumber
// processors, so that the tail is mostly the wait for one: what is to be compared are engines in
// one run.

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include "bench/peers/peers.h"
#include "bench/peers/threads.h"

namespace caisson::bench {
namespace {

constexpr std::size_t kRows = 1'000'000;
constexpr std::size_t kRowsPerTxn = 10'000;
constexpr std::size_t kGetsPerStep = 64;
constexpr std::size_t kGetsPerSnapshot = 16;  // Beside a writer.
constexpr std::size_t kReadMilliseconds = 1000;
constexpr std::size_t kSettleMilliseconds = 1500;
constexpr std::size_t kWriteMilliseconds = 5000;

// The rows one after the other, from a place that a number chooses.
class Walk {
 public:
  Walk(std::span<const Row> rows, std::uint64_t number)
      : rows_(rows), at_(Random(number).below(rows.size())) {}

  const Row& next() {
    at_ = at_ + 1 == rows_.size() ? 0 : at_ + 1;
    return rows_[at_];
  }

 private:
  std::span<const Row> rows_;
  std::size_t at_;
};

// The store that all benchmarks here share, open, with every row read once.
class FullStore {
 public:
  FullStore(const Run& run, const Peer& peer)
      : keys_(run.scaled(kRows), run.seed()), rows_(rows_of(keys_.keys())) {
    const std::string name = std::string("readers_") + peer.name;
    const std::string path = run.shared(name, [&](const std::string& at) {
      const auto store = peer.open(at, {});
      const auto session = store->session();
      put_in_parts(std::span<const Row>(rows_), kRowsPerTxn,
                   [&](auto part) { session->put_all(part); });
      store->checkpoint();
    });
    store_ = peer.open(path, {});
    if (store_->session()->scan("", rows_.size() + 1) != rows_.size()) {
      throw std::runtime_error("the store has lost rows");
    }
  }

  std::unique_ptr<PeerSession> session() { return store_->session(); }
  Walk walk(std::uint64_t number) const { return {rows_, number}; }

 private:
  Rows keys_;
  std::vector<Row> rows_;
  std::unique_ptr<PeerStore> store_;
};

void get(PeerSession& session, const Row& row) {
  if (!session.get(row.key)) throw std::runtime_error("a row is missing");
}

// --- Readers alone -------------------------------------------------------------------------------

void point_get(Run& run, const Peer& peer, std::size_t readers) {
  FullStore store(run, peer);
  run.set_operations_per_sample(kGetsPerStep);
  const std::chrono::milliseconds time(run.scaled(kReadMilliseconds));
  run.add_operations(in_threads_for(run, time, readers, [&](std::size_t number) {
    auto session = store.session();
    session->begin_reading();
    return [&run, session = std::move(session), walk = store.walk(number)]() mutable {
      const std::uint64_t begin = now_ns();
      for (std::size_t i = 0; i < kGetsPerStep; ++i) get(*session, walk.next());
      run.record(now_ns() - begin);
      return kGetsPerStep;
    };
  }));
}

// --- Readers beside a writer ---------------------------------------------------------------------

void commits_with_readers(Run& run, const Peer& peer, std::size_t readers) {
  run.need_disk();
  FullStore store(run, peer);
  const std::chrono::milliseconds settle(run.scaled(kSettleMilliseconds));
  const std::chrono::milliseconds time(run.scaled(kWriteMilliseconds));
  Histogram gets;
  const auto read = [&](std::size_t number) {
    return [&gets, session = store.session(), walk = store.walk(number)]() mutable {
      std::uint64_t begin = now_ns();
      session->begin_reading();
      for (std::size_t i = 0; i < kGetsPerSnapshot; ++i) {
        get(*session, walk.next());
        const std::uint64_t end = now_ns();
        gets.record(end - begin);
        begin = end;
      }
      return kGetsPerSnapshot;
    };
  };
  const auto session = store.session();
  Walk walk = store.walk(readers + 1);
  const auto commit_for = [&](std::chrono::milliseconds so_long, const auto& note) {
    const auto end = std::chrono::steady_clock::now() + so_long;
    while (std::chrono::steady_clock::now() < end) {
      const std::uint64_t begin = now_ns();
      session->put_all({&walk.next(), 1});
      note(now_ns() - begin);
    }
  };
  in_threads(run, readers, read, [&](const std::latch&) {
    run.stop();
    commit_for(settle, [](std::uint64_t) {});
    run.start();
    commit_for(time, [&](std::uint64_t nanoseconds) {
      run.record(nanoseconds);
      run.add_operations(1);
    });
  });
  const Histogram::Snapshot seen = gets.snapshot();
  run.set("gets", static_cast<double>(seen.count()));
  run.set("get_p50_ns", static_cast<double>(seen.percentile(50)));
  run.set("get_p99_ns", static_cast<double>(seen.percentile(99)));
}

// --- Names ---------------------------------------------------------------------------------------

std::string readers_name(std::size_t readers) {
  return "readers_" + std::to_string(readers) + "_point_get_hot";
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const std::size_t readers : {1U, 2U, 16U, 256U}) {
    About about{.name = readers_name(readers),
                .about = "threads that get rows out of a million: " + std::to_string(readers),
                .operation = "get",
                .headline = Headline::kProcessor,
                .gate = readers == 1 ? Gate::kCritical : Gate::kAdvisory,
                .parameters = {{"series", "readers_point_get_hot"},
                               {"threads", static_cast<double>(readers)}}};
    // What it costs that they are many.
    if (readers != 1) about.against = {"mvcc/" + readers_name(1)};
    add_for_each<Peer>(kOnlyLmdb, "mvcc", about,
                       [readers](Run& run, const Peer& peer) { point_get(run, peer, readers); });
  }
  for (const std::size_t readers : {0U, 128U}) {
    const std::string number = std::to_string(readers);
    const About about{.name = "writer_commits_with_readers_" + number,
                      .about = "commits of one row beside so many threads that read: " + number,
                      .operation = "commit",
                      .bound = Bound::kDisk,
                      .headline = Headline::kWall,
                      .parameters = {{"series", "writer_commits_with_readers"},
                                     {"threads", static_cast<double>(readers + 1)}}};
    add_for_each<Peer>(kOnlyLmdb, "mvcc", about, [readers](Run& run, const Peer& peer) {
      commits_with_readers(run, peer, readers);
    });
  }
  return true;
}();

}  // namespace
}  // namespace caisson::bench

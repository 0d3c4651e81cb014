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

#include <caisson/store.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>

#include "bench/harness/run.h"
#include "bench/support/disk_reads.h"
#include "bench/support/raw_file.h"
#include "bench/support/rows.h"

namespace caisson::bench {
namespace {

constexpr std::size_t kRows = 1'000'000;
constexpr std::size_t kNewRows = 100'000;
constexpr std::size_t kRowsPerTxn = 1000;
constexpr const char* kTree = "rows";
constexpr int kColdOpenings = 50;
constexpr int kRecoveriesEach = 5;
constexpr std::uint64_t kKills = 10;

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
std::string full_store(const Run& run) {
  return run.shared("1m_rows", [&run](const std::string& path) {
    Store store = Store::create(path, {}, without_checkpoints()).value();
    put_rows(store, Rows(kRows, run.seed()).keys(), kRowsPerTxn, Durability::kAsync);
    store.close().value();
  });
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

// --- What was closed -----------------------------------------------------------------------------

double seconds_p50(const Histogram& nanoseconds) {
  return static_cast<double>(nanoseconds.snapshot().percentile(50)) / 1e9;
}

void open_close(Run& run) {
  const std::string path = full_store(run);
  Histogram openings;
  run.each([&] {
    const std::uint64_t begin = now_ns();
    Store store = Store::open(path).value();
    openings.record(now_ns() - begin);
    store.close().value();
  });
  run.set("open_p50_s", seconds_p50(openings));
}

bool get(const Store& store, std::string_view key) {
  auto value = store.snapshot().value().tree(kTree).value().get(key).value();
  return value && value->bytes().value().size() == kRowValueSize;
}

void first_get_cold(Run& run) {
  run.need_disk();
  const std::string path = full_store(run);
  const Rows rows(kRows, run.seed());
  Random random(run.seed());
  Histogram openings;
  DiskReads read;
  for (int i = 0; i < kColdOpenings; ++i) {
    drop_from_cache(path);
    const std::uint64_t begin = now_ns();
    Store store = Store::open(path).value();
    openings.record(now_ns() - begin);
    const DiskReads before = DiskReads::now(path);
    run.start();
    const std::uint64_t opened = now_ns();
    const bool there = get(store, rows.keys()[random.below(kRows)]);
    run.record(now_ns() - opened);
    run.stop();
    read += DiskReads::now(path) - before;
    if (!there) throw std::runtime_error("a row is missing");
    run.add_operations(1);
    store.close().value();
  }
  run.set("open_p50_s", seconds_p50(openings));
  run.set("disk_bytes", static_cast<double>(read.bytes) / kColdOpenings);
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
  const char* about;
  bool into_full_store;
  std::size_t rows_per_txn;
};

constexpr Recovery kRecoveries[] = {
    {"100k_rows_into_1m",
     "opening that store after a kill, 100,000 random rows behind its checkpoint, 1,000 a commit",
     true, 1000},
    {"100k_rows_into_none", "the same rows as the first ones of their store", false, 1000},
    {"100k_commits_into_1m", "the same rows into the full store, a commit each", true, 1},
};

// What the process that was killed leaves.
std::string killed_store(const Run& run, const Recovery& recovery) {
  const std::string full = recovery.into_full_store ? full_store(run) : "";
  return run.shared(std::string("killed_") + recovery.name, [&](const std::string& path) {
    if (!full.empty()) copy_store(full, path);
    Victim victim([&] {
      Options options = without_checkpoints();
      options.create_if_missing = true;
      static const Store store = Store::open(path, options).value();
      put_rows(store, Rows(kNewRows, run.seed() + 1).keys(), recovery.rows_per_txn,
               Durability::kAsync);
      // Makes all of them durable.
      put_rows(store, Rows(1, run.seed() + 2).keys(), 1, Durability::kSync);
    });
    if (!victim.wait()) throw std::runtime_error("the process that is to be killed has failed");
  });
}

void recover(Run& run, const Recovery& recovery) {
  run.need_disk();
  const std::string killed = killed_store(run, recovery);
  run.set_operations_per_sample(kNewRows);
  for (int i = 0; i < kRecoveriesEach; ++i) {
    const std::string path = run.new_path("recovered");
    copy_store(killed, path);
    run.start();
    const std::uint64_t begin = now_ns();
    Store store = Store::open(path, without_checkpoints()).value();
    run.record(now_ns() - begin);
    run.stop();
    run.add_operations(kNewRows);
    const RecoveryReport& report = store.recovery();
    if (report.operations < kNewRows) throw std::runtime_error("not all rows were recovered");
    run.set("log_bytes", static_cast<double>(report.log_bytes));
    store.close().value();
  }
}

// --- What was killed at any time, with the defaults ----------------------------------------------

void recover_by_design(Run& run) {
  run.need_disk();
  const std::string path = run.new_path("killed_any_time");
  copy_store(full_store(run), path);
  Random random(run.seed());
  Histogram operations;
  for (std::uint64_t kill = 1; kill <= kKills; ++kill) {
    {
      const Victim victim([&] {
        static const Store store = Store::open(path).value();
        put_rows(store, Rows(4 * kRows, 100 * run.seed() + kill).keys(), kRowsPerTxn,
                 Durability::kSync);
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(1000 + random.below(1000)));
    }
    run.start();
    const std::uint64_t begin = now_ns();
    Store store = Store::open(path).value();
    run.record(now_ns() - begin);
    run.stop();
    run.add_operations(1);
    operations.record(store.recovery().operations);
    store.close().value();
  }
  run.set("rows_p50", static_cast<double>(operations.snapshot().percentile(50)));
  run.set("rows_max", static_cast<double>(operations.snapshot().max()));
}

// --- Names ---------------------------------------------------------------------------------------

[[maybe_unused]] const bool kRegistered = [] {
  add({.name = "mvcc/open_1m_rows",
       .about = "opening and closing a store of 1,000,000 rows in which nothing has changed",
       .operation = "opening",
       .gate = Gate::kCritical},
      open_close);
  add({.name = "mvcc/open_1m_rows/first_get_cold",
       .suite = Suite::kMacro,
       .about = "its first row, when its files were dropped from the page cache before the opening",
       .operation = "get",
       .bound = Bound::kDisk},
      first_get_cold);
  for (const Recovery& recovery : kRecoveries) {
    add({.name = std::string("mvcc/recovery/") + recovery.name,
         .suite = Suite::kMacro,
         .about = recovery.about,
         .operation = "row"},
        [&recovery](Run& run) { recover(run, recovery); });
  }
  return add(
      {.name = "mvcc/recovery/by_design",
       .suite = Suite::kMacro,
       .about = "opening with the defaults, after a process was killed at any time that added "
                "rows as fast as it could: what Options::replay_time_max bounds",
       .operation = "opening"},
      recover_by_design);
}();

}  // namespace
}  // namespace caisson::bench

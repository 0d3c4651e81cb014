// The core workloads of YCSB, A to F, on whole stores: ours beside four others.
//
// Method. A million rows with keys of YCSB's kind, "user" and up to 19 digits, and values of 1,000
// random bytes. Each operation is a transaction of its own: a read, a scan of 1 to 100 rows, or a
// write that is durable when it returns. A read sees the newest state, by whatever is cheapest in
// each engine, and looks at every byte of what it finds. An update replaces the whole value by
// another one. A read-modify-write is a read, and then an update of the same row: two
// transactions, as in YCSB, timed as one operation. A missing row is an error.
//
// The store is loaded once for a run, in YCSB's order (which the hash makes random), and opened by
// each repeat; then it is read from one end to the other, and a hundredth of the operations is
// done, before anything counts. All engines do the same operations, and as many in each repeat;
// threads take them one after the other. Inserts make rows that no repeat before has made, so all
// stores grow alike. Each engine has memory for all rows.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bench/peers/peers.h"
#include "bench/peers/threads.h"
#include "bench/peers/ycsb_workload.h"

namespace caisson::bench {
namespace {

constexpr std::size_t kRows = 1'000'000;
constexpr std::size_t kRowsPerTxn = 10'000;  // While it is loaded.
constexpr PeerOptions kMemoryForAll{.memory_bytes = std::uint64_t{2} << 30U};

// --- The store -----------------------------------------------------------------------------------

void load(const Run& run, const Peer& peer, const std::string& path) {
  std::filesystem::create_directories(path);
  const auto store = peer.open(path + "/store", kMemoryForAll);
  const auto session = store->session();
  const YcsbValues values(run.seed());
  const std::size_t rows = run.scaled(kRows);
  for (std::size_t begin = 0; begin < rows; begin += kRowsPerTxn) {
    std::vector<YcsbKey> keys;
    for (std::size_t i = begin; i < std::min(begin + kRowsPerTxn, rows); ++i) keys.emplace_back(i);
    std::vector<Row> part;
    for (const YcsbKey& key : keys) part.push_back({key, values.value(begin + part.size())});
    session->put_all(part);
  }
  store->checkpoint();
  store->settle();
}

// What earlier repeats have made, which the next one goes on from: rows, and values that are new.
class Growth {
 public:
  explicit Growth(const std::string& path) : file_(path + "/growth") {
    std::ifstream(file_) >> rows >> values;
  }
  void save() const { std::ofstream(file_) << rows << " " << values; }

  std::uint64_t rows = 0;
  std::uint64_t values = 0;

 private:
  std::string file_;
};

// --- Its users -----------------------------------------------------------------------------------

using Latencies = std::array<Histogram::Snapshot, kKindCount>;

// What clients have to do, one operation after the other, and what it took them.
class Work {
 public:
  Work(std::span<const Operation> operations, Choice choice, const YcsbValues& values,
       std::uint64_t first_value, RowCount& rows)
      : operations_(operations),
        choice_(choice),
        values_(values),
        first_value_(first_value),
        rows_(rows) {}

  // The next operation and its number; nullptr behind the last one.
  const Operation* take(std::size_t& number) {
    number = next_.fetch_add(1, std::memory_order_relaxed);
    return number < operations_.size() ? &operations_[number] : nullptr;
  }

  // The row that an operation is about, as things are now.
  YcsbKey key_of(const Operation& operation) const {
    if (choice_ != Choice::kLatest) return YcsbKey(operation.row);
    return YcsbKey(rows_.all_there() - 1 - operation.row);
  }

  std::string_view value_of(std::size_t number) const {
    return values_.value(first_value_ + number);
  }

  RowCount& rows() { return rows_; }

  // A client's own, when it ends.
  void add(const std::array<Histogram, kKindCount>& latencies) {
    const MutexLock lock(mutex_);
    for (std::size_t i = 0; i < kKindCount; ++i) latencies_[i].merge(latencies[i].snapshot());
  }
  Latencies latencies() {
    const MutexLock lock(mutex_);
    return latencies_;
  }

 private:
  const std::span<const Operation> operations_;
  const Choice choice_;
  const YcsbValues& values_;
  const std::uint64_t first_value_;
  RowCount& rows_;
  std::atomic<std::size_t> next_{0};
  Mutex mutex_;
  Latencies latencies_ CAISSON_GUARDED_BY(mutex_);
};

// One thread of them.
class Client {
 public:
  Client(Run& run, Work& work, PeerStore& store)
      : run_(run), work_(work), session_(store.session()) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { work_.add(latencies_); }

  // Does the next operation; false if there is none.
  bool step() {
    std::size_t number = 0;
    const Operation* const operation = work_.take(number);
    if (operation == nullptr) return false;
    if (time_ == 0) time_ = now_ns();
    if (!apply(*operation, number)) run_.add_error();
    const std::uint64_t end = now_ns();
    latencies_[static_cast<std::size_t>(operation->kind)].record(end - time_);
    time_ = end;
    return true;
  }

 private:
  // Whether all rows were there.
  bool apply(const Operation& operation, std::size_t number) {
    if (operation.kind == Kind::kInsert) {
      insert(number);
      return true;
    }
    const YcsbKey key = work_.key_of(operation);
    if (operation.kind == Kind::kScan) return session_->scan(key, operation.scan_rows) > 0;
    bool found = true;
    if (operation.kind != Kind::kUpdate) found = session_->get(key);
    if (operation.kind != Kind::kRead) put(key, number);
    return found;
  }

  void insert(std::size_t number) {
    const std::uint64_t row = work_.rows().take();
    put(YcsbKey(row), number);
    work_.rows().inserted(row);
  }

  void put(std::string_view key, std::size_t number) {
    const Row row{key, work_.value_of(number)};
    session_->put_all({&row, 1});
  }

  Run& run_;
  Work& work_;
  const std::unique_ptr<PeerSession> session_;
  std::uint64_t time_ = 0;  // When the last operation ended.
  std::array<Histogram, kKindCount> latencies_;
};

// --- The benchmark -------------------------------------------------------------------------------

struct Scenario {
  Workload workload;
  Choice choice;
  std::size_t threads;
  std::size_t operations;
};

void do_all(Run& run, Work& work, PeerStore& store, std::size_t threads) {
  run.add_operations(in_threads_to_the_end(run, threads, [&](std::size_t) {
    return [client = std::make_unique<Client>(run, work, store)] {
      return std::uint64_t{client->step() ? 1U : 0U};
    };
  }));
}

void report(Run& run, const Latencies& latencies) {
  for (std::size_t i = 0; i < kKindCount; ++i) {
    const Histogram::Snapshot& each = latencies[i];
    if (each.count() == 0) continue;
    run.add_samples(each);
    const std::string name = to_string(static_cast<Kind>(i));
    run.set(name + "_p50_ns", static_cast<double>(each.percentile(50)));
    run.set(name + "_p99_ns", static_cast<double>(each.percentile(99)));
  }
}

void ycsb(Run& run, const Peer& peer, const Scenario& scenario) {
  run.need_disk();
  const std::string path = run.shared(std::string("ycsb_") + peer.name,
                                      [&](const std::string& at) { load(run, peer, at); });
  Growth growth(path);
  const std::size_t loaded = run.scaled(kRows);
  RowCount rows(loaded + growth.rows);
  const std::size_t count = run.scaled(scenario.operations);
  const std::size_t first = count / 100;
  const std::vector<Operation> all =
      make_operations(scenario.workload, scenario.choice, loaded, first + count, run.seed());
  const std::span operations(all);
  const YcsbValues values(run.seed());

  const auto store = peer.open(path + "/store", kMemoryForAll);
  if (store->session()->scan("", rows.all_there() + 1) != rows.all_there()) {
    throw std::runtime_error("the store has other rows than were inserted");
  }
  Work warm_up(operations.first(first), scenario.choice, values, growth.values, rows);
  for (Client client(run, warm_up, *store); client.step();) continue;

  Work work(operations.subspan(first), scenario.choice, values, growth.values + first, rows);
  do_all(run, work, *store, scenario.threads);
  report(run, work.latencies());
  growth.rows = rows.all_there() - loaded;
  growth.values += all.size();
  growth.save();
}

// --- Names ---------------------------------------------------------------------------------------

void add_scenario(const Scenario& scenario) {
  const std::string letter(1, scenario.workload.letter);
  const std::string series = "ycsb_" + letter + "/" + to_string(scenario.choice);
  const std::string threads = std::to_string(scenario.threads);
  const bool reads_only = scenario.workload.letter == 'c';
  const About about{
      .name = series + "/threads_" + threads,
      .about = "YCSB's workload " + letter + ", rows chosen " + to_string(scenario.choice) +
               ", threads: " + threads,
      .operation = "operation",
      .bound = reads_only ? Bound::kProcessor : Bound::kDisk,
      .headline = Headline::kWall,
      .gate = scenario.threads == 1 ? Gate::kCritical : Gate::kAdvisory,
      .parameters = {{"series", series}, {"threads", static_cast<double>(scenario.threads)}},
      .quick = scenario.choice == Choice::kZipfian && scenario.threads == 4 &&
               (scenario.workload.letter == 'a' || reads_only)};
  add_for_each<Peer>(kPeers, "caisson", about,
                     [scenario](Run& run, const Peer& peer) { ycsb(run, peer, scenario); });
}

// As many as take the slowest engine some seconds.
std::size_t operations_of(const Workload& workload) {
  switch (workload.letter) {
    case 'a':
    case 'f':
      return 20'000;
    case 'e':
      return 50'000;
    case 'c':
      return 500'000;
    default:
      return 100'000;
  }
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const Workload& workload : kWorkloads) {
    for (const Choice choice : {Choice::kZipfian, Choice::kUniform, Choice::kLatest}) {
      // Of the core workloads, D alone looks for what is new.
      if ((choice == Choice::kLatest) != (workload.letter == 'd')) continue;
      for (const std::size_t threads : {1U, 4U, 16U}) {
        add_scenario({workload, choice, threads, operations_of(workload)});
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace caisson::bench

// The B+tree beside LMDB: the same keys and values, in the same order, in one run.
//
// Method. A million keys of three kinds, values of 100 bytes; pages of 16 KiB here and of 4 KiB
// there, each engine's own default; files in bench::directory(). Builds are one transaction and
// its flush, and the figure is the process's CPU time a row: the disk's share is the same for
// both. Reads are of a snapshot whose pages have all been read once. Single gets and scans are
// timed one by one (p50, p99). "bytes_per_payload" is the part of the file in use over the sum of
// keys and values.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

#include "base/random.h"
#include "bench/peers/engine.h"
#include "bench/support.h"

namespace caisson::bench {
namespace {

constexpr std::size_t kCount = 1'000'000;
constexpr std::size_t kValueSize = 100;
constexpr std::size_t kScanRows = 1000;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// --- Keys ----------------------------------------------------------------------------------------

std::string number_key(std::uint64_t number) {  // Big-endian, so that it orders as a number.
  std::string key(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) key[i] = static_cast<char>(number >> (56 - 8 * i));
  return key;
}

std::string random_key(std::uint64_t number) {
  Random random(number);
  return number_key(random.next()) + number_key(random.next());
}

std::string path_key(std::uint64_t number) {  // 64 bytes.
  char text[65];
  std::snprintf(text, sizeof text, "/srv/collections/documents/%03u/%03u/chapter-%03u/page-%08u",
                static_cast<unsigned>(number / 10'000 % 1000),
                static_cast<unsigned>(number / 100 % 100), static_cast<unsigned>(number % 100),
                static_cast<unsigned>(number));
  std::string key(text);
  key.resize(64, '.');
  return key;
}

// Keys side by side in the order in which they are used, so that fetching them costs nothing.
class Keys {
 public:
  explicit Keys(const std::vector<std::string>& keys) {
    for (const std::string& key : keys) bytes_ += key;
    std::size_t at = 0;
    for (const std::string& key : keys) {
      views_.emplace_back(bytes_.data() + at, key.size());
      at += key.size();
    }
  }
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  std::span<const std::string_view> all() const { return views_; }
  std::string_view operator[](std::size_t index) const { return views_[index]; }

 private:
  std::string bytes_;
  std::vector<std::string_view> views_;
};

struct Kind {
  const char* name;
  std::string (*make)(std::uint64_t);
  std::unique_ptr<Keys> sorted = nullptr;
  std::unique_ptr<Keys> shuffled = nullptr;

  void prepare() {
    if (sorted) return;
    std::vector<std::string> keys;
    for (std::uint64_t i = 0; i < kCount; ++i) keys.push_back(make(i));
    std::ranges::sort(keys);
    sorted = std::make_unique<Keys>(keys);
    Random random(1);
    for (std::size_t i = kCount - 1; i > 0; --i) {
      std::swap(keys[i], keys[random.below(i + 1)]);
    }
    shuffled = std::make_unique<Keys>(keys);
  }

  double payload() const {
    return static_cast<double>(kCount) * static_cast<double>((*sorted)[0].size() + kValueSize);
  }
};

Kind& kind_named(std::size_t index) {
  static std::array<Kind, 3> kinds{
      {{"key16", random_key}, {"int8", number_key}, {"path64", path_key}}};
  kinds[index].prepare();
  return kinds[index];
}

const std::string& value() {
  static const std::string text = [] {
    std::string bytes(kValueSize, '\0');
    Random random(2);
    for (char& c : bytes) c = static_cast<char>(random.below(256));
    return bytes;
  }();
  return text;
}

// --- Stores --------------------------------------------------------------------------------------

struct Peer {
  const char* name;
  MakeEngine make;
};

constexpr Peer kPeers[] = {{"btree", make_caisson}, {"lmdb", make_lmdb}};

// The store that the benchmarks of reading share: built in random order.
Engine& read_store(const Peer& peer, std::size_t kind) {
  static std::map<std::pair<std::string, std::size_t>, std::unique_ptr<Engine>> stores;
  std::unique_ptr<Engine>& store = stores[{peer.name, kind}];
  if (!store) {
    store = peer.make(directory() + "/read-" + peer.name + std::to_string(kind));
    store->put_all(kind_named(kind).shuffled->all(), value());
    store->begin_reading();
  }
  return *store;
}

void build(benchmark::State& state, const Peer& peer, std::size_t kind_index, bool shuffled) {
  const Kind& kind = kind_named(kind_index);
  double bytes = 0;
  for ([[maybe_unused]] auto _ : state) {
    const auto store = peer.make(directory() + "/build");
    const double begin = cpu_seconds();
    store->put_all((shuffled ? kind.shuffled : kind.sorted)->all(), value());
    state.SetIterationTime((cpu_seconds() - begin) / kCount);
    bytes = static_cast<double>(store->bytes_used());
  }
  state.counters["bytes_per_payload"] = bytes / kind.payload();
}

void delete_half(benchmark::State& state, const Peer& peer, std::size_t kind_index) {
  const Kind& kind = kind_named(kind_index);
  double bytes = 0;
  for ([[maybe_unused]] auto _ : state) {
    const auto store = peer.make(directory() + "/build");
    store->put_all(kind.shuffled->all(), value());
    const auto half = kind.shuffled->all().last(kCount / 2);
    const double begin = cpu_seconds();
    store->erase_all(half);
    state.SetIterationTime((cpu_seconds() - begin) * 2 / kCount);
    bytes = static_cast<double>(store->bytes_used());
  }
  state.counters["bytes_per_payload"] = bytes / kind.payload() * 2;
}

void point_get(benchmark::State& state, const Peer& peer, std::size_t kind_index) {
  const Kind& kind = kind_named(kind_index);
  Engine& store = read_store(peer, kind_index);
  Random random(3);
  Histogram latencies;
  for ([[maybe_unused]] auto _ : state) {
    const std::string_view key = (*kind.sorted)[random.below(kCount)];
    benchmark::DoNotOptimize(key[0] + 0);  // The key itself is in the cache.
    const std::uint64_t begin = now_ns();
    if (!store.get(key)) return fail(state, "a key is missing");
    latencies.record(now_ns() - begin);
  }
  report_latencies(state, latencies);
}

void range_scan(benchmark::State& state, const Peer& peer, std::size_t kind_index) {
  const Kind& kind = kind_named(kind_index);
  Engine& store = read_store(peer, kind_index);
  Random random(4);
  Histogram latencies;
  for ([[maybe_unused]] auto _ : state) {
    const std::string_view key = (*kind.sorted)[random.below(kCount - kScanRows)];
    const std::uint64_t begin = now_ns();
    if (store.scan(key, kScanRows) != kScanRows) return fail(state, "a scan ended early");
    latencies.record(now_ns() - begin);
  }
  report_latencies(state, latencies);
  state.counters["rows_per_s"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * kScanRows, benchmark::Counter::kIsRate);
}

void full_scan(benchmark::State& state, const Peer& peer, std::size_t kind_index) {
  Engine& store = read_store(peer, kind_index);
  for ([[maybe_unused]] auto _ : state) {
    if (store.scan("", kCount) != kCount) return fail(state, "a scan ended early");
  }
  state.counters["rows_per_s"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * kCount, benchmark::Counter::kIsRate);
}

// --- Names ---------------------------------------------------------------------------------------

template <typename Run>
benchmark::internal::Benchmark* add_one(const std::string& name, Run run, const Peer& peer,
                                        std::size_t kind) {
  return benchmark::RegisterBenchmark(
      name.c_str(), [run, &peer, kind](benchmark::State& state) { run(state, peer, kind); });
}

template <typename Run>
void add(const std::string& what, std::size_t kind, Run run, bool manual) {
  constexpr const char* kKinds[] = {"key16", "int8", "path64"};
  std::string names[2];
  for (std::size_t i = 0; i < 2; ++i) {
    names[i] = std::string(kPeers[i].name) + "/" + what + "/" + kKinds[kind];
    if (manual) {
      add_one(names[i], run, kPeers[i], kind)->UseManualTime()->Iterations(1);
    } else {
      add_one(names[i], run, kPeers[i], kind)->Unit(benchmark::kNanosecond);
    }
  }
  hold_against(names[0], names[1]);
}

[[maybe_unused]] const bool kRegistered = [] {
  for (std::size_t kind = 0; kind < 3; ++kind) {
    add(
        "build_sequential_insert_1m", kind,
        [](benchmark::State& s, const Peer& p, std::size_t k) { build(s, p, k, false); }, true);
    add(
        "build_random_insert_1m", kind,
        [](benchmark::State& s, const Peer& p, std::size_t k) { build(s, p, k, true); }, true);
    add("delete_half_1m", kind, delete_half, true);
    add("point_get_hot_1m", kind, point_get, false);
    add("range_scan_1k_rows_hot", kind, range_scan, false);
    add("full_scan_1m", kind, full_scan, false);
  }
  return true;
}();

}  // namespace
}  // namespace caisson::bench

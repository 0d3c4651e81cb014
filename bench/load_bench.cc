// `caisson load` beside the engine: 1,000,000 rows with keys of 16 bytes and values of 100, into an
// empty store, in transactions of 1,000 that are durable one by one.
//
// Method. The program is run as anybody would run it, on a file that is in the page cache; the
// limit does, in this process, the same puts and commits with rows that lie in memory, and opens
// and closes the store as well. What is between them is reading and parsing the file, noting in
// each transaction how far it is, and the start of a process. Keys come at random, and sorted,
// which is quicker for the engine and so harder for the program.

#include <benchmark/benchmark.h>
#include <caisson/store.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/random.h"
#include "bench/rows.h"
#include "bench/support.h"

extern char** environ;

namespace caisson::bench {
namespace {

constexpr std::size_t kRows = 1'000'000;
constexpr std::size_t kRowsPerTxn = 1000;
constexpr const char* kTree = "rows";

enum class Order : std::uint8_t { kRandom, kSorted };

const char* to_string(Order order) { return order == Order::kRandom ? "random" : "sorted"; }

std::string letters(Random& random, std::size_t size) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz012345";
  std::string text(size, ' ');
  for (char& letter : text) letter = kLetters[random.below(kLetters.size())];
  return text;
}

// Without a character that a row's line would have to escape.
std::vector<std::string> keys_of(Order order) {
  Random random(1);
  std::vector<std::string> keys(kRows);
  for (std::string& key : keys) key = letters(random, kRowKeySize);
  if (order == Order::kSorted) std::ranges::sort(keys);
  return keys;
}

std::string value_of_all() {
  Random random(2);
  return letters(random, kRowValueSize);
}

std::string make_file(Order order) {
  std::string path = directory() + "/" + to_string(order) + ".tsv";
  std::ofstream file(path);
  const std::string value = value_of_all();
  for (const std::string& key : keys_of(order)) file << key << '\t' << value << '\n';
  return path;
}

std::string empty_store() {
  std::string path = directory() + "/loaded";
  std::filesystem::remove_all(path);
  Store::create(path, {}).value().close().value();
  return path;
}

void report(benchmark::State& state, std::uint64_t nanoseconds) {
  const double each =
      static_cast<double>(nanoseconds) / 1e9 / kRows / static_cast<double>(state.iterations());
  state.counters[kEachCounter] = each;
  state.counters["rows_per_s"] = 1 / each;
}

// Without a shell between. The process's exit status; -1 if it can't be run.
int run(std::vector<std::string> arguments) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_t process = -1;
  if (posix_spawn(&process, pointers[0], nullptr, nullptr, pointers.data(), environ) != 0)
    return -1;
  int status = -1;
  return waitpid(process, &status, 0) == process ? status : -1;
}

void load_with_program(benchmark::State& state, Order order) {
  const std::string rows = make_file(order);
  std::uint64_t taken = 0;
  for ([[maybe_unused]] auto _ : state) {
    const std::string path = empty_store();
    const std::uint64_t begin = now_ns();
    const int status = run({CAISSON_COMMAND, "load", path, kTree, rows, "--batch",
                            std::to_string(kRowsPerTxn), "--durability", "sync", "--quiet"});
    const std::uint64_t time = now_ns() - begin;
    state.SetIterationTime(static_cast<double>(time) / 1e9);
    taken += time;
    if (status != 0) return fail(state, "caisson load has failed");
    const Store store = Store::open(path, {.read_only = true}).value();
    if (store.snapshot().value().tree(kTree).value().count() != kRows) {
      return fail(state, "not all rows are there");
    }
  }
  report(state, taken);
}

void put_all(benchmark::State& state, Order order) {
  const std::vector<std::string> keys = keys_of(order);
  const std::string value = value_of_all();
  std::uint64_t taken = 0;
  for ([[maybe_unused]] auto _ : state) {
    const std::string path = empty_store();
    const std::uint64_t begin = now_ns();
    Store store = Store::open(path).value();
    for (std::size_t next = 0; next < keys.size();) {
      WriteTxn txn = store.begin_write().value();
      WriteTree tree = txn.open_or_create_tree(kTree).value();
      for (const std::size_t end = std::min(next + kRowsPerTxn, keys.size()); next < end; ++next) {
        tree.put(keys[next], value).value();
      }
      txn.commit({.durability = Durability::kSync}).value();
    }
    store.close().value();
    const std::uint64_t time = now_ns() - begin;
    state.SetIterationTime(static_cast<double>(time) / 1e9);
    taken += time;
  }
  report(state, taken);
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const Order order : std::array{Order::kRandom, Order::kSorted}) {
    const std::string figure = std::string("command/load_1m_rows/") + to_string(order);
    const std::string limit = std::string("limit/put_1m_rows/") + to_string(order);
    benchmark::RegisterBenchmark(
        figure.c_str(), [order](benchmark::State& state) { load_with_program(state, order); })
        ->UseManualTime()
        ->Iterations(1)
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(limit.c_str(),
                                 [order](benchmark::State& state) { put_all(state, order); })
        ->UseManualTime()
        ->Iterations(1)
        ->Unit(benchmark::kMillisecond);
    hold_against(figure, limit);
  }
  return true;
}();

}  // namespace
}  // namespace caisson::bench

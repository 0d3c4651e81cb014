// `caisson load` beside the engine: 1,000,000 rows with keys of 16 bytes and values of 100, into an
// empty store, in transactions of 1,000 that are durable one by one.
//
// Its allocations and writes are another process's and don't show; the limit's do.
//
// Method. The program is run as anybody would run it, on a file that is in the page cache; the
// limit does, in this process, the same puts and commits with rows that lie in memory, and opens
// and closes the store as well. What is between them is reading and parsing the file, noting in
// each transaction how far it is, and the start of a process. Keys come at random, and sorted,
// which is quicker for the engine and so harder for the program.

#include <caisson/store.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/random.h"
#include "bench/harness/run.h"
#include "bench/support/rows.h"

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
std::vector<std::string> keys_of(const Run& run, Order order) {
  Random random(run.seed());
  std::vector<std::string> keys(kRows);
  for (std::string& key : keys) key = letters(random, kRowKeySize);
  if (order == Order::kSorted) std::ranges::sort(keys);
  return keys;
}

std::string value_of_all() {
  Random random(2);
  return letters(random, kRowValueSize);
}

void make_file(const Run& run, const std::string& path, Order order) {
  std::ofstream file(path);
  const std::string value = value_of_all();
  for (const std::string& key : keys_of(run, order)) file << key << '\t' << value << '\n';
}

std::string empty_store(const Run& run) {
  std::string path = run.new_path("loaded");
  Store::create(path, {}).value().close().value();
  return path;
}

// Without a shell between. The process's exit status; -1 if it can't be run.
int run_program(std::vector<std::string> arguments) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_t process = -1;
  if (posix_spawn(&process, pointers[0], nullptr, nullptr, pointers.data(), environ) != 0)
    return -1;
  int status = -1;
  return waitpid(process, &status, 0) == process ? status : -1;
}

void load_with_program(Run& run, Order order) {
  const std::string rows =
      run.shared(std::string("rows_") + to_string(order),
                 [&](const std::string& path) { make_file(run, path, order); });
  const std::string path = empty_store(run);
  run.set_operations_per_sample(kRows);
  run.start();
  const std::uint64_t begin = now_ns();
  const int status = run_program({CAISSON_COMMAND, "load", path, kTree, rows, "--batch",
                                  std::to_string(kRowsPerTxn), "--durability", "sync", "--quiet"});
  run.record(now_ns() - begin);
  run.add_operations(kRows);
  run.stop();
  if (status != 0) throw std::runtime_error("caisson load has failed");
  const Store store = Store::open(path, {.read_only = true}).value();
  if (store.snapshot().value().tree(kTree).value().count() != kRows) {
    throw std::runtime_error("not all rows are there");
  }
}

void put_all(Run& run, Order order) {
  const std::vector<std::string> keys = keys_of(run, order);
  const std::string value = value_of_all();
  const std::string path = empty_store(run);
  run.set_operations_per_sample(kRowsPerTxn);
  run.start();
  Store store = Store::open(path).value();
  for (std::size_t next = 0; next < keys.size();) {
    const std::uint64_t begin = now_ns();
    WriteTxn txn = store.begin_write().value();
    WriteTree tree = txn.open_or_create_tree(kTree).value();
    for (const std::size_t end = std::min(next + kRowsPerTxn, keys.size()); next < end; ++next) {
      tree.put(keys[next], value).value();
    }
    txn.commit({.durability = Durability::kSync}).value();
    run.record(now_ns() - begin);
  }
  store.close().value();
  run.add_operations(kRows);
  run.stop();
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const Order order : std::array{Order::kRandom, Order::kSorted}) {
    const std::string limit = std::string("limit/put_1m_rows/") + to_string(order);
    add({.name = std::string("command/load_1m_rows/") + to_string(order),
         .suite = Suite::kMacro,
         .about = "`caisson load` of 1,000,000 rows of 116 bytes into an empty store, in durable "
                  "transactions of 1,000",
         .operation = "row",
         .bound = Bound::kDisk,
         .headline = Headline::kWall,
         .against = {limit}},
        [order](Run& run) { load_with_program(run, order); });
    add({.name = limit,
         .suite = Suite::kMacro,
         .about = "the same transactions by the library, of rows in memory",
         .operation = "row",
         .bound = Bound::kDisk,
         .headline = Headline::kWall,
         .gate = Gate::kNone},
        [order](Run& run) { put_all(run, order); });
  }
  return true;
}();

}  // namespace
}  // namespace caisson::bench

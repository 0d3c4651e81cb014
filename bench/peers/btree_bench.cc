// The B+tree beside LMDB: the same keys and values, in the same order, in one run.
//
// Method. A million keys of three kinds, values of 100 bytes; pages of 16 KiB here and of 4 KiB
// there, each engine's own default. Builds and deletes are one transaction and its flush, and the
// time is the processor's for one row: the disk's share is the same for both. Reads are of a store
// that was built in random order, all of which has been read once. Single gets and scans are timed
// one by one. "file_per_payload" is the part of the file in use over the sum of keys and values.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "bench/peers/peers.h"
#include "bench/peers/threads.h"

namespace caisson::bench {
namespace {

constexpr std::size_t kCount = 1'000'000;
constexpr std::size_t kScanRows = 1000;
constexpr std::size_t kGets = 1'000'000;
constexpr std::size_t kScans = 10'000;
constexpr std::size_t kFullScans = 20;

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

struct Kind {
  const char* name;
  std::string (*make)(std::uint64_t);
};

constexpr Kind kKinds[] = {{"key16", random_key}, {"int8", number_key}, {"path64", path_key}};

enum class Order : std::uint8_t { kSorted, kShuffled };

// Keys side by side in the order in which they are used, so that fetching them costs nothing.
class Keys {
 public:
  Keys(const Run& run, const Kind& kind, Order order) {
    std::vector<std::string> keys;
    for (std::uint64_t i = 0; i < run.scaled(kCount); ++i) keys.push_back(kind.make(i));
    std::ranges::sort(keys);
    if (order == Order::kShuffled) {
      Random random(run.seed());
      for (std::size_t i = keys.size(); i > 1; --i) std::swap(keys[i - 1], keys[random.below(i)]);
    }
    for (const std::string& key : keys) bytes_ += key;
    for (std::size_t at = 0; at < bytes_.size(); at += keys.front().size()) {
      views_.push_back(std::string_view(bytes_).substr(at, keys.front().size()));
    }
  }
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  std::span<const std::string_view> all() const { return views_; }
  std::vector<Row> rows() const { return rows_of(views_); }
  double payload() const {
    return static_cast<double>(bytes_.size() + views_.size() * kRowValueSize);
  }

 private:
  std::string bytes_;
  std::vector<std::string_view> views_;
};

// --- Stores --------------------------------------------------------------------------------------

struct TreePeer {
  const char* name;
  OpenTree open;
};

constexpr TreePeer kTrees[] = {{"caisson", open_caisson_tree}, {"lmdb", open_lmdb_tree}};

// What changes a store: all of it counts, and is one transaction. Of how many rows?
template <typename Change>
void time_change(Run& run, std::size_t rows, const Change& change) {
  run.set_operations_per_sample(rows);
  run.start();
  const std::uint64_t begin = now_ns();
  change();
  run.record(now_ns() - begin);
  run.stop();
  run.add_operations(rows);
}

void build(Run& run, const TreePeer& peer, const Kind& kind, Order order) {
  const Keys keys(run, kind, order);
  const std::vector<Row> rows = keys.rows();
  const auto tree = peer.open(run.new_path("tree"));
  const auto session = tree->session();
  time_change(run, rows.size(), [&] { session->put_all(rows); });
  run.set("file_per_payload", static_cast<double>(tree->bytes_used()) / keys.payload());
}

void delete_half(Run& run, const TreePeer& peer, const Kind& kind) {
  const Keys keys(run, kind, Order::kShuffled);
  const auto tree = peer.open(run.new_path("tree"));
  tree->session()->put_all(keys.rows());
  const auto half = keys.all().last(keys.all().size() / 2);
  time_change(run, half.size(), [&] { tree->erase_all(half); });
  run.set("file_per_payload", static_cast<double>(tree->bytes_used()) / keys.payload() * 2);
}

// A tree that benchmarks of reading share, open, read once.
class ReadTree {
 public:
  ReadTree(const Run& run, const TreePeer& peer, const Kind& kind)
      : keys_(run, kind, Order::kSorted) {
    const std::string name = std::string("tree_") + peer.name + "_" + kind.name;
    tree_ = peer.open(run.shared(name, [&](const std::string& at) {
      peer.open(at)->session()->put_all(Keys(run, kind, Order::kShuffled).rows());
    }));
    session_ = tree_->session();
    session_->begin_reading();
    scan("", count());
  }

  std::size_t count() const { return keys_.all().size(); }

  // The key at a place of their order; it is in the cache then.
  std::string_view key(std::size_t index) const {
    const std::string_view key = keys_.all()[index];
    keep(key[0] + 0);
    return key;
  }

  void get(std::string_view key) {
    if (!session_->get(key)) throw std::runtime_error("a key is missing");
  }

  void scan(std::string_view key, std::size_t count) {
    if (session_->scan(key, count) != count) throw std::runtime_error("a scan ended early");
  }

 private:
  Keys keys_;
  std::unique_ptr<PeerTree> tree_;
  std::unique_ptr<PeerSession> session_;
};

void point_get(Run& run, const TreePeer& peer, const Kind& kind) {
  ReadTree tree(run, peer, kind);
  Random random(run.seed());
  time_each(
      run, run.scaled(kGets), [&] { return tree.key(random.below(tree.count())); },
      [&](std::string_view key) { tree.get(key); });
}

void range_scan(Run& run, const TreePeer& peer, const Kind& kind) {
  ReadTree tree(run, peer, kind);
  Random random(run.seed());
  time_each(
      run, run.scaled(kScans), [&] { return tree.key(random.below(tree.count() - kScanRows)); },
      [&](std::string_view key) { tree.scan(key, kScanRows); });
}

void full_scan(Run& run, const TreePeer& peer, const Kind& kind) {
  ReadTree tree(run, peer, kind);
  time_each(
      run, kFullScans, [] { return std::string_view(); },
      [&](std::string_view begin) { tree.scan(begin, tree.count()); });
}

// --- Names ---------------------------------------------------------------------------------------

template <typename Body>
void add(const About& about, const Kind& kind, Body body) {
  About its = about;
  its.name += std::string("/") + kind.name;
  its.gate = Gate::kCritical;
  its.quick = &kind == std::begin(kKinds);
  add_for_each<TreePeer>(kTrees, "btree", its,
                         [body, kind](Run& run, const TreePeer& peer) { body(run, peer, kind); });
}

[[maybe_unused]] const bool kRegistered = [] {
  const auto build_in = [](Order order) {
    return [order](Run& run, const TreePeer& peer, const Kind& kind) {
      build(run, peer, kind, order);
    };
  };
  for (const Kind& kind : kKinds) {
    add({.name = "build_sequential_insert_1m",
         .about = "a million rows in the order of their keys, in one transaction",
         .operation = "row",
         .headline = Headline::kProcessor},
        kind, build_in(Order::kSorted));
    add({.name = "build_random_insert_1m",
         .about = "a million rows in random order, in one transaction",
         .operation = "row",
         .headline = Headline::kProcessor},
        kind, build_in(Order::kShuffled));
    add({.name = "delete_half_1m",
         .about = "half of a million rows removed in random order, in one transaction",
         .operation = "row",
         .headline = Headline::kProcessor},
        kind, delete_half);
    add({.name = "point_get_hot_1m", .about = "a random one of a million rows", .operation = "get"},
        kind, point_get);
    add({.name = "range_scan_1k_rows_hot",
         .about = "1,000 rows from a random one of a million on",
         .operation = "scan"},
        kind, range_scan);
    add({.name = "full_scan_1m", .about = "all of a million rows", .operation = "scan"}, kind,
        full_scan);
  }
  return true;
}();

}  // namespace
}  // namespace caisson::bench

#include "mvcc/testing/long_history.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "mvcc/rebuild.h"
#include "mvcc/state_hash.h"

namespace caisson::mvcc::testing {

LongHistory::LongHistory(const StoreOptions& options, std::uint64_t seed)
    : store_(options, seed),
      random_(seed),
      hashes_{value_of(state_hash(value_of(store_.engine().snapshot())))} {}

std::unique_ptr<log::LogDirectory> LongHistory::log() {
  const auto directory = value_of(store_.machine().vfs().open_directory(kStorePath));
  return value_of(open_log(value_of(directory->open_directory(log::kLogDirectoryName))));
}

std::string LongHistory::any_key() {
  const std::string key = "key" + std::to_string(random_.below(200));
  return random_.chance(1, 30) ? key + std::string(random_.below(100), 'k') : key;
}

std::string LongHistory::any_value() {
  const std::size_t size = random_.chance(1, 10) ? random_.below(6000) : random_.below(100);
  return std::string(size, static_cast<char>('a' + random_.below(26)));
}

// One that is there, or a new one.
TreeId LongHistory::any_tree(WriteTxn& txn) {
  const auto trees = value_of(txn.trees());
  if (!trees.empty() && !random_.chance(1, 30)) return trees[random_.below(trees.size())].id;
  std::string name = "tree" + std::to_string(random_.below(6));
  if (const auto entry = value_of(txn.find_tree(bytes_of(name)))) return entry->id;
  const std::string options(random_.below(20), 'o');
  return value_of(txn.create_tree(bytes_of(name), bytes_of(options)));
}

void LongHistory::put_in_pieces(WriteTxn& txn, TreeId tree) {
  std::string value(random_.chance(1, 2) ? random_.below(3000) : random_.below(90'000), 'p');
  for (char& c : value) c = static_cast<char>('a' + random_.below(26));
  const bool gives_up = random_.chance(1, 3);
  LongValue parts = value_of(txn.put_long(tree, bytes_of(any_key()), value.size()));
  Bytes left = bytes_of(value);
  while (!left.empty() && !(gives_up && random_.chance(1, 4))) {
    const Bytes piece = left.first(std::min<std::size_t>(left.size(), random_.between(1, 20'000)));
    value_of(parts.append(piece));
    left = left.subspan(piece.size());
  }
  if (gives_up) {
    ++counts_.given_up;
  } else {
    ++counts_.long_values;
    value_of(parts.finish());
  }
}

void LongHistory::erase_range(WriteTxn& txn, TreeId tree) {
  ++counts_.ranges;
  const std::string begin = any_key();
  const std::string end = begin + "5";
  const bool open = random_.chance(1, 20);
  value_of(txn.erase_range(
      tree, {bytes_of(begin), open ? std::nullopt : std::optional<Bytes>(bytes_of(end))}));
}

void LongHistory::change(WriteTxn& txn) {
  const TreeId tree = any_tree(txn);
  const std::uint64_t kind = random_.below(40);
  if (kind == 0) {
    ++counts_.drops;
    value_of(txn.drop_tree(tree));
  } else if (kind <= 3) {
    put_in_pieces(txn, tree);
  } else if (kind <= 6) {
    erase_range(txn, tree);
  } else if (kind <= 14) {
    value_of(txn.erase(tree, bytes_of(any_key())));
  } else {
    value_of(txn.put(tree, bytes_of(any_key()), bytes_of(any_value())));
  }
}

// More than a record of a small log holds.
void LongHistory::put_much(WriteTxn& txn) {
  ++counts_.spilled;
  const TreeId tree = any_tree(txn);
  for (int i = 0; i < 50; ++i) {
    const std::string value(random_.between(1000, 4000), static_cast<char>('A' + i % 26));
    value_of(txn.put(tree, bytes_of(any_key()), bytes_of(value)));
  }
}

void LongHistory::with_savepoint(WriteTxn& txn) {
  const std::size_t number = value_of(txn.savepoint());
  for (std::uint64_t i = random_.below(8); i > 0; --i) change(txn);
  if (random_.chance(1, 3)) put_much(txn);
  if (random_.chance(1, 4)) with_savepoint(txn);
  if (random_.chance(1, 3)) {
    value_of(txn.release(number));
  } else {
    ++counts_.rolled_back_savepoints;
    value_of(txn.roll_back_to(number));
    if (random_.chance(1, 2)) value_of(txn.release(number));
  }
}

void LongHistory::note(const Committed& committed) {
  value_of(store_.engine().wait_durable(committed));
  const Snapshot snapshot = value_of(store_.engine().snapshot());
  const std::uint64_t txn = to_u64(snapshot.txn());
  if (txn + 1 < hashes_.size() || txn > hashes_.size()) {
    throw std::runtime_error("a commit has the wrong number");
  }
  hashes_.resize(txn);
  hashes_.push_back(value_of(state_hash(snapshot)));
}

void LongHistory::transact() {
  WriteTxn txn = value_of(store_.engine().begin_write());
  for (std::uint64_t i = random_.between(1, 8); i > 0; --i) change(txn);
  if (random_.chance(1, 5)) with_savepoint(txn);
  if (random_.chance(1, 8)) put_much(txn);
  if (random_.chance(1, 10)) return txn.roll_back();
  constexpr Durability kKinds[] = {Durability::kSync, Durability::kQueued, Durability::kAsync};
  note(value_of(txn.commit(kKinds[random_.below(3)])));
}

// Leaves a transaction behind, of which parts may be in the log.
void LongHistory::restart() {
  ++counts_.restarts;
  {
    WriteTxn txn = value_of(store_.engine().begin_write());
    change(txn);
    if (random_.chance(1, 2)) put_much(txn);
  }
  store_.kill();
  value_of(store_.open());
}

void LongHistory::run(int steps) {
  for (int i = 0; i < steps; ++i) {
    const std::uint64_t kind = random_.below(20);
    if (kind == 0) {
      restart();
    } else if (kind == 1) {
      value_of(store_.engine().log().mark_idle());
    } else if (kind == 2 && !std::exchange(checkpointed_, true)) {
      value_of(store_.engine().checkpoint());
    } else {
      transact();
    }
  }
}

}  // namespace caisson::mvcc::testing

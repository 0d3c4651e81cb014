// What a store has to do to be compared with others: durable transactions, and reading, by one
// thread or many. Each engine has one adapter, gets the same keys and values in the same order, and
// reads what it finds to the last byte.
//
// How each is set up is said at the head of its adapter, and in README.md.

#ifndef CAISSON_BENCH_PEERS_STORE_H_
#define CAISSON_BENCH_PEERS_STORE_H_

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bench/support/keep.h"

namespace caisson::bench {

struct Row {
  std::string_view key;
  std::string_view value;
};

// What one thread uses a store by. What fails is thrown.
class PeerSession {
 public:
  virtual ~PeerSession() = default;

  // Sets keys in one transaction, which is durable when this returns. Waits for its turn where only
  // one can write at a time.
  virtual void put_all(std::span<const Row> rows) = 0;

  // Takes the newest state to read, instead of the one that it has; gives it back. Reading without
  // one is of the newest state, each call for itself, in whatever way is the engine's cheapest.
  virtual void begin_reading() = 0;
  virtual void end_reading() = 0;

  // Looks a key up and reads its value; false if there is none.
  virtual bool get(std::string_view key) = 0;

  // Reads up to `count` rows from `key` on, in the order of keys; returns how many.
  virtual std::uint64_t scan(std::string_view key, std::uint64_t count) = 0;
};

// An open store; destroyed, it is closed so that opening it again has nothing to recover.
class PeerStore {
 public:
  virtual ~PeerStore() = default;

  // May be called on any thread. All of them end before the store.
  virtual std::unique_ptr<PeerSession> session() = 0;

  // Brings what was committed where opening needn't read a log for it.
  virtual void checkpoint() = 0;

  // Does what the engine has put off, as it would in some quiet minute.
  virtual void settle() {}
};

// What the comparison of trees asks for as well.
class PeerTree : public PeerStore {
 public:
  // Removes keys in one transaction, and makes it durable.
  virtual void erase_all(std::span<const std::string_view> keys) = 0;

  // The size of the file's part that is in use.
  virtual std::uint64_t bytes_used() = 0;
};

struct PeerOptions {
  // For what the engine keeps in memory of its own, changed pages above all.
  std::uint64_t memory_bytes = std::uint64_t{256} << 20U;

  // Nothing is checkpointed but by checkpoint(), where the engine can be told so.
  bool manual_checkpoints = false;

  // Transactions are of a thousand rows or so, where the engine is to be set up for that.
  bool large_transactions = false;

  // Changes are small, at random places, and more than memory holds: pages of 4 KiB, where the
  // engine's are larger.
  bool small_pages = false;

  // Commits wait for others to share a flush with, where the engine can be told so.
  bool wait_for_others = false;
};

// Opens the store at a path; makes an empty one where nothing is.
using OpenStore = std::unique_ptr<PeerStore> (*)(const std::string& path, const PeerOptions&);
std::unique_ptr<PeerStore> open_caisson(const std::string& path, const PeerOptions&);
std::unique_ptr<PeerStore> open_lmdb(const std::string& path, const PeerOptions&);
std::unique_ptr<PeerStore> open_sqlite(const std::string& path, const PeerOptions&);
std::unique_ptr<PeerStore> open_rocksdb(const std::string& path, const PeerOptions&);
std::unique_ptr<PeerStore> open_wiredtiger(const std::string& path, const PeerOptions&);

// The same for trees alone: ours has no log then.
using OpenTree = std::unique_ptr<PeerTree> (*)(const std::string& path);
std::unique_ptr<PeerTree> open_caisson_tree(const std::string& path);
std::unique_ptr<PeerTree> open_lmdb_tree(const std::string& path);

// Reads all of it.
inline void read_all(std::string_view bytes) {
  std::uint64_t sum = 0;
  for (; bytes.size() >= sizeof sum; bytes.remove_prefix(sizeof sum)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    sum += word;
  }
  for (const char byte : bytes) sum += static_cast<unsigned char>(byte);
  keep(sum);
}

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_PEERS_STORE_H_

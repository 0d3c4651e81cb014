// What a store has to do for the comparison of whole engines: durable transactions of many threads,
// and reading beside them. Each engine gets the same keys and values in the same order.
//
// Every one is set up as its manual says for commits that are durable when they return, with its
// own page size, and without compression.

#ifndef CAISSON_BENCH_PEERS_STORE_H_
#define CAISSON_BENCH_PEERS_STORE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace caisson::bench {

// What one thread uses a store by.
class PeerSession {
 public:
  virtual ~PeerSession() = default;

  // Sets keys in one transaction, which is durable when this returns. Waits for its turn where only
  // one can write at a time.
  virtual void put_all(std::span<const std::string_view> keys, std::string_view value) = 0;

  // Takes the newest state to read, instead of the one that it has; gives it back.
  virtual void begin_reading() = 0;
  virtual void end_reading() = 0;

  // Looks a key up in that state and reads a byte of its value; false if there is none.
  virtual bool get(std::string_view key) = 0;
};

class PeerStore {
 public:
  virtual ~PeerStore() = default;

  // May be called on any thread. All of them end before the store.
  virtual std::unique_ptr<PeerSession> session() = 0;

  // Brings what was committed where opening needn't read a log for it.
  virtual void checkpoint() = 0;
};

struct PeerOptions {
  // For what the engine keeps in memory of its own, changed pages above all.
  std::uint64_t memory_bytes = std::uint64_t{256} << 20U;

  // Nothing is checkpointed but by checkpoint(), where the engine can be told so.
  bool manual_checkpoints = false;

  // Commits wait for others to share a flush with, where the engine can be told so.
  bool wait_for_others = false;
};

// Makes an empty store at a path; what is there is removed.
using MakeStore = std::unique_ptr<PeerStore> (*)(const std::string& path, const PeerOptions&);
std::unique_ptr<PeerStore> make_caisson_store(const std::string& path, const PeerOptions&);
std::unique_ptr<PeerStore> make_lmdb_store(const std::string& path, const PeerOptions&);
std::unique_ptr<PeerStore> make_sqlite_store(const std::string& path, const PeerOptions&);
std::unique_ptr<PeerStore> make_rocksdb_store(const std::string& path, const PeerOptions&);
std::unique_ptr<PeerStore> make_wiredtiger_store(const std::string& path, const PeerOptions&);

struct StorePeer {
  const char* name;
  MakeStore make;
};

// Ours, and then those of the others that are installed.
inline constexpr StorePeer kCaisson{"mvcc", make_caisson_store};
inline constexpr StorePeer kLmdb{"lmdb", make_lmdb_store};
inline constexpr StorePeer kOthers[] = {
    kLmdb,
#ifdef CAISSON_HAVE_SQLITE
    {"sqlite", make_sqlite_store},
#endif
#ifdef CAISSON_HAVE_ROCKSDB
    {"rocksdb", make_rocksdb_store},
#endif
#ifdef CAISSON_HAVE_WIREDTIGER
    {"wiredtiger", make_wiredtiger_store},
#endif
};

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_PEERS_STORE_H_

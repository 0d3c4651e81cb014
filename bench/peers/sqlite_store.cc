#include <benchmark/benchmark.h>
#include <sqlite3.h>

#include <filesystem>
#include <mutex>
#include <stdexcept>

#include "bench/peers/store.h"

namespace caisson::bench {
namespace {

// A connection, and the statements that it has prepared.
class Connection {
 public:
  Connection(const std::string& file, const PeerOptions& peer) {
    check(sqlite3_open(file.c_str(), &database_));
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("PRAGMA cache_size=-" + std::to_string(peer.memory_bytes / 1024));
    if (peer.manual_checkpoints) run("PRAGMA wal_autocheckpoint=0");
    run("CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID");
    put_ = prepare("INSERT OR REPLACE INTO rows VALUES (?, ?)");
    get_ = prepare("SELECT value FROM rows WHERE key = ?");
  }
  ~Connection() {
    sqlite3_finalize(put_);
    sqlite3_finalize(get_);
    sqlite3_close(database_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void run(const std::string& statement) {
    check(sqlite3_exec(database_, statement.c_str(), nullptr, nullptr, nullptr));
  }

  void put(std::string_view key, std::string_view value) {
    bind(put_, 1, key);
    bind(put_, 2, value);
    if (sqlite3_step(put_) != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(database_));
    check(sqlite3_reset(put_));
  }

  bool get(std::string_view key) {
    bind(get_, 1, key);
    const bool found = sqlite3_step(get_) == SQLITE_ROW;
    if (found) {
      benchmark::DoNotOptimize(*static_cast<const unsigned char*>(sqlite3_column_blob(get_, 0)));
    }
    check(sqlite3_reset(get_));
    return found;
  }

  void checkpoint() {
    check(sqlite3_wal_checkpoint_v2(database_, nullptr, SQLITE_CHECKPOINT_FULL, nullptr, nullptr));
  }

 private:
  void check(int code) const {
    if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(database_));
  }

  sqlite3_stmt* prepare(const char* text) const {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v2(database_, text, -1, &statement, nullptr));
    return statement;
  }

  void bind(sqlite3_stmt* statement, int place, std::string_view bytes) const {
    check(sqlite3_bind_blob(statement, place, bytes.data(), static_cast<int>(bytes.size()),
                            SQLITE_STATIC));
  }

  sqlite3* database_ = nullptr;
  sqlite3_stmt* put_ = nullptr;
  sqlite3_stmt* get_ = nullptr;
};

class SqliteSession final : public PeerSession {
 public:
  // One writer at a time. SQLite itself would have the others ask again after a while, which is
  // slower than a mutex, so programs with several threads use one.
  SqliteSession(const std::string& file, const PeerOptions& peer, std::mutex& writing)
      : connection_(file, peer), writing_(writing) {}

  void put_all(std::span<const std::string_view> keys, std::string_view value) override {
    const std::lock_guard lock(writing_);
    connection_.run("BEGIN IMMEDIATE");
    for (const std::string_view key : keys) connection_.put(key, value);
    connection_.run("COMMIT");
  }

  void begin_reading() override {
    end_reading();
    connection_.run("BEGIN");
    reading_ = true;
  }

  void end_reading() override {
    if (reading_) connection_.run("COMMIT");
    reading_ = false;
  }

  bool get(std::string_view key) override { return connection_.get(key); }

 private:
  Connection connection_;
  std::mutex& writing_;
  bool reading_ = false;
};

class SqliteStore final : public PeerStore {
 public:
  SqliteStore(std::string file, const PeerOptions& peer)
      : file_(std::move(file)), peer_(peer), connection_(file_, peer) {}

  std::unique_ptr<PeerSession> session() override {
    const std::lock_guard lock(writing_);
    return std::make_unique<SqliteSession>(file_, peer_, writing_);
  }

  void checkpoint() override { connection_.checkpoint(); }

 private:
  std::string file_;
  PeerOptions peer_;
  Connection connection_;
  std::mutex writing_;
};

}  // namespace

std::unique_ptr<PeerStore> make_sqlite_store(const std::string& path, const PeerOptions& peer) {
  std::filesystem::remove_all(path);
  std::filesystem::create_directory(path);
  return std::make_unique<SqliteStore>(path + "/rows.db", peer);
}

}  // namespace caisson::bench

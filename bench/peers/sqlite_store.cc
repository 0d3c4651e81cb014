// SQLite: a write-ahead log that is flushed at each commit; a connection for each thread, with
// prepared statements, and one mutex around their transactions. The file is mapped; keys are an
// index of a table with row ids, and putting is an upsert.

#include <sqlite3.h>

#include <filesystem>
#include <mutex>
#include <stdexcept>

#include "bench/peers/store.h"

namespace caisson::bench {
namespace {

// As much as this library was compiled to map: 2 GiB less 64 KiB.
constexpr const char* kMapSize = "2147418112";

// So many pages of log are checkpointed by themselves. With small transactions the default of 1,000
// is best: the log is written over in place. With large ones fewer checkpoints write less.
constexpr const char* kCheckpointPages = "1000";
constexpr const char* kCheckpointPagesOfLarge = "16000";

const char* checkpoint_pages(const PeerOptions& peer) {
  if (peer.manual_checkpoints) return "0";
  return peer.large_transactions ? kCheckpointPagesOfLarge : kCheckpointPages;
}

// A connection, and the statements that it has prepared.
class Connection {
 public:
  Connection(const std::string& file, const PeerOptions& peer) {
    check(sqlite3_open_v2(file.c_str(), &database_,
                          SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                          nullptr));
    check(sqlite3_busy_timeout(database_, 60'000));
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run(std::string("PRAGMA mmap_size=") + kMapSize);
    run("PRAGMA cache_size=-" + std::to_string(peer.memory_bytes / 1024));
    run(std::string("PRAGMA wal_autocheckpoint=") + checkpoint_pages(peer));
    run("CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, value BLOB)");
    begin_reading_ = prepare("BEGIN");
    begin_ = prepare("BEGIN IMMEDIATE");
    commit_ = prepare("COMMIT");
    put_ = prepare(
        "INSERT INTO rows VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value");
    get_ = prepare("SELECT value FROM rows WHERE key = ?");
    scan_ = prepare("SELECT key, value FROM rows WHERE key >= ? ORDER BY key");
  }
  ~Connection() {
    for (sqlite3_stmt* statement : {begin_reading_, begin_, commit_, put_, get_, scan_}) {
      sqlite3_finalize(statement);
    }
    sqlite3_close(database_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void begin_reading() {
    run(begin_reading_);
    get("");  // The state is that of the first look at it.
  }
  void begin() { run(begin_); }
  void commit() { run(commit_); }

  void put(const Row& row) {
    bind(put_, 1, row.key);
    bind(put_, 2, row.value);
    run(put_);
  }

  bool get(std::string_view key) {
    bind(get_, 1, key);
    const bool found = step(get_);
    if (found) read_column(get_, 0);
    check(sqlite3_reset(get_));
    return found;
  }

  std::uint64_t scan(std::string_view key, std::uint64_t count) {
    bind(scan_, 1, key);
    std::uint64_t seen = 0;
    while (seen < count && step(scan_)) {
      read_column(scan_, 0);
      read_column(scan_, 1);
      ++seen;
    }
    check(sqlite3_reset(scan_));
    return seen;
  }

  void checkpoint() {
    check(sqlite3_wal_checkpoint_v2(database_, nullptr, SQLITE_CHECKPOINT_FULL, nullptr, nullptr));
  }

 private:
  void check(int code) const {
    if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(database_));
  }

  void run(const std::string& statement) {
    check(sqlite3_exec(database_, statement.c_str(), nullptr, nullptr, nullptr));
  }

  sqlite3_stmt* prepare(const char* text) const {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v3(database_, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
    return statement;
  }

  void bind(sqlite3_stmt* statement, int place, std::string_view bytes) const {
    check(sqlite3_bind_blob(statement, place, bytes.data(), static_cast<int>(bytes.size()),
                            SQLITE_STATIC));
  }

  // Whether there is a row.
  bool step(sqlite3_stmt* statement) const {
    const int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) check(code);
    return code == SQLITE_ROW;
  }

  void run(sqlite3_stmt* statement) const {
    step(statement);
    check(sqlite3_reset(statement));
  }

  static void read_column(sqlite3_stmt* statement, int column) {
    const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
    read_all({bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement, column))});
  }

  sqlite3* database_ = nullptr;
  sqlite3_stmt* begin_reading_ = nullptr;
  sqlite3_stmt* begin_ = nullptr;
  sqlite3_stmt* commit_ = nullptr;
  sqlite3_stmt* put_ = nullptr;
  sqlite3_stmt* get_ = nullptr;
  sqlite3_stmt* scan_ = nullptr;
};

class SqliteSession final : public PeerSession {
 public:
  // One writer at a time. SQLite itself would have the others ask again after a while, which is
  // slower than a mutex, so programs with several threads use one.
  SqliteSession(const std::string& file, const PeerOptions& peer, std::mutex& writing)
      : connection_(file, peer), writing_(writing) {}

  void put_all(std::span<const Row> rows) override {
    const std::lock_guard lock(writing_);
    if (rows.size() == 1) return connection_.put(rows.front());  // A transaction of its own.
    connection_.begin();
    for (const Row& row : rows) connection_.put(row);
    connection_.commit();
  }

  void begin_reading() override {
    end_reading();
    connection_.begin_reading();
    reading_ = true;
  }

  void end_reading() override {
    if (reading_) connection_.commit();
    reading_ = false;
  }

  bool get(std::string_view key) override { return connection_.get(key); }

  std::uint64_t scan(std::string_view key, std::uint64_t count) override {
    return connection_.scan(key, count);
  }

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

std::unique_ptr<PeerStore> open_sqlite(const std::string& path, const PeerOptions& peer) {
  std::filesystem::create_directory(path);
  // Else each allocation takes a mutex of the whole process. Refused once it is in use.
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  return std::make_unique<SqliteStore>(path + "/rows.db", peer);
}

}  // namespace caisson::bench

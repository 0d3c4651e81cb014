// Keeps a table of an SQLite database equal to a tree of a store, from another process, by the
// change feed. The database notes the commit that it has seen, in the transaction that brings its
// changes: so each commit counts once, whenever the mirror is killed. The position keeps the log
// for it meanwhile.
//
// The program shows all of it: it changes the store at random, while a copy of itself is the
// mirror, kills that now and then, and compares at the end.
//
// Usage: mirror_to_sqlite [STORE DATABASE]      (default: things.caisson and things.db here)
//        mirror_to_sqlite STORE DATABASE mirror (what the other process does; it runs until it is
//                                                killed)

#include <caisson/store.h>

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <expected>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace {

constexpr const char* kTree = "things";
constexpr const char* kPosition = "sqlite mirror";
constexpr int kRounds = 5;

// --- The database --------------------------------------------------------------------------------

// A statement of SQLite, used again and again.
class Statement {
 public:
  Statement(sqlite3* database, const char* sql) : database_(database) {
    check(sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr));
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int at, caisson::Bytes bytes) {
    // Not a null pointer, which would be NULL.
    const void* data = bytes.empty() ? "" : static_cast<const void*>(bytes.data());
    check(sqlite3_bind_blob64(statement_, at, data, bytes.size(), SQLITE_TRANSIENT));
    return *this;
  }
  Statement& bind(int at, std::int64_t number) {
    check(sqlite3_bind_int64(statement_, at, number));
    return *this;
  }

  // Whether there is a row.
  bool step() {
    const int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    check(result == SQLITE_DONE ? SQLITE_OK : result);
    check(sqlite3_reset(statement_));
    return false;
  }
  void run() {
    while (step()) continue;
  }

  std::int64_t number(int column) { return sqlite3_column_int64(statement_, column); }
  std::string text(int column) {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    const int size = sqlite3_column_bytes(statement_, column);
    return data == nullptr ? std::string() : std::string(data, static_cast<std::size_t>(size));
  }

 private:
  void check(int result) {
    if (result != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(database_));
  }

  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
};

using Database = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;

void run(const Database& database, const char* sql) { Statement(database.get(), sql).run(); }

Database open_database(const std::string& path) {
  sqlite3* opened = nullptr;
  const int result = sqlite3_open(path.c_str(), &opened);
  Database database(opened, &sqlite3_close);
  if (result != SQLITE_OK) throw std::runtime_error("can't open " + path);
  sqlite3_busy_timeout(opened, 10'000);
  run(database, "PRAGMA journal_mode = WAL");  // And each transaction flushed, as it is by default.
  run(database, "CREATE TABLE IF NOT EXISTS things (key BLOB PRIMARY KEY, value BLOB NOT NULL)");
  run(database, "CREATE TABLE IF NOT EXISTS seen (txn INTEGER NOT NULL)");
  run(database, "INSERT INTO seen SELECT 0 WHERE NOT EXISTS (SELECT * FROM seen)");
  return database;
}

std::int64_t seen_by(const Database& database) {
  Statement seen(database.get(), "SELECT txn FROM seen");
  return seen.step() ? seen.number(0) : 0;
}

// --- The mirror ----------------------------------------------------------------------------------

class Mirror {
 public:
  explicit Mirror(const std::string& path)
      : database_(open_database(path)),
        put_(database_.get(), "INSERT OR REPLACE INTO things VALUES (?, ?)"),
        erase_(database_.get(), "DELETE FROM things WHERE key = ?"),
        erase_from_(database_.get(), "DELETE FROM things WHERE key >= ?"),
        erase_range_(database_.get(), "DELETE FROM things WHERE key >= ? AND key < ?"),
        clear_(database_.get(), "DELETE FROM things"),
        note_(database_.get(), "UPDATE seen SET txn = ?") {}

  // One commit of the store is one transaction of the database; or nothing, where that has seen it:
  // the mirror was killed before it could say so.
  void apply_commit(caisson::ChangeFeed& feed) {
    const auto txn = static_cast<std::int64_t>(to_u64(feed.txn()));
    if (txn <= seen_by(database_)) return;
    run(database_, "BEGIN IMMEDIATE");
    while (const auto change = feed.next_change().value()) {
      if (change->tree == kTree) apply(*change, feed);
    }
    note_.bind(1, txn).run();
    run(database_, "COMMIT");
  }

 private:
  void apply(const caisson::Change& change, caisson::ChangeFeed& feed) {
    switch (change.kind) {
      case caisson::Change::Kind::kCreateTree:
        break;
      case caisson::Change::Kind::kDropTree:
        return clear_.run();
      case caisson::Change::Kind::kPut:
        return put_.bind(1, change.key).bind(2, feed.value().value()).run();
      case caisson::Change::Kind::kErase:
        return erase_.bind(1, change.key).run();
      case caisson::Change::Kind::kEraseRange:
        if (!change.end) return erase_from_.bind(1, change.key).run();
        return erase_range_.bind(1, change.key).bind(2, *change.end).run();
    }
  }

  Database database_;
  Statement put_;
  Statement erase_;
  Statement erase_from_;
  Statement erase_range_;
  Statement clear_;
  Statement note_;
};

// Until it is killed. It says how far it is now and then, and not with each commit: what comes
// twice is passed over.
int mirror(const std::string& store_path, const std::string& database_path) {
  const caisson::Store store = caisson::Store::open(store_path, {.read_only = true}).value();
  caisson::ChangeFeed feed = store.follow_position(kPosition).value();
  Mirror mirror(database_path);
  for (int commits = 0;;) {
    if (!feed.next_commit(std::chrono::seconds(1)).value()) continue;
    mirror.apply_commit(feed);
    if (++commits % 20 == 0) feed.acknowledge().value();
  }
}

// --- The demonstration ---------------------------------------------------------------------------

// A process that runs this program, and is killed when this ends.
class Child {
 public:
  Child(const char* program, const std::string& store_path, const std::string& database_path)
      : id_(fork()) {
    if (id_ < 0) throw std::runtime_error("no child process");
    if (id_ > 0) return;
    execl(program, program, store_path.c_str(), database_path.c_str(), "mirror", nullptr);
    _exit(127);
  }
  ~Child() {
    kill(id_, SIGKILL);
    waitpid(id_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool has_ended() const { return waitpid(id_, nullptr, WNOHANG) != 0; }

 private:
  pid_t id_;
};

void change_something(caisson::WriteTxn& txn, std::mt19937& random) {
  caisson::WriteTree tree = txn.open_or_create_tree(kTree).value();
  const std::string key = std::to_string(random() % 500);
  switch (random() % 40) {
    case 0:
      return txn.drop_tree(kTree).value();
    case 1:
      tree.put(key, std::string(random() % 2'000'000, 'L')).value();
      break;
    case 2:
    case 3:
      tree.erase_range(caisson::Range::between(key, key + "5")).value();
      break;
    case 4:
    case 5:
    case 6:
      tree.erase(key).value();
      break;
    default:
      tree.put(key, "value " + std::to_string(random())).value();
  }
}

caisson::TxnId change_much(const caisson::Store& store, std::mt19937& random) {
  caisson::TxnId last{};
  for (int i = 0; i < 60; ++i) {
    caisson::WriteTxn txn = store.begin_write().value();
    for (unsigned n = random() % 5; n > 0; --n) change_something(txn, random);
    last = txn.commit({.durability = caisson::Durability::kAsync, .wait = {}}).value().txn;
  }
  return last;
}

using Things = std::map<std::string, std::string>;

Things things_in(const caisson::Store& store) {
  Things things;
  const caisson::Snapshot snapshot = store.snapshot().value();
  const auto tree = snapshot.tree(kTree);
  if (!tree) return things;  // It was dropped.
  caisson::Cursor cursor = tree->cursor().value();
  while (cursor.next().value()) {
    things.emplace(caisson::as_text(cursor.key()), cursor.value().value().to_string().value());
  }
  return things;
}

Things things_in(const Database& database) {
  Things things;
  Statement all(database.get(), "SELECT key, value FROM things");
  while (all.step()) things.emplace(all.text(0), all.text(1));
  return things;
}

int demonstrate(const char* program, const std::string& store_path,
                const std::string& database_path) {
  caisson::Store store = caisson::Store::open(store_path, {.create_if_missing = true}).value();
  // Before there is anything that could be missed. A mirror of a store that holds something already
  // would copy a snapshot next.
  const auto made = store.create_position(kPosition);
  if (!made && made.error().code() != caisson::Code::kAlreadyExists) made.value();
  const Database database = open_database(database_path);
  std::mt19937 random(1);
  for (int round = 0; round < kRounds; ++round) {
    const Child child(program, store_path, database_path);
    const caisson::TxnId last = change_much(store, random);
    if (round + 1 < kRounds) continue;  // It is killed wherever it is.
    store.checkpoint().value();
    while (seen_by(database) < static_cast<std::int64_t>(to_u64(last))) {
      if (child.has_ended()) throw std::runtime_error("the mirror has ended");
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  const Things things = things_in(store);
  const bool equal = things == things_in(database);
  std::cout << things.size() << " things, " << seen_by(database) << " commits: the mirror is "
            << (equal ? "equal" : "different") << '\n';
  store.close().value();
  return equal ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string store = argc > 2 ? argv[1] : "things.caisson";
    const std::string database = argc > 2 ? argv[2] : "things.db";
    if (argc > 3 && std::strcmp(argv[3], "mirror") == 0) return mirror(store, database);
    return demonstrate(argv[0], store, database);
  } catch (const std::exception& failed) {
    const auto* error = dynamic_cast<const std::bad_expected_access<caisson::Error>*>(&failed);
    std::cerr << (error != nullptr ? error->error().to_string() : failed.what()) << '\n';
    return 1;
  }
}

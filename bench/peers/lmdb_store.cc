// LMDB: as it comes, which is durable when a commit returns, by two flushes. Without read-ahead, as
// ours; sessions aren't bound to the threads that made them. A reader renews one transaction.

#include <lmdb.h>

#include <filesystem>
#include <stdexcept>
#include <type_traits>

#include "bench/peers/store.h"

namespace caisson::bench {
namespace {

constexpr unsigned kSessionsMax = 1024;
constexpr std::size_t kMapSize = std::size_t{16} << 30U;

void check(int code) {
  if (code != MDB_SUCCESS) throw std::runtime_error(mdb_strerror(code));
}

MDB_val value_of(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }

void read(const MDB_val& value) {
  read_all({static_cast<const char*>(value.mv_data), value.mv_size});
}

struct Environment {
  MDB_env* env = nullptr;
  MDB_dbi dbi = 0;

  MDB_txn* begin(unsigned flags) const {
    MDB_txn* txn = nullptr;
    check(mdb_txn_begin(env, nullptr, flags, &txn));
    return txn;
  }
};

class LmdbSession final : public PeerSession {
 public:
  explicit LmdbSession(const Environment& environment) : environment_(environment) {}
  ~LmdbSession() override {
    if (cursor_ != nullptr) mdb_cursor_close(cursor_);
    if (reader_ != nullptr) mdb_txn_abort(reader_);
  }

  void put_all(std::span<const Row> rows) override {
    MDB_txn* txn = environment_.begin(0);
    for (const Row& row : rows) {
      MDB_val key = value_of(row.key);
      MDB_val value = value_of(row.value);
      check(mdb_put(txn, environment_.dbi, &key, &value, 0));
    }
    check(mdb_txn_commit(txn));
  }

  void begin_reading() override {
    end_reading();
    renew();
    held_ = true;
  }

  void end_reading() override {
    if (held_) mdb_txn_reset(reader_);
    held_ = false;
  }

  bool get(std::string_view text) override {
    return reading([&] {
      MDB_val key = value_of(text);
      MDB_val value;
      if (mdb_get(reader_, environment_.dbi, &key, &value) != MDB_SUCCESS) return false;
      read(value);
      return true;
    });
  }

  std::uint64_t scan(std::string_view text, std::uint64_t count) override {
    return reading([&] {
      if (cursor_ == nullptr) {
        check(mdb_cursor_open(reader_, environment_.dbi, &cursor_));
      } else {
        check(mdb_cursor_renew(reader_, cursor_));
      }
      MDB_val key = value_of(text);
      MDB_val value;
      std::uint64_t seen = 0;
      int code = mdb_cursor_get(cursor_, &key, &value, text.empty() ? MDB_FIRST : MDB_SET_RANGE);
      while (code == MDB_SUCCESS) {
        read(key);
        read(value);
        if (++seen == count) break;
        code = mdb_cursor_get(cursor_, &key, &value, MDB_NEXT);
      }
      return seen;
    });
  }

 private:
  void renew() {
    if (reader_ == nullptr) {
      reader_ = environment_.begin(MDB_RDONLY);
    } else {
      check(mdb_txn_renew(reader_));
    }
  }

  // A state that isn't held for longer is given back at once, so that its pages can be used again.
  template <typename Read>
  std::invoke_result_t<Read> reading(Read read) {
    if (held_) return read();
    renew();
    const auto seen = read();
    mdb_txn_reset(reader_);
    return seen;
  }

  const Environment& environment_;
  MDB_txn* reader_ = nullptr;
  MDB_cursor* cursor_ = nullptr;
  bool held_ = false;
};

class LmdbStore final : public PeerTree {
 public:
  explicit LmdbStore(const std::string& path) {
    std::filesystem::create_directory(path);
    check(mdb_env_create(&environment_.env));
    check(mdb_env_set_mapsize(environment_.env, kMapSize));
    check(mdb_env_set_maxreaders(environment_.env, kSessionsMax));
    check(mdb_env_open(environment_.env, path.c_str(), MDB_NORDAHEAD | MDB_NOTLS, 0600));
    MDB_txn* txn = environment_.begin(0);
    check(mdb_dbi_open(txn, nullptr, 0, &environment_.dbi));
    check(mdb_txn_commit(txn));
  }
  ~LmdbStore() override { mdb_env_close(environment_.env); }

  std::unique_ptr<PeerSession> session() override {
    return std::make_unique<LmdbSession>(environment_);
  }

  void checkpoint() override {}  // It has no log.

  void erase_all(std::span<const std::string_view> keys) override {
    MDB_txn* txn = environment_.begin(0);
    for (const std::string_view text : keys) {
      MDB_val key = value_of(text);
      check(mdb_del(txn, environment_.dbi, &key, nullptr));
    }
    check(mdb_txn_commit(txn));
  }

  std::uint64_t bytes_used() override {
    MDB_txn* txn = environment_.begin(MDB_RDONLY);
    MDB_stat stat;
    check(mdb_stat(txn, environment_.dbi, &stat));
    mdb_txn_abort(txn);
    return (stat.ms_leaf_pages + stat.ms_branch_pages + stat.ms_overflow_pages) * stat.ms_psize;
  }

 private:
  Environment environment_;
};

}  // namespace

std::unique_ptr<PeerStore> open_lmdb(const std::string& path, const PeerOptions& /*peer*/) {
  return open_lmdb_tree(path);
}

std::unique_ptr<PeerTree> open_lmdb_tree(const std::string& path) {
  return std::make_unique<LmdbStore>(path);
}

}  // namespace caisson::bench

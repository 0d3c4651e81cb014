#include <benchmark/benchmark.h>
#include <lmdb.h>

#include <filesystem>
#include <stdexcept>

#include "bench/peers/store.h"

namespace caisson::bench {
namespace {

constexpr unsigned kSessionsMax = 1024;

void check(int code) {
  if (code != MDB_SUCCESS) throw std::runtime_error(mdb_strerror(code));
}

MDB_val value_of(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }

class LmdbSession final : public PeerSession {
 public:
  LmdbSession(MDB_env* env, MDB_dbi dbi) : env_(env), dbi_(dbi) {}
  ~LmdbSession() override {
    if (reader_ != nullptr) mdb_txn_abort(reader_);
  }

  void put_all(std::span<const std::string_view> keys, std::string_view value) override {
    MDB_txn* txn = nullptr;
    check(mdb_txn_begin(env_, nullptr, 0, &txn));
    for (const std::string_view text : keys) {
      MDB_val key = value_of(text);
      MDB_val data = value_of(value);
      check(mdb_put(txn, dbi_, &key, &data, 0));
    }
    check(mdb_txn_commit(txn));
  }

  void begin_reading() override {
    if (reader_ == nullptr) return check(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &reader_));
    mdb_txn_reset(reader_);
    check(mdb_txn_renew(reader_));
  }

  void end_reading() override {
    if (reader_ != nullptr) mdb_txn_abort(reader_);
    reader_ = nullptr;
  }

  bool get(std::string_view text) override {
    MDB_val key = value_of(text);
    MDB_val data;
    if (mdb_get(reader_, dbi_, &key, &data) != MDB_SUCCESS) return false;
    benchmark::DoNotOptimize(*static_cast<const unsigned char*>(data.mv_data));
    return true;
  }

 private:
  MDB_env* env_;
  MDB_dbi dbi_;
  MDB_txn* reader_ = nullptr;
};

class LmdbStore final : public PeerStore {
 public:
  explicit LmdbStore(const std::string& path) {
    std::filesystem::create_directory(path);
    check(mdb_env_create(&env_));
    check(mdb_env_set_mapsize(env_, std::size_t{16} << 30U));
    check(mdb_env_set_maxreaders(env_, kSessionsMax));
    // Without read-ahead, as ours; sessions aren't bound to the threads that made them.
    check(mdb_env_open(env_, path.c_str(), MDB_NORDAHEAD | MDB_NOTLS, 0600));
    MDB_txn* txn = nullptr;
    check(mdb_txn_begin(env_, nullptr, 0, &txn));
    check(mdb_dbi_open(txn, nullptr, 0, &dbi_));
    check(mdb_txn_commit(txn));
  }
  ~LmdbStore() override { mdb_env_close(env_); }

  std::unique_ptr<PeerSession> session() override {
    return std::make_unique<LmdbSession>(env_, dbi_);
  }

  void checkpoint() override {}  // It has no log.

 private:
  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;
};

}  // namespace

std::unique_ptr<PeerStore> make_lmdb_store(const std::string& path, const PeerOptions& /*peer*/) {
  std::filesystem::remove_all(path);
  return std::make_unique<LmdbStore>(path);
}

}  // namespace caisson::bench

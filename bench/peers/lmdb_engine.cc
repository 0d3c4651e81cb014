#include <benchmark/benchmark.h>
#include <lmdb.h>

#include <filesystem>
#include <stdexcept>

#include "bench/peers/engine.h"

namespace caisson::bench {
namespace {

void check(int code) {
  if (code != MDB_SUCCESS) throw std::runtime_error(mdb_strerror(code));
}

MDB_val value_of(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }

class LmdbEngine final : public Engine {
 public:
  explicit LmdbEngine(const std::string& path) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directory(path);
    check(mdb_env_create(&env_));
    check(mdb_env_set_mapsize(env_, std::size_t{8} << 30U));
    // Without read-ahead, as ours.
    check(mdb_env_open(env_, path.c_str(), MDB_NORDAHEAD, 0600));
    MDB_txn* txn = begin(0);
    check(mdb_dbi_open(txn, nullptr, 0, &dbi_));
    check(mdb_txn_commit(txn));
  }

  ~LmdbEngine() override {
    if (cursor_ != nullptr) mdb_cursor_close(cursor_);
    if (reader_ != nullptr) mdb_txn_abort(reader_);
    mdb_env_close(env_);
  }

  void put_all(std::span<const std::string_view> keys, std::string_view value) override {
    MDB_txn* txn = begin(0);
    for (const std::string_view text : keys) {
      MDB_val key = value_of(text);
      MDB_val data = value_of(value);
      check(mdb_put(txn, dbi_, &key, &data, 0));
    }
    check(mdb_txn_commit(txn));
  }

  void erase_all(std::span<const std::string_view> keys) override {
    MDB_txn* txn = begin(0);
    for (const std::string_view text : keys) {
      MDB_val key = value_of(text);
      check(mdb_del(txn, dbi_, &key, nullptr));
    }
    check(mdb_txn_commit(txn));
  }

  void begin_reading() override {
    reader_ = begin(MDB_RDONLY);
    check(mdb_cursor_open(reader_, dbi_, &cursor_));
    scan("", ~std::uint64_t{0});
  }

  bool get(std::string_view text) override {
    MDB_val key = value_of(text);
    MDB_val data;
    if (mdb_get(reader_, dbi_, &key, &data) != MDB_SUCCESS) return false;
    benchmark::DoNotOptimize(*static_cast<const unsigned char*>(data.mv_data));
    return true;
  }

  std::uint64_t scan(std::string_view text, std::uint64_t count) override {
    MDB_val key = value_of(text);
    MDB_val data;
    std::uint64_t read = 0;
    for (int code = mdb_cursor_get(cursor_, &key, &data, text.empty() ? MDB_FIRST : MDB_SET_RANGE);
         code == MDB_SUCCESS && read < count;
         code = mdb_cursor_get(cursor_, &key, &data, MDB_NEXT)) {
      benchmark::DoNotOptimize(*static_cast<const unsigned char*>(key.mv_data) +
                               *static_cast<const unsigned char*>(data.mv_data));
      ++read;
    }
    return read;
  }

  std::uint64_t bytes_used() override {
    MDB_txn* txn = begin(MDB_RDONLY);
    MDB_stat stat;
    check(mdb_stat(txn, dbi_, &stat));
    mdb_txn_abort(txn);
    return (stat.ms_leaf_pages + stat.ms_branch_pages + stat.ms_overflow_pages) * stat.ms_psize;
  }

 private:
  MDB_txn* begin(unsigned flags) {
    MDB_txn* txn = nullptr;
    check(mdb_txn_begin(env_, nullptr, flags, &txn));
    return txn;
  }

  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;
  MDB_txn* reader_ = nullptr;
  MDB_cursor* cursor_ = nullptr;
};

}  // namespace

std::unique_ptr<Engine> make_lmdb(const std::string& directory) {
  return std::make_unique<LmdbEngine>(directory);
}

}  // namespace caisson::bench

#include <benchmark/benchmark.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <filesystem>
#include <stdexcept>

#include "bench/peers/store.h"

namespace caisson::bench {
namespace {

void check(const rocksdb::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

rocksdb::Slice slice_of(std::string_view text) { return {text.data(), text.size()}; }

class RocksdbSession final : public PeerSession {
 public:
  explicit RocksdbSession(rocksdb::DB& db) : db_(db) {}
  ~RocksdbSession() override { RocksdbSession::end_reading(); }

  void put_all(std::span<const std::string_view> keys, std::string_view value) override {
    rocksdb::WriteBatch batch;
    for (const std::string_view key : keys) check(batch.Put(slice_of(key), slice_of(value)));
    rocksdb::WriteOptions durable;
    durable.sync = true;
    check(db_.Write(durable, &batch));
  }

  void begin_reading() override {
    end_reading();
    reading_.snapshot = db_.GetSnapshot();
  }

  void end_reading() override {
    if (reading_.snapshot != nullptr) db_.ReleaseSnapshot(reading_.snapshot);
    reading_.snapshot = nullptr;
  }

  bool get(std::string_view key) override {
    value_.Reset();
    if (!db_.Get(reading_, db_.DefaultColumnFamily(), slice_of(key), &value_).ok()) return false;
    benchmark::DoNotOptimize(value_.data()[0]);
    return true;
  }

 private:
  rocksdb::DB& db_;
  rocksdb::ReadOptions reading_;
  rocksdb::PinnableSlice value_;  // Pins a block of the cache, so that nothing is copied.
};

class RocksdbStore final : public PeerStore {
 public:
  RocksdbStore(const std::string& path, const PeerOptions& peer) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    // Its checkpoint is the flush of a memtable.
    if (peer.manual_checkpoints) options.write_buffer_size = peer.memory_bytes;
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(peer.memory_bytes);
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::DB* db = nullptr;
    check(rocksdb::DB::Open(options, path, &db));
    db_.reset(db);
  }

  std::unique_ptr<PeerSession> session() override { return std::make_unique<RocksdbSession>(*db_); }

  void checkpoint() override { check(db_->Flush({})); }

 private:
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

std::unique_ptr<PeerStore> make_rocksdb_store(const std::string& path, const PeerOptions& peer) {
  std::filesystem::remove_all(path);
  return std::make_unique<RocksdbStore>(path, peer);
}

}  // namespace caisson::bench

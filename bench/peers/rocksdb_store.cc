// RocksDB: its log is flushed at each commit; no compression; a Bloom filter for each file, and the
// cache whose readers take no lock. Reads of the newest state are plain calls of Get().

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <stdexcept>

#include "bench/peers/store.h"

namespace caisson::bench {
namespace {

constexpr double kFilterBitsPerKey = 10;
constexpr std::size_t kBlockSize = 4096;  // Its default, which the cache wants to know.

void check(const rocksdb::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

rocksdb::Slice slice_of(std::string_view text) { return {text.data(), text.size()}; }

void read(const rocksdb::Slice& slice) { read_all({slice.data(), slice.size()}); }

class RocksdbSession final : public PeerSession {
 public:
  explicit RocksdbSession(rocksdb::DB& db) : db_(db) {}
  ~RocksdbSession() override { RocksdbSession::end_reading(); }

  void put_all(std::span<const Row> rows) override {
    rocksdb::WriteBatch batch;
    for (const Row& row : rows) check(batch.Put(slice_of(row.key), slice_of(row.value)));
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
    read(value_);
    return true;
  }

  std::uint64_t scan(std::string_view key, std::uint64_t count) override {
    const std::unique_ptr<rocksdb::Iterator> rows(db_.NewIterator(reading_));
    std::uint64_t seen = 0;
    for (rows->Seek(slice_of(key)); rows->Valid(); rows->Next()) {
      read(rows->key());
      read(rows->value());
      if (++seen == count) break;
    }
    check(rows->status());
    return seen;
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
    table.block_size = kBlockSize;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kFilterBitsPerKey));
    table.block_cache =
        rocksdb::HyperClockCacheOptions(peer.memory_bytes, kBlockSize).MakeSharedCache();
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::DB* db = nullptr;
    check(rocksdb::DB::Open(options, path, &db));
    db_.reset(db);
  }

  std::unique_ptr<PeerSession> session() override { return std::make_unique<RocksdbSession>(*db_); }

  void checkpoint() override { check(db_->Flush({})); }
  void settle() override { check(db_->CompactRange({}, nullptr, nullptr)); }

 private:
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

std::unique_ptr<PeerStore> open_rocksdb(const std::string& path, const PeerOptions& peer) {
  return std::make_unique<RocksdbStore>(path, peer);
}

}  // namespace caisson::bench

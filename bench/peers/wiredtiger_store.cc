#include <benchmark/benchmark.h>
#include <wiredtiger.h>

#include <filesystem>
#include <stdexcept>

#include "bench/peers/store.h"

namespace caisson::bench {
namespace {

constexpr const char* kTable = "table:rows";
constexpr int kSessionsMax = 1024;

void check(int code) {
  if (code != 0) throw std::runtime_error(wiredtiger_strerror(code));
}

WT_ITEM item_of(std::string_view text) {
  WT_ITEM item{};
  item.data = text.data();
  item.size = text.size();
  return item;
}

class WiredtigerSession final : public PeerSession {
 public:
  explicit WiredtigerSession(WT_CONNECTION* connection) {
    check(connection->open_session(connection, nullptr, "isolation=snapshot", &session_));
    check(session_->open_cursor(session_, kTable, nullptr, nullptr, &cursor_));
  }
  ~WiredtigerSession() override { session_->close(session_, nullptr); }

  void put_all(std::span<const std::string_view> keys, std::string_view value) override {
    for (int code = WT_ROLLBACK; code == WT_ROLLBACK;) {
      check(session_->begin_transaction(session_, nullptr));
      code = try_put_all(keys, value);
      if (code == 0) {
        code = session_->commit_transaction(session_, nullptr);
      } else {
        check(session_->rollback_transaction(session_, nullptr));
      }
      if (code != WT_ROLLBACK) check(code);
    }
  }

  void begin_reading() override {
    end_reading();
    check(session_->begin_transaction(session_, nullptr));
    reading_ = true;
  }

  void end_reading() override {
    if (reading_) check(session_->rollback_transaction(session_, nullptr));
    reading_ = false;
  }

  bool get(std::string_view text) override {
    WT_ITEM key = item_of(text);
    WT_ITEM value{};
    cursor_->set_key(cursor_, &key);
    if (cursor_->search(cursor_) != 0) return false;
    check(cursor_->get_value(cursor_, &value));
    benchmark::DoNotOptimize(*static_cast<const unsigned char*>(value.data));
    return cursor_->reset(cursor_) == 0;
  }

  void checkpoint() { check(session_->checkpoint(session_, nullptr)); }

 private:
  int try_put_all(std::span<const std::string_view> keys, std::string_view text) {
    WT_ITEM value = item_of(text);
    for (const std::string_view each : keys) {
      WT_ITEM key = item_of(each);
      cursor_->set_key(cursor_, &key);
      cursor_->set_value(cursor_, &value);
      if (const int code = cursor_->insert(cursor_); code != 0) return code;
    }
    return 0;
  }

  WT_SESSION* session_ = nullptr;
  WT_CURSOR* cursor_ = nullptr;
  bool reading_ = false;
};

class WiredtigerStore final : public PeerStore {
 public:
  WiredtigerStore(const std::string& path, const PeerOptions& peer) {
    std::filesystem::create_directory(path);
    std::string config = "create,log=(enabled=true),transaction_sync=(enabled=true,method=fsync)";
    config += ",cache_size=" + std::to_string(peer.memory_bytes);
    config += ",session_max=" + std::to_string(kSessionsMax);
    // Where it may, it checkpoints as often as ours would about.
    if (!peer.manual_checkpoints) config += ",checkpoint=(log_size=64MB)";
    check(wiredtiger_open(path.c_str(), nullptr, config.c_str(), &connection_));
    WT_SESSION* session = nullptr;
    check(connection_->open_session(connection_, nullptr, nullptr, &session));
    check(session->create(session, kTable, "key_format=u,value_format=u"));
    check(session->close(session, nullptr));
  }
  ~WiredtigerStore() override { connection_->close(connection_, nullptr); }

  std::unique_ptr<PeerSession> session() override {
    return std::make_unique<WiredtigerSession>(connection_);
  }

  void checkpoint() override { WiredtigerSession(connection_).checkpoint(); }

 private:
  WT_CONNECTION* connection_ = nullptr;
};

}  // namespace

std::unique_ptr<PeerStore> make_wiredtiger_store(const std::string& path, const PeerOptions& peer) {
  std::filesystem::remove_all(path);
  return std::make_unique<WiredtigerStore>(path, peer);
}

}  // namespace caisson::bench

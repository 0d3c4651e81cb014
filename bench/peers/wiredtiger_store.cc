// WiredTiger: its log is flushed at each commit, and snapshot isolation. Reads of the newest state
// are those of a cursor outside of any transaction.

#include <wiredtiger.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "bench/peers/store.h"

namespace caisson::bench {
namespace {

constexpr const char* kTable = "table:rows";
constexpr int kSessionsMax = 1024;

// Who meets a row that another session has changed, and not committed yet, tries again: after part
// of a flush, since at once would only take the processor from the one that it waits for.
constexpr std::chrono::microseconds kRetryAfter{50};

void check(int code) {
  if (code != 0) throw std::runtime_error(wiredtiger_strerror(code));
}

WT_ITEM item_of(std::string_view text) {
  WT_ITEM item{};
  item.data = text.data();
  item.size = text.size();
  return item;
}

void read(const WT_ITEM& item) { read_all({static_cast<const char*>(item.data), item.size}); }

class WiredtigerSession final : public PeerSession {
 public:
  explicit WiredtigerSession(WT_CONNECTION* connection) {
    check(connection->open_session(connection, nullptr, "isolation=snapshot", &session_));
    check(session_->open_cursor(session_, kTable, nullptr, nullptr, &cursor_));
  }
  ~WiredtigerSession() override { session_->close(session_, nullptr); }

  void put_all(std::span<const Row> rows) override {
    for (int code = WT_ROLLBACK; code == WT_ROLLBACK;) {
      check(session_->begin_transaction(session_, nullptr));
      code = try_put_all(rows);
      if (code == 0) {
        code = session_->commit_transaction(session_, nullptr);
      } else {
        check(session_->rollback_transaction(session_, nullptr));
      }
      if (code != WT_ROLLBACK) {
        check(code);
      } else {
        std::this_thread::sleep_for(kRetryAfter);
      }
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
    cursor_->set_key(cursor_, &key);
    const int code = cursor_->search(cursor_);
    if (code == WT_NOTFOUND) return false;
    check(code);
    read_value();
    check(cursor_->reset(cursor_));
    return true;
  }

  std::uint64_t scan(std::string_view text, std::uint64_t count) override {
    std::uint64_t seen = 0;
    for (int code = move_to(text); code != WT_NOTFOUND; code = cursor_->next(cursor_)) {
      check(code);
      WT_ITEM key{};
      check(cursor_->get_key(cursor_, &key));
      read(key);
      read_value();
      if (++seen == count) break;
    }
    check(cursor_->reset(cursor_));
    return seen;
  }

  void checkpoint() { check(session_->checkpoint(session_, nullptr)); }

 private:
  int try_put_all(std::span<const Row> rows) {
    for (const Row& row : rows) {
      WT_ITEM key = item_of(row.key);
      WT_ITEM value = item_of(row.value);
      cursor_->set_key(cursor_, &key);
      cursor_->set_value(cursor_, &value);
      if (const int code = cursor_->insert(cursor_); code != 0) return code;
    }
    return 0;
  }

  // To the first row whose key isn't less.
  int move_to(std::string_view text) {
    if (text.empty()) return cursor_->next(cursor_);
    WT_ITEM key = item_of(text);
    cursor_->set_key(cursor_, &key);
    int side = 0;
    const int code = cursor_->search_near(cursor_, &side);
    return code == 0 && side < 0 ? cursor_->next(cursor_) : code;
  }

  void read_value() {
    WT_ITEM value{};
    check(cursor_->get_value(cursor_, &value));
    read(value);
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
    std::string table = "key_format=u,value_format=u";
    if (peer.small_pages) table += ",leaf_page_max=4KB";
    check(session->create(session, kTable, table.c_str()));
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

std::unique_ptr<PeerStore> open_wiredtiger(const std::string& path, const PeerOptions& peer) {
  return std::make_unique<WiredtigerStore>(path, peer);
}

}  // namespace caisson::bench

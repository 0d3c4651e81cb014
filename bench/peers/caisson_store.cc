// Ours, through the public interface, with its defaults. A reader renews one snapshot, and takes
// tree and cursor anew where that has become another state.

#include <caisson/store.h>

#include <chrono>
#include <optional>

#include "bench/peers/store.h"

namespace caisson::bench {
namespace {

constexpr const char* kTree = "rows";

class CaissonSession final : public PeerSession {
 public:
  explicit CaissonSession(Store& store) : store_(store) {}

  void put_all(std::span<const Row> rows) override {
    WriteTxn txn = store_.begin_write(std::chrono::minutes(1)).value();
    WriteTree tree = txn.open_tree(kTree).value();
    for (const Row& row : rows) tree.put(row.key, row.value).value();
    txn.commit().value();
  }

  void begin_reading() override {
    take_newest();
    held_ = true;
  }

  void end_reading() override {
    cursor_.reset();
    tree_.reset();
    snapshot_.reset();
    held_ = false;
  }

  bool get(std::string_view key) override {
    if (!held_) take_newest();
    auto value = tree_->get(key).value();
    if (!value) return false;
    read_all(as_text(value->bytes().value()));
    return true;
  }

  std::uint64_t scan(std::string_view key, std::uint64_t count) override {
    if (!held_) take_newest();
    if (!cursor_) cursor_.emplace(tree_->cursor().value());
    std::uint64_t seen = 0;
    for (bool more = cursor_->seek(key).value(); more; more = cursor_->next().value()) {
      read_all(as_text(cursor_->key()));
      read_all(as_text(cursor_->value().value().bytes().value()));
      if (++seen == count) break;
    }
    return seen;
  }

 private:
  void take_newest() {
    if (!snapshot_) {
      snapshot_.emplace(store_.snapshot().value());
    } else {
      const TxnId before = snapshot_->txn();
      snapshot_->renew().value();
      if (snapshot_->txn() == before) return;
    }
    cursor_.reset();
    tree_.emplace(snapshot_->tree(kTree).value());
  }

  Store& store_;
  std::optional<Snapshot> snapshot_;
  std::optional<Tree> tree_;
  std::optional<Cursor> cursor_;
  bool held_ = false;
};

class CaissonStore final : public PeerStore {
 public:
  CaissonStore(const std::string& path, const Options& options)
      : store_(Store::open(path, options).value()) {
    WriteTxn txn = store_.begin_write().value();
    txn.open_or_create_tree(kTree).value();
    txn.commit().value();
  }

  std::unique_ptr<PeerSession> session() override {
    return std::make_unique<CaissonSession>(store_);
  }

  void checkpoint() override { store_.checkpoint().value(); }

 private:
  Store store_;
};

}  // namespace

std::unique_ptr<PeerStore> open_caisson(const std::string& path, const PeerOptions& peer) {
  Options options;
  options.create_if_missing = true;
  options.memory_budget_bytes = peer.memory_bytes;
  if (peer.small_pages) options.create.page_size = 4096;
  if (peer.manual_checkpoints) options.replay_time_max = std::chrono::hours(1);
  if (peer.wait_for_others) options.durability = Durability::kGroup;
  return std::make_unique<CaissonStore>(path, options);
}

}  // namespace caisson::bench

#include <benchmark/benchmark.h>
#include <caisson/store.h>

#include <chrono>
#include <filesystem>
#include <optional>

#include "bench/peers/store.h"

namespace caisson::bench {
namespace {

constexpr const char* kTree = "rows";

class CaissonSession final : public PeerSession {
 public:
  explicit CaissonSession(Store& store) : store_(store) {}

  void put_all(std::span<const std::string_view> keys, std::string_view value) override {
    WriteTxn txn = store_.begin_write(std::chrono::minutes(1)).value();
    WriteTree tree = txn.open_tree(kTree).value();
    for (const std::string_view key : keys) tree.put(key, value).value();
    txn.commit().value();
  }

  void begin_reading() override {
    if (snapshot_) {
      snapshot_->renew().value();
    } else {
      snapshot_.emplace(store_.snapshot().value());
    }
    tree_.emplace(snapshot_->tree(kTree).value());
  }

  void end_reading() override {
    tree_.reset();
    snapshot_.reset();
  }

  bool get(std::string_view key) override {
    auto value = tree_->get(key);
    if (!value || !*value) return false;
    benchmark::DoNotOptimize((*value)->bytes().value()[0]);
    return true;
  }

 private:
  Store& store_;
  std::optional<Snapshot> snapshot_;
  std::optional<Tree> tree_;
};

class CaissonStore final : public PeerStore {
 public:
  CaissonStore(const std::string& path, const Options& options)
      : store_(Store::create(path, {}, options).value()) {
    WriteTxn txn = store_.begin_write().value();
    txn.create_tree(kTree).value();
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

std::unique_ptr<PeerStore> make_caisson_store(const std::string& path, const PeerOptions& peer) {
  std::filesystem::remove_all(path);
  Options options;
  options.memory_budget_bytes = peer.memory_bytes;
  if (peer.manual_checkpoints) options.replay_time_max = std::chrono::hours(1);
  if (peer.wait_for_others) options.durability = Durability::kGroup;
  return std::make_unique<CaissonStore>(path, options);
}

}  // namespace caisson::bench

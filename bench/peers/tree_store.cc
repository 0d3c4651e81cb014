// Our tree without the rest of the store: each transaction is a checkpoint of the page file, as a
// commit of LMDB is. For one thread.

#include <array>
#include <filesystem>
#include <limits>

#include "base/testing/value_of.h"
#include "bench/peers/store.h"
#include "btree/cursor.h"
#include "btree/layout.h"
#include "btree/tree.h"
#include "btree/writer.h"
#include "io/posix.h"
#include "pager/open.h"
#include "pager/page_txn.h"

namespace caisson::bench {
namespace {

using caisson::testing::value_of;

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

void read(Bytes bytes) { read_all({reinterpret_cast<const char*>(bytes.data()), bytes.size()}); }

class TreeStore final : public PeerTree {
 public:
  explicit TreeStore(const std::string& path) {
    const bool exists = std::filesystem::exists(path);
    if (!exists) value_of(io::posix_vfs().create_directory(path));
    directory_ = value_of(io::posix_vfs().open_directory(path));
    if (!exists) value_of(pager::create_page_file(io::posix_vfs(), *directory_, {}));
    pager::PagerOptions options;
    options.layout = &btree::tree_layout();
    options.memory_budget_bytes = std::uint64_t{1} << 30U;
    options.readers = [](std::vector<pager::RegisteredReader>&) {};  // Nobody reads beside changes.
    pager_ = value_of(pager::open_pager(*directory_, options));
    root_.page = pager_->checkpointed().root;
  }

  std::unique_ptr<PeerSession> session() override;
  void checkpoint() override {}  // There is no log.

  void put_all(std::span<const Row> rows) {
    change([&](btree::TreeWriter& writer) {
      for (const Row& row : rows) value_of(writer.put(bytes_of(row.key), bytes_of(row.value)));
    });
  }

  void erase_all(std::span<const std::string_view> keys) override {
    change([&](btree::TreeWriter& writer) {
      for (const std::string_view key : keys) value_of(writer.erase(bytes_of(key)));
    });
  }

  btree::Tree tree() const { return {*pager_, root_}; }

  std::uint64_t bytes_used() override {
    const pager::PagerStats stats = pager_->stats();
    return (stats.page_count - stats.free_pages - stats.dead_pages) * pager_->page_size();
  }

 private:
  template <typename Change>
  void change(Change apply) {
    const TxnId number{to_u64(pager_->checkpointed().txn) + 1};
    pager::PageTxn txn = value_of(pager::PageTxn::begin(*pager_, number));
    {
      btree::TreeWriter writer(*pager_, txn, root_);
      apply(writer);
      root_ = writer.root();
    }
    txn.seal();
    pager::CheckpointRequest request;
    request.txn = number;
    request.root = root_.page.id;
    root_.page = value_of(pager_->checkpoint(request)).meta.root;
    pager_->reclaim(std::array{number});
  }

  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<pager::Pager> pager_;
  btree::TreeRoot root_;  // Its count is that since the opening: nothing here asks for it.
};

class TreeSession final : public PeerSession {
 public:
  explicit TreeSession(TreeStore& store) : store_(store) {}

  void put_all(std::span<const Row> rows) override { store_.put_all(rows); }
  void begin_reading() override {}  // There is one state only.
  void end_reading() override {}

  bool get(std::string_view key) override {
    auto value = value_of(store_.tree().get(bytes_of(key)));
    if (!value) return false;
    read(value_of(value->piece(0)));
    return true;
  }

  std::uint64_t scan(std::string_view key, std::uint64_t count) override {
    btree::Cursor cursor(store_.tree());
    std::uint64_t seen = 0;
    for (bool more = value_of(cursor.seek(bytes_of(key))); more; more = value_of(cursor.next())) {
      read(cursor.key());
      read(value_of(cursor.value().piece(0)));
      if (++seen == count) break;
    }
    return seen;
  }

 private:
  TreeStore& store_;
};

std::unique_ptr<PeerSession> TreeStore::session() { return std::make_unique<TreeSession>(*this); }

}  // namespace

std::unique_ptr<PeerTree> open_caisson_tree(const std::string& path) {
  return std::make_unique<TreeStore>(path);
}

}  // namespace caisson::bench

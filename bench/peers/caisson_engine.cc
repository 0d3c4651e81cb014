#include <benchmark/benchmark.h>

#include <filesystem>
#include <optional>

#include "bench/peers/engine.h"
#include "btree/cursor.h"
#include "btree/layout.h"
#include "btree/tree.h"
#include "btree/writer.h"
#include "io/posix.h"
#include "pager/open.h"
#include "pager/page_txn.h"
#include "pager/testing/harness.h"

namespace caisson::bench {
namespace {

using pager::testing::value_of;

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

class CaissonEngine final : public Engine {
 public:
  explicit CaissonEngine(const std::string& path) {
    std::filesystem::remove_all(path);
    value_of(io::posix_vfs().create_directory(path));
    directory_ = value_of(io::posix_vfs().open_directory(path));
    value_of(pager::create_page_file(io::posix_vfs(), *directory_, {}));
    open();
  }

  void put_all(std::span<const std::string_view> keys, std::string_view value) override {
    change([&](btree::TreeWriter& writer) {
      for (const std::string_view key : keys) value_of(writer.put(bytes_of(key), bytes_of(value)));
    });
  }

  void erase_all(std::span<const std::string_view> keys) override {
    change([&](btree::TreeWriter& writer) {
      for (const std::string_view key : keys) value_of(writer.erase(bytes_of(key)));
    });
  }

  void begin_reading() override {
    pager_.reset();
    open();
    tree_.emplace(*pager_, root_);
    // Every page is read once: what is measured afterwards is hot.
    scan("", root_.count);
  }

  bool get(std::string_view key) override {
    const auto value = tree_->get(bytes_of(key));
    if (!value || !*value) return false;
    benchmark::DoNotOptimize(std::to_integer<unsigned>((*(*value)->piece(0))[0]));
    return true;
  }

  std::uint64_t scan(std::string_view key, std::uint64_t count) override {
    btree::Cursor cursor(*tree_);
    std::uint64_t read = 0;
    for (auto more = cursor.seek(bytes_of(key)); more && *more && read < count;
         more = cursor.next()) {
      benchmark::DoNotOptimize(std::to_integer<unsigned>(cursor.key()[0]) +
                               std::to_integer<unsigned>((*cursor.value().piece(0))[0]));
      ++read;
    }
    return read;
  }

  std::uint64_t bytes_used() override {
    const pager::PagerStats stats = pager_->stats();
    return (stats.page_count - stats.free_pages - stats.dead_pages) * pager_->page_size();
  }

 private:
  void open() {
    pager::PagerOptions options;
    options.layout = &btree::tree_layout();
    options.memory_budget_bytes = std::uint64_t{1} << 30U;
    options.readers = [](std::vector<pager::RegisteredReader>&) {};  // Nobody reads beside changes.
    pager_ = value_of(pager::open_pager(*directory_, options));
    root_.page = pager_->checkpointed().root;
  }

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
  btree::TreeRoot root_;
  std::optional<btree::Tree> tree_;
};

}  // namespace

std::unique_ptr<Engine> make_caisson(const std::string& directory) {
  return std::make_unique<CaissonEngine>(directory);
}

}  // namespace caisson::bench

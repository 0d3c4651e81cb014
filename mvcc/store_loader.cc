#include "mvcc/store_loader.h"

#include <string_view>
#include <utility>

#include "mvcc/engine.h"
#include "mvcc/open_files.h"
#include "mvcc/replay.h"
#include "mvcc/retention.h"
#include "pager/open.h"

namespace caisson::mvcc {
namespace {

std::unexpected<Error> not_a_state(const std::string& why) {
  return fail(
      Error(Code::kCorruption, "what was to be loaded is no state: " + why).with_rule("COPY-2"));
}

// COPY-1: the first file, before its first record.
LogPosition log_begin(const Hash128& hash) {
  LogPosition position;
  position.file = 1;
  position.offset = log::kFileHeaderSize;
  position.hash = hash;
  return position;
}

}  // namespace

Result<std::unique_ptr<StoreLoader>> StoreLoader::create(io::Vfs& vfs, const std::string& path,
                                                         const LoadedStore& loaded) {
  CAISSON_RETURN_IF_ERROR(Engine::create(vfs, path, loaded.create, loaded.engine.log));
  std::unique_ptr<StoreLoader> loader(new StoreLoader);
  loader->txn_ = loaded.txn;
  loader->hash_ = loaded.hash;
  if (!loaded.names.empty()) {
    for (const std::string& name : loaded.names) {
      CAISSON_RETURN_IF_ERROR(validate_snapshot_name(name));
    }
    loader->attachment_ =
        encode_retention({.time_ns = vfs.clock().wall_ns(), .names = loaded.names, .earlier = {}});
  }
  CAISSON_ASSIGN_OR_RETURN(loader->directory_, vfs.open_directory(path));
  CAISSON_ASSIGN_OR_RETURN(loader->lock_, WriterLock::take(*loader->directory_));
  if (loaded.txn == TxnId{}) return loader;  // The store is empty, and so is its state.
  pager::PagerOptions options = pager_options(loaded.engine);
  options.readers = [](std::vector<pager::RegisteredReader>&) {};  // Nobody but the loader.
  CAISSON_ASSIGN_OR_RETURN(loader->pager_, pager::open_pager(*loader->directory_, options));
  CAISSON_ASSIGN_OR_RETURN(auto pages, pager::PageTxn::begin(*loader->pager_, loaded.txn));
  loader->pages_.emplace(std::move(pages));
  loader->trees_.emplace(*loader->pager_, *loader->pages_, btree::TreeRoot{});
  return loader;
}

Result<void> StoreLoader::begin(TreeId next_tree) {
  next_tree_ = next_tree;
  return {};
}

Result<void> StoreLoader::begin_tree(const TreeEntry& tree) {
  CAISSON_RETURN_IF_ERROR(end_tree());
  if (!trees_) return not_a_state("there are trees before the first commit");
  if (tree.id <= tree_) return not_a_state("trees are out of their order");
  if (tree.id >= next_tree_) return not_a_state("a tree's number is to come yet");
  CAISSON_RETURN_IF_ERROR(trees_->skip_numbers(tree.id));
  const auto made = trees_->create(std::as_bytes(std::span(tree.name)), tree.kind, tree.options);
  if (!made) {
    const Code code = made.error().code();
    const bool refused = code == Code::kAlreadyExists || code == Code::kInvalidArgument;
    return refused ? not_a_state(made.error().message()) : fail(made.error());
  }
  tree_ = *made;
  CAISSON_ASSIGN_OR_RETURN(writer_, trees_->writer(tree_));
  count_ = tree.root.count;
  return {};
}

Result<void> StoreLoader::end_tree() {
  if (missing_ > 0) return not_a_state("a value lacks bytes");
  if (writer_ != nullptr && writer_->root().count != count_) {
    return not_a_state("a tree has another number of entries than it should");
  }
  return {};
}

Result<void> StoreLoader::entry(Bytes key, Bytes value) {
  if (writer_ == nullptr || missing_ > 0) return not_a_state("an entry is out of its place");
  return writer_->append(key, value);
}

Result<void> StoreLoader::begin_value(Bytes key, std::uint64_t size) {
  if (writer_ == nullptr || missing_ > 0 || size == 0) {
    return not_a_state("a value is out of its place");
  }
  CAISSON_ASSIGN_OR_RETURN(btree::ValueStream value, writer_->stream(key));
  value_.emplace(std::move(value));
  missing_ = size;
  return {};
}

Result<void> StoreLoader::piece(Bytes piece) {
  if (piece.size() > missing_) return not_a_state("a value has too many bytes");
  CAISSON_RETURN_IF_ERROR(value_->append(piece));
  missing_ -= piece.size();
  if (missing_ > 0) return {};
  const auto finished = value_->finish();
  value_.reset();
  CAISSON_RETURN_IF_ERROR(finished);
  return {};
}

Result<void> StoreLoader::finish() {
  CAISSON_RETURN_IF_ERROR(end_tree());
  if (!trees_) return {};
  CAISSON_RETURN_IF_ERROR(trees_->skip_numbers(next_tree_));
  CAISSON_ASSIGN_OR_RETURN(const btree::TreeRoot catalog, trees_->finish());
  trees_.reset();
  pages_->seal();
  pages_.reset();
  // Twice: the loss of a meta costs nothing, here as elsewhere.
  for (int i = 0; i < 2; ++i) {
    CAISSON_RETURN_IF_ERROR(pager_->checkpoint({.txn = txn_,
                                                .root = catalog.page.id,
                                                .apply_version = kApplyVersion,
                                                .log = log_begin(hash_),
                                                .attachment = attachment_}));
  }
  CAISSON_RETURN_IF_ERROR(pager_->truncate_end());  // What was made ahead.
  return {};
}

}  // namespace caisson::mvcc

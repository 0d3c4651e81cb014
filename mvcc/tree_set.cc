#include "mvcc/tree_set.h"

#include <string>
#include <utility>

namespace caisson::mvcc {

TreeSet::TreeSet(pager::Pager& pager, pager::PageTxn& txn, const btree::TreeRoot& catalog)
    : pager_(pager), txn_(txn) {
  restore({.catalog = catalog, .trees = {}});
}

Result<TreeId> TreeSet::create(Bytes name, std::uint64_t kind, Bytes options) {
  CAISSON_RETURN_IF_ERROR(check_tree(name, kind, options));
  txn_.renew();
  const CatalogKey by_name = CatalogKey::name(name);
  CAISSON_ASSIGN_OR_RETURN(const auto taken, catalog().get(by_name.bytes()));
  if (taken) return fail(name_taken(name));
  CAISSON_ASSIGN_OR_RETURN(CatalogHeader header, read_header(catalog()));
  const TreeId id = header.next_tree;
  const TreeEntry entry{
      .id = id,
      .kind = kind,
      .name = std::string(reinterpret_cast<const char*>(name.data()), name.size()),
      .options = {options.begin(), options.end()},
      .root = {}};
  header = {.next_tree = TreeId{to_u64(id) + 1}, .trees = header.trees + 1};
  // Three changes, of which each is whole or nothing: in an order that can be taken back.
  const CatalogKey by_id = CatalogKey::tree(id);
  CAISSON_RETURN_IF_ERROR(catalog_->put(by_name.bytes(), CatalogValue(id).bytes()));
  Result<bool> put = catalog_->put(by_id.bytes(), CatalogValue(entry).bytes());
  if (put) {
    put = catalog_->put(CatalogKey::header().bytes(), CatalogValue(header).bytes());
    if (!put) (void)catalog_->erase(by_id.bytes());
  }
  if (!put) {
    (void)catalog_->erase(by_name.bytes());
    return fail(std::move(put).error());
  }
  return id;
}

Result<void> TreeSet::skip_numbers(TreeId next) {
  txn_.renew();
  CAISSON_ASSIGN_OR_RETURN(CatalogHeader header, read_header(catalog()));
  if (header.next_tree == next) return {};
  header.next_tree = next;
  CAISSON_RETURN_IF_ERROR(
      catalog_->put(CatalogKey::header().bytes(), CatalogValue(header).bytes()));
  return {};
}

Result<void> TreeSet::drop(TreeId id) {
  txn_.renew();
  CAISSON_ASSIGN_OR_RETURN(const auto entry, find_tree(catalog(), id));
  if (!entry) return fail(no_such_tree(id));
  CAISSON_ASSIGN_OR_RETURN(btree::TreeWriter* const tree, writer(id));
  CAISSON_RETURN_IF_ERROR(tree->erase_range({}));
  trees_.erase(id);
  CAISSON_RETURN_IF_ERROR(catalog_->erase(CatalogKey::tree(id).bytes()));
  const Bytes name = std::as_bytes(std::span(entry->name));
  CAISSON_RETURN_IF_ERROR(catalog_->erase(CatalogKey::name(name).bytes()));
  CAISSON_ASSIGN_OR_RETURN(CatalogHeader header, read_header(catalog()));
  --header.trees;
  CAISSON_RETURN_IF_ERROR(
      catalog_->put(CatalogKey::header().bytes(), CatalogValue(header).bytes()));
  return {};
}

Result<btree::TreeWriter*> TreeSet::writer(TreeId id) {
  if (const auto known = trees_.find(id); known != trees_.end()) return known->second.get();
  txn_.renew();
  CAISSON_ASSIGN_OR_RETURN(const btree::TreeRoot root, find_root(catalog(), id));
  auto& writer = trees_[id];
  writer = std::make_unique<btree::TreeWriter>(pager_, txn_, root);
  return writer.get();
}

Result<btree::TreeRoot> TreeSet::finish() {
  for (const auto& [id, writer] : trees_) {
    txn_.renew();
    CAISSON_ASSIGN_OR_RETURN(auto entry, find_tree(catalog(), id));
    if (!entry) return fail(no_such_tree(id));
    if (entry->root == writer->root()) continue;
    entry->root = writer->root();
    CAISSON_RETURN_IF_ERROR(
        catalog_->put(CatalogKey::tree(id).bytes(), CatalogValue(*entry).bytes()));
  }
  return catalog_->root();
}

TreeSet::Roots TreeSet::roots() const {
  Roots roots{.catalog = catalog_->root(), .trees = {}};
  for (const auto& [id, writer] : trees_) roots.trees.emplace(id, writer->root());
  return roots;
}

void TreeSet::settle() {
  catalog_->settle();
  for (const auto& [id, writer] : trees_) writer->settle();
}

void TreeSet::restore(const Roots& roots) {
  ++generation_;
  catalog_ =
      std::make_unique<btree::TreeWriter>(pager_, txn_, roots.catalog, btree::TreeKind::kCatalog);
  trees_.clear();
  for (const auto& [id, root] : roots.trees) {
    trees_[id] = std::make_unique<btree::TreeWriter>(pager_, txn_, root);
  }
}

}  // namespace caisson::mvcc

#include "mvcc/snapshot.h"

#include <string>

namespace caisson::mvcc {

// The slot says what is read; but whoever frees states may have looked at it before it did, if the
// state isn't the newest any more.
void Snapshot::settle() {
  while (true) {
    const State* const newest = states_->published();
    if (newest == state_) return;
    state_ = newest;
    slot_->state.store(newest, std::memory_order_seq_cst);
  }
}

void Snapshot::renew() { settle(); }

btree::Tree Snapshot::catalog_tree() const {
  return {states_->pager(), state_->catalog, btree::TreeKind::kCatalog};
}

pager::CreateOptions Snapshot::shape() const {
  const pager::Pager& pager = states_->pager();
  return {.page_size = pager.page_size(), .limits = pager.checkpointed().limits, .uuid = {}};
}

TreeReader Snapshot::catalog() const {
  return {*states_, state_->txn, state_->catalog, btree::TreeKind::kCatalog};
}

Result<std::optional<TreeEntry>> Snapshot::find_tree(Bytes name) const {
  CAISSON_ASSIGN_OR_RETURN(const ReadGuard guard, ReadGuard::take(*states_, txn()));
  return mvcc::find_tree(catalog_tree(), name);
}

Result<std::vector<TreeEntry>> Snapshot::trees() const {
  CAISSON_ASSIGN_OR_RETURN(ReadGuard guard, ReadGuard::take(*states_, txn()));
  return list_trees([&] {
    guard.renew();
    return catalog_tree();
  });
}

Result<TreeReader> Snapshot::tree(Bytes name) const {
  CAISSON_ASSIGN_OR_RETURN(const auto entry, find_tree(name));
  if (!entry) {
    return fail(Code::kNotFound,
                "there is no tree of the name \"" +
                    std::string(reinterpret_cast<const char*>(name.data()), name.size()) + "\"");
  }
  return TreeReader(*states_, txn(), entry->root);
}

Result<TreeReader> Snapshot::tree(TreeId id) const {
  CAISSON_ASSIGN_OR_RETURN(const ReadGuard guard, ReadGuard::take(*states_, txn()));
  CAISSON_ASSIGN_OR_RETURN(const btree::TreeRoot root, find_root(catalog_tree(), id));
  return TreeReader(*states_, txn(), root);
}

}  // namespace caisson::mvcc

// The trees of a store, and their catalog, as one transaction changes them: what operations do
// (spec/store.md, section 3), whether a user asks for them or a log is replayed.

#ifndef CAISSON_MVCC_TREE_SET_H_
#define CAISSON_MVCC_TREE_SET_H_

#include <map>
#include <memory>
#include <optional>

#include "base/result.h"
#include "btree/writer.h"
#include "mvcc/catalog.h"
#include "pager/page_txn.h"

namespace caisson::mvcc {

// Used by one thread. Ends before its transaction does. What it reads is valid as
// btree::TreeWriter says. Errors of all of it: as TreeWriter.
class TreeSet {
 public:
  TreeSet(pager::Pager& pager, pager::PageTxn& txn, const btree::TreeRoot& catalog);

  // The catalog as it is. Roots of trees that were changed come into it with finish().
  btree::Tree catalog() const { return catalog_->tree(); }

  // Makes an empty tree, with the next number. As check_tree(); kAlreadyExists.
  Result<TreeId> create(Bytes name, std::uint64_t kind, Bytes options);

  // Has the next tree get that number, which is not below what it would get; the others are left
  // out for good.
  Result<void> skip_numbers(TreeId next);

  // Removes a tree. After an error some of its entries may be gone: the transaction has to be
  // rolled back, to a savepoint or to its beginning. kNotFound. Reads all of the tree.
  Result<void> drop(TreeId id);

  // What changes a tree, and reads it as it is now. Valid until the tree is dropped, finish() or
  // restore(). kNotFound.
  Result<btree::TreeWriter*> writer(TreeId id);

  // Puts the roots into the catalog, and returns its root. The transaction can only be sealed then,
  // or rolled back; after an error, too.
  Result<btree::TreeRoot> finish();

  // Before the transaction's pages begin a savepoint or roll back to one: nothing of what was done
  // so far is left to be done.
  void settle();

  // What restore() goes back to: the state at a savepoint of the transaction, to be called when the
  // pages have been rolled back.
  struct Roots {
    btree::TreeRoot catalog;
    std::map<TreeId, btree::TreeRoot> trees;
  };
  Roots roots() const;
  void restore(const Roots& roots);

  // How often restore() was called: writers, and what was read through them, are others since.
  std::uint64_t generation() const { return generation_; }

 private:
  pager::Pager& pager_;
  pager::PageTxn& txn_;
  std::uint64_t generation_ = 0;
  std::unique_ptr<btree::TreeWriter> catalog_;
  std::map<TreeId, std::unique_ptr<btree::TreeWriter>> trees_;  // Those that were asked for.
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_TREE_SET_H_

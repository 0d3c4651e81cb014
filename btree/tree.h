// Reading a tree: spec/btree.md.

#ifndef CAISSON_BTREE_TREE_H_
#define CAISSON_BTREE_TREE_H_

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "btree/format.h"
#include "btree/node.h"
#include "btree/value.h"
#include "pager/pager.h"

namespace caisson::btree {

// Keys from `begin` on, up to but without `end`. Borrowed.
struct Range {
  Bytes begin;
  std::optional<Bytes> end;  // None: to the last key.
};

// How much lies in a range.
struct RangeEstimate {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  // Of keys, and of values in leaves.
  bool exact = false;       // The range lies within one leaf.
};

// A tree as of one root. Cheap to copy. Thread-safe; what it returns borrows pages, so the reader
// has to be registered (pager.h), and the root's transaction pinned; or the tree is that of the
// open transaction (TreeWriter::tree()), read by its thread between two changes.
class Tree {
 public:
  // A page of a tree of the other kind is refused (TREE-1). `change` tells versions of an open
  // transaction's tree apart, whose root may stay where it is.
  Tree(pager::Pager& pager, const TreeRoot& root, TreeKind kind = TreeKind::kPlain,
       std::uint64_t change = 0)
      : pager_(&pager), root_(root), kind_(kind), change_(change) {}

  const TreeRoot& root() const { return root_; }
  pager::Pager& pager() const { return *pager_; }
  TreeKind kind() const { return kind_; }
  std::uint64_t change() const { return change_; }
  std::uint64_t count() const { return root_.count; }
  bool empty() const { return root_.page.id == PageId{}; }

  // The value of a key; none if the tree hasn't got it. No allocation, no copy: O(height) pages.
  // Errors: kCorruption naming page and rule; kIoError; kResourceExhausted as Pager::read().
  Result<std::optional<Value>> get(Bytes key) const;

  // About how many entries a range has, and how large they are: from the nodes on the ways to both
  // ends of the range and of the tree. O(height).
  Result<RangeEstimate> estimate(const Range& range) const;

  // The levels of nodes; 0 for the empty tree.
  Result<unsigned> height() const;

  // Nodes, checked for their place in the tree (TREE-1).
  Result<NodeView> read_root() const;
  Result<NodeView> read_child(const NodeView& parent, unsigned index) const;

  // The value of a leaf's entry.
  Value value_at(const NodeView& leaf, unsigned index) const {
    if (leaf.value_is_long(index)) [[unlikely]]
      return {*pager_, leaf.long_value(index)};
    return Value(leaf.value(index));
  }

 private:
  Result<NodeView> checked(const std::byte* page, PageId id, bool expected) const;

  pager::Pager* pager_;
  TreeRoot root_;
  TreeKind kind_;
  std::uint64_t change_;
};

}  // namespace caisson::btree

#endif  // CAISSON_BTREE_TREE_H_

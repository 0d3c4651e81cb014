#include "btree/tree.h"

#include <algorithm>
#include <cmath>

namespace caisson::btree {
namespace {

std::uint8_t level_of(const std::byte* page) { return std::to_integer<std::uint8_t>(page[5]); }

bool is_leaf(const std::byte* page) {
  return PageType{std::to_integer<std::uint8_t>(page[4])} == kLeaf &&
         (level_of(page) == 0 || level_of(page) == kLeafLevel);
}

bool is_branch(const std::byte* page) {
  return PageType{std::to_integer<std::uint8_t>(page[4])} == kBranch &&
         level_of(page) >= kBranchLevelMin && level_of(page) <= kBranchLevelMax;
}

// Where a bound lies in a tree: the share of its entries that come before it, supposing that all
// children of a branch hold the same.
struct Place {
  double share = 0;
  NodeView leaf;
  unsigned index = 0;
};

Result<Place> find_place(const Tree& tree, Bytes key) {
  Place place;
  double width = 1;
  CAISSON_ASSIGN_OR_RETURN(NodeView node, tree.read_root());
  while (node.is_branch()) {
    const unsigned index = node.child_index(key);
    width /= node.count();
    place.share += width * index;
    CAISSON_ASSIGN_OR_RETURN(node, tree.read_child(node, index));
  }
  place.leaf = node;
  place.index = node.find(key).index;
  place.share += width * place.index / node.count();
  return place;
}

// The mean size of a leaf's entries, keys counted whole.
double entry_bytes(const NodeView& leaf) {
  return static_cast<double>(leaf.fill() - leaf.count() * (kEntryOverhead - kHeadSize)) /
         leaf.count();
}

}  // namespace

Result<NodeView> Tree::checked(const std::byte* page, PageId id, bool expected) const {
  if (expected) [[likely]]
    return NodeView(page, pager_->page_size());
  return fail(Error(Code::kCorruption, "a page that is not the node which its parent names")
                  .at_page(to_u64(id))
                  .with_rule("TREE-1"));
}

Result<NodeView> Tree::read_root() const {
  CAISSON_ASSIGN_OR_RETURN(const std::byte* page, pager_->read(root_.page));
  return checked(page, root_.page.id, is_leaf(page) || is_branch(page));
}

Result<NodeView> Tree::read_child(const NodeView& parent, unsigned index) const {
  const PageRef ref = parent.child(index);
  CAISSON_ASSIGN_OR_RETURN(const std::byte* page, pager_->read(ref));
  if (parent.level() == kBranchLevelMin) {
    NodeView::prefetch(page);
    return checked(page, ref.id, is_leaf(page));
  }
  return checked(page, ref.id, is_branch(page) && level_of(page) == parent.level() - 1);
}

Result<std::optional<Value>> Tree::get(Bytes key) const {
  if (empty()) return std::nullopt;
  CAISSON_ASSIGN_OR_RETURN(NodeView node, read_root());
  while (node.is_branch()) {
    CAISSON_ASSIGN_OR_RETURN(node, read_child(node, node.child_index(key)));
  }
  const Position position = node.find(key);
  if (!position.found) return std::nullopt;
  return value_at(node, position.index);
}

Result<unsigned> Tree::height() const {
  if (empty()) return 0;
  CAISSON_ASSIGN_OR_RETURN(const NodeView root, read_root());
  return root.is_branch() ? root.level() - kLeafLevel + 1U : 1U;
}

Result<RangeEstimate> Tree::estimate(const Range& range) const {
  if (empty() || (range.end && compare_bytes(*range.end, range.begin) <= 0)) {
    return RangeEstimate{0, 0, true};
  }
  CAISSON_ASSIGN_OR_RETURN(const Place begin, find_place(*this, range.begin));
  Place end{1, {}, 0};
  if (range.end) {
    CAISSON_ASSIGN_OR_RETURN(end, find_place(*this, *range.end));
  }
  RangeEstimate result;
  double bytes = entry_bytes(begin.leaf);
  if (begin.leaf.page() == end.leaf.page()) {
    result.exact = true;
    result.entries = end.index - begin.index;
  } else {
    if (range.end) bytes = (bytes + entry_bytes(end.leaf)) / 2;
    const double share = std::max(0.0, end.share - begin.share);
    result.entries = std::min(
        root_.count,
        static_cast<std::uint64_t>(std::llround(share * static_cast<double>(root_.count))));
  }
  result.bytes =
      static_cast<std::uint64_t>(std::llround(bytes * static_cast<double>(result.entries)));
  return result;
}

}  // namespace caisson::btree

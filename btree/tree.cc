#include "btree/tree.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace caisson::btree {
namespace {

std::uint8_t level_of(const std::byte* page) { return std::to_integer<std::uint8_t>(page[5]); }

bool is_leaf(const std::byte* page, TreeKind kind) {
  if (PageType{std::to_integer<std::uint8_t>(page[4])} != kLeaf) return false;
  if (kind == TreeKind::kCatalog) return level_of(page) == kCatalogLeafLevel;
  return level_of(page) == 0 || level_of(page) == kLeafLevel;
}

bool is_branch(const std::byte* page, TreeKind kind) {
  return PageType{std::to_integer<std::uint8_t>(page[4])} == kBranch &&
         level_of(page) >= branch_level_min(kind) && level_of(page) <= branch_level_max(kind);
}

// The way down to a bound. Nodes and indexes by depth, the leaf's last.
struct Way {
  struct Step {
    unsigned count = 0;
    unsigned index = 0;
    bool at_right_edge = false;
  };
  std::array<Step, kBranchLevels + 1> steps;
  unsigned depth = 0;  // Of the leaf.
  NodeView leaf;

  unsigned leaf_index() const { return steps[depth].index; }
};

// `choose` names the child to take, and in the leaf the entry before which the bound lies.
template <typename Choose>
Result<Way> find_way(const Tree& tree, Choose choose) {
  Way way;
  bool at_right_edge = true;
  CAISSON_ASSIGN_OR_RETURN(NodeView node, tree.read_root());
  while (true) {
    const unsigned index = choose(node);
    way.steps[way.depth] = {node.count(), index, at_right_edge};
    if (!node.is_branch()) break;
    at_right_edge = at_right_edge && index + 1 == node.count();
    ++way.depth;
    CAISSON_ASSIGN_OR_RETURN(node, tree.read_child(node, index));
  }
  way.leaf = node;
  return way;
}

Result<Way> find_way(const Tree& tree, Bytes key) {
  return find_way(tree, [key](const NodeView& node) {
    return node.is_branch() ? node.child_index(key) : node.find(key).index;
  });
}

// How many entries come before a bound, supposing that each node beside the way has as many
// children as the mean of those seen at its depth. Nodes at the right edge may have few, and tell
// nothing of the others.
class Counter {
 public:
  void see(const Way& way) {
    for (unsigned depth = 0; depth <= way.depth; ++depth) {
      if (way.steps[depth].at_right_edge && depth > 0) continue;
      seen_[depth].sum += way.steps[depth].count;
      ++seen_[depth].nodes;
    }
  }

  double entries_before(const Way& way) const {
    double before = way.leaf_index();
    double below = 1;
    for (unsigned depth = way.depth; depth > 0; --depth) {
      const Seen& seen = seen_[depth];
      below *= seen.sum / seen.nodes;
      before += below * way.steps[depth - 1].index;
    }
    return before;
  }

 private:
  struct Seen {
    double sum = 0;
    double nodes = 0;
  };
  std::array<Seen, kBranchLevels + 1> seen_{};
};

// The mean size of a leaf's entries, keys counted whole.
double entry_bytes(const NodeView& leaf) {
  double sum = 0;
  for (unsigned i = 0; i < leaf.count(); ++i) {
    sum += static_cast<double>(leaf.key_size(i) + leaf.value(i).size());
  }
  return sum / leaf.count();
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
  return checked(page, root_.page.id, is_leaf(page, kind_) || is_branch(page, kind_));
}

Result<NodeView> Tree::read_child(const NodeView& parent, unsigned index) const {
  const PageRef ref = parent.child(index);
  CAISSON_ASSIGN_OR_RETURN(const std::byte* page, pager_->read(ref));
  if (parent.level() == branch_level_min(kind_)) {
    NodeView::prefetch(page, pager_->page_size());
    return checked(page, ref.id, is_leaf(page, kind_));
  }
  return checked(page, ref.id, is_branch(page, kind_) && level_of(page) == parent.level() - 1);
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
  return root.is_branch() ? root.level() - branch_level_min(kind_) + 2U : 1U;
}

Result<RangeEstimate> Tree::estimate(const Range& range) const {
  if (empty() || (range.end && compare_bytes(*range.end, range.begin) <= 0)) {
    return RangeEstimate{0, 0, true};
  }
  const auto go_first = [](const NodeView&) { return 0U; };
  const auto go_last = [](const NodeView& node) {
    return node.count() - (node.is_branch() ? 1U : 0U);
  };
  CAISSON_ASSIGN_OR_RETURN(const Way first, find_way(*this, go_first));
  CAISSON_ASSIGN_OR_RETURN(const Way last, find_way(*this, go_last));
  CAISSON_ASSIGN_OR_RETURN(const Way begin, find_way(*this, range.begin));
  Way end = last;
  if (range.end) {
    CAISSON_ASSIGN_OR_RETURN(end, find_way(*this, *range.end));
  }
  RangeEstimate result;
  if (begin.leaf.page() == end.leaf.page()) {
    result.exact = true;
    result.entries = end.leaf_index() - begin.leaf_index();
  } else {
    Counter counter;
    counter.see(first);
    counter.see(begin);
    counter.see(end);
    const double all = counter.entries_before(last);
    const double within = counter.entries_before(end) - counter.entries_before(begin);
    const double share = std::clamp(within / all, 0.0, 1.0);
    result.entries =
        static_cast<std::uint64_t>(std::llround(share * static_cast<double>(root_.count)));
  }
  const double bytes = (entry_bytes(begin.leaf) + entry_bytes(end.leaf)) / 2;
  result.bytes =
      static_cast<std::uint64_t>(std::llround(bytes * static_cast<double>(result.entries)));
  return result;
}

}  // namespace caisson::btree

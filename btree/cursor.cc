#include "btree/cursor.h"

#include <algorithm>

namespace caisson::btree {
namespace {

constexpr std::size_t kLargeEntry = 256;

}  // namespace

std::optional<std::vector<std::byte>> prefix_end(Bytes prefix) {
  std::vector<std::byte> end(prefix.begin(), prefix.end());
  while (!end.empty() && end.back() == std::byte{0xFF}) end.pop_back();
  if (end.empty()) return std::nullopt;
  end.back() = static_cast<std::byte>(std::to_integer<unsigned>(end.back()) + 1);
  return end;
}

Cursor::Cursor(const Tree& tree, const Range& range)
    : tree_(tree), begin_(range.begin.begin(), range.begin.end()) {
  if (range.end) end_.emplace(range.end->begin(), range.end->end());
  key_.resize(key_buffer_size(tree.pager().page_size()));
}

Cursor Cursor::with_prefix(const Tree& tree, Bytes prefix) {
  const auto end = prefix_end(prefix);
  return Cursor(tree, {prefix, end ? std::optional<Bytes>(*end) : std::nullopt});
}

Result<bool> Cursor::first() { return seek(begin_); }

Result<bool> Cursor::seek(Bytes key) {
  if (compare_bytes(key, begin_) < 0) key = begin_;
  state_ = State::kNowhere;
  if (tree_.empty()) {
    state_ = State::kBehind;
    return false;
  }
  CAISSON_RETURN_IF_ERROR(descend_to(key));
  index_ = std::max(leaf_.find(key).index, leaf_begin_);
  return settle_forward();
}

Result<bool> Cursor::last() {
  state_ = State::kNowhere;
  if (tree_.empty()) {
    state_ = State::kBefore;
    return false;
  }
  if (end_) {
    CAISSON_RETURN_IF_ERROR(descend_to(*end_));
  } else {
    depth_ = 0;
    CAISSON_ASSIGN_OR_RETURN(leaf_, tree_.read_root());
    CAISSON_RETURN_IF_ERROR(descend(true));
  }
  index_ = leaf_end_;
  return settle_backward();
}

void Cursor::resume(const Tree& tree, Bytes key) {
  gap_.assign(key.begin(), key.end());
  tree_ = tree;
  state_ = State::kGap;
}

// Down from the root, to the leaf in which `key` is or would be.
Result<void> Cursor::descend_to(Bytes key) {
  depth_ = 0;
  CAISSON_ASSIGN_OR_RETURN(NodeView node, tree_.read_root());
  while (node.is_branch()) {
    const unsigned index = node.child_index(key);
    path_[depth_++] = {node, index};
    CAISSON_ASSIGN_OR_RETURN(node, tree_.read_child(node, index));
  }
  enter_leaf(node);
  return {};
}

// Down from leaf_, which is a branch as yet, along its first or last children.
Result<void> Cursor::descend(bool to_last) {
  NodeView node = leaf_;
  while (node.is_branch()) {
    const unsigned index = to_last ? node.count() - 1 : 0;
    path_[depth_++] = {node, index};
    CAISSON_ASSIGN_OR_RETURN(node, tree_.read_child(node, index));
  }
  enter_leaf(node);
  return {};
}

void Cursor::enter_leaf(const NodeView& leaf) {
  leaf_ = leaf;
  std::ranges::copy(leaf.prefix(), key_.begin());
  leaf_begin_ = begin_.empty() ? 0 : leaf.find(begin_).index;
  leaf_end_ = end_ ? leaf.find(*end_).index : leaf.count();
  // Small ones share their lines, and the processor keeps up with them by itself.
  const std::size_t fetched = leaf.fetched_bytes();
  large_entry_ = fetched < kLargeEntry ? 0 : fetched;
}

// The leaf after this one: who has come from the one before will want it soon.
void Cursor::prefetch_beside(bool forward) {
  const Step& parent = path_[depth_ - 1];
  if (forward ? parent.index + 1 < parent.node.count() : parent.index > 0) {
    const PageRef beside = parent.node.child(parent.index + (forward ? 1 : ~0U));
    if (const std::byte* page = tree_.pager().prefetch(beside.id)) {
      NodeView::prefetch(page, tree_.pager().page_size());
    }
  }
}

// To the neighbouring leaf, up and down again. False if there is none.
Result<bool> Cursor::climb(bool forward) {
  while (depth_ > 0) {
    Step& step = path_[depth_ - 1];
    if (forward ? step.index + 1 < step.node.count() : step.index > 0) {
      step.index += forward ? 1 : ~0U;
      CAISSON_ASSIGN_OR_RETURN(leaf_, tree_.read_child(step.node, step.index));
      CAISSON_RETURN_IF_ERROR(descend(!forward));
      prefetch_beside(forward);
      return true;
    }
    --depth_;
  }
  return false;
}

// Beyond the leaf where the range begins, no key is before the range, and likewise at its end
// (TREE-2). Were one passed over, a forged tree, whose branches name one child again and again,
// would lead on for ever.
Result<bool> Cursor::out_of_place() const {
  return fail(
      Error(Code::kCorruption, "a leaf whose keys belong on the other side of the one beside it")
          .at_page(to_u64(pager::read_header(leaf_.page()).id))
          .with_rule("TREE-2"));
}

// From index_, which may be behind the leaf's part of the range, to an entry. A leaf that has
// entries behind the range is the last one to look at.
Result<bool> Cursor::settle_forward() {
  while (index_ >= leaf_end_) {
    state_ = State::kNowhere;
    bool moved = false;
    if (leaf_end_ == leaf_.count()) {
      CAISSON_ASSIGN_OR_RETURN(moved, climb(true));
    }
    if (!moved) {
      state_ = State::kBehind;
      return false;
    }
    if (leaf_begin_ != 0) return out_of_place();
    index_ = 0;
  }
  prefetch_forward(0);
  prefetch_forward(1);
  state_ = State::kAt;
  return true;
}

// From index_, one behind where the entry is looked for.
Result<bool> Cursor::settle_backward() {
  while (index_ <= leaf_begin_) {
    state_ = State::kNowhere;
    bool moved = false;
    if (leaf_begin_ == 0) {
      CAISSON_ASSIGN_OR_RETURN(moved, climb(false));
    }
    if (!moved) {
      state_ = State::kBefore;
      return false;
    }
    if (leaf_end_ != leaf_.count()) return out_of_place();
    index_ = leaf_end_;
  }
  --index_;
  prefetch_backward(0);
  prefetch_backward(1);
  state_ = State::kAt;
  return true;
}

Result<bool> Cursor::next_leaf() {
  switch (state_) {
    case State::kNowhere:
    case State::kBefore:
      return first();
    case State::kBehind:
      return false;
    case State::kGap:
      return seek(gap_);
    case State::kAt:
      break;
  }
  return settle_forward();
}

Result<bool> Cursor::prev_leaf() {
  switch (state_) {
    case State::kNowhere:
    case State::kBehind:
      return last();
    case State::kBefore:
      return false;
    case State::kGap: {
      CAISSON_ASSIGN_OR_RETURN(const bool found, seek(gap_));
      return found ? prev() : last();
    }
    case State::kAt:
      break;
  }
  return settle_backward();
}

}  // namespace caisson::btree

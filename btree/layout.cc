#include "btree/layout.h"

#include "btree/format.h"
#include "btree/node.h"

namespace caisson::btree {
namespace {

// The references of a node: all values of a branch, the long ones of a plain tree's leaf, and in a
// catalog's leaf those that name a tree that isn't empty.
void node_slots(const NodeView& node, std::vector<pager::ChildSlot>& slots) {
  const bool all = node.is_branch() || node.names_trees();
  if (!all && node.long_values() == 0) return;
  for (unsigned i = 0; i < node.count(); ++i) {
    const std::byte* reference = node.value(i).data();
    if (!all) {
      if (!node.value_is_long(i)) continue;
      reference += 8;
    }
    const PageId id{load_u64(reference)};
    if (id == PageId{} && node.names_trees()) continue;
    slots.push_back({id, static_cast<std::size_t>(reference + 8 - node.page())});
  }
}

}  // namespace

Result<void> TreeLayout::check(Bytes page) const {
  const PageType type = pager::read_header(page.data()).type;
  if (type == kLeaf || type == kBranch) return check_node(page);
  return {};
}

void TreeLayout::child_slots(Bytes page, std::vector<pager::ChildSlot>& slots) const {
  const PageType type = pager::read_header(page.data()).type;
  if (type == kLeaf || type == kBranch) {
    node_slots({page.data(), page.size()}, slots);
  } else if (type == kValueIndex) {
    for (std::size_t at = pager::kPageHeaderSize; at + kReferenceSize <= page.size();
         at += kReferenceSize) {
      const PageId id{load_u64(page.data() + at)};
      if (id == PageId{}) break;
      slots.push_back({id, at + 8});
    }
  }
}

const TreeLayout& tree_layout() {
  static const TreeLayout layout;
  return layout;
}

}  // namespace caisson::btree

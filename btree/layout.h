// Tells the pager what it has to know of a tree's pages.

#ifndef CAISSON_BTREE_LAYOUT_H_
#define CAISSON_BTREE_LAYOUT_H_

#include <vector>

#include "pager/layout.h"

namespace caisson::btree {

// Stateless; thread-safe. Pages of other types have no references and nothing to check.
class TreeLayout final : public pager::PageLayout {
 public:
  Result<void> check(Bytes page) const override;
  void child_slots(Bytes page, std::vector<pager::ChildSlot>& slots) const override;
};

// One for everybody. Lives for ever.
const TreeLayout& tree_layout();

}  // namespace caisson::btree

#endif  // CAISSON_BTREE_LAYOUT_H_

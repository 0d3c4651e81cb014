// Checks a whole tree: every rule of spec/btree.md, and that its pages are its own.

#ifndef CAISSON_BTREE_VALIDATOR_H_
#define CAISSON_BTREE_VALIDATOR_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/result.h"
#include "btree/tree.h"
#include "pager/page_set.h"

namespace caisson::btree {

struct ValidatorOptions {
  std::size_t findings_max = 1000;  // More are only counted.
  bool values = true;               // Reads the pages of long values, too.
  bool count = true;                // Compares the number of entries with the tree's name (TREE-5).
                                    // That of trees which a catalog names is compared always.

  // Called again and again, when no page's bytes are held: to register anew as a reader, so that
  // private copies of any number of pages fit into the memory there is.
  std::function<void()> renew = [] {};

  // Ends early: what was not looked at is neither found nor counted.
  std::stop_token stop = {};
};

struct TreeReport {
  std::vector<Error> findings;  // Each names page and rule.
  std::uint64_t findings_total = 0;
  bool stopped = false;  // The stop token asked for it.

  unsigned height = 0;      // Of the tree itself. What follows counts the named trees in.
  std::uint64_t trees = 0;  // That a catalog names, empty ones included.
  std::uint64_t entries = 0;
  std::uint64_t leaves = 0;
  std::uint64_t branches = 0;
  std::uint64_t value_pages = 0;  // Indexes included.
  std::uint64_t long_values = 0;
  std::uint64_t key_bytes = 0;
  std::uint64_t value_bytes = 0;
  std::uint64_t node_bytes_used = 0;  // Of all leaves: what is not free in them.

  // The least that a leaf or branch of those that TREE-3 is about is filled with, in bytes; none if
  // there are no such nodes.
  std::optional<std::size_t> least_leaf_fill;
  std::optional<std::size_t> least_branch_fill;
};

// Walks the tree from its root, and where it is a catalog, each tree that it names. Damage is a
// finding, and what lies below a damaged page is left out. Adds every page that it reaches to
// `pages`; one that is there already is a finding (TREE-4), so that several trees can be checked
// against each other. O(pages).
TreeReport validate_tree(const Tree& tree, const ValidatorOptions& options, pager::PageSet& pages);

}  // namespace caisson::btree

#endif  // CAISSON_BTREE_VALIDATOR_H_

// What holds of a node, be it a leaf or a branch: shared by leaf_fuzz.cc and branch_fuzz.cc.

#ifndef CAISSON_FUZZ_NODE_CHECKS_H_
#define CAISSON_FUZZ_NODE_CHECKS_H_

#include "base/result.h"

namespace caisson::fuzz {

// Runs an input (node_input.h). Invariants:
//
//   - check_node() accepts exactly what a second reading of the spec accepts; what it refuses is
//     damage, with a rule and the page.
//   - NodeView shows of an accepted node what the second reading shows, and finds each key, and the
//     place of keys beside them, where a search from front to back finds it.
//   - Gathered and built anew, a node holds the same entries and takes no more room.
//   - Entries added, removed and overwritten one by one leave a node that holds what a list holds
//     to which the same was done.
//   - The layout that the pager has names the pages that a node refers to, and where it keeps their
//     checksums.
void check_node_input(Bytes bytes, bool branch);

}  // namespace caisson::fuzz

#endif  // CAISSON_FUZZ_NODE_CHECKS_H_

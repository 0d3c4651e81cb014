// Looks at a page file from outside, as `verify` would: both checkpoints, each page accounted for.

#ifndef CAISSON_PAGER_TESTING_AUDIT_H_
#define CAISSON_PAGER_TESTING_AUDIT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/vfs.h"
#include "pager/open.h"
#include "pager/testing/page_array.h"

namespace caisson::pager::testing {

// One checkpoint of a file that holds an array.
struct AuditedCheckpoint {
  bool offered = false;
  std::string reason;  // Why it isn't.
  std::uint64_t sequence = 0;
  std::uint64_t txn = 0;
  ArrayModel contents;
};

struct Audit {
  AuditedCheckpoint checkpoints[2];
  std::string problem;  // Empty if every rule that was looked at holds.
};

// Reads both checkpoints whole, without writing. For each that is offered: every page is exactly
// one of free, dead, the blob's, the earlier blob's or reachable (ALLOC-7); dead pages were born
// and died when it says, by their own headers and by what the other checkpoint reaches (ALLOC-4);
// and nothing that the other checkpoint reaches is free in the newer one (CKPT-3). Then scrubs.
Audit audit(io::Directory& directory);

}  // namespace caisson::pager::testing

#endif  // CAISSON_PAGER_TESTING_AUDIT_H_

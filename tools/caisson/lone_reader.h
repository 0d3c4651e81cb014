// How commands look into a page file that they don't open as a store.

#ifndef CAISSON_TOOLS_CAISSON_LONE_READER_H_
#define CAISSON_TOOLS_CAISSON_LONE_READER_H_

#include <atomic>
#include <cstdint>

#include "btree/format.h"
#include "pager/options.h"
#include "pager/pager.h"

namespace caisson::tools {

// The one reader of a store that is only looked at: it keeps the bytes of the pages that it has
// read since renew(). Outlives the pager.
class LoneReader {
 public:
  // To open a page file with, for reading.
  pager::PagerOptions options();

  void renew(const pager::Pager& pager) { epoch_ = pager.epoch(); }

 private:
  std::atomic<std::uint64_t> epoch_ = 0;
};

// Whether a root is a catalog's; plain if it can't be read, which whoever reads the tree will find.
btree::TreeKind kind_of_tree(pager::Pager& pager, const pager::PageRef& root);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_LONE_READER_H_

// What the pager asks of whoever's pages these are: whether they are well-formed, and where they
// keep references to other pages.

#ifndef CAISSON_PAGER_LAYOUT_H_
#define CAISSON_PAGER_LAYOUT_H_

#include <cstddef>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace caisson::pager {

// One reference within a page: whom it names, and where the child's checksum stands (four
// bytes, little-endian).
struct ChildSlot {
  PageId id{};
  std::size_t checksum_offset = 0;
};

// Supplied by the module whose pages these are. Thread-safe.
class PageLayout {
 public:
  virtual ~PageLayout() = default;

  // Checks what is within a page, when it is first read: its header, checksum and place are right
  // by then, and the bytes are still anybody's. Errors: kCorruption, naming page and rule.
  virtual Result<void> check(Bytes page) const {
    (void)page;
    return {};
  }

  // Appends the references of a page with level above 0. The page is one that this process made;
  // offsets lie within it.
  virtual void child_slots(Bytes page, std::vector<ChildSlot>& slots) const = 0;
};

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_LAYOUT_H_

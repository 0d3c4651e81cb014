// How the pager learns where a page keeps its references to other pages.

#ifndef CAISSON_PAGER_LAYOUT_H_
#define CAISSON_PAGER_LAYOUT_H_

#include <cstddef>
#include <vector>

#include "base/ids.h"

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

  // Appends the references of a page with level above 0. The page is one that this process made;
  // offsets lie within it.
  virtual void child_slots(Bytes page, std::vector<ChildSlot>& slots) const = 0;
};

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_LAYOUT_H_

#include "pager/page_table.h"

#include <utility>

namespace caisson::pager {

Result<PageTable> PageTable::create(std::uint64_t capacity) {
  PageTable table;
  CAISSON_ASSIGN_OR_RETURN(table.entries_,
                           io::ReservedMemory::create(capacity * sizeof(std::uint64_t)));
  CAISSON_ASSIGN_OR_RETURN(table.checksums_,
                           io::ReservedMemory::create(capacity * sizeof(std::uint32_t)));
  table.capacity_ = capacity;
  return table;
}

}  // namespace caisson::pager

// Writes finished pages to the file: checksums from the lowest level up, then one pass in page
// order.

#ifndef CAISSON_PAGER_PAGE_WRITER_H_
#define CAISSON_PAGER_PAGE_WRITER_H_

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "io/file.h"
#include "pager/layout.h"
#include "pager/page_table.h"

namespace caisson::pager {

// A page to write. Its bytes don't change until it has been written, and are not changed by it
// (CKPT-5).
struct PageImage {
  PageId id{};
  const std::byte* bytes = nullptr;
  bool has_checksums = false;  // Its own and its children's are in place already.
};

class PageWriter {
 public:
  // `layout` may be null if every page has level 0. The others outlive the writer.
  PageWriter(io::File& file, PageTable& table, const PageLayout* layout, std::uint32_t page_size,
             std::uint32_t checksum_seed)
      : file_(file),
        table_(table),
        layout_(layout),
        page_size_(page_size),
        checksum_seed_(checksum_seed) {}

  // First: puts the pages' checksums into the table, from the lowest level up. A child that is not
  // among them has its checksum in the table, or the right one stands in the slot.
  // kInvalidArgument where a child has none (PAGE-7 was broken), or there is no layout.
  Result<void> compute_checksums(std::vector<PageImage> pages);

  // Then: writes them once each, in page order, neighbours in one call. Not durable before a flush.
  Result<void> write(std::vector<PageImage> pages);

 private:
  Result<void> fill_in_children(MutableBytes page);

  io::File& file_;
  PageTable& table_;
  const PageLayout* layout_;
  std::uint32_t page_size_;
  std::uint32_t checksum_seed_;
  std::vector<ChildSlot> slots_;
};

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_PAGE_WRITER_H_

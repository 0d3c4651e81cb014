#include "pager/page_writer.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/codec.h"
#include "io/memory.h"
#include "pager/mutants.h"
#include "pager/page.h"

namespace caisson::pager {
namespace {

// Neighbouring pages are gathered up to this size before they are written.
constexpr std::size_t kBufferSize = std::size_t{1} << 20U;

}  // namespace

Result<void> PageWriter::fill_in_children(MutableBytes page) {
  slots_.clear();
  layout_->child_slots(page, slots_);
  for (const ChildSlot& slot : slots_) {
    // A page that was copied refers to what it referred to before, which nobody may have followed.
    if (to_u64(slot.id) >= table_.capacity()) {
      return fail(Error(Code::kCorruption, "a reference to page " +
                                               std::to_string(to_u64(slot.id)) + ", which can't be")
                      .at_page(to_u64(read_header(page.data()).id))
                      .with_rule("PAGE-6"));
    }
    const std::uint32_t checksum = table_.checksum(slot.id);
    std::byte* stored = page.data() + slot.checksum_offset;
    if (checksum != 0) store_u32(stored, checksum);
    if (load_u32(stored) == 0) {
      return fail(Error(Code::kInvalidArgument, "page " + std::to_string(to_u64(slot.id)) +
                                                    " has no checksum when its parent is written")
                      .at_page(to_u64(read_header(page.data()).id))
                      .with_rule("PAGE-7"));
    }
  }
  return {};
}

Result<void> PageWriter::compute_checksums(std::vector<PageImage> pages) {
  std::ranges::stable_sort(pages, {}, [](const PageImage& page) {
    return read_header(page.bytes).level;  // PAGE-7: children first.
  });
  std::vector<std::byte> copy(page_size_);
  for (const PageImage& page : pages) {
    Bytes bytes(page.bytes, page_size_);
    if (page.has_checksums) {
      table_.set_checksum(page.id, stored_checksum(page.bytes));
      continue;
    }
    if (mutated(Mutant::kSupersededChecksum) && table_.checksum(page.id) != 0) continue;
    if (read_header(page.bytes).level > 0) {
      if (layout_ == nullptr) {
        return fail(Error(Code::kInvalidArgument, "a page with references, and no layout option")
                        .at_page(to_u64(page.id)));
      }
      std::ranges::copy(bytes, copy.begin());
      CAISSON_RETURN_IF_ERROR(fill_in_children(copy));
      bytes = copy;
    }
    table_.set_checksum(page.id, page_checksum(checksum_seed_, bytes));
  }
  return {};
}

Result<void> PageWriter::write(std::vector<PageImage> pages) {
  std::ranges::sort(pages, {}, &PageImage::id);
  io::AlignedBuffer buffer(std::min<std::size_t>(kBufferSize, pages.size() * page_size_));
  const std::size_t capacity = buffer.size() / std::max(1U, page_size_);
  for (std::size_t begin = 0; begin < pages.size();) {
    std::size_t count = 0;
    while (count < capacity && begin + count < pages.size() &&
           to_u64(pages[begin + count].id) == to_u64(pages[begin].id) + count) {
      const PageImage& page = pages[begin + count];
      const MutableBytes out = buffer.bytes().subspan(count * page_size_, page_size_);
      std::memcpy(out.data(), page.bytes, page_size_);
      if (!page.has_checksums) {
        if (read_header(page.bytes).level > 0) CAISSON_RETURN_IF_ERROR(fill_in_children(out));
        store_checksum(table_.checksum(page.id), out.data());
      }
      ++count;
    }
    CAISSON_RETURN_IF_ERROR(file_.write(to_u64(pages[begin].id) * page_size_,
                                        buffer.bytes().first(count * page_size_)));
    begin += count;
  }
  return {};
}

}  // namespace caisson::pager

// Making the file shorter: CKPT-10 of spec/pages.md.

#include <algorithm>

#include "pager/pager.h"

namespace caisson::pager {

Result<std::uint64_t> Pager::give_up_end(std::uint64_t page_count_min) {
  CAISSON_RETURN_IF_ERROR(prepare_to_write());
  const MutexLock writing(write_mutex_);  // Nothing is being written there.
  const MutexLock lock(mutex_);
  const std::uint64_t pages = allocator_.give_up_end(
      std::max<std::uint64_t>(page_count_min, to_u64(first_page(page_size_))));
  page_count_.store(allocator_.page_count(), std::memory_order_release);
  return pages;
}

Result<std::uint64_t> Pager::truncate_end() {
  CAISSON_RETURN_IF_ERROR(prepare_to_write());
  const MutexLock writing(write_mutex_);
  const MutexLock lock(mutex_);
  std::uint64_t end = allocator_.page_count();
  for (const std::optional<Meta>& meta : metas_) {
    // One that could not be read may name any page of the file.
    if (!meta) return std::uint64_t{0};
    end = std::max(end, meta->page_count);
  }
  const std::uint64_t kept = std::min(end + kEmergencyPages, allocator_.capacity());
  CAISSON_ASSIGN_OR_RETURN(const std::uint64_t size, file_->size());
  if (size <= kept * page_size_) return std::uint64_t{0};
  CAISSON_RETURN_IF_ERROR(file_->truncate(kept * page_size_));
  allocator_.set_capacity(kept);
  written_end_ = std::min(written_end_, end);
  return size - kept * page_size_;
}

}  // namespace caisson::pager

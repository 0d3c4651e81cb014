#include "pager/testing/wide_array.h"

namespace caisson::pager::testing {
namespace {

// A copy of a page, which later reads can't evict.
Result<std::vector<std::byte>> copy_of(Pager& pager, PageRef ref) {
  CAISSON_ASSIGN_OR_RETURN(const std::byte* page, pager.read(ref));
  return std::vector<std::byte>(page, page + pager.page_size());
}

}  // namespace

Result<void> WideArray::set(PageTxn& txn, std::uint32_t index, std::uint64_t value) {
  CAISSON_ASSIGN_OR_RETURN(const MutableBytes root, editable_array_root(*pager_, txn, root_, 2));
  const std::uint32_t length = PageArray::length_max(pager_->page_size());
  PageArray part(*pager_, array_entry(root.data(), index / length));
  CAISSON_RETURN_IF_ERROR(part.set(txn, index % length, value));
  set_array_entry(root.data(), index / length, part.root().id);
  return {};
}

Result<ArrayModel> WideArray::read_all() const {
  ArrayModel model;
  if (root_.id == PageId{}) return model;
  CAISSON_ASSIGN_OR_RETURN(const auto root, copy_of(*pager_, root_));
  const std::uint32_t length = PageArray::length_max(pager_->page_size());
  for (std::uint32_t i = 0; i < length; ++i) {
    const PageArray part(*pager_, array_entry(root.data(), i));
    CAISSON_ASSIGN_OR_RETURN(const ArrayModel values, part.read_all());
    for (const auto& [index, value] : values) model[i * length + index] = value;
  }
  return model;
}

Result<std::vector<PageRef>> WideArray::leaves() const {
  std::vector<PageRef> leaves;
  if (root_.id == PageId{}) return leaves;
  CAISSON_ASSIGN_OR_RETURN(const auto root, copy_of(*pager_, root_));
  const std::uint32_t length = PageArray::length_max(pager_->page_size());
  for (std::uint32_t i = 0; i < length; ++i) {
    const PageRef part = array_entry(root.data(), i);
    if (part.id == PageId{}) continue;
    CAISSON_ASSIGN_OR_RETURN(const auto entries, copy_of(*pager_, part));
    for (std::uint32_t k = 0; k < length; ++k) {
      if (const PageRef leaf = array_entry(entries.data(), k); leaf.id != PageId{})
        leaves.push_back(leaf);
    }
  }
  return leaves;
}

}  // namespace caisson::pager::testing

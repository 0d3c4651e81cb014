#include "pager/testing/page_array.h"

#include <algorithm>

#include "base/codec.h"
#include "base/random.h"

namespace caisson::pager::testing {
namespace {

constexpr std::size_t kCountOffset = kPageHeaderSize;
constexpr std::size_t kEntriesOffset = kCountOffset + 4;
constexpr std::size_t kEntrySize = 12;

std::size_t entry_offset(std::uint32_t index) { return kEntriesOffset + index * kEntrySize; }

// A leaf's body: its index, its value, and noise that follows from both.
void fill_leaf(MutableBytes page, std::uint32_t index, std::uint64_t value) {
  Random noise(value * 1'000'003 + index);
  noise.fill(page.subspan(kPageHeaderSize));
  store_u32(page.data() + kPageHeaderSize, index);
  store_u64(page.data() + kPageHeaderSize + 4, value);
}

std::uint64_t leaf_value(const std::byte* leaf) { return load_u64(leaf + kPageHeaderSize + 4); }

}  // namespace

PageRef array_entry(const std::byte* root, std::uint32_t index) {
  const std::byte* entry = root + entry_offset(index);
  return {PageId{load_u64(entry)}, load_u32(entry + 8)};
}

void set_array_entry(std::byte* root, std::uint32_t index, PageId child) {
  store_u64(root + entry_offset(index), to_u64(child));
  store_u32(root + entry_offset(index) + 8, 0);
}

void ArrayLayout::child_slots(Bytes page, std::vector<ChildSlot>& slots) const {
  const std::uint32_t count = load_u32(page.data() + kCountOffset);
  for (std::uint32_t i = 0; i < count; ++i) {
    const PageRef ref = array_entry(page.data(), i);
    if (ref.id != PageId{}) slots.push_back({ref.id, entry_offset(i) + 8});
  }
}

const ArrayLayout& array_layout() {
  static const ArrayLayout layout;
  return layout;
}

std::uint32_t PageArray::length_max(std::uint32_t page_size) {
  return static_cast<std::uint32_t>((page_size - kEntriesOffset) / kEntrySize);
}

Result<MutableBytes> editable_array_root(Pager& pager, PageTxn& txn, PageRef& root,
                                         std::uint8_t level) {
  if (root.id != PageId{}) {
    if (const MutableBytes mine = txn.editable(root.id); !mine.empty()) return mine;
  }
  CAISSON_ASSIGN_OR_RETURN(const NewPage made, txn.allocate(kArrayRoot, level));
  if (root.id != PageId{}) {
    // Read after the allocation, which may have evicted what an unregistered reader looks at.
    CAISSON_ASSIGN_OR_RETURN(const std::byte* old_root, pager.read(root));
    std::copy_n(old_root + kPageHeaderSize, pager.page_size() - kPageHeaderSize,
                made.bytes.begin() + kPageHeaderSize);
    txn.free(root.id, read_header(old_root).txn);
  } else {
    store_u32(made.bytes.data() + kCountOffset, PageArray::length_max(pager.page_size()));
  }
  root = {made.id, 0};
  return made.bytes;
}

Result<void> PageArray::set(PageTxn& txn, std::uint32_t index, std::uint64_t value) {
  txn.renew();
  CAISSON_ASSIGN_OR_RETURN(const MutableBytes root, editable_array_root(*pager_, txn, root_, 1));
  const PageRef leaf = array_entry(root.data(), index);
  if (leaf.id != PageId{}) {
    if (const MutableBytes mine = txn.editable(leaf.id); !mine.empty() && value != 0) {
      fill_leaf(mine, index, value);
      return {};
    }
    CAISSON_ASSIGN_OR_RETURN(const std::byte* old_leaf, pager_->read(leaf));
    txn.free(leaf.id, read_header(old_leaf).txn);
    set_array_entry(root.data(), index, PageId{});
  }
  if (value == 0) return {};
  CAISSON_ASSIGN_OR_RETURN(const NewPage made, txn.allocate(kArrayLeaf, 0));
  fill_leaf(made.bytes, index, value);
  set_array_entry(root.data(), index, made.id);
  return {};
}

Result<ArrayModel> PageArray::read_all() const {
  ArrayModel model;
  if (root_.id == PageId{}) return model;
  CAISSON_ASSIGN_OR_RETURN(const std::byte* root_page, pager_->read(root_));
  // A copy, which reading the leaves can't evict.
  const std::vector<std::byte> root(root_page, root_page + pager_->page_size());
  std::vector<std::byte> expected(pager_->page_size());
  for (std::uint32_t i = 0; i < length_max(pager_->page_size()); ++i) {
    const PageRef ref = array_entry(root.data(), i);
    if (ref.id == PageId{}) continue;
    CAISSON_ASSIGN_OR_RETURN(const std::byte* leaf, pager_->read(ref));
    const std::uint64_t value = leaf_value(leaf);
    fill_leaf(expected, i, value);
    if (!std::equal(expected.begin() + kPageHeaderSize, expected.end(), leaf + kPageHeaderSize)) {
      return fail(Error(Code::kCorruption, "a leaf's bytes are not what was written")
                      .at_page(to_u64(ref.id)));
    }
    model[i] = value;
  }
  return model;
}

Result<std::uint64_t> PageArray::get(std::uint32_t index) const {
  if (root_.id == PageId{}) return 0;
  CAISSON_ASSIGN_OR_RETURN(const std::byte* root, pager_->read(root_));
  const PageRef ref = array_entry(root, index);
  if (ref.id == PageId{}) return 0;
  CAISSON_ASSIGN_OR_RETURN(const std::byte* leaf, pager_->read(ref));
  return leaf_value(leaf);
}

Result<std::vector<PageId>> PageArray::pages() const {
  std::vector<PageId> pages;
  if (root_.id == PageId{}) return pages;
  CAISSON_ASSIGN_OR_RETURN(const std::byte* root, pager_->read(root_));
  pages.push_back(root_.id);
  for (std::uint32_t i = 0; i < length_max(pager_->page_size()); ++i) {
    if (const PageRef ref = array_entry(root, i); ref.id != PageId{}) pages.push_back(ref.id);
  }
  return pages;
}

}  // namespace caisson::pager::testing

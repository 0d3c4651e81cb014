#include "btree/value.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace caisson::btree {
namespace {

using pager::kPageHeaderSize;
using pager::NewPage;
using pager::Pager;
using pager::PageTxn;

// How many pages are asked for ahead of the one that is read.
constexpr std::size_t kReadAhead = 4;

std::uint64_t pages_of(std::uint64_t size, std::size_t page_size) {
  return (size - 1) / value_page_bytes(page_size) + 1;
}

PageRef index_reference(const std::byte* page, std::uint64_t number) {
  return load_reference(page + kPageHeaderSize + number * kReferenceSize);
}

// Appends the page and all below it, which hold `size` bytes of the value. Value pages are not
// looked at.
Result<void> collect(Pager& pager, PageTxn& txn, const PageRef& ref, std::uint8_t level,
                     std::uint64_t size, std::vector<PageId>& pages) {
  if (!pager.has_page(ref.id)) {
    return fail(Error(Code::kCorruption, "a value refers to a page that can't be")
                    .at_page(to_u64(ref.id))
                    .with_rule("PAGE-6"));
  }
  pages.push_back(ref.id);
  if (level == 0) return {};
  const std::size_t page_size = pager.page_size();
  CAISSON_ASSIGN_OR_RETURN(const std::byte* page, read_value_page(pager, ref, level));
  const std::uint64_t below = value_bytes_below(level, page_size);
  const std::uint64_t count = (size - 1) / below + 1;
  // A copy, so that the page may be evicted meanwhile.
  const std::vector<std::byte> index(page, page + page_size);
  txn.renew();
  if (!all_zero(Bytes(index).subspan(kPageHeaderSize + count * kReferenceSize))) {
    return fail(
        Error(Code::kCorruption, "a value index has more references than the value has pages")
            .at_page(to_u64(ref.id))
            .with_rule("VALUE-1"));
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    CAISSON_RETURN_IF_ERROR(collect(pager, txn, index_reference(index.data(), i),
                                    static_cast<std::uint8_t>(level - 1),
                                    std::min(below, size - i * below), pages));
  }
  return {};
}

}  // namespace

std::uint64_t value_bytes_below(std::uint8_t level, std::size_t page_size) {
  std::uint64_t bytes = value_page_bytes(page_size);
  for (std::uint8_t i = 1; i < level; ++i) bytes *= value_index_references(page_size);
  return bytes;
}

std::uint8_t value_root_level(std::uint64_t size, std::size_t page_size) {
  std::uint64_t pages = pages_of(size, page_size);
  std::uint8_t level = 0;
  for (; pages > 1; ++level) pages = (pages - 1) / value_index_references(page_size) + 1;
  return level;
}

// --- Value ---------------------------------------------------------------------------------------

bool Value::in_one_piece() const {
  return pager_ == nullptr || size_ <= value_page_bytes(pager_->page_size());
}

Result<const std::byte*> read_value_page(Pager& pager, const PageRef& ref, std::uint8_t level) {
  CAISSON_ASSIGN_OR_RETURN(const std::byte* page, pager.read(ref));
  const pager::PageHeader header = pager::read_header(page);
  if (header.type != (level == 0 ? kValuePage : kValueIndex) || header.level != level) {
    return fail(
        Error(Code::kCorruption, "a page that is not the part of a value which it is named as")
            .at_page(to_u64(ref.id))
            .with_rule("VALUE-2"));
  }
  return page;
}

Result<const std::byte*> Value::page_at(std::uint64_t number) const {
  const std::size_t page_size = pager_->page_size();
  std::uint8_t level = value_root_level(size_, page_size);
  CAISSON_ASSIGN_OR_RETURN(const std::byte* page, read_value_page(*pager_, root_, level));
  while (level > 0) {
    const std::uint64_t below = value_bytes_below(level, page_size) / value_page_bytes(page_size);
    const std::uint64_t index = number / below;
    number %= below;
    const std::byte* parent = page;
    if (level == 1) {
      const std::size_t end = value_index_references(page_size);
      for (std::size_t i = index + 1; i < std::min(end, index + 1 + kReadAhead); ++i) {
        if (const PageRef ahead = index_reference(parent, i); ahead.id != PageId{}) {
          (void)pager_->prefetch(ahead.id);
        }
      }
    }
    --level;
    CAISSON_ASSIGN_OR_RETURN(page, read_value_page(*pager_, index_reference(parent, index), level));
  }
  return page;
}

Result<Bytes> Value::piece(std::uint64_t offset) const {
  if (offset > size_) {
    return fail(Code::kInvalidArgument, "offset " + std::to_string(offset) +
                                            " is behind the end of a value of " +
                                            std::to_string(size_) + " bytes");
  }
  if (pager_ == nullptr) return bytes_.subspan(offset);
  if (offset == size_) return Bytes{};
  const std::size_t bytes_per_page = value_page_bytes(pager_->page_size());
  CAISSON_ASSIGN_OR_RETURN(const std::byte* page, page_at(offset / bytes_per_page));
  const std::size_t within = offset % bytes_per_page;
  const std::uint64_t size = std::min<std::uint64_t>(bytes_per_page - within, size_ - offset);
  return Bytes(page + kPageHeaderSize + within, size);
}

Result<void> Value::read(std::uint64_t offset, MutableBytes out) const {
  if (offset > size_ || out.size() > size_ - offset) {
    return fail(Code::kInvalidArgument,
                std::to_string(out.size()) + " bytes from " + std::to_string(offset) +
                    " on are more than a value of " + std::to_string(size_) + " bytes has");
  }
  while (!out.empty()) {
    CAISSON_ASSIGN_OR_RETURN(const Bytes bytes, piece(offset));
    const std::size_t size = std::min(bytes.size(), out.size());
    std::memcpy(out.data(), bytes.data(), size);
    out = out.subspan(size);
    offset += size;
  }
  return {};
}

// --- LongValueWriter -----------------------------------------------------------------------------

LongValueWriter::LongValueWriter(Pager& pager, PageTxn& txn) : pager_(&pager), txn_(&txn) {
  page_.reserve(value_page_bytes(pager.page_size()));
}

LongValueWriter::LongValueWriter(LongValueWriter&& other) noexcept
    : pager_(other.pager_),
      txn_(other.txn_),
      size_(other.size_),
      page_(std::move(other.page_)),
      unnamed_(std::move(other.unnamed_)),
      pages_(std::exchange(other.pages_, {})) {}

LongValueWriter::~LongValueWriter() {
  for (const PageId id : pages_) txn_->free(id, txn_->txn());
}

Result<void> LongValueWriter::append(Bytes bytes) {
  const std::size_t capacity = value_page_bytes(pager_->page_size());
  while (!bytes.empty()) {
    if (page_.size() == capacity) CAISSON_RETURN_IF_ERROR(flush_page());
    const Bytes part = bytes.first(std::min(bytes.size(), capacity - page_.size()));
    page_.insert(page_.end(), part.begin(), part.end());
    size_ += part.size();
    bytes = bytes.subspan(part.size());
  }
  return {};
}

Result<PageId> LongValueWriter::make_page(PageType type, std::uint8_t level, Bytes body) {
  CAISSON_RETURN_IF_ERROR(txn_->make_room());
  CAISSON_ASSIGN_OR_RETURN(const NewPage page, txn_->allocate(type, level));
  std::memcpy(page.bytes.data() + kPageHeaderSize, body.data(), body.size());
  pages_.push_back(page.id);
  return page.id;
}

Result<void> LongValueWriter::flush_page() {
  CAISSON_ASSIGN_OR_RETURN(const PageId id, make_page(kValuePage, 0, page_));
  page_.clear();
  return add(0, id);
}

Result<void> LongValueWriter::add(std::size_t level, PageId id) {
  if (unnamed_.size() == level) unnamed_.emplace_back();
  unnamed_[level].push_back(id);
  if (unnamed_[level].size() < value_index_references(pager_->page_size())) return {};
  return flush_index(level);
}

Result<void> LongValueWriter::flush_index(std::size_t level) {
  std::vector<PageId>& pages = unnamed_[level];
  std::vector<std::byte> body(pages.size() * kReferenceSize);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    store_reference(body.data() + i * kReferenceSize, {pages[i], 0});
  }
  CAISSON_ASSIGN_OR_RETURN(const PageId id,
                           make_page(kValueIndex, static_cast<std::uint8_t>(level + 1), body));
  pages.clear();
  return add(level + 1, id);
}

Result<LongValueRef> LongValueWriter::finish() {
  CAISSON_RETURN_IF_ERROR(flush_page());
  for (std::size_t level = 0;; ++level) {
    if (unnamed_[level].empty()) continue;
    if (level + 1 == unnamed_.size() && unnamed_[level].size() == 1) {
      return LongValueRef{size_, {unnamed_[level].front(), 0}};
    }
    CAISSON_RETURN_IF_ERROR(flush_index(level));
  }
}

Result<void> DoomedPages::collect_from(Pager& pager, PageTxn& txn, const LongValueRef& ref) {
  // The indexes of a forged value may name one page again and again, up to 2^40 bytes.
  const std::uint64_t pages_before_last = pages_of(ref.size, pager.page_size()) - 1;
  if (!pager.has_page(PageId{to_u64(pager::first_page(pager.page_size())) + pages_before_last})) {
    return fail(Error(Code::kCorruption, "a value of more pages than the file has")
                    .at_page(to_u64(ref.root.id))
                    .with_rule("TREE-4"));
  }
  const std::uint8_t level = value_root_level(ref.size, pager.page_size());
  CAISSON_ASSIGN_OR_RETURN(const std::byte* root, read_value_page(pager, ref.root, level));
  const TxnId birth = pager::read_header(root).txn;
  std::vector<PageId> pages;
  CAISSON_RETURN_IF_ERROR(collect(pager, txn, ref.root, level, ref.size, pages));
  txn.renew();
  for (const PageId id : pages) pages_.emplace_back(id, birth);
  return {};
}

Result<void> DoomedPages::check_distinct() const {
  if (pages_.size() < 2) return {};
  std::vector<std::pair<PageId, TxnId>> sorted = pages_;
  std::ranges::sort(sorted);
  const auto twice = std::ranges::adjacent_find(sorted, {}, &std::pair<PageId, TxnId>::first);
  if (twice == sorted.end()) return {};
  return fail(Error(Code::kCorruption, "a page that is in two places")
                  .at_page(to_u64(twice->first))
                  .with_rule("TREE-4"));
}

void DoomedPages::free_all(PageTxn& txn) {
  for (const auto& [id, birth] : pages_) txn.free(id, birth);
  pages_.clear();
}

}  // namespace caisson::btree

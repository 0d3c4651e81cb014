// Values: those that lie in a leaf, and long ones that have pages of their own (spec/btree.md,
// section 4).

#ifndef CAISSON_BTREE_VALUE_H_
#define CAISSON_BTREE_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/result.h"
#include "btree/format.h"
#include "pager/page_txn.h"
#include "pager/pager.h"

namespace caisson::btree {

// Bytes of a long value in one of its pages.
constexpr std::size_t value_page_bytes(std::size_t page_size) {
  return page_size - pager::kPageHeaderSize;
}

// References in a full value index.
constexpr std::size_t value_index_references(std::size_t page_size) {
  return (page_size - pager::kPageHeaderSize) / kReferenceSize;
}

// The bytes of a value below one reference of an index of this level, 1 or more.
std::uint64_t value_bytes_below(std::uint8_t level, std::size_t page_size);

// The level of a long value's root.
std::uint8_t value_root_level(std::uint64_t size, std::size_t page_size);

// A value as a reader sees it: borrowed from pages, and valid as long as the snapshot that it was
// found in. Reading it copies nothing but where the caller asks for a copy. Thread-safe.
class Value {
 public:
  // One that lies in a leaf.
  explicit Value(Bytes bytes) : bytes_(bytes), size_(bytes.size()) {}

  // One that has pages of its own.
  Value(pager::Pager& pager, const LongValueRef& ref)
      : pager_(&pager), size_(ref.size), root_(ref.root) {}

  std::uint64_t size() const { return size_; }

  // Whether it has pages of its own, which are read only when they are asked for.
  bool is_long() const { return pager_ != nullptr; }

  // Whether the value lies in one place, so that piece(0) is all of it: always true for values of
  // up to a quarter of the page size, and for those of one page.
  bool in_one_piece() const;

  // The bytes from `offset` on, as many as lie side by side: to the end of a page, or of the value.
  // Empty at the end. Errors: kInvalidArgument behind the end; kCorruption, kIoError.
  // O(height of the value index).
  Result<Bytes> piece(std::uint64_t offset) const;

  // Copies out.size() bytes from `offset` on. kInvalidArgument if the value ends before; else as
  // piece().
  Result<void> read(std::uint64_t offset, MutableBytes out) const;

 private:
  Result<const std::byte*> page_at(std::uint64_t number) const;

  pager::Pager* pager_ = nullptr;  // Null: the value is `bytes_`.
  Bytes bytes_;
  std::uint64_t size_ = 0;
  PageRef root_;
};

// Reads a page of a long value. kCorruption (VALUE-2) if it is not one of this level.
Result<const std::byte*> read_value_page(pager::Pager& pager, const PageRef& ref,
                                         std::uint8_t level);

// Writes a long value to new pages from front to back, holding no more than a page of it (and its
// pages' numbers). What was written is freed again unless keep() is called.
class LongValueWriter {
 public:
  LongValueWriter(pager::Pager& pager, pager::PageTxn& txn);
  LongValueWriter(LongValueWriter&& other) noexcept;
  LongValueWriter(const LongValueWriter&) = delete;
  LongValueWriter& operator=(const LongValueWriter&) = delete;
  LongValueWriter& operator=(LongValueWriter&&) = delete;
  ~LongValueWriter();

  std::uint64_t size() const { return size_; }

  // `bytes` don't lie in pages read through the transaction: it makes room for each page.
  // Errors: those of PageTxn::allocate() and PageTxn::make_room(). The first one is final.
  Result<void> append(Bytes bytes);

  // What names the value. REQUIRES: size() > 0.
  Result<LongValueRef> finish();

  // The value is somebody's now.
  void keep() { pages_.clear(); }

 private:
  Result<void> flush_page();
  Result<void> add(std::size_t level, PageId id);
  Result<void> flush_index(std::size_t level);
  Result<PageId> make_page(PageType type, std::uint8_t level, Bytes body);

  pager::Pager* pager_;
  pager::PageTxn* txn_;
  std::uint64_t size_ = 0;
  std::vector<std::byte> page_;  // Bytes that have no page yet.
  // By level: pages that no index names yet.
  std::vector<std::vector<PageId>> unnamed_;
  std::vector<PageId> pages_;  // All of them.
};

// Pages that a change frees when it is done. Finding those of a long value can fail, so it comes
// first; freeing can't.
class DoomedPages {
 public:
  void add(PageId id, TxnId birth) { pages_.emplace_back(id, birth); }

  // Adds those of a long value. Reads its root and its indexes; by VALUE-4 the others needn't be.
  // Calls txn.renew() in between, so a value may be larger than memory.
  // Errors: kCorruption (VALUE-1, VALUE-2, TREE-4, PAGE-6); as Pager::read().
  Result<void> collect_from(pager::Pager& pager, pager::PageTxn& txn, const LongValueRef& ref);

  // kCorruption (TREE-4) if a page is there twice: then a file was forged.
  Result<void> check_distinct() const;

  void free_all(pager::PageTxn& txn);
  void clear() { pages_.clear(); }

 private:
  std::vector<std::pair<PageId, TxnId>> pages_;
};

}  // namespace caisson::btree

#endif  // CAISSON_BTREE_VALUE_H_

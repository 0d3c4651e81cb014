// One node of a tree, leaf or branch, as it lies in its page: spec/btree.md, section 2.
//
// check_node() looks at everything once, when the page is first read; NodeView then reads without
// checks. Both borrow the page. Thread-safe as long as nobody edits the page.

#ifndef CAISSON_BTREE_NODE_H_
#define CAISSON_BTREE_NODE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/codec.h"
#include "base/result.h"
#include "btree/format.h"
#include "pager/meta.h"

namespace caisson::btree {

inline constexpr std::size_t kNodeHeaderSize = 84;  // The page's header included.
inline constexpr std::size_t kHeadSize = 4;
inline constexpr std::size_t kOffsetSize = 2;
inline constexpr std::size_t kEntryHeaderSize = 4;

// What an entry that says its sizes takes beside its key's rest and its value.
inline constexpr std::size_t kEntryOverhead = kHeadSize + kOffsetSize + kEntryHeaderSize;

// The value size of an entry whose value is long.
inline constexpr std::uint16_t kLongValue = 0xFFFF;

// The key size of a node whose entries say their sizes themselves.
inline constexpr std::uint16_t kSizesVary = 0xFFFF;

// The part of a key that lies in the heap, where `suffix_size` bytes follow the node's prefix.
constexpr std::size_t rest_size(std::size_t suffix_size) {
  return suffix_size > kHeadSize ? suffix_size - kHeadSize : 0;
}

// What a node holds of a value: the bytes themselves, or a LongValueRef.
struct HeldValue {
  Bytes bytes;
  bool is_long = false;
};

// The sizes of an entry: of its key without the prefix, and its value as entries say it.
struct EntrySizes {
  std::uint16_t suffix = 0;
  std::uint16_t value = 0;

  std::size_t rest() const { return rest_size(suffix); }
  std::size_t held() const { return value == kLongValue ? kLongValueRefSize : value; }

  friend bool operator==(const EntrySizes&, const EntrySizes&) = default;
};

inline EntrySizes load_sizes(const std::byte* from) { return {load_u16(from), load_u16(from + 2)}; }

inline EntrySizes sizes_of(std::size_t suffix_size, const HeldValue& value) {
  return {static_cast<std::uint16_t>(suffix_size),
          value.is_long ? kLongValue : static_cast<std::uint16_t>(value.bytes.size())};
}

// The longest key that a node takes (NODE-5).
constexpr std::size_t key_size_max(std::size_t page_size) {
  return pager::key_limit_max(static_cast<std::uint32_t>(page_size));
}

// What NodeView::copy_key() may write.
constexpr std::size_t key_buffer_size(std::size_t page_size) {
  return key_size_max(page_size) + kHeadSize;
}

// Room for prefix, heads, offsets and heap.
constexpr std::size_t node_room(std::size_t page_size) { return page_size - kNodeHeaderSize; }

// The heaviest entry that a node takes (NODE-5).
constexpr std::size_t entry_weight_max(std::size_t page_size) { return node_room(page_size) / 3; }

// What an entry with these sizes weighs (spec/btree.md, section 3).
constexpr std::size_t entry_weight(std::size_t key_size, std::size_t value_size) {
  return kEntryOverhead + rest_size(key_size) + value_size;
}

// The first four bytes as a number that orders as they do; zeros behind shorter keys.
inline std::uint32_t head_of(Bytes suffix) {
  if (suffix.size() >= kHeadSize) [[likely]] {
    std::uint32_t head = 0;
    std::memcpy(&head, suffix.data(), sizeof head);
    if constexpr (std::endian::native == std::endian::little) head = std::byteswap(head);
    return head;
  }
  std::uint32_t head = 0;
  for (std::size_t i = 0; i < suffix.size(); ++i) {
    head |= std::to_integer<std::uint32_t>(suffix[i]) << (24 - 8 * i);
  }
  return head;
}

// The bytes that a head stands for, kHeadSize of them.
inline void store_head(std::uint32_t head, std::byte* to) {
  if constexpr (std::endian::native == std::endian::little) head = std::byteswap(head);
  std::memcpy(to, &head, sizeof head);
}

// Negative, 0 or positive as the first is less than, equal to or greater than the second.
inline int compare_bytes(Bytes a, Bytes b) {
  const std::size_t size = std::min(a.size(), b.size());
  if (const int order = size == 0 ? 0 : std::memcmp(a.data(), b.data(), size); order != 0) {
    return order;
  }
  return a.size() < b.size() ? -1 : static_cast<int>(a.size() > b.size());
}

// How many bytes both begin with.
inline std::size_t common_prefix(Bytes a, Bytes b) {
  const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  return static_cast<std::size_t>(end - a.begin());
}

// Fetches the lines of memory that hold these bytes, without waiting for them. Inlined, as are its
// callers: to GCC, a call of something that only prefetches has no effect, and can be left out.
[[gnu::always_inline]] inline void prefetch_bytes(const std::byte* from, std::size_t size) {
  for (std::size_t offset = 0; offset < size; offset += 64) __builtin_prefetch(from + offset);
}

// How much of one entry is fetched ahead at most. What follows costs less: the processor has seen
// by then where this goes.
inline constexpr std::size_t kPrefetchMax = 1024;

// Where a key is in a node, or would be.
struct Position {
  unsigned index = 0;  // Of the first entry that is not less than the key.
  bool found = false;  // That entry has the key.
};

class NodeView {
 public:
  NodeView() = default;

  // `page` was checked by check_node(), or made by this process.
  NodeView(const std::byte* page, std::size_t page_size)
      : page_(page),
        page_size_(page_size),
        count_(load_u16(page + 72)),
        prefix_size_(load_u16(page + 74)),
        sizes_(load_sizes(page + 80)) {}

  const std::byte* page() const { return page_; }
  std::size_t page_size() const { return page_size_; }
  unsigned count() const { return count_; }
  unsigned long_values() const { return load_u16(page_ + 78); }
  std::size_t heap_size() const { return load_u16(page_ + 76); }
  std::uint8_t level() const { return std::to_integer<std::uint8_t>(page_[5]); }
  bool is_branch() const { return page_[4] == std::byte{static_cast<std::uint8_t>(kBranch)}; }

  // Whether it is a leaf of a catalog, whose values name trees (NODE-6).
  bool names_trees() const { return !is_branch() && level() == kCatalogLeafLevel; }

  Bytes prefix() const { return {page_ + kNodeHeaderSize, prefix_size_}; }

  std::uint32_t head(unsigned index) const {
    return load_u32(heads() + static_cast<std::size_t>(index) * kHeadSize);
  }

  // Whether the node says the sizes that all its entries have.
  bool says_sizes() const { return sizes_.suffix != kSizesVary; }

  EntrySizes sizes(unsigned index) const {
    return says_sizes() ? sizes_ : load_sizes(entry(index));
  }

  // The size of a whole key.
  std::size_t key_size(unsigned index) const { return prefix_size_ + sizes(index).suffix; }

  // Writes a whole key to `out`, which has room for key_buffer_size() bytes; returns its size.
  std::size_t copy_key(unsigned index, std::byte* out) const {
    if (prefix_size_ != 0) std::memcpy(out, page_ + kNodeHeaderSize, prefix_size_);
    return copy_suffix(index, out);
  }

  // The same where the prefix is in `out` already.
  std::size_t copy_suffix(unsigned index, std::byte* out) const {
    const Body body = this->body(index);
    store_head(head(index), out + prefix_size_);
    if (const std::size_t rest = body.sizes.rest(); rest != 0) {
      std::memcpy(out + prefix_size_ + kHeadSize, body.bytes, rest);
    }
    return prefix_size_ + body.sizes.suffix;
  }

  bool value_is_long(unsigned index) const { return sizes(index).value == kLongValue; }

  // The bytes that the node holds of a value: itself, or what refers to it.
  Bytes value(unsigned index) const { return held_value(index).bytes; }

  HeldValue held_value(unsigned index) const {
    const Body body = this->body(index);
    return {{body.bytes + body.sizes.rest(), body.sizes.held()}, body.sizes.value == kLongValue};
  }

  LongValueRef long_value(unsigned index) const { return load_long_value(value(index).data()); }

  // Of a catalog's leaf.
  TreeRoot tree_root(unsigned index) const { return load_tree_root(value(index).data()); }

  // Of a branch.
  PageRef child(unsigned index) const { return load_reference(value(index).data()); }

  // The first entry whose key is not less than `key`. O(log count).
  Position find(Bytes key) const { return find_from(0, key); }

  // Whether `key` is greater than every key of the node. O(1).
  bool ends_before(Bytes key) const;

  // Of a branch: the entry below which `key` is.
  unsigned child_index(Bytes key) const {
    const Position position = find_from(1, key);
    return position.found ? position.index : position.index - 1;
  }

  // What fills it (spec/btree.md, section 3).
  std::size_t fill() const;

  // Whether fill() is `bytes` at least. O(1), but where that is close.
  bool is_filled_to(std::size_t bytes) const;

  // What one entry weighs.
  std::size_t weight(unsigned index) const {
    const EntrySizes of = sizes(index);
    const bool left_out = index == 0 && is_branch();
    return entry_weight(left_out ? 0 : prefix_size_ + of.suffix, of.held());
  }

  // Bytes that heads, offsets and heap take, and those that nobody uses.
  std::size_t used() const { return count_ * (kHeadSize + kOffsetSize) + heap_size(); }
  std::size_t free_bytes() const { return node_room(page_size_) - prefix_size_ - used(); }

  // Whether an entry can be added as the node is, to which its key's prefix and its sizes have to
  // agree.
  bool fits(Bytes key, const HeldValue& value) const {
    return takes(key, value) && bytes_of_entry(key, value) <= free_bytes();
  }
  bool takes(Bytes key, const HeldValue& value) const {
    if (key.size() < prefix_size_ ||
        (prefix_size_ != 0 &&
         std::memcmp(key.data(), page_ + kNodeHeaderSize, prefix_size_) != 0)) {
      return false;
    }
    return !says_sizes() || sizes_ == sizes_of(key.size() - prefix_size_, value);
  }

  // What an entry that the node takes adds to used(), or one that it has.
  std::size_t bytes_of_entry(Bytes key, const HeldValue& value) const {
    return bytes_of_entry(key.size() - prefix_size_, value.bytes.size());
  }
  std::size_t bytes_of_entry(unsigned index) const {
    const EntrySizes of = sizes(index);
    return bytes_of_entry(of.suffix, of.held());
  }

  // Fetches the lines that an insert will write to, while a search is under way.
  [[gnu::always_inline]] void prefetch_room() const {
    const std::byte* heap = page_ + page_size_ - heap_size();
    for (std::ptrdiff_t line = 1; line <= 3; ++line) __builtin_prefetch(heap - line * 64, 1);
  }

  // Fetches the lines that a search of a leaf of ordinary size will look at, and finds out where
  // the rest of the page is: the entry lies there, and to wait for that address in its turn would
  // cost as much again.
  [[gnu::always_inline]] static void prefetch(const std::byte* page, std::size_t page_size) {
    prefetch_bytes(page, 14 * 64);
    for (std::size_t offset = 4096; offset < page_size; offset += 4096) {
      __builtin_prefetch(page + offset);
    }
  }

  // Fetches an entry, as far as it has `size` bytes.
  [[gnu::always_inline]] void prefetch_entry(unsigned index, std::size_t size) const {
    prefetch_bytes(entry(index), size);
  }

  // How much of an entry to fetch: what the heap has of one on average. REQUIRES: count() > 0.
  std::size_t fetched_bytes() const { return std::min(heap_size() / count_, kPrefetchMax); }

 private:
  const std::byte* heads() const { return page_ + kNodeHeaderSize + prefix_size_; }
  const std::byte* offsets() const {
    return heads() + static_cast<std::size_t>(count_) * kHeadSize;
  }
  const std::byte* entry(unsigned index) const {
    return page_ + load_u16(offsets() + static_cast<std::size_t>(index) * kOffsetSize);
  }

  std::size_t bytes_of_entry(std::size_t suffix_size, std::size_t held_size) const {
    return kHeadSize + kOffsetSize + (says_sizes() ? 0 : kEntryHeaderSize) +
           rest_size(suffix_size) + held_size;
  }

  // An entry's rest of a key and its value.
  struct Body {
    const std::byte* bytes;
    EntrySizes sizes;
  };
  Body body(unsigned index) const {
    const std::byte* at = entry(index);
    if (says_sizes()) return {at, sizes_};
    return {at + kEntryHeaderSize, load_sizes(at)};
  }

  Position find_from(unsigned first, Bytes key) const;
  int compare_rest(unsigned index, Bytes suffix) const;
  void prefetch_between(std::size_t begin, std::size_t end) const;

  const std::byte* page_ = nullptr;
  std::size_t page_size_ = 0;
  unsigned count_ = 0;
  unsigned prefix_size_ = 0;
  EntrySizes sizes_;
};

// Checks NODE-1 to NODE-6 of a page whose type is leaf or branch. Errors: kCorruption, naming page
// and rule. O(page size).
Result<void> check_node(Bytes page);

}  // namespace caisson::btree

#endif  // CAISSON_BTREE_NODE_H_

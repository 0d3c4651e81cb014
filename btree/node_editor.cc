#include "btree/node_editor.h"

#include <algorithm>
#include <cassert>

namespace caisson::btree {
namespace {

void store_sizes(std::byte* to, EntrySizes sizes) {
  store_u16(to, sizes.suffix);
  store_u16(to + 2, sizes.value);
}

// Writes an entry of the heap; returns where it ends.
std::byte* store_entry(std::byte* to, bool with_sizes, Bytes suffix, const HeldValue& value) {
  if (with_sizes) {
    store_sizes(to, sizes_of(suffix.size(), value));
    to += kEntryHeaderSize;
  }
  if (const std::size_t rest = rest_size(suffix.size()); rest != 0) {
    std::memcpy(to, suffix.data() + kHeadSize, rest);
    to += rest;
  }
  if (!value.bytes.empty()) std::memcpy(to, value.bytes.data(), value.bytes.size());
  return to + value.bytes.size();
}

// A catalog's leaf keeps its level.
void set_leaf_level(MutableBytes page, unsigned long_values) {
  if (page[5] == std::byte{kCatalogLeafLevel}) return;
  page[5] = std::byte{long_values == 0 ? std::uint8_t{0} : kLeafLevel};
}

// Whether a node can say these sizes for all its entries (NODE-1).
bool can_be_said(EntrySizes sizes) { return sizes.rest() + sizes.held() > 0; }

}  // namespace

// --- NodeEditor ----------------------------------------------------------------------------------

void NodeEditor::store_counts(unsigned count, std::size_t heap_size, unsigned long_values) {
  store_u16(at(72), static_cast<std::uint16_t>(count));
  store_u16(at(76), static_cast<std::uint16_t>(heap_size));
  store_u16(at(78), static_cast<std::uint16_t>(long_values));
  if (!view().is_branch()) set_leaf_level(page_, long_values);
}

void NodeEditor::start(std::size_t prefix_size, Bytes key, const HeldValue& value) {
  const EntrySizes sizes = sizes_of(key.size() - prefix_size, value);
  store_u16(at(74), static_cast<std::uint16_t>(prefix_size));
  store_sizes(at(80), can_be_said(sizes) ? sizes : EntrySizes{kSizesVary, 0});
  if (prefix_size != 0) std::memcpy(at(kNodeHeaderSize), key.data(), prefix_size);
  insert(0, key, value);
}

void NodeEditor::insert(unsigned index, Bytes key, const HeldValue& value) {
  const NodeView node = view();
  const unsigned count = node.count();
  const std::size_t prefix = node.prefix().size();
  const Bytes suffix = key.subspan(prefix);
  const std::size_t heap_size =
      node.heap_size() + node.bytes_of_entry(key, value) - kHeadSize - kOffsetSize;
  const std::size_t offset = page_.size() - heap_size;
  const std::size_t heads = kNodeHeaderSize + prefix;
  const std::size_t offsets = heads + count * kHeadSize;
  // From the end on, since every part moves back.
  std::memmove(at(offsets + kHeadSize + (index + 1) * kOffsetSize),
               at(offsets + index * kOffsetSize), (count - index) * kOffsetSize);
  std::memmove(at(offsets + kHeadSize), at(offsets), index * kOffsetSize);
  std::memmove(at(heads + (index + 1) * kHeadSize), at(heads + index * kHeadSize),
               (count - index) * kHeadSize);
  store_u32(at(heads + index * kHeadSize), head_of(suffix));
  store_u16(at(offsets + kHeadSize + index * kOffsetSize), static_cast<std::uint16_t>(offset));
  store_entry(at(offset), !node.says_sizes(), suffix, value);
  store_counts(count + 1, heap_size, node.long_values() + (value.is_long ? 1 : 0));
}

void NodeEditor::remove(unsigned index) {
  const NodeView node = view();
  const unsigned count = node.count();
  assert(index < count && count > 1);
  const Bytes value = node.value(index);
  const bool was_long = node.value_is_long(index);
  const std::size_t heads = kNodeHeaderSize + node.prefix().size();
  const std::size_t offsets = heads + count * kHeadSize;
  const std::size_t begin = load_u16(at(offsets + index * kOffsetSize));
  const std::size_t end = static_cast<std::size_t>(value.data() - page_.data()) + value.size();
  const std::size_t size = end - begin;
  // The heap closes the gap, so that it never has any.
  const std::size_t heap = page_.size() - node.heap_size();
  std::memmove(at(heap + size), at(heap), begin - heap);
  std::memset(at(heap), 0, size);
  for (unsigned i = 0; i < count; ++i) {
    std::byte* place = at(offsets + i * kOffsetSize);
    const std::size_t offset = load_u16(place);
    store_u16(place, static_cast<std::uint16_t>(offset < begin ? offset + size : offset));
  }
  std::memmove(at(heads + index * kHeadSize), at(heads + (index + 1) * kHeadSize),
               (count - index - 1) * kHeadSize);
  std::memmove(at(offsets - kHeadSize), at(offsets), index * kOffsetSize);
  std::memmove(at(offsets - kHeadSize + index * kOffsetSize),
               at(offsets + (index + 1) * kOffsetSize), (count - index - 1) * kOffsetSize);
  std::memset(at(offsets - kHeadSize + (count - 1) * kOffsetSize), 0, kHeadSize + kOffsetSize);
  store_counts(count - 1, node.heap_size() - size, node.long_values() - (was_long ? 1 : 0));
}

void NodeEditor::overwrite(unsigned index, const HeldValue& value) {
  const HeldValue old = view().held_value(index);
  assert(old.bytes.size() == value.bytes.size() && old.is_long == value.is_long);
  if (old.bytes.empty()) return;
  std::memmove(at(static_cast<std::size_t>(old.bytes.data() - page_.data())), value.bytes.data(),
               old.bytes.size());
}

void NodeEditor::set_child(unsigned index, PageId child) {
  const Bytes old = view().value(index);
  store_reference(at(static_cast<std::size_t>(old.data() - page_.data())), {child, 0});
}

// --- Entries -------------------------------------------------------------------------------------

void Entries::clear() {
  entries_.clear();
  keys_size_ = 0;
  shortest_key_ = ~std::size_t{0};
}

// Where `key_bytes` bytes of keys can be written.
std::byte* Entries::make_room(std::size_t key_bytes) {
  if (key_bytes > keys_capacity_ - keys_size_) {
    const std::size_t capacity = std::max(2 * keys_capacity_, keys_size_ + key_bytes);
    auto keys = std::make_unique_for_overwrite<std::byte[]>(capacity);
    if (keys_size_ != 0) std::memcpy(keys.get(), keys_.get(), keys_size_);
    keys_ = std::move(keys);
    keys_capacity_ = capacity;
  }
  return keys_.get() + keys_size_;
}

void Entries::push(std::size_t key_offset, std::size_t key_size, const HeldValue& value) {
  shortest_key_ = std::min(shortest_key_, key_size);
  entries_.push_back({.value = value.bytes.data(),
                      .key_offset = static_cast<std::uint32_t>(key_offset),
                      .key_size = static_cast<std::uint32_t>(key_size),
                      .held_size = static_cast<std::uint16_t>(value.bytes.size()),
                      .is_long = value.is_long});
  sum_up(entries_.size() - 1);
}

void Entries::sum_up(std::size_t index) {
  Entry& entry = entries_[index];
  entry.sum = static_cast<std::uint32_t>(own_bytes(index));
  entry.same_from = static_cast<std::uint32_t>(index);
  if (index == 0) return;
  const Entry& before = entries_[index - 1];
  entry.sum += before.sum;
  if (before.key_size == entry.key_size && before.held_size == entry.held_size &&
      before.is_long == entry.is_long) {
    entry.same_from = before.same_from;
  }
}

void Entries::sum_up_all() {
  for (std::size_t i = 0; i < entries_.size(); ++i) sum_up(i);
}

void Entries::append(Bytes key, const HeldValue& value) {
  std::byte* const to = make_room(key.size());
  std::ranges::copy(key, to);
  push(keys_size_, key.size(), value);
  keys_size_ += key.size();
}

void Entries::append(const NodeView& node, unsigned begin, unsigned end, Bytes first_key) {
  if (begin == 0 && end > 0 && node.is_branch()) {
    append(first_key, {node.value(0), false});
    begin = 1;
  }
  if (begin >= end) return;
  std::byte* const room =
      make_room((end - begin) * (node.prefix().size() + kHeadSize) + node.heap_size());
  std::byte* to = room;
  for (unsigned index = begin; index < end; ++index) {
    const std::size_t size = node.copy_key(index, to);
    push(keys_size_ + static_cast<std::size_t>(to - room), size, node.held_value(index));
    to += size;
  }
  keys_size_ += static_cast<std::size_t>(to - room);
}

void Entries::prepend(const NodeView& node) {
  const auto own = static_cast<std::ptrdiff_t>(entries_.size());
  append(node, {});
  std::rotate(entries_.begin(), entries_.begin() + own, entries_.end());
  sum_up_all();
}

void Entries::remove(std::size_t index, std::size_t removed) {
  const auto at = entries_.begin() + static_cast<std::ptrdiff_t>(index);
  entries_.erase(at, at + static_cast<std::ptrdiff_t>(removed));
  sum_up_all();
}

void Entries::set_key(std::size_t index, Bytes key) {
  std::byte* const to = make_room(key.size());
  std::ranges::copy(key, to);
  entries_[index].key_offset = static_cast<std::uint32_t>(keys_size_);
  entries_[index].key_size = static_cast<std::uint32_t>(key.size());
  keys_size_ += key.size();
  shortest_key_ = std::min(shortest_key_, key.size());
  sum_up_all();
}

// --- Whole nodes ---------------------------------------------------------------------------------

std::size_t NodePlan::prefix_size(const Entries& entries) const {
  const std::size_t first = begin + (branch ? 1 : 0);
  if (end - first < 2) return 0;
  const std::size_t shared = common_prefix(entries.key(first), entries.key(end - 1));
  if (!branch && entries.same_sizes(begin, end)) {
    const std::size_t rest = rest_size(entries.key(begin).size());
    // A byte is left over: entries of no bytes would have to say their sizes.
    const bool keeps_one = rest > 0 && entries.value(begin).bytes.empty();
    return std::min(shared, keeps_one ? rest - 1 : rest);
  }
  if (entries.shortest_key() >= shared + kHeadSize) return shared;
  // A byte of prefix saves one in each key that is longer than prefix and head, and costs one.
  std::size_t longest = 0;
  std::size_t second = 0;
  for (std::size_t i = first; i < end; ++i) {
    const std::size_t size = entries.key(i).size();
    second = std::max(second, std::min(longest, size));
    longest = std::max(longest, size);
  }
  return std::min(shared, rest_size(second));
}

std::size_t NodePlan::bytes_behind(const Entries& entries, std::size_t prefix_size) const {
  if (branch) {
    const NodePlan others{begin + 1, end, false};
    return kEntryOverhead + kReferenceSize + others.bytes_behind(entries, prefix_size);
  }
  if (entries.shortest_key() >= prefix_size + kHeadSize) {
    const std::size_t count = end - begin;
    return entries.bytes_between(begin, end) + count * (kEntryOverhead - kHeadSize) -
           count * prefix_size;
  }
  if (begin < end && entries.same_sizes(begin, end)) {
    return (end - begin) *
           entry_weight(entries.key(begin).size() - prefix_size, entries.value(begin).bytes.size());
  }
  std::size_t sum = 0;
  for (std::size_t i = begin; i < end; ++i) {
    sum += entry_weight(entries.key(i).size() - prefix_size, entries.value(i).bytes.size());
  }
  return sum;
}

bool NodePlan::says_sizes(const Entries& entries, std::size_t prefix_size) const {
  return !branch && begin < end && entries.same_sizes(begin, end) &&
         can_be_said(sizes_of(entries.key(begin).size() - prefix_size, entries.value(begin)));
}

std::size_t NodePlan::used(const Entries& entries) const {
  const std::size_t prefix = prefix_size(entries);
  const std::size_t saved = says_sizes(entries, prefix) ? (end - begin) * kEntryHeaderSize : 0;
  return prefix + bytes_behind(entries, prefix) - saved;
}

void build_node(const Entries& entries, const NodePlan& plan, MutableBytes page) {
  const std::size_t count = plan.end - plan.begin;
  const std::size_t prefix = plan.prefix_size(entries);
  const bool says_sizes = plan.says_sizes(entries, prefix);
  const std::size_t heap_size = plan.used(entries) - prefix - count * (kHeadSize + kOffsetSize);
  std::byte* const heads = page.data() + kNodeHeaderSize + prefix;
  std::byte* const offsets = heads + count * kHeadSize;
  std::byte* const heap = page.data() + page.size() - heap_size;
  assert(offsets + count * kOffsetSize <= heap);
  store_u16(page.data() + 72, static_cast<std::uint16_t>(count));
  store_u16(page.data() + 74, static_cast<std::uint16_t>(prefix));
  store_u16(page.data() + 76, static_cast<std::uint16_t>(heap_size));
  store_sizes(page.data() + 80, says_sizes ? sizes_of(entries.key(plan.begin).size() - prefix,
                                                      entries.value(plan.begin))
                                           : EntrySizes{kSizesVary, 0});
  if (prefix != 0) {
    std::memcpy(page.data() + kNodeHeaderSize, entries.key(plan.end - 1).data(), prefix);
  }
  // In key order, so that a scan reads the heap from front to back.
  unsigned long_values = 0;
  std::byte* to = heap;
  for (std::size_t i = 0; i < count; ++i) {
    const bool left_out = plan.branch && i == 0;
    const Bytes suffix = left_out ? Bytes{} : entries.key(plan.begin + i).subspan(prefix);
    const HeldValue value = entries.value(plan.begin + i);
    store_u32(heads + i * kHeadSize, head_of(suffix));
    store_u16(offsets + i * kOffsetSize, static_cast<std::uint16_t>(to - page.data()));
    to = store_entry(to, !says_sizes, suffix, value);
    long_values += value.is_long ? 1 : 0;
  }
  std::byte* const end = offsets + count * kOffsetSize;
  std::memset(end, 0, static_cast<std::size_t>(heap - end));
  store_u16(page.data() + 78, static_cast<std::uint16_t>(long_values));
  if (!plan.branch) set_leaf_level(page, long_values);
}

}  // namespace caisson::btree

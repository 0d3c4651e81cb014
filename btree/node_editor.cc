#include "btree/node_editor.h"

#include <algorithm>
#include <cassert>

namespace caisson::btree {
namespace {

std::size_t rest_size(std::size_t suffix_size) {
  return suffix_size > kHeadSize ? suffix_size - kHeadSize : 0;
}

// Writes an entry of the heap; returns its size.
std::size_t store_entry(std::byte* to, Bytes suffix, HeldValue value) {
  const std::size_t rest = rest_size(suffix.size());
  store_u16(to, static_cast<std::uint16_t>(suffix.size()));
  store_u16(to + 2, value.is_long ? kLongValue : static_cast<std::uint16_t>(value.bytes.size()));
  if (rest != 0) std::memcpy(to + kEntryHeaderSize, suffix.data() + kHeadSize, rest);
  if (!value.bytes.empty()) {
    std::memcpy(to + kEntryHeaderSize + rest, value.bytes.data(), value.bytes.size());
  }
  return kEntryHeaderSize + rest + value.bytes.size();
}

void set_leaf_level(MutableBytes page, unsigned long_values) {
  page[5] = std::byte{long_values == 0 ? std::uint8_t{0} : kLeafLevel};
}

}  // namespace

// --- NodeEditor ----------------------------------------------------------------------------------

void NodeEditor::store_counts(unsigned count, std::size_t heap_size, unsigned long_values) {
  store_u16(at(72), static_cast<std::uint16_t>(count));
  store_u16(at(76), static_cast<std::uint16_t>(heap_size));
  store_u16(at(78), static_cast<std::uint16_t>(long_values));
  if (!view().is_branch()) set_leaf_level(page_, long_values);
}

void NodeEditor::insert(unsigned index, Bytes key, HeldValue value) {
  const NodeView node = view();
  const unsigned count = node.count();
  const Bytes suffix = key.subspan(node.prefix().size());
  const std::size_t size = kEntryHeaderSize + rest_size(suffix.size()) + value.bytes.size();
  const std::size_t heap_size = node.heap_size() + size;
  const std::size_t offset = page_.size() - heap_size;
  const std::size_t heads = kNodeHeaderSize + node.prefix().size();
  const std::size_t offsets = heads + count * kHeadSize;
  // From the end on, since every part moves back.
  std::memmove(at(offsets + kHeadSize + (index + 1) * kOffsetSize),
               at(offsets + index * kOffsetSize), (count - index) * kOffsetSize);
  std::memmove(at(offsets + kHeadSize), at(offsets), index * kOffsetSize);
  std::memmove(at(heads + (index + 1) * kHeadSize), at(heads + index * kHeadSize),
               (count - index) * kHeadSize);
  store_u32(at(heads + index * kHeadSize), head_of(suffix));
  store_u16(at(offsets + kHeadSize + index * kOffsetSize), static_cast<std::uint16_t>(offset));
  store_entry(at(offset), suffix, value);
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

void NodeEditor::overwrite(unsigned index, HeldValue value) {
  const Bytes old = view().value(index);
  assert(old.size() == value.bytes.size() && view().value_is_long(index) == value.is_long);
  if (old.empty()) return;
  std::memmove(at(static_cast<std::size_t>(old.data() - page_.data())), value.bytes.data(),
               old.size());
}

void NodeEditor::set_child(unsigned index, PageId child) {
  const Bytes old = view().value(index);
  store_reference(at(static_cast<std::size_t>(old.data() - page_.data())), {child, 0});
}

// --- Entries -------------------------------------------------------------------------------------

void Entries::clear() {
  entries_.clear();
  keys_.clear();
}

Entries::Entry Entries::make(Bytes key, HeldValue value) {
  const std::size_t offset = keys_.size();
  keys_.insert(keys_.end(), key.begin(), key.end());
  return {offset, key.size(), value};
}

void Entries::append(Bytes key, HeldValue value) { entries_.push_back(make(key, value)); }

void Entries::append(const NodeView& node, Bytes first_key) {
  unsigned index = 0;
  if (node.is_branch()) {
    append(first_key, {node.value(0), false});
    index = 1;
  }
  for (; index < node.count(); ++index) {
    const std::size_t offset = keys_.size();
    const std::size_t size = node.key_size(index);
    keys_.resize(offset + size + kHeadSize);
    node.copy_key(index, keys_.data() + offset);
    keys_.resize(offset + size);
    entries_.push_back({offset, size, {node.value(index), node.value_is_long(index)}});
  }
}

void Entries::replace(std::size_t index, std::size_t removed, Bytes key, HeldValue value) {
  const Entry entry = make(key, value);
  const auto at = entries_.begin() + static_cast<std::ptrdiff_t>(index);
  if (removed == 0) {
    entries_.insert(at, entry);
    return;
  }
  *at = entry;
  remove(index + 1, removed - 1);
}

void Entries::remove(std::size_t index, std::size_t removed) {
  const auto at = entries_.begin() + static_cast<std::ptrdiff_t>(index);
  entries_.erase(at, at + static_cast<std::ptrdiff_t>(removed));
}

// --- Whole nodes ---------------------------------------------------------------------------------

std::size_t NodePlan::prefix_size(const Entries& entries) const {
  const std::size_t first = begin + (branch ? 1 : 0);
  if (end - first < 2) return 0;
  // A byte of prefix saves one in each key that is longer than prefix and head, and costs one.
  std::size_t longest = 0;
  std::size_t second = 0;
  for (std::size_t i = first; i < end; ++i) {
    const std::size_t size = entries.key(i).size();
    second = std::max(second, std::min(longest, size));
    longest = std::max(longest, size);
  }
  return std::min(common_prefix(entries.key(first), entries.key(end - 1)),
                  second > kHeadSize ? second - kHeadSize : 0);
}

std::size_t NodePlan::weight(const Entries& entries, std::size_t prefix_size) const {
  std::size_t sum = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const std::size_t key_size = branch && i == begin ? prefix_size : entries.key(i).size();
    sum += entry_weight(key_size, prefix_size, entries.value(i).bytes.size());
  }
  return sum;
}

bool NodePlan::fits(const Entries& entries, std::size_t page_size) const {
  const std::size_t prefix = prefix_size(entries);
  return prefix + weight(entries, prefix) <= node_room(page_size);
}

std::size_t NodePlan::fill(const Entries& entries) const {
  const std::size_t prefix = prefix_size(entries);
  return weight(entries, prefix) + (end - begin) * prefix;
}

void build_node(const Entries& entries, const NodePlan& plan, MutableBytes page) {
  const std::size_t count = plan.end - plan.begin;
  const std::size_t prefix = plan.prefix_size(entries);
  const std::size_t heap_size = plan.weight(entries, prefix) - count * (kHeadSize + kOffsetSize);
  const std::size_t heads = kNodeHeaderSize + prefix;
  const std::size_t offsets = heads + count * kHeadSize;
  const std::size_t heap = page.size() - heap_size;
  assert(offsets + count * kOffsetSize <= heap);
  std::byte* const at = page.data();
  store_u16(at + 72, static_cast<std::uint16_t>(count));
  store_u16(at + 74, static_cast<std::uint16_t>(prefix));
  store_u16(at + 76, static_cast<std::uint16_t>(heap_size));
  if (prefix != 0) {
    std::memcpy(at + kNodeHeaderSize, entries.key(plan.end - 1).data(), prefix);
  }
  // In key order, so that a scan reads the heap from front to back.
  unsigned long_values = 0;
  std::size_t offset = heap;
  for (std::size_t i = 0; i < count; ++i) {
    const bool left_out = plan.branch && i == 0;
    const Bytes suffix = left_out ? Bytes{} : entries.key(plan.begin + i).subspan(prefix);
    const HeldValue value = entries.value(plan.begin + i);
    store_u32(at + heads + i * kHeadSize, head_of(suffix));
    store_u16(at + offsets + i * kOffsetSize, static_cast<std::uint16_t>(offset));
    offset += store_entry(at + offset, suffix, value);
    long_values += value.is_long ? 1 : 0;
  }
  const std::size_t end = offsets + count * kOffsetSize;
  std::memset(at + end, 0, heap - end);
  store_u16(at + 78, static_cast<std::uint16_t>(long_values));
  if (!plan.branch) set_leaf_level(page, long_values);
}

}  // namespace caisson::btree

// Changes to one node in place, and the building of whole nodes: spec/btree.md, section 2.
//
// For pages that the open transaction made; used by one thread.

#ifndef CAISSON_BTREE_NODE_EDITOR_H_
#define CAISSON_BTREE_NODE_EDITOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "btree/node.h"

namespace caisson::btree {

class NodeEditor {
 public:
  // REQUIRES: the page is a node, or about to become one by start().
  explicit NodeEditor(MutableBytes page) : page_(page) {}

  NodeView view() const { return {page_.data(), page_.size()}; }

  // Makes a leaf of one entry, behind a prefix that its key begins with, of a page of that type
  // that is zeros behind its header. Like all changes it keeps the level of a catalog's leaf.
  void start(std::size_t prefix_size, Bytes key, const HeldValue& value);

  // Adds an entry before the one at `index`. REQUIRES: view().fits(), and that the keys stay in
  // order.
  void insert(unsigned index, Bytes key, const HeldValue& value);

  // REQUIRES: index < count(), and another entry is left.
  void remove(unsigned index);

  // Overwrites a value with one of the same size and kind.
  void overwrite(unsigned index, const HeldValue& value);

  // Lets a branch's entry refer to another page, whose checksum nobody knows yet.
  void set_child(unsigned index, PageId child);

 private:
  std::byte* at(std::size_t offset) { return page_.data() + offset; }
  void store_counts(unsigned count, std::size_t heap_size, unsigned long_values);

  MutableBytes page_;
};

// Entries on their way from nodes to other nodes. Keys are copied, so nodes may be overwritten;
// values are borrowed. Allocates only while it grows beyond what it has held before.
class Entries {
 public:
  void clear();

  // Appends a node's entries from `begin` to `end`. A branch's entry 0 has `first_key`, which its
  // parent knows.
  void append(const NodeView& node, unsigned begin, unsigned end, Bytes first_key);
  void append(const NodeView& node, Bytes first_key) { append(node, 0, node.count(), first_key); }
  void append(Bytes key, const HeldValue& value);

  // Puts a node's entries before the others.
  void prepend(const NodeView& node);

  void remove(std::size_t index, std::size_t removed);
  void set_key(std::size_t index, Bytes key);

  std::size_t size() const { return entries_.size(); }
  Bytes key(std::size_t index) const {
    const Entry& entry = entries_[index];
    return {keys_.get() + entry.key_offset, entry.key_size};
  }
  HeldValue value(std::size_t index) const {
    const Entry& entry = entries_[index];
    return {{entry.value, entry.held_size}, entry.is_long};
  }

  // No key is shorter.
  std::size_t shortest_key() const { return shortest_key_; }

  // The sum of the sizes of keys and held values from `begin` to `end`. O(1).
  std::size_t bytes_between(std::size_t begin, std::size_t end) const {
    return begin == end ? 0 : entries_[end - 1].sum - entries_[begin].sum + own_bytes(begin);
  }

  // Whether keys and values from `begin` to `end` are of one size and kind each. O(1).
  bool same_sizes(std::size_t begin, std::size_t end) const {
    return entries_[end - 1].same_from <= begin;
  }

 private:
  struct Entry {
    const std::byte* value = nullptr;
    std::uint32_t key_offset = 0;
    std::uint32_t key_size = 0;
    std::uint16_t held_size = 0;
    bool is_long = false;
    // Of all sizes up to here, and the first of those before this one that has the same sizes as
    // all from there to here.
    std::uint32_t sum = 0;
    std::uint32_t same_from = 0;
  };

  std::size_t own_bytes(std::size_t index) const {
    return entries_[index].key_size + entries_[index].held_size;
  }
  std::byte* make_room(std::size_t key_bytes);
  void push(std::size_t key_offset, std::size_t key_size, const HeldValue& value);
  void sum_up(std::size_t index);
  void sum_up_all();

  std::vector<Entry> entries_;
  std::unique_ptr<std::byte[]> keys_;
  std::size_t keys_size_ = 0;
  std::size_t keys_capacity_ = 0;
  std::size_t shortest_key_ = ~std::size_t{0};
};

// A run of entries that is to become one node. In a branch the first one's key is left out.
// All of this is O(1), but for keys so short that they end within prefix or head.
struct NodePlan {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool branch = false;

  // The prefix that the node will have: of what all its keys share, as much as makes the node
  // smallest. So a node that is built anew, from some or all of its entries, never grows.
  std::size_t prefix_size(const Entries& entries) const;

  // What the entries take behind a prefix if they say their sizes.
  std::size_t bytes_behind(const Entries& entries, std::size_t prefix_size) const;

  // Whether the node will say the sizes of its entries.
  bool says_sizes(const Entries& entries, std::size_t prefix_size) const;

  // Bytes that prefix, heads, offsets and heap will take.
  std::size_t used(const Entries& entries) const;
  bool fits(const Entries& entries, std::size_t page_size) const {
    return used(entries) <= node_room(page_size);
  }

  // As NodeView::fill() will say.
  std::size_t fill(const Entries& entries) const { return bytes_behind(entries, 0); }
};

// Writes a node over a page's body. Sets the level of a plain tree's leaf, which follows from its
// values; that of others has to be there. REQUIRES: plan.fits(); no value lies in `page`.
void build_node(const Entries& entries, const NodePlan& plan, MutableBytes page);

}  // namespace caisson::btree

#endif  // CAISSON_BTREE_NODE_EDITOR_H_

// Changes to one node in place, and the building of whole nodes: spec/btree.md, section 2.
//
// For pages that the open transaction made; used by one thread.

#ifndef CAISSON_BTREE_NODE_EDITOR_H_
#define CAISSON_BTREE_NODE_EDITOR_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "btree/node.h"

namespace caisson::btree {

// What a node holds of a value: the bytes themselves, or a LongValueRef.
struct HeldValue {
  Bytes bytes;
  bool is_long = false;
};

class NodeEditor {
 public:
  // REQUIRES: the page is a node.
  explicit NodeEditor(MutableBytes page) : page_(page) {}

  NodeView view() const { return {page_.data(), page_.size()}; }

  // Adds an entry before the one at `index`. REQUIRES: view().fits(), and that the keys stay in
  // order.
  void insert(unsigned index, Bytes key, HeldValue value);

  // REQUIRES: index < count(), and another entry is left.
  void remove(unsigned index);

  // Overwrites a value with one of the same size and kind.
  void overwrite(unsigned index, HeldValue value);

  // Lets a branch's entry refer to another page, whose checksum nobody knows yet.
  void set_child(unsigned index, PageId child);

 private:
  std::byte* at(std::size_t offset) { return page_.data() + offset; }
  void store_counts(unsigned count, std::size_t heap_size, unsigned long_values);

  MutableBytes page_;
};

// Entries on their way from nodes to other nodes. Keys are copied, so nodes may be overwritten;
// values are borrowed.
class Entries {
 public:
  void clear();

  // Appends a node's entries. In a branch the first one has `first_key`, which its parent knows.
  void append(const NodeView& node, Bytes first_key);
  void append(Bytes key, HeldValue value);

  // Puts an entry in place of `removed` others.
  void replace(std::size_t index, std::size_t removed, Bytes key, HeldValue value);
  void remove(std::size_t index, std::size_t removed);

  std::size_t size() const { return entries_.size(); }
  Bytes key(std::size_t index) const {
    const Entry& entry = entries_[index];
    return {keys_.data() + entry.key_offset, entry.key_size};
  }
  HeldValue value(std::size_t index) const { return entries_[index].value; }

 private:
  struct Entry {
    std::size_t key_offset = 0;
    std::size_t key_size = 0;
    HeldValue value;
  };

  Entry make(Bytes key, HeldValue value);

  std::vector<Entry> entries_;
  std::vector<std::byte> keys_;
};

// A run of entries that is to become one node. In a branch the first one's key is left out.
struct NodePlan {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool branch = false;

  // The prefix that the node will have: of what all its keys share, as much as makes the node
  // smallest. So a node that is built anew, from some or all of its entries, never grows.
  std::size_t prefix_size(const Entries& entries) const;

  // What the entries weigh behind a prefix, and the same with the prefix itself.
  std::size_t weight(const Entries& entries, std::size_t prefix_size) const;
  bool fits(const Entries& entries, std::size_t page_size) const;

  // As NodeView::fill() will say.
  std::size_t fill(const Entries& entries) const;
};

// Writes a node over a page's body and sets the level if it is a leaf, whose level follows from
// its values. REQUIRES: plan.fits(); no value lies in `page`.
void build_node(const Entries& entries, const NodePlan& plan, MutableBytes page);

}  // namespace caisson::btree

#endif  // CAISSON_BTREE_NODE_EDITOR_H_

// Changing a tree, within one transaction: spec/btree.md.

#ifndef CAISSON_BTREE_WRITER_H_
#define CAISSON_BTREE_WRITER_H_

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "btree/node_editor.h"
#include "btree/tree.h"
#include "btree/value.h"
#include "pager/meta.h"
#include "pager/page_txn.h"
#include "pager/pager.h"

namespace caisson::btree {

class Cursor;
class ValueStream;

// One tree as the open transaction changes it. What the transaction doesn't own is copied on the
// way (to new page ids, from the leaf up to the root); its own pages are edited in place. So any
// root that was taken before stays as it is.
//
// Each change is done whole or not at all: an error leaves the tree as it was, and it can be used
// further. (What erase_range() has removed by then stays removed.) Errors of all of them:
// kInvalidArgument (LIMIT-1: a key or value beyond a limit); kOutOfSpace and kResourceExhausted as
// PageTxn::allocate(), or where a put might make the tree too high (LIMIT-1); kCorruption as
// Pager::read(), or where keys are out of their bounds (TREE-2) or a page is in two places
// (TREE-4); kIoError as Pager::read().
//
// Each change, of any writer of the transaction and of any piece of a stream, begins by telling the
// pager that nobody keeps bytes of pages (PageTxn::renew()), and spills when memory runs short. So
// a transaction may be of any size. And so what was read through the transaction (values, cursors,
// nodes of tree()) ends with the next change; keys and values given to a writer don't lie there.
//
// A catalog's values begin with a TreeRoot (store_tree_root()) and lie in its leaves. A value that
// doesn't, or is too large for that, is refused with kInvalidArgument (NODE-6), and so is a stream.
// Its keys may be as long as the page size allows, and the store's limit for values doesn't bind.
// The trees themselves are their writers': to erase a name frees no page. And the transaction may
// write a catalog's leaf at any time, when memory runs short, and then fails with kInvalidArgument
// (PAGE-7) if the leaf names a page of this transaction that has been freed since. So a name gets
// its new root when the transaction won't change that tree any more, and a name goes before the
// pages that it leads to.
//
// Used by one thread, which need not be registered as a reader. Ends before its transaction does.
class TreeWriter {
 public:
  TreeWriter(pager::Pager& pager, pager::PageTxn& txn, const TreeRoot& root,
             TreeKind kind = TreeKind::kPlain);
  ~TreeWriter() { replaced_.free_all(*txn_); }
  TreeWriter(const TreeWriter&) = delete;
  TreeWriter& operator=(const TreeWriter&) = delete;

  // Frees the nodes that a change has replaced and failed behind. Otherwise the next change does,
  // or the writer's end; but a savepoint may not come in between.
  void settle() { replaced_.free_all(*txn_); }

  // As the tree is now. A root of an open transaction: its checksums are known only after the
  // next checkpoint, and until then only to this process.
  const TreeRoot& root() const { return root_; }
  // Whoever reads many pages of the tree between two changes calls PageTxn::renew() now and then,
  // as a reader registers anew.
  Tree tree() const { return {*pager_, root_, kind_, changes_ + txn_->renewals()}; }

  // Sets a key's value. True if the key is new. O(height), and the size of the value; no memory
  // is allocated but pages and what the transaction notes of each, once buffers have grown.
  Result<bool> put(Bytes key, Bytes value);

  // Adds a key that is greater than every other; kInvalidArgument if it isn't. The way to load
  // what is sorted already: nodes become full, and most calls take no way down the tree.
  Result<void> append(Bytes key, Bytes value);

  // The same as put() for a value that comes in pieces: it needs no more memory than one page.
  Result<ValueStream> stream(Bytes key);

  // Removes a key. False if the tree hasn't got it. O(height).
  Result<bool> erase(Bytes key);

  // Removes the entry at a cursor over tree(), and leaves the cursor in the gap, over the tree as
  // it is then. kInvalidArgument if it stands at no entry, or sees another version of the tree.
  Result<void> erase(Cursor& cursor);

  // Removes all keys of a range; returns how many. Leaves within it are read, but not copied.
  Result<std::uint64_t> erase_range(const Range& range);

 private:
  friend class ValueStream;

  // A node on the way down. In a branch `index` is the child taken; in a leaf the entry.
  struct Step {
    PageId id{};
    unsigned index = 0;
  };

  // Entries of one node that others take the place of. Keys and values are borrowed.
  struct Edit {
    struct Added {
      Bytes key;
      HeldValue value;
    };
    unsigned index = 0;
    unsigned removed = 0;
    unsigned added_count = 0;
    std::array<Added, 2> added;
  };

  // Separators on their way up: keys are truncated copies, references have no checksum yet.
  struct Separators {
    std::array<std::vector<std::byte>, 2> keys;
    std::array<std::array<std::byte, kReferenceSize>, 2> references;
  };

  // One or two neighbouring nodes of one parent.
  struct Group {
    unsigned first = 0;  // Index in the parent.
    unsigned count = 1;
    std::array<PageId, 2> pages;
  };

  // A node beside the one on the way, and its index in their parent.
  struct Sibling {
    NodeView node;
    unsigned index = 0;
  };

  // How far a cut may move, in entries, for much gain and for any.
  struct CutRange {
    std::size_t far = 0;
    std::size_t near = 0;
  };

  static constexpr unsigned kDepthMax = 64;

  Result<void> check_key(Bytes key) const;
  Result<void> check_tree_root(Bytes key, Bytes value) const;
  bool lies_in_leaf(Bytes key, std::size_t value_size) const;
  Result<bool> put_held(Bytes key, const HeldValue& value);
  Result<void> put_first(Bytes key, const HeldValue& value);
  bool append_in_place(Bytes key, const HeldValue& value);
  Result<unsigned> leaves_within(const Range& range) const;
  Result<bool> separator_behind(unsigned leaves, std::vector<std::byte>& key) const;
  Result<void> erase_entries(unsigned begin, unsigned end);
  Result<void> erase_leaves(unsigned leaves);

  // The way down.
  Result<NodeView> descend(Bytes key);
  Result<NodeView> node(unsigned depth) const;
  Result<NodeView> leaf_at(unsigned index) const;
  unsigned own_index() const { return depth_ == 0 ? 0 : path_[depth_ - 1].index; }
  bool at_right_edge(unsigned depth) const;

  // Getting ready to change: all that can fail.
  Result<void> make_ready(unsigned last, bool in_place, bool shares);
  Result<bool> copy_bound(unsigned depth, unsigned index, std::vector<std::byte>& key) const;
  Result<void> check_bounds(unsigned depth, unsigned index, const NodeView& node) const;
  Result<void> own_path(unsigned last);
  Result<void> check_height() const;
  Result<void> read_siblings(unsigned last);
  Result<void> doom_values(unsigned index, unsigned begin, unsigned end);
  void free_pages();
  bool may_overflow(const NodeView& node) const;
  bool may_underflow(const NodeView& node) const;

  // Changing: arrange.cc, divide.cc. Nothing of it fails.
  MutableBytes bytes(PageId id) const;
  PageId new_page(PageType type, std::uint8_t level);
  void apply(unsigned depth, const Edit& edit);
  bool apply_in_place(unsigned depth, const Edit& edit);
  static bool weighs_less(const NodeView& node, const Edit& edit);
  static bool is_full_for(const NodeView& leaf, const Edit::Added& added);
  void start_leaf(const Edit::Added& added);
  void arrange(unsigned depth, bool appended, bool shrinks);
  void collapse_root();
  void remove_from_parent(unsigned depth);
  std::optional<Sibling> sibling(unsigned depth, unsigned index) const;
  void join(unsigned depth, const Sibling& sibling);
  Group own_group(unsigned depth, const Sibling& sibling);
  Group alone(unsigned depth) const;
  bool share(unsigned depth);
  void underflow(unsigned depth);
  void split_alone(unsigned depth, bool appended);
  std::size_t fill_min(std::size_t largest, bool branch) const;
  bool divide(unsigned count, bool branch);
  bool divide_about(unsigned count, bool branch, const CutRange& range);
  std::optional<std::size_t> least_common_about(std::size_t middle, std::size_t distance,
                                                std::size_t gain) const;
  std::size_t shortest_key_about(std::size_t middle, std::size_t distance) const;
  void divide_anywhere(bool branch);
  std::size_t weight_of(std::size_t index, bool branch) const;
  bool is_good(const NodePlan& part, std::size_t fill_min) const;
  void set_separator(std::size_t part, std::vector<std::byte>& separator) const;
  void write_out(unsigned depth, const Group& group);
  void replace_in_parent(unsigned depth, PageId first, const Edit& edit);
  void add_root(std::uint8_t level, PageId first, const Edit& edit);

  std::size_t page_size() const { return pager_->page_size(); }
  std::size_t room() const { return node_room(page_size()); }
  std::uint8_t new_leaf_level() const {
    return kind_ == TreeKind::kCatalog ? kCatalogLeafLevel : 0;
  }
  bool branch_at(unsigned depth) const { return depth < depth_; }

  pager::Pager* pager_;
  pager::PageTxn* txn_;
  pager::Limits limits_;
  TreeRoot root_;
  TreeKind kind_;
  std::uint64_t changes_ = 0;

  // The last leaf of the tree, where keys come in ascending order; empty where the last change was
  // another one. Stays where it is as long as the pager's epoch does: no frame has moved then.
  MutableBytes last_leaf_;
  std::uint64_t last_leaf_epoch_ = 0;

  unsigned depth_ = 0;    // Branches on the way to the leaf.
  bool at_edge_ = false;  // The way leads along the right edge.
  std::array<Step, kDepthMax> path_;
  std::array<Sibling, kDepthMax> siblings_;  // Read by make_ready(); else without a page.
  DoomedPages doomed_;                       // Of values that the change removes.
  DoomedPages replaced_;  // Nodes that were copied, whose bytes may be needed to the end.

  // What is being arranged, and how: entries_ in parts_.
  Entries entries_;
  std::vector<NodePlan> parts_;
  std::vector<std::byte> scratch_;  // Two pages, once any were arranged: most writers never do.
  mutable std::array<std::vector<std::byte>, 2> bound_keys_;
  std::array<Separators, kDepthMax> separators_;
};

// A value on its way into a tree, in pieces. Other changes may come in between; nothing shows
// before finish(). Nor does it keep bytes of pages in between. Ends before its writer.
class ValueStream {
 public:
  // Errors: as TreeWriter; kInvalidArgument where the value would exceed the limit, which changes
  // nothing. Any other error is final: what has been written is freed with the stream.
  Result<void> append(Bytes bytes);

  // Sets the key. True if it is new. Once; after an error the value has to be written anew.
  Result<bool> finish();

 private:
  friend class TreeWriter;
  ValueStream(TreeWriter& writer, Bytes key) : writer_(&writer), key_(key.begin(), key.end()) {}

  TreeWriter* writer_;
  std::vector<std::byte> key_;
  std::vector<std::byte> head_;          // As long as it may still lie in a leaf.
  std::optional<LongValueWriter> long_;  // From then on.
  bool ended_ = false;
};

}  // namespace caisson::btree

#endif  // CAISSON_BTREE_WRITER_H_

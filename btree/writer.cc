// The operations, and the way down to where they happen. What follows in the nodes: arrange.cc.

#include "btree/writer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "btree/cursor.h"

namespace caisson::btree {

TreeWriter::TreeWriter(pager::Pager& pager, pager::PageTxn& txn, const TreeRoot& root,
                       TreeKind kind)
    : pager_(&pager), txn_(&txn), limits_(pager.checkpointed().limits), root_(root), kind_(kind) {
  if (kind != TreeKind::kCatalog) return;
  limits_.key_size_max = pager::key_limit_max(pager.page_size());
  limits_.value_size_max = pager.page_size();  // What a leaf takes is less: check_tree_root().
}

// --- Limits --------------------------------------------------------------------------------------

Result<void> TreeWriter::check_key(Bytes key) const {
  if (key.size() <= limits_.key_size_max) return {};
  return fail(Error(Code::kInvalidArgument, "a key of " + std::to_string(key.size()) +
                                                " bytes; this store takes keys of up to " +
                                                std::to_string(limits_.key_size_max))
                  .with_rule("LIMIT-1"));
}

namespace {

Error value_too_long(std::uint64_t size, std::uint64_t limit) {
  return Error(Code::kInvalidArgument, "a value of " + std::to_string(size) +
                                           " bytes or more; this store takes values of up to " +
                                           std::to_string(limit))
      .with_rule("LIMIT-1");
}

}  // namespace

// NODE-6, before anything changes.
Result<void> TreeWriter::check_tree_root(Bytes key, Bytes value) const {
  if (kind_ == TreeKind::kPlain) return {};
  if (!names_tree(value)) {
    return fail(Error(Code::kInvalidArgument, "a catalog's value has to begin with a tree's root")
                    .with_rule("NODE-6"));
  }
  if (!lies_in_leaf(key, value.size())) {
    return fail(Error(Code::kInvalidArgument,
                      "a value of " + std::to_string(value.size()) +
                          " bytes; with this key a catalog's leaf has no room for it")
                    .with_rule("NODE-6"));
  }
  return {};
}

bool TreeWriter::lies_in_leaf(Bytes key, std::size_t value_size) const {
  return value_size <= page_size() / 4 &&
         entry_weight(key.size(), value_size) <= entry_weight_max(page_size());
}

// --- The way down --------------------------------------------------------------------------------

// The leaf in which `key` is or would be. REQUIRES: the tree is not empty.
Result<NodeView> TreeWriter::descend(Bytes key) {
  const Tree tree = this->tree();
  depth_ = 0;
  at_edge_ = true;
  last_leaf_ = {};
  path_[0].id = root_.page.id;
  CAISSON_ASSIGN_OR_RETURN(NodeView node, tree.read_root());
  while (node.is_branch()) {
    const unsigned index = node.child_index(key);
    at_edge_ = at_edge_ && index + 1 == node.count();
    path_[depth_++].index = index;
    path_[depth_].id = node.child(index).id;
    siblings_[depth_] = {};
    CAISSON_ASSIGN_OR_RETURN(node, tree.read_child(node, index));
  }
  return node;
}

// A leaf beside the one on the way, by its index in their parent; or the root, if it is a leaf.
Result<NodeView> TreeWriter::leaf_at(unsigned index) const {
  if (depth_ == 0) return tree().read_root();
  CAISSON_ASSIGN_OR_RETURN(const NodeView parent, node(depth_ - 1));
  return tree().read_child(parent, index);
}

// A node on the way; read a moment ago.
Result<NodeView> TreeWriter::node(unsigned depth) const {
  const Tree tree = this->tree();
  CAISSON_ASSIGN_OR_RETURN(NodeView node, tree.read_root());
  for (unsigned i = 0; i < depth; ++i) {
    CAISSON_ASSIGN_OR_RETURN(node, tree.read_child(node, path_[i].index));
  }
  return node;
}

MutableBytes TreeWriter::bytes(PageId id) const { return txn_->editable(id); }

// --- Getting ready -------------------------------------------------------------------------------

// Everything that can fail comes before the first change, which is to the node at `last`. A page
// that this transaction made and that is still in memory has a parent of the same kind, since to
// make it was to change the parent.
Result<void> TreeWriter::make_ready(unsigned last, bool in_place, bool shares) {
  const bool owned = !bytes(path_[last].id).empty();
  if (owned && in_place) return {};
  if (!in_place) {
    for (unsigned depth = 1; depth <= last; ++depth) {
      CAISSON_ASSIGN_OR_RETURN(const NodeView node, this->node(depth));
      CAISSON_RETURN_IF_ERROR(check_bounds(depth, path_[depth - 1].index, node));
    }
    if (shares) CAISSON_RETURN_IF_ERROR(read_siblings(last));
    CAISSON_RETURN_IF_ERROR(own_path(last));
    // At each level a sibling to copy and a node to add, and a root.
    return txn_->reserve(2 * (std::size_t{last} + 1) + 1);
  }
  return own_path(last);
}

// Copies the nodes on the way to `last` that belong to earlier transactions. The tree stays what
// it is, in other pages.
Result<void> TreeWriter::own_path(unsigned last) {
  PageRef ref = root_.page;
  for (unsigned depth = 0; depth <= last; ++depth) {
    MutableBytes mine = bytes(path_[depth].id);
    if (mine.empty()) {
      CAISSON_ASSIGN_OR_RETURN(const std::byte* old, pager_->read(ref));
      const pager::PageHeader header = pager::read_header(old);
      CAISSON_ASSIGN_OR_RETURN(const pager::NewPage copy, txn_->allocate_copy(old));
      replaced_.add(ref.id, header.txn);
      path_[depth].id = copy.id;
      mine = copy.bytes;
      if (depth == 0) {
        root_.page = {copy.id, 0};
      } else {
        NodeEditor(bytes(path_[depth - 1].id)).set_child(path_[depth - 1].index, copy.id);
      }
    }
    if (depth < last) ref = NodeView(mine.data(), page_size()).child(path_[depth].index);
  }
  return {};
}

// Whether a change below could make a branch divide: one separator replaced, another one added.
bool TreeWriter::may_overflow(const NodeView& node) const {
  return node.free_bytes() < 2 * entry_weight(limits_.key_size_max, kReferenceSize) +
                                 node.prefix().size() * node.count();
}

// Whether the loss of one entry could make a node too empty.
bool TreeWriter::may_underflow(const NodeView& node) const {
  return !node.is_filled_to(room() * 2 / 5 + entry_weight_max(page_size()));
}

// LIMIT-1 for the height: refuses as soon as a new root might be needed.
Result<void> TreeWriter::check_height() const {
  if (depth_ + 1 < limits_.tree_height_max) return {};
  for (unsigned depth = 0; depth < depth_; ++depth) {
    CAISSON_ASSIGN_OR_RETURN(const NodeView branch, node(depth));
    if (!may_overflow(branch)) return {};
  }
  return fail(Error(Code::kResourceExhausted, "the tree has reached its height limit of " +
                                                  std::to_string(limits_.tree_height_max) +
                                                  " levels")
                  .with_rule("LIMIT-1"));
}

// The key at which a child of the node at `depth` begins: its separator, or one further up. An
// index behind the last child's means where that one ends. False if there is no such bound.
Result<bool> TreeWriter::copy_bound(unsigned depth, unsigned index,
                                    std::vector<std::byte>& key) const {
  while (true) {
    CAISSON_ASSIGN_OR_RETURN(const NodeView node, this->node(depth));
    if (index > 0 && index < node.count()) {
      key.resize(key_buffer_size(page_size()));
      key.resize(node.copy_key(index, key.data()));
      return true;
    }
    if (depth == 0) return false;
    --depth;
    index = path_[depth].index + (index > 0 ? 1 : 0);
  }
}

// TREE-2 for a node at `depth`, by its index in the parent. Nodes are laid out anew together, and
// that relies on the order of their keys, which a forged file need not keep.
Result<void> TreeWriter::check_bounds(unsigned depth, unsigned index, const NodeView& node) const {
  std::vector<std::byte>& key = bound_keys_[0];
  std::vector<std::byte>& bound = bound_keys_[1];
  const auto compare_with = [&](unsigned entry) {
    key.resize(key_buffer_size(page_size()));
    key.resize(node.copy_key(entry, key.data()));
    return compare_bytes(key, bound);
  };
  CAISSON_ASSIGN_OR_RETURN(const bool has_least, copy_bound(depth - 1, index, bound));
  bool within = !has_least || (node.is_branch() ? compare_with(1) > 0 : compare_with(0) >= 0);
  CAISSON_ASSIGN_OR_RETURN(const bool has_end, copy_bound(depth - 1, index + 1, bound));
  within = within && (!has_end || compare_with(node.count() - 1) < 0);
  if (within) return {};
  return fail(Error(Code::kCorruption, "a key outside of the bounds that lead to it")
                  .at_page(to_u64(pager::read_header(node.page()).id))
                  .with_rule("TREE-2"));
}

// Reads what a node may have to share with, so that it is known to be readable.
Result<void> TreeWriter::read_siblings(unsigned last) {
  const Tree tree = this->tree();
  for (unsigned depth = last; depth > 0; --depth) {
    CAISSON_ASSIGN_OR_RETURN(const NodeView parent, node(depth - 1));
    const unsigned index = path_[depth - 1].index;
    const unsigned beside = index > 0 ? index - 1 : index + 1;
    const bool ends = !may_underflow(parent);
    CAISSON_ASSIGN_OR_RETURN(const NodeView sibling, tree.read_child(parent, beside));
    CAISSON_RETURN_IF_ERROR(check_bounds(depth, beside, sibling));
    siblings_[depth] = {sibling, beside};
    if (ends) break;
  }
  return {};
}

// --- Operations ----------------------------------------------------------------------------------

Result<bool> TreeWriter::put(Bytes key, Bytes value) {
  CAISSON_RETURN_IF_ERROR(check_key(key));
  CAISSON_RETURN_IF_ERROR(check_tree_root(key, value));
  if (value.size() > limits_.value_size_max) {
    return fail(value_too_long(value.size(), limits_.value_size_max));
  }
  if (lies_in_leaf(key, value.size())) return put_held(key, {value, false});
  CAISSON_ASSIGN_OR_RETURN(ValueStream stream, this->stream(key));
  CAISSON_RETURN_IF_ERROR(stream.append(value));
  return stream.finish();
}

Result<void> TreeWriter::append(Bytes key, Bytes value) {
  CAISSON_RETURN_IF_ERROR(check_key(key));
  CAISSON_RETURN_IF_ERROR(check_tree_root(key, value));
  if (lies_in_leaf(key, value.size()) && value.size() <= limits_.value_size_max &&
      append_in_place(key, {value, false})) {
    return {};
  }
  if (root_.page.id != PageId{}) {
    CAISSON_ASSIGN_OR_RETURN(const NodeView leaf, descend(key));
    if (!at_edge_ || !leaf.ends_before(key)) {
      return fail(Code::kInvalidArgument,
                  "a key to append has to be greater than all that the tree has");
    }
  }
  CAISSON_RETURN_IF_ERROR(put(key, value));
  return {};
}

Result<ValueStream> TreeWriter::stream(Bytes key) {
  CAISSON_RETURN_IF_ERROR(check_key(key));
  if (kind_ == TreeKind::kCatalog) {
    return fail(
        Error(Code::kInvalidArgument, "a catalog's values come in one piece").with_rule("NODE-6"));
  }
  return ValueStream(*this, key);
}

// Adds an entry behind all others, where that takes no way down: keys that ascend mostly do.
bool TreeWriter::append_in_place(Bytes key, const HeldValue& value) {
  if (last_leaf_.empty() || last_leaf_epoch_ != pager_->epoch()) return false;
  NodeEditor editor(last_leaf_);
  const NodeView leaf = editor.view();
  if (!leaf.ends_before(key) || !leaf.fits(key, value)) return false;
  editor.insert(leaf.count(), key, value);
  ++root_.count;
  ++changes_;
  return true;
}

Result<void> TreeWriter::put_first(Bytes key, const HeldValue& value) {
  CAISSON_ASSIGN_OR_RETURN(const pager::NewPage page, txn_->allocate(kLeaf, new_leaf_level()));
  NodeEditor(page.bytes).start(0, key, value);
  root_ = {{page.id, 0}, 1};
  ++changes_;
  return {};
}

Result<bool> TreeWriter::put_held(Bytes key, const HeldValue& value) {
  if (append_in_place(key, value)) return true;
  CAISSON_RETURN_IF_ERROR(txn_->make_room());
  if (root_.page.id == PageId{}) {
    CAISSON_RETURN_IF_ERROR(put_first(key, value));
    return true;
  }
  CAISSON_ASSIGN_OR_RETURN(const NodeView leaf, descend(key));
  leaf.prefetch_room();
  const Position position = leaf.find(key);
  path_[depth_].index = position.index;
  bool in_place = false;
  if (position.found) {
    const HeldValue old = leaf.held_value(position.index);
    in_place = old.bytes.size() == value.bytes.size() && old.is_long == value.is_long;
  } else {
    in_place = leaf.fits(key, value);
  }
  const bool appends = at_edge_ && position.index == leaf.count();
  doomed_.clear();
  if (position.found && leaf.value_is_long(position.index)) {
    CAISSON_RETURN_IF_ERROR(doom_values(own_index(), position.index, position.index + 1));
    CAISSON_RETURN_IF_ERROR(doomed_.check_distinct());
  }
  MutableBytes page = in_place ? bytes(path_[depth_].id) : MutableBytes{};
  if (page.empty()) {
    if (!in_place) CAISSON_RETURN_IF_ERROR(check_height());
    CAISSON_RETURN_IF_ERROR(make_ready(depth_, in_place, !appends));
    page = bytes(path_[depth_].id);
  }
  if (!in_place) {
    apply(depth_, {.index = position.index,
                   .removed = position.found ? 1U : 0U,
                   .added_count = 1,
                   .added = {{{key, value}, {}}}});
  } else if (position.found) {
    NodeEditor(page).overwrite(position.index, value);
  } else {
    NodeEditor(page).insert(position.index, key, value);
  }
  free_pages();
  if (in_place && at_edge_) {
    last_leaf_ = page;
    last_leaf_epoch_ = pager_->epoch();
  }
  if (!position.found) ++root_.count;
  return !position.found;
}

Result<bool> TreeWriter::erase(Bytes key) {
  if (root_.page.id == PageId{}) return false;
  CAISSON_RETURN_IF_ERROR(txn_->make_room());
  CAISSON_ASSIGN_OR_RETURN(const NodeView leaf, descend(key));
  const Position position = leaf.find(key);
  if (!position.found) return false;
  path_[depth_].index = position.index;
  const std::size_t enough = room() * 2 / 5 + leaf.weight(position.index);
  const bool in_place = leaf.count() > 1 && (depth_ == 0 || leaf.is_filled_to(enough));
  doomed_.clear();
  if (leaf.value_is_long(position.index)) {
    CAISSON_RETURN_IF_ERROR(doom_values(own_index(), position.index, position.index + 1));
    CAISSON_RETURN_IF_ERROR(doomed_.check_distinct());
  }
  CAISSON_RETURN_IF_ERROR(make_ready(depth_, in_place, true));
  apply(depth_, {.index = position.index, .removed = 1, .added_count = 0, .added = {}});
  free_pages();
  --root_.count;
  return true;
}

Result<void> TreeWriter::erase(Cursor& cursor) {
  if (!cursor.valid() || cursor.tree().root() != root_ ||
      cursor.tree().change() != tree().change()) {
    return fail(Code::kInvalidArgument,
                "the cursor stands at no entry of the tree as it is now: resume() takes it there");
  }
  const Bytes key = cursor.key();  // The cursor's own copy.
  CAISSON_ASSIGN_OR_RETURN(const bool erased, erase(key));
  if (!erased) {
    return fail(Error(Code::kCorruption, "a key that the way down from the root does not lead to")
                    .at_page(to_u64(root_.page.id))
                    .with_rule("TREE-2"));
  }
  cursor.resume(tree(), key);
  return {};
}

Result<std::uint64_t> TreeWriter::erase_range(const Range& range) {
  const std::uint64_t before = root_.count;
  std::vector<std::byte> from(range.begin.begin(), range.begin.end());
  bool more = true;
  while (more && root_.page.id != PageId{}) {
    CAISSON_RETURN_IF_ERROR(txn_->make_room());
    CAISSON_ASSIGN_OR_RETURN(const NodeView leaf, descend(from));
    const unsigned begin = leaf.find(from).index;
    const unsigned end = range.end ? leaf.find(*range.end).index : leaf.count();
    unsigned leaves = 0;
    if (depth_ > 0 && begin == 0 && end == leaf.count()) {
      CAISSON_ASSIGN_OR_RETURN(leaves, leaves_within(range));
    }
    // Before anything changes: where to go on.
    more = end == leaf.count();
    if (more) {
      CAISSON_ASSIGN_OR_RETURN(more, separator_behind(leaves, from));
    }
    if (leaves > 0) {
      CAISSON_RETURN_IF_ERROR(erase_leaves(leaves));
    } else if (begin < end) {
      CAISSON_RETURN_IF_ERROR(erase_entries(begin, end));
    }
  }
  return before - root_.count;
}

// How many leaves are within the range as a whole: the one on the way, which is known to be, and
// those behind it whose upper separator says so.
Result<unsigned> TreeWriter::leaves_within(const Range& range) const {
  CAISSON_ASSIGN_OR_RETURN(const NodeView parent, node(depth_ - 1));
  const unsigned first = path_[depth_ - 1].index;
  if (!range.end) return parent.count() - first;
  std::vector<std::byte> separator(key_buffer_size(page_size()));
  unsigned behind = first + 1;
  while (behind + 1 < parent.count()) {
    const std::size_t size = parent.copy_key(behind + 1, separator.data());
    if (compare_bytes(Bytes(separator).first(size), *range.end) > 0) break;
    ++behind;
  }
  return behind - first;
}

// The key that parts the leaf on the way, or a number of leaves from there on, from the next one.
// False if there is none.
Result<bool> TreeWriter::separator_behind(unsigned leaves, std::vector<std::byte>& key) const {
  for (unsigned depth = depth_; depth-- > 0;) {
    CAISSON_ASSIGN_OR_RETURN(const NodeView branch, node(depth));
    const unsigned skipped = depth + 1 == depth_ && leaves > 0 ? leaves : 1;
    const unsigned next = path_[depth].index + skipped;
    if (next >= branch.count()) continue;
    key.resize(key_buffer_size(page_size()));
    key.resize(branch.copy_key(next, key.data()));
    return true;
  }
  return false;
}

Result<void> TreeWriter::erase_entries(unsigned begin, unsigned end) {
  path_[depth_].index = begin;
  doomed_.clear();
  CAISSON_RETURN_IF_ERROR(doom_values(own_index(), begin, end));
  CAISSON_RETURN_IF_ERROR(doomed_.check_distinct());
  CAISSON_RETURN_IF_ERROR(make_ready(depth_, false, true));
  apply(depth_, {.index = begin, .removed = end - begin, .added_count = 0, .added = {}});
  root_.count -= end - begin;
  free_pages();
  return {};
}

// Leaves that go as a whole are read, but not copied.
Result<void> TreeWriter::erase_leaves(unsigned leaves) {
  const unsigned first = own_index();
  std::uint64_t entries = 0;
  doomed_.clear();
  for (unsigned i = first; i < first + leaves; ++i) {
    CAISSON_RETURN_IF_ERROR(txn_->make_room());  // Nothing is kept of the leaf before.
    CAISSON_ASSIGN_OR_RETURN(const NodeView leaf, leaf_at(i));
    const pager::PageHeader header = pager::read_header(leaf.page());
    const unsigned count = leaf.count();
    doomed_.add(header.id, header.txn);
    CAISSON_RETURN_IF_ERROR(doom_values(i, 0, count));
    entries += count;
  }
  CAISSON_RETURN_IF_ERROR(doomed_.check_distinct());
  CAISSON_RETURN_IF_ERROR(make_ready(depth_ - 1, false, true));
  apply(depth_ - 1, {.index = first, .removed = leaves, .added_count = 0, .added = {}});
  root_.count -= entries;
  free_pages();
  return {};
}

// Notes the pages of values that go. Nothing read before is valid afterwards.
Result<void> TreeWriter::doom_values(unsigned index, unsigned begin, unsigned end) {
  CAISSON_ASSIGN_OR_RETURN(NodeView leaf, leaf_at(index));
  if (leaf.long_values() == 0) return {};
  for (unsigned i = begin; i < end; ++i) {
    if (!leaf.value_is_long(i)) continue;
    CAISSON_RETURN_IF_ERROR(doomed_.collect_from(*pager_, *txn_, leaf.long_value(i)));
    CAISSON_ASSIGN_OR_RETURN(leaf, leaf_at(index));
  }
  return {};
}

// What every change ends with.
void TreeWriter::free_pages() {
  doomed_.free_all(*txn_);
  replaced_.free_all(*txn_);
  ++changes_;
}

// --- ValueStream ---------------------------------------------------------------------------------

Result<void> ValueStream::append(Bytes bytes) {
  if (ended_) return fail(Code::kInvalidArgument, "this value has been finished, or has failed");
  const std::uint64_t size = (long_ ? long_->size() : head_.size()) + bytes.size();
  if (size > writer_->limits_.value_size_max) {
    return fail(value_too_long(size, writer_->limits_.value_size_max));
  }
  if (!long_) {
    if (writer_->lies_in_leaf(key_, size)) {
      head_.insert(head_.end(), bytes.begin(), bytes.end());
      return {};
    }
    long_.emplace(*writer_->pager_, *writer_->txn_);
    if (auto appended = long_->append(head_); !appended) {
      ended_ = true;
      return appended;
    }
  }
  auto appended = long_->append(bytes);
  ended_ = !appended.has_value();  // A part of it may have been taken.
  return appended;
}

Result<bool> ValueStream::finish() {
  if (ended_) return fail(Code::kInvalidArgument, "this value has been finished, or has failed");
  ended_ = true;
  if (!long_) return writer_->put_held(key_, {head_, false});
  CAISSON_ASSIGN_OR_RETURN(const LongValueRef ref, long_->finish());
  std::array<std::byte, kLongValueRefSize> held;
  store_long_value(held.data(), ref);
  auto put = writer_->put_held(key_, {held, true});
  if (put) long_->keep();
  return put;
}

}  // namespace caisson::btree

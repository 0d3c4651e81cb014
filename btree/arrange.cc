// What a change does to the nodes: in place where it fits, else by dividing, sharing and merging
// (spec/btree.md, section 3).
//
// A change begins with the leaf and goes up: whatever becomes of a node, or of two neighbours, is
// an edit of their parent. The pages on the way are the transaction's own by then, and pages that
// may be needed have been reserved, so nothing here can fail.

#include <algorithm>
#include <cassert>
#include <cstring>
#include <functional>
#include <utility>

#include "btree/writer.h"

namespace caisson::btree {
namespace {

// Two leaves share what they hold only up to this part of their room; above it they become three,
// since they would soon overflow again.
constexpr std::size_t kShareNumerator = 7;
constexpr std::size_t kShareDenominator = 8;

bool lies_in(Bytes page, Bytes bytes) {
  const std::less<const std::byte*> before;
  return !bytes.empty() && !before(bytes.data(), page.data()) &&
         before(bytes.data(), page.data() + page.size());
}

}  // namespace

PageId TreeWriter::new_page(PageType type, std::uint8_t level) {
  const auto page = txn_->allocate(type, level);
  assert(page && "reserved by make_ready()");
  return page->id;
}

void TreeWriter::apply(unsigned depth, const Edit& edit) {
  const MutableBytes page = bytes(path_[depth].id);
  const NodeView before(page.data(), page.size());
  const bool shrinks = depth > 0 && weighs_less(before, edit);
  if (apply_in_place(depth, edit)) {
    const NodeView after(page.data(), page.size());
    if (!shrinks || after.is_filled_to(room() * 2 / 5)) return;
    entries_.clear();
    entries_.append(after, {});
    underflow(depth);
    return;
  }
  const bool appended = edit.removed == 0 && edit.index == before.count() && at_right_edge(depth);
  if (appended && !branch_at(depth) && is_full_for(before, edit.added[0])) {
    return start_leaf(edit.added[0]);
  }
  entries_.clear();
  entries_.append(before, 0, edit.index, {});
  for (unsigned i = 0; i < edit.added_count; ++i) {
    entries_.append(edit.added[i].key, edit.added[i].value);
  }
  entries_.append(before, edit.index + edit.removed, before.count(), {});
  arrange(depth, appended, shrinks);
}

// Whether an edit takes away more than it adds.
bool TreeWriter::weighs_less(const NodeView& node, const Edit& edit) {
  std::size_t removed = 0;
  for (unsigned i = 0; i < edit.removed; ++i) removed += node.weight(edit.index + i);
  std::size_t added = 0;
  for (unsigned i = 0; i < edit.added_count; ++i) {
    added += entry_weight(edit.added[i].key.size(), edit.added[i].value.bytes.size());
  }
  return added < removed;
}

// Whether an entry behind the leaf's last one would find no more room if the leaf were built anew,
// which might give it a longer prefix.
bool TreeWriter::is_full_for(const NodeView& leaf, const Edit::Added& added) {
  if (!leaf.takes(added.key, added.value)) return false;
  std::byte first[kHeadSize];
  store_head(leaf.head(0), first);
  const Bytes suffix = added.key.subspan(leaf.prefix().size());
  return leaf.sizes(0).suffix <= kHeadSize || suffix.size() <= kHeadSize ||
         common_prefix(first, suffix) == 0;
}

// Appends a leaf for what the last one has no room for: that one stays full.
void TreeWriter::start_leaf(const Edit::Added& added) {
  const PageId full = path_[depth_].id;
  const PageId id = new_page(kLeaf, new_leaf_level());
  const MutableBytes page = bytes(full);
  const NodeView leaf(page.data(), page.size());
  NodeEditor(bytes(id)).start(leaf.prefix().size(), added.key, added.value);
  Separators& separators = separators_[depth_];
  std::vector<std::byte>& separator = separators.keys[0];
  separator.resize(key_buffer_size(page_size()));
  const std::size_t size = leaf.copy_key(leaf.count() - 1, separator.data());
  const std::size_t common = common_prefix(Bytes(separator).first(size), added.key);
  separator.assign(added.key.begin(), added.key.begin() + static_cast<std::ptrdiff_t>(common) + 1);
  store_reference(separators.references[0].data(), {id, 0});
  replace_in_parent(depth_, full,
                    {.index = depth_ == 0 ? 1 : path_[depth_ - 1].index + 1,
                     .removed = 0,
                     .added_count = 1,
                     .added = {{{separator, {separators.references[0], false}}, {}}}});
}

bool TreeWriter::apply_in_place(unsigned depth, const Edit& edit) {
  const MutableBytes page = bytes(path_[depth].id);
  NodeEditor editor(page);
  const NodeView node = editor.view();
  const unsigned count = node.count() - edit.removed + edit.added_count;
  if (edit.removed > 1 || count < (branch_at(depth) ? 2U : 1U)) return false;
  if (edit.removed == 1) {
    // A branch's first entry has no key of its own that another one could be given in its place,
    // and removing moves what is removed behind, which may hold the new value.
    if (branch_at(depth) && edit.index == 0) return false;
    if (node.count() == 1) return false;
  }
  std::size_t needed = 0;
  for (unsigned i = 0; i < edit.added_count; ++i) {
    const auto& [key, value] = edit.added[i];
    if (!node.takes(key, value)) return false;
    if (edit.removed > 0 && lies_in(page, value.bytes)) return false;
    needed += node.bytes_of_entry(key, value);
  }
  const std::size_t freed = edit.removed == 1 ? node.bytes_of_entry(edit.index) : 0;
  if (needed > node.free_bytes() + freed) return false;
  if (edit.removed == 1) editor.remove(edit.index);
  for (unsigned i = 0; i < edit.added_count; ++i) {
    editor.insert(edit.index + i, edit.added[i].key, edit.added[i].value);
  }
  return true;
}

bool TreeWriter::at_right_edge(unsigned depth) const {
  for (unsigned i = 0; i < depth; ++i) {
    const MutableBytes page = bytes(path_[i].id);
    if (path_[i].index + 1 != NodeView(page.data(), page.size()).count()) return false;
  }
  return true;
}

// Finds room for entries_, which take the place of the node at `depth` and may weigh less.
void TreeWriter::arrange(unsigned depth, bool appended, bool shrinks) {
  const NodePlan whole{0, entries_.size(), branch_at(depth)};
  const bool too_few = entries_.size() < (whole.branch ? 2U : 1U);
  if (depth == 0 && too_few) return collapse_root();
  if (entries_.size() == 0) return remove_from_parent(depth);
  if (!whole.fits(entries_, page_size())) {
    if (appended || branch_at(depth) || !share(depth)) split_alone(depth, appended);
    return;
  }
  if (too_few || (shrinks && whole.fill(entries_) < room() * 2 / 5)) return underflow(depth);
  parts_.assign(1, whole);
  write_out(depth, alone(depth));
}

// The root has nothing left, or one child, which becomes the root.
void TreeWriter::collapse_root() {
  root_.page = entries_.size() == 0 ? PageRef{} : load_reference(entries_.value(0).bytes.data());
  txn_->free(path_[0].id, txn_->txn());  // Last: the value lies there.
}

void TreeWriter::remove_from_parent(unsigned depth) {
  txn_->free(path_[depth].id, txn_->txn());
  apply(depth - 1, {.index = path_[depth - 1].index, .removed = 1, .added_count = 0, .added = {}});
}

// --- Siblings ------------------------------------------------------------------------------------

// The node beside the one at `depth`; none if it can't be read, or isn't what belongs there.
std::optional<TreeWriter::Sibling> TreeWriter::sibling(unsigned depth, unsigned index) const {
  if (siblings_[depth].node.page() != nullptr && siblings_[depth].index == index) {
    return siblings_[depth];
  }
  const MutableBytes page = bytes(path_[depth - 1].id);
  const NodeView parent(page.data(), page.size());
  const auto node = tree().read_child(parent, index);
  if (!node || !check_bounds(depth, index, *node)) return std::nullopt;
  return Sibling{*node, index};
}

// Puts the sibling's entries before or behind entries_. The right one of two branches has the
// parent's separator as its first key.
void TreeWriter::join(unsigned depth, const Sibling& sibling) {
  const MutableBytes page = bytes(path_[depth - 1].id);
  const NodeView parent(page.data(), page.size());
  const unsigned index = path_[depth - 1].index;
  const bool is_left = sibling.index < index;
  std::vector<std::byte>& separator = separators_[depth].keys[0];
  separator.resize(key_buffer_size(page_size()));
  separator.resize(parent.copy_key(std::max(index, sibling.index), separator.data()));
  if (is_left) {
    if (branch_at(depth)) entries_.set_key(0, separator);
    entries_.prepend(sibling.node);
  } else {
    entries_.append(sibling.node, separator);
  }
}

TreeWriter::Group TreeWriter::alone(unsigned depth) const {
  return {depth == 0 ? 0 : path_[depth - 1].index, 1, {path_[depth].id, PageId{}}};
}

// Both nodes as pages of the transaction's own, to be written over.
TreeWriter::Group TreeWriter::own_group(unsigned depth, const Sibling& sibling) {
  NodeEditor parent(bytes(path_[depth - 1].id));
  const unsigned index = path_[depth - 1].index;
  PageId id = parent.view().child(sibling.index).id;
  if (bytes(id).empty()) {
    const pager::PageHeader header = pager::read_header(sibling.node.page());
    replaced_.add(id, header.txn);  // Its values are still to be copied.
    id = new_page(header.type, header.level);
    parent.set_child(sibling.index, id);
  }
  Group group{std::min(index, sibling.index), 2, {path_[depth].id, id}};
  if (sibling.index < index) std::swap(group.pages[0], group.pages[1]);
  return group;
}

// entries_ are too many for one leaf: the emptier sibling takes some, or the two become three.
bool TreeWriter::share(unsigned depth) {
  if (depth == 0) return false;
  const MutableBytes page = bytes(path_[depth - 1].id);
  const unsigned count = NodeView(page.data(), page.size()).count();
  const unsigned index = path_[depth - 1].index;
  std::optional<Sibling> best;
  if (index > 0) best = sibling(depth, index - 1);
  if (index + 1 < count) {
    const std::optional<Sibling> right = sibling(depth, index + 1);
    if (right && (!best || right->node.used() < best->node.used())) best = right;
  }
  if (!best) return false;
  join(depth, *best);
  const NodePlan all{0, entries_.size(), false};
  const std::size_t used = all.used(entries_) + all.prefix_size(entries_);
  const bool fits_two = used <= 2 * room() * kShareNumerator / kShareDenominator;
  if (!divide(fits_two ? 2 : 3, false)) {
    const std::size_t theirs = best->node.count();
    entries_.remove(best->index < index ? 0 : entries_.size() - theirs, theirs);
    return false;
  }
  write_out(depth, own_group(depth, *best));
  return true;
}

// entries_ are too few for a node: they join a sibling's, or take some of them.
void TreeWriter::underflow(unsigned depth) {
  const unsigned index = path_[depth - 1].index;
  const std::optional<Sibling> other = sibling(depth, index > 0 ? index - 1 : index + 1);
  if (!other) {
    // make_ready() has read what balance depends on.
    parts_.assign(1, {0, entries_.size(), branch_at(depth)});
    write_out(depth, alone(depth));
    return;
  }
  join(depth, *other);
  const NodePlan all{0, entries_.size(), branch_at(depth)};
  if (all.fits(entries_, page_size())) {
    parts_.assign(1, all);
  } else if (!divide(2, all.branch)) {
    divide_anywhere(all.branch);
  }
  write_out(depth, own_group(depth, *other));
}

void TreeWriter::split_alone(unsigned depth, bool appended) {
  const bool branch = branch_at(depth);
  const std::size_t size = entries_.size();
  if (appended) {
    // The left one stays full. A branch has two entries at least.
    const std::size_t boundary = size - (branch ? 2 : 1);
    parts_ = {{0, boundary, branch}, {boundary, size, branch}};
    assert(parts_[0].fits(entries_, page_size()) && "never grows: see NodePlan::prefix_size()");
  } else if (!divide(2, branch)) {
    divide_anywhere(branch);
  }
  write_out(depth, alone(depth));
}

// --- Writing -------------------------------------------------------------------------------------

// The shortest key that parts two leaves; of branches, the one that has parted them so far.
void TreeWriter::set_separator(std::size_t part, std::vector<std::byte>& separator) const {
  const std::size_t begin = parts_[part].begin;
  Bytes key = entries_.key(begin);
  if (!parts_[part].branch) key = key.first(common_prefix(entries_.key(begin - 1), key) + 1);
  separator.assign(key.begin(), key.end());
}

// Writes parts_ over a group of neighbours, or more or fewer nodes than these, and tells their
// parent.
void TreeWriter::write_out(unsigned depth, const Group& group) {
  const pager::PageHeader header = pager::read_header(bytes(path_[depth].id).data());
  Separators& separators = separators_[depth];
  Edit edit{.index = 1, .removed = group.count - 1, .added_count = 0, .added = {}};
  // Beside the old pages, in which values lie, until all are built.
  scratch_.resize(2 * page_size());
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    std::byte* to = scratch_.data() + i * page_size();
    if (i >= group.count) {
      const PageId id = new_page(header.type, header.level);
      to = bytes(id).data();
      store_reference(separators.references[i - 1].data(), {id, 0});
    }
    to[5] = std::byte{header.level};
    build_node(entries_, parts_[i], {to, page_size()});
  }
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (i < group.count) {
      const MutableBytes page = bytes(group.pages[i]);
      const Bytes built(scratch_.data() + i * page_size(), page_size());
      page[5] = built[5];
      std::ranges::copy(built.subspan(pager::kPageHeaderSize),
                        page.begin() + pager::kPageHeaderSize);
      if (i > 0) store_reference(separators.references[i - 1].data(), {group.pages[i], 0});
    }
    if (i == 0) continue;
    set_separator(i, separators.keys[i - 1]);
    edit.added[i - 1] = {separators.keys[i - 1], {separators.references[i - 1], false}};
    ++edit.added_count;
  }
  for (std::size_t i = parts_.size(); i < group.count; ++i) {
    txn_->free(group.pages[i], txn_->txn());
  }
  if (edit.removed == 0 && edit.added_count == 0) return;
  edit.index += group.first;
  replace_in_parent(depth, group.pages[0], edit);
}

// Tells the parent of a node what became of it; the root gets one, if it had none.
void TreeWriter::replace_in_parent(unsigned depth, PageId first, const Edit& edit) {
  if (depth > 0) {
    apply(depth - 1, edit);
  } else {
    add_root(pager::read_header(bytes(first).data()).level, first, edit);
  }
}

// A new root above what the old one became.
void TreeWriter::add_root(std::uint8_t level, PageId first, const Edit& edit) {
  const std::uint8_t above =
      level < kBranchLevelMin ? kBranchLevelMin : static_cast<std::uint8_t>(level + 1);
  const PageId id = new_page(kBranch, above);
  std::array<std::byte, kReferenceSize> reference;
  store_reference(reference.data(), {first, 0});
  entries_.clear();
  entries_.append({}, {reference, false});
  for (unsigned i = 0; i < edit.added_count; ++i) {
    entries_.append(edit.added[i].key, edit.added[i].value);
  }
  build_node(entries_, {0, entries_.size(), true}, bytes(id));
  root_.page = {id, 0};
}

}  // namespace caisson::btree

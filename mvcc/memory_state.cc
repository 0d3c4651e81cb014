#include "mvcc/memory_state.h"

#include <span>
#include <string_view>
#include <utility>

#include "mvcc/state_hash.h"

namespace caisson::mvcc {
namespace {

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace

Result<MemoryState::Tree*> MemoryState::find(TreeId id) {
  const auto found = trees_.find(id);
  if (found == trees_.end()) return fail(no_such_tree(id));
  return &found->second;
}

Result<void> MemoryState::create(TreeId id, std::uint64_t kind, Bytes name, Bytes options) {
  CAISSON_RETURN_IF_ERROR(check_tree(name, kind, options));
  CAISSON_RETURN_IF_ERROR(check_next(next_tree_, id));
  if (!names_.emplace(text_of(name), id).second) return fail(name_taken(name));
  trees_.emplace(id, Tree{.kind = kind,
                          .name = std::string(text_of(name)),
                          .options = {options.begin(), options.end()},
                          .entries = {}});
  next_tree_ = TreeId{to_u64(id) + 1};
  return {};
}

Result<void> MemoryState::drop(TreeId id) {
  CAISSON_RETURN_IF_ERROR(erase_range(id, {}));
  const auto tree = trees_.find(id);
  names_.erase(tree->second.name);
  trees_.erase(tree);
  return {};
}

Result<void> MemoryState::put(TreeId id, Bytes key, Bytes value) {
  CAISSON_ASSIGN_OR_RETURN(Tree* const tree, find(id));
  Entries& entries = tree->entries;
  const std::string_view wanted = text_of(key);
  const auto at = entries.lower_bound(wanted);
  if (at != entries.end() && at->first == wanted) {
    bytes_ -= at->second.size();
    at->second = text_of(value);
  } else {
    entries.emplace_hint(at, wanted, text_of(value));
    bytes_ += key.size();
  }
  bytes_ += value.size();
  return {};
}

// The size isn't believed before the bytes have come.
Result<void> MemoryState::begin_value(TreeId id, Bytes key, std::uint64_t /*size*/) {
  CAISSON_RETURN_IF_ERROR(find(id));
  value_tree_ = id;
  value_key_ = text_of(key);
  value_.clear();
  return {};
}

Result<void> MemoryState::append_piece(Bytes piece) {
  value_ += text_of(piece);
  return {};
}

Result<void> MemoryState::finish_value() {
  const std::string value = std::exchange(value_, {});
  return put(value_tree_, bytes_of(value_key_), bytes_of(value));
}

MemoryState::Entries::iterator MemoryState::erase(Entries& entries, Entries::iterator entry) {
  bytes_ -= entry->first.size() + entry->second.size();
  return entries.erase(entry);
}

Result<void> MemoryState::erase(TreeId id, Bytes key) {
  CAISSON_ASSIGN_OR_RETURN(Tree* const tree, find(id));
  const auto found = tree->entries.find(text_of(key));
  if (found != tree->entries.end()) erase(tree->entries, found);
  return {};
}

// A range that ends before it begins is empty.
Result<void> MemoryState::erase_range(TreeId id, const btree::Range& range) {
  CAISSON_ASSIGN_OR_RETURN(Tree* const tree, find(id));
  Entries& entries = tree->entries;
  auto at = entries.lower_bound(text_of(range.begin));
  while (at != entries.end() && (!range.end || at->first < text_of(*range.end))) {
    at = erase(entries, at);
  }
  return {};
}

Hash128 MemoryState::hash() const {
  StateHasher hasher;
  (void)hasher.begin(next_tree_);
  for (const auto& [id, tree] : trees_) {
    (void)hasher.begin_tree({.id = id,
                             .kind = tree.kind,
                             .name = tree.name,
                             .options = tree.options,
                             .root = {.page = {}, .count = tree.entries.size()}});
    for (const auto& [key, value] : tree.entries) {
      (void)hasher.entry(bytes_of(key), bytes_of(value));
    }
  }
  return hasher.finish();
}

}  // namespace caisson::mvcc

#include "mvcc/sorted_target.h"

#include <algorithm>

#include "btree/node.h"

namespace caisson::mvcc {
namespace {

// Big-endian, filled up with zeros: heads that differ order as their keys do.
std::uint64_t head_of(Bytes key) {
  std::uint64_t head = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    head = head << 8U | (i < key.size() ? std::to_integer<std::uint64_t>(key[i]) : 0);
  }
  return head;
}

}  // namespace

Bytes SortedTarget::key_of(const Change& change) const {
  return Bytes(bytes_).subspan(change.at, change.key_size);
}

Result<void> SortedTarget::wait(TreeId id, Bytes key, Bytes value, bool erases) {
  const std::size_t size = key.size() + value.size() + sizeof(Change);
  if (bytes_.size() + changes_ * sizeof(Change) + size > bytes_max_) {
    CAISSON_RETURN_IF_ERROR(finish());
  }
  auto found = waiting_.find(id);
  if (found == waiting_.end()) {
    CAISSON_RETURN_IF_ERROR(trees_.writer(id));  // It has to be there.
    found = waiting_.try_emplace(id).first;
  }
  found->second.push_back({.head = head_of(key),
                           .at = static_cast<std::uint32_t>(bytes_.size()),
                           .key_size = static_cast<std::uint32_t>(key.size()),
                           .value_size = static_cast<std::uint32_t>(value.size()),
                           .erases = erases});
  ++changes_;
  bytes_.insert(bytes_.end(), key.begin(), key.end());
  bytes_.insert(bytes_.end(), value.begin(), value.end());
  return {};
}

Result<void> SortedTarget::finish() {
  for (auto& [id, changes] : waiting_) CAISSON_RETURN_IF_ERROR(finish(id, changes));
  waiting_.clear();
  changes_ = 0;
  bytes_.clear();
  return {};
}

Result<void> SortedTarget::finish(TreeId id, std::vector<Change>& changes) {
  std::ranges::sort(changes, [this](const Change& a, const Change& b) {
    if (a.head != b.head) return a.head < b.head;
    const int order = btree::compare_bytes(key_of(a), key_of(b));
    return order != 0 ? order < 0 : a.at < b.at;
  });
  CAISSON_ASSIGN_OR_RETURN(btree::TreeWriter* const tree, trees_.writer(id));
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const Change& change = changes[i];
    const Bytes key = key_of(change);
    // A later one of the same key undoes it.
    if (i + 1 < changes.size() && changes[i + 1].head == change.head &&
        btree::compare_bytes(key, key_of(changes[i + 1])) == 0) {
      continue;
    }
    if (change.erases) {
      CAISSON_RETURN_IF_ERROR(tree->erase(key));
    } else {
      const std::size_t value_at = std::size_t{change.at} + change.key_size;
      CAISSON_RETURN_IF_ERROR(tree->put(key, Bytes(bytes_).subspan(value_at, change.value_size)));
    }
  }
  return {};
}

// --- What waits ----------------------------------------------------------------------------------

Result<void> SortedTarget::put(TreeId id, Bytes key, Bytes value) {
  return wait(id, key, value, false);
}

Result<void> SortedTarget::erase(TreeId id, Bytes key) { return wait(id, key, {}, true); }

// --- What doesn't --------------------------------------------------------------------------------

Result<void> SortedTarget::create(TreeId id, std::uint64_t kind, Bytes name, Bytes options) {
  CAISSON_RETURN_IF_ERROR(finish());
  return target_.create(id, kind, name, options);
}

Result<void> SortedTarget::drop(TreeId id) {
  CAISSON_RETURN_IF_ERROR(finish());
  return target_.drop(id);
}

Result<void> SortedTarget::begin_value(TreeId id, Bytes key, std::uint64_t size) {
  CAISSON_RETURN_IF_ERROR(finish());
  return target_.begin_value(id, key, size);
}

Result<void> SortedTarget::append_piece(Bytes piece) { return target_.append_piece(piece); }

Result<void> SortedTarget::finish_value() { return target_.finish_value(); }

Result<void> SortedTarget::erase_range(TreeId id, const btree::Range& range) {
  CAISSON_RETURN_IF_ERROR(finish());
  return target_.erase_range(id, range);
}

}  // namespace caisson::mvcc

#include "mvcc/state_hash.h"

#include <array>

namespace caisson::mvcc {

Result<void> StateHasher::begin(TreeId next_tree) {
  add_number(to_u64(next_tree));
  return {};
}

Result<void> StateHasher::begin_tree(const TreeEntry& tree) {
  add_number(to_u64(tree.id));
  add_number(tree.kind);
  add_bytes(std::as_bytes(std::span(tree.name)));
  add_bytes(tree.options);
  add_number(tree.root.count);
  return {};
}

Result<void> StateHasher::entry(Bytes key, Bytes value) {
  add_bytes(key);
  add_bytes(value);
  return {};
}

Result<void> StateHasher::begin_value(Bytes key, std::uint64_t size) {
  add_bytes(key);
  add_number(size);
  return {};
}

Result<void> StateHasher::piece(Bytes piece) {
  hasher_.update(piece);
  return {};
}

void StateHasher::add_number(std::uint64_t number) {
  std::array<std::byte, sizeof number> bytes;
  store_u64(bytes.data(), number);
  hasher_.update(bytes);
}

void StateHasher::add_bytes(Bytes bytes) {
  add_number(bytes.size());
  hasher_.update(bytes);
}

Result<Hash128> state_hash(const Snapshot& snapshot) {
  StateHasher hasher;
  CAISSON_RETURN_IF_ERROR(walk_state(snapshot, hasher));
  return hasher.finish();
}

}  // namespace caisson::mvcc

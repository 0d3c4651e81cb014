#include "mvcc/state_hash.h"

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mvcc/read.h"

namespace caisson::mvcc {

StateHasher::StateHasher(TreeId next_tree) { add_number(to_u64(next_tree)); }

void StateHasher::add_tree(TreeId id, std::uint64_t kind, Bytes name, Bytes options,
                           std::uint64_t count) {
  add_number(to_u64(id));
  add_number(kind);
  add_bytes(name);
  add_bytes(options);
  add_number(count);
}

void StateHasher::begin_entry(Bytes key, std::uint64_t value_size) {
  add_bytes(key);
  add_number(value_size);
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

// --- Snapshots -----------------------------------------------------------------------------------

namespace {

// As read_header(), of a snapshot.
Result<CatalogHeader> header_of(const TreeReader& catalog) {
  if (catalog.count() == 0) return CatalogHeader{};
  CAISSON_ASSIGN_OR_RETURN(auto value, catalog.get(CatalogKey::header().bytes()));
  if (!value) {
    return fail(Error(Code::kCorruption, "the catalog has no header").with_rule("CATALOG-1"));
  }
  CAISSON_ASSIGN_OR_RETURN(const Bytes bytes, value->piece(0));
  return decode_header(bytes);
}

// The first tree from a number on. One at a time: a cursor that waits while a tree is read would
// keep what it stands on.
Result<std::optional<TreeEntry>> tree_from(const TreeReader& catalog, TreeId from) {
  const CatalogKey begin = CatalogKey::tree(from);
  const CatalogKey end = CatalogKey::trees_end();
  CAISSON_ASSIGN_OR_RETURN(Cursor cursor, catalog.cursor({begin.bytes(), end.bytes()}));
  CAISSON_ASSIGN_OR_RETURN(const bool found, cursor.first());
  if (!found) return std::optional<TreeEntry>();
  CAISSON_ASSIGN_OR_RETURN(const TreeId id, decode_tree_key(cursor.key()));
  CAISSON_ASSIGN_OR_RETURN(Value value, cursor.value());
  CAISSON_ASSIGN_OR_RETURN(const Bytes bytes, value.piece(0));
  return decode_tree(id, bytes);
}

Result<void> add_value(Value& value, StateHasher& hasher) {
  for (std::uint64_t at = 0; at < value.size();) {
    CAISSON_ASSIGN_OR_RETURN(const Bytes piece, value.piece(at));
    hasher.add_piece(piece);
    at += piece.size();
  }
  return {};
}

Result<void> add_entries(const TreeReader& tree, StateHasher& hasher) {
  CAISSON_ASSIGN_OR_RETURN(std::optional<Cursor> cursor, tree.cursor());
  std::vector<std::byte> key;
  std::uint64_t count = 0;
  auto more = cursor->first();
  for (; more && *more; more = cursor->next()) {
    ++count;
    CAISSON_ASSIGN_OR_RETURN(Value value, cursor->value());
    hasher.begin_entry(cursor->key(), value.size());
    if (value.in_one_piece()) {
      CAISSON_RETURN_IF_ERROR(add_value(value, hasher));
      continue;
    }
    // A value may take long. It keeps itself; the cursor is left for that time, and found again.
    const Bytes at = cursor->key();
    key.assign(at.begin(), at.end());
    cursor.reset();
    CAISSON_RETURN_IF_ERROR(add_value(value, hasher));
    CAISSON_ASSIGN_OR_RETURN(cursor, tree.cursor());
    CAISSON_RETURN_IF_ERROR(cursor->seek(key));
  }
  CAISSON_RETURN_IF_ERROR(more);
  if (count == tree.count()) return {};
  return fail(Error(Code::kCorruption, "a tree has " + std::to_string(count) +
                                           " entries, and the catalog says " +
                                           std::to_string(tree.count()))
                  .with_rule("TREE-5"));
}

}  // namespace

Result<Hash128> state_hash(const Snapshot& snapshot) {
  const TreeReader catalog = snapshot.catalog();
  CAISSON_ASSIGN_OR_RETURN(const CatalogHeader header, header_of(catalog));
  StateHasher hasher(header.next_tree);
  for (std::uint64_t from = 0;;) {
    CAISSON_ASSIGN_OR_RETURN(const auto entry, tree_from(catalog, TreeId{from}));
    if (!entry) return hasher.finish();
    CAISSON_ASSIGN_OR_RETURN(const TreeReader tree, snapshot.tree(entry->id));
    hasher.add_tree(entry->id, entry->kind, std::as_bytes(std::span(entry->name)), entry->options,
                    tree.count());
    CAISSON_RETURN_IF_ERROR(add_entries(tree, hasher));
    from = to_u64(entry->id) + 1;
  }
}

}  // namespace caisson::mvcc

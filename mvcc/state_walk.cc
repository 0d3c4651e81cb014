#include "mvcc/state_walk.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "mvcc/read.h"

namespace caisson::mvcc {
namespace {

// So much is copied before it is shown, and so much of a long value at once.
constexpr std::size_t kChunk = std::size_t{256} << 10U;

Result<CatalogHeader> header_in(const TreeReader& catalog) {
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

// The entries of one tree. They are copied, some at a time, and shown when the cursor has gone.
class TreeWalk {
 public:
  TreeWalk(const TreeReader& tree, StateVisitor& visitor) : tree_(tree), visitor_(visitor) {}

  Result<void> run(const std::stop_token& stop) {
    while (!ended_) {
      if (stop.stop_requested()) return fail(Code::kStopped, "it was asked to stop");
      CAISSON_RETURN_IF_ERROR(copy_some());
      CAISSON_RETURN_IF_ERROR(show());
    }
    if (count_ == tree_.count()) return {};
    return fail(Error(Code::kCorruption, "a tree has " + std::to_string(count_) +
                                             " entries, and the catalog says " +
                                             std::to_string(tree_.count()))
                    .with_rule("TREE-5"));
  }

 private:
  struct Copied {
    std::size_t key_size = 0;
    std::uint64_t value_size = 0;
    bool is_long = false;  // Only its key was copied.
  };

  Result<void> copy_some() {
    CAISSON_ASSIGN_OR_RETURN(Cursor cursor, tree_.cursor());
    auto more = count_ == 0 ? cursor.first() : behind_last(cursor);
    bytes_.clear();
    entries_.clear();
    for (; more && *more; more = cursor.next()) {
      CAISSON_ASSIGN_OR_RETURN(Value value, cursor.value());
      const Bytes key = cursor.key();
      entries_.push_back({key.size(), value.size(), !value.in_one_piece()});
      bytes_.insert(bytes_.end(), key.begin(), key.end());
      if (value.in_one_piece()) {
        CAISSON_ASSIGN_OR_RETURN(const Bytes piece, value.piece(0));
        bytes_.insert(bytes_.end(), piece.begin(), piece.end());
      }
      if (!value.in_one_piece() || bytes_.size() >= kChunk) {
        last_.assign(key.begin(), key.end());
        break;
      }
    }
    CAISSON_RETURN_IF_ERROR(more);
    count_ += entries_.size();
    ended_ = !*more;
    return {};
  }

  Result<bool> behind_last(Cursor& cursor) const {
    CAISSON_ASSIGN_OR_RETURN(const bool found, cursor.seek(last_));
    return found && std::ranges::equal(cursor.key(), last_) ? cursor.next() : found;
  }

  Result<void> show() {
    Bytes rest = bytes_;
    for (const Copied& entry : entries_) {
      const Bytes key = rest.first(entry.key_size);
      rest = rest.subspan(entry.key_size);
      if (entry.is_long) {
        CAISSON_RETURN_IF_ERROR(show_long(key, entry.value_size));
        continue;
      }
      CAISSON_RETURN_IF_ERROR(visitor_.entry(key, rest.first(entry.value_size)));
      rest = rest.subspan(entry.value_size);
    }
    return {};
  }

  Result<void> show_long(Bytes key, std::uint64_t size) {
    CAISSON_RETURN_IF_ERROR(visitor_.begin_value(key, size));
    for (std::uint64_t at = 0; at < size;) {
      piece_.resize(std::min<std::uint64_t>(kChunk, size - at));
      {
        CAISSON_ASSIGN_OR_RETURN(auto value, tree_.get(key));
        if (!value) return fail(Code::kCorruption, "an entry can't be found a second time");
        CAISSON_RETURN_IF_ERROR(value->read(at, piece_));
      }
      CAISSON_RETURN_IF_ERROR(visitor_.piece(piece_));
      at += piece_.size();
    }
    return {};
  }

  const TreeReader& tree_;
  StateVisitor& visitor_;
  std::vector<Copied> entries_;
  std::vector<std::byte> bytes_;  // Of keys, and of values in one piece.
  std::vector<std::byte> last_;   // The last key that was copied.
  std::vector<std::byte> piece_;
  std::uint64_t count_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<CatalogHeader> header_of(const Snapshot& snapshot) { return header_in(snapshot.catalog()); }

Result<void> walk_state(const Snapshot& snapshot, StateVisitor& visitor,
                        const std::stop_token& stop) {
  const TreeReader catalog = snapshot.catalog();
  CAISSON_ASSIGN_OR_RETURN(const CatalogHeader header, header_in(catalog));
  CAISSON_RETURN_IF_ERROR(visitor.begin(header.next_tree));
  for (std::uint64_t from = 0;;) {
    CAISSON_ASSIGN_OR_RETURN(const auto entry, tree_from(catalog, TreeId{from}));
    if (!entry) return {};
    CAISSON_ASSIGN_OR_RETURN(const TreeReader tree, snapshot.tree(entry->id));
    CAISSON_RETURN_IF_ERROR(visitor.begin_tree(*entry));
    CAISSON_RETURN_IF_ERROR(TreeWalk(tree, visitor).run(stop));
    from = to_u64(entry->id) + 1;
  }
}

}  // namespace caisson::mvcc

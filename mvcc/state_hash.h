// The hash of what a state holds, whatever pages it lies in: spec/store.md, section 3.

#ifndef CAISSON_MVCC_STATE_HASH_H_
#define CAISSON_MVCC_STATE_HASH_H_

#include <cstdint>

#include "base/hash.h"
#include "base/result.h"
#include "mvcc/catalog.h"
#include "mvcc/snapshot.h"

namespace caisson::mvcc {

// Takes a state in its order: trees by their numbers, each with its entries by their keys. Used by
// one thread.
class StateHasher {
 public:
  // Begins with the number of the next tree.
  explicit StateHasher(TreeId next_tree);

  // A tree; so many entries of it follow.
  void add_tree(TreeId id, std::uint64_t kind, Bytes name, Bytes options, std::uint64_t count);

  // An entry, whose value follows in pieces that add up to its size.
  void begin_entry(Bytes key, std::uint64_t value_size);
  void add_piece(Bytes piece) { hasher_.update(piece); }

  Hash128 finish() const { return hasher_.finish(); }

 private:
  void add_number(std::uint64_t number);
  void add_bytes(Bytes bytes);

  Hasher128 hasher_;
};

// Of all that a snapshot shows. Needs some pages' worth of memory, whatever the state's size, and
// keeps nobody from reusing pages for longer than it looks at one. Errors: as Cursor and Value;
// kCorruption where a tree's count isn't that of its entries. Reads everything.
Result<Hash128> state_hash(const Snapshot& snapshot);

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_STATE_HASH_H_

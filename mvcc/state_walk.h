// Going through all that a state holds, in one order: what a state's hash is made of, and what a
// copy is made from.

#ifndef CAISSON_MVCC_STATE_WALK_H_
#define CAISSON_MVCC_STATE_WALK_H_

#include <cstdint>
#include <stop_token>

#include "base/result.h"
#include "mvcc/catalog.h"
#include "mvcc/snapshot.h"

namespace caisson::mvcc {

// Is shown a state: trees by their numbers, each with its entries by their keys. An error ends it.
// Bytes are valid until the call returns, and no page is held meanwhile: it may take its time.
class StateVisitor {
 public:
  virtual ~StateVisitor() = default;

  // Comes first: the number of the next tree.
  virtual Result<void> begin(TreeId next_tree) = 0;

  // A tree: `tree.root.count` entries of it follow. Its page means something to its own store only.
  virtual Result<void> begin_tree(const TreeEntry& tree) = 0;

  // An entry, with its value in one piece; or one whose value follows in pieces that add up to its
  // size, which is not 0.
  virtual Result<void> entry(Bytes key, Bytes value) = 0;
  virtual Result<void> begin_value(Bytes key, std::uint64_t size) = 0;
  virtual Result<void> piece(Bytes piece) = 0;
};

// What the catalog says of all trees. Errors: as read_header().
Result<CatalogHeader> header_of(const Snapshot& snapshot);

// Shows all of a snapshot. Keeps nobody from reusing frames while the visitor is at work. Needs
// some pages' worth of memory, whatever the state's size. Errors: as Cursor and Value; kCorruption
// where a tree's count isn't that of its entries; kStopped; the visitor's.
// Reads everything.
Result<void> walk_state(const Snapshot& snapshot, StateVisitor& visitor,
                        const std::stop_token& stop = {});

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_STATE_WALK_H_

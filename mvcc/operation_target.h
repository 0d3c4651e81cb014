// What the operations of a commit are applied to: spec/store.md, section 3.

#ifndef CAISSON_MVCC_OPERATION_TARGET_H_
#define CAISSON_MVCC_OPERATION_TARGET_H_

#include <cstdint>

#include "base/result.h"
#include "btree/tree.h"
#include "mvcc/catalog.h"

namespace caisson::mvcc {

// A state that can be changed: trees on pages (TreeSetTarget), in memory (MemoryState), or those of
// a write transaction (WriteTxnTarget). All of them do and refuse the same (APPLY-2). Used by one
// thread at a time.
//
// Errors of all changes: kNotFound where there is no such tree, kAlreadyExists, kInvalidArgument
// (a limit; a number that isn't the next); kUnsupported for a kind of tree that is unknown. Then
// the state is as it was, or it isn't to be used further: whoever applies a commit gives it up.
// Others as the target may have: kOutOfSpace, kIoError and the like.
class OperationTarget {
 public:
  virtual ~OperationTarget() = default;

  // Makes an empty tree. Its number has to be the next one.
  virtual Result<void> create(TreeId id, std::uint64_t kind, Bytes name, Bytes options) = 0;

  virtual Result<void> drop(TreeId id) = 0;
  virtual Result<void> put(TreeId id, Bytes key, Bytes value) = 0;

  // Begins a value of so many bytes. Pieces of it follow, and finish_value(), with nothing between.
  virtual Result<void> begin_value(TreeId id, Bytes key, std::uint64_t size) = 0;
  virtual Result<void> append_piece(Bytes piece) = 0;
  virtual Result<void> finish_value() = 0;

  // Removes a key, or all of a range, as far as they are there.
  virtual Result<void> erase(TreeId id, Bytes key) = 0;
  virtual Result<void> erase_range(TreeId id, const btree::Range& range) = 0;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_OPERATION_TARGET_H_

// The hash of what a state holds, whatever pages it lies in: spec/store.md, section 3.

#ifndef CAISSON_MVCC_STATE_HASH_H_
#define CAISSON_MVCC_STATE_HASH_H_

#include <cstdint>

#include "base/hash.h"
#include "base/result.h"
#include "mvcc/catalog.h"
#include "mvcc/snapshot.h"
#include "mvcc/state_walk.h"

namespace caisson::mvcc {

// Is shown a state, and says its hash. Used by one thread. Never fails.
class StateHasher final : public StateVisitor {
 public:
  Result<void> begin(TreeId next_tree) override;
  Result<void> begin_tree(const TreeEntry& tree) override;
  Result<void> entry(Bytes key, Bytes value) override;
  Result<void> begin_value(Bytes key, std::uint64_t size) override;
  Result<void> piece(Bytes piece) override;

  Hash128 finish() const { return hasher_.finish(); }

 private:
  void add_number(std::uint64_t number);
  void add_bytes(Bytes bytes);

  Hasher128 hasher_;
};

// Of all that a snapshot shows. As walk_state().
Result<Hash128> state_hash(const Snapshot& snapshot);

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_STATE_HASH_H_

// A state in memory: what operations leave, without pages.

#ifndef CAISSON_MVCC_MEMORY_STATE_H_
#define CAISSON_MVCC_MEMORY_STATE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "mvcc/catalog.h"
#include "mvcc/operation_target.h"

namespace caisson::mvcc {

// Trees as ordered maps: simple enough to be believed, and so what other states are held against.
// It has no limits of its own for keys and values. Movable; used by one thread at a time.
class MemoryState final : public OperationTarget {
 public:
  // In the order of unsigned bytes, as std::string compares.
  using Entries = std::map<std::string, std::string, std::less<>>;

  struct Tree {
    std::uint64_t kind = kPlainTree;
    std::string name;
    std::vector<std::byte> options;
    Entries entries;
  };

  MemoryState() = default;
  MemoryState(MemoryState&&) = default;
  MemoryState& operator=(MemoryState&&) = default;

  Result<void> create(TreeId id, std::uint64_t kind, Bytes name, Bytes options) override;
  Result<void> drop(TreeId id) override;
  Result<void> put(TreeId id, Bytes key, Bytes value) override;
  Result<void> begin_value(TreeId id, Bytes key, std::uint64_t size) override;
  Result<void> append_piece(Bytes piece) override;
  Result<void> finish_value() override;
  Result<void> erase(TreeId id, Bytes key) override;
  Result<void> erase_range(TreeId id, const btree::Range& range) override;

  TreeId next_tree() const { return next_tree_; }
  const std::map<TreeId, Tree>& trees() const { return trees_; }

  // Of all keys and values, and of the value that is on its way.
  std::uint64_t bytes() const { return bytes_ + value_.size(); }

  // As state_hash() of a snapshot that shows the same. O(size).
  Hash128 hash() const;

 private:
  Result<Tree*> find(TreeId id);
  Entries::iterator erase(Entries& entries, Entries::iterator entry);

  TreeId next_tree_{1};
  std::map<TreeId, Tree> trees_;
  std::map<std::string, TreeId, std::less<>> names_;
  std::uint64_t bytes_ = 0;

  // A value on its way.
  TreeId value_tree_{};
  std::string value_key_;
  std::string value_;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_MEMORY_STATE_H_

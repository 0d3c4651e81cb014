// Changes of trees on pages, done in the order of their keys.

#ifndef CAISSON_MVCC_SORTED_TARGET_H_
#define CAISSON_MVCC_SORTED_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "base/result.h"
#include "mvcc/replay.h"
#include "mvcc/tree_set.h"

namespace caisson::mvcc {

// Applies what many commits did where nobody sees the states between them. Keys that are put or
// removed wait, up to kBytesMax of them; then each tree's are sorted, and the last change of each
// key is done. So a leaf that many of them go to is looked for, read and copied once, and in the
// order of keys. What else happens to a tree comes behind what has waited.
//
// That a tree isn't there is said at once; any other error may be that of an earlier change. Used
// by one thread. Ends before the trees do.
class SortedTarget final : public OperationTarget {
 public:
  // Keys, values and what is noted of them; the most memory that this takes.
  static constexpr std::size_t kBytesMax = std::size_t{16} << 20U;

  explicit SortedTarget(TreeSet& trees, std::size_t bytes_max = kBytesMax)
      : trees_(trees), target_(trees), bytes_max_(bytes_max) {}

  Result<void> create(TreeId id, std::uint64_t kind, Bytes name, Bytes options) override;
  Result<void> drop(TreeId id) override;
  Result<void> put(TreeId id, Bytes key, Bytes value) override;
  Result<void> begin_value(TreeId id, Bytes key, std::uint64_t size) override;
  Result<void> append_piece(Bytes piece) override;
  Result<void> finish_value() override;
  Result<void> erase(TreeId id, Bytes key) override;
  Result<void> erase_range(TreeId id, const btree::Range& range) override;

  // Does what waits. Before the trees are looked at, and at the end.
  Result<void> finish();

 private:
  // A key, and its value behind it, in bytes_. Later changes lie further back.
  struct Change {
    std::uint64_t head = 0;  // Of the key: the first eight bytes, by which most are told apart.
    std::uint32_t at = 0;
    std::uint32_t key_size = 0;
    std::uint32_t value_size = 0;
    bool erases = false;
  };

  Result<void> wait(TreeId id, Bytes key, Bytes value, bool erases);
  Result<void> finish(TreeId id, std::vector<Change>& changes);
  Bytes key_of(const Change& change) const;

  TreeSet& trees_;
  TreeSetTarget target_;
  const std::size_t bytes_max_;
  std::map<TreeId, std::vector<Change>> waiting_;
  std::size_t changes_ = 0;
  std::vector<std::byte> bytes_;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_SORTED_TARGET_H_

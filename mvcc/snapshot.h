// A state of a store that stays as it is for as long as somebody looks at it.

#ifndef CAISSON_MVCC_SNAPSHOT_H_
#define CAISSON_MVCC_SNAPSHOT_H_

#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "mvcc/catalog.h"
#include "mvcc/read.h"
#include "mvcc/states.h"

namespace caisson::mvcc {

// Movable. Reading is thread-safe; renew(), and its end, are not. Its states outlive it. Its trees
// end before it does; cursors and values keep its state from being reused for as long as they live.
class Snapshot {
 public:
  Snapshot(Snapshot&& other) noexcept
      : states_(other.states_), slot_(std::exchange(other.slot_, nullptr)), state_(other.state_) {}
  Snapshot& operator=(Snapshot&& other) noexcept {
    std::swap(states_, other.states_);
    std::swap(slot_, other.slot_);
    std::swap(state_, other.state_);
    return *this;
  }
  ~Snapshot() {
    if (slot_ != nullptr) slot_->give_back();
  }

  TxnId txn() const { return state_->txn; }

  // Whether it is one of those states, and the newest.
  bool is_newest_of(const States& states) const {
    return states_ == &states && states.published() == state_;
  }

  const State& state() const { return *state_; }

  // How a store is created that can hold all that this one can.
  pager::CreateOptions shape() const;

  // Goes over to the newest state. Nothing that was read through it lives any more. Costs next to
  // nothing where that is the state it has.
  void renew();

  // The catalog as a tree, for those who look at it as such.
  TreeReader catalog() const;

  // What the catalog says of a tree; none if there isn't one. Errors: as find_tree() of catalog.h.
  Result<std::optional<TreeEntry>> find_tree(Bytes name) const;
  Result<std::vector<TreeEntry>> trees() const;

  // A tree to read. kNotFound if there is none of that name, or number.
  Result<TreeReader> tree(Bytes name) const;
  Result<TreeReader> tree(TreeId id) const;

 private:
  friend class States;
  Snapshot(States& states, SnapshotSlot& slot, const State* state)
      : states_(&states), slot_(&slot), state_(state) {}

  void settle();
  btree::Tree catalog_tree() const;

  States* states_;
  SnapshotSlot* slot_;
  const State* state_;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_SNAPSHOT_H_

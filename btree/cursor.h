// Walking a tree in key order, both ways.

#ifndef CAISSON_BTREE_CURSOR_H_
#define CAISSON_BTREE_CURSOR_H_

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "btree/tree.h"

namespace caisson::btree {

// The end of the range of keys that begin with `prefix`: the least key that is greater than all
// of them; none if there isn't one.
std::optional<std::vector<std::byte>> prefix_end(Bytes prefix);

// A place in a tree, within a range of keys. Used by one thread; borrows pages as Tree does, so it
// ends with its snapshot. There are no links between leaves (copying one leaf would mean copying
// all): a cursor keeps the way down to where it is.
//
//   Cursor cursor(tree);
//   for (auto more = cursor.first(); more && *more; more = cursor.next()) ...cursor.key()...
//
// The moves return whether there is an entry; if not, the cursor stands behind the last one
// or before the first one, and goes back from there by the opposite move. A new cursor stands
// nowhere: next() goes to the first entry and prev() to the last one. An error leaves it nowhere.
//
// A cursor sees the tree as it was when it was made. For the tree of an open transaction that is
// over with the transaction's next change, since pages under it are edited or reused: resume()
// takes it on to what the tree has become then, and TreeWriter::erase(Cursor&) does so by itself.
class Cursor {
 public:
  explicit Cursor(const Tree& tree, const Range& range = {});

  // All keys that begin with `prefix`.
  static Cursor with_prefix(const Tree& tree, Bytes prefix);

  // To the first entry, the last one, or the first one whose key is not less than `key`.
  Result<bool> first();
  Result<bool> last();
  Result<bool> seek(Bytes key);

  // Goes over to another version of the tree, and to the gap before the first entry whose key is
  // not less than `key`: next() goes to that one, and prev() to the one before the gap. Reads
  // nothing, and can't fail.
  void resume(const Tree& tree, Bytes key);

  // The same where it stands at no entry: it stays before the first one, or behind the last one.
  // REQUIRES: !valid().
  void resume(const Tree& tree) { tree_ = tree; }

  Result<bool> next() {
    if (state_ == State::kAt && ++index_ < leaf_end_) [[likely]] {
      prefetch_forward(2);
      return true;
    }
    return next_leaf();
  }
  Result<bool> prev() {
    if (state_ == State::kAt && index_ > leaf_begin_) [[likely]] {
      --index_;
      prefetch_backward(2);
      return true;
    }
    return prev_leaf();
  }

  bool valid() const { return state_ == State::kAt; }

  // The entry. REQUIRES: valid(). The key is valid until the cursor moves; the value as the
  // snapshot.
  Bytes key() const { return {key_.data(), leaf_.copy_suffix(index_, key_.data())}; }
  std::uint64_t value_size() const {
    return leaf_.value_is_long(index_) ? leaf_.long_value(index_).size : leaf_.value(index_).size();
  }
  Value value() const { return tree_.value_at(leaf_, index_); }

  const Tree& tree() const { return tree_; }

 private:
  enum class State : std::uint8_t { kNowhere, kAt, kGap, kBefore, kBehind };

  // A branch on the way down, and the child taken.
  struct Step {
    NodeView node;
    unsigned index = 0;
  };

  Result<void> descend_to(Bytes key);
  Result<void> descend(bool to_last);
  void enter_leaf(const NodeView& leaf);
  void prefetch_beside(bool forward);

  // The entry to which so many moves lead. One that a caller is about to look at, and the two after
  // it, are on their way then: what comes of a scan is as fast as memory gives it.
  [[gnu::always_inline]] void prefetch_forward(unsigned moves) const {
    if (large_entry_ != 0 && index_ + moves < leaf_end_) {
      leaf_.prefetch_entry(index_ + moves, large_entry_);
    }
  }
  [[gnu::always_inline]] void prefetch_backward(unsigned moves) const {
    if (large_entry_ != 0 && index_ >= leaf_begin_ + moves) {
      leaf_.prefetch_entry(index_ - moves, large_entry_);
    }
  }

  Result<bool> climb(bool forward);
  Result<bool> next_leaf();
  Result<bool> prev_leaf();
  Result<bool> out_of_place() const;
  Result<bool> settle_forward();
  Result<bool> settle_backward();

  Tree tree_;
  std::vector<std::byte> begin_;
  std::optional<std::vector<std::byte>> end_;
  State state_ = State::kNowhere;
  unsigned depth_ = 0;  // Branches on the way.
  unsigned index_ = 0;
  unsigned leaf_begin_ = 0;  // The part of the leaf that is within the range.
  unsigned leaf_end_ = 0;
  std::size_t large_entry_ = 0;  // Bytes of an entry to fetch ahead; 0 where entries are small.
  NodeView leaf_;
  std::array<Step, kBranchLevels> path_;
  mutable std::vector<std::byte> key_;  // Holds the leaf's prefix from the start.
  std::vector<std::byte> gap_;          // In state kGap: the key before which the gap is.
};

}  // namespace caisson::btree

#endif  // CAISSON_BTREE_CURSOR_H_

// Reading: guards for bytes, values, trees and cursors of a snapshot.

#ifndef CAISSON_MVCC_READ_H_
#define CAISSON_MVCC_READ_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "btree/cursor.h"
#include "btree/tree.h"
#include "mvcc/reader_registry.h"
#include "pager/page_txn.h"
#include "pager/pager.h"

namespace caisson::mvcc {

class States;

// Keeps the bytes of pages that are read while it lives, and the state that they belong to: taken
// while its snapshot was there, it may outlive it. Movable; used by one thread at a time.
class ReadGuard {
 public:
  // For a reader of that transaction's state. kResourceExhausted where too many live.
  static Result<ReadGuard> take(States& states, TxnId txn);

  ReadGuard(ReadGuard&& other) noexcept
      : pager_(other.pager_), slot_(std::exchange(other.slot_, nullptr)), epoch_(other.epoch_) {}
  ReadGuard& operator=(ReadGuard&& other) noexcept {
    std::swap(pager_, other.pager_);
    std::swap(slot_, other.slot_);
    std::swap(epoch_, other.epoch_);
    return *this;
  }
  ~ReadGuard() {
    if (slot_ != nullptr) slot_->give_back();
  }

  // Says that no bytes read so far are kept. False if none of those have gone from where they were.
  bool renew() {
    const std::uint64_t before = epoch_;
    do {
      epoch_ = pager_->epoch();
      slot_->epoch.store(epoch_, std::memory_order_seq_cst);
    } while (pager_->epoch() != epoch_);
    return epoch_ != before;
  }

  // Says the same, and that nothing will be read before the next renew().
  void rest() { slot_->epoch.store(0, std::memory_order_release); }

  bool mapped() const { return pager_->mapped(); }

  // Whether frames have left the page table since so often that it should be renewed, where that is
  // possible: they may wait for it.
  bool is_old() const { return pager_->epoch() - epoch_ > kAgeMax; }

 private:
  static constexpr std::uint64_t kAgeMax = 64;

  ReadGuard(pager::Pager& pager, ReadSlot& slot) : pager_(&pager), slot_(&slot) { renew(); }

  pager::Pager* pager_;
  ReadSlot* slot_;
  std::uint64_t epoch_ = 0;
};

// A value. Where the page file is mapped, it is read where it lies, and kept there; elsewhere it is
// copied, so that nobody who holds a value for long keeps others from reading. Used by one thread
// at a time.
class Value {
 public:
  // Of a snapshot: keeps its bytes for as long as it lives. The guard was taken before it was read.
  Value(ReadGuard&& guard, const btree::Value& value);

  // Of the open transaction, whose next change may take away what it reads: always copied.
  Value(pager::PageTxn& txn, const btree::Value& value);

  // Of a cursor, which keeps its bytes. REQUIRES: it lies in a leaf.
  explicit Value(const btree::Value& value) : value_(value) {}

  std::uint64_t size() const { return value_.size(); }

  // Whether piece(0) is all of it, and valid as long as the value: true for values of up to a
  // quarter of the page size.
  bool in_one_piece() const { return !value_.is_long(); }

  // The bytes from `offset` on, as many as lie side by side; empty at the end. Of a long value,
  // they are valid until the next call. Errors: kInvalidArgument behind the end; kCorruption,
  // kIoError, kResourceExhausted.
  Result<Bytes> piece(std::uint64_t offset);

  // Copies out.size() bytes from `offset` on. kInvalidArgument if the value ends before; else as
  // piece().
  Result<void> read(std::uint64_t offset, MutableBytes out);

 private:
  void keep_short();

  btree::Value value_;
  std::optional<ReadGuard> guard_;
  pager::PageTxn* txn_ = nullptr;
  bool copies_ = false;
  std::vector<std::byte> copy_;
};

// Walks a tree of a snapshot, in either direction, within a range; as btree::Cursor. Where the page
// file isn't mapped, it keeps copies of the entry's key and value between two moves, and no pages.
// Used by one thread at a time.
class Cursor {
 public:
  Cursor(States& states, TxnId txn, ReadGuard guard, const btree::Tree& tree,
         const btree::Range& range)
      : states_(&states),
        txn_(txn),
        guard_(std::move(guard)),
        cursor_(tree, range),
        copies_(!tree.pager().mapped()) {
    if (copies_) guard_.rest();
  }

  Result<bool> first();
  Result<bool> last();
  Result<bool> seek(Bytes key);

  Result<bool> next() {
    if (copies_ || guard_.is_old()) [[unlikely]]
      return move_renewed(true);
    return cursor_.next();
  }
  Result<bool> prev() {
    if (copies_ || guard_.is_old()) [[unlikely]]
      return move_renewed(false);
    return cursor_.prev();
  }

  bool valid() const { return cursor_.valid(); }

  // The entry: valid until the next move. REQUIRES: valid().
  Bytes key() const { return copies_ ? Bytes(key_) : cursor_.key(); }
  // kResourceExhausted (only of a long value) where too many values and cursors live.
  Result<Value> value() const;

 private:
  Result<bool> settled(Result<bool> more);
  Result<bool> move_renewed(bool forward);

  States* states_;
  TxnId txn_;
  ReadGuard guard_;
  btree::Cursor cursor_;
  bool copies_;
  std::vector<std::byte> key_;
  std::vector<std::byte> short_value_;
  std::optional<btree::Value> value_;
};

// A tree of a snapshot, which outlives it. Cheap to copy; thread-safe.
class TreeReader {
 public:
  TreeReader(States& states, TxnId txn, const btree::TreeRoot& root,
             btree::TreeKind kind = btree::TreeKind::kPlain);

  const btree::TreeRoot& root() const { return root_; }
  std::uint64_t count() const { return root_.count; }

  // The value of a key; none if the tree hasn't got it. Errors: as btree::Tree::get(), and
  // kResourceExhausted where too many values and cursors live.
  Result<std::optional<Value>> get(Bytes key) const;
  Result<Cursor> cursor(const btree::Range& range = {}) const;
  Result<btree::RangeEstimate> estimate(const btree::Range& range) const;

 private:
  btree::Tree tree() const;

  States* states_;
  TxnId txn_;
  btree::TreeRoot root_;
  btree::TreeKind kind_;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_READ_H_

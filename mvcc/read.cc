#include "mvcc/read.h"

#include <algorithm>
#include <cstring>

#include "mvcc/states.h"

namespace caisson::mvcc {

Result<ReadGuard> ReadGuard::take(States& states, TxnId txn) {
  CAISSON_RETURN_IF_ERROR(states.check_readable(txn));
  ReadSlot* const slot = states.reads_.take(txn);
  if (slot == nullptr) [[unlikely]] {
    return fail(Error(Code::kResourceExhausted, "too many values and cursors are open: " +
                                                    std::to_string(SlotArray<ReadSlot>::kSlotsMax))
                    .with_advice("Let go of values and cursors that are needed no more."));
  }
  return ReadGuard(states.pager(), *slot);
}

// --- Values --------------------------------------------------------------------------------------

Value::Value(ReadGuard&& guard, const btree::Value& value)
    : value_(value), guard_(std::move(guard)), copies_(!guard_->mapped()) {
  if (!copies_) return;
  keep_short();
  if (value_.is_long()) {
    guard_->rest();
  } else {
    guard_.reset();
  }
}

Value::Value(pager::PageTxn& txn, const btree::Value& value)
    : value_(value), txn_(&txn), copies_(true) {
  keep_short();
}

void Value::keep_short() {
  if (value_.is_long()) return;
  const Bytes bytes = *value_.piece(0);  // Can't fail: nothing is read.
  copy_.assign(bytes.begin(), bytes.end());
  value_ = btree::Value(Bytes(copy_));
}

// Of a long value nothing is known but its root: each call reads what it is asked for.
Result<Bytes> Value::piece(std::uint64_t offset) {
  if (!value_.is_long()) return value_.piece(offset);
  if (txn_ != nullptr) {
    txn_->renew();
  } else if (copies_ || guard_->is_old()) {
    guard_->renew();
  }
  auto bytes = value_.piece(offset);
  if (!copies_) return bytes;
  if (bytes) {
    copy_.assign(bytes->begin(), bytes->end());
    bytes = Bytes(copy_);
  }
  if (txn_ != nullptr) {
    txn_->rest();
  } else {
    guard_->rest();
  }
  return bytes;
}

Result<void> Value::read(std::uint64_t offset, MutableBytes out) {
  if (out.size() > size() || offset > size() - out.size()) return value_.read(offset, out);
  while (!out.empty()) {
    CAISSON_ASSIGN_OR_RETURN(const Bytes bytes, piece(offset));
    const std::size_t count = std::min(bytes.size(), out.size());
    std::memcpy(out.data(), bytes.data(), count);
    out = out.subspan(count);
    offset += count;
  }
  return {};
}

// --- Cursors -------------------------------------------------------------------------------------

Result<bool> Cursor::first() {
  CAISSON_RETURN_IF_ERROR(states_->check_readable(txn_));
  guard_.renew();  // These moves begin at the root.
  return settled(cursor_.first());
}

Result<bool> Cursor::last() {
  CAISSON_RETURN_IF_ERROR(states_->check_readable(txn_));
  guard_.renew();
  return settled(cursor_.last());
}

Result<bool> Cursor::seek(Bytes key) {
  CAISSON_RETURN_IF_ERROR(states_->check_readable(txn_));
  guard_.renew();
  return settled(cursor_.seek(key));
}

// Goes on from the entry where it stands, found anew if pages may have moved.
Result<bool> Cursor::move_renewed(bool forward) {
  CAISSON_RETURN_IF_ERROR(states_->check_readable(txn_));
  const bool valid = cursor_.valid();
  if (valid && !copies_) {
    const Bytes key = cursor_.key();
    key_.assign(key.begin(), key.end());
  }
  Result<bool> at_entry = true;
  if (guard_.renew() && valid) {
    cursor_.resume(cursor_.tree(), key_);
    if (forward) at_entry = cursor_.next();  // To the entry itself.
  }
  if (!at_entry) return settled(std::move(at_entry));
  return settled(forward ? cursor_.next() : cursor_.prev());
}

Result<bool> Cursor::settled(Result<bool> more) {
  if (!copies_) return more;
  if (more && *more) {
    const Bytes key = cursor_.key();
    key_.assign(key.begin(), key.end());
    value_ = cursor_.value();
    if (!value_->is_long()) {
      const Bytes bytes = *value_->piece(0);  // Can't fail: nothing is read.
      short_value_.assign(bytes.begin(), bytes.end());
      value_ = btree::Value(Bytes(short_value_));
    }
  }
  guard_.rest();
  return more;
}

Result<Value> Cursor::value() const {
  const btree::Value value = copies_ ? *value_ : cursor_.value();
  if (!value.is_long()) return Value(value);
  CAISSON_ASSIGN_OR_RETURN(ReadGuard guard, ReadGuard::take(*states_, txn_));
  return Value(std::move(guard), value);
}

// --- Trees ---------------------------------------------------------------------------------------

TreeReader::TreeReader(States& states, TxnId txn, const btree::TreeRoot& root, btree::TreeKind kind)
    : states_(&states), txn_(txn), root_(root), kind_(kind) {}

btree::Tree TreeReader::tree() const { return {states_->pager(), root_, kind_}; }

Result<std::optional<Value>> TreeReader::get(Bytes key) const {
  CAISSON_ASSIGN_OR_RETURN(ReadGuard guard, ReadGuard::take(*states_, txn_));
  CAISSON_ASSIGN_OR_RETURN(const auto value, tree().get(key));
  if (!value) return std::optional<Value>();
  return Value(std::move(guard), *value);
}

Result<Cursor> TreeReader::cursor(const btree::Range& range) const {
  CAISSON_ASSIGN_OR_RETURN(ReadGuard guard, ReadGuard::take(*states_, txn_));
  return Cursor(*states_, txn_, std::move(guard), tree(), range);
}

Result<btree::RangeEstimate> TreeReader::estimate(const btree::Range& range) const {
  CAISSON_ASSIGN_OR_RETURN(const ReadGuard guard, ReadGuard::take(*states_, txn_));
  return tree().estimate(range);
}

}  // namespace caisson::mvcc

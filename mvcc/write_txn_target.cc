#include "mvcc/write_txn_target.h"

#include <utility>

namespace caisson::mvcc {

// What the next number is shows only in the tree that was made; a wrong one goes with its
// transaction.
Result<void> WriteTxnTarget::create(TreeId id, std::uint64_t kind, Bytes name, Bytes options) {
  CAISSON_RETURN_IF_ERROR(check_tree(name, kind, options));
  CAISSON_ASSIGN_OR_RETURN(const TreeId made, txn_.create_tree(name, options));
  return check_next(made, id);
}

Result<void> WriteTxnTarget::drop(TreeId id) { return txn_.drop_tree(id); }

template <typename T>
Result<void> WriteTxnTarget::noted(Result<T> result) {
  if (result) [[likely]]
    return {};
  beyond_limits_ = result.error().rule() == "LIMIT-1";
  return fail(std::move(result).error());
}

Result<void> WriteTxnTarget::put(TreeId id, Bytes key, Bytes value) {
  return noted(txn_.put(id, key, value));
}

Result<void> WriteTxnTarget::begin_value(TreeId id, Bytes key, std::uint64_t size) {
  auto value = txn_.put_long(id, key, size);
  if (!value) return noted(std::move(value));
  value_.emplace(std::move(*value));
  return {};
}

Result<void> WriteTxnTarget::append_piece(Bytes piece) { return value_->append(piece); }

Result<void> WriteTxnTarget::finish_value() {
  auto finished = value_->finish();
  value_.reset();
  return noted(std::move(finished));
}

Result<void> WriteTxnTarget::erase(TreeId id, Bytes key) { return noted(txn_.erase(id, key)); }

Result<void> WriteTxnTarget::erase_range(TreeId id, const btree::Range& range) {
  return noted(txn_.erase_range(id, range));
}

}  // namespace caisson::mvcc

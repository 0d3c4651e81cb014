// Applying a commit's operations through a write transaction.

#ifndef CAISSON_MVCC_WRITE_TXN_TARGET_H_
#define CAISSON_MVCC_WRITE_TXN_TARGET_H_

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "mvcc/operation_target.h"
#include "mvcc/write_txn.h"

namespace caisson::mvcc {

// The trees of a transaction, which outlives it. After an error the transaction is to be rolled
// back.
class WriteTxnTarget final : public OperationTarget {
 public:
  explicit WriteTxnTarget(WriteTxn& txn) : txn_(txn) {}

  Result<void> create(TreeId id, std::uint64_t kind, Bytes name, Bytes options) override;
  Result<void> drop(TreeId id) override;
  Result<void> put(TreeId id, Bytes key, Bytes value) override;
  Result<void> begin_value(TreeId id, Bytes key, std::uint64_t size) override;
  Result<void> append_piece(Bytes piece) override;
  Result<void> finish_value() override;
  Result<void> erase(TreeId id, Bytes key) override;
  Result<void> erase_range(TreeId id, const btree::Range& range) override;

  // Whether what was refused last is beyond this store's limits: where the log is of a store with
  // higher ones, that is no fault of it.
  bool beyond_limits() const { return beyond_limits_; }

 private:
  template <typename T>
  Result<void> noted(Result<T> result);

  WriteTxn& txn_;
  std::optional<LongValue> value_;
  bool beyond_limits_ = false;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_WRITE_TXN_TARGET_H_

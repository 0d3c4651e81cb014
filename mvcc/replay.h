// Applying commits from a log: spec/store.md, section 3.

#ifndef CAISSON_MVCC_REPLAY_H_
#define CAISSON_MVCC_REPLAY_H_

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "btree/writer.h"
#include "log/commit_reader.h"
#include "log/operations.h"
#include "mvcc/operation_target.h"
#include "mvcc/tree_set.h"
#include "pager/meta.h"
#include "pager/pager.h"

namespace caisson::mvcc {

// The version of the rules of section 3 (APPLY-2).
inline constexpr std::uint32_t kApplyVersion = 1;

// A store's limits, as far as operations have to keep them.
log::OperationLimits operation_limits(const pager::Limits& limits);

// Applies operations, commit by commit, to a state. Used by one thread; ends before the state does.
class Applier {
 public:
  Applier(OperationTarget& target, const log::OperationLimits& limits);

  // Applies the operations of a payload; they go on with the commit's next one. kCorruption (OP-1
  // to OP-3, APPLY-1); others as the target. After an error the commit is to be given up.
  Result<void> apply(Bytes payload);

  // Ends a commit. kCorruption (OP-3).
  Result<void> end_commit();

  std::uint64_t operations() const { return operations_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  Result<void> apply(const log::Operation& operation);
  Result<void> begin_value(const log::Operation& operation);

  OperationTarget& target_;
  log::OperationLimits limits_;
  log::OperationReader reader_;
  std::uint64_t missing_ = 0;  // Of a value that comes in pieces.
  std::uint64_t operations_ = 0;
  std::uint64_t bytes_ = 0;
};

// Applies the commit that `commits` has returned last, from its first operation on. Errors: as
// Applier, naming the commit, and as CommitReader::payload().
Result<void> apply_commit(log::CommitReader& commits, Applier& applier);

// The trees of one transaction of the pager. Ends before they do.
class TreeSetTarget final : public OperationTarget {
 public:
  explicit TreeSetTarget(TreeSet& trees) : trees_(trees) {}

  Result<void> create(TreeId id, std::uint64_t kind, Bytes name, Bytes options) override;
  Result<void> drop(TreeId id) override;
  Result<void> put(TreeId id, Bytes key, Bytes value) override;
  Result<void> begin_value(TreeId id, Bytes key, std::uint64_t size) override;
  Result<void> append_piece(Bytes piece) override;
  Result<void> finish_value() override;
  Result<void> erase(TreeId id, Bytes key) override;
  Result<void> erase_range(TreeId id, const btree::Range& range) override;

 private:
  TreeSet& trees_;
  std::optional<btree::ValueStream> value_;
};

// What applying commits came to.
struct Applied {
  btree::TreeRoot catalog;  // Behind the last of them.
  std::uint64_t operations = 0;
  std::uint64_t bytes = 0;

  // About how long that takes: what a row put at random into a large store does, and what reading
  // its bytes does.
  std::uint64_t replay_ns() const { return operations * 1500 + bytes; }
};

// Applies the commits up to `upto`, to the state of `catalog`, which is that behind the commit
// where `commits` stands. They become one transaction of the pager, which has the last one's number
// and is sealed: so nobody sees what it makes before it is whole, and a page that many commits
// changed is copied once. After an error there is nothing of it. kCorruption (OP-1 to OP-3,
// APPLY-1; the log ends before); others as TreeSet and CommitReader. REQUIRES: upto >
// commits.txn(); no other transaction of the pager is open.
Result<Applied> apply_commits(pager::Pager& pager, log::CommitReader& commits,
                              const btree::TreeRoot& catalog, TxnId upto);

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_REPLAY_H_

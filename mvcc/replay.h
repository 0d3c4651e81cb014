// Applying commits from a log: spec/store.md, section 3.

#ifndef CAISSON_MVCC_REPLAY_H_
#define CAISSON_MVCC_REPLAY_H_

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "btree/writer.h"
#include "log/commit_reader.h"
#include "log/operations.h"
#include "mvcc/tree_set.h"
#include "pager/meta.h"

namespace caisson::mvcc {

// The version of the rules of section 3 (APPLY-2).
inline constexpr std::uint32_t kApplyVersion = 1;

// What applying commits led to.
struct Applied {
  btree::TreeRoot catalog;
  std::uint64_t operations = 0;
  std::uint64_t bytes = 0;

  // About how long it takes.
  std::uint64_t replay_ns() const { return operations * 1500 + bytes; }
};

// Applies the commits up to `upto` to a catalog, as one transaction of the pager, which has the
// last one's number: a page that many commits changed is copied once. After an error nothing of it
// is left. Errors: as Applier and CommitReader.
Result<Applied> apply_commits(pager::Pager& pager, log::CommitReader& commits,
                              const btree::TreeRoot& catalog, TxnId upto);

// Applies operations, commit by commit, to the trees of one transaction. Used by one thread; ends
// before the trees do.
class Applier {
 public:
  Applier(TreeSet& trees, const pager::Limits& limits);

  // Applies the operations of a payload; they go on with the commit's next one. kCorruption (OP-1
  // to OP-3, APPLY-1); others as TreeSet. After an error the transaction is to be rolled back.
  Result<void> apply(Bytes payload);

  // Ends a commit. kCorruption (OP-3).
  Result<void> end_commit();

  std::uint64_t operations() const { return operations_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  Result<void> apply(const log::Operation& operation);
  Result<void> create(const log::Operation& operation);
  Result<void> begin_value(const log::Operation& operation);
  Result<void> finish_value();

  TreeSet& trees_;
  log::OperationLimits limits_;
  log::OperationReader reader_;
  std::optional<btree::ValueStream> value_;
  std::uint64_t missing_ = 0;  // Of that value.
  std::uint64_t operations_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_REPLAY_H_

// Applying a commit of another store's log to a store, as a commit of the same number.

#ifndef CAISSON_MVCC_COMMIT_LOADER_H_
#define CAISSON_MVCC_COMMIT_LOADER_H_

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "mvcc/engine.h"
#include "mvcc/replay.h"
#include "mvcc/write_txn.h"
#include "mvcc/write_txn_target.h"

namespace caisson::mvcc {

// One commit on its way (REBUILD-1). Destroyed before end(), it leaves nothing. Used by one thread;
// ends before its engine. Errors name the commit: as Applier; kInvalidArgument where it has keys or
// values beyond the store's limits.
class CommitLoader {
 public:
  // As Engine::begin_write(). What commits of this kind have in common is that nobody waits for
  // them: many share a flush.
  static Result<CommitLoader> begin(Engine& engine);

  // Applies operations, each of them whole; they go on with the next call.
  Result<void> apply(Bytes payload);

  // Commits, whether it changes anything or not, and writes a checkpoint if one is due.
  Result<void> end();

  TxnId txn() const { return parts_->txn_id; }
  std::uint64_t operations() const { return parts_->applier.operations(); }
  std::uint64_t bytes() const { return parts_->applier.bytes(); }

 private:
  struct Parts {
    Parts(Engine& its_engine, WriteTxn its_txn);

    Engine& engine;
    WriteTxn txn;
    TxnId txn_id;
    WriteTxnTarget target;
    Applier applier;
  };

  explicit CommitLoader(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

  Result<void> named(Result<void> result) const;

  std::unique_ptr<Parts> parts_;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_COMMIT_LOADER_H_

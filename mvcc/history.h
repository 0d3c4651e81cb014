// The states of the past that are open.

#ifndef CAISSON_MVCC_HISTORY_H_
#define CAISSON_MVCC_HISTORY_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "mvcc/snapshot.h"
#include "mvcc/view.h"

namespace caisson::mvcc {

// Views, each for as long as something of it is open. Thread-safe. The system and the directory
// outlive it; it outlives what was read through it.
class History {
 public:
  History(io::Vfs& vfs, io::Directory& directory, const EngineOptions& options)
      : vfs_(vfs), directory_(directory), options_(options) {}

  // Snapshots of the state behind a commit, or of the checkpoint of that name. Errors: as View.
  Result<Snapshot> as_of(TxnId txn);
  Result<Snapshot> named(std::string_view name);

  // Takes over a view of which something may still be open.
  void keep(std::unique_ptr<View> view);

  // Lets go of those of which nothing is open any more; says of how many things the others have.
  std::uint64_t drop_unused();

 private:
  std::uint64_t drop_unused_locked() CAISSON_REQUIRES(mutex_);
  Result<Snapshot> add(std::unique_ptr<View> view);

  io::Vfs& vfs_;
  io::Directory& directory_;
  const EngineOptions options_;
  Mutex mutex_;
  std::vector<std::unique_ptr<View>> views_ CAISSON_GUARDED_BY(mutex_);
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_HISTORY_H_

// A state of a store for those who don't write it: a checkpoint, and the commits behind it applied
// in memory (spec/store.md, section 8). For readers in other processes, for stores that were not
// closed and are opened to read, and for states of the past.

#ifndef CAISSON_MVCC_VIEW_H_
#define CAISSON_MVCC_VIEW_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/vfs.h"
#include "log/commit_reader.h"
#include "log/log_file.h"
#include "mvcc/durable_end.h"
#include "mvcc/lock_file.h"
#include "mvcc/options.h"
#include "mvcc/retention.h"
#include "mvcc/states.h"
#include "pager/open.h"
#include "pager/pager.h"

namespace caisson::mvcc {

// The checkpoints of a page file that can be opened: those that metas name, and what the newest
// says is retained.
struct Checkpoints {
  pager::OpenAttempt attempt;
  pager::MetaSlot newest;
  std::vector<RetainedCheckpoint> retained;  // By txn, as the newest says, and the newest.

  // The older meta's as well. All have a log behind them but those that are named alone.
  std::vector<RetainedCheckpoint> all;
};

// Reads them, registered as a reader (VIEW-4). Errors: as pager::OpenAttempt; kCorruption.
Result<Checkpoints> read_checkpoints(io::Directory& directory, const pager::PagerOptions& options);

// Thread-safe in what is const, and states(); the rest by one thread at a time.
class View {
 public:
  // The newest state that is durable. Errors: kNotFound (there is no store); kBusy (it is being
  // recovered); kCorruption; kResourceExhausted (the log behind the checkpoint needs more memory
  // than there is; or there are too many readers); others as opening files may give. The system
  // and the directory outlive the view.
  static Result<std::unique_ptr<View>> open_newest(io::Vfs& vfs, io::Directory& directory,
                                                   const EngineOptions& options);

  // The same, behind a checkpoint that is newer than this one; null where there is none.
  static Result<std::unique_ptr<View>> open_newer(io::Vfs& vfs, io::Directory& directory,
                                                  const EngineOptions& options, TxnId checkpoint);

  // The state behind a commit. kNotFound where nothing that is retained leads there.
  static Result<std::unique_ptr<View>> open_as_of(io::Vfs& vfs, io::Directory& directory,
                                                  const EngineOptions& options, TxnId txn);

  // The checkpoint of that name. kNotFound if there is none.
  static Result<std::unique_ptr<View>> open_named(io::Vfs& vfs, io::Directory& directory,
                                                  const EngineOptions& options,
                                                  std::string_view name);

  // The last checkpoint at or before a commit, or of all, that has the log behind it, with nothing
  // applied: where somebody begins who follows the log. kNotFound where there is none.
  static Result<std::unique_ptr<View>> open_base(io::Vfs& vfs, io::Directory& directory,
                                                 const EngineOptions& options,
                                                 std::optional<TxnId> txn);

  // Its place among the readers, which still says what it has read. REQUIRES: the view is used no
  // more.
  std::unique_ptr<ReaderLock> give_up_lock() { return std::move(lock_); }

  States& states() { return states_; }
  pager::Pager& pager() const { return *pager_; }
  TxnId base() const { return base_; }                         // The checkpoint.
  TxnId txn() const { return newest_.txn; }                    // The commit followed last.
  const LogPosition& position() const { return newest_.log; }  // Behind that one.
  const RecoveryReport& report() const { return report_; }

  // The last commit that a meta named when it was opened.
  TxnId known() const { return known_; }

  // The last commit that is durable. Errors: as find_durable_end().
  Result<TxnId> durable();

  // Applies the commits up to `upto`, which is durable, and publishes the state behind them. After
  // an error the view is as it was. Errors: as Applier; kResourceExhausted beyond the memory
  // budget.
  Result<void> follow(TxnId upto);

  // No more commits are asked for: the log behind it may go.
  void end_following();

  // About how long applying has taken since the checkpoint, and whether its pages fill the memory:
  // when to go over to a newer one.
  std::uint64_t replay_ns() const { return newest_.replay_ns; }
  bool is_full() const { return pager_->should_spill(); }

 private:
  struct Target;
  struct Base;

  View(io::Vfs& vfs, const EngineOptions& options) : vfs_(vfs), options_(options) {}

  static Result<std::unique_ptr<View>> open(io::Vfs& vfs, io::Directory& directory,
                                            const EngineOptions& options, const Target& target);
  Result<Base> choose_base(io::Directory& directory, const Target& target);
  Result<void> begin(io::Directory& directory, Base base, const Target& target);
  Result<TxnId> find_target(const Target& target, const pager::Meta& newest);
  Result<DurableEnd> find_end(TxnId txn, const LogPosition& position, TxnId known);
  void say_what_is_read(const Uuid& uuid);

  io::Vfs& vfs_;
  const EngineOptions options_;
  States states_;
  std::unique_ptr<ReaderLock> lock_;
  std::unique_ptr<pager::Pager> pager_;
  std::unique_ptr<log::LogDirectory> log_directory_;
  std::optional<log::CommitReader> commits_;
  bool follows_ = true;  // More commits may be asked for.
  TxnId base_{};
  TxnId known_{};
  std::uint64_t said_log_file_ = 0;
  State newest_;
  RecoveryReport report_;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_VIEW_H_

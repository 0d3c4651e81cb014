#include "mvcc/view.h"

#include <algorithm>
#include <string>
#include <utility>

#include "mvcc/catalog.h"
#include "mvcc/mutants.h"
#include "mvcc/open_files.h"
#include "mvcc/replay.h"

namespace caisson::mvcc {
namespace {

// How often the metas are read again where they change under a reader.
constexpr int kTries = 8;

// Entries of one commit are one: what names it has, and the log, if it is known to be there.
void add_checkpoint(std::vector<RetainedCheckpoint>& all, RetainedCheckpoint entry) {
  const auto at = std::ranges::lower_bound(all, entry.txn, {}, &RetainedCheckpoint::txn);
  if (at == all.end() || at->txn != entry.txn) {
    all.insert(at, std::move(entry));
    return;
  }
  at->history = at->history || entry.history;
  for (std::string& name : entry.names) {
    if (std::ranges::find(at->names, name) == at->names.end()) at->names.push_back(std::move(name));
  }
}

Result<Checkpoints> try_read_checkpoints(io::Directory& directory,
                                         const pager::PagerOptions& options) {
  auto opened = pager::OpenAttempt::begin(directory, options);
  if (!opened) {
    const bool missing = opened.error().code() == Code::kNotFound;
    return fail(missing ? no_store() : std::move(opened).error());
  }
  CAISSON_ASSIGN_OR_RETURN(const pager::MetaSlot newest, opened->newest());
  Checkpoints checkpoints{
      .attempt = std::move(*opened), .newest = newest, .retained = {}, .all = {}};
  const pager::Candidate& chosen = checkpoints.attempt.candidate(newest);
  const pager::Candidate& rest = checkpoints.attempt.candidate(other(newest));
  CAISSON_ASSIGN_OR_RETURN(const Retention said,
                           decode_retention(chosen.allocation.attachment, *chosen.meta));
  checkpoints.retained = said.earlier;
  checkpoints.retained.push_back(entry_of(*chosen.meta, said));
  checkpoints.all = checkpoints.retained;
  if (rest.offered()) {
    const auto before = decode_retention(rest.allocation.attachment, *rest.meta);
    RetainedCheckpoint entry = entry_of(*rest.meta, before ? *before : Retention{});
    entry.names.clear();  // Those that it still has are in its entry.
    add_checkpoint(checkpoints.all, std::move(entry));
  }
  return checkpoints;
}

Error not_retained(TxnId txn, const std::vector<RetainedCheckpoint>& all) {
  const auto oldest = std::ranges::find_if(all, &RetainedCheckpoint::history);
  return Error(Code::kNotFound,
               "the state behind commit " + std::to_string(to_u64(txn)) + " is not retained")
      .with_advice("The oldest commit that can be looked at now is " +
                   std::to_string(to_u64(oldest->txn)) +
                   ". Options::retention says how many are kept.");
}

}  // namespace

Result<Checkpoints> read_checkpoints(io::Directory& directory, const pager::PagerOptions& options) {
  auto read = try_read_checkpoints(directory, options);
  for (int i = 1; i < kTries && !read && read.error().code() == Code::kCorruption; ++i) {
    read = try_read_checkpoints(directory, options);
  }
  return read;
}

// What is to be seen: the newest commit, a certain one, or the one that has a name.
struct View::Target {
  std::optional<TxnId> txn = {};
  std::optional<std::string_view> name = {};

  // Only the checkpoint, and one that has the log behind it.
  bool base_only = false;

  // Only where there is a checkpoint behind this one.
  std::optional<TxnId> newer_than = {};

  bool is_newest() const { return !txn && !name; }

  Result<RetainedCheckpoint> base(const std::vector<RetainedCheckpoint>& all) const {
    if (name) {
      for (const RetainedCheckpoint& entry : all) {
        if (std::ranges::find(entry.names, *name) != entry.names.end()) return entry;
      }
      return fail(Code::kNotFound,
                  "there is no snapshot of the name \"" + std::string(*name) + "\"");
    }
    if (!txn) return all.back();
    for (auto entry = all.rbegin(); entry != all.rend(); ++entry) {
      if (entry->txn > *txn) continue;
      if (entry->history || (entry->txn == *txn && !base_only)) return *entry;
    }
    return fail(not_retained(*txn, all));
  }
};

// Where a view begins, and what else there is.
struct View::Base {
  Checkpoints checkpoints;
  RetainedCheckpoint entry;
};

// --- Opening -------------------------------------------------------------------------------------

Result<std::unique_ptr<View>> View::open_newest(io::Vfs& vfs, io::Directory& directory,
                                                const EngineOptions& options) {
  return open(vfs, directory, options, {});
}

Result<std::unique_ptr<View>> View::open_newer(io::Vfs& vfs, io::Directory& directory,
                                               const EngineOptions& options, TxnId checkpoint) {
  return open(vfs, directory, options, {.newer_than = checkpoint});
}

Result<std::unique_ptr<View>> View::open_as_of(io::Vfs& vfs, io::Directory& directory,
                                               const EngineOptions& options, TxnId txn) {
  return open(vfs, directory, options, {.txn = txn});
}

Result<std::unique_ptr<View>> View::open_named(io::Vfs& vfs, io::Directory& directory,
                                               const EngineOptions& options,
                                               std::string_view name) {
  return open(vfs, directory, options, {.name = name});
}

Result<std::unique_ptr<View>> View::open_base(io::Vfs& vfs, io::Directory& directory,
                                              const EngineOptions& options,
                                              std::optional<TxnId> txn) {
  return open(vfs, directory, options, {.txn = txn, .base_only = true});
}

Result<std::unique_ptr<View>> View::open(io::Vfs& vfs, io::Directory& directory,
                                         const EngineOptions& options, const Target& target) {
  std::unique_ptr<View> view(new View(vfs, options));
  CAISSON_ASSIGN_OR_RETURN(view->lock_, ReaderLock::take(directory));  // V1
  CAISSON_ASSIGN_OR_RETURN(Base base, view->choose_base(directory, target));
  if (target.newer_than && base.entry.txn <= *target.newer_than) return std::unique_ptr<View>();
  CAISSON_RETURN_IF_ERROR(view->begin(directory, std::move(base), target));
  return view;
}

// V2 and V3.
Result<View::Base> View::choose_base(io::Directory& directory, const Target& target) {
  pager::PagerOptions options = pager_options(options_);
  options.read_only = true;
  options.readers = [this](std::vector<pager::RegisteredReader>& readers) {
    states_.list_readers(readers);
  };
  for (int i = 0; i < kTries; ++i) {
    CAISSON_RETURN_IF_ERROR(lock_->say_nothing());
    said_log_file_ = 0;
    CAISSON_ASSIGN_OR_RETURN(Checkpoints checkpoints, read_checkpoints(directory, options));
    CAISSON_ASSIGN_OR_RETURN(RetainedCheckpoint entry, target.base(checkpoints.all));
    const Uuid uuid = checkpoints.attempt.candidate(checkpoints.newest).meta->uuid;
    base_ = entry.txn;
    newest_.txn = entry.txn;
    newest_.log = entry.log;
    say_what_is_read(uuid);
    CAISSON_ASSIGN_OR_RETURN(const bool recovered_now, is_being_recovered(*lock_, uuid));
    CAISSON_ASSIGN_OR_RETURN(const bool still_so, checkpoints.attempt.still_so());
    if (still_so && !recovered_now) return Base{std::move(checkpoints), std::move(entry)};
    if (recovered_now) vfs_.clock().sleep(kRecoveryPause);
  }
  return fail(being_recovered());
}

// V4.
Result<void> View::begin(io::Directory& directory, Base base, const Target& target) {
  Checkpoints& checkpoints = base.checkpoints;
  const pager::Meta newest = *checkpoints.attempt.candidate(checkpoints.newest).meta;
  known_ = newest_known(checkpoints.attempt);
  CAISSON_RETURN_IF_ERROR(check_apply_version(base.entry.apply_version));
  CAISSON_ASSIGN_OR_RETURN(log_directory_, open_log_of(directory, newest.uuid));
  CAISSON_ASSIGN_OR_RETURN(pager_,
                           pager::open_pager(std::move(checkpoints.attempt), checkpoints.newest,
                                             base.entry.checkpoint_root()));
  CAISSON_ASSIGN_OR_RETURN(newest_.catalog, load_catalog(*pager_, base.entry.root));
  states_.start(*pager_, newest_, options_.snapshot_age_max_ns);
  if (target.base_only) return {};
  CAISSON_ASSIGN_OR_RETURN(const TxnId end, find_target(target, newest));
  CAISSON_RETURN_IF_ERROR(follow(end));
  report_.checkpoint = base_;
  report_.recovered = end;
  if (!target.is_newest()) end_following();
  return {};
}

// How far to apply commits.
Result<TxnId> View::find_target(const Target& target, const pager::Meta& newest) {
  if (target.name) return base_;
  if (target.txn && *target.txn <= newest.txn) return *target.txn;
  CAISSON_ASSIGN_OR_RETURN(const DurableEnd end, find_end(newest.txn, newest.log, known_));
  report_.was_closed = end.was_closed;
  report_.log_bytes = end.bytes;
  if (!target.txn || *target.txn <= end.txn) return target.txn.value_or(end.txn);
  return fail(no_such_commit(*target.txn));
}

Result<DurableEnd> View::find_end(TxnId txn, const LogPosition& position, TxnId known) {
  return find_durable_end(vfs_.clock(), *lock_, *log_directory_,
                          {.txn = txn, .position = position, .known = known});
}

// A failure leaves the record as it was, and more than is needed is kept.
void View::say_what_is_read(const Uuid& uuid) {
  const std::uint64_t file = follows_ ? std::max<std::uint64_t>(newest_.log.file, 1) : kNoLogFile;
  if (file == said_log_file_) return;
  if (lock_->say(uuid, {.txn = base_, .log_file = file})) said_log_file_ = file;
}

// --- Following -----------------------------------------------------------------------------------

Result<TxnId> View::durable() {
  if (mutated(Mutant::kFollowedPastDurable)) return TxnId{to_u64(txn()) + 1};
  CAISSON_ASSIGN_OR_RETURN(const auto said, lock_->durable(pager_->uuid()));
  // Whoever comes to write says nothing first: so nobody has committed anything else since.
  if (said && *said <= txn()) return txn();
  CAISSON_ASSIGN_OR_RETURN(const DurableEnd end, find_end(txn(), newest_.log, txn()));
  return end.txn;
}

void View::end_following() {
  follows_ = false;
  commits_.reset();
  say_what_is_read(pager_->uuid());
}

Result<void> View::follow(TxnId upto) {
  if (upto <= txn()) return {};
  if (!commits_) {
    commits_.emplace(*log_directory_, log::FileAccess::kRead, newest_.txn, newest_.log);
  }
  auto applied = apply_commits(*pager_, *commits_, newest_.catalog, upto);
  if (!applied) {
    commits_.reset();  // It has read on: to be found anew.
    return fail(std::move(applied).error());
  }
  const auto now = static_cast<std::uint64_t>(vfs_.clock().monotonic().count());
  newest_ = {.txn = upto,
             .catalog = applied->catalog,
             .log = commits_->position(),
             .ticket = 0,
             .awaited = true,
             .replay_ns = newest_.replay_ns + applied->replay_ns(),
             .made_ns = now};
  report_.operations += applied->operations;
  states_.add(newest_);
  states_.publish(0, false);
  states_.reclaim(now);
  say_what_is_read(pager_->uuid());
  return {};
}

}  // namespace caisson::mvcc

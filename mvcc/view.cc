#include "mvcc/view.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "log/recovery.h"
#include "mvcc/catalog.h"
#include "mvcc/mutants.h"
#include "mvcc/open_files.h"
#include "mvcc/replay.h"

namespace caisson::mvcc {
namespace {

// How often the metas are read again where they change under a reader, and how long it waits for a
// store that is being recovered.
constexpr int kTries = 8;
constexpr auto kPause = std::chrono::milliseconds(25);

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
  Checkpoints checkpoints{.attempt = std::move(*opened), .newest = newest, .all = {}};
  const pager::Candidate& chosen = checkpoints.attempt.candidate(newest);
  const pager::Candidate& rest = checkpoints.attempt.candidate(other(newest));
  CAISSON_ASSIGN_OR_RETURN(const Retention said,
                           decode_retention(chosen.allocation.attachment, *chosen.meta));
  checkpoints.all = said.earlier;
  if (rest.offered()) {
    const auto before = decode_retention(rest.allocation.attachment, *rest.meta);
    RetainedCheckpoint entry = entry_of(*rest.meta, before ? *before : Retention{});
    entry.names.clear();  // Those that it still has are in its entry.
    add_checkpoint(checkpoints.all, std::move(entry));
  }
  add_checkpoint(checkpoints.all, entry_of(*chosen.meta, said));
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
  std::optional<TxnId> txn;
  std::optional<std::string_view> name;

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
      if (entry->txn == *txn || (entry->txn < *txn && entry->history)) return *entry;
    }
    return fail(not_retained(*txn, all));
  }
};

// --- Opening -------------------------------------------------------------------------------------

Result<std::unique_ptr<View>> View::open_newest(io::Vfs& vfs, io::Directory& directory,
                                                const EngineOptions& options) {
  return open(vfs, directory, options, {});
}

Result<std::unique_ptr<View>> View::open_as_of(io::Vfs& vfs, io::Directory& directory,
                                               const EngineOptions& options, TxnId txn) {
  return open(vfs, directory, options, {.txn = txn, .name = {}});
}

Result<std::unique_ptr<View>> View::open_named(io::Vfs& vfs, io::Directory& directory,
                                               const EngineOptions& options,
                                               std::string_view name) {
  return open(vfs, directory, options, {.txn = {}, .name = name});
}

Result<std::unique_ptr<View>> View::open(io::Vfs& vfs, io::Directory& directory,
                                         const EngineOptions& options, const Target& target) {
  std::unique_ptr<View> view(new View(vfs, options));
  CAISSON_ASSIGN_OR_RETURN(view->lock_, ReaderLock::take(directory));  // V1
  CAISSON_RETURN_IF_ERROR(view->open_checkpoint(directory, target));
  return view;
}

// V2 to V4.
Result<void> View::open_checkpoint(io::Directory& directory, const Target& target) {
  pager::PagerOptions options = pager_options(options_);
  options.read_only = true;
  options.readers = [this](std::vector<pager::RegisteredReader>& readers) {
    states_.list_readers(readers);
  };
  CAISSON_ASSIGN_OR_RETURN(Checkpoints checkpoints, read_checkpoints(directory, options));
  const pager::Meta newest = *checkpoints.attempt.candidate(checkpoints.newest).meta;
  const TxnId known = newest_known(checkpoints.attempt);
  CAISSON_ASSIGN_OR_RETURN(const RetainedCheckpoint base, target.base(checkpoints.all));
  CAISSON_RETURN_IF_ERROR(check_apply_version(base.apply_version));
  CAISSON_ASSIGN_OR_RETURN(log_directory_, open_log_of(directory, newest.uuid));
  CAISSON_ASSIGN_OR_RETURN(pager_, pager::open_pager(std::move(checkpoints.attempt),
                                                     checkpoints.newest, base.checkpoint_root()));
  base_ = base.txn;
  newest_.txn = base.txn;
  newest_.log = base.log;
  CAISSON_RETURN_IF_ERROR(say_what_is_read());
  CAISSON_ASSIGN_OR_RETURN(newest_.catalog, load_catalog(*pager_, base.root));
  states_.start(*pager_, newest_);
  TxnId end = target.txn.value_or(base.txn);
  if (!target.name && (!target.txn || end > newest.txn)) {
    CAISSON_ASSIGN_OR_RETURN(end, find_end(newest, known));
    if (target.txn && *target.txn > end) {
      return fail(Error(Code::kNotFound, "there is no commit " +
                                             std::to_string(to_u64(*target.txn)) +
                                             " yet, or it is not durable"));
    }
    end = target.txn.value_or(end);
  }
  CAISSON_RETURN_IF_ERROR(follow(end));
  report_.checkpoint = base.txn;
  report_.recovered = end;
  follows_ = !target.txn && !target.name;
  return say_what_is_read();
}

// VIEW-3.
Result<TxnId> View::find_end(const pager::Meta& newest, TxnId known) {
  for (int i = 0; i < kTries; ++i) {
    CAISSON_ASSIGN_OR_RETURN(const auto end, try_find_end(newest, known));
    if (end) return *end;
    vfs_.clock().sleep(kPause);
  }
  return fail(Error(Code::kBusy, "the store is being recovered by who opened it to write")
                  .with_advice("Try again in a moment."));
}

// None: it is not known now.
Result<std::optional<TxnId>> View::try_find_end(const pager::Meta& newest, TxnId known) {
  CAISSON_ASSIGN_OR_RETURN(const bool written, lock_->has_writer());
  if (written) {
    CAISSON_ASSIGN_OR_RETURN(const auto durable, lock_->durable(newest.uuid));
    if (!durable) return std::optional<TxnId>();
    return std::optional(std::max(*durable, newest.txn));
  }
  CAISSON_ASSIGN_OR_RETURN(
      const auto closed,
      log::resume_if_closed(*log_directory_, log::FileAccess::kRead, newest.txn, newest.log));
  report_.was_closed = closed && known == newest.txn;
  if (report_.was_closed) return std::optional(newest.txn);
  const auto end =
      log::find_log_end(*log_directory_, log::FileAccess::kRead, newest.txn, newest.log, known);
  // Whoever has begun to write meanwhile may have changed what was read.
  CAISSON_ASSIGN_OR_RETURN(const bool written_now, lock_->has_writer());
  if (written_now) return std::optional<TxnId>();
  if (!end) return fail(end.error());
  report_.log_bytes = end->bytes;
  return std::optional(end->txn);
}

Result<void> View::say_what_is_read() {
  const std::uint64_t file = follows_ ? std::max<std::uint64_t>(newest_.log.file, 1) : kNoLogFile;
  if (file == said_log_file_) return {};
  said_log_file_ = file;
  return lock_->say(pager_->uuid(), {.txn = base_, .log_file = file});
}

// --- Following -----------------------------------------------------------------------------------

Result<TxnId> View::durable() const {
  CAISSON_ASSIGN_OR_RETURN(const auto durable, lock_->durable(pager_->uuid()));
  if (mutated(Mutant::kFollowedPastDurable)) return TxnId{to_u64(txn()) + 1};
  return std::max(durable.value_or(txn()), txn());
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
  newest_ = {.txn = upto,
             .catalog = applied->catalog,
             .log = commits_->position(),
             .ticket = 0,
             .awaited = true,
             .replay_ns = newest_.replay_ns + applied->replay_ns()};
  report_.operations += applied->operations;
  states_.add(newest_);
  (void)states_.publish(0, false);
  states_.reclaim();
  return say_what_is_read();
}

}  // namespace caisson::mvcc

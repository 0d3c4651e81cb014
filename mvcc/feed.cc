#include "mvcc/feed.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/codec.h"
#include "mvcc/mutants.h"
#include "mvcc/open_files.h"
#include "mvcc/snapshot.h"
#include "mvcc/view.h"

namespace caisson::mvcc {
namespace {

// How long it waits before it looks again: ever longer, up to the last.
constexpr std::chrono::nanoseconds kPauseFirst = std::chrono::milliseconds(1);
constexpr std::chrono::nanoseconds kPauseLast = std::chrono::milliseconds(20);

constexpr std::size_t kRecordEnd = 4;  // The checksum that each record ends with.

std::uint64_t first_file(const LogPosition& position) {
  return std::max<std::uint64_t>(position.file, 1);
}

std::unexpected<Error> another_log(TxnId txn, const LogPosition& position) {
  return fail(
      Error(Code::kCorruption, "the log is not the one in which a place behind commit " +
                                   std::to_string(to_u64(txn)) + " was noted")
          .in_file(std::string(log::kLogDirectoryName) + "/" + log::file_name(first_file(position)))
          .at_offset(position.offset)
          .with_rule("FEED-3")
          .with_advice("The store may have been brought back from an older backup. Begin "
                       "anew, with all that the store holds now."));
}

}  // namespace

// --- Opening -------------------------------------------------------------------------------------

// The checkpoint is read through a view, whose place among the readers it takes over.
Result<Feed> Feed::open_before(const FeedSource& source, std::optional<TxnId> after) {
  CAISSON_ASSIGN_OR_RETURN(const auto view,
                           View::open_base(*source.vfs, *source.directory, source.options, after));
  TreeNames trees;
  {
    CAISSON_ASSIGN_OR_RETURN(const Snapshot base, view->states().snapshot());
    CAISSON_ASSIGN_OR_RETURN(std::vector<TreeEntry> entries, base.trees());
    for (TreeEntry& entry : entries) trees.emplace(entry.id, std::move(entry.name));
  }
  const TxnId txn = view->txn();
  const LogPosition position = view->position();
  Feed feed(source, view->give_up_lock());
  CAISSON_RETURN_IF_ERROR(feed.begin(txn, position, view->known()));
  if (after && *after > feed.durable_) return fail(no_such_commit(*after));
  feed.trees_ = std::move(trees);
  return feed;
}

Result<Feed> Feed::open_behind(const FeedSource& source, TxnId after) {
  CAISSON_ASSIGN_OR_RETURN(Feed feed, open_before(source, after));
  while (feed.txn() < after) CAISSON_RETURN_IF_ERROR(feed.next());
  return feed;
}

Result<Feed> Feed::open_at(const FeedSource& source, TxnId txn, const LogPosition& position) {
  CAISSON_ASSIGN_OR_RETURN(auto lock, ReaderLock::take(*source.directory));
  Feed feed(source, std::move(lock));
  CAISSON_RETURN_IF_ERROR(feed.begin(txn, position, source.known));
  return feed;
}

Result<Feed> Feed::open_position(const FeedSource& source, std::string_view name) {
  CAISSON_RETURN_IF_ERROR(validate_position_name(name));
  CAISSON_ASSIGN_OR_RETURN(auto lock, ReaderLock::take(*source.directory));
  Feed feed(source, std::move(lock));
  CAISSON_RETURN_IF_ERROR(feed.take_position(name));  // Then nobody else moves it.
  CAISSON_ASSIGN_OR_RETURN(Position at, PositionFiles(*source.directory, source.uuid).read(name));
  CAISSON_RETURN_IF_ERROR(feed.begin(at.txn, at.log, source.known));
  feed.trees_ = std::move(at.trees);
  return feed;
}

Result<void> Feed::take_position(std::string_view name) {
  return lock_->lock_position(position_number(name));
}

Result<void> Feed::begin(TxnId txn, const LogPosition& position, TxnId known) {
  CAISSON_ASSIGN_OR_RETURN(log_directory_, open_log_of(*source_.directory, source_.uuid));
  commits_ =
      std::make_unique<log::CommitReader>(*log_directory_, log::FileAccess::kRead, txn, position);
  say_what_is_read();
  CAISSON_RETURN_IF_ERROR(check_begins_there(txn, position));
  // What the writer's record says may be of an earlier life of the machine.
  CAISSON_ASSIGN_OR_RETURN(
      const DurableEnd end,
      find_durable_end(source_.vfs->clock(), *lock_, *log_directory_,
                       {.txn = txn, .position = position, .known = std::max(known, txn)},
                       Trust::kProven));
  durable_ = end.txn;
  return {};
}

// FEED-3: the file is there, and the record before the place.
Result<void> Feed::check_begins_there(TxnId txn, const LogPosition& position) const {
  const std::uint64_t file = first_file(position);
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> files, log_directory_->files());
  if (!std::ranges::binary_search(files, file)) {
    if (!files.empty() && files.front() < file) return another_log(txn, position);
    return fail(Error(Code::kNotFound, "the log behind commit " + std::to_string(to_u64(txn)) +
                                           " is not kept any more")
                    .with_rule("FEED-3")
                    .with_advice("Begin anew, with all that the store holds now; a position keeps "
                                 "the log behind it."));
  }
  if (position.file == 0) return {};
  CAISSON_ASSIGN_OR_RETURN(const log::LogFile opened,
                           log_directory_->open_file(file, log::FileAccess::kRead));
  std::array<std::byte, kRecordEnd> end{};
  if (position.offset < kRecordEnd || position.offset > opened.size) {
    return another_log(txn, position);
  }
  CAISSON_RETURN_IF_ERROR(opened.file->read_exactly(position.offset - kRecordEnd, end));
  if (load_u32(end.data()) != position.record_checksum) return another_log(txn, position);
  return {};
}

Result<void> Feed::check_process() const {
  if (!fork_mark_.in_child()) return {};
  return fail(Error(Code::kInvalidArgument, "a feed can't be used behind a fork")
                  .with_advice("Open the store, and the feed, in the child."));
}

// --- Reading -------------------------------------------------------------------------------------

Result<std::optional<log::Commit>> Feed::next(std::chrono::nanoseconds timeout,
                                              const std::stop_token& stop) {
  CAISSON_RETURN_IF_ERROR(check_process());
  say_what_is_read();  // The commit that it stood in is done with.
  io::Clock& clock = source_.vfs->clock();
  const auto begin = clock.monotonic();
  for (auto pause = kPauseFirst;; pause = std::min(2 * pause, kPauseLast)) {
    CAISSON_ASSIGN_OR_RETURN(const auto commit, try_next());
    const auto waited = clock.monotonic() - begin;
    if (commit || waited >= timeout || stop.stop_requested()) return commit;
    clock.sleep(std::min(pause, timeout - waited));
  }
}

Result<std::optional<log::Commit>> Feed::try_next() {
  if (txn() >= durable_) CAISSON_RETURN_IF_ERROR(look_for_more());
  if (txn() >= durable_) return std::optional<log::Commit>();
  CAISSON_ASSIGN_OR_RETURN(const auto commit, commits_->next(durable_));
  if (commit) return commit;
  return fail(Error(Code::kCorruption, "commit " + std::to_string(to_u64(txn()) + 1) +
                                           " is durable, and does not follow in the log")
                  .in_file(std::string(log::kLogDirectoryName) + "/" +
                           log::file_name(first_file(position())))
                  .at_offset(position().offset)
                  .at_record(to_u64(txn()) + 1)
                  .with_rule("FEED-1"));
}

// FEED-1. Nothing else is looked at for as long as the writer's record says no more, or, where
// nobody writes, nothing else than it did when the log was looked at.
Result<void> Feed::look_for_more() {
  if (mutated(Mutant::kFollowedPastDurable)) {
    durable_ = TxnId{to_u64(durable_) + 1};
    return {};
  }
  CAISSON_ASSIGN_OR_RETURN(const auto said, lock_->durable(source_.uuid));
  if (said && *said <= durable_) return {};
  CAISSON_ASSIGN_OR_RETURN(const bool written, lock_->has_writer());
  if (!written && looked_unwritten_ && said == said_unwritten_) return {};
  CAISSON_ASSIGN_OR_RETURN(
      const auto end,
      try_find_durable_end(*lock_, *log_directory_,
                           {.txn = txn(), .position = position(), .known = txn()}, Trust::kProven));
  if (!end) return {};  // It is being recovered.
  durable_ = std::max(durable_, end->txn);
  looked_unwritten_ = !written;
  said_unwritten_ = said;
  return {};
}

Result<void> Feed::next_durable() {
  CAISSON_ASSIGN_OR_RETURN(const auto commit, next());
  if (commit) return {};
  return fail(Error(Code::kCorruption, "a commit that is durable is not in the log")
                  .at_record(to_u64(txn()) + 1));
}

Result<std::optional<Bytes>> Feed::payload() {
  CAISSON_RETURN_IF_ERROR(check_process());
  return commits_->payload();
}

// Called before the next commit is read: a commit of parts is read again from before its first. A
// failure leaves the record as it was, and more than is needed is kept.
void Feed::say_what_is_read() {
  const std::uint64_t file = first_file(position());
  if (file == said_log_file_) return;
  if (lock_->say(source_.uuid, {.txn = kNoCheckpoint, .log_file = file})) said_log_file_ = file;
}

}  // namespace caisson::mvcc

#include "mvcc/durable_end.h"

#include <algorithm>
#include <string>

#include "log/recovery.h"

namespace caisson::mvcc {
namespace {

// How often a store that is being recovered is looked at again.
constexpr int kTries = 8;

// Of a log that nobody writes. What a process before us has left in the page cache may be lost, and
// what the cache shows may never have reached the disk.
Result<DurableEnd> find_unwritten_end(log::LogDirectory& directory, const DurablePlace& from,
                                      Trust trust) {
  constexpr auto kAccess = log::FileAccess::kReadDirect;
  CAISSON_ASSIGN_OR_RETURN(const auto closed,
                           log::resume_if_closed(directory, kAccess, from.txn, from.position));
  if (closed && from.known == from.txn) return DurableEnd{.txn = from.txn, .was_closed = true};
  const std::uint64_t first = std::max<std::uint64_t>(from.position.file, 1);
  const bool flushed = trust == Trust::kRecoverable || log::flush_log(directory, first);
  CAISSON_ASSIGN_OR_RETURN(const log::LogEnd end, log::find_log_end(directory, kAccess, from.txn,
                                                                    from.position, from.known));
  DurableEnd durable{.txn = end.txn, .was_closed = false, .bytes = end.bytes};
  if (trust == Trust::kProven && !(flushed && end.past_cache)) {
    durable.txn = std::max({from.txn, from.known, end.resume.acknowledged});
  }
  return durable;
}

}  // namespace

Error being_recovered() {
  return Error(Code::kBusy, "the store is being recovered by who opened it to write")
      .with_advice("Try again in a moment.");
}

Error no_such_commit(TxnId txn) {
  return {Code::kNotFound,
          "there is no commit " + std::to_string(to_u64(txn)) + " yet, or it is not durable"};
}

Result<bool> is_being_recovered(const ReaderLock& lock, const Uuid& uuid) {
  CAISSON_ASSIGN_OR_RETURN(const auto durable, lock.durable(uuid));
  if (durable) return false;
  return lock.has_writer();
}

Result<DurableEnd> find_durable_end(io::Clock& clock, const ReaderLock& lock,
                                    log::LogDirectory& directory, const DurablePlace& from,
                                    Trust trust) {
  for (int i = 0; i < kTries; ++i) {
    CAISSON_ASSIGN_OR_RETURN(const auto end, try_find_durable_end(lock, directory, from, trust));
    if (end) return *end;
    clock.sleep(kRecoveryPause);
  }
  return fail(being_recovered());
}

Result<std::optional<DurableEnd>> try_find_durable_end(const ReaderLock& lock,
                                                       log::LogDirectory& directory,
                                                       const DurablePlace& from, Trust trust) {
  CAISSON_ASSIGN_OR_RETURN(const bool written, lock.has_writer());
  if (written) {
    CAISSON_ASSIGN_OR_RETURN(const auto durable, lock.durable(directory.uuid()));
    if (!durable) return std::optional<DurableEnd>();
    return std::optional(DurableEnd{.txn = std::max(*durable, from.txn)});
  }
  const auto end = find_unwritten_end(directory, from, trust);
  // Whoever has begun to write meanwhile may have changed what was read.
  CAISSON_ASSIGN_OR_RETURN(const bool written_now, lock.has_writer());
  if (written_now) return std::optional<DurableEnd>();
  if (!end) return fail(end.error());
  return std::optional(*end);
}

}  // namespace caisson::mvcc

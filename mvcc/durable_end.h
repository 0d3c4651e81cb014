// Where the part of a store's log ends that those who don't write it may read: spec/store.md,
// section 8.

#ifndef CAISSON_MVCC_DURABLE_END_H_
#define CAISSON_MVCC_DURABLE_END_H_

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/log_position.h"
#include "base/result.h"
#include "io/vfs.h"
#include "log/log_file.h"
#include "mvcc/lock_file.h"

namespace caisson::mvcc {

// The last commit that is durable.
struct DurableEnd {
  TxnId txn{};
  bool was_closed = false;  // The store was closed behind it.
  std::uint64_t bytes = 0;  // Of the log that were read to find it.
};

// From where to look: behind a commit that is durable. A checkpoint is known to hold `known`.
struct DurablePlace {
  TxnId txn{};
  LogPosition position;
  TxnId known{};
};

// What is believed of a log that nobody has open to write.
enum class Trust : std::uint8_t {
  kRecoverable,  // What recovery would find now.
  kProven,       // What it would find after a power cut as well (FEED-1). Flushes the log, where
                 // that may be done.
};

// VIEW-3. Waits a moment for a store that is being recovered, and then is kBusy. Other errors: as
// log::find_log_end(). A few small calls where the store is written.
Result<DurableEnd> find_durable_end(io::Clock& clock, const ReaderLock& lock,
                                    log::LogDirectory& directory, const DurablePlace& from,
                                    Trust trust = Trust::kRecoverable);

// The same without waiting: none where the store is being recovered.
Result<std::optional<DurableEnd>> try_find_durable_end(const ReaderLock& lock,
                                                       log::LogDirectory& directory,
                                                       const DurablePlace& from, Trust trust);

// Whether somebody is recovering the store now: what a writer changes then may be what was read
// before it came. How long to wait for that, and what to say when it takes longer.
Result<bool> is_being_recovered(const ReaderLock& lock, const Uuid& uuid);
inline constexpr auto kRecoveryPause = std::chrono::milliseconds(25);
Error being_recovered();

// What is said of a commit that is not there, or not yet durable: kNotFound.
Error no_such_commit(TxnId txn);

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_DURABLE_END_H_

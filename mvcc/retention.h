// Which checkpoints are retained, and what the attachment of a checkpoint says of them:
// spec/store.md, section 6.
//
// Pure functions of values; thread-safe.

#ifndef CAISSON_MVCC_RETENTION_H_
#define CAISSON_MVCC_RETENTION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/log_position.h"
#include "base/result.h"
#include "pager/meta.h"
#include "pager/open.h"

namespace caisson::mvcc {

// How much history a store keeps. A checkpoint stays in it if either says so.
struct RetentionPolicy {
  std::uint64_t checkpoints = 0;  // The newest so many, besides the last one.
  std::uint64_t age_ns = 0;       // Those written within that time.

  bool is_on() const { return checkpoints > 0 || age_ns > 0; }
};

// A checkpoint that no meta needs to name to be read.
struct RetainedCheckpoint {
  TxnId txn{};
  pager::PageRef root;
  std::uint32_t apply_version = 0;
  std::uint64_t page_count = 0;
  LogPosition log;
  std::uint64_t time_ns = 0;
  bool history = false;  // The log behind it is kept, too.
  std::vector<std::string> names;

  pager::CheckpointRoot checkpoint_root() const {
    return {.txn = txn, .root = root, .page_count = page_count};
  }

  friend bool operator==(const RetainedCheckpoint&, const RetainedCheckpoint&) = default;
};

// What one checkpoint says of itself and of earlier ones.
struct Retention {
  std::uint64_t time_ns = 0;
  std::vector<std::string> names;
  std::vector<RetainedCheckpoint> earlier;  // By txn.

  bool empty() const { return names.empty() && earlier.empty(); }
  bool has_name(std::string_view name) const;

  // Of this checkpoint. REQUIRES: no checkpoint has it yet.
  void add_name(std::string name);

  // Of whichever has it, which is retained no more where that was all.
  void remove_name(std::string_view name);

  // The commits that the earlier ones hold.
  std::vector<TxnId> pins() const;

  friend bool operator==(const Retention&, const Retention&) = default;
};

// The entry of a checkpoint that a meta names.
RetainedCheckpoint entry_of(const pager::Meta& meta, const Retention& said);

// What the checkpoint behind `meta` says, which is written at `now_ns` and holds commit `txn`:
// expired ones have gone, and the one of `meta` has come (RETAIN-3, RETAIN-4). A checkpoint of the
// same state takes over what that one said of itself.
Retention next_retention(const Retention& said, const pager::Meta& meta, TxnId txn,
                         std::uint64_t now_ns, const RetentionPolicy& policy);

// REQUIRES: RETAIN-1.
std::vector<std::byte> encode_retention(const Retention& retention);

// Reads the attachment of the checkpoint of `meta`; an empty one says nothing. kCorruption
// (RETAIN-1); kUnsupportedVersion.
Result<Retention> decode_retention(Bytes attachment, const pager::Meta& meta);

// A name of 1 to 255 bytes; else kInvalidArgument.
Result<void> validate_snapshot_name(std::string_view name);

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_RETENTION_H_

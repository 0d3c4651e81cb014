// How a store is created and opened.

#ifndef CAISSON_MVCC_OPTIONS_H_
#define CAISSON_MVCC_OPTIONS_H_

#include <cstdint>

#include "base/result.h"
#include "log/writer.h"
#include "mvcc/retention.h"
#include "pager/options.h"

namespace caisson::mvcc {

struct EngineOptions {
  pager::PageAccess access = pager::PageAccess::kMapped;
  std::uint64_t memory_budget_bytes = std::uint64_t{64} << 20U;
  std::uint64_t address_space_bytes = pager::kAddressSpaceDefault;
  bool lock_in_memory = false;
  bool allow_network_file_system = false;

  // Opens a store that is still being made (REBUILD-2): for who makes it.
  bool unfinished = false;

  log::WriterOptions log;

  // What is kept of the past, besides what has a name.
  RetentionPolicy retention = {};

  // A checkpoint is due when replaying the log since the last one would take about so long.
  std::uint64_t replay_time_max_ns = 250'000'000;

  // Snapshots of states that were superseded so long ago are refused; 0: never.
  std::uint64_t snapshot_age_max_ns = 0;
};

// What opening had to do.
struct RecoveryReport {
  bool was_closed = true;         // The last one to write had closed the store: nothing was done.
  bool older_checkpoint = false;  // Not the newest that a meta tells of, whose pages are damaged.
  TxnId checkpoint{};             // The commit that was in the checkpoint,
  TxnId recovered{};              // and the last one that the log led to.
  std::uint64_t log_bytes = 0;    // Read in between,
  std::uint64_t operations = 0;   // and applied.
};

// The largest number that a commit can have.
inline constexpr TxnId kTxnMax{(std::uint64_t{1} << 63U) - 1};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_OPTIONS_H_

// Copies of a store that are brought up to date by its log: spec/store.md, section 12.

#ifndef CAISSON_MVCC_COPY_UPDATE_H_
#define CAISSON_MVCC_COPY_UPDATE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "io/vfs.h"
#include "mvcc/copy.h"
#include "mvcc/feed.h"
#include "mvcc/snapshot.h"

namespace caisson::mvcc {

// What a backup came to.
struct BackupSummary {
  TxnId from{};               // An increment: the commit that it begins behind.
  TxnId txn{};                // The last commit in it.
  Hash128 hash = {};          // Of the state behind that one.
  StateSize size = {};        // Of that state; of an increment: of its operations alone.
  std::uint64_t commits = 0;  // Of an increment.
  std::uint64_t bytes = 0;    // Written, of an archive.
};

// The names that a copy's state has in it, where it will be brought up to date: they say whose copy
// it is, and up to which commit (COPY-3).
std::vector<std::string> copy_names(const Uuid& source, std::string_view name);

// Brings a copy of the store, whose first state had those names, up to date with the snapshot's
// commit, which is durable: applies the commits of a feed that it hasn't got, and compares the
// states. Each state since the copy was made stays retained in it. What is cut off or fails leaves
// the copy at one of the commits between. kNotFound where the feed stands behind the copy's last
// commit; kWrongStore where it is a copy of another store, or has commits of its own; kCorruption
// where the states differ in the end; others as Feed, Engine::open() and CommitLoader; kStopped.
Result<BackupSummary> update_copy(io::Vfs& vfs, const std::string& path, EngineOptions options,
                                  Feed& feed, const Snapshot& snapshot, std::string_view name,
                                  const CopyOptions& copying = {});

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_COPY_UPDATE_H_

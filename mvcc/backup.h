// Backups: a state as an archive, the commits behind it as another, or a copy of the store that is
// brought up to date (spec/archive.md; spec/store.md, section 12); and stores made of them again.

#ifndef CAISSON_MVCC_BACKUP_H_
#define CAISSON_MVCC_BACKUP_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"
#include "io/vfs.h"
#include "mvcc/archive_reader.h"
#include "mvcc/archive_writer.h"
#include "mvcc/copy.h"
#include "mvcc/feed.h"
#include "mvcc/fresh_site.h"
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

// Writes what a snapshot shows as a base. Each block is read back before it goes on, and the state
// hash of what was read compared with that of the snapshot. With `drill` the blocks are restored,
// as that store, which is removed when it has been proved. Errors: as walk_state(), ArchiveWriter
// and restore(); kStopped.
Result<BackupSummary> write_base(io::Vfs& vfs, const Snapshot& snapshot, const Uuid& uuid,
                                 const ByteSink& sink, const CopyOptions& options = {},
                                 const FreshStore* drill = nullptr);

// Writes the commits from where a feed stands up to the snapshot's, which is durable, as an
// increment. Errors: as Feed, state_hash() and ArchiveWriter; kNotFound where the feed stands
// behind the snapshot; kStopped.
Result<BackupSummary> write_increment(Feed& feed, const Snapshot& snapshot, const ByteSink& sink,
                                      const CopyOptions& options = {});

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

// Makes a store of a stream of archives that begins with a base: up to the last commit, or to
// `upto`. It has its name when it has been opened, read and compared. `fresh.create` is not looked
// at but for the UUID: page size and limits come with the base. Errors: as read_archives(),
// FreshSite, StoreLoader and CommitLoader; kNotFound where the stream doesn't hold that commit's
// state; kInvalidArgument where it begins with an increment; kStopped.
Result<StateSummary> restore(io::Vfs& vfs, const ByteSource& source, const FreshStore& fresh,
                             std::optional<TxnId> upto = {}, const CopyOptions& options = {});

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_BACKUP_H_

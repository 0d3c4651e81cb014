// Backups as streams: a state as an archive, the commits behind it as others (spec/archive.md); and
// stores made of them again.

#ifndef CAISSON_MVCC_BACKUP_H_
#define CAISSON_MVCC_BACKUP_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "base/result.h"
#include "io/vfs.h"
#include "mvcc/archive_reader.h"
#include "mvcc/archive_writer.h"
#include "mvcc/copy.h"
#include "mvcc/copy_update.h"
#include "mvcc/feed.h"
#include "mvcc/fresh_site.h"
#include "mvcc/snapshot.h"

namespace caisson::mvcc {

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

// Makes a store of a stream of archives that begins with a base: up to the last commit, or to
// `upto`. It has its name when it has been opened, read and compared. `fresh.create` is not looked
// at but for the UUID: page size and limits come with the base. Errors: as read_archives(),
// FreshSite, StoreLoader and CommitLoader; kNotFound where the stream doesn't hold that commit's
// state; kInvalidArgument where it begins with an increment; kStopped.
Result<StateSummary> restore(io::Vfs& vfs, const ByteSource& source, const FreshStore& fresh,
                             std::optional<TxnId> upto = {}, const CopyOptions& options = {});

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_BACKUP_H_

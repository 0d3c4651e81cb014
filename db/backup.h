// Backups of an open store, to a directory or a stream: which of the ways of mvcc/backup.h is
// meant.

#ifndef CAISSON_DB_BACKUP_H_
#define CAISSON_DB_BACKUP_H_

#include <caisson/backup.h>

#include <functional>
#include <string>

#include "base/result.h"
#include "io/vfs.h"
#include "mvcc/feed.h"
#include "mvcc/options.h"
#include "mvcc/snapshot.h"

namespace caisson::db {

// What is backed up. Used within one call.
struct BackupOrigin {
  io::Vfs& vfs;
  mvcc::EngineOptions options;  // To open copies with.
  mvcc::FeedSource source;
  std::function<Result<mvcc::Snapshot>()> snapshot;  // The newest state that is durable.
};

// Store::backup().
Result<BackupReport> backup(const BackupOrigin& origin, const std::string& path,
                            const BackupOptions& options);
Result<BackupReport> backup(const BackupOrigin& origin, const BackupSink& sink,
                            const BackupOptions& options);

// restore().
Result<RestoreReport> restore(io::Vfs& vfs, const std::string& backup, const std::string& path,
                              const RestoreOptions& options);
Result<RestoreReport> restore(io::Vfs& vfs, const BackupSource& source, const std::string& path,
                              const RestoreOptions& options);

}  // namespace caisson::db

#endif  // CAISSON_DB_BACKUP_H_

// Making a state anew out of nothing but a log: spec/store.md, section 10.
//
// Whoever applies the same log comes to the same state (APPLY-2). So a log that was never retired
// is all that is needed to look at any state that there was, to check a store against it, or to
// have the store back when its pages are gone. Each call works in its caller's thread, and changes
// nothing of the log. Damage in it, and what it lacks, are errors as recovery would have them.

#ifndef CAISSON_MVCC_REBUILD_H_
#define CAISSON_MVCC_REBUILD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "io/vfs.h"
#include "log/log_file.h"
#include "mvcc/fresh_site.h"
#include "mvcc/memory_state.h"

namespace caisson::mvcc {

struct RebuildOptions {
  // The last commit to apply: it has to be there. The log may grow behind it meanwhile. Absent: all
  // commits that there are; then nobody may be writing the log.
  std::optional<TxnId> upto = {};

  // Called behind each commit, with its number and the bytes of operations so far.
  std::function<void(TxnId txn, std::uint64_t bytes)> progress = {};

  // Of a state in memory: the most that its keys and values may have, in bytes, behind any commit.
  std::uint64_t memory_bytes_max = ~std::uint64_t{0};
};

// What was done.
struct Rebuilt {
  TxnId txn{};  // The last commit.
  std::uint64_t operations = 0;
  std::uint64_t bytes = 0;
};

struct RebuiltInMemory {
  MemoryState state;
  Rebuilt done;
};

// A log by its directory alone, where the store that it belongs to is gone: its first file tells
// which that was. kNotFound if there is no log file; kCorruption, kUnsupportedVersion (LOG-1).
Result<std::unique_ptr<log::LogDirectory>> open_log(std::unique_ptr<io::Directory> directory);

// The state behind a commit, in memory.
// Errors: kNotFound where the log doesn't begin with the store's first commit, or ends before
// `upto`; kCorruption (LOG-1, RECOVER-3, OP-1 to OP-3, APPLY-1); kUnsupported,
// kUnsupportedVersion; kResourceExhausted beyond memory_bytes_max; kIoError.
Result<RebuiltInMemory> rebuild_in_memory(const log::LogDirectory& log,
                                          const RebuildOptions& options = {});

// The same as a store, which is closed then, and can be opened: each commit becomes one of the same
// number, and trees have the numbers that they had (REBUILD-1). It is made as FreshSite::make()
// does, and gets its name when it is whole and durable (REBUILD-2). Nothing waits for a commit to
// be durable: many share a flush. Memory: as opening the store. Errors: as rebuild_in_memory(),
// FreshSite and CommitLoader.
Result<Rebuilt> rebuild_store(const log::LogDirectory& log, io::Vfs& vfs, const FreshStore& fresh,
                              const RebuildOptions& options = {});

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_REBUILD_H_

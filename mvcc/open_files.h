// What opening the files of a store takes, whether to write or to read.

#ifndef CAISSON_MVCC_OPEN_FILES_H_
#define CAISSON_MVCC_OPEN_FILES_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "io/file.h"
#include "log/log_file.h"
#include "mvcc/options.h"
#include "pager/open.h"
#include "pager/options.h"

namespace caisson::mvcc {

pager::PagerOptions pager_options(const EngineOptions& options);

// The latest commit that a meta names, whatever else of its checkpoint is damaged.
TxnId newest_known(const pager::OpenAttempt& attempt);

// A store's directory. kNotFound where there is none; others as opening directories.
Result<std::unique_ptr<io::Directory>> open_store_directory(io::Vfs& vfs, const std::string& path);

// kNotFound, for a directory without a page file, or with one of a store that is being made unless
// `unfinished`.
Error no_store();
Result<void> check_has_store(io::Directory& directory, bool unfinished = false);

// APPLY-2: kUnsupportedVersion.
Result<void> check_apply_version(std::uint32_t version);

// The log of a store. kCorruption where there is none.
Result<std::unique_ptr<log::LogDirectory>> open_log_of(io::Directory& directory, const Uuid& uuid);

// kBusy where so many things are open.
Result<void> check_none_open(std::uint64_t open);

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_OPEN_FILES_H_

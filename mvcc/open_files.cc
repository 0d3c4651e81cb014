#include "mvcc/open_files.h"

#include <algorithm>
#include <string>
#include <utility>

#include "btree/layout.h"
#include "mvcc/fresh_site.h"
#include "mvcc/replay.h"

namespace caisson::mvcc {

pager::PagerOptions pager_options(const EngineOptions& options) {
  return {.access = options.access,
          .read_only = false,
          .allow_network_file_system = options.allow_network_file_system,
          .address_space_bytes = options.address_space_bytes,
          .memory_budget_bytes = options.memory_budget_bytes,
          .lock_in_memory = options.lock_in_memory,
          .expected_uuid = {},
          .layout = &btree::tree_layout(),
          .readers = {}};
}

TxnId newest_known(const pager::OpenAttempt& attempt) {
  TxnId newest{};
  for (const pager::MetaSlot slot : {pager::MetaSlot::kA, pager::MetaSlot::kB}) {
    const auto& meta = attempt.candidate(slot).meta;
    if (meta) newest = std::max(newest, meta->txn);
  }
  return newest;
}

Result<std::unique_ptr<io::Directory>> open_store_directory(io::Vfs& vfs, const std::string& path) {
  auto directory = vfs.open_directory(path);
  if (directory || directory.error().code() != Code::kNotFound) return directory;
  return fail(Error(Code::kNotFound, "there is no store at this path, nor anything else")
                  .in_file(path)
                  .with_advice("Look for a mistake in the path, or create the store first."));
}

Error no_store() {
  return Error(Code::kNotFound, "there is no store in this folder, or it was never finished")
      .in_file(pager::kPageFileName)
      .with_advice("Create the store first.");
}

Result<void> check_has_store(io::Directory& directory, bool unfinished) {
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, directory.list());
  const auto has = [&names](const char* name) {
    return std::ranges::find(names, name) != names.end();
  };
  if (!has(pager::kPageFileName)) return fail(no_store());
  if (unfinished || !has(kUnfinishedFileName)) return {};
  CAISSON_ASSIGN_OR_RETURN(const bool being_made, is_unfinished(directory));
  if (!being_made) return {};
  return fail(Error(Code::kNotFound, "the store in this folder was never finished")
                  .in_file(kUnfinishedFileName)
                  .with_rule("REBUILD-2")
                  .with_advice("Do again what was making it; the source is whole."));
}

Result<void> check_apply_version(std::uint32_t version) {
  if (version <= kApplyVersion) return {};
  return fail(Error(Code::kUnsupportedVersion,
                    "the store's operations follow version " + std::to_string(version) +
                        " of their rules; this one knows " + std::to_string(kApplyVersion))
                  .in_file(pager::kPageFileName)
                  .with_rule("APPLY-2"));
}

Result<std::unique_ptr<log::LogDirectory>> open_log_of(io::Directory& directory, const Uuid& uuid) {
  auto opened = log::LogDirectory::open(directory, uuid);
  if (opened || opened.error().code() != Code::kNotFound) return opened;
  return fail(Error(Code::kCorruption, "the store's log is not there")
                  .in_file(log::kLogDirectoryName)
                  .with_rule("RECOVER-5")
                  .with_advice("Bring the folder back: what it held may be in no other place."));
}

Result<void> check_none_open(std::uint64_t open) {
  if (open == 0) return {};
  return fail(Error(Code::kBusy,
                    std::to_string(open) + " transactions, snapshots, cursors or values are open")
                  .with_advice("End them before the store is closed."));
}

}  // namespace caisson::mvcc

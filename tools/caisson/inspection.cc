#include "tools/caisson/inspection.h"

#include <caisson/store.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "io/posix.h"
#include "log/log_file.h"
#include "mvcc/open_files.h"
#include "mvcc/position.h"
#include "mvcc/view.h"
#include "pager/open.h"
#include "tools/caisson/lock_holders.h"
#include "tools/caisson/opening.h"

namespace caisson::tools {
namespace {

using Kind = Keeper::Kind;

std::uint64_t pages_of(const std::vector<pager::PageRun>& runs) {
  std::uint64_t pages = 0;
  for (const pager::PageRun& run : runs) pages += run.count;
  return pages;
}

std::uint64_t first_file(const LogPosition& position) {
  return std::max<std::uint64_t>(position.file, 1);
}

bool needs(const Keeper& keeper, const pager::DeadRun& run) {
  if (keeper.unknown) return true;
  if (!keeper.pages) return false;
  const auto state = std::ranges::lower_bound(keeper.txns, run.birth);
  return state != keeper.txns.end() && *state < run.death;
}

// Gathers what there is. Used once.
class Inspector {
 public:
  explicit Inspector(const std::string& store) : store_(store) {}

  Result<Inspection> run() {
    CAISSON_ASSIGN_OR_RETURN(directory_, mvcc::open_store_directory(io::posix_vfs(), store_));
    CAISSON_RETURN_IF_ERROR(mvcc::check_has_store(*directory_));
    CAISSON_ASSIGN_OR_RETURN(lock_, mvcc::ReaderLock::take(*directory_));
    CAISSON_RETURN_IF_ERROR(look_at_checkpoints());
    CAISSON_RETURN_IF_ERROR(look_at_readers());
    CAISSON_RETURN_IF_ERROR(look_at_positions());
    CAISSON_RETURN_IF_ERROR(look_at_log());
    CAISSON_RETURN_IF_ERROR(look_at_state());
    return std::move(found_);
  }

 private:
  Keeper& add(Kind kind, std::string name, std::vector<TxnId> txns) {
    Keeper& keeper = found_.keepers.emplace_back();
    keeper.kind = kind;
    keeper.name = std::move(name);
    keeper.txns = std::move(txns);
    return keeper;
  }

  Result<void> look_at_checkpoints() {
    pager::PagerOptions options = mvcc::pager_options({});
    options.read_only = true;
    CAISSON_ASSIGN_OR_RETURN(const auto checkpoints, mvcc::read_checkpoints(*directory_, options));
    const pager::Candidate& newest = checkpoints.attempt.candidate(checkpoints.newest);
    const pager::Candidate& older = checkpoints.attempt.candidate(other(checkpoints.newest));
    found_.newest = seen(*newest.meta, checkpoints.all);
    if (older.meta) found_.older = seen(*older.meta, checkpoints.all);
    found_.older_damage = older.reason;
    measure_pages(newest);
    dead_ = newest.allocation.dead;
    add_keepers(checkpoints.retained);
    return {};
  }

  static SeenCheckpoint seen(const pager::Meta& meta,
                             const std::vector<mvcc::RetainedCheckpoint>& all) {
    SeenCheckpoint checkpoint{.meta = meta, .time = {}};
    const auto entry = std::ranges::find(all, meta.txn, &mvcc::RetainedCheckpoint::txn);
    if (entry == all.end()) return checkpoint;
    const std::chrono::nanoseconds since_1970(entry->time_ns);
    checkpoint.time = std::chrono::sys_time<std::chrono::nanoseconds>(since_1970);
    return checkpoint;
  }

  void measure_pages(const pager::Candidate& newest) {
    const pager::Meta& meta = *newest.meta;
    const pager::AllocationState& allocation = newest.allocation;
    std::uint64_t dead = 0;
    for (const pager::DeadRun& run : allocation.dead) dead += run.run.count;
    const std::uint64_t free = pages_of(allocation.free);
    const std::uint64_t others = to_u64(pager::first_page(meta.page_size)) +
                                 newest.blob_pages.size() + pages_of(allocation.earlier_blob);
    found_.pages.free = free * meta.page_size;
    found_.pages.dead = dead * meta.page_size;
    found_.pages.other = others * meta.page_size;
    found_.pages.live = (meta.page_count - free - dead - others) * meta.page_size;
  }

  void add_keepers(const std::vector<mvcc::RetainedCheckpoint>& retained) {
    for (const auto& checkpoint : {std::optional(found_.newest), found_.older}) {
      if (!checkpoint) continue;
      const pager::Meta& meta = checkpoint->meta;
      add(Kind::kCheckpoint, std::string(to_string(meta.slot)), {meta.txn}).log_file =
          first_file(meta.log);
    }
    std::vector<TxnId> history;
    std::uint64_t history_file = 0;
    for (const mvcc::RetainedCheckpoint& entry : retained) {
      // The newest one's history is what its meta keeps.
      if (!entry.history || entry.txn == found_.newest.meta.txn) continue;
      if (history.empty()) history_file = first_file(entry.log);
      history.push_back(entry.txn);
    }
    if (!history.empty()) add(Kind::kHistory, "", std::move(history)).log_file = history_file;
    for (const mvcc::RetainedCheckpoint& entry : retained) {
      for (const std::string& name : entry.names) add(Kind::kSnapshot, name, {entry.txn});
    }
  }

  Result<void> look_at_readers() {
    const std::vector<LockHolder> holders = lock_holders(store_);
    CAISSON_ASSIGN_OR_RETURN(found_.written, lock_->has_writer());
    if (found_.written) found_.writer = holder_of(holders, mvcc::kWriterByte);
    CAISSON_ASSIGN_OR_RETURN(const auto readers, lock_->others(found_.newest.meta.uuid));
    for (const mvcc::SeenReader& reader : readers) {
      Keeper& keeper = add(Kind::kReader, holder_of(holders, reader.offset), {});
      keeper.unknown = !reader.record;
      if (!reader.record) continue;
      keeper.pages = reader.record->txn != mvcc::kNoCheckpoint;
      if (keeper.pages) keeper.txns = {reader.record->txn};
      if (reader.record->log_file != mvcc::kNoLogFile) keeper.log_file = reader.record->log_file;
    }
    return {};
  }

  Result<void> look_at_positions() {
    const mvcc::PositionFiles files(*directory_, found_.newest.meta.uuid);
    CAISSON_ASSIGN_OR_RETURN(const auto positions, files.list());
    for (const auto& position : positions) {
      if (!position) {
        found_.unreadable_positions.push_back(position.error());
        continue;
      }
      Keeper& keeper = add(Kind::kPosition, position->name, {position->txn});
      keeper.pages = false;
      keeper.log_file = first_file(position->log);
    }
    found_.pages.waiting = count_dead(dead_, found_.newest.meta.page_size, found_.keepers);
    return {};
  }

  Result<void> look_at_log() {
    CAISSON_ASSIGN_OR_RETURN(const auto log,
                             mvcc::open_log_of(*directory_, found_.newest.meta.uuid));
    CAISSON_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> files, log->files());
    std::map<std::uint64_t, std::uint64_t> sizes;
    for (const std::uint64_t file : files) {
      const auto opened = log->open_unchecked(file, log::FileAccess::kRead);
      if (!opened && opened.error().code() == Code::kNotFound) continue;  // It was retired.
      if (!opened) return fail(opened.error());
      sizes[file] = opened->size;
      found_.log.bytes += opened->size;
    }
    if (sizes.empty()) return {};
    found_.log.count = sizes.size();
    found_.log.first = sizes.begin()->first;
    found_.log.last = sizes.rbegin()->first;
    for (Keeper& keeper : found_.keepers) {
      if (keeper.unknown) keeper.log_file = found_.log.first;
      if (!keeper.log_file) continue;
      for (auto file = sizes.lower_bound(*keeper.log_file); file != sizes.end(); ++file) {
        keeper.log_bytes += file->second;
      }
    }
    return {};
  }

  // The newest state, as everybody reads it.
  Result<void> look_at_state() {
    CAISSON_ASSIGN_OR_RETURN(const Store store, open_to_read(store_));
    found_.closed = !found_.written && store.recovery().was_closed;
    CAISSON_ASSIGN_OR_RETURN(const Snapshot snapshot, store.snapshot());
    found_.txn = snapshot.txn();
    CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, snapshot.tree_names());
    for (const std::string& name : names) {
      CAISSON_ASSIGN_OR_RETURN(const Tree tree, snapshot.tree(name));
      found_.trees.push_back({.name = name, .keys = tree.count()});
    }
    CAISSON_ASSIGN_OR_RETURN(const auto file, directory_->open_file(pager::kPageFileName, {}));
    CAISSON_ASSIGN_OR_RETURN(found_.pages.file, file->size());
    return {};
  }

  const std::string& store_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<mvcc::ReaderLock> lock_;
  std::vector<pager::DeadRun> dead_;
  Inspection found_;
};

}  // namespace

const char* to_string(Keeper::Kind kind) {
  switch (kind) {
    case Kind::kCheckpoint:
      return "checkpoint";
    case Kind::kHistory:
      return "history";
    case Kind::kSnapshot:
      return "snapshot";
    case Kind::kReader:
      return "reader";
    case Kind::kPosition:
      return "position";
  }
  return "";
}

std::uint64_t count_dead(const std::vector<pager::DeadRun>& dead, std::uint32_t page_size,
                         std::vector<Keeper>& keepers) {
  std::uint64_t unneeded = 0;
  for (const pager::DeadRun& run : dead) {
    const std::uint64_t bytes = run.run.count * page_size;
    Keeper* only = nullptr;
    std::size_t count = 0;
    for (Keeper& keeper : keepers) {
      if (!needs(keeper, run)) continue;
      keeper.dead_bytes += bytes;
      only = &keeper;
      ++count;
    }
    if (count == 0) unneeded += bytes;
    if (count == 1) only->only_bytes += bytes;
  }
  return unneeded;
}

Result<Inspection> inspect(const std::string& store) { return Inspector(store).run(); }

}  // namespace caisson::tools

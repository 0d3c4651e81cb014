#include "mvcc/position_list.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "mvcc/open_files.h"
#include "mvcc/position.h"

namespace caisson::mvcc {
namespace {

// The sizes of the log's files. One that has gone meanwhile counts for nothing.
Result<std::map<std::uint64_t, std::uint64_t>> log_sizes(const log::LogDirectory& directory) {
  std::map<std::uint64_t, std::uint64_t> sizes;
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> files, directory.files());
  for (const std::uint64_t file : files) {
    const auto opened = directory.open_unchecked(file, log::FileAccess::kRead);
    if (opened) sizes.emplace(file, opened->size);
  }
  return sizes;
}

}  // namespace

Result<std::vector<ListedPosition>> list_positions(const FeedSource& source) {
  CAISSON_ASSIGN_OR_RETURN(const auto directory, open_log_of(*source.directory, source.uuid));
  CAISSON_ASSIGN_OR_RETURN(const auto sizes, log_sizes(*directory));
  CAISSON_ASSIGN_OR_RETURN(auto positions, PositionFiles(*source.directory, source.uuid).list());
  std::vector<ListedPosition> listed;
  listed.reserve(positions.size());
  for (Result<Position>& position : positions) {
    ListedPosition& entry = listed.emplace_back();
    if (!position) {
      entry.error = std::move(position).error();
      continue;
    }
    entry.name = std::move(position->name);
    entry.txn = position->txn;
    for (auto file = sizes.lower_bound(position->log.file); file != sizes.end(); ++file) {
      entry.log_bytes += file->second;
    }
  }
  std::ranges::sort(listed, {}, &ListedPosition::name);
  return listed;
}

Result<void> remove_position(const FeedSource& source, std::string_view name) {
  CAISSON_RETURN_IF_ERROR(validate_position_name(name));
  CAISSON_ASSIGN_OR_RETURN(const auto lock, ReaderLock::take(*source.directory));
  CAISSON_RETURN_IF_ERROR(lock->lock_position(position_number(name)));
  return PositionFiles(*source.directory, source.uuid).remove(name);
}

}  // namespace caisson::mvcc

#include "mvcc/fresh_site.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "log/log_file.h"
#include "mvcc/lock_file.h"
#include "pager/open.h"

namespace caisson::mvcc {
namespace {

// What a store that is being made has besides its own files.
bool is_ours(const std::string& name) {
  return name == kUnfinishedFileName || name == kLockFileName || name == log::kLogDirectoryName ||
         name == pager::kPageFileName || name == pager::kPageFileNewName;
}

Result<void> unlink_all(io::Directory& directory) {
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, directory.list());
  for (const std::string& name : names) CAISSON_RETURN_IF_ERROR(directory.unlink(name));
  return directory.sync();
}

}  // namespace

Result<FreshSite> FreshSite::open(io::Vfs& vfs, std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t slash = path.rfind('/');
  const bool plain = slash == std::string::npos;
  FreshSite site(vfs);
  site.name_ = plain ? path : path.substr(slash + 1);
  if (site.name_.empty() || site.name_ == "." || site.name_ == "..") {
    return fail(Code::kInvalidArgument, "a store can't be made at the path \"" + path + "\"");
  }
  site.unfinished_name_ = site.name_ + ".unfinished";
  site.unfinished_path_ = path + ".unfinished";
  CAISSON_ASSIGN_OR_RETURN(
      site.parent_,
      vfs.open_directory(plain ? "." : path.substr(0, std::max<std::size_t>(slash, 1))));
  CAISSON_RETURN_IF_ERROR(site.check_vacant());
  return site;
}

Result<bool> FreshSite::was_begun() const {
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, parent_->list());
  return std::ranges::find(names, unfinished_name_) != names.end();
}

Result<void> FreshSite::make(const std::function<Result<void>(const std::string& path)>& make,
                             End end) const {
  CAISSON_ASSIGN_OR_RETURN(const auto marker, begin());
  CAISSON_RETURN_IF_ERROR(check_unchanged(*marker));
  CAISSON_RETURN_IF_ERROR(say_unfinished(*marker));
  CAISSON_RETURN_IF_ERROR(remove_files());
  Result<void> done = make(unfinished_path_);
  if (done && end == End::kNamed) done = finish(*marker);
  // What fails here has failed before for the same reason, and the name tells.
  if (!done || end == End::kRemoved) {
    const auto removed = remove_all();
    if (done) done = removed;
  }
  return done;
}

Result<void> FreshSite::check_vacant() const {
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, parent_->list());
  if (std::ranges::find(names, name_) == names.end()) return {};
  return fail(Error(Code::kAlreadyExists, "there is something at this path already")
                  .in_file(name_)
                  .with_advice("Choose a path where nothing is."));
}

// Takes the folder for this process: the lock on the file that says that it is unfinished.
Result<std::unique_ptr<io::File>> FreshSite::begin() const {
  auto made = vfs_->create_directory(unfinished_path_);
  if (!made && made.error().code() != Code::kAlreadyExists) return fail(made.error());
  CAISSON_ASSIGN_OR_RETURN(const auto folder, parent_->open_directory(unfinished_name_));
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, folder->list());
  const bool marked = std::ranges::find(names, kUnfinishedFileName) != names.end();
  for (const std::string& name : names) {
    if (marked && is_ours(name)) continue;
    return fail(Error(Code::kAlreadyExists, "something else lies where the store is to be made")
                    .in_file(unfinished_name_ + "/" + name)
                    .with_advice("If nobody needs it, remove it."));
  }
  const io::OpenOptions options{marked ? io::OpenMode::kReadWrite : io::OpenMode::kCreate, false};
  auto marker = folder->open_file(kUnfinishedFileName, options);
  if (marker) {
    if (const auto locked = (*marker)->try_lock(io::LockKind::kExclusive, 0, 1); locked) {
      return marker;
    } else if (locked.error().code() != Code::kBusy) {
      return fail(locked.error());
    }
  } else if (marker.error().code() != Code::kAlreadyExists &&
             marker.error().code() != Code::kNotFound) {
    return marker;
  }
  return fail(made_by_another());
}

// Whoever had the lock before may have finished, and the file be another's by now.
Result<void> FreshSite::check_unchanged(const io::File& marker) const {
  CAISSON_RETURN_IF_ERROR(check_vacant());
  CAISSON_ASSIGN_OR_RETURN(const auto folder, parent_->open_directory(unfinished_name_));
  CAISSON_ASSIGN_OR_RETURN(const auto named, folder->open_file(kUnfinishedFileName, {}));
  CAISSON_ASSIGN_OR_RETURN(const auto now, named->identity());
  CAISSON_ASSIGN_OR_RETURN(const auto ours, marker.identity());
  if (now == ours) return folder->sync();  // Before anything could be taken for a store.
  return fail(made_by_another());
}

// What an attempt has left may lack nothing but its name, and say so.
Result<void> FreshSite::say_unfinished(io::File& marker) {
  CAISSON_ASSIGN_OR_RETURN(const std::uint64_t size, marker.size());
  if (size == 0) return {};
  CAISSON_RETURN_IF_ERROR(marker.truncate(0));
  return marker.sync_data();
}

Error FreshSite::made_by_another() const {
  return Error(Code::kBusy, "somebody is making a store here")
      .in_file(unfinished_name_)
      .with_advice("Wait for that, or choose another path.");
}

// REBUILD-2. A folder can only replace one that is empty: so what others make there meanwhile
// stays, whatever it is.
Result<void> FreshSite::finish(io::File& marker) const {
  constexpr std::byte kWhole{1};
  CAISSON_RETURN_IF_ERROR(marker.write(0, {&kWhole, 1}));
  CAISSON_RETURN_IF_ERROR(marker.sync_data());
  CAISSON_RETURN_IF_ERROR(
      parent_->rename(unfinished_name_, name_, io::Directory::IfTargetExists::kReplace));
  CAISSON_RETURN_IF_ERROR(parent_->sync());
  // It has done its service. Where that fails, it stays, and does no harm.
  if (const auto store = parent_->open_directory(name_)) {
    if ((*store)->unlink(kUnfinishedFileName)) (void)(*store)->sync();
  }
  return {};
}

Result<bool> is_unfinished(io::Directory& directory) {
  const auto marker = directory.open_file(kUnfinishedFileName, {});
  if (!marker) {
    if (marker.error().code() == Code::kNotFound) return false;
    return fail(marker.error());
  }
  std::byte said{};
  CAISSON_ASSIGN_OR_RETURN(const std::size_t size, (*marker)->read(0, {&said, 1}));
  return size == 0;
}

Result<void> FreshSite::remove_marker() const {
  CAISSON_ASSIGN_OR_RETURN(const auto store, parent_->open_directory(unfinished_name_));
  CAISSON_RETURN_IF_ERROR(store->unlink(kUnfinishedFileName));
  return store->sync();
}

// Removes the files of a store that was not finished, that without which there is none first
// (STORE-1), but not the one that says so.
Result<void> FreshSite::remove_files() const {
  CAISSON_ASSIGN_OR_RETURN(const auto store, parent_->open_directory(unfinished_name_));
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, store->list());
  const auto has = [&names](const char* name) {
    return std::ranges::find(names, name) != names.end();
  };
  for (const char* name : {pager::kPageFileName, pager::kPageFileNewName, kLockFileName}) {
    if (has(name)) CAISSON_RETURN_IF_ERROR(store->unlink(name));
  }
  if (!has(log::kLogDirectoryName)) return {};
  CAISSON_ASSIGN_OR_RETURN(const auto logs, store->open_directory(log::kLogDirectoryName));
  CAISSON_RETURN_IF_ERROR(unlink_all(*logs));
  return store->remove_directory(log::kLogDirectoryName);
}

Result<void> FreshSite::remove_all() const {
  CAISSON_RETURN_IF_ERROR(remove_files());
  CAISSON_RETURN_IF_ERROR(remove_marker());
  return parent_->remove_directory(unfinished_name_);
}

}  // namespace caisson::mvcc

// Where a store is made that has to be whole when it gets its name: rebuilt, copied or restored.

#ifndef CAISSON_MVCC_FRESH_SITE_H_
#define CAISSON_MVCC_FRESH_SITE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "io/vfs.h"
#include "mvcc/options.h"
#include "pager/options.h"

namespace caisson::mvcc {

// A store that is to be made.
struct FreshStore {
  std::string path;  // Where nothing is.

  // The limits have to be those of the store that its content comes from, or higher. The UUID may
  // be another.
  pager::CreateOptions create = {};

  // With less memory than the store has pages, most of the time goes into checkpoints that make
  // room.
  EngineOptions engine = {};
};

// The file that says that a store is still being made, or, with a byte in it, that it no longer is.
inline constexpr const char* kUnfinishedFileName = "UNFINISHED";

// Whether the store in a directory is still being made (REBUILD-2).
Result<bool> is_unfinished(io::Directory& directory);

// Used by one thread.
class FreshSite {
 public:
  // A path where nothing is. kAlreadyExists; kInvalidArgument for one that can't be a store's;
  // kNotFound where there is no directory above; others as opening it.
  static Result<FreshSite> open(io::Vfs& vfs, std::string path);

  // Whether an attempt to make something here has been cut off, or goes on.
  Result<bool> was_begun() const;

  // Whether what was made gets its name, or was made for a trial.
  enum class End : std::uint8_t { kNamed, kRemoved };

  // Has a store made at another path beside it (its own and ".unfinished"), and gives it its name
  // when that has succeeded (REBUILD-2). Otherwise what was made is removed, as far as possible;
  // but where only the flush of its name has failed, it is there. What an attempt has left that was
  // cut off goes first. What is there and isn't such a thing is not touched: kAlreadyExists; kBusy
  // where somebody is making a store there now. While it is being made, it can be opened with
  // EngineOptions::unfinished only.
  Result<void> make(const std::function<Result<void>(const std::string& path)>& make,
                    End end = End::kNamed) const;

 private:
  explicit FreshSite(io::Vfs& vfs) : vfs_(&vfs) {}

  Result<void> check_vacant() const;
  Result<std::unique_ptr<io::File>> begin() const;
  Result<void> check_unchanged(const io::File& marker) const;
  static Result<void> say_unfinished(io::File& marker);
  Error made_by_another() const;
  Result<void> remove_files() const;
  Result<void> remove_marker() const;
  Result<void> remove_all() const;
  Result<void> finish(io::File& marker) const;

  io::Vfs* vfs_;
  std::unique_ptr<io::Directory> parent_;
  std::string name_;
  std::string unfinished_name_;
  std::string unfinished_path_;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_FRESH_SITE_H_

#include "io/file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>
#include <utility>

#include "io/vfs.h"

namespace caisson::io {
namespace {

// An interrupted call is tried again this often; a signal storm that outlives it is an error.
constexpr int kInterruptionsMax = 1000;

// Repeats `call` while it is interrupted. Each attempt is counted.
template <typename F>
SysResult uninterrupted(Counters& counters, Call kind, F call) {
  SysResult result;
  for (int attempt = 0; attempt < kInterruptionsMax; ++attempt) {
    result = call();
    counters.count(
        kind, result.error == 0 && result.value > 0 && (kind == Call::kRead || kind == Call::kWrite)
                  ? static_cast<std::uint64_t>(result.value)
                  : 0);
    if (result.error != EINTR) break;
  }
  return result;
}

Result<void> done(SysResult result, std::string_view what, const std::string& name) {
  if (result.error != 0) return fail(system_error(result.error, what, name));
  return {};
}

bool valid_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos && name.size() <= 255;
}

Result<void> check_name(const std::string& name) {
  if (valid_name(name)) return {};
  return fail(Error(Code::kInvalidArgument, "'" + name + "' is not a plain file name")
                  .with_advice("Use a name without slashes."));
}

constexpr std::string_view kNotPlain = "It must be a plain file or directory, not a link.";

struct ErrorMeaning {
  Code code;
  std::string_view advice;
};

ErrorMeaning meaning(int error) {
  switch (error) {
    case ENOENT:
      return {Code::kNotFound, ""};
    case EEXIST:
    case ENOTEMPTY:
      return {Code::kAlreadyExists, ""};
    case EACCES:
    case EPERM:
      return {Code::kPermissionDenied, "Check the owner and mode of the file and its directory."};
    case EROFS:
      return {Code::kReadOnly, "Open the store read-only, or remount the file system."};
    case ENOSPC:
    case EDQUOT:
      return {Code::kOutOfSpace, "Free some space (bytes and inodes) and try again."};
    case EFBIG:
      return {Code::kOutOfSpace, "The file may not grow: see the file size limit (ulimit -f)."};
    case EAGAIN:
      return {Code::kBusy, "Another process has it open; close it there, or try again later."};
    case EISDIR:
      return {Code::kInvalidArgument, "It is a directory; name a file."};
    case ENOTDIR:
    case ELOOP:
    case EXDEV:
    case ENAMETOOLONG:
      return {Code::kInvalidArgument, kNotPlain};
    case EINVAL:
      return {Code::kInvalidArgument, ""};  // It means something else to each call.
    case EMFILE:
    case ENFILE:
      return {Code::kResourceExhausted, "Raise the limit on open files (ulimit -n)."};
    case ENOMEM:
      return {Code::kResourceExhausted, "Free memory, or raise the address space limit."};
    case EOPNOTSUPP:
    case ENOSYS:
      return {Code::kUnsupported, ""};
    default:
      return {Code::kIoError, "See the system's log for the disk's own report."};
  }
}

}  // namespace

Error system_error(int error, std::string_view what, const std::string& file) {
  const ErrorMeaning found = meaning(error);
  std::string message = "cannot " + std::string(what) + ": ";
  message += std::generic_category().message(error);
  return Error(found.code, std::move(message)).in_file(file).with_advice(std::string(found.advice));
}

namespace {

// As system_error, for calls that open a name: they answer EINVAL to what is no plain file.
Error opening_error(int error, std::string_view what, const std::string& file) {
  Error made = system_error(error, what, file);
  if (error != EINVAL) return made;
  return std::move(made).with_advice(std::string(kNotPlain));
}

bool aligned_for_direct(std::uint64_t offset, std::span<const Bytes> parts) {
  return std::ranges::all_of(parts, [offset](Bytes part) {
    const auto address = reinterpret_cast<std::uintptr_t>(part.data());
    return (offset | part.size() | address) % kDirectAlignment == 0;
  });
}

// Says that nothing was done: the system has no such call, or a sandbox forbids it.
bool means_absent(int error) { return error == ENOSYS || error == EOPNOTSUPP || error == EPERM; }

}  // namespace

Mapping::Mapping(std::unique_ptr<MappingDriver> driver, std::string name, Counters& counters)
    : driver_(std::move(driver)),
      base_(driver_->base()),
      name_(std::move(name)),
      counters_(counters) {}

Result<void> Mapping::populate(std::uint64_t offset, std::uint64_t size) {
  const SysResult result =
      uninterrupted(counters_, Call::kPopulate, [&] { return driver_->populate(offset, size); });
  if (result.error == 0) return {};
  if (result.error == EINVAL || result.error == ENOSYS) {
    return fail(Code::kUnsupported, "this system can't fetch mapped pages ahead");
  }
  // EFAULT: the range lies behind the file's end, or the disk failed to read it.
  const int error = result.error == EFAULT ? EIO : result.error;
  return fail(system_error(error, "read mapped bytes", name_).at_offset(offset));
}

void Mapping::advise(std::uint64_t offset, std::uint64_t size, Advice advice) {
  counters_.count(Call::kAdvise);
  (void)driver_->advise(offset, size, advice);
}

Result<void> Mapping::lock(std::uint64_t offset, std::uint64_t size) {
  const SysResult result =
      uninterrupted(counters_, Call::kLockMemory, [&] { return driver_->lock(offset, size); });
  if (result.error == ENOMEM || result.error == EAGAIN || result.error == EPERM) {
    return fail(
        Error(Code::kResourceExhausted, "cannot lock " + std::to_string(size) + " bytes in memory")
            .in_file(name_)
            .with_advice("Raise the limit on locked memory (ulimit -l)."));
  }
  if (result.error == EINVAL || result.error == ENOSYS) {
    return fail(Error(Code::kUnsupported, "this system can't lock mapped bytes as they are touched")
                    .in_file(name_));
  }
  return done(result, "lock mapped bytes in memory", name_);
}

File::File(std::unique_ptr<FileDriver> driver, std::string name, Counters& counters, bool direct)
    : driver_(std::move(driver)), name_(std::move(name)), counters_(counters), direct_(direct) {}

Error File::transfer_error(int error, std::string_view what, std::uint64_t offset,
                           std::span<const Bytes> parts) const {
  if (direct_ && error == EINVAL && aligned_for_direct(offset, parts)) {
    return Error(Code::kUnsupported,
                 "this disk has no direct access in blocks of " + std::to_string(kDirectAlignment))
        .in_file(name_)
        .at_offset(offset);
  }
  return system_error(error, what, name_).at_offset(offset);
}

Result<std::size_t> File::read(std::uint64_t offset, MutableBytes into) const {
  std::size_t done_bytes = 0;
  while (done_bytes < into.size()) {
    const SysResult result = uninterrupted(counters_, Call::kRead, [&] {
      return driver_->read(offset + done_bytes, into.subspan(done_bytes));
    });
    if (result.error != 0) {
      const Bytes rest = into.subspan(done_bytes);
      return fail(transfer_error(result.error, "read", offset + done_bytes, std::span(&rest, 1)));
    }
    if (result.value == 0) break;
    done_bytes += static_cast<std::size_t>(result.value);
  }
  return done_bytes;
}

Result<void> File::read_exactly(std::uint64_t offset, MutableBytes into) const {
  CAISSON_ASSIGN_OR_RETURN(const std::size_t count, read(offset, into));
  if (count == into.size()) return {};
  return fail(Error(Code::kCorruption, "the file ends after " + std::to_string(count) + " of " +
                                           std::to_string(into.size()) + " bytes")
                  .in_file(name_)
                  .at_offset(offset));
}

Result<void> File::write(std::uint64_t offset, Bytes from) {
  while (!from.empty()) {
    const SysResult result =
        uninterrupted(counters_, Call::kWrite, [&] { return driver_->write(offset, from); });
    if (result.error != 0 || result.value == 0) {
      const int error = result.error != 0 ? result.error : ENOSPC;
      return fail(transfer_error(error, "write", offset, std::span(&from, 1)));
    }
    offset += static_cast<std::uint64_t>(result.value);
    from = from.subspan(static_cast<std::size_t>(result.value));
  }
  return {};
}

Result<void> File::write_vector(std::uint64_t offset, std::span<const Bytes> parts) {
  std::array<Bytes, kVectorLengthMax> batch;
  std::size_t next = 0;  // The first part of which nothing has been written.
  Bytes rest;            // What a short write left of the part before that.
  while (next < parts.size() || !rest.empty()) {
    std::size_t count = 0;
    if (!rest.empty()) batch[count++] = rest;
    const std::size_t first = next - count;  // The part in batch[0], or the next if none is.
    for (std::size_t i = next; i < parts.size() && count < batch.size(); ++i) {
      batch[count++] = parts[i];
    }
    const SysResult result = uninterrupted(counters_, Call::kWrite, [&] {
      return driver_->write_vector(offset, std::span(batch).first(count));
    });
    if (result.error != 0) {
      return fail(transfer_error(result.error, "write", offset, std::span(batch).first(count)));
    }
    auto written = static_cast<std::size_t>(result.value);
    std::size_t batch_bytes = 0;
    for (std::size_t i = 0; i < count; ++i) batch_bytes += batch[i].size();
    if (written == 0 && batch_bytes != 0) {
      return fail(system_error(ENOSPC, "write", name_).at_offset(offset));
    }
    offset += written;
    std::size_t i = 0;
    while (i < count && written >= batch[i].size()) written -= batch[i++].size();
    rest = i < count ? batch[i].subspan(written) : Bytes{};
    next = i < count ? first + i + 1 : first + i;
  }
  return {};
}

Result<SyncMethod> File::write_and_sync(std::uint64_t offset, std::span<const Bytes> parts,
                                        SyncMethod method) {
  if (method != SyncMethod::kTwoCalls) {
    std::size_t size = 0;
    for (const Bytes part : parts) size += part.size();
    const SysResult result = driver_->write_and_sync(method, offset, parts);
    const auto written = static_cast<std::uint64_t>(result.error == 0 ? result.value : 0);
    counters_.count(Call::kWriteAndSync, written);
    if (result.error == 0 && written == size) return method;
    if (means_absent(result.error)) {
      method = SyncMethod::kTwoCalls;
    } else if (result.error != 0) {
      return fail(transfer_error(result.error, "write and flush", offset, parts));
    }
    // Cut short, it is all written once more: a rest would need the same loop as a vector's.
  }
  CAISSON_RETURN_IF_ERROR(write_vector(offset, parts));
  CAISSON_RETURN_IF_ERROR(sync_data());
  return method;
}

Result<void> File::sync_data() {
  // Not repeated when interrupted: a flush that stopped has told us nothing.
  counters_.count(Call::kSyncData);
  return done(driver_->sync_data(), "flush", name_);
}

Result<void> File::sync_all() {
  counters_.count(Call::kSyncAll);
  return done(driver_->sync_all(), "flush", name_);
}

Result<void> File::allocate(std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return {};  // Linux refuses it.
  return done(
      uninterrupted(counters_, Call::kAllocate, [&] { return driver_->allocate(offset, size); }),
      "make room", name_);
}

Result<void> File::truncate(std::uint64_t size) {
  return done(uninterrupted(counters_, Call::kTruncate, [&] { return driver_->truncate(size); }),
              "change the size", name_);
}

Result<std::uint64_t> File::size() const {
  const SysResult result = uninterrupted(counters_, Call::kSize, [&] { return driver_->size(); });
  CAISSON_RETURN_IF_ERROR(done(result, "find the size", name_));
  return static_cast<std::uint64_t>(result.value);
}

Result<FileIdentity> File::identity() const {
  FileIdentity identity;
  const SysResult result =
      uninterrupted(counters_, Call::kIdentity, [&] { return driver_->identity(identity); });
  CAISSON_RETURN_IF_ERROR(done(result, "look at the file", name_));
  return identity;
}

Result<void> File::try_lock(LockKind kind, std::uint64_t offset, std::uint64_t size) {
  SysResult result =
      uninterrupted(counters_, Call::kLock, [&] { return driver_->try_lock(kind, offset, size); });
  // POSIX lets a lock that is held be reported as either.
  if (result.error == EACCES) result.error = EAGAIN;
  return done(result, "lock", name_);
}

Result<void> File::unlock(std::uint64_t offset, std::uint64_t size) {
  return done(
      uninterrupted(counters_, Call::kUnlock, [&] { return driver_->unlock(offset, size); }),
      "unlock", name_);
}

Result<bool> File::is_locked(std::uint64_t offset, std::uint64_t size) const {
  const SysResult result =
      uninterrupted(counters_, Call::kFindLock, [&] { return driver_->find_lock(offset, size); });
  CAISSON_RETURN_IF_ERROR(done(result, "look for locks", name_));
  return result.value != 0;
}

void File::advise(std::uint64_t offset, std::uint64_t size, Advice advice) {
  counters_.count(Call::kAdvise);
  (void)driver_->advise(offset, size, advice);
}

Result<std::unique_ptr<Mapping>> File::map(std::uint64_t size) {
  counters_.count(Call::kMap);
  int error = 0;
  std::unique_ptr<MappingDriver> mapping = driver_->map(size, error);
  if (mapping == nullptr) return fail(system_error(error, "map", name_));
  return std::make_unique<Mapping>(std::move(mapping), name_, counters_);
}

Directory::Directory(std::unique_ptr<DirectoryDriver> driver, std::string name, Counters& counters)
    : driver_(std::move(driver)), name_(std::move(name)), counters_(counters) {}

Result<std::unique_ptr<File>> Directory::open_file(const std::string& name, OpenOptions options) {
  CAISSON_RETURN_IF_ERROR(check_name(name));
  std::unique_ptr<FileDriver> driver;
  const SysResult result = uninterrupted(counters_, Call::kOpen, [&] {
    SysResult opened;
    driver = driver_->open_file(name, options.mode, options.direct, opened.error);
    return opened;
  });
  if (driver == nullptr) {
    if (options.direct && result.error == EINVAL) {
      return fail(Error(Code::kUnsupported, "this file system has no direct access").in_file(name));
    }
    return fail(
        opening_error(result.error, options.mode == OpenMode::kCreate ? "create" : "open", name));
  }
  return std::make_unique<File>(std::move(driver), name, counters_, options.direct);
}

Result<std::unique_ptr<Directory>> Directory::open_directory(const std::string& name) {
  CAISSON_RETURN_IF_ERROR(check_name(name));
  std::unique_ptr<DirectoryDriver> driver;
  const SysResult result = uninterrupted(counters_, Call::kOpen, [&] {
    SysResult opened;
    driver = driver_->open_directory(name, opened.error);
    return opened;
  });
  if (driver == nullptr) return fail(opening_error(result.error, "open the directory", name));
  return std::make_unique<Directory>(std::move(driver), name, counters_);
}

Result<void> Directory::make_directory(const std::string& name) {
  CAISSON_RETURN_IF_ERROR(check_name(name));
  return done(
      uninterrupted(counters_, Call::kMakeDirectory, [&] { return driver_->make_directory(name); }),
      "make the directory", name);
}

Result<void> Directory::rename(const std::string& from, const std::string& to,
                               IfTargetExists policy) {
  CAISSON_RETURN_IF_ERROR(check_name(from));
  CAISSON_RETURN_IF_ERROR(check_name(to));
  return done(
      uninterrupted(counters_, Call::kRename,
                    [&] { return driver_->rename(from, to, policy == IfTargetExists::kReplace); }),
      "rename to " + to, from);
}

Result<void> Directory::unlink(const std::string& name) {
  CAISSON_RETURN_IF_ERROR(check_name(name));
  return done(uninterrupted(counters_, Call::kUnlink, [&] { return driver_->unlink(name); }),
              "remove", name);
}

Result<void> Directory::remove_directory(const std::string& name) {
  CAISSON_RETURN_IF_ERROR(check_name(name));
  return done(
      uninterrupted(counters_, Call::kUnlink, [&] { return driver_->remove_directory(name); }),
      "remove the directory", name);
}

Result<std::vector<std::string>> Directory::list() const {
  std::vector<std::string> names;
  const SysResult result = uninterrupted(counters_, Call::kList, [&] {
    names.clear();
    return driver_->list(names);
  });
  CAISSON_RETURN_IF_ERROR(done(result, "list the directory", name_));
  std::ranges::sort(names);
  return names;
}

Result<void> Directory::sync() {
  counters_.count(Call::kSyncDirectory);
  return done(driver_->sync(), "flush the directory", name_);
}

Result<FileSystemKind> Directory::file_system() const {
  FileSystemKind kind = FileSystemKind::kLocal;
  const SysResult result =
      uninterrupted(counters_, Call::kStatFileSystem, [&] { return driver_->file_system(kind); });
  CAISSON_RETURN_IF_ERROR(done(result, "look at the file system", name_));
  return kind;
}

Result<void> Vfs::random(MutableBytes into) {
  while (!into.empty()) {
    const SysResult result = uninterrupted(counters_, Call::kRandom, [&] { return draw(into); });
    CAISSON_RETURN_IF_ERROR(done(result, "draw random bytes", "getrandom"));
    into = into.subspan(static_cast<std::size_t>(result.value));
  }
  return {};
}

}  // namespace caisson::io

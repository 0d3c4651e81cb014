// What an implementation of the file system has to provide: one method for each system call.
//
// The loops over short and interrupted calls, the errors with their places, and the counters are
// written once, above this seam, in File and Directory. So the simulated file system exercises
// the very code that runs on the real one.
//
// Methods return what the system call returns: a value, or an errno. They may stop short (read
// and write) and may return EINTR. Positional calls on one driver may run at the same time.

#ifndef CAISSON_IO_DRIVER_H_
#define CAISSON_IO_DRIVER_H_

#include <caisson/types.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace caisson::io {

// The outcome of one system call: `error` is 0 or an errno, and then `value` means nothing.
struct SysResult {
  std::int64_t value = 0;
  int error = 0;
};

// The longest vector that write_vector is given. Linux takes 1,024; beyond some dozens nothing
// is gained.
inline constexpr std::size_t kVectorLengthMax = 256;

enum class OpenMode : std::uint8_t {
  kRead,       // An existing file, to read.
  kReadWrite,  // An existing file, to read and write.
  kCreate,     // A new file, to read and write; EEXIST if the name is taken.
};

enum class Advice : std::uint8_t {
  kRandom,      // Reads will jump about: don't read ahead.
  kSequential,  // Reads will go upwards: read ahead.
  kWillNeed,    // This range will be read soon: fetch it.
  kDontNeed,    // Drop what the page cache holds of this range, as far as it is clean.
};

enum class LockKind : std::uint8_t { kShared, kExclusive };

// How a write is made durable.
enum class SyncMethod : std::uint8_t {
  kTwoCalls,  // A write, and a flush of the file behind it.
  kDsync,     // A write that returns when its bytes are durable: RWF_DSYNC.
  kUring,     // A write and a flush that are handed over together: io_uring.
};

// Tells files apart, whatever names they have. It may come again once the file is gone: removed,
// and open nowhere.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

// What kind of file system holds a directory.
enum class FileSystemKind : std::uint8_t {
  kLocal,    // A local disk file system or memory: mapping and locks can be trusted.
  kNetwork,  // NFS, SMB, 9p, FUSE and the like: neither can.
};

// A read-only view of a file at a fixed address. The address range is as long as was asked for,
// whatever the file's size, and the base never moves. Bytes beyond the file's end must not be
// touched. Unmapped when destroyed.
class MappingDriver {
 public:
  virtual ~MappingDriver() = default;
  virtual const std::byte* base() const = 0;
  virtual std::uint64_t size() const = 0;

  // Fetches the range and maps it, so that touching it can't fault: an I/O error is an error
  // here (EFAULT or EIO) and not a signal later. ENOSYS or EINVAL where the system can't.
  virtual SysResult populate(std::uint64_t offset, std::uint64_t size) = 0;
  virtual SysResult advise(std::uint64_t offset, std::uint64_t size, Advice advice) = 0;

  // Keeps what is touched of the range in memory from then on, until the mapping goes. ENOMEM,
  // EAGAIN or EPERM beyond what the process may lock; ENOSYS or EINVAL where the system can't.
  virtual SysResult lock(std::uint64_t offset, std::uint64_t size) = 0;
};

class FileDriver {
 public:
  // Closes the file and with it releases its locks.
  virtual ~FileDriver() = default;
  virtual SysResult read(std::uint64_t offset, MutableBytes into) = 0;
  virtual SysResult write(std::uint64_t offset, Bytes from) = 0;
  virtual SysResult write_vector(std::uint64_t offset, std::span<const Bytes> from) = 0;

  // Writes, and makes durable what it wrote, but no other bytes: in one call, as `method` says,
  // which is not kTwoCalls. What it returns is how much that was. ENOSYS, EOPNOTSUPP or EPERM, with
  // nothing done, where the system has no such call or a sandbox forbids it.
  virtual SysResult write_and_sync(SyncMethod /*method*/, std::uint64_t /*offset*/,
                                   std::span<const Bytes> /*from*/) {
    return {0, ENOSYS};
  }

  virtual SysResult sync_data() = 0;
  virtual SysResult sync_all() = 0;

  // Makes room for the range and grows the file to its end if it is shorter; reads as zeros.
  virtual SysResult allocate(std::uint64_t offset, std::uint64_t size) = 0;
  virtual SysResult truncate(std::uint64_t size) = 0;
  virtual SysResult size() = 0;
  virtual SysResult identity(FileIdentity& identity) = 0;

  // Open-file-description locks: they end with this driver, and closing another descriptor of
  // the file does not drop them. EAGAIN when another holds a lock that conflicts.
  virtual SysResult try_lock(LockKind kind, std::uint64_t offset, std::uint64_t size) = 0;
  virtual SysResult unlock(std::uint64_t offset, std::uint64_t size) = 0;

  // 1 where somebody else holds a lock on a byte of the range, of either kind; else 0.
  virtual SysResult find_lock(std::uint64_t offset, std::uint64_t size) = 0;
  virtual SysResult advise(std::uint64_t offset, std::uint64_t size, Advice advice) = 0;

  // Maps the file over `size` bytes of addresses. Null, with the errno in `error`, on failure.
  virtual std::unique_ptr<MappingDriver> map(std::uint64_t size, int& error) = 0;
};

class DirectoryDriver {
 public:
  virtual ~DirectoryDriver() = default;

  // Names are single components. Links are not followed; what is not a plain file is refused
  // (EISDIR for a directory, EINVAL otherwise). `direct` asks for reads and writes past the
  // page cache: EINVAL where the file system has none. Some say so only when they are used.
  virtual std::unique_ptr<FileDriver> open_file(const std::string& name, OpenMode mode, bool direct,
                                                int& error) = 0;
  virtual std::unique_ptr<DirectoryDriver> open_directory(const std::string& name, int& error) = 0;
  virtual SysResult make_directory(const std::string& name) = 0;

  // Without `replace`, EEXIST when the target exists.
  virtual SysResult rename(const std::string& from, const std::string& to, bool replace) = 0;
  virtual SysResult unlink(const std::string& name) = 0;

  // ENOTEMPTY where something is in it.
  virtual SysResult remove_directory(const std::string& name) = 0;
  virtual SysResult list(std::vector<std::string>& names) = 0;
  virtual SysResult sync() = 0;
  virtual SysResult file_system(FileSystemKind& kind) = 0;
};

}  // namespace caisson::io

#endif  // CAISSON_IO_DRIVER_H_

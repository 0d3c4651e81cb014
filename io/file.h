// Files, directories and mappings: the one way from Caisson to bytes on a disk.
//
// Reads and writes are positional and complete: they loop over short and interrupted calls.
// Errors name the file, the offset and what the user can do. Nothing here keeps a position or a
// buffer, so every method of a File may be called from several threads at once; what two
// overlapping writes leave is up to the system.

#ifndef CAISSON_IO_FILE_H_
#define CAISSON_IO_FILE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/counters.h"
#include "io/driver.h"

namespace caisson::io {

// Direct reads and writes need offset, size and memory aligned to this. A power of two that the
// sector sizes of nearly all disks divide.
inline constexpr std::size_t kDirectAlignment = 4096;

// The error for a failed system call. `what` is a verb phrase: "read", "flush the directory".
Error system_error(int error, std::string_view what, const std::string& file);

// A read-only view of a file at an address that never moves. See MappingDriver.
// Thread-safe. The bytes live as long as this object.
class Mapping {
 public:
  Mapping(std::unique_ptr<MappingDriver> driver, std::string name, Counters& counters);

  const std::byte* base() const { return base_; }
  std::uint64_t size() const { return driver_->size(); }

  // Makes the range safe to touch. kIoError when the disk can't give it (the file was truncated
  // behind our back, a medium error); kUnsupported where the system can't tell: then read the
  // range through File::read first.
  Result<void> populate(std::uint64_t offset, std::uint64_t size);

  // A hint; failures are of no consequence and are not reported.
  void advise(std::uint64_t offset, std::uint64_t size, Advice advice);

  // Keeps in memory what is touched of the range from now on, so that nothing that was read once
  // has to be read again: all of the range, or none. kResourceExhausted beyond what the process may
  // lock (ulimit -l), kUnsupported where the system can't.
  Result<void> lock(std::uint64_t offset, std::uint64_t size);

 private:
  std::unique_ptr<MappingDriver> driver_;
  const std::byte* base_;
  std::string name_;
  Counters& counters_;
};

// An open file. Closed, and its locks released, when destroyed.
class File {
 public:
  // `direct` says that the driver goes past the page cache.
  File(std::unique_ptr<FileDriver> driver, std::string name, Counters& counters,
       bool direct = false);

  // The name it was opened by, for errors.
  const std::string& name() const { return name_; }

  // Reads until `into` is full or the file ends; returns how many bytes were read. kUnsupported,
  // here and from write(), where a direct file's disk has larger blocks than kDirectAlignment.
  Result<std::size_t> read(std::uint64_t offset, MutableBytes into) const;

  // Reads exactly `into.size()` bytes; kCorruption when the file ends before.
  Result<void> read_exactly(std::uint64_t offset, MutableBytes into) const;

  // Writes all of it. On an error some of it may have been written.
  Result<void> write(std::uint64_t offset, Bytes from);

  // Writes the parts one behind the other, in as few calls as the system allows.
  Result<void> write_vector(std::uint64_t offset, std::span<const Bytes> parts);

  // Writes the parts one behind the other and makes them durable, but no bytes of other writes.
  // Returns the way it went: `method`, or kTwoCalls where the system hasn't that. Never retried:
  // after an error, nothing is known about these bytes nor about any earlier write. With kUring,
  // calls for one file wait for each other.
  Result<SyncMethod> write_and_sync(std::uint64_t offset, std::span<const Bytes> parts,
                                    SyncMethod method);

  // Makes the file's bytes and its size durable (sync_data), or its other attributes, too
  // (sync_all). Never retried: after a failure nothing is known about any earlier write.
  Result<void> sync_data();
  Result<void> sync_all();

  // Makes room for [offset, offset + size), and grows the file if it ends before. Fresh bytes
  // are zero. kOutOfSpace when there is none; the file may then have grown in part.
  Result<void> allocate(std::uint64_t offset, std::uint64_t size);

  Result<void> truncate(std::uint64_t size);
  Result<std::uint64_t> size() const;

  // What tells this file from all others, whatever its name means by now.
  Result<FileIdentity> identity() const;

  // Takes a lock on a byte range, for this File as a whole: kBusy when another File, of this or
  // another process, holds one that conflicts. Ends with unlock or with the File.
  Result<void> try_lock(LockKind kind, std::uint64_t offset, std::uint64_t size);
  Result<void> unlock(std::uint64_t offset, std::uint64_t size);

  // Whether another File, of this or another process, holds a lock of either kind on a byte of the
  // range now.
  Result<bool> is_locked(std::uint64_t offset, std::uint64_t size) const;

  // A hint; failures are of no consequence and are not reported.
  void advise(std::uint64_t offset, std::uint64_t size, Advice advice);

  // Maps the file over `size` bytes of addresses, which may be far more than the file has.
  Result<std::unique_ptr<Mapping>> map(std::uint64_t size);

 private:
  Error transfer_error(int error, std::string_view what, std::uint64_t offset,
                       std::span<const Bytes> parts) const;

  std::unique_ptr<FileDriver> driver_;
  std::string name_;
  Counters& counters_;
  bool direct_;
};

struct OpenOptions {
  OpenMode mode = OpenMode::kRead;
  bool direct = false;  // Past the page cache; kUnsupported where the file system can't.
};

// An open directory. Every name is a single component; anything else is kInvalidArgument.
// Thread-safe.
class Directory {
 public:
  Directory(std::unique_ptr<DirectoryDriver> driver, std::string name, Counters& counters);

  const std::string& name() const { return name_; }

  // Opens a file beneath this directory. New files have mode 0600. Links are never followed.
  // Errors: kNotFound, kAlreadyExists, kInvalidArgument (not a plain file), kPermissionDenied,
  // kReadOnly, kOutOfSpace, kUnsupported, kIoError.
  Result<std::unique_ptr<File>> open_file(const std::string& name, OpenOptions options);

  Result<std::unique_ptr<Directory>> open_directory(const std::string& name);

  // Makes a directory of mode 0700. Durable after sync().
  Result<void> make_directory(const std::string& name);

  // Gives a file or directory a new name, atomically. Durable after sync(). kAlreadyExists when the
  // target exists and is not to be replaced, or is a directory with something in it.
  enum class IfTargetExists : std::uint8_t { kFail, kReplace };
  Result<void> rename(const std::string& from, const std::string& to, IfTargetExists policy);

  Result<void> unlink(const std::string& name);

  // Removes a directory. kAlreadyExists where something is in it. Counts as an unlink.
  Result<void> remove_directory(const std::string& name);

  // The names in it, sorted, without "." and "..".
  Result<std::vector<std::string>> list() const;

  // Makes creations, renames and unlinks durable. Never retried.
  Result<void> sync();

  Result<FileSystemKind> file_system() const;

 private:
  std::unique_ptr<DirectoryDriver> driver_;
  std::string name_;
  Counters& counters_;
};

}  // namespace caisson::io

#endif  // CAISSON_IO_FILE_H_

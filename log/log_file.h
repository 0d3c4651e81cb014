// The files of the commit log: their names, their headers, how they are made and removed
// (spec/commit_log.md, section 1).

#ifndef CAISSON_LOG_LOG_FILE_H_
#define CAISSON_LOG_LOG_FILE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace caisson::log {

// The directory of the log within a store's.
inline constexpr const char* kLogDirectoryName = "log";

inline constexpr std::size_t kFileHeaderSize = 4096;
inline constexpr std::uint64_t kFileSizeMin = std::uint64_t{64} << 10U;
inline constexpr std::uint64_t kFileSizeMax = std::uint64_t{1} << 40U;

// Whether it is one of these two, of any number.
bool is_log_file_name(std::string_view name);

struct FileHeader {
  Uuid uuid;
  std::uint64_t sequence = 0;
  std::uint64_t size = 0;

  friend bool operator==(const FileHeader&, const FileHeader&) = default;
};

// The name of a log file, and the one that it has while it is made.
std::string file_name(std::uint64_t sequence);
std::string new_file_name(std::uint64_t sequence);

// The number of a log file of that name; none if no log file has it.
std::optional<std::uint64_t> sequence_of(std::string_view name);

// REQUIRES: 4,096 bytes; a header as LOG-1 asks.
void encode_file_header(const FileHeader& header, MutableBytes block);

// Checks LOG-1 but for UUID and sequence. kCorruption; kUnsupportedVersion.
Result<FileHeader> decode_file_header(Bytes block);

// A log file that is open, and how long its header says that it is.
struct LogFile {
  std::unique_ptr<io::File> file;
  std::uint64_t size = 0;
  bool direct = false;  // Past the page cache.
};

enum class FileAccess : std::uint8_t {
  kRead,        // Through the page cache.
  kReadDirect,  // Past it; through it where the file system can't, or says so when it is read.
  kWrite,
  kWriteDirect,  // Past the page cache. kUnsupported where the file system can't.
};

// The directory of a store's log. Thread-safe.
class LogDirectory {
 public:
  LogDirectory(std::unique_ptr<io::Directory> directory, const Uuid& uuid)
      : directory_(std::move(directory)), uuid_(uuid) {}

  // Opens the log of a store. kNotFound if the store has none.
  static Result<std::unique_ptr<LogDirectory>> open(io::Directory& store, const Uuid& uuid);

  const Uuid& uuid() const { return uuid_; }

  // The numbers of the files that there are, in order. Lists the directory.
  Result<std::vector<std::uint64_t>> files() const;

  // Opens a file and checks LOG-1. kNotFound if there is none; kCorruption, kWrongStore,
  // kUnsupportedVersion; otherwise as io::Directory::open_file. With kReadDirect the header is read
  // through the page cache: no record is in a file whose header isn't durable (LOG-2).
  Result<LogFile> open_file(std::uint64_t sequence, FileAccess access) const;

  // The same without looking into it: its size is what the file system says.
  Result<LogFile> open_unchecked(std::uint64_t sequence, FileAccess access) const;

  // Opens a file to write whose header is durable, since there are records in it, or it is the
  // first one: as kWriteDirect, or kWrite where not `direct`, but with the header read through the
  // page cache where a direct read of the log has succeeded.
  Result<LogFile> open_to_resume(std::uint64_t sequence, bool direct) const;

  // A direct read of one of the files has succeeded.
  void note_direct_read() const { reads_directly_.store(true, std::memory_order_relaxed); }

  // Whether a file is as long as its header says, if that is whole: kCorruption (LOG-1).
  Result<void> check_length(std::uint64_t sequence) const;

  // Makes a file, whole and durable, or none: out of `recycled`, a file that is needed no more and
  // at least that large, or anew, of zeros. kOutOfSpace; kAlreadyExists.
  Result<void> make_file(std::uint64_t sequence, std::uint64_t size,
                         std::optional<std::uint64_t> recycled = std::nullopt);

  Result<void> remove_file(std::uint64_t sequence);

  // Removes what was being made when an earlier process ended.
  Result<void> remove_unfinished();

  // Makes names durable.
  Result<void> sync() { return directory_->sync(); }

 private:
  Result<void> write_file(const std::string& name, const FileHeader& header, bool zeros);

  Result<LogFile> open_checked(std::uint64_t sequence, FileAccess access) const;

  std::unique_ptr<io::Directory> directory_;
  Uuid uuid_;
  mutable std::atomic<bool> reads_directly_{false};
};

}  // namespace caisson::log

#endif  // CAISSON_LOG_LOG_FILE_H_

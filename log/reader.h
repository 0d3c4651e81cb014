// Reading a log forward, record by record: spec/commit_log.md, sections 2 and 6.

#ifndef CAISSON_LOG_READER_H_
#define CAISSON_LOG_READER_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "base/log_position.h"
#include "base/result.h"
#include "io/memory.h"
#include "log/log_file.h"
#include "log/record.h"

namespace caisson::log {

// Bytes of a log, file by file, with one buffer. Used by one thread.
class LogBytes {
 public:
  LogBytes(const LogDirectory& directory, FileAccess access);

  const LogDirectory& directory() const { return *directory_; }
  FileAccess access() const { return access_; }

  // Opens a file, unless it is open, and checks LOG-1. kNotFound if there is none. After an error
  // none is open.
  Result<void> open(std::uint64_t sequence);

  // The same, whatever its header says; and then its size is what the file system says.
  Result<void> open_unchecked(std::uint64_t sequence);

  // The size of the open file, and its number; 0: none is open.
  std::uint64_t file_size() const { return file_.size; }
  std::uint64_t sequence() const { return sequence_; }

  // Bytes of the open file from `offset` on: at least `size`, unless the file ends before. Valid
  // until the next call. REQUIRES: size <= kRecordSizeMax.
  Result<Bytes> read(std::uint64_t offset, std::size_t size);

  // Whether all files so far were read past the page cache.
  bool past_cache() const { return past_cache_; }

  // Forgets what it has read: the log may have grown.
  void refresh() { buffered_ = 0; }

 private:
  Result<void> fill(std::uint64_t begin, std::uint64_t end);
  Result<void> give_up_direct();

  const LogDirectory* directory_;
  FileAccess access_;
  LogFile file_;
  bool past_cache_ = true;
  std::uint64_t sequence_ = 0;
  io::AlignedBuffer buffer_;
  std::size_t next_read_;
  std::uint64_t buffer_offset_ = 0;
  std::size_t buffered_ = 0;
};

// Follows the chain of records (LOG-4 to LOG-8) behind a place that is known to be right.
//
// next() returns none where the chain ends, for whatever reason; asked again, it looks again, so a
// reader can follow a log that grows. Used by one thread.
class LogReader {
 public:
  // Whether somebody may write the log: then what has been read ahead is read again before it is
  // said that nothing comes.
  enum class Log : std::uint8_t { kGrowing, kStill };

  // Begins behind the record of commit `txn`, at `position` (all zeros: at the log's first record,
  // with txn 0). The directory outlives the reader.
  LogReader(const LogDirectory& directory, FileAccess access, TxnId txn,
            const LogPosition& position, Log log = Log::kGrowing);

  // The next record. Its payload is valid until the next call. Errors: kIoError, and what opening
  // a file may say, where the chain goes on there.
  Result<std::optional<Record>> next();

  // Forgets what it has read ahead: what was not durable then may be something else now.
  void refresh() { bytes_.refresh(); }

  // The last commit that is whole, and the place behind it.
  TxnId txn() const { return txn_; }
  const LogPosition& position() const { return committed_; }

  // The chain of records at some place.
  struct Chain {
    LogPosition position;  // Where the next record may begin at once, and what came before it.
    Place previous;        // The record before it; zeros where that isn't known.
    std::uint32_t next_part = 0;
    TxnId acknowledged{};
  };

  // Behind the last record.
  const Chain& chain() const { return chain_; }

  // Where a new epoch goes on (RECOVER-4): behind the last commit or mark, but before a mark that
  // says that the store was closed.
  const Chain& resume() const { return resume_; }

  // Whether all files so far were read past the page cache.
  bool past_cache() const { return bytes_.past_cache(); }

  // Whether the last record is a mark that says that the store was closed.
  bool closed() const { return closed_; }

 private:
  enum class Wanted : std::uint8_t { kAny, kEpoch };

  Result<std::optional<Record>> find_next();
  bool has_room(const Place& place) const;
  Result<std::optional<Record>> new_epoch_at(const Place& place);
  Result<std::optional<Record>> next_in_file();
  Result<std::optional<Record>> record_behind(std::uint64_t batch);
  Result<std::optional<Record>> linked_at(const Place& place);
  Result<std::optional<Record>> record_at(const Place& place, Wanted wanted);
  bool is_linked(const Record& record, const Chain& chain) const;
  Hash128 hash_behind(const Record& record, const Chain& chain) const;
  void accept(const Record& record);

  LogBytes bytes_;
  Log log_;
  std::uint32_t seed_;
  TxnId txn_;
  LogPosition committed_;
  Chain chain_;
  Chain resume_;
  bool closed_ = false;
};

}  // namespace caisson::log

#endif  // CAISSON_LOG_READER_H_

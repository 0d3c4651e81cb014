// The file LOCK: who writes a store, and who reads it in whatever process (spec/store.md,
// section 7).

#ifndef CAISSON_MVCC_LOCK_FILE_H_
#define CAISSON_MVCC_LOCK_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "io/file.h"
#include "io/memory.h"

namespace caisson::mvcc {

inline constexpr const char* kLockFileName = "LOCK";
inline constexpr std::size_t kLockRecordSize = 64;
inline constexpr std::size_t kReadersMax = 126;

// The bytes that are locked by the writer, and by readers that can't write a record.
inline constexpr std::uint64_t kWriterByte = 0;
inline constexpr std::uint64_t kAnonymousByte = 64;

// A record: of the writer, or of a reader.
struct LockRecord {
  TxnId txn{};                 // The last commit that is durable; or the checkpoint that is read.
  std::uint64_t log_file = 0;  // The first log file that a reader still needs.

  friend bool operator==(const LockRecord&, const LockRecord&) = default;
};

// What a reader says that needs no log file; and one that reads no checkpoint, but the log alone.
inline constexpr std::uint64_t kNoLogFile = ~std::uint64_t{0};
inline constexpr TxnId kNoCheckpoint{~std::uint64_t{0}};

// REQUIRES: kLockRecordSize bytes.
void encode_lock_record(const LockRecord& record, const Uuid& uuid, MutableBytes bytes);

// None where the bytes are no record of this store (LOCK-1).
std::optional<LockRecord> decode_lock_record(Bytes bytes, const Uuid& uuid);

// What readers need, those in this process included.
struct ReaderNeeds {
  std::vector<TxnId> checkpoints = {};
  std::uint64_t first_log_file = kNoLogFile;
  std::uint64_t feeds = 0;  // Who read no checkpoint.

  // Somebody has not said yet what it reads, or can't.
  bool anything = false;
};

// A reader as others see it: the byte that it has locked, and what it says; none: nothing yet, or
// nothing ever, at kAnonymousByte, where there may be several.
struct SeenReader {
  std::uint64_t offset = 0;
  std::optional<LockRecord> record;
};

// Held by whoever makes or writes the store. Thread-safe.
class WriterLock {
 public:
  ~WriterLock();
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

  // Takes the lock; makes the file where there is none. kBusy where another has it.
  static Result<std::unique_ptr<WriterLock>> take(io::Directory& directory);

  // LOCK-2: says nothing; or that commits up to `txn` are durable.
  Result<void> say_nothing();
  Result<void> say_durable(const Uuid& uuid, TxnId txn);

  // Who reads now. One system call where nobody does.
  Result<ReaderNeeds> readers(const Uuid& uuid) const;

 private:
  explicit WriterLock(std::unique_ptr<io::File> file) : file_(std::move(file)) {}

  std::unique_ptr<io::File> file_;
  io::ForkMark fork_mark_;
};

// A reader's place in the file, held until this is destroyed. Thread-safe.
class ReaderLock {
 public:
  ~ReaderLock();
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

  // V1: takes a record that nobody has; from then on everything is kept for this reader.
  // kResourceExhausted where kReadersMax have one. Where the file can't be written, or isn't there
  // and can't be made: VIEW-5.
  static Result<std::unique_ptr<ReaderLock>> take(io::Directory& directory);

  // V3: says what is read; or, before V2, nothing. Does nothing where there is no record.
  Result<void> say(const Uuid& uuid, const LockRecord& record);
  Result<void> say_nothing();

  // POSITION-4: nobody else has that position until this is destroyed. kBusy where somebody has.
  // Who can't write the file shares it with others that can't. Called once.
  Result<void> lock_position(std::uint64_t position);

  // Whether the store is open for writing, and what its writer says is durable.
  Result<bool> has_writer() const;
  Result<std::optional<TxnId>> durable(const Uuid& uuid) const;

  // All readers but this one, in whatever process.
  Result<std::vector<SeenReader>> others(const Uuid& uuid) const;

 private:
  static Result<std::unique_ptr<ReaderLock>> take_anonymous(io::Directory& directory);

  ReaderLock(std::unique_ptr<io::File> file, std::optional<std::size_t> reader)
      : file_(std::move(file)), reader_(reader) {}

  std::unique_ptr<io::File> file_;     // Null: unseen by anybody.
  std::optional<std::size_t> reader_;  // None: without a record.
  std::optional<std::uint64_t> position_byte_;
  io::ForkMark fork_mark_;
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_LOCK_FILE_H_

#include "mvcc/lock_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/codec.h"
#include "base/crc32c.h"

namespace caisson::mvcc {
namespace {

constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kCheckedSize = 48;

constexpr std::uint64_t kReadersBegin = 128;
constexpr std::uint64_t kReadersSize = kReadersMax * kLockRecordSize;

constexpr std::uint64_t kFileSize = kReadersBegin + kReadersSize;

// Far behind the file's end: a byte for each position, of which nothing but the lock is used.
constexpr std::uint64_t kPositionsBegin = std::uint64_t{1} << 62U;

using RecordBytes = std::array<std::byte, kLockRecordSize>;

constexpr std::uint64_t offset_of(std::size_t reader) {
  return kReadersBegin + reader * kLockRecordSize;
}

std::uint32_t checksum_of(Bytes bytes) {
  const std::uint32_t checksum = crc32c(bytes.subspan(4, kCheckedSize - 4));
  return checksum == 0 ? ~std::uint32_t{0} : checksum;
}

// What the file lacks is zeros.
Result<std::optional<LockRecord>> read_record(const io::File& file, std::uint64_t offset,
                                              const Uuid& uuid) {
  RecordBytes bytes{};
  CAISSON_RETURN_IF_ERROR(file.read(offset, bytes));
  return decode_lock_record(bytes, uuid);
}

// Those that `file` doesn't hold a lock for itself. One system call where there are none.
Result<std::vector<SeenReader>> seen_readers(const io::File& file, const Uuid& uuid) {
  std::vector<SeenReader> seen;
  CAISSON_ASSIGN_OR_RETURN(
      const bool any,
      file.is_locked(kAnonymousByte, kReadersBegin - kAnonymousByte + kReadersSize));
  if (!any) return seen;
  CAISSON_ASSIGN_OR_RETURN(const bool anonymous, file.is_locked(kAnonymousByte, 1));
  if (anonymous) seen.push_back({.offset = kAnonymousByte, .record = {}});
  for (std::size_t reader = 0; reader < kReadersMax; ++reader) {
    const std::uint64_t offset = offset_of(reader);
    CAISSON_ASSIGN_OR_RETURN(const bool locked, file.is_locked(offset, 1));
    if (!locked) continue;
    CAISSON_ASSIGN_OR_RETURN(const auto record, read_record(file, offset, uuid));
    seen.push_back({.offset = offset, .record = record});
  }
  return seen;
}

Result<std::unique_ptr<io::File>> open_or_make(io::Directory& directory) {
  auto file = directory.open_file(kLockFileName, {.mode = io::OpenMode::kReadWrite});
  if (file || file.error().code() != Code::kNotFound) return file;
  file = directory.open_file(kLockFileName, {.mode = io::OpenMode::kCreate});
  if (file || file.error().code() != Code::kAlreadyExists) return file;
  return directory.open_file(kLockFileName, {.mode = io::OpenMode::kReadWrite});
}

// A reader then does without a record.
bool forbids_writing(Code code) {
  return code == Code::kPermissionDenied || code == Code::kReadOnly || code == Code::kOutOfSpace;
}

}  // namespace

void encode_lock_record(const LockRecord& record, const Uuid& uuid, MutableBytes bytes) {
  Encoder out(bytes);
  out.u32(0);
  out.u32(kVersion);
  out.bytes(uuid.bytes);
  out.u64(to_u64(record.txn));
  out.u64(record.log_file);
  out.zeros(kLockRecordSize - 40);
  store_u32(bytes.data(), checksum_of(bytes));
}

std::optional<LockRecord> decode_lock_record(Bytes bytes, const Uuid& uuid) {
  Decoder in(bytes);
  const std::uint32_t checksum = in.u32();
  const std::uint32_t version = in.u32();
  const Uuid owner = in.uuid();
  const LockRecord record{.txn = TxnId{in.u64()}, .log_file = in.u64()};
  if (!in.ok() || bytes.size() < kLockRecordSize || checksum != checksum_of(bytes) ||
      version != kVersion || owner != uuid) {
    return std::nullopt;
  }
  return record;
}

// --- The writer ----------------------------------------------------------------------------------

// In so many words: a child that was forked off has the file open as well, and would keep the lock.
WriterLock::~WriterLock() {
  if (fork_mark_.in_parent()) (void)file_->unlock(kWriterByte, 1);
}

Result<std::unique_ptr<WriterLock>> WriterLock::take(io::Directory& directory) {
  CAISSON_ASSIGN_OR_RETURN(auto file, open_or_make(directory));
  auto locked = file->try_lock(io::LockKind::kExclusive, kWriterByte, 1);
  if (!locked && locked.error().code() == Code::kBusy) {
    return fail(Error(Code::kBusy, "the store is open for writing elsewhere")
                    .in_file(kLockFileName)
                    .with_advice("Close it there first; or open it read-only."));
  }
  CAISSON_RETURN_IF_ERROR(locked);
  // Made while there is room, so that a store can be opened on a disk that is full.
  CAISSON_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
  if (size < kFileSize) CAISSON_RETURN_IF_ERROR(file->allocate(0, kFileSize));
  return std::unique_ptr<WriterLock>(new WriterLock(std::move(file)));
}

Result<void> WriterLock::say_nothing() { return file_->write(0, RecordBytes{}); }

Result<void> WriterLock::say_durable(const Uuid& uuid, TxnId txn) {
  RecordBytes bytes{};
  encode_lock_record({.txn = txn, .log_file = 0}, uuid, bytes);
  return file_->write(0, bytes);
}

Result<ReaderNeeds> WriterLock::readers(const Uuid& uuid) const {
  ReaderNeeds needs;
  CAISSON_ASSIGN_OR_RETURN(const std::vector<SeenReader> seen, seen_readers(*file_, uuid));
  for (const SeenReader& reader : seen) {
    if (!reader.record) {
      needs.anything = true;
      continue;
    }
    if (reader.record->txn == kNoCheckpoint) {
      ++needs.feeds;
    } else {
      needs.checkpoints.push_back(reader.record->txn);
    }
    needs.first_log_file = std::min(needs.first_log_file, reader.record->log_file);
  }
  return needs;
}

// --- Readers -------------------------------------------------------------------------------------

Result<std::unique_ptr<ReaderLock>> ReaderLock::take(io::Directory& directory) {
  auto file = open_or_make(directory);
  if (!file && forbids_writing(file.error().code())) return take_anonymous(directory);
  if (!file) return fail(std::move(file).error());
  for (std::size_t reader = 0; reader < kReadersMax; ++reader) {
    auto locked = (*file)->try_lock(io::LockKind::kExclusive, offset_of(reader), 1);
    if (!locked && locked.error().code() == Code::kBusy) continue;
    CAISSON_RETURN_IF_ERROR(locked);
    std::unique_ptr<ReaderLock> lock(new ReaderLock(std::move(*file), reader));
    // What the last one here has left would be believed.
    const auto cleared = lock->say_nothing();
    if (!cleared && forbids_writing(cleared.error().code())) return take_anonymous(directory);
    CAISSON_RETURN_IF_ERROR(cleared);
    return lock;
  }
  return fail(Error(Code::kResourceExhausted,
                    std::to_string(kReadersMax) + " readers have the store open already")
                  .in_file(kLockFileName)
                  .with_advice("Close readers in other processes, or states of the past, that are "
                               "needed no more."));
}

// VIEW-5.
Result<std::unique_ptr<ReaderLock>> ReaderLock::take_anonymous(io::Directory& directory) {
  auto file = directory.open_file(kLockFileName, {});
  if (!file) return std::unique_ptr<ReaderLock>(new ReaderLock(nullptr, std::nullopt));
  CAISSON_RETURN_IF_ERROR((*file)->try_lock(io::LockKind::kShared, kAnonymousByte, 1));
  return std::unique_ptr<ReaderLock>(new ReaderLock(std::move(*file), std::nullopt));
}

ReaderLock::~ReaderLock() {
  if (!file_ || !fork_mark_.in_parent()) return;  // As the writer's.
  if (position_byte_) (void)file_->unlock(*position_byte_, 1);
  (void)file_->unlock(reader_ ? offset_of(*reader_) : kAnonymousByte, 1);
}

Result<void> ReaderLock::say_nothing() {
  if (!reader_) return {};
  return file_->write(offset_of(*reader_), RecordBytes{});
}

Result<void> ReaderLock::say(const Uuid& uuid, const LockRecord& record) {
  if (!reader_) return {};
  RecordBytes bytes{};
  encode_lock_record(record, uuid, bytes);
  return file_->write(offset_of(*reader_), bytes);
}

Result<void> ReaderLock::lock_position(std::uint64_t position) {
  if (!file_) return {};
  const std::uint64_t byte = kPositionsBegin + (position >> 2U);
  const auto kind = reader_ ? io::LockKind::kExclusive : io::LockKind::kShared;
  auto locked = file_->try_lock(kind, byte, 1);
  if (!locked && locked.error().code() == Code::kBusy) {
    return fail(Error(Code::kBusy, "somebody else has that position")
                    .in_file(kLockFileName)
                    .with_rule("POSITION-4")
                    .with_advice("End the feed that follows it; or make another position."));
  }
  CAISSON_RETURN_IF_ERROR(locked);
  position_byte_ = byte;
  return {};
}

Result<bool> ReaderLock::has_writer() const {
  if (!file_) return false;
  return file_->is_locked(kWriterByte, 1);
}

Result<std::optional<TxnId>> ReaderLock::durable(const Uuid& uuid) const {
  if (!file_) return std::optional<TxnId>();
  CAISSON_ASSIGN_OR_RETURN(const auto record, read_record(*file_, 0, uuid));
  return record ? std::optional(record->txn) : std::nullopt;
}

Result<std::vector<SeenReader>> ReaderLock::others(const Uuid& uuid) const {
  if (!file_) return std::vector<SeenReader>();
  return seen_readers(*file_, uuid);
}

}  // namespace caisson::mvcc

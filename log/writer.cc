#include "log/writer.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include "log/mutants.h"

namespace caisson::log {
namespace {

// After so many flushes at the most, those who were woken are waited for again.
constexpr int kBackoffMax = 64;

Error poisoned_by(const Error& cause) {
  return Error(Code::kPoisoned, "an earlier write to the log failed: " + cause.message())
      .in_file(cause.file())
      .with_advice("Close the store and open it again: that finds out what is durable.");
}

Error unknown_because(const Error& cause) {
  return Error(Code::kDurabilityUnknown,
               "this commit may be durable or not, since the log failed: " + cause.message())
      .in_file(cause.file())
      .with_advice("Close the store and open it again: that finds out what is durable.");
}

std::size_t payload_max(const WriterOptions& options) {
  // A mark may take a batch of the file that was made ready.
  const std::uint64_t room = options.file_size_min - kFileHeaderSize - kBatchAlignment;
  return std::min<std::uint64_t>(kRecordSizeMax, room) - kRecordHeaderSize - kRecordTrailerSize;
}

}  // namespace

Result<void> validate(const WriterOptions& options) {
  const auto refuse = [](const char* name, std::uint64_t value) {
    return fail(Code::kInvalidArgument,
                std::string("log.") + name + " is " + std::to_string(value) + "; it has to be a " +
                    "multiple of 4096 from " + std::to_string(kFileSizeMin) + " to " +
                    std::to_string(kFileSizeMax) + ", and the least no larger than the largest");
  };
  const auto fits = [](std::uint64_t size) {
    return size >= kFileSizeMin && size <= kFileSizeMax && size % kFileHeaderSize == 0;
  };
  if (!fits(options.file_size_min)) return refuse("file_size_min", options.file_size_min);
  if (!fits(options.file_size_max) || options.file_size_max < options.file_size_min) {
    return refuse("file_size_max", options.file_size_max);
  }
  return {};
}

LogWriter::LogWriter(io::Vfs& vfs, LogDirectory& directory, TxnId txn,
                     const LogReader::Chain& resume, const WriterOptions& options)
    : vfs_(vfs),
      directory_(directory),
      options_(options),
      seed_(record_checksum_seed(directory.uuid())),
      payload_size_max_(payload_max(options)),
      durable_txn_(to_u64(txn)),
      chain_(resume),
      committed_hash_(resume.position.hash),
      committed_txn_(txn),
      file_sequence_(resume.position.file),
      file_end_(batch_ceiling(resume.position.offset)),
      sync_method_(options.sync_method) {
  batches_.reserve(kBuffers);
  in_flight_.reserve(kBuffers);
  for (std::size_t i = kBuffers; i > 0; --i) free_buffers_.push_back(i - 1);
}

Result<std::unique_ptr<LogWriter>> LogWriter::open(io::Vfs& vfs, LogDirectory& directory, TxnId txn,
                                                   const LogReader::Chain& resume,
                                                   const WriterOptions& options) {
  CAISSON_RETURN_IF_ERROR(validate(options));
  std::unique_ptr<LogWriter> writer(new LogWriter(vfs, directory, txn, resume, options));
  while (writer->epoch_ == 0 || writer->epoch_ == resume.position.epoch) {
    std::array<std::byte, sizeof writer->epoch_> bytes;
    CAISSON_RETURN_IF_ERROR(vfs.random(bytes));
    writer->epoch_ = load_u64(bytes.data());
  }
  CAISSON_ASSIGN_OR_RETURN(auto file, writer->open_to_resume(resume.position.file));
  const MutexLock lock(writer->mutex_);
  writer->file_ = std::move(file);
  return writer;
}

// --- Queueing ------------------------------------------------------------------------------------

Result<LogWriter::Appended> LogWriter::append(RecordType type, TxnId txn, std::uint32_t part,
                                              Bytes payload) {
  RecordHeader header;
  header.type = type;
  header.txn = txn;
  header.part = part;
  return queue(header, payload);
}

Result<void> LogWriter::mark_idle() {
  CAISSON_ASSIGN_OR_RETURN(const Appended mark, queue(RecordHeader{}, {}));
  return flush(mark.ticket);
}

Result<void> LogWriter::mark_closed() {
  RecordHeader header;
  header.closed = true;
  CAISSON_RETURN_IF_ERROR(flush(appended()));
  CAISSON_ASSIGN_OR_RETURN(const Appended mark, queue(header, {}));
  return flush(mark.ticket);
}

Result<LogWriter::Appended> LogWriter::queue(RecordHeader header, Bytes payload) {
  assert(payload.size() <= payload_size_max_);
  header.payload_size = static_cast<std::uint32_t>(payload.size());
  const std::size_t size = record_size(payload.size());
  while (true) {
    std::uint64_t full = 0;
    {
      const MutexLock lock(mutex_);
      if (poison_cause_) return fail(poisoned_by(*poison_cause_));
      // Looked at with the lock that it is queued under: between two parts, a mark would make the
      // first one void.
      const bool idle_mark = header.type == RecordType::kMark && !header.closed;
      if (idle_mark && (last_type_ != RecordType::kCommit || durable() != appended())) {
        return Appended{};
      }
      if (fits(size) || begin_batch(size)) return put_in_batch(header, payload);
      if (file_end_ + size > file_->size) full = file_sequence_;
    }
    // Else all buffers are on their way.
    CAISSON_RETURN_IF_ERROR(full != 0 ? enter_next_file(full) : flush(appended()));
  }
}

bool LogWriter::fits(std::size_t size) const {
  if (batches_.empty() || batches_.back().file != file_) return false;
  const Batch& batch = batches_.back();
  return batch.used + size <= kRecordSizeMax && batch.offset + batch.used + size <= file_->size;
}

LogWriter::Appended LogWriter::put_in_batch(RecordHeader header, Bytes payload) {
  Batch& batch = batches_.back();
  const bool mark = header.type == RecordType::kMark;
  if (mark) header.txn = committed_txn_;
  header.place = {file_sequence_, batch.offset + batch.used};
  header.begins_epoch = !std::exchange(epoch_begun_, true);
  header.epoch = epoch_;
  header.acknowledged = durable_upto();
  header.previous = chain_.previous;
  header.previous_checksum = chain_.position.record_checksum;
  const Hash128 before = header.part == 0 ? committed_hash_ : chain_.position.hash;
  header.hash = mark ? committed_hash_ : caisson::chain(before, payload);

  const std::size_t size = record_size(payload.size());
  const MutableBytes record = buffers_[batch.buffer]->bytes().subspan(batch.used, size);
  std::ranges::copy(payload, record.begin() + kRecordHeaderSize);
  const std::uint32_t checksum = encode_record(header, seed_, record);

  batch.used += size;
  batch.last_ticket = appended() + 1;
  file_end_ = batch_ceiling(batch.offset + batch.used);
  chain_.position = {.file = header.place.file,
                     .offset = header.place.offset + size,
                     .epoch = epoch_,
                     .record_checksum = checksum,
                     .hash = header.hash};
  chain_.previous = header.place;
  last_type_ = header.type;
  if (header.type == RecordType::kCommit) {
    batch.last_commit = header.txn;
    committed_txn_ = header.txn;
    committed_hash_ = header.hash;
    ++stats_.commits;
  }
  ++stats_.records;
  appended_.store(batch.last_ticket, std::memory_order_release);
  return {.position = chain_.position, .ticket = batch.last_ticket};
}

// Begins a batch with room for a record; false where the file is full, or no buffer is free. The
// record comes into it before anybody else sees it: a batch is never empty.
bool LogWriter::begin_batch(std::size_t size) {
  if (file_end_ + size > file_->size || free_buffers_.empty()) return false;
  const std::size_t buffer = free_buffers_.back();
  free_buffers_.pop_back();
  if (!buffers_[buffer]) buffers_[buffer].emplace(kRecordSizeMax);
  batches_.push_back({.file = file_, .offset = file_end_, .buffer = buffer});
  return true;
}

Result<void> LogWriter::reserve() {
  {
    const MutexLock lock(mutex_);
    if (poison_cause_) return fail(poisoned_by(*poison_cause_));
    // And a mark before it.
    if (file_end_ + kBatchAlignment + record_size(payload_size_max_) <= file_->size) return {};
  }
  return prepare_next_file();
}

// --- Files ---------------------------------------------------------------------------------------

Result<void> LogWriter::enter_next_file(std::uint64_t full) {
  CAISSON_RETURN_IF_ERROR(prepare_next_file());
  const MutexLock files_lock(files_mutex_);
  const MutexLock lock(mutex_);
  if (file_sequence_ != full || !next_file_) return {};  // Another thread was faster.
  file_ = std::move(next_file_);
  next_file_.reset();
  next_file_ready_.store(false, std::memory_order_relaxed);
  ++file_sequence_;
  file_end_ = kFileHeaderSize;
  return {};
}

Result<void> LogWriter::prepare_ahead() {
  {
    const MutexLock lock(mutex_);
    if (!should_prepare()) return {};
  }
  return prepare_next_file();
}

Result<void> LogWriter::prepare_next_file() {
  const MutexLock files_lock(files_mutex_);
  if (next_file_) return {};
  std::uint64_t sequence = 0;
  std::uint64_t size = 0;
  {
    const MutexLock lock(mutex_);
    if (poison_cause_) return fail(poisoned_by(*poison_cause_));
    sequence = file_sequence_ + 1;
    size = std::clamp(2 * file_->size, options_.file_size_min, options_.file_size_max);
  }
  auto made = make_file(sequence, size);
  if (!made) {
    // Lack of space, or of descriptors, changes nothing. After anything else nobody knows what the
    // disk has.
    const Code code = made.error().code();
    const MutexLock lock(mutex_);
    if (code != Code::kOutOfSpace && code != Code::kResourceExhausted) poison(made.error());
    return fail(std::move(made).error());
  }
  next_file_ = std::move(*made);
  next_file_ready_.store(true, std::memory_order_relaxed);
  return {};
}

Result<std::shared_ptr<LogFile>> LogWriter::open_to_write(std::uint64_t sequence) const {
  if (options_.direct) {
    auto opened = directory_.open_file(sequence, FileAccess::kWriteDirect);
    if (opened) return std::make_shared<LogFile>(std::move(*opened));
    if (opened.error().code() != Code::kUnsupported) return fail(std::move(opened).error());
  }
  CAISSON_ASSIGN_OR_RETURN(LogFile opened, directory_.open_file(sequence, FileAccess::kWrite));
  return std::make_shared<LogFile>(std::move(opened));
}

Result<std::shared_ptr<LogFile>> LogWriter::open_to_resume(std::uint64_t sequence) const {
  auto opened = directory_.open_to_resume(sequence, options_.direct);
  if (!opened && options_.direct && opened.error().code() == Code::kUnsupported) {
    opened = directory_.open_to_resume(sequence, false);
  }
  if (!opened) return fail(std::move(opened).error());
  return std::make_shared<LogFile>(std::move(*opened));
}

Result<std::shared_ptr<LogFile>> LogWriter::make_file(std::uint64_t sequence, std::uint64_t size) {
  auto existing = open_to_write(sequence);
  if (existing) {
    // Made ahead by an earlier process, or written by one and void since; or by this one, and only
    // the flush of its name has failed for lack of space.
    if ((*existing)->size >= options_.file_size_min) {
      CAISSON_RETURN_IF_ERROR(directory_.sync());
      return existing;
    }
  } else if (existing.error().code() != Code::kNotFound &&
             existing.error().code() != Code::kCorruption &&
             existing.error().code() != Code::kWrongStore) {
    return existing;
  }
  if (existing || existing.error().code() != Code::kNotFound) {
    CAISSON_RETURN_IF_ERROR(directory_.remove_file(sequence));
    CAISSON_RETURN_IF_ERROR(directory_.sync());
  }
  const auto recycled = recyclable();
  if (recycled) {
    CAISSON_ASSIGN_OR_RETURN(const LogFile old, directory_.open_file(*recycled, FileAccess::kRead));
    size = old.size;
  }
  CAISSON_RETURN_IF_ERROR(directory_.make_file(sequence, size, recycled));
  {
    const MutexLock lock(mutex_);
    ++(recycled ? stats_.files_recycled : stats_.files_made);
  }
  return open_to_write(sequence);
}

// A retired file that is worth being used again: whole, and large enough.
std::optional<std::uint64_t> LogWriter::recyclable() const {
  const auto files = directory_.files();
  if (!files) return std::nullopt;
  for (const std::uint64_t file : *files) {
    if (file >= keep_from_) break;
    const auto opened = directory_.open_file(file, FileAccess::kRead);
    if (opened && opened->size >= options_.file_size_min) return file;
  }
  return std::nullopt;
}

Result<void> LogWriter::retire_before(std::uint64_t file) {
  const MutexLock files_lock(files_mutex_);
  keep_from_ = std::max(keep_from_, file);
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> files, directory_.files());
  // The last of them is the largest: that one is kept.
  for (std::size_t i = 0; i + 1 < files.size() && files[i + 1] < keep_from_; ++i) {
    CAISSON_RETURN_IF_ERROR(directory_.remove_file(files[i]));
  }
  return {};
}

// --- Flushing ------------------------------------------------------------------------------------

Result<void> LogWriter::flush(std::uint64_t ticket) {
  while (durable() < ticket) {
    std::atomic<std::uint32_t>* round = nullptr;
    std::uint32_t seen = 0;
    {
      const MutexLock lock(mutex_);
      if (durable() >= ticket) return {};
      if (poison_cause_) return fail(unknown_because(*poison_cause_));
      if (!flushing_) {
        flushing_ = true;
        Result<void> flushed = flush_batches();
        end_flushing();
        return flushed;
      }
      round = &rounds_[(ticket <= round_ticket_ ? round_ : round_ + 1) % rounds_.size()];
      seen = round->load(std::memory_order_relaxed);
    }
    // Without the lock, so that those who wake up together don't wait for each other.
    round->wait(seen, std::memory_order_acquire);
  }
  return {};
}

void LogWriter::drive() {
  const MutexLock lock(mutex_);
  if (flushing_) return;  // Whoever does it will tell again.
  flushing_ = true;
  int rounds_without_waiting = 0;
  int backoff = 1;
  while (!batches_.empty() && !poison_cause_ && !should_prepare()) {
    const std::uint64_t before = durable();
    if (!flush_batches()) break;
    if (rounds_without_waiting > 0) {
      --rounds_without_waiting;
    } else if (wait_for_return(durable() - before)) {
      backoff = 1;
    } else {
      backoff = std::min(2 * backoff, kBackoffMax);
      rounds_without_waiting = backoff;
    }
  }
  end_flushing();
}

bool LogWriter::should_prepare() const {
  return !next_file_ready_.load(std::memory_order_relaxed) && file_end_ > file_->size / 2;
}

// Threads that were woken by a flush often commit again at once. Where that takes them less time
// than a flush, one that waits for them makes more commits durable than two that don't. False where
// most of `woken` have not come within half of a flush's time.
bool LogWriter::wait_for_return(std::uint64_t woken) {
  const std::uint64_t ticket = appended();
  const auto end = vfs_.clock().monotonic() + last_flush_ / 2;
  mutex_.unlock();
  while (appended() < ticket + woken && vfs_.clock().monotonic() < end) {
    std::this_thread::yield();
  }
  mutex_.lock();
  return 2 * (appended() - ticket) > woken;
}

void LogWriter::set_driver(std::function<bool()> ask) {
  const MutexLock lock(mutex_);
  ask_driver_ = std::move(ask);
}

// Writes and flushes what is queued, without the lock, and wakes those who wait for that. REQUIRES:
// flushing_ is this thread's.
Result<void> LogWriter::flush_batches() {
  in_flight_.swap(batches_);
  ++round_;
  round_ticket_ = appended();
  mutex_.unlock();

  const auto begin = vfs_.clock().monotonic();
  Result<void> written = write_in_flight();
  last_flush_ = vfs_.clock().monotonic() - begin;
  flush_latency_.record(static_cast<std::uint64_t>(last_flush_.count()));

  mutex_.lock();
  for (const Batch& batch : in_flight_) {
    free_buffers_.push_back(batch.buffer);
    if (!written) continue;
    stats_.bytes_written += batch_ceiling(batch.used);
    // The commit first: who sees its ticket may tell others of it.
    if (batch.last_commit != TxnId{}) {
      durable_txn_.store(to_u64(batch.last_commit), std::memory_order_release);
    }
    durable_.store(batch.last_ticket, std::memory_order_release);
  }
  ++stats_.flushes;
  stats_.sync_method = sync_method_;
  in_flight_.clear();
  if (!written) {
    poison(written.error());
    written = fail(unknown_because(written.error()));
  }
  std::atomic<std::uint32_t>& round = rounds_[round_ % rounds_.size()];
  round.fetch_add(1, std::memory_order_release);
  round.notify_all();
  flushed_.notify_all();
  return written;
}

// What was queued meanwhile is for somebody else to flush.
void LogWriter::end_flushing() {
  flushing_ = false;
  if (batches_.empty() || poison_cause_) return;
  if (ask_driver_ && ask_driver_()) return;
  std::atomic<std::uint32_t>& next = rounds_[(round_ + 1) % rounds_.size()];
  next.fetch_add(1, std::memory_order_release);
  next.notify_one();
}

void LogWriter::wait(std::uint64_t ticket, std::chrono::nanoseconds timeout) {
  constexpr std::chrono::nanoseconds kTimeoutMax = std::chrono::hours(24 * 365 * 100);
  const auto end = vfs_.clock().monotonic() + std::min(timeout, kTimeoutMax);
  const MutexLock lock(mutex_);
  while (durable() < ticket && !poison_cause_) {
    const auto left = end - vfs_.clock().monotonic();
    if (left.count() <= 0) return;
    flushed_.wait_for(mutex_, left);
  }
}

// Batches of one file lie side by side: they are one write, and one flush.
Result<void> LogWriter::write_in_flight() {
  std::size_t next = 0;
  while (next < in_flight_.size()) {
    const Batch& first = in_flight_[next];
    std::array<Bytes, kBuffers> parts;
    std::size_t count = 0;
    for (; next < in_flight_.size() && in_flight_[next].file == first.file; ++next) {
      const Batch& batch = in_flight_[next];
      const MutableBytes bytes = buffers_[batch.buffer]->bytes().first(batch_ceiling(batch.used));
      std::memset(bytes.data() + batch.used, 0, bytes.size() - batch.used);
      parts[count++] = bytes;
    }
    CAISSON_RETURN_IF_ERROR(
        write_and_flush(*first.file->file, first.offset, std::span(parts).first(count)));
  }
  return {};
}

Result<void> LogWriter::write_and_flush(io::File& file, std::uint64_t offset,
                                        std::span<const Bytes> parts) {
  if (mutated(Mutant::kAcknowledgedBeforeFlush)) return file.write_vector(offset, parts);
  if (mutated(Mutant::kFlushRetried)) {
    CAISSON_RETURN_IF_ERROR(file.write_vector(offset, parts));
    return file.sync_data() ? Result<void>() : file.sync_data();
  }
  CAISSON_ASSIGN_OR_RETURN(sync_method_, file.write_and_sync(offset, parts, sync_method_));
  return {};
}

// All who wait are told: one who was woken to flush finds this instead, and wakes nobody.
void LogWriter::poison(const Error& cause) {
  if (!poison_cause_) poison_cause_ = cause;
  for (std::atomic<std::uint32_t>& round : rounds_) {
    round.fetch_add(1, std::memory_order_release);
    round.notify_all();
  }
  flushed_.notify_all();
}

std::optional<Error> LogWriter::poisoned() const {
  const MutexLock lock(mutex_);
  if (!poison_cause_) return std::nullopt;
  return poisoned_by(*poison_cause_);
}

WriterStats LogWriter::stats() const {
  const MutexLock lock(mutex_);
  WriterStats stats = stats_;
  stats.direct = file_->direct;
  stats.poisoned = poison_cause_.has_value();
  return stats;
}

}  // namespace caisson::log

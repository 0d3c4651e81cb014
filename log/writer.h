// Writing the log: commits are queued in order, and made durable together (spec/commit_log.md,
// section 5).
//
// append() copies a record into the batch that is being filled; flush() makes it durable. Whoever
// flushes while nobody else does takes all that has been queued, writes it, and flushes the file
// once; those who come meanwhile wait, and one of them takes the next batch. So a commit that is
// alone costs its own write and flush and no switch of threads, and many share them: the more there
// are, the more go into one flush. (DeWitt et al., "Implementation techniques for main memory
// database systems", 1984, call it group commit.)
//
// Thread-safe. But parts of one commit come from one thread, and nobody else's commit in between.
// No thread of its own: see log/flusher.h.

#ifndef CAISSON_LOG_WRITER_H_
#define CAISSON_LOG_WRITER_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/histogram.h"
#include "base/log_position.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "io/memory.h"
#include "io/vfs.h"
#include "log/log_file.h"
#include "log/reader.h"
#include "log/record.h"

namespace caisson::log {

struct WriterOptions {
  // The first file's size, and the largest: each is twice as large as the one before.
  std::uint64_t file_size_min = std::uint64_t{2} << 20U;
  std::uint64_t file_size_max = std::uint64_t{64} << 20U;

  // Past the page cache, where the file system can.
  bool direct = true;

  // How a batch is written and flushed, where the system can: with two calls where not.
  io::SyncMethod sync_method = io::SyncMethod::kTwoCalls;
};

// Checks the numbers. kInvalidArgument naming the option.
Result<void> validate(const WriterOptions& options);

struct WriterStats {
  std::uint64_t records = 0;
  std::uint64_t commits = 0;
  std::uint64_t flushes = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t files_made = 0;
  std::uint64_t files_recycled = 0;
  bool direct = false;
  io::SyncMethod sync_method = io::SyncMethod::kTwoCalls;  // Of the last flush.
  bool poisoned = false;
};

class LogWriter {
 public:
  // Goes on with a log behind `resume`, whose last commit is `txn`, in a new epoch. Writes nothing
  // yet. The directory and the system outlive the writer.
  static Result<std::unique_ptr<LogWriter>> open(io::Vfs& vfs, LogDirectory& directory, TxnId txn,
                                                 const LogReader::Chain& resume,
                                                 const WriterOptions& options);

  // The largest payload that a record can have here.
  std::size_t payload_size_max() const { return payload_size_max_; }

  // Makes sure that there is room for the next append(). kOutOfSpace; others poison.
  Result<void> reserve();

  // A record that has been queued.
  struct Appended {
    LogPosition position;      // Behind it.
    std::uint64_t ticket = 0;  // What flush() is given.
  };

  // Queues a record. `part` is its number within its commit; 0 begins the commit anew. Waits while
  // 4 MiB are on the way. kOutOfSpace changes nothing. REQUIRES: payload <= payload_size_max().
  Result<Appended> append(RecordType type, TxnId txn, std::uint32_t part, Bytes payload);

  // Queues a mark, and flushes it: that all so far was acknowledged. Nothing where that is known
  // already, or something is on its way.
  Result<void> mark_idle();

  // The same, that the store was closed. Only where nobody writes any more.
  Result<void> mark_closed();

  // Makes a record durable, and all before it. Returns when it is.
  // Errors: kDurabilityUnknown where a write or a flush failed: the record, and each behind those
  // that are durable, may be there at the next opening or not. From then on kPoisoned.
  Result<void> flush(std::uint64_t ticket);

  // Waits for somebody else to flush it, for up to `timeout`, or until that fails.
  void wait(std::uint64_t ticket, std::chrono::nanoseconds timeout);

  // Flushes what is queued, and what is queued meanwhile, until there is none, or prepare_ahead()
  // should be called. For a thread that has time: between two of its flushes nobody has to wake up.
  void drive();

  // Who is asked, with a lock held, whether he will call drive() at once, when a flush has ended
  // and more has been queued meanwhile. Where he won't, one of those who wait goes on.
  void set_driver(std::function<bool()> ask);

  // The last ticket given out, and the last one that is durable.
  std::uint64_t appended() const { return appended_.load(std::memory_order_acquire); }
  std::uint64_t durable() const { return durable_.load(std::memory_order_acquire); }

  // The last commit that is durable: what a follower may read up to.
  TxnId durable_upto() const { return TxnId{durable_txn_.load(std::memory_order_acquire)}; }

  // Makes the file behind the one that is being written, once that is half full. For a thread that
  // has time: append() does it itself where it has to. kOutOfSpace; others poison.
  Result<void> prepare_ahead();

  // Lets go of the files before `file` (WRITE-4). One is kept, to be used again.
  Result<void> retire_before(std::uint64_t file);

  // Why nothing more is written, if so. Sticky.
  std::optional<Error> poisoned() const;

  WriterStats stats() const;

  // How long writes with their flushes took, in nanoseconds. Lives as long as the writer.
  const Histogram& flush_latency() const { return flush_latency_; }

 private:
  // Records that lie side by side in one file, in one of the buffers.
  struct Batch {
    std::shared_ptr<LogFile> file;
    std::uint64_t offset = 0;
    std::size_t buffer = 0;
    std::size_t used = 0;
    std::uint64_t last_ticket = 0;
    TxnId last_commit{};
  };

  LogWriter(io::Vfs& vfs, LogDirectory& directory, TxnId txn, const LogReader::Chain& resume,
            const WriterOptions& options);

  Result<Appended> queue(RecordHeader header, Bytes payload);
  bool fits(std::size_t size) const CAISSON_REQUIRES(mutex_);
  Appended put_in_batch(RecordHeader header, Bytes payload) CAISSON_REQUIRES(mutex_);
  bool begin_batch(std::size_t size) CAISSON_REQUIRES(mutex_);
  Result<void> prepare_next_file();
  Result<void> enter_next_file(std::uint64_t full);
  Result<std::shared_ptr<LogFile>> open_to_write(std::uint64_t sequence) const;
  Result<std::shared_ptr<LogFile>> open_to_resume(std::uint64_t sequence) const;
  Result<std::shared_ptr<LogFile>> make_file(std::uint64_t sequence, std::uint64_t size)
      CAISSON_REQUIRES(files_mutex_);
  std::optional<std::uint64_t> recyclable() const CAISSON_REQUIRES(files_mutex_);
  Result<void> flush_batches() CAISSON_REQUIRES(mutex_);
  bool should_prepare() const CAISSON_REQUIRES(mutex_);
  bool wait_for_return(std::uint64_t woken) CAISSON_REQUIRES(mutex_);
  void end_flushing() CAISSON_REQUIRES(mutex_);
  Result<void> write_in_flight();
  Result<void> write_and_flush(io::File& file, std::uint64_t offset, std::span<const Bytes> parts);
  void poison(const Error& cause) CAISSON_REQUIRES(mutex_);

  static constexpr std::size_t kBuffers = 4;  // WRITE-2.

  io::Vfs& vfs_;
  LogDirectory& directory_;
  const WriterOptions options_;
  const std::uint32_t seed_;
  const std::size_t payload_size_max_;
  std::uint64_t epoch_ = 0;

  // Held while a file is made or retired. Taken before mutex_.
  Mutex files_mutex_;
  std::shared_ptr<LogFile> next_file_ CAISSON_GUARDED_BY(files_mutex_);
  std::uint64_t keep_from_ CAISSON_GUARDED_BY(files_mutex_) = 0;
  std::atomic<bool> next_file_ready_{false};  // There is one; changed under the mutex.

  std::atomic<std::uint64_t> appended_{0};
  std::atomic<std::uint64_t> durable_{0};
  std::atomic<std::uint64_t> durable_txn_{0};

  // Who waits for the flush on its way, and who for the next one, in turn: changed when it has
  // ended.
  std::array<std::atomic<std::uint32_t>, 2> rounds_{};

  mutable Mutex mutex_;
  CondVar flushed_;                                    // For those who wait for a time.
  LogReader::Chain chain_ CAISSON_GUARDED_BY(mutex_);  // Behind the last record queued.
  Hash128 committed_hash_ CAISSON_GUARDED_BY(mutex_);  // Behind the last commit queued.
  TxnId committed_txn_ CAISSON_GUARDED_BY(mutex_);
  bool epoch_begun_ CAISSON_GUARDED_BY(mutex_) = false;
  RecordType last_type_ CAISSON_GUARDED_BY(mutex_) = RecordType::kMark;
  std::shared_ptr<LogFile> file_ CAISSON_GUARDED_BY(mutex_);
  std::uint64_t file_sequence_ CAISSON_GUARDED_BY(mutex_) = 0;
  std::uint64_t file_end_ CAISSON_GUARDED_BY(mutex_) = 0;  // Where the next batch begins.
  std::vector<Batch> batches_ CAISSON_GUARDED_BY(mutex_);  // The last one is being filled.
  std::vector<std::size_t> free_buffers_ CAISSON_GUARDED_BY(mutex_);
  bool flushing_ CAISSON_GUARDED_BY(mutex_) = false;
  std::uint64_t round_ CAISSON_GUARDED_BY(mutex_) = 0;         // The last flush that has begun,
  std::uint64_t round_ticket_ CAISSON_GUARDED_BY(mutex_) = 0;  // and the last ticket in it.
  std::function<bool()> ask_driver_ CAISSON_GUARDED_BY(mutex_);
  std::optional<Error> poison_cause_ CAISSON_GUARDED_BY(mutex_);
  WriterStats stats_ CAISSON_GUARDED_BY(mutex_);

  // Of whoever has set flushing_.
  std::vector<Batch> in_flight_;
  std::chrono::nanoseconds last_flush_{};  // How long it took.
  io::SyncMethod sync_method_;  // As asked for, until the system turns out not to have it.

  // One belongs to a batch, or is free.
  std::array<std::optional<io::AlignedBuffer>, kBuffers> buffers_;
  Histogram flush_latency_;
};

}  // namespace caisson::log

#endif  // CAISSON_LOG_WRITER_H_

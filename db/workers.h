// A store's threads, all of them: who starts them, when they act, and how they end.
//
//   flusher       log::Flusher: makes commits durable that nobody waits for, marks a log that is
//                 idle, prepares the next log file
//   checkpointer  writes a checkpoint when one is due
//
// Both are started by Store::open() and ended by Store::close(), or by its destructor. Nobody else
// starts a thread.

#ifndef CAISSON_DB_WORKERS_H_
#define CAISSON_DB_WORKERS_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "log/flusher.h"
#include "log/writer.h"

namespace caisson::db {

// What the checkpointer does, and when.
struct CheckpointerOptions {
  std::function<bool()> due;
  std::function<Result<void>()> checkpoint;

  // After a commit it waits so long for others before it looks whether a checkpoint is due. So a
  // store that is idle wakes nobody, and one that is busy pays for a look now and then.
  std::chrono::nanoseconds gather = std::chrono::milliseconds(20);

  // A checkpoint that failed (the disk is full, mostly) is tried again after so long: twice the
  // time before, up to the last.
  std::chrono::nanoseconds retry_first = std::chrono::seconds(1);
  std::chrono::nanoseconds retry_last = std::chrono::minutes(1);
};

// Owns one thread, from its construction until it is destroyed, which waits for a checkpoint that
// is being written. Thread-safe.
class Checkpointer {
 public:
  explicit Checkpointer(CheckpointerOptions options);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // Something was committed. One atomic exchange, mostly.
  void wake();

  // How many checkpoints failed, and why the last of them did.
  struct Failures {
    std::uint64_t count = 0;
    std::optional<Error> last;
  };
  Failures failures() const;

 private:
  void run();
  bool wait(std::chrono::nanoseconds gather);
  bool try_checkpoint();

  const CheckpointerOptions options_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::atomic<bool> awake_{false};
  bool stopping_ CAISSON_GUARDED_BY(mutex_) = false;
  Failures failures_ CAISSON_GUARDED_BY(mutex_);
  std::jthread thread_;  // Last: it uses all of the above.
};

// Both threads. Thread-safe, but for stop().
class Workers {
 public:
  Workers() = default;
  ~Workers() { stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Starts them, unless they run. kResourceExhausted where the system gives no thread; none runs
  // then. `log` outlives them.
  Result<void> start(log::LogWriter& log, const log::FlusherOptions& flusher,
                     CheckpointerOptions checkpointer);

  bool running() const { return running_.load(std::memory_order_acquire); }

  // Ends them: first the checkpointer, which uses the log, then the flusher, which makes durable
  // what is queued. Waits for what they are doing. Does nothing where none runs.
  void stop();

  // A checkpoint may be due.
  void look_at_checkpoint();

  // A transaction was committed. What nobody waits for is made durable soon.
  void committed(bool awaited);

  Checkpointer::Failures failures() const;

 private:
  std::atomic<bool> running_{false};  // Whether both are there; changed under the mutex.

  // Held for moments only, since commits take it.
  mutable Mutex mutex_;
  std::unique_ptr<log::Flusher> flusher_ CAISSON_GUARDED_BY(mutex_);
  std::unique_ptr<Checkpointer> checkpointer_ CAISSON_GUARDED_BY(mutex_);
};

}  // namespace caisson::db

#endif  // CAISSON_DB_WORKERS_H_

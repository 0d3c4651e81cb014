// The thread that makes commits durable which nobody waits for, and keeps the log ready.

#ifndef CAISSON_LOG_FLUSHER_H_
#define CAISSON_LOG_FLUSHER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "log/writer.h"

namespace caisson::log {

struct FlusherOptions {
  // A commit that nobody waits for is written no later than this: what a power cut may take.
  std::chrono::nanoseconds delay = std::chrono::milliseconds(5);

  // After so long without a commit, the log is marked: what was acknowledged can then be told from
  // what was torn.
  std::chrono::nanoseconds idle = std::chrono::seconds(1);

  // Called by the thread behind each of its flushes: for who has to know what is durable.
  std::function<void()> flushed = {};
};

// Owns one thread, from its construction until it is destroyed; then what was queued is flushed.
// Where many threads commit, it is the one that flushes for them (LogWriter::drive()).
// What fails shows in LogWriter::poisoned(). Thread-safe. Ends before its writer.
class Flusher {
 public:
  Flusher(LogWriter& writer, const FlusherOptions& options);
  ~Flusher();
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;

  // Something has been queued that nobody will flush.
  void wake();

 private:
  void run();
  bool will_drive();

  LogWriter& writer_;
  const FlusherOptions options_;
  Mutex mutex_;
  CondVar changed_;
  bool awake_ CAISSON_GUARDED_BY(mutex_) = false;
  bool driving_ CAISSON_GUARDED_BY(mutex_) = false;  // It has said that it will.
  bool waiting_ CAISSON_GUARDED_BY(mutex_) = false;
  bool stopping_ CAISSON_GUARDED_BY(mutex_) = false;
  std::jthread thread_;
};

}  // namespace caisson::log

#endif  // CAISSON_LOG_FLUSHER_H_

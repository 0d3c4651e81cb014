#include "db/workers.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace caisson::db {

// --- Checkpointer --------------------------------------------------------------------------------

Checkpointer::Checkpointer(CheckpointerOptions options)
    : options_(std::move(options)), thread_([this] { run(); }) {}

Checkpointer::~Checkpointer() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

void Checkpointer::wake() {
  // Whoever finds it set comes before the look that is still to be.
  if (awake_.exchange(true)) return;
  {
    const MutexLock lock(mutex_);
  }  // It sleeps, or hasn't looked yet.
  changed_.notify_all();
}

void Checkpointer::run() {
  std::chrono::nanoseconds retry = options_.retry_first;
  std::chrono::nanoseconds pause = options_.gather;
  while (wait(pause)) {
    if (try_checkpoint()) {
      retry = options_.retry_first;
      pause = options_.gather;
    } else {
      pause = std::exchange(retry, std::min(2 * retry, options_.retry_last));
      awake_.store(true);
    }
  }
}

// Waits for a commit, and then a while. False: it is to end.
bool Checkpointer::wait(std::chrono::nanoseconds pause) {
  const MutexLock lock(mutex_);
  while (!awake_.load() && !stopping_) changed_.wait(mutex_);
  while (!stopping_ && changed_.wait_for(mutex_, pause)) {
  }
  awake_.store(false);
  return !stopping_;
}

bool Checkpointer::try_checkpoint() {
  if (!options_.due()) return true;
  const auto written = options_.checkpoint();
  if (written) return true;
  const MutexLock lock(mutex_);
  ++failures_.count;
  failures_.last = written.error();
  return false;
}

Checkpointer::Failures Checkpointer::failures() const {
  const MutexLock lock(mutex_);
  return failures_;
}

// --- Workers -------------------------------------------------------------------------------------

Result<void> Workers::start(log::LogWriter& log, const log::FlusherOptions& flusher,
                            CheckpointerOptions checkpointer) {
  try {
    const MutexLock lock(mutex_);
    if (running()) return {};
    // Both or none; they end in stop().
    auto flushes = std::make_unique<log::Flusher>(log, flusher);
    checkpointer_ = std::make_unique<Checkpointer>(std::move(checkpointer));
    flusher_ = std::move(flushes);
    running_.store(true, std::memory_order_release);
  } catch (const std::system_error& error) {
    return fail(
        Error(Code::kResourceExhausted, "the system gives no thread: " + std::string(error.what()))
            .with_advice("Raise the limit of threads; or open the store without "
                         "background."));
  }
  return {};
}

void Workers::stop() {
  std::unique_ptr<log::Flusher> flusher;
  std::unique_ptr<Checkpointer> checkpointer;
  {
    const MutexLock lock(mutex_);
    running_.store(false, std::memory_order_release);
    flusher = std::move(flusher_);
    checkpointer = std::move(checkpointer_);
  }
  checkpointer.reset();
  flusher.reset();
}

void Workers::look_at_checkpoint() {
  const MutexLock lock(mutex_);
  if (checkpointer_) checkpointer_->wake();
}

void Workers::committed(bool awaited) {
  const MutexLock lock(mutex_);
  if (checkpointer_) checkpointer_->wake();
  if (flusher_ && !awaited) flusher_->wake();
}

Checkpointer::Failures Workers::failures() const {
  const MutexLock lock(mutex_);
  return checkpointer_ ? checkpointer_->failures() : Checkpointer::Failures{};
}

}  // namespace caisson::db

#include "log/flusher.h"

#include <utility>

namespace caisson::log {

Flusher::Flusher(LogWriter& writer, const FlusherOptions& options)
    : writer_(writer), options_(options), thread_([this] { run(); }) {
  writer_.set_driver([this] { return will_drive(); });
}

Flusher::~Flusher() {
  writer_.set_driver({});
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

void Flusher::wake() {
  {
    const MutexLock lock(mutex_);
    if (awake_) return;
    awake_ = true;
  }
  changed_.notify_all();
}

// Not while it makes a file, which may take long.
bool Flusher::will_drive() {
  {
    const MutexLock lock(mutex_);
    if (!waiting_) return false;
    driving_ = true;
  }
  changed_.notify_all();
  return true;
}

void Flusher::run() {
  bool stopping = false;
  while (!stopping) {
    bool woken = false;
    bool driving = false;
    {
      const MutexLock lock(mutex_);
      waiting_ = true;
      while (!awake_ && !driving_ && !stopping_ && changed_.wait_for(mutex_, options_.idle)) {
      }
      // Others may join while it waits.
      if (awake_ && !driving_ && !stopping_) changed_.wait_for(mutex_, options_.delay);
      waiting_ = false;
      driving = std::exchange(driving_, false);
      // What nobody waits for is flushed with the rest.
      woken = std::exchange(awake_, false);
      stopping = stopping_;
    }
    // Errors are sticky there, and each commit's own waiter gets them.
    if (driving) writer_.drive();
    if (woken || stopping) {
      (void)writer_.flush(writer_.appended());
      if (options_.flushed) options_.flushed();
    } else if (!driving) {
      (void)writer_.mark_idle();
    }
    if (!stopping) (void)writer_.prepare_ahead();
  }
}

}  // namespace caisson::log

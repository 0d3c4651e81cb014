#include "log/flusher.h"

namespace caisson::log {

Flusher::Flusher(LogWriter& writer, const FlusherOptions& options)
    : writer_(writer), options_(options), thread_([this] { run(); }) {}

Flusher::~Flusher() {
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

void Flusher::run() {
  bool stopping = false;
  while (!stopping) {
    bool woken = false;
    {
      const MutexLock lock(mutex_);
      while (!awake_ && !stopping_ && changed_.wait_for(mutex_, options_.idle)) {
      }
      // Others may join while it waits.
      if (awake_ && !stopping_) changed_.wait_for(mutex_, options_.delay);
      woken = awake_;
      awake_ = false;
      stopping = stopping_;
    }
    // Errors are sticky there, and each commit's own waiter gets them.
    if (woken || stopping) {
      (void)writer_.flush(writer_.appended());
      if (options_.flushed) options_.flushed();
    } else {
      (void)writer_.mark_idle();
    }
    if (!stopping) (void)writer_.prepare_ahead();
  }
}

}  // namespace caisson::log

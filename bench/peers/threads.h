// Operations that are timed: one by one, or by many threads that do them over and over.

#ifndef CAISSON_BENCH_PEERS_THREADS_H_
#define CAISSON_BENCH_PEERS_THREADS_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <latch>
#include <optional>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/mutex.h"
#include "bench/harness/run.h"

namespace caisson::bench {

// Times so many operations, behind those that warm up. Each is called with what `next` has made
// untimed.
template <typename Next, typename Operation>
void time_each(Run& run, std::size_t count, Next next, Operation operation) {
  run.warm_up([&] { operation(next()); });
  run.start();
  for (std::size_t i = 0; i < count; ++i) {
    const auto argument = next();
    const std::uint64_t begin = now_ns();
    operation(argument);
    run.record(now_ns() - begin);
  }
  run.stop();
  run.add_operations(count);
}

// What the first thread has thrown that threw anything.
class FirstThrown {
 public:
  template <typename Call>
  void guard(const Call& call) {
    try {
      call();
    } catch (...) {
      const MutexLock lock(mutex_);
      if (!thrown_) thrown_ = std::current_exception();
    }
  }

  void rethrow() {
    const MutexLock lock(mutex_);
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  Mutex mutex_;
  std::exception_ptr thrown_ CAISSON_GUARDED_BY(mutex_);
};

// Starts `count` threads. Each of them makes what it works with, by prepare(its number), and calls
// that until meanwhile(), which runs here, has returned, or it returns 0; each call returns how
// many steps it was. What they do counts, and meanwhile(); neither making it nor taking it down
// does. Returns all steps. Throws what one of them has thrown.
//
// `meanwhile` is called with a latch that all of them have passed when none has more to do.
template <typename Prepare, typename Meanwhile>
std::uint64_t in_threads(Run& run, std::size_t count, Prepare prepare, const Meanwhile& meanwhile) {
  std::latch ready(static_cast<std::ptrdiff_t>(count) + 1);
  std::latch done(static_cast<std::ptrdiff_t>(count));
  std::latch measured(1);
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> all_steps{0};
  FirstThrown thrown;
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      std::optional<std::invoke_result_t<Prepare, std::size_t>> step;
      thrown.guard([&] { step.emplace(prepare(i)); });
      ready.arrive_and_wait();
      thrown.guard([&] {
        std::uint64_t steps = 0;
        while (step && !over.load(std::memory_order_relaxed)) {
          const std::uint64_t more = (*step)();
          if (more == 0) break;
          steps += more;
        }
        all_steps.fetch_add(steps);
      });
      done.count_down();
      measured.wait();
    });
  }
  ready.arrive_and_wait();
  run.start();
  thrown.guard([&] { meanwhile(std::as_const(done)); });
  over.store(true);
  done.wait();
  run.stop();
  measured.count_down();
  threads.clear();
  thrown.rethrow();
  return all_steps.load();
}

// The same for so long; and for as long as there is anything to do.
template <typename Prepare>
std::uint64_t in_threads_for(Run& run, std::chrono::milliseconds time, std::size_t count,
                             Prepare prepare) {
  return in_threads(run, count, prepare,
                    [time](const std::latch&) { std::this_thread::sleep_for(time); });
}

template <typename Prepare>
std::uint64_t in_threads_to_the_end(Run& run, std::size_t count, Prepare prepare) {
  return in_threads(run, count, prepare, [](const std::latch& done) { done.wait(); });
}

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_PEERS_THREADS_H_

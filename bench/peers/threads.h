// Many threads that do the same thing over and over for a while.

#ifndef CAISSON_BENCH_PEERS_THREADS_H_
#define CAISSON_BENCH_PEERS_THREADS_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <thread>
#include <vector>

#include "bench/peers/meter.h"
#include "bench/support.h"

namespace caisson::bench {

// What threads did together, and what it cost the process.
struct Work {
  std::uint64_t steps = 0;
  double seconds = 0;
  Costs costs;
};

// Starts `count` threads. Each of them makes what it works with, by prepare(its number), and calls
// that until `meanwhile`, which runs here, has returned; each call returns how many steps it was.
// Neither making it nor taking it down counts.
template <typename Prepare, typename Meanwhile>
Work in_threads(std::size_t count, Prepare prepare, const Meanwhile& meanwhile) {
  std::latch ready(static_cast<std::ptrdiff_t>(count) + 1);
  std::latch done(static_cast<std::ptrdiff_t>(count));
  std::latch measured(1);
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> all_steps{0};
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      auto step = prepare(i);
      ready.arrive_and_wait();
      std::uint64_t steps = 0;
      while (!over.load(std::memory_order_relaxed)) steps += step();
      all_steps.fetch_add(steps);
      done.count_down();
      measured.wait();
    });
  }
  ready.arrive_and_wait();
  const Costs before = Costs::so_far();
  const std::uint64_t begin = now_ns();
  meanwhile();
  over.store(true);
  done.wait();
  Work work;
  work.seconds = static_cast<double>(now_ns() - begin) / 1e9;
  work.costs = Costs::so_far() - before;
  work.steps = all_steps.load();
  measured.count_down();
  return work;
}

// The same for so long.
template <typename Prepare>
Work in_threads_for(std::chrono::milliseconds time, std::size_t count, Prepare prepare) {
  return in_threads(count, prepare, [time] { std::this_thread::sleep_for(time); });
}

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_PEERS_THREADS_H_

// What operations cost, whoever does them: time, the processor's time of the whole process, and
// what was counted meanwhile: calls that read, write or flush files, system calls, allocations,
// page faults.
//
// Calls and allocations are counted where the C library is called (interpose.cc): a program that
// links it has functions of those names, which count and then do the same. Engines in shared
// libraries reach them, too. What is written through a mapping or by io_uring isn't seen so;
// who does that tells of it (Run::add_uncounted()).

#ifndef CAISSON_BENCH_HARNESS_COSTS_H_
#define CAISSON_BENCH_HARNESS_COSTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace caisson::bench {

// Counted since the process began, or the difference of two such.
struct Costs {
  std::uint64_t wall_ns = 0;
  std::uint64_t processor_ns = 0;  // Of all threads, the kernel's part included.
  std::uint64_t reads = 0;         // Calls that read,
  std::uint64_t bytes_read = 0;
  std::uint64_t writes = 0;  // and calls that write anything but zeros.
  std::uint64_t bytes_written = 0;
  std::uint64_t bytes_of_zeros = 0;  // Written by calls that write nothing else: room made ahead.
  std::uint64_t syncs = 0;           // Calls that flush, be it what they write themselves.
  std::uint64_t allocations = 0;
  std::uint64_t allocated_bytes = 0;
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  std::optional<std::uint64_t>
      system_calls{};  // Of all threads; none where the kernel doesn't say.

  static Costs so_far();
  Costs operator-(const Costs& before) const;
  Costs& operator+=(const Costs& more);
};

// What is counted where it happens.
enum class Count : std::uint8_t {
  kReads,
  kBytesRead,
  kWrites,
  kBytesWritten,
  kBytesOfZeros,
  kSyncs,
  kAllocations,
  kAllocatedBytes,
};
inline constexpr std::size_t kCountKinds = 8;

// Adds to a count of the process. Any thread may; never allocates.
void count(Count kind, std::uint64_t amount);

// Monotonic.
std::uint64_t now_ns();

// What all threads of the process have had of the processor, the kernel's for its io_uring
// included.
std::uint64_t processor_ns();

// From now on the kernel counts this thread's system calls, and those of threads that it starts. It
// costs each call some 100 ns. Without effect where the kernel doesn't let us.
void count_system_calls();

// What the process has had in memory at most since start_peak_rss(); bytes. It forgets what was
// before where the system lets it.
void start_peak_rss();
std::uint64_t peak_rss();

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_HARNESS_COSTS_H_

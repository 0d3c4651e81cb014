#include "bench/harness/costs.h"

#include <linux/perf_event.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>

namespace caisson::bench {
namespace {

// The first threads count in a place of their own each, which they alone write: counting must cost
// little, or it would show in what is measured. Later ones share the last place.
constexpr std::size_t kShards = 256;
struct alignas(64) Shard {
  std::array<std::atomic<std::uint64_t>, kCountKinds> counts{};
};
constinit std::array<Shard, kShards> shards{};
constinit std::atomic<std::size_t> threads{0};
constinit thread_local Shard* own_shard = nullptr;
constinit thread_local bool alone = false;

void choose_shard() {
  const std::size_t number = threads.fetch_add(1);
  alone = number < kShards - 1;
  own_shard = &shards[alone ? number : kShards - 1];
}

std::uint64_t total(Count kind) {
  std::uint64_t sum = 0;
  for (const Shard& shard : shards) {
    sum += shard.counts[static_cast<std::size_t>(kind)].load(std::memory_order_relaxed);
  }
  return sum;
}

std::uint64_t clock_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(time.tv_nsec);
}

constinit int system_call_counter = -1;

std::optional<std::uint64_t> counted_system_calls() {
  std::uint64_t value = 0;
  // The C library's read() would count itself.
  if (system_call_counter < 0 ||
      syscall(SYS_read, system_call_counter, &value, sizeof value) != sizeof value) {
    return {};
  }
  return value;
}

// A field of /proc/self/status, which is in KiB.
std::uint64_t status_bytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;) {
    std::uint64_t kib = 0;
    if (key == field && status >> kib) return kib * 1024;
    std::getline(status, key);
  }
  return 0;
}

}  // namespace

void count(Count kind, std::uint64_t amount) {
  if (own_shard == nullptr) choose_shard();
  auto& counter = own_shard->counts[static_cast<std::size_t>(kind)];
  if (alone) {
    counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  } else {
    counter.fetch_add(amount, std::memory_order_relaxed);
  }
}

std::uint64_t now_ns() { return clock_ns(CLOCK_MONOTONIC); }
std::uint64_t processor_ns() { return clock_ns(CLOCK_PROCESS_CPUTIME_ID); }

Costs Costs::so_far() {
  Costs costs;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    costs.minor_faults = static_cast<std::uint64_t>(usage.ru_minflt);
    costs.major_faults = static_cast<std::uint64_t>(usage.ru_majflt);
  }
  costs.reads = total(Count::kReads);
  costs.bytes_read = total(Count::kBytesRead);
  costs.writes = total(Count::kWrites);
  costs.bytes_written = total(Count::kBytesWritten);
  costs.bytes_of_zeros = total(Count::kBytesOfZeros);
  costs.syncs = total(Count::kSyncs);
  costs.allocations = total(Count::kAllocations);
  costs.allocated_bytes = total(Count::kAllocatedBytes);
  costs.system_calls = counted_system_calls();
  costs.processor_ns = bench::processor_ns();
  costs.wall_ns = now_ns();
  return costs;
}

Costs Costs::operator-(const Costs& before) const {
  Costs costs{.wall_ns = wall_ns - before.wall_ns,
              .processor_ns = processor_ns - before.processor_ns,
              .reads = reads - before.reads,
              .bytes_read = bytes_read - before.bytes_read,
              .writes = writes - before.writes,
              .bytes_written = bytes_written - before.bytes_written,
              .bytes_of_zeros = bytes_of_zeros - before.bytes_of_zeros,
              .syncs = syncs - before.syncs,
              .allocations = allocations - before.allocations,
              .allocated_bytes = allocated_bytes - before.allocated_bytes,
              .minor_faults = minor_faults - before.minor_faults,
              .major_faults = major_faults - before.major_faults};
  if (system_calls && before.system_calls) {
    // Beside what was measured there is the clock's and the faults' own: getrusage(), read().
    constexpr std::uint64_t kOwn = 2;
    const std::uint64_t seen = *system_calls - *before.system_calls;
    costs.system_calls = seen > kOwn ? seen - kOwn : 0;
  }
  return costs;
}

Costs& Costs::operator+=(const Costs& more) {
  const bool first = wall_ns == 0;
  wall_ns += more.wall_ns;
  processor_ns += more.processor_ns;
  reads += more.reads;
  bytes_read += more.bytes_read;
  writes += more.writes;
  bytes_written += more.bytes_written;
  bytes_of_zeros += more.bytes_of_zeros;
  syncs += more.syncs;
  allocations += more.allocations;
  allocated_bytes += more.allocated_bytes;
  minor_faults += more.minor_faults;
  major_faults += more.major_faults;
  if (first) {
    system_calls = more.system_calls;
  } else if (system_calls && more.system_calls) {
    *system_calls += *more.system_calls;
  }
  return *this;
}

void count_system_calls() {
  std::uint64_t id = 0;
  std::ifstream("/sys/kernel/tracing/events/raw_syscalls/sys_enter/id") >> id;
  if (id == 0) return;
  perf_event_attr event{};
  event.type = PERF_TYPE_TRACEPOINT;
  event.size = sizeof event;
  event.config = id;
  event.inherit = 1;
  const long file = syscall(SYS_perf_event_open, &event, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
  if (file >= 0) system_call_counter = static_cast<int>(file);
}

void start_peak_rss() { std::ofstream("/proc/self/clear_refs") << "5"; }
std::uint64_t peak_rss() { return status_bytes("VmHWM:"); }

}  // namespace caisson::bench

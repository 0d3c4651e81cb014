#include "bench/peers/meter.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <span>

#include "bench/support.h"

namespace caisson::bench {
namespace {

struct Counters {
  std::atomic<std::uint64_t> writes{0};
  std::atomic<std::uint64_t> bytes_written{0};
  std::atomic<std::uint64_t> bytes_of_zeros{0};
  std::atomic<std::uint64_t> flushes{0};
};
constinit Counters counters;

void add(std::atomic<std::uint64_t>& counter, std::uint64_t count) {
  counter.fetch_add(count, std::memory_order_relaxed);
}

bool all_zero(const iovec& part) {
  const auto* const bytes = static_cast<const char*>(part.iov_base);
  return part.iov_len == 0 ||
         (bytes[0] == 0 && std::memcmp(bytes, bytes + 1, part.iov_len - 1) == 0);
}

// Counts a write of `parts` that returned `done`.
long count_write(int file, std::span<const iovec> parts, bool flushes_itself, long done) {
  if (done <= 0) return done;
  bool zeros = true;
  for (const iovec& part : parts) zeros = zeros && all_zero(part);
  const auto size = static_cast<std::uint64_t>(done);
  add(zeros ? counters.bytes_of_zeros : counters.bytes_written, size);
  if (!zeros) add(counters.writes, 1);
  // A file may have been opened so that each write is durable when it returns.
  const int error = errno;
  const int flags = fcntl(file, F_GETFL);
  errno = error;
  if (flushes_itself || (flags >= 0 && (flags & O_DSYNC) != 0)) add(counters.flushes, 1);
  return done;
}

long count_write(int file, const void* from, std::size_t size, long done) {
  const iovec part{const_cast<void*>(from), size};
  return count_write(file, {&part, 1}, false, done);
}

long count_vector(int file, const iovec* parts, int count, int flags, long done) {
  return count_write(file, {parts, static_cast<std::size_t>(count)}, (flags & RWF_DSYNC) != 0,
                     done);
}

long vector_call(int file, const iovec* parts, int count, off_t offset, int flags) {
  // The offset is passed in two halves, of which the second one is for 32-bit systems.
  return count_vector(file, parts, count, flags,
                      syscall(SYS_pwritev2, file, parts, count, offset, 0, flags));
}

int count_flush(long result) {
  add(counters.flushes, 1);
  return static_cast<int>(result);
}

}  // namespace

Costs Costs::so_far() {
  Costs costs;
  costs.processor_ns = bench::processor_ns();
  costs.writes = counters.writes.load();
  costs.bytes_written = counters.bytes_written.load();
  costs.bytes_of_zeros = counters.bytes_of_zeros.load();
  costs.flushes = counters.flushes.load();
  return costs;
}

Costs Costs::operator-(const Costs& before) const {
  return {.processor_ns = processor_ns - before.processor_ns,
          .writes = writes - before.writes,
          .bytes_written = bytes_written - before.bytes_written,
          .bytes_of_zeros = bytes_of_zeros - before.bytes_of_zeros,
          .flushes = flushes - before.flushes};
}

void report_costs(benchmark::State& state, const Costs& costs, double operations) {
  const auto each = [operations](std::uint64_t count) {
    return static_cast<double>(count) / operations;
  };
  state.counters["cpu_s"] = each(costs.processor_ns) / 1e9;
  state.counters["flushes"] = each(costs.flushes);
  state.counters["writes"] = each(costs.writes);
  state.counters["KiB_written"] = each(costs.bytes_written) / 1024;
  if (costs.bytes_of_zeros != 0) state.counters["KiB_zeros"] = each(costs.bytes_of_zeros) / 1024;
}

}  // namespace caisson::bench

// --- The calls that are counted ------------------------------------------------------------------

using caisson::bench::count_flush;
using caisson::bench::count_write;
using caisson::bench::vector_call;

// Shared libraries, too, are to find them.
#pragma GCC visibility push(default)

extern "C" {

ssize_t write(int file, const void* from, size_t size) {
  return count_write(file, from, size, syscall(SYS_write, file, from, size));
}

ssize_t pwrite(int file, const void* from, size_t size, off_t offset) {
  return count_write(file, from, size, syscall(SYS_pwrite64, file, from, size, offset));
}

ssize_t pwrite64(int file, const void* from, size_t size, off64_t offset) {
  return count_write(file, from, size, syscall(SYS_pwrite64, file, from, size, offset));
}

ssize_t writev(int file, const iovec* parts, int count) {
  return caisson::bench::count_vector(file, parts, count, 0,
                                      syscall(SYS_writev, file, parts, count));
}

ssize_t pwritev(int file, const iovec* parts, int count, off_t offset) {
  return vector_call(file, parts, count, offset, 0);
}

ssize_t pwritev64(int file, const iovec* parts, int count, off64_t offset) {
  return vector_call(file, parts, count, offset, 0);
}

ssize_t pwritev2(int file, const iovec* parts, int count, off_t offset, int flags) {
  return vector_call(file, parts, count, offset, flags);
}

ssize_t pwritev64v2(int file, const iovec* parts, int count, off64_t offset, int flags) {
  return vector_call(file, parts, count, offset, flags);
}

int fsync(int file) { return count_flush(syscall(SYS_fsync, file)); }

int fdatasync(int file) { return count_flush(syscall(SYS_fdatasync, file)); }

int sync_file_range(int file, off64_t offset, off64_t size, unsigned flags) {
  return count_flush(syscall(SYS_sync_file_range, file, offset, size, flags));
}
}

#pragma GCC visibility pop

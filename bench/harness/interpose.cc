// Functions of the names that the C library gives to calls that read, write and flush files, and
// that allocate: they count, and do the same. They stand in the program, so that it and every
// shared library that it loads calls them.

#include <fcntl.h>
#include <malloc.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>

#include "bench/harness/costs.h"

namespace {

using caisson::bench::Count;

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
  count(zeros ? Count::kBytesOfZeros : Count::kBytesWritten, static_cast<std::uint64_t>(done));
  if (!zeros) count(Count::kWrites, 1);
  // A file may have been opened so that each write is durable when it returns.
  const int error = errno;
  const int flags = fcntl(file, F_GETFL);
  errno = error;
  if (flushes_itself || (flags >= 0 && (flags & O_DSYNC) != 0)) count(Count::kSyncs, 1);
  return done;
}

long count_write(int file, const void* from, std::size_t size, long done) {
  const iovec part{const_cast<void*>(from), size};
  return count_write(file, {&part, 1}, false, done);
}

long write_vector(int file, const iovec* parts, int count, off_t offset, int flags) {
  // The offset is passed in two halves, of which the second one is for 32-bit systems.
  const long done = syscall(SYS_pwritev2, file, parts, count, offset, 0, flags);
  return count_write(file, {parts, static_cast<std::size_t>(count)}, (flags & RWF_DSYNC) != 0,
                     done);
}

long count_read(long done) {
  if (done < 0) return done;
  count(Count::kReads, 1);
  count(Count::kBytesRead, static_cast<std::uint64_t>(done));
  return done;
}

long read_vector(int file, const iovec* parts, int count, off_t offset, int flags) {
  return count_read(syscall(SYS_preadv2, file, parts, count, offset, 0, flags));
}

int count_flush(long result) {
  count(Count::kSyncs, 1);
  return static_cast<int>(result);
}

void count_allocation(std::size_t size) {
  count(Count::kAllocations, 1);
  count(Count::kAllocatedBytes, size);
}

}  // namespace

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
  return count_write(file, {parts, static_cast<std::size_t>(count)}, false,
                     syscall(SYS_writev, file, parts, count));
}

ssize_t pwritev(int file, const iovec* parts, int count, off_t offset) {
  return write_vector(file, parts, count, offset, 0);
}

ssize_t pwritev64(int file, const iovec* parts, int count, off64_t offset) {
  return write_vector(file, parts, count, offset, 0);
}

ssize_t pwritev2(int file, const iovec* parts, int count, off_t offset, int flags) {
  return write_vector(file, parts, count, offset, flags);
}

ssize_t pwritev64v2(int file, const iovec* parts, int count, off64_t offset, int flags) {
  return write_vector(file, parts, count, offset, flags);
}

ssize_t read(int file, void* to, size_t size) {
  return count_read(syscall(SYS_read, file, to, size));
}

ssize_t pread(int file, void* to, size_t size, off_t offset) {
  return count_read(syscall(SYS_pread64, file, to, size, offset));
}

ssize_t pread64(int file, void* to, size_t size, off64_t offset) {
  return count_read(syscall(SYS_pread64, file, to, size, offset));
}

ssize_t readv(int file, const iovec* parts, int count) {
  return count_read(syscall(SYS_readv, file, parts, count));
}

ssize_t preadv(int file, const iovec* parts, int count, off_t offset) {
  return read_vector(file, parts, count, offset, 0);
}

ssize_t preadv64(int file, const iovec* parts, int count, off64_t offset) {
  return read_vector(file, parts, count, offset, 0);
}

ssize_t preadv2(int file, const iovec* parts, int count, off_t offset, int flags) {
  return read_vector(file, parts, count, offset, flags);
}

ssize_t preadv64v2(int file, const iovec* parts, int count, off64_t offset, int flags) {
  return read_vector(file, parts, count, offset, flags);
}

int fsync(int file) { return count_flush(syscall(SYS_fsync, file)); }

int fdatasync(int file) { return count_flush(syscall(SYS_fdatasync, file)); }

int sync_file_range(int file, off64_t offset, off64_t size, unsigned flags) {
  return count_flush(syscall(SYS_sync_file_range, file, offset, size, flags));
}

// --- Memory --------------------------------------------------------------------------------------

// What the C library's own functions do, under the names that it keeps for such as these.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

void* malloc(size_t size) {
  count_allocation(size);
  return __libc_malloc(size);
}

void* calloc(size_t count, size_t size) {
  count_allocation(count * size);
  return __libc_calloc(count, size);
}

void* realloc(void* old, size_t size) {
  count_allocation(size);
  return __libc_realloc(old, size);
}

void* memalign(size_t alignment, size_t size) {
  count_allocation(size);
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void** result, size_t alignment, size_t size) {
  if (alignment < sizeof(void*) || (alignment & (alignment - 1)) != 0) return EINVAL;
  void* const block = memalign(alignment, size);
  if (block == nullptr) return ENOMEM;
  *result = block;
  return 0;
}
}

#pragma GCC visibility pop

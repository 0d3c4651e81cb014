// A file as the limits see it: system calls and nothing else.

#ifndef CAISSON_BENCH_SUPPORT_RAW_FILE_H_
#define CAISSON_BENCH_SUPPORT_RAW_FILE_H_

#include <caisson/types.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

namespace caisson::bench {

// Throws std::system_error.
class RawFile {
 public:
  RawFile(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    check(fd_ < 0 ? -1 : 0, "open");
  }
  ~RawFile() { ::close(fd_); }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  int fd() const { return fd_; }

  void read(std::uint64_t offset, MutableBytes into) const {
    const ssize_t count = pread(fd_, into.data(), into.size(), static_cast<off_t>(offset));
    check(count == static_cast<ssize_t>(into.size()) ? 0 : -1, "read");
  }
  void write(std::uint64_t offset, Bytes from) const {
    const ssize_t count = pwrite(fd_, from.data(), from.size(), static_cast<off_t>(offset));
    check(count == static_cast<ssize_t>(from.size()) ? 0 : -1, "write");
  }
  void write_dsync(std::uint64_t offset, Bytes from) const {
    // The kernel only reads through it.
    const iovec part{const_cast<std::byte*>(from.data()), from.size()};
    const ssize_t count = pwritev2(fd_, &part, 1, static_cast<off_t>(offset), RWF_DSYNC);
    check(count == static_cast<ssize_t>(from.size()) ? 0 : -1, "write and flush");
  }
  void flush() const { check(fdatasync(fd_), "flush"); }
  void lock() const {
    struct flock range{};
    range.l_type = F_WRLCK;
    range.l_len = 1;
    check(fcntl(fd_, F_OFD_SETLK, &range), "lock");
  }

 private:
  static void check(int result, const char* what) {
    if (result != 0) throw std::system_error(errno, std::generic_category(), what);
  }

  int fd_;
};

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_SUPPORT_RAW_FILE_H_

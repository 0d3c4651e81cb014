// A log as the machine sees it: blocks written past the page cache, one behind the other, into a
// file that was written before, as log files are. What commits are held against.

#ifndef CAISSON_BENCH_SUPPORT_RAW_LOG_H_
#define CAISSON_BENCH_SUPPORT_RAW_LOG_H_

#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "bench/support/raw_file.h"
#include "io/memory.h"

namespace caisson::bench {

class RawLog {
 public:
  static constexpr std::size_t kBlockSize = 4096;
  static constexpr std::uint64_t kFileSize = std::uint64_t{64} << 20U;

  explicit RawLog(const std::string& path) : file_(fill(path), O_RDWR | O_DIRECT) {
    Random(1).fill(block_.bytes());
  }

  void append_and_flush() {
    file_.write(next(), block_.bytes());
    file_.flush();
  }
  void append_dsync() { file_.write_dsync(next(), block_.bytes()); }

 private:
  static std::string fill(std::string path) {
    const std::vector<std::byte> zeros(std::size_t{1} << 20U);
    const RawFile file(path, O_RDWR | O_CREAT | O_TRUNC);
    for (std::uint64_t at = 0; at < kFileSize; at += zeros.size()) file.write(at, zeros);
    file.flush();
    return path;
  }

  std::uint64_t next() {
    const std::uint64_t at = at_;
    at_ = (at_ + kBlockSize) % kFileSize;
    return at;
  }

  RawFile file_;
  io::AlignedBuffer block_{kBlockSize};
  std::uint64_t at_ = 0;
};

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_SUPPORT_RAW_LOG_H_

// What the disk really gave.

#ifndef CAISSON_BENCH_SUPPORT_DISK_READS_H_
#define CAISSON_BENCH_SUPPORT_DISK_READS_H_

#include <cstdint>
#include <string>

namespace caisson::bench {

struct DiskReads {
  std::uint64_t bytes = 0;     // Read from any disk by this process.
  std::uint64_t requests = 0;  // On the whole disk, by anybody; 0 where the system doesn't say.

  // Since the system began. `file` is on the disk.
  static DiskReads now(const std::string& file);

  DiskReads operator-(const DiskReads& before) const {
    return {.bytes = bytes - before.bytes, .requests = requests - before.requests};
  }
  DiskReads& operator+=(const DiskReads& more) {
    bytes += more.bytes;
    requests += more.requests;
    return *this;
  }
};

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_SUPPORT_DISK_READS_H_

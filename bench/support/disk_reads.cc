#include "bench/support/disk_reads.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fstream>

namespace caisson::bench {

DiskReads DiskReads::now(const std::string& file) {
  DiskReads reads;
  std::ifstream io("/proc/self/io");
  for (std::string key; io >> key;) {
    std::uint64_t value = 0;
    io >> value;
    if (key == "read_bytes:") reads.bytes = value;
  }
  struct stat info{};
  if (stat(file.c_str(), &info) == 0) {
    std::ifstream disk("/sys/dev/block/" + std::to_string(major(info.st_dev)) + ":" +
                       std::to_string(minor(info.st_dev)) + "/stat");
    disk >> reads.requests;
  }
  return reads;
}

}  // namespace caisson::bench

// Where and with what results came about.

#ifndef CAISSON_BENCH_HARNESS_MACHINE_H_
#define CAISSON_BENCH_HARNESS_MACHINE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace caisson::bench {

struct FileSystem {
  std::string name;        // "ext4".
  bool in_memory = false;  // Flushing and a cold cache mean nothing there.
  std::string device;      // The disk that it is on, with its model where the system tells one.
};
FileSystem file_system_of(const std::string& path);

struct Machine {
  std::string cpu;
  std::vector<std::string> cpu_features;  // Of those that kernels are chosen by.
  std::uint64_t cores = 1;
  std::uint64_t memory_bytes = 0;
  std::string architecture;
  std::string kernel;
  std::string governor;  // Of the processor's frequency; "none" where the machine shows none.
};
Machine this_machine();

struct Build {
  std::string version;
  std::string commit;  // "unknown" outside a repository.
  bool dirty = false;  // With changes that are in no commit.
  std::string compiler;
  std::string flags;
  std::string build_type;
};
Build this_build();

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_HARNESS_MACHINE_H_

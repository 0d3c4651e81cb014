#include "bench/support.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <time.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace caisson::bench {
namespace {

constexpr std::array<std::pair<std::uint64_t, const char*>, 8> kFileSystems = {{
    {0xEF53, "ext4"},
    {0x58465342, "xfs"},
    {0x9123683E, "btrfs"},
    {0xF2F52010, "f2fs"},
    {0x2FC12FC1, "zfs"},
    {0x794C7630, "overlay"},
    {0x01021994, "tmpfs"},
    {0x858458F6, "ramfs"},
}};

std::string file_system_of(const std::string& path) {
  struct statfs info{};
  if (statfs(path.c_str(), &info) != 0) return "unknown";
  const auto type = static_cast<std::uint64_t>(info.f_type) & 0xFFFFFFFFU;
  for (const auto& [magic, name] : kFileSystems) {
    if (magic == type) return name;
  }
  return "type " + std::to_string(type);
}

bool is_in_memory(const std::string& file_system) {
  return file_system == "tmpfs" || file_system == "ramfs";
}

std::string choose_parent() {
  if (const char* chosen = std::getenv("CAISSON_BENCH_DIR"); chosen != nullptr) return chosen;
  std::vector<std::string> candidates = {"/tmp", "/var/tmp"};
  if (const char* temporary = std::getenv("TMPDIR"); temporary != nullptr) {
    candidates.insert(candidates.begin(), temporary);
  }
  for (const std::string& path : candidates) {
    if (!is_in_memory(file_system_of(path))) return path;
  }
  return candidates.front();
}

struct TemporaryDirectory {
  std::string path;

  TemporaryDirectory() {
    path = choose_parent() + "/caisson-bench-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
      throw std::system_error(errno, std::generic_category(), "can't make " + path);
    }
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

bool& failed_flag() {
  static bool failed = false;
  return failed;
}

std::vector<Pair>& mutable_pairs() {
  static std::vector<Pair> pairs;
  return pairs;
}

}  // namespace

const std::string& directory() {
  static const TemporaryDirectory temporary;
  return temporary.path;
}

std::string file_system_name() { return file_system_of(directory()); }
bool in_memory() { return is_in_memory(file_system_name()); }

void fail(benchmark::State& state, const std::string& message) {
  failed_flag() = true;
  state.SkipWithError(message.c_str());
}

bool any_failed() { return failed_flag(); }

bool hold_against(const std::string& name, const std::string& limit) {
  mutable_pairs().push_back({name, limit});
  return true;
}

const std::vector<Pair>& pairs() { return mutable_pairs(); }

void report_latencies(benchmark::State& state, const Histogram& nanoseconds) {
  const Histogram::Snapshot seen = nanoseconds.snapshot();
  state.counters[kMedianCounter] = static_cast<double>(seen.percentile(50)) / 1e9;
  state.counters[kTailCounter] = static_cast<double>(seen.percentile(99)) / 1e9;
}

std::uint64_t processor_ns() {
  timespec spent{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<std::uint64_t>(spent.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(spent.tv_nsec);
}

DiskReads DiskReads::now() {
  DiskReads reads;
  std::ifstream io("/proc/self/io");
  for (std::string key; io >> key;) {
    std::uint64_t value = 0;
    io >> value;
    if (key == "read_bytes:") reads.bytes = value;
  }
  struct stat info{};
  if (stat(directory().c_str(), &info) == 0) {
    std::ifstream disk("/sys/dev/block/" + std::to_string(major(info.st_dev)) + ":" +
                       std::to_string(minor(info.st_dev)) + "/stat");
    disk >> reads.requests;
  }
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    reads.major_faults = static_cast<std::uint64_t>(usage.ru_majflt);
  }
  return reads;
}

}  // namespace caisson::bench

#include "bench/harness/machine.h"

#include <caisson/version.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include <bench_build.h>

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

constexpr std::string_view kFeatures[] = {
    "sse4_2",   "pclmulqdq", "avx2",        "fma",        "f16c",        "avx512f",
    "avx512bw", "avx512vl",  "avx512_vnni", "vpclmulqdq", "avx512_bf16", "avx_vnni",
    "crc32",    "pmull",     "asimd",       "asimddp",    "sve",         "i8mm",
};

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::string name_of_type(std::uint64_t type) {
  for (const auto& [magic, name] : kFileSystems) {
    if (magic == type) return name;
  }
  std::ostringstream text;
  text << "type " << std::hex << type;
  return text.str();
}

// What the system tells of the disk behind a number.
std::string device_of(dev_t number) {
  const std::string folder =
      "/sys/dev/block/" + std::to_string(major(number)) + ":" + std::to_string(minor(number));
  std::ifstream events(folder + "/uevent");
  std::string name;
  for (std::string line; std::getline(events, line);) {
    if (line.starts_with("DEVNAME=")) name = line.substr(8);
  }
  if (name.empty()) return "unknown";
  // A partition lies below its disk.
  for (const char* device : {"/device/model", "/../device/model"}) {
    if (const std::string model = first_line(folder + device); !model.empty()) {
      return name.append(" (").append(model).append(")");
    }
  }
  return name;
}

// What /proc/cpuinfo says of the first processor under one of these names.
std::string processor_field(std::initializer_list<std::string_view> names) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    for (const std::string_view name : names) {
      const auto colon = line.find(": ");
      if (line.starts_with(name) && colon != std::string::npos) return line.substr(colon + 2);
    }
  }
  return "";
}

std::string or_else(const std::string& text, const char* otherwise) {
  return text.empty() ? otherwise : text;
}

}  // namespace

FileSystem file_system_of(const std::string& path) {
  FileSystem found{.name = "unknown", .in_memory = false, .device = "unknown"};
  struct statfs info{};
  if (statfs(path.c_str(), &info) == 0) {
    found.name = name_of_type(static_cast<std::uint64_t>(info.f_type) & 0xFFFFFFFFU);
    found.in_memory = found.name == "tmpfs" || found.name == "ramfs";
  }
  struct stat file{};
  if (!found.in_memory && stat(path.c_str(), &file) == 0) found.device = device_of(file.st_dev);
  return found;
}

Machine this_machine() {
  Machine machine;
  machine.cpu = or_else(processor_field({"model name", "Model"}), "unknown");
  std::istringstream flags(processor_field({"flags", "Features"}));
  for (std::string flag; flags >> flag;) {
    if (std::ranges::find(kFeatures, flag) != std::end(kFeatures)) {
      machine.cpu_features.push_back(flag);
    }
  }
  machine.cores = static_cast<std::uint64_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  machine.memory_bytes = static_cast<std::uint64_t>(std::max(1L, sysconf(_SC_PHYS_PAGES))) *
                         static_cast<std::uint64_t>(std::max(1L, sysconf(_SC_PAGESIZE)));
  utsname system{};
  if (uname(&system) == 0) {
    machine.architecture = system.machine;
    machine.kernel = std::string(system.sysname) + " " + system.release;
  }
  machine.governor =
      or_else(first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"), "none");
  return machine;
}

Build this_build() {
  return {.version = std::string(caisson::version()),
          .commit = CAISSON_BENCH_COMMIT,
          .dirty = CAISSON_BENCH_DIRTY,
          .compiler = CAISSON_BENCH_COMPILER,
          .flags = CAISSON_BENCH_FLAGS,
          .build_type = CAISSON_BENCH_BUILD_TYPE};
}

}  // namespace caisson::bench

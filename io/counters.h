// How often a Vfs called the operating system, and for how many bytes.

#ifndef CAISSON_IO_COUNTERS_H_
#define CAISSON_IO_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace caisson::io {

// One kind of call to the operating system.
enum class Call : std::uint8_t {
  kOpen,
  kRead,
  kWrite,
  kWriteAndSync,
  kSyncData,
  kSyncAll,
  kSyncDirectory,
  kAllocate,
  kTruncate,
  kSize,
  kIdentity,
  kLock,
  kUnlock,
  kFindLock,
  kAdvise,
  kMap,
  kPopulate,
  kLockMemory,
  kRename,
  kUnlink,
  kMakeDirectory,
  kList,
  kStatFileSystem,
  kRandom,
};

inline constexpr std::size_t kCallCount = static_cast<std::size_t>(Call::kRandom) + 1;

// The call's name in reports and replay commands, such as "sync_data". Lives for ever.
std::string_view to_string(Call call);

// Counts calls (each attempt, so that a read which was interrupted twice counts three times) and
// the bytes that reads and writes moved. Thread-safe; relaxed, so two counters may disagree for
// a moment.
class Counters {
 public:
  void count(Call call, std::uint64_t bytes = 0) {
    const auto index = static_cast<std::size_t>(call);
    calls_[index].fetch_add(1, std::memory_order_relaxed);
    if (bytes != 0) bytes_[index].fetch_add(bytes, std::memory_order_relaxed);
  }

  std::uint64_t calls(Call call) const {
    return calls_[static_cast<std::size_t>(call)].load(std::memory_order_relaxed);
  }

  std::uint64_t bytes(Call call) const {
    return bytes_[static_cast<std::size_t>(call)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, kCallCount> calls_{};
  std::array<std::atomic<std::uint64_t>, kCallCount> bytes_{};
};

}  // namespace caisson::io

#endif  // CAISSON_IO_COUNTERS_H_

// Memory straight from the operating system.

#ifndef CAISSON_IO_MEMORY_H_
#define CAISSON_IO_MEMORY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/result.h"

namespace caisson::io {

// A range of addresses whose memory appears, filled with zeros, when it is first touched. Costs
// address space only until then, so a table can be as long as it may ever become and never move.
class ReservedMemory {
 public:
  ReservedMemory() = default;
  ReservedMemory(const ReservedMemory&) = delete;
  ReservedMemory& operator=(const ReservedMemory&) = delete;
  ReservedMemory(ReservedMemory&& other) noexcept;
  ReservedMemory& operator=(ReservedMemory&& other) noexcept;
  ~ReservedMemory();

  // Reserves `size` bytes, aligned to a system page. kResourceExhausted when the address space
  // that the process may use is too small.
  static Result<ReservedMemory> create(std::uint64_t size);

  std::byte* data() const { return data_; }
  std::uint64_t size() const { return size_; }

  // Lets the memory of a range appear now, for less than touching each of its units would cost.
  // Only a hint.
  void populate(std::uint64_t offset, std::uint64_t size);

  // Gives the memory of a range back, as much of it as whole units of memory_page_size() hold.
  // Those read as zeros again; the rest of the range keeps its bytes, as all others do.
  void discard(std::uint64_t offset, std::uint64_t size);

 private:
  std::byte* data_ = nullptr;
  std::uint64_t size_ = 0;
};

// A buffer that direct reads and writes accept. Its bytes start as zeros.
class AlignedBuffer {
 public:
  explicit AlignedBuffer(std::size_t size);

  std::byte* data() { return data_.get(); }
  std::size_t size() const { return size_; }
  MutableBytes bytes() { return {data_.get(), size_}; }

 private:
  struct Free {
    void operator()(std::byte* data) const;
  };
  std::unique_ptr<std::byte[], Free> data_;
  std::size_t size_;
};

// Tells a process that was forked off from the one that made this. Thread-safe.
class ForkMark {
 public:
  ForkMark();

  // Whether this is a child, or a child's: the number of its process is another. False where the
  // system can't tell.
  bool in_child() const { return process_->load(std::memory_order_relaxed) != made_in_; }

  // Whether this is no child, for sure.
  bool in_parent() const;

 private:
  const std::atomic<std::uint64_t>* process_;  // In memory that the system wipes in a child.
  std::uint64_t made_in_;
};

// The size of one unit of the system's memory management, in bytes: 4,096 on most machines, 16 or
// 64 KiB on some.
std::size_t memory_page_size();

// A range of bytes.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// The whole units within a range: its start rounded up, its end rounded down. Size 0 if there are
// none. REQUIRES: `unit` is a power of two; the range ends before 2^63.
constexpr ByteRange whole_units(ByteRange range, std::uint64_t unit) {
  const std::uint64_t begin = (range.offset + unit - 1) & ~(unit - 1);
  const std::uint64_t end = (range.offset + range.size) & ~(unit - 1);
  return {begin, end > begin ? end - begin : 0};
}

}  // namespace caisson::io

#endif  // CAISSON_IO_MEMORY_H_

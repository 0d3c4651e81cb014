// Page id -> where its verified bytes are. The only indirection between a tree and its pages.

#ifndef CAISSON_PAGER_PAGE_TABLE_H_
#define CAISSON_PAGER_PAGE_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/ids.h"
#include "base/result.h"
#include "io/memory.h"

namespace caisson::pager {

// Two dense arrays over addresses that are reserved once, so neither ever moves: for each page
// an entry of 8 bytes (an address, and a bit "verified") and its checksum as far as this process
// knows it.
//
// Thread-safe. A reader loads an entry with acquire order, a change stores it with release
// order; so whoever sees an address sees the bytes there.
class PageTable {
 public:
  PageTable() = default;

  // A table for ids below `capacity`. kResourceExhausted when the addresses aren't to be had.
  static Result<PageTable> create(std::uint64_t capacity);

  std::uint64_t capacity() const { return capacity_; }

  // The page's bytes if they have been verified, else null. The hot path of every read: one
  // load and one test. Any id may be asked for.
  const std::byte* ready(PageId id) const {
    const auto index = to_u64(id);
    if (index >= capacity_) [[unlikely]]
      return nullptr;
    const std::uint64_t value = entry(index).load(std::memory_order_acquire);
    return (value & kVerified) != 0 ? pointer(value) : nullptr;
  }

  // The page's bytes whether verified or cooling, else null. REQUIRES: id < capacity(), here
  // and below.
  const std::byte* present(PageId id) const {
    return pointer(entry(to_u64(id)).load(std::memory_order_acquire));
  }

  // Makes the bytes known as verified. They are aligned to a page of memory.
  void set_ready(PageId id, const std::byte* bytes) {
    entry(to_u64(id)).store(address(bytes) | kVerified, std::memory_order_release);
  }

  // The same, if nothing is known yet; false if something is.
  bool set_ready_if_absent(PageId id, const std::byte* bytes) {
    std::uint64_t none = 0;
    return entry(to_u64(id))
        .compare_exchange_strong(none, address(bytes) | kVerified, std::memory_order_acq_rel);
  }

  // Second chance of a cached page: cooling takes the bit away, so that the next reader comes
  // by the slow path and warms it again. Both say whether they changed something.
  bool cool(PageId id) {
    const std::uint64_t old = entry(to_u64(id)).fetch_and(~kVerified, std::memory_order_acq_rel);
    return (old & kVerified) != 0;
  }
  bool warm(PageId id, const std::byte* bytes) {
    std::uint64_t cooled = address(bytes);
    return entry(to_u64(id))
        .compare_exchange_strong(cooled, cooled | kVerified, std::memory_order_acq_rel);
  }

  // Removes a page that nobody has warmed since it was cooled; false if somebody has.
  bool remove_if_cool(PageId id, const std::byte* bytes) {
    std::uint64_t cooled = address(bytes);
    return entry(to_u64(id)).compare_exchange_strong(cooled, 0, std::memory_order_acq_rel);
  }

  // Nothing is known of the page's place; its checksum stays.
  void remove(PageId id) { entry(to_u64(id)).store(0, std::memory_order_release); }

  // The checksum that the page's bytes in the file have: known once this process has verified
  // or written them; 0 if unknown.
  std::uint32_t checksum(PageId id) const {
    return checksum_cell(to_u64(id)).load(std::memory_order_relaxed);
  }
  void set_checksum(PageId id, std::uint32_t checksum) {
    checksum_cell(to_u64(id)).store(checksum, std::memory_order_relaxed);
  }

 private:
  static constexpr std::uint64_t kVerified = 1;

  static std::uint64_t address(const std::byte* bytes) {
    return reinterpret_cast<std::uintptr_t>(bytes);
  }
  static const std::byte* pointer(std::uint64_t value) {
    return reinterpret_cast<const std::byte*>(value & ~kVerified);
  }

  // The reserved memory starts at a page of the system's, and as zeros.
  static_assert(std::atomic_ref<std::uint64_t>::required_alignment <= 4096 &&
                sizeof(std::uint64_t) % std::atomic_ref<std::uint64_t>::required_alignment == 0);
  static_assert(sizeof(std::uint32_t) % std::atomic_ref<std::uint32_t>::required_alignment == 0);
  static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);  // Readers take no lock.

  std::atomic_ref<std::uint64_t> entry(std::uint64_t index) const {
    return std::atomic_ref(reinterpret_cast<std::uint64_t*>(entries_.data())[index]);
  }
  std::atomic_ref<std::uint32_t> checksum_cell(std::uint64_t index) const {
    return std::atomic_ref(reinterpret_cast<std::uint32_t*>(checksums_.data())[index]);
  }

  std::uint64_t capacity_ = 0;
  io::ReservedMemory entries_;
  io::ReservedMemory checksums_;
};

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_PAGE_TABLE_H_

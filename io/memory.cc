#include "io/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <new>
#include <utility>

#include "io/file.h"

namespace caisson::io {

ReservedMemory::ReservedMemory(ReservedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

ReservedMemory& ReservedMemory::operator=(ReservedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

ReservedMemory::~ReservedMemory() {
  if (data_ != nullptr) munmap(data_, size_);
}

Result<ReservedMemory> ReservedMemory::create(std::uint64_t size) {
  if (size == 0) return ReservedMemory();
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) {
    return fail(Error(Code::kResourceExhausted,
                      "cannot reserve " + std::to_string(size) + " bytes of addresses")
                    .with_advice("Raise the process's address space limit (ulimit -v) or lower the "
                                 "address_space_bytes option."));
  }
  ReservedMemory memory;
  memory.data_ = static_cast<std::byte*>(data);
  memory.size_ = size;
  return memory;
}

void ReservedMemory::populate(std::uint64_t offset, std::uint64_t size) {
#ifdef MADV_POPULATE_WRITE
  const ByteRange whole = whole_units({offset, size}, memory_page_size());
  if (whole.size != 0) (void)madvise(data_ + whole.offset, whole.size, MADV_POPULATE_WRITE);
#else
  (void)offset;
  (void)size;
#endif
}

void ReservedMemory::discard(std::uint64_t offset, std::uint64_t size) {
  // The system would round the end up, and so take bytes of the neighbours.
  const ByteRange whole = whole_units({offset, size}, memory_page_size());
  if (whole.size == 0) return;
  // Can't fail for a range of our own; if it did, the memory would merely stay in use.
  (void)madvise(data_ + whole.offset, whole.size, MADV_DONTNEED);
}

namespace {

// Where the system can't wipe a mark: nobody ever sees a child.
std::byte never_wiped{1};

}  // namespace

ForkMark::ForkMark() : mark_(&never_wiped) {
#ifdef MADV_WIPEONFORK
  void* data =
      mmap(nullptr, memory_page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return;
  if (madvise(data, memory_page_size(), MADV_WIPEONFORK) != 0) {
    munmap(data, memory_page_size());
    return;
  }
  mark_ = static_cast<std::byte*>(data);
  *mark_ = std::byte{1};
  mapped_ = true;
#endif
}

ForkMark::~ForkMark() {
  if (mapped_) munmap(mark_, memory_page_size());
}

AlignedBuffer::AlignedBuffer(std::size_t size)
    : data_(static_cast<std::byte*>(::operator new[](size, std::align_val_t{kDirectAlignment}))),
      size_(size) {
  std::memset(data_.get(), 0, size);
}

void AlignedBuffer::Free::operator()(std::byte* data) const {
  ::operator delete[](data, std::align_val_t{kDirectAlignment});
}

std::size_t memory_page_size() {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

}  // namespace caisson::io

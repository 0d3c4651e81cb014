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

// Where the system can't wipe it: nobody ever sees a child.
std::atomic<std::uint64_t> never_wiped{1};

// A number that the system wipes in a child, for the whole process.
std::atomic<std::uint64_t>* make_process_number() {
#ifdef MADV_WIPEONFORK
  void* data =
      mmap(nullptr, memory_page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return &never_wiped;
  if (madvise(data, memory_page_size(), MADV_WIPEONFORK) != 0) {
    munmap(data, memory_page_size());
    return &never_wiped;
  }
  return new (data) std::atomic<std::uint64_t>(0);
#else
  return &never_wiped;
#endif
}

std::atomic<std::uint64_t>& process_number() {
  static std::atomic<std::uint64_t>* const number = make_process_number();
  return *number;
}

}  // namespace

ForkMark::ForkMark() : process_(&process_number()), made_in_(process_->load()) {
  if (made_in_ != 0) return;
  // The first one of this process. A child goes on counting where its parent was.
  static std::atomic<std::uint64_t> last{0};
  const std::uint64_t next = last.fetch_add(1) + 1;
  if (process_number().compare_exchange_strong(made_in_, next)) made_in_ = next;
}

bool ForkMark::in_parent() const { return process_ != &never_wiped && !in_child(); }

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

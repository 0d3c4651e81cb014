#include "pager/frame_pool.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <type_traits>

namespace caisson::pager {
namespace {

// Free frames beyond this part of all of them, or this many, give their memory back to the system:
// to have it again costs more than to copy a page into it, so what one transaction frees should do
// for the next one.
constexpr std::uint64_t kFreePartKept = 4;
constexpr std::uint64_t kFreeFramesKept = 256;

// Memory for frames to come is asked for in steps of this size, within a part of the budget.
constexpr std::uint64_t kPopulateBytes = std::uint64_t{128} << 10U;
constexpr std::uint64_t kPopulatePart = 16;

// Makes steps of readers: by epoch, each with the newest txn of all readers up to there. So the
// last step up to the epoch of a retired frame tells whether anybody holds it. They take the
// readers' place, and those that hold no more than the ones before are left out.
std::span<RegisteredReader> steps_of(std::span<RegisteredReader> readers) {
  std::ranges::sort(readers, {}, &RegisteredReader::epoch);
  std::size_t count = 0;
  for (const RegisteredReader reader : readers) {
    if (count > 0 && reader.txn <= readers[count - 1].txn) continue;
    readers[count++] = reader;
  }
  return readers.first(count);
}

// They lie in memory straight from the system, and go with it.
static_assert(std::is_trivially_destructible_v<Frame> && alignof(Frame) <= 4096);

}  // namespace

Result<FramePool> FramePool::create(std::uint32_t page_size, std::uint64_t frame_count) {
  FramePool pool;
  pool.page_size_ = page_size;
  pool.page_shift_ = std::countr_zero(page_size);
  CAISSON_ASSIGN_OR_RETURN(pool.memory_, io::ReservedMemory::create(frame_count * page_size));
  CAISSON_ASSIGN_OR_RETURN(pool.frames_, io::ReservedMemory::create(frame_count * sizeof(Frame)));
  pool.capacity_ = frame_count;
  pool.counts_[static_cast<std::size_t>(FrameState::kFree)] = frame_count;
  return pool;
}

void FramePool::set_state(std::uint32_t index, FrameState state) {
  Frame& frame = frames()[index];
  --counts_[static_cast<std::size_t>(frame.state)];
  ++counts_[static_cast<std::size_t>(state)];
  frame.state = state;
}

std::optional<std::uint32_t> FramePool::take(FrameState state, PageId id, TxnId birth) {
  std::uint32_t index = 0;
  const bool fresh = free_.empty();
  if (!fresh) {
    index = free_.back();
    free_.pop_back();
  } else if (touched_ < capacity_) {
    index = touched_++;
    if (index >= populated_) {
      const std::uint64_t step = std::min(kPopulateBytes / page_size_,
                                          std::max<std::uint64_t>(1, capacity_ / kPopulatePart));
      memory_.populate(index * page_size_, std::min(step, capacity_ - index) * page_size_);
      populated_ = index + step;
    }
    ::new (frames_.data() + index * sizeof(Frame)) Frame;
  } else {
    return std::nullopt;
  }
  Frame& frame = frames()[index];
  set_state(index, state);
  frame.id = id;
  frame.birth = birth;
  frame.death = kAlive;
  frame.zeros = fresh;
  return index;
}

void FramePool::give_back(std::uint32_t index) {
  set_state(index, FrameState::kFree);
  const std::uint64_t kept = std::max(kFreeFramesKept, capacity_ / kFreePartKept);
  if (free_.size() >= kept) memory_.discard(index * page_size_, page_size_);
  free_.push_back(index);
}

void FramePool::retire(std::uint32_t index, std::uint64_t epoch) {
  set_state(index, FrameState::kRetired);
  assert(retired_.empty() || retired_.back().epoch <= epoch);
  retired_.push_back({epoch, index});
  retired_since_ = true;
}

void FramePool::release(std::span<RegisteredReader> readers, std::uint64_t free_wanted) {
  std::uint64_t oldest = ~std::uint64_t{0};
  for (const RegisteredReader& reader : readers) oldest = std::min(oldest, reader.epoch);
  while (!retired_.empty() && retired_.front().epoch < oldest) {
    give_back(retired_.front().index);
    retired_.pop_front();
  }
  if (retired_.empty() || count(FrameState::kFree) >= free_wanted) return;
  const std::span<const RegisteredReader> steps = steps_of(readers);
  if (!retired_since_ && std::ranges::equal(steps, holders_)) return;
  release_unseen(steps);
  holders_.assign(steps.begin(), steps.end());
  retired_since_ = false;
}

// Both the frames and the steps ascend by epoch.
void FramePool::release_unseen(std::span<const RegisteredReader> steps) {
  std::size_t before = 0;  // Steps up to the frame's epoch.
  auto kept = retired_.begin();
  for (const Retired& frame : retired_) {
    while (before < steps.size() && steps[before].epoch <= frame.epoch) ++before;
    if (before > 0 && steps[before - 1].txn >= frames()[frame.index].birth) {
      *kept++ = frame;
    } else {
      give_back(frame.index);
    }
  }
  retired_.erase(kept, retired_.end());
}

std::optional<std::uint32_t> FramePool::index_of(const std::byte* bytes) const {
  const auto base = reinterpret_cast<std::uintptr_t>(memory_.data());
  const auto at = reinterpret_cast<std::uintptr_t>(bytes);
  if (bytes == nullptr || at < base || at >= base + memory_.size()) return std::nullopt;
  return static_cast<std::uint32_t>((at - base) >> page_shift_);
}

}  // namespace caisson::pager

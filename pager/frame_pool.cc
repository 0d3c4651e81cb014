#include "pager/frame_pool.h"

#include <algorithm>
#include <bit>
#include <type_traits>

namespace caisson::pager {
namespace {

// Free frames beyond this many give their memory back to the system.
constexpr std::size_t kFreeFramesKept = 256;

// Memory for frames to come is asked for in steps of this size, within a part of the budget.
constexpr std::uint64_t kPopulateBytes = std::uint64_t{1} << 20U;
constexpr std::uint64_t kPopulatePart = 16;

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
  if (free_.size() >= kFreeFramesKept) memory_.discard(index * page_size_, page_size_);
  free_.push_back(index);
}

void FramePool::retire(std::uint32_t index, std::uint64_t epoch) {
  set_state(index, FrameState::kRetired);
  retired_.emplace_back(epoch, index);
}

void FramePool::release(std::uint64_t oldest_reader_epoch) {
  while (!retired_.empty() && retired_.front().first < oldest_reader_epoch) {
    give_back(retired_.front().second);
    retired_.pop_front();
  }
}

std::optional<std::uint32_t> FramePool::index_of(const std::byte* bytes) const {
  const auto base = reinterpret_cast<std::uintptr_t>(memory_.data());
  const auto at = reinterpret_cast<std::uintptr_t>(bytes);
  if (bytes == nullptr || at < base || at >= base + memory_.size()) return std::nullopt;
  return static_cast<std::uint32_t>((at - base) >> page_shift_);
}

}  // namespace caisson::pager

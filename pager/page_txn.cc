#include "pager/page_txn.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace caisson::pager {
namespace {

// Where the file isn't mapped, an operation finds this many frames at least, if readers let it: it
// reads and copies a node a level and reserves two more.
constexpr std::uint64_t kOperationFrames = 32;

}  // namespace

Result<PageTxn> PageTxn::begin(Pager& pager, TxnId txn) {
  CAISSON_RETURN_IF_ERROR(pager.prepare_to_write());
  const MutexLock lock(pager.mutex_);
  if (pager.open_txn_) return fail(Code::kBusy, "another transaction is open");
  if (txn <= pager.sealed_txn_ || txn == kAlive) {
    return fail(Code::kInvalidArgument, "txn " + std::to_string(to_u64(txn)) +
                                            " can't follow txn " +
                                            std::to_string(to_u64(pager.sealed_txn_)));
  }
  const std::uint64_t epoch = pager.epoch();
  pager.open_txn_.emplace(txn, epoch);
  pager.newest_txn_.store(to_u64(txn), std::memory_order_release);
  return PageTxn(pager, txn, epoch);
}

PageTxn::PageTxn(PageTxn&& other) noexcept
    : pager_(std::exchange(other.pager_, nullptr)),
      txn_(other.txn_),
      epoch_(other.epoch_),
      renewals_(other.renewals_),
      allocated_some_(other.allocated_some_) {}

PageTxn::~PageTxn() {
  if (pager_ != nullptr) roll_back();
}

void PageTxn::use_emergency_space() {
  const MutexLock lock(pager_->mutex_);
  pager_->open_txn_->use = AllocationUse::kEmergency;
}

// Frames leave the table and get their epoch under the mutex. So, other than a reader, the writer
// needn't look a second time: what left before is not to be found any more, and what leaves later
// has this epoch or a later one.
void PageTxn::renew() {
  ++renewals_;
  Pager& pager = *pager_;
  const bool evicts = pager.mapping_ == nullptr;
  if (!evicts && pager.epoch() == epoch_) return;  // Nothing has left since.
  const MutexLock lock(pager.mutex_);
  // First, so that they are free for the operation to come.
  if (evicts) pager.evict_ahead(std::max(pager.frames_.capacity() / 8, kOperationFrames));
  epoch_ = pager.epoch();
  pager.open_txn_->epoch = epoch_;
}

Result<void> PageTxn::make_room() {
  renew();
  if (!allocated_some_) return {};
  if (pager_->should_spill()) {
    CAISSON_RETURN_IF_ERROR(pager_->spill());
    renew();
  }
  allocated_some_ = false;
  return {};
}

Result<NewPage> PageTxn::allocate(PageType type, std::uint8_t level) {
  Pager& pager = *pager_;
  const MutexLock lock(pager.mutex_);
  std::vector<std::uint32_t>& reserved = pager.open_txn_->reserved;
  if (reserved.empty()) CAISSON_RETURN_IF_ERROR(pager.reserve_frame());
  const std::uint32_t frame = reserved.front();  // Lowest id first.
  const PageId id = pager.frames_.frame(frame).id;
  pager.frames_.set_state(frame, FrameState::kDirty);
  reserved.erase(reserved.begin());
  pager.open_txn_->allocated.insert(id);
  allocated_some_ = true;
  const MutableBytes bytes(pager.frames_.data(frame), pager.page_size_);
  if (!pager.frames_.frame(frame).zeros) std::memset(bytes.data(), 0, bytes.size());
  write_header({.type = type, .level = level, .id = id, .txn = txn_}, bytes);
  pager.table_.set_checksum(id, 0);
  pager.table_.set_ready(id, bytes.data());
  return NewPage{id, bytes};
}

Result<void> PageTxn::reserve(std::size_t pages) {
  const MutexLock lock(pager_->mutex_);
  while (pager_->open_txn_->reserved.size() < pages) {
    CAISSON_RETURN_IF_ERROR(pager_->reserve_frame());
  }
  return {};
}

MutableBytes PageTxn::editable(PageId id) {
  Pager& pager = *pager_;
  const MutexLock lock(pager.mutex_);
  const std::optional<std::uint32_t> frame = pager.dirty_frame(id);
  if (!frame || pager.frames_.frame(*frame).birth != txn_) return {};
  return {pager.frames_.data(*frame), pager.page_size_};
}

void PageTxn::free(PageId id, TxnId birth) {
  Pager& pager = *pager_;
  const MutexLock lock(pager.mutex_);
  if (birth == txn_) {
    // A page that is not this transaction's own, though a forged header says so, would be taken
    // from whoever has it.
    if (!pager.open_txn_->allocated.erase(id)) return;
    pager.forget_page(id);
    pager.allocator_.give_back(id);
  } else {
    assert(birth != TxnId{0} && birth < txn_ && pager.has_page(id));
    pager.open_txn_->freed.push_back({id, birth, txn_});
  }
}

void PageTxn::seal() {
  Pager& pager = *std::exchange(pager_, nullptr);
  const MutexLock lock(pager.mutex_);
  for (const DeadPage& page : pager.open_txn_->freed) {
    pager.allocator_.retire(page);
    if (const auto frame = pager.dirty_frame(page.id)) {
      pager.frames_.frame(*frame).death = page.death;
    }
  }
  pager.release_reserved();
  pager.allocator_.add_young(txn_, pager.open_txn_->allocated.pages());
  pager.open_txn_.reset();
  pager.sealed_txn_ = txn_;
}

void PageTxn::roll_back() {
  Pager& pager = *std::exchange(pager_, nullptr);
  const MutexLock lock(pager.mutex_);
  for (const PageId id : pager.open_txn_->allocated.pages()) {
    pager.forget_page(id);
    pager.allocator_.give_back(id);
  }
  pager.release_reserved();
  pager.open_txn_.reset();
}

}  // namespace caisson::pager

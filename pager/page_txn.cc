#include "pager/page_txn.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "pager/mutants.h"

namespace caisson::pager {
namespace {

// Where the file isn't mapped, an operation finds this many frames at least, if readers let it: it
// reads and copies a node a level and reserves two more.
constexpr std::uint64_t kOperationFrames = 32;

// Later than all epochs: what a transaction is registered by that reads nothing.
constexpr std::uint64_t kResting = ~std::uint64_t{0};

}  // namespace

Result<PageTxn> PageTxn::begin(Pager& pager, TxnId txn) {
  CAISSON_RETURN_IF_ERROR(pager.prepare_to_change());
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

void PageTxn::set_space(AllocationUse use) {
  const MutexLock lock(pager_->mutex_);
  pager_->open_txn_->use = use;
}

// Frames leave the table and get their epoch under the mutex. So, other than a reader, the writer
// needn't look a second time: what left before is not to be found any more, and what leaves later
// has this epoch or a later one.
void PageTxn::renew() {
  Pager& pager = *pager_;
  const bool evicts = pager.mapping_ == nullptr;
  if (!evicts && pager.epoch() == epoch_) return;  // Nothing has left since.
  const MutexLock lock(pager.mutex_);
  // First, so that they are free for the operation to come.
  if (evicts) pager.evict_ahead(std::max(pager.frames_.capacity() / 8, kOperationFrames));
  const std::uint64_t now = pager.epoch();
  pager.open_txn_->epoch = now;
  if (now == epoch_) return;
  epoch_ = now;
  ++renewals_;
}

void PageTxn::rest() {
  Pager& pager = *pager_;
  if (pager.mapping_ != nullptr) return;
  const MutexLock lock(pager.mutex_);
  pager.open_txn_->epoch = kResting;
}

Result<void> PageTxn::make_room() {
  renew();
  if (!allocated_some_) return {};
  if (!pager_->read_only() && pager_->should_spill()) {
    CAISSON_RETURN_IF_ERROR(pager_->spill());
    renew();
  }
  allocated_some_ = false;
  return {};
}

Result<NewPage> PageTxn::allocate(PageType type, std::uint8_t level) {
  return allocate(type, level, nullptr);
}

Result<NewPage> PageTxn::allocate_copy(const std::byte* page) {
  const PageHeader header = read_header(page);
  return allocate(header.type, header.level, page);
}

Result<NewPage> PageTxn::allocate(PageType type, std::uint8_t level, const std::byte* copied) {
  Pager& pager = *pager_;
  const MutexLock lock(pager.mutex_);
  std::vector<std::uint32_t>& reserved = pager.open_txn_->reserved;
  if (reserved.empty()) CAISSON_RETURN_IF_ERROR(pager.reserve_frame());
  const std::uint32_t frame = reserved.front();  // Lowest id first.
  const PageId id = pager.frames_.frame(frame).id;
  pager.frames_.set_state(frame, FrameState::kDirty);
  reserved.erase(reserved.begin());
  pager.open_txn_->allocated.insert(id);
  std::vector<Pager::Savepoint>& savepoints = pager.open_txn_->savepoints;
  if (!savepoints.empty()) savepoints.back().allocated.insert(id);
  allocated_some_ = true;
  const MutableBytes bytes(pager.frames_.data(frame), pager.page_size_);
  if (copied != nullptr) {
    std::memcpy(bytes.data(), copied, bytes.size());
  } else if (!pager.frames_.frame(frame).zeros) {
    std::memset(bytes.data(), 0, bytes.size());
  }
  write_header({.type = type, .level = level, .id = id, .txn = txn_}, bytes);
  if (!mutated(Mutant::kSupersededChecksum)) pager.table_.set_checksum(id, 0);
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
  const std::vector<Pager::Savepoint>& savepoints = pager.open_txn_->savepoints;
  if (!savepoints.empty() && !savepoints.back().allocated.contains(id)) return {};
  return {pager.frames_.data(*frame), pager.page_size_};
}

void PageTxn::free(PageId id, TxnId birth) {
  Pager& pager = *pager_;
  const MutexLock lock(pager.mutex_);
  if (birth == txn_) {
    pager.free_own_page(id);
  } else {
    assert(birth != TxnId{0} && birth < txn_ && pager.has_page(id));
    pager.open_txn_->freed.push_back({id, birth, txn_});
  }
}

std::size_t PageTxn::begin_savepoint() {
  Pager& pager = *pager_;
  const MutexLock lock(pager.mutex_);
  std::vector<Pager::Savepoint>& savepoints = pager.open_txn_->savepoints;
  savepoints.push_back(
      {.allocated = {}, .own_freed = {}, .freed_before = pager.open_txn_->freed.size()});
  // Whoever keeps the address of a page that it may edit goes by the epoch.
  pager.epoch_.fetch_add(1, std::memory_order_seq_cst);
  return savepoints.size();
}

void PageTxn::roll_back_to_savepoint(std::size_t number) {
  Pager& pager = *pager_;
  const MutexLock lock(pager.mutex_);
  Pager::OpenTxn& open = *pager.open_txn_;
  assert(number >= 1 && number <= open.savepoints.size());
  for (std::size_t i = number - 1; i < open.savepoints.size(); ++i) {
    for (const PageId id : open.savepoints[i].allocated.pages()) {
      open.allocated.erase(id);
      pager.drop_own_page(id);
    }
  }
  const std::size_t freed_before = open.savepoints[number - 1].freed_before;
  open.savepoints.resize(number - 1);
  open.savepoints.push_back({.allocated = {}, .own_freed = {}, .freed_before = freed_before});
  open.freed.resize(freed_before);
  pager.epoch_.fetch_add(1, std::memory_order_seq_cst);
}

void PageTxn::release_savepoint(std::size_t number) {
  const MutexLock lock(pager_->mutex_);
  assert(number >= 1 && number <= pager_->open_txn_->savepoints.size());
  while (pager_->open_txn_->savepoints.size() >= number) pager_->release_last_savepoint();
}

void PageTxn::seal() {
  Pager& pager = *std::exchange(pager_, nullptr);
  const MutexLock lock(pager.mutex_);
  while (!pager.open_txn_->savepoints.empty()) pager.release_last_savepoint();
  for (const DeadPage& page : pager.open_txn_->freed) {
    pager.allocator_.retire(page);
    if (const auto frame = pager.dirty_frame(page.id)) {
      pager.frames_.frame(*frame).death = page.death;
    }
  }
  pager.release_reserved();
  if (!pager.read_only()) {  // What only checkpoints ask for.
    pager.allocator_.add_young(txn_, pager.open_txn_->allocated.pages());
  }
  pager.open_txn_.reset();
  pager.sealed_txn_ = txn_;
}

void PageTxn::roll_back() {
  Pager& pager = *std::exchange(pager_, nullptr);
  const MutexLock lock(pager.mutex_);
  for (const PageId id : pager.open_txn_->allocated.pages()) pager.drop_own_page(id);
  pager.release_reserved();
  pager.open_txn_.reset();
}

// --- What the pager does of it -------------------------------------------------------------------

// Frees a page that says that the open transaction made it. One that it did not make, though a
// forged header says so, would be taken from whoever has it.
void Pager::free_own_page(PageId id) {
  OpenTxn& open = *open_txn_;
  if (!open.savepoints.empty()) {
    Savepoint& last = open.savepoints.back();
    if (!last.allocated.erase(id)) {
      if (open.allocated.contains(id)) last.own_freed.push_back(id);
      return;
    }
  }
  if (open.allocated.erase(id)) drop_own_page(id);
}

// Forgets a page that the open transaction made, and has in none of its sets any more.
void Pager::drop_own_page(PageId id) {
  forget_page(id);
  allocator_.give_back(id);
}

void Pager::release_last_savepoint() {
  Savepoint last = std::move(open_txn_->savepoints.back());
  open_txn_->savepoints.pop_back();
  if (!open_txn_->savepoints.empty()) {
    SparsePageSet& before = open_txn_->savepoints.back().allocated;
    for (const PageId id : last.allocated.pages()) before.insert(id);
  }
  for (const PageId id : last.own_freed) free_own_page(id);
}

}  // namespace caisson::pager

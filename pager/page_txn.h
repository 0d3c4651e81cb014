// The writer's side of the pager: making pages and freeing them, all or nothing.

#ifndef CAISSON_PAGER_PAGE_TXN_H_
#define CAISSON_PAGER_PAGE_TXN_H_

#include "base/result.h"
#include "pager/pager.h"

namespace caisson::pager {

// A page that a transaction made: zeros behind the header.
struct NewPage {
  PageId id{};
  MutableBytes bytes;  // Valid until the page is freed, spilled or checkpointed.
};

// One transaction's pages. At most one is open at a time. Used by one thread.
// A transaction that is destroyed before it was sealed leaves nothing.
//
// The thread need not be registered as a reader. The bytes of pages that it reads stay until it
// calls renew() or the transaction ends; so an open transaction holds frames, as any reader does.
class PageTxn {
 public:
  // Starts a transaction. kInvalidArgument unless `txn` is later than every one before;
  // kBusy if another is open; kPoisoned.
  static Result<PageTxn> begin(Pager& pager, TxnId txn);

  PageTxn(PageTxn&& other) noexcept;
  PageTxn(const PageTxn&) = delete;
  PageTxn& operator=(const PageTxn&) = delete;
  PageTxn& operator=(PageTxn&&) = delete;
  ~PageTxn();

  TxnId txn() const { return txn_; }

  // Whether pages may be made of the last of the space: for what only deletes. Not, at first.
  void set_space(AllocationUse use);

  // Says that the writer keeps no bytes of a page that it has read so far (those of pages that it
  // made, and may edit, stay): frames that left the page table until now may be used again. What
  // every operation begins with, and whoever reads much between two of them does now and then.
  // O(1), but where the file isn't mapped and frames have to be evicted.
  void renew();

  // How often that was called, and something had left.
  std::uint64_t renewals() const { return renewals_; }

  bool mapped() const { return pager_->mapped(); }

  // Says the same, and that nothing will be read before the next renew(). What whoever opened the
  // transaction calls when it has nothing to do for a while; where the file is mapped, it is not
  // needed and does nothing.
  void rest();

  // renew(), and once more behind a spill() if it is time for one. Errors: as Pager::spill().
  Result<void> make_room();

  // Makes a page. Errors: kOutOfSpace; kResourceExhausted (no frame is free: spill, checkpoint,
  // or close old readers; or the file would outgrow address_space_bytes). Where the file was opened
  // to read, frames are all the room there is.
  Result<NewPage> allocate(PageType type, std::uint8_t level);

  // Makes one of the same type and level as another page, and with its bytes behind the header. The
  // other one was read since renew() or make_room(). Errors: as allocate().
  Result<NewPage> allocate_copy(const std::byte* page);

  // Makes sure that the next `pages` calls of allocate() and allocate_copy() succeed. Errors: as
  // allocate(). What is not used goes back when the transaction ends.
  Result<void> reserve(std::size_t pages);

  // The bytes of a page that this transaction made and may still edit; empty for every other
  // page: copy that to a new one.
  MutableBytes editable(PageId id);

  // Frees a page, once, born at `birth` (it says so in its header). One that this transaction made
  // is gone at once; another one dies when this transaction is sealed.
  void free(PageId id, TxnId birth);

  // Begins a savepoint within those that are open: pages made before can't be edited any more, only
  // copied. Returns how many are open then.
  std::size_t begin_savepoint();

  // Undoes what was done since the `number`-th savepoint began: pages made since are gone, and what
  // was freed is not. It stays open, and later ones are gone. REQUIRES: 1 <= number <= those open.
  void roll_back_to_savepoint(std::size_t number);

  // Ends a savepoint, and later ones, and keeps what was done. REQUIRES: as above.
  void release_savepoint(std::size_t number);

  // Ends the transaction: its pages don't change any more, and what it freed is dead from here
  // on. Readers see nothing of it before its root is published.
  void seal();

  // Ends the transaction without a trace.
  void roll_back();

 private:
  PageTxn(Pager& pager, TxnId txn, std::uint64_t epoch)
      : pager_(&pager), txn_(txn), epoch_(epoch) {}

  // A page with the bytes of `copied` behind its header, or zeros where that is null.
  Result<NewPage> allocate(PageType type, std::uint8_t level, const std::byte* copied);

  Pager* pager_;  // Null once ended.
  TxnId txn_;
  std::uint64_t epoch_;  // As the pager has it.
  std::uint64_t renewals_ = 0;
  bool allocated_some_ = true;  // Since make_room() last looked at the frames.
};

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_PAGE_TXN_H_

// The states of a store that somebody looks at, or may, and who does: what keeps pages and frames
// from being used again (spec/store.md, section 4).
//
// Readers take no lock and never wait. Whoever makes states adds them in the order of their
// numbers, publishes them, and has reclaimed what nobody can read any more.

#ifndef CAISSON_MVCC_STATES_H_
#define CAISSON_MVCC_STATES_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "io/memory.h"
#include "mvcc/reader_registry.h"
#include "mvcc/state.h"
#include "pager/pager.h"

namespace caisson::mvcc {

class Snapshot;

struct SnapshotStats {
  std::uint64_t open = 0;
  std::optional<TxnId> oldest;      // The state that the oldest of them holds,
  std::uint64_t superseded_ns = 0;  // and when another one came behind it; 0: none has.
};

// Sorts pins, and leaves one of each.
void sort_pins(std::vector<TxnId>& pins);

// Thread-safe, but for start(). Outlives all that was read through it.
class States {
 public:
  States() = default;
  States(const States&) = delete;
  States& operator=(const States&) = delete;

  // Who reads: for the pager's option, before there are states.
  void list_readers(std::vector<pager::RegisteredReader>& readers) const;

  // Begins with a state, which is published, of a page file, which outlives this. Those that were
  // superseded `age_max_ns` ago will be refused; 0: never.
  void start(pager::Pager& pager, const State& first, std::uint64_t age_max_ns);

  pager::Pager& pager() const { return *pager_; }

  // kInvalidArgument in a process that was forked off since this was made.
  Result<void> check_process() const;
  bool in_child() const { return fork_mark_.in_child(); }

  // --- Readers -------------------------------------------------------------------------------

  // The state published last. kResourceExhausted where as many snapshots are open as can be.
  Result<Snapshot> snapshot();

  // Whether that state may be read: as check_process(); kSnapshotTooOld.
  Result<void> check_readable(TxnId txn) const {
    CAISSON_RETURN_IF_ERROR(check_process());
    if (to_u64(txn) >= readable_from_.load(std::memory_order_relaxed)) [[likely]]
      return {};
    return too_old(txn);
  }

  // The state itself, which may be forgotten as soon as another one is published.
  const State* published() const { return published_.load(std::memory_order_seq_cst); }

  // Its number, and its State::replay_ns.
  TxnId published_txn() const { return TxnId{published_txn_.load(std::memory_order_acquire)}; }
  std::uint64_t published_ns() const { return published_ns_.load(std::memory_order_acquire); }

  // --- Who makes states ----------------------------------------------------------------------

  // A state behind the last one, which nobody sees yet. It is a pin from now on.
  void add(const State& state);

  // The one added last. It stays until another one is added.
  const State* newest() const;

  // Publishes, in order, those whose tickets are durable, and such as nobody waits for unless
  // `poisoned`.
  void publish(std::uint64_t durable, bool poisoned);

  // A pin until release(): the state published now. One at a time.
  const State* hold_published();
  void release();

  // Checkpoints that are pins until this is called again.
  void set_checkpoint_pins(std::vector<TxnId> pins);

  // Forgets states that are neither held, nor published, nor still to be; and has the pager free
  // what no other can read. States that are too old by now are refused.
  void reclaim(std::uint64_t now_ns);

  // --- What there is -------------------------------------------------------------------------

  // How many snapshots, cursors and values are open. What a snapshot has lent counts by itself.
  std::uint64_t open_count() const;
  SnapshotStats snapshot_stats() const;

 private:
  friend class ReadGuard;

  // A state, and when another one came behind it.
  struct Entry {
    std::unique_ptr<const State> state;
    std::uint64_t superseded_ns = 0;
  };

  void forget() CAISSON_REQUIRES(mutex_);
  void refuse_old(std::uint64_t now_ns) CAISSON_REQUIRES(mutex_);
  static Result<void> too_old(TxnId txn);
  std::vector<TxnId> pins() const CAISSON_REQUIRES(mutex_);

  io::ForkMark fork_mark_;
  SlotArray<SnapshotSlot> snapshots_;
  SlotArray<ReadSlot> reads_;
  pager::Pager* pager_ = nullptr;
  std::atomic<const State*> published_{nullptr};
  std::atomic<std::uint64_t> published_txn_{0};
  std::atomic<std::uint64_t> published_ns_{0};
  std::atomic<std::uint64_t> readable_from_{0};  // Older states are refused.
  std::uint64_t age_max_ns_ = 0;                 // Set by start(), never again.

  mutable Mutex mutex_;
  const State* held_ CAISSON_GUARDED_BY(mutex_) = nullptr;
  std::vector<TxnId> checkpoint_pins_ CAISSON_GUARDED_BY(mutex_);
  // By txn: those that snapshots hold, the one published, and those that are sealed.
  std::deque<Entry> states_ CAISSON_GUARDED_BY(mutex_);
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_STATES_H_

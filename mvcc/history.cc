#include "mvcc/history.h"

#include <utility>

namespace caisson::mvcc {

Result<Snapshot> History::as_of(TxnId txn) {
  {
    const MutexLock lock(mutex_);
    for (const auto& view : views_) {
      if (view->txn() == txn) return view->states().snapshot();
    }
    (void)drop_unused_locked();
  }
  // Without the lock: it may take long.
  CAISSON_ASSIGN_OR_RETURN(auto view, View::open_as_of(vfs_, directory_, options_, txn));
  return add(std::move(view));
}

Result<Snapshot> History::named(std::string_view name) {
  (void)drop_unused();
  CAISSON_ASSIGN_OR_RETURN(auto view, View::open_named(vfs_, directory_, options_, name));
  return add(std::move(view));
}

Result<Snapshot> History::add(std::unique_ptr<View> view) {
  const MutexLock lock(mutex_);
  views_.push_back(std::move(view));
  return views_.back()->states().snapshot();
}

void History::keep(std::unique_ptr<View> view) {
  view->end_following();
  const MutexLock lock(mutex_);
  views_.push_back(std::move(view));
  (void)drop_unused_locked();
}

std::uint64_t History::drop_unused() {
  const MutexLock lock(mutex_);
  return drop_unused_locked();
}

std::uint64_t History::drop_unused_locked() {
  std::uint64_t open = 0;
  std::erase_if(views_, [&open](const std::unique_ptr<View>& view) {
    const std::uint64_t count = view->states().open_count();
    open += count;
    return count == 0;
  });
  return open;
}

}  // namespace caisson::mvcc

// A state of a store: what one commit left.

#ifndef CAISSON_MVCC_STATE_H_
#define CAISSON_MVCC_STATE_H_

#include <cstdint>

#include "base/ids.h"
#include "base/log_position.h"
#include "btree/format.h"

namespace caisson::mvcc {

// Immutable once others can see it.
struct State {
  TxnId txn{};
  btree::TreeRoot catalog;
  LogPosition log;              // Behind the commit's record.
  std::uint64_t ticket = 0;     // What makes it durable; 0: it has been since the store was opened.
  bool awaited = true;          // Published when it is durable, and no sooner.
  std::uint64_t replay_ns = 0;  // About how long replay takes up to here, since the opening.
  std::uint64_t made_ns = 0;    // When it was sealed, by the monotonic clock.
};

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_STATE_H_

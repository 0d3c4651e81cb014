// Positions as their owners see them: which there are, and their removal.

#ifndef CAISSON_MVCC_POSITION_LIST_H_
#define CAISSON_MVCC_POSITION_LIST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mvcc/feed.h"

namespace caisson::mvcc {

struct ListedPosition {
  std::string name;  // Empty, like all else, where it can't be read.
  TxnId txn{};
  std::uint64_t log_bytes = 0;  // Of the log's files, from the one on that it needs.
  std::optional<Error> error;   // Why it can't be read.
};

// All positions: by name, and first those that can't be read. Errors: kIoError and the like.
Result<std::vector<ListedPosition>> list_positions(const FeedSource& source);

// Removes a position, readable or not. kNotFound; kBusy (somebody follows it); others as
// PositionFiles::remove().
Result<void> remove_position(const FeedSource& source, std::string_view name);

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_POSITION_LIST_H_

// What a change feed holds.

#ifndef CAISSON_DB_FEED_BODY_H_
#define CAISSON_DB_FEED_BODY_H_

#include <caisson/feed.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "db/bodies.h"
#include "mvcc/change_reader.h"

namespace caisson {

struct CAISSON_HIDDEN ChangeFeed::Body {
  explicit Body(mvcc::ChangeReader&& opened) : reader(std::move(opened)) {}

  mvcc::ChangeReader reader;

  // Of the last change.
  bool has_value = false;  // It is a put,
  bool in_pieces = false;  // of which a piece has been asked for;
  std::uint64_t value_size = 0;
  Bytes value;                   // all of it, once that has been asked for.
  std::vector<std::byte> whole;  // Its bytes, where it came in pieces.
};

}  // namespace caisson

#endif  // CAISSON_DB_FEED_BODY_H_

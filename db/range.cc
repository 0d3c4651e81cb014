#include <caisson/range.h>

#include "btree/cursor.h"

namespace caisson {
namespace {

std::vector<std::byte> copy_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

Range Range::between(ByteView begin, ByteView end) {
  Range range;
  range.begin_ = copy_of(begin);
  range.end_ = copy_of(end);
  return range;
}

Range Range::from(ByteView begin) {
  Range range;
  range.begin_ = copy_of(begin);
  return range;
}

Range Range::before(ByteView end) { return between({}, end); }

Range Range::with_prefix(ByteView prefix) {
  Range range;
  range.begin_ = copy_of(prefix);
  range.end_ = btree::prefix_end(prefix);
  return range;
}

}  // namespace caisson

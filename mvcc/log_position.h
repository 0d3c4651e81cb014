// A place in the log, as bytes of attachments and positions: spec/store.md, section 6.

#ifndef CAISSON_MVCC_LOG_POSITION_H_
#define CAISSON_MVCC_LOG_POSITION_H_

#include <cstddef>

#include "base/codec.h"
#include "base/log_position.h"

namespace caisson::mvcc {

inline constexpr std::size_t kLogPositionSize = 8 + 8 + 8 + 4 + 16;

void encode_log_position(Encoder& out, const LogPosition& position);
LogPosition decode_log_position(Decoder& in);

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_LOG_POSITION_H_

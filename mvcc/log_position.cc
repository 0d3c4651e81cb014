#include "mvcc/log_position.h"

namespace caisson::mvcc {

void encode_log_position(Encoder& out, const LogPosition& position) {
  out.u64(position.file);
  out.u64(position.offset);
  out.u64(position.epoch);
  out.u32(position.record_checksum);
  out.u64(position.hash.low);
  out.u64(position.hash.high);
}

LogPosition decode_log_position(Decoder& in) {
  LogPosition position;
  position.file = in.u64();
  position.offset = in.u64();
  position.epoch = in.u64();
  position.record_checksum = in.u32();
  position.hash.low = in.u64();
  position.hash.high = in.u64();
  return position;
}

}  // namespace caisson::mvcc

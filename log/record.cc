#include "log/record.h"

#include <cassert>
#include <cstring>
#include <string>

#include "base/codec.h"
#include "base/crc32c.h"

namespace caisson::log {
namespace {

constexpr std::uint32_t kMagic = 0x63655243;  // "CRec"
constexpr std::size_t kHeaderChecksumOffset = 4;
constexpr std::size_t kFlagsOffset = 9;
constexpr std::size_t kCheckedFrom = 8;  // The header checksum covers the header from here on.
constexpr std::size_t kReservedSize = 8 + 48;

constexpr std::uint8_t kBeginsEpoch = 1;
constexpr std::uint8_t kClosed = 2;

constexpr std::uint64_t kTxnMax = ~std::uint64_t{0};

std::uint32_t header_checksum(Bytes header, std::uint32_t seed) {
  return crc32c_extend(seed, header.first(kRecordHeaderSize).subspan(kCheckedFrom));
}

// The payload first: section 2 says why.
std::uint32_t whole_checksum(Bytes record, std::size_t payload_size, std::uint32_t seed) {
  const std::uint32_t payload =
      crc32c_extend(seed, record.subspan(kRecordHeaderSize, payload_size));
  return crc32c_extend(payload, record.first(kRecordHeaderSize));
}

std::unexpected<Error> broken(const std::string& what) {
  return fail(Error(Code::kCorruption, "not a log record: " + what).with_rule("LOG-4"));
}

Result<void> check_fields(const RecordHeader& header, std::uint8_t type, std::uint8_t flags) {
  const bool mark = header.type == RecordType::kMark;
  if (type < 1 || type > 4) return broken("type " + std::to_string(type));
  if (flags > (kBeginsEpoch | kClosed) || (header.closed && !mark)) {
    return broken("flags " + std::to_string(flags));
  }
  if (header.payload_size > kPayloadSizeMax || (mark && header.payload_size != 0) ||
      (header.type == RecordType::kRollback && header.payload_size != kRollbackPayloadSize)) {
    return broken("a payload of " + std::to_string(header.payload_size) + " bytes");
  }
  if (header.place.file == 0 || header.place.offset < kBatchAlignment ||
      header.place.offset % kRecordAlignment != 0) {
    return broken("a place where none can be");
  }
  if (header.previous >= header.place ||
      (header.previous.file == 0) != (header.previous.offset == 0)) {
    return broken("a previous record that is not before it");
  }
  if (header.epoch == 0) return broken("epoch 0");
  if (mark && header.part != 0) return broken("a mark with a part number");
  if (!mark && header.txn == TxnId{}) return broken("commit 0");
  const std::uint64_t acknowledged_max = to_u64(header.txn) - (mark ? 0U : 1U);
  if (to_u64(header.acknowledged) > acknowledged_max || to_u64(header.txn) == kTxnMax) {
    return fail(Error(Code::kCorruption, "not a log record: it acknowledges commit " +
                                             std::to_string(to_u64(header.acknowledged)) +
                                             " and belongs to commit " +
                                             std::to_string(to_u64(header.txn)))
                    .with_rule("LOG-8"));
  }
  return {};
}

}  // namespace

std::string_view to_string(RecordType type) {
  switch (type) {
    case RecordType::kPart:
      return "part";
    case RecordType::kCommit:
      return "commit";
    case RecordType::kRollback:
      return "rollback";
    case RecordType::kMark:
      return "mark";
  }
  return "unknown";
}

std::uint32_t record_checksum_seed(const Uuid& uuid) { return crc32c(uuid.bytes); }

std::uint32_t encode_record(const RecordHeader& header, std::uint32_t seed, MutableBytes record) {
  assert(record.size() == record_size(header.payload_size));
  Encoder encoder(record.first(kRecordHeaderSize));
  encoder.u32(kMagic);
  encoder.u32(0);
  encoder.u8(static_cast<std::uint8_t>(header.type));
  encoder.u8(static_cast<std::uint8_t>((header.begins_epoch ? kBeginsEpoch : 0U) |
                                       (header.closed ? kClosed : 0U)));
  encoder.u16(0);
  encoder.u32(header.payload_size);
  encoder.u64(header.place.file);
  encoder.u64(header.place.offset);
  encoder.u64(header.epoch);
  encoder.u64(to_u64(header.txn));
  encoder.u64(to_u64(header.acknowledged));
  encoder.u64(header.previous.file);
  encoder.u64(header.previous.offset);
  encoder.u32(header.previous_checksum);
  encoder.u32(header.part);
  encoder.u64(header.hash.low);
  encoder.u64(header.hash.high);
  encoder.zeros(kReservedSize);
  store_u32(record.data() + kHeaderChecksumOffset, header_checksum(record, seed));

  const std::size_t trailer = record.size() - kRecordTrailerSize;
  const std::size_t payload_end = kRecordHeaderSize + header.payload_size;
  std::memset(record.data() + payload_end, 0, trailer - payload_end);
  const std::uint32_t checksum = whole_checksum(record, header.payload_size, seed);
  store_u32(record.data() + trailer, static_cast<std::uint32_t>(record.size()));
  store_u32(record.data() + trailer + 4, checksum);
  return checksum;
}

bool has_record_magic(Bytes bytes) {
  return bytes.size() >= kRecordHeaderSize && load_u32(bytes.data()) == kMagic;
}

bool may_begin_epoch(Bytes bytes) {
  return (std::to_integer<unsigned>(bytes[kFlagsOffset]) & kBeginsEpoch) != 0;
}

Result<RecordHeader> decode_record_header(Bytes bytes, std::uint32_t seed) {
  if (!has_record_magic(bytes)) return broken("no magic");
  if (header_checksum(bytes, seed) != load_u32(bytes.data() + kHeaderChecksumOffset)) {
    return broken("the header's checksum differs");
  }
  Decoder decoder(bytes.first(kRecordHeaderSize));
  RecordHeader header;
  decoder.u64();
  const std::uint8_t type = decoder.u8();
  const std::uint8_t flags = decoder.u8();
  decoder.zeros(2);
  header.type = static_cast<RecordType>(type);
  header.begins_epoch = (flags & kBeginsEpoch) != 0;
  header.closed = (flags & kClosed) != 0;
  header.payload_size = decoder.u32();
  header.place.file = decoder.u64();
  header.place.offset = decoder.u64();
  header.epoch = decoder.u64();
  header.txn = TxnId{decoder.u64()};
  header.acknowledged = TxnId{decoder.u64()};
  header.previous.file = decoder.u64();
  header.previous.offset = decoder.u64();
  header.previous_checksum = decoder.u32();
  header.part = decoder.u32();
  header.hash.low = decoder.u64();
  header.hash.high = decoder.u64();
  decoder.zeros(kReservedSize);
  if (!decoder.finish()) return broken("bytes that have to be zero are not");
  CAISSON_RETURN_IF_ERROR(check_fields(header, type, flags));
  return header;
}

Result<Record> decode_record(Bytes bytes, std::uint32_t seed) {
  CAISSON_ASSIGN_OR_RETURN(const RecordHeader header, decode_record_header(bytes, seed));
  const std::size_t size = record_size(header.payload_size);
  if (bytes.size() < size) return broken("it ends early");
  const Bytes record = bytes.first(size);
  const std::size_t trailer = size - kRecordTrailerSize;
  const std::size_t payload_end = kRecordHeaderSize + header.payload_size;
  if (!all_zero(record.subspan(payload_end, trailer - payload_end))) {
    return broken("bytes behind the payload are not zero");
  }
  if (load_u32(record.data() + trailer) != size) return broken("the trailer's size differs");
  const std::uint32_t checksum = load_u32(record.data() + trailer + 4);
  if (whole_checksum(record, header.payload_size, seed) != checksum) {
    return broken("the checksum differs");
  }
  return Record{.header = header,
                .payload = record.subspan(kRecordHeaderSize, header.payload_size),
                .checksum = checksum,
                .size = size};
}

void encode_rollback(const RollbackTarget& target, MutableBytes payload) {
  Encoder encoder(payload);
  encoder.u32(target.part);
  encoder.u32(target.offset);
}

RollbackTarget decode_rollback(Bytes payload) {
  assert(payload.size() == kRollbackPayloadSize);
  return {.part = load_u32(payload.data()), .offset = load_u32(payload.data() + 4)};
}

}  // namespace caisson::log

// Method: records of all types and sizes are written and read back; then each bit of one is
// flipped, it is cut at each length, and each field is set to what it may not be, with both
// checksums right. What would slip through: two bits that CRC-32C doesn't tell apart.

#include "log/record.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "log/testing/harness.h"

namespace caisson::log {
namespace {

using testing::test_uuid;

const std::uint32_t kSeed = record_checksum_seed(test_uuid());

RecordHeader header_of(RecordType type, std::size_t payload_size) {
  RecordHeader header;
  header.type = type;
  header.payload_size = static_cast<std::uint32_t>(payload_size);
  header.place = {7, 8192};
  header.epoch = 0x1122334455667788;
  header.txn = TxnId{42};
  header.acknowledged = TxnId{40};
  header.previous = {6, 4096};
  header.previous_checksum = 99;
  header.part = type == RecordType::kMark ? 0 : 3;
  header.hash = {.low = 5, .high = 6};
  return header;
}

std::vector<std::byte> encoded(const RecordHeader& header, Bytes payload) {
  std::vector<std::byte> record(record_size(payload.size()), std::byte{0xEE});
  std::ranges::copy(payload, record.begin() + kRecordHeaderSize);
  encode_record(header, kSeed, record);
  return record;
}

std::vector<std::byte> random_payload(std::size_t size) {
  std::vector<std::byte> payload(size);
  Random(size + 1).fill(payload);
  return payload;
}

// Puts both checksums right again.
void seal(std::vector<std::byte>& record) {
  const Bytes bytes(record);
  store_u32(record.data() + 4, crc32c_extend(kSeed, bytes.subspan(8, kRecordHeaderSize - 8)));
  const std::size_t payload = load_u32(record.data() + 12);
  const std::uint32_t checksum =
      crc32c_extend(crc32c_extend(kSeed, bytes.subspan(kRecordHeaderSize, payload)),
                    bytes.first(kRecordHeaderSize));
  store_u32(record.data() + record.size() - 4, checksum);
}

TEST(Record, IsReadAsItWasWritten) {
  for (const RecordType type :
       {RecordType::kPart, RecordType::kCommit, RecordType::kRollback, RecordType::kMark}) {
    for (const std::size_t any : {0UL, 1UL, 7UL, 8UL, 100UL, 4096UL, kPayloadSizeMax}) {
      const std::size_t size = type == RecordType::kMark       ? 0
                               : type == RecordType::kRollback ? kRollbackPayloadSize
                                                               : any;
      RecordHeader header = header_of(type, size);
      header.begins_epoch = any % 2 == 0;
      header.closed = type == RecordType::kMark && any == 1;
      const auto payload = random_payload(size);
      const auto bytes = encoded(header, payload);
      EXPECT_EQ(bytes.size() % kRecordAlignment, 0U);
      const auto record = decode_record(bytes, kSeed);
      ASSERT_TRUE(record.has_value()) << record.error().to_string();
      EXPECT_EQ(record->header, header);
      EXPECT_EQ(record->size, bytes.size());
      EXPECT_EQ(record->checksum, load_u32(bytes.data() + bytes.size() - 4));
      EXPECT_TRUE(std::ranges::equal(record->payload, payload));
      EXPECT_TRUE(decode_record_header(bytes, kSeed).has_value());
      EXPECT_EQ(may_begin_epoch(bytes), header.begins_epoch);
    }
  }
  EXPECT_EQ(record_size(kPayloadSizeMax), kRecordSizeMax);
}

TEST(Record, IsRefusedWithAnyBitFlipped) {  // LOG-4
  const auto whole = encoded(header_of(RecordType::kCommit, 101), random_payload(101));
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto bytes = whole;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    const auto record = decode_record(bytes, kSeed);
    ASSERT_FALSE(record.has_value()) << "bit " << bit;
    EXPECT_EQ(record.error().code(), Code::kCorruption);
    EXPECT_EQ(record.error().rule(), "LOG-4");
  }
}

TEST(Record, IsRefusedAtAnyShorterLength) {  // LOG-4
  const auto whole = encoded(header_of(RecordType::kCommit, 101), random_payload(101));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_record(Bytes(whole).first(size), kSeed).has_value()) << size;
  }
}

TEST(Record, OfAnotherStoreIsRefused) {  // LOG-4
  const auto bytes = encoded(header_of(RecordType::kCommit, 10), random_payload(10));
  Uuid other = test_uuid();
  other.bytes[0] ^= std::byte{1};
  EXPECT_FALSE(decode_record(bytes, record_checksum_seed(other)).has_value());
  EXPECT_FALSE(decode_record_header(bytes, record_checksum_seed(other)).has_value());
}

TEST(Record, IsNoneWhereThereAreZeros) {  // LOG-4
  EXPECT_FALSE(decode_record(std::vector<std::byte>(4096), kSeed).has_value());
}

TEST(Record, KeepsItsFieldsInTheirRanges) {  // LOG-4, LOG-8
  struct Case {
    std::string name;
    std::size_t offset;
    std::uint64_t value;
    std::size_t size;
    std::string rule = "LOG-4";
  };
  const std::vector<Case> cases = {
      {"type 0", 8, 0, 1},
      {"type 5", 8, 5, 1},
      {"unknown flag", 9, 4, 1},
      {"closed, and no mark", 9, 2, 1},
      {"unused bytes", 10, 1, 2},
      {"payload too large", 12, kPayloadSizeMax + 1, 4},
      {"file 0", 16, 0, 8},
      {"within the file's header", 24, 4088, 8},
      {"place not aligned", 24, 8196, 8},
      {"epoch 0", 32, 0, 8},
      {"commit 0", 40, 0, 8},
      {"last commit of all", 40, ~std::uint64_t{0}, 8, "LOG-8"},
      {"acknowledges itself", 48, 42, 8, "LOG-8"},
      {"previous is later", 56, 8, 8},
      {"previous file without offset", 64, 0, 8},
      {"unused bytes behind the hash", 96, 1, 8},
      {"reserved bytes", 151, 1, 1},
  };
  for (const Case& one : cases) {
    auto bytes = encoded(header_of(RecordType::kCommit, 16), random_payload(16));
    for (std::size_t i = 0; i < one.size; ++i) {
      bytes[one.offset + i] = static_cast<std::byte>(one.value >> (8 * i));
    }
    if (one.offset != 12) seal(bytes);
    if (one.offset == 12) {
      store_u32(bytes.data() + 4,
                crc32c_extend(kSeed, Bytes(bytes).subspan(8, kRecordHeaderSize - 8)));
    }
    const auto header = decode_record_header(bytes, kSeed);
    ASSERT_FALSE(header.has_value()) << one.name;
    EXPECT_EQ(header.error().rule(), one.rule) << one.name;
  }
}

TEST(Record, HasNothingButZerosBehindItsPayload) {  // LOG-4
  auto bytes = encoded(header_of(RecordType::kCommit, 13), random_payload(13));
  bytes[kRecordHeaderSize + 13] = std::byte{1};
  EXPECT_FALSE(decode_record(bytes, kSeed).has_value());
}

TEST(Record, OfAMarkSaysNothingElse) {  // LOG-4
  RecordHeader header = header_of(RecordType::kMark, 0);
  header.acknowledged = header.txn;  // Unlike any other record.
  EXPECT_TRUE(decode_record(encoded(header, {}), kSeed).has_value());
  header.txn = TxnId{0};
  header.acknowledged = TxnId{0};
  EXPECT_TRUE(decode_record(encoded(header, {}), kSeed).has_value());
  header.part = 1;
  EXPECT_FALSE(decode_record(encoded(header, {}), kSeed).has_value());
}

TEST(Record, OfARollbackNamesAPlace) {
  std::vector<std::byte> payload(kRollbackPayloadSize);
  encode_rollback({.part = 3, .offset = 77}, payload);
  const auto bytes = encoded(header_of(RecordType::kRollback, payload.size()), payload);
  const auto record = decode_record(bytes, kSeed);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(decode_rollback(record->payload), (RollbackTarget{.part = 3, .offset = 77}));
  EXPECT_FALSE(
      decode_record(encoded(header_of(RecordType::kRollback, 9), random_payload(9)), kSeed));
}

}  // namespace
}  // namespace caisson::log

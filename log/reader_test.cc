// Method: logs put together record by record, with what a writer never writes: records that are
// whole but in the wrong place, or linked to something else. A reader ends before the first one.

#include "log/reader.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "log/testing/harness.h"

namespace caisson::log {
namespace {

using testing::bytes_of;
using testing::LogStore;
using testing::path_of;
using testing::test_uuid;
using testing::value_of;

// Two commits, side by side, of which the second one may be made wrong.
class Links : public ::testing::Test {
 protected:
  // How many records a reader finds where the second one's header was changed like that.
  unsigned records_with(const std::function<void(RecordHeader&)>& change, std::uint64_t moved = 0) {
    LogStore store;
    RecordHeader first;
    first.type = RecordType::kCommit;
    first.begins_epoch = true;
    first.place = {1, kFileHeaderSize};
    first.epoch = 7;
    first.txn = TxnId{1};
    first.hash = chain({}, bytes_of("one"));
    const std::uint32_t checksum = write(store, first, "one", 0);
    RecordHeader second = first;
    second.begins_epoch = false;
    second.place.offset += record_size(3);
    second.txn = TxnId{2};
    second.acknowledged = TxnId{1};
    second.previous = first.place;
    second.previous_checksum = checksum;
    second.hash = chain(first.hash, bytes_of("two"));
    change(second);
    write(store, second, "two", moved);
    LogReader reader(store.directory(), FileAccess::kRead, {}, {});
    unsigned records = 0;
    while (value_of(reader.next())) ++records;
    return records;
  }

 private:
  static std::uint32_t write(LogStore& store, RecordHeader& header, std::string_view payload,
                             std::uint64_t moved) {
    header.payload_size = static_cast<std::uint32_t>(payload.size());
    std::vector<std::byte> record(record_size(payload.size()));
    std::ranges::copy(bytes_of(payload), record.begin() + kRecordHeaderSize);
    const std::uint32_t checksum = encode_record(header, record_checksum_seed(test_uuid()), record);
    store.machine().image(path_of(1))->overwrite(header.place.offset + moved, record);
    return checksum;
  }
};

TEST_F(Links, HoldWhereNothingIsWrong) {
  EXPECT_EQ(records_with([](RecordHeader&) {}), 2U);
}

TEST_F(Links, NameThePlaceOfTheRecord) {  // LOG-5
  EXPECT_EQ(records_with([](RecordHeader& header) { header.place.file = 2; }), 1U);
  EXPECT_EQ(records_with([](RecordHeader& header) { header.place.offset += 8; }, 0), 1U);
  // As a misdirected write leaves it: the next batch's place, but not its number.
  EXPECT_EQ(records_with([](RecordHeader&) {}, 4096 - record_size(3)), 1U);
}

TEST_F(Links, NameTheRecordBefore) {  // LOG-6
  const std::vector<std::function<void(RecordHeader&)>> changes = {
      [](RecordHeader& header) { header.previous_checksum ^= 1; },
      [](RecordHeader& header) { header.previous.offset += 8; },
      [](RecordHeader& header) { header.epoch = 8; },
      [](RecordHeader& header) { header.begins_epoch = true; },
      [](RecordHeader& header) { header.txn = TxnId{3}; },
      [](RecordHeader& header) { header.part = 1; },
      [](RecordHeader& header) { header.hash.high ^= 1; },
      [](RecordHeader& header) { header.hash = chain({}, bytes_of("two")); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) EXPECT_EQ(records_with(changes[i]), 1U) << i;
}

TEST_F(Links, NeedNotNameAPlaceThatIsNotKnown) {  // LOG-6
  EXPECT_EQ(records_with([](RecordHeader& header) { header.previous = {}; }), 2U);
}

TEST_F(Links, LeadToTheNextBatchOverZerosOnly) {  // LOG-7
  const auto to_next_batch = [](RecordHeader& header) { header.place.offset = 8192; };
  EXPECT_EQ(records_with(to_next_batch), 2U);
  LogStore store;
  value_of(store.open());
  value_of(store.commit("one"));
  value_of(store.commit("two"));
  EXPECT_EQ(value_of(testing::read_commits(store.directory())).size(), 2U);
  store.machine().image(path_of(1))->flip_bit(8000, 0);
  EXPECT_EQ(value_of(testing::read_commits(store.directory())).size(), 1U);
}

TEST_F(Links, NeverAcknowledgeLessThanBefore) {  // LOG-8
  LogStore store;
  value_of(store.open());
  for (int i = 0; i < 20; ++i) value_of(store.commit("payload"));
  LogReader reader(store.directory(), FileAccess::kRead, {}, {});
  std::uint64_t acknowledged = 0;
  while (const auto record = value_of(reader.next())) {
    EXPECT_GE(to_u64(record->header.acknowledged), acknowledged);
    acknowledged = to_u64(record->header.acknowledged);
    EXPECT_EQ(acknowledged, to_u64(record->header.txn) - 1);
  }
  EXPECT_EQ(acknowledged, 19U);
}

}  // namespace
}  // namespace caisson::log

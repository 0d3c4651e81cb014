// Method: writers and readers of one file on the simulated machine, as processes that each have it
// open by themselves, see what the others need and say; and records that are not whole say nothing.

#include "mvcc/lock_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "base/testing/value_of.h"
#include "io/sim/machine.h"

namespace caisson::mvcc {
namespace {

using caisson::testing::value_of;

Uuid uuid_of(std::uint8_t first) {
  Uuid uuid;
  uuid.bytes[0] = std::byte{first};
  return uuid;
}

const Uuid kStore = uuid_of(1);

class LockFile : public ::testing::Test {
 protected:
  LockFile() : machine_(1) {
    value_of(machine_.vfs().create_directory("/store"));
    directory_ = value_of(machine_.vfs().open_directory("/store"));
  }

  std::unique_ptr<WriterLock> write() { return value_of(WriterLock::take(*directory_)); }
  std::unique_ptr<ReaderLock> read() { return value_of(ReaderLock::take(*directory_)); }

  io::sim::Machine machine_;
  std::unique_ptr<io::Directory> directory_;
};

TEST_F(LockFile, HasOneWriter) {
  auto writer = write();
  EXPECT_EQ(WriterLock::take(*directory_).error().code(), Code::kBusy);
  EXPECT_EQ(read()->has_writer(), true);
  writer.reset();
  EXPECT_EQ(read()->has_writer(), false);
  (void)write();
}

TEST_F(LockFile, TellsReadersWhatIsDurable) {  // LOCK-2
  const auto reader = read();
  EXPECT_EQ(value_of(reader->durable(kStore)), std::nullopt);
  const auto writer = write();
  value_of(writer->say_durable(kStore, TxnId{17}));
  EXPECT_EQ(value_of(reader->durable(kStore)), TxnId{17});
  EXPECT_EQ(value_of(reader->durable(uuid_of(2))), std::nullopt);
  value_of(writer->say_nothing());
  EXPECT_EQ(value_of(reader->durable(kStore)), std::nullopt);
}

TEST_F(LockFile, TellsTheWriterWhatReadersNeed) {  // VIEW-1
  const auto writer = write();
  EXPECT_TRUE(value_of(writer->readers(kStore)).checkpoints.empty());
  auto first = read();
  EXPECT_TRUE(value_of(writer->readers(kStore)).anything);
  value_of(first->say(kStore, {.txn = TxnId{5}, .log_file = 3}));
  auto second = read();
  value_of(second->say(kStore, {.txn = TxnId{4}, .log_file = kNoLogFile}));
  ReaderNeeds needs = value_of(writer->readers(kStore));
  EXPECT_EQ(needs.checkpoints, (std::vector<TxnId>{TxnId{5}, TxnId{4}}));
  EXPECT_EQ(needs.first_log_file, 3U);
  EXPECT_FALSE(needs.anything);
  // A store of another identity has its own to say; nobody knows what this one needs.
  EXPECT_TRUE(value_of(writer->readers(uuid_of(2))).anything);
  first.reset();
  needs = value_of(writer->readers(kStore));
  EXPECT_EQ(needs.checkpoints, (std::vector<TxnId>{TxnId{4}}));
  EXPECT_EQ(needs.first_log_file, kNoLogFile);
  second.reset();
  EXPECT_TRUE(value_of(writer->readers(kStore)).checkpoints.empty());
}

TEST_F(LockFile, AReaderThatTakesAnOldPlaceSaysNothingOfTheOldOne) {
  const auto writer = write();
  value_of(read()->say(kStore, {.txn = TxnId{5}, .log_file = 3}));
  const auto reader = read();
  const ReaderNeeds needs = value_of(writer->readers(kStore));
  EXPECT_TRUE(needs.anything);
  EXPECT_TRUE(needs.checkpoints.empty());
}

TEST_F(LockFile, HasRoomForSoManyReaders) {
  std::vector<std::unique_ptr<ReaderLock>> readers;
  for (std::size_t i = 0; i < kReadersMax; ++i) readers.push_back(read());
  const auto one_more = ReaderLock::take(*directory_);
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error().code(), Code::kResourceExhausted);
  EXPECT_FALSE(one_more.error().advice().empty());
  readers[60].reset();
  (void)read();
}

TEST_F(LockFile, AReaderThatCantWriteKeepsEverything) {  // VIEW-5
  const auto writer = write();
  machine_.set_read_only(true);
  const auto reader = read();
  const auto another = read();
  value_of(reader->say(kStore, {.txn = TxnId{5}, .log_file = 3}));  // Nobody hears of it.
  EXPECT_TRUE(value_of(writer->readers(kStore)).anything);
  EXPECT_EQ(reader->has_writer(), true);
}

TEST_F(LockFile, TellsReadersOfEachOther) {
  const auto reader = read();
  EXPECT_TRUE(value_of(reader->others(kStore)).empty());
  const auto another = read();
  const auto silent = read();
  const LockRecord record{.txn = TxnId{5}, .log_file = 3};
  value_of(another->say(kStore, record));
  machine_.set_read_only(true);
  const auto anonymous = read();
  const auto others = value_of(reader->others(kStore));
  ASSERT_EQ(others.size(), 3U);
  EXPECT_EQ(others[0].offset, kAnonymousByte);
  EXPECT_EQ(others[0].record, std::nullopt);
  EXPECT_EQ(others[1].record, record);
  EXPECT_EQ(others[2].record, std::nullopt);
  EXPECT_EQ(value_of(another->others(kStore)).size(), 3U);
}

TEST_F(LockFile, AReaderOfAStoreWithoutOneThatCantBeWrittenIsSeenByNobody) {  // VIEW-5
  machine_.set_read_only(true);
  const auto reader = read();
  EXPECT_EQ(reader->has_writer(), false);
  EXPECT_EQ(value_of(reader->durable(kStore)), std::nullopt);
}

TEST_F(LockFile, AProcessThatDiedNeedsNothing) {  // LOCK-3
  auto reader = read();
  value_of(reader->say(kStore, {.txn = TxnId{5}, .log_file = 3}));
  machine_.kill();
  reader.reset();
  directory_ = value_of(machine_.vfs().open_directory("/store"));
  const ReaderNeeds needs = value_of(write()->readers(kStore));
  EXPECT_TRUE(needs.checkpoints.empty());
  EXPECT_FALSE(needs.anything);
}

TEST(LockRecord, SaysWhatItSaidAndNothingWhereABitIsWrong) {  // LOCK-1
  const LockRecord record{.txn = TxnId{0x1122334455667788}, .log_file = 42};
  std::array<std::byte, kLockRecordSize> bytes{};
  encode_lock_record(record, kStore, bytes);
  EXPECT_EQ(decode_lock_record(bytes, kStore), record);
  EXPECT_EQ(decode_lock_record(bytes, uuid_of(2)), std::nullopt);
  for (std::size_t bit = 0; bit < 48 * 8; ++bit) {
    auto wrong = bytes;
    wrong[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_EQ(decode_lock_record(wrong, kStore), std::nullopt) << bit;
  }
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(decode_lock_record(Bytes(bytes).first(size), kStore), std::nullopt) << size;
  }
}

}  // namespace
}  // namespace caisson::mvcc

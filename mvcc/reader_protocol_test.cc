// Method: writers that come, recover and go beside a reader that stays, on one simulated machine:
// at each call of one of them the other does all that it has to do. What must not happen is that a
// reader shows less than what has been acknowledged, or that its pages are used again.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "mvcc/follower.h"
#include "mvcc/testing/harness.h"
#include "mvcc/testing/scenarios.h"

namespace caisson::mvcc {
namespace {

using testing::code_of;
using testing::EngineStore;
using testing::follow;
using testing::kStorePath;
using testing::Model;
using testing::put;
using testing::read_all;
using testing::StoreOptions;
using testing::value_of;

const std::string kPages = std::string(kStorePath) + "/pages";

void fill(EngineStore& store, int begin, int end) {
  for (int i = begin; i < end; ++i) {
    value_of(put(store.engine(), "t", "key" + std::to_string(i), std::string(500, 'v')));
  }
}

// A store whose newest checkpoint has to be given up: a page is damaged that replay reads, and
// nobody else before. Nobody has it open.
pager::Meta rot_newest_checkpoint(EngineStore& store) {
  fill(store, 0, 10);
  value_of(store.engine().checkpoint());
  fill(store, 10, 20);
  value_of(store.engine().checkpoint());
  const pager::Meta newest = store.engine().pager().checkpointed();
  const btree::TreeRoot tree =
      value_of(value_of(store.engine().snapshot()).tree(testing::bytes_of("t"))).root();
  fill(store, 20, 30);
  store.abandon();
  store.machine().image(kPages)->overwrite(to_u64(tree.page.id) * newest.page_size + 100,
                                           std::vector<std::byte>(16, std::byte{0xA5}));
  return newest;
}

// Who looks at a commit of the past, comes at one call of a writer which opens the store, and
// stands still at one of its own until that one has opened it.
class Overtaken {
 public:
  Overtaken(EngineStore& store, TxnId txn, std::uint64_t writer_call, std::uint64_t reader_call)
      : store_(store),
        directory_(value_of(store.machine().vfs().open_directory(kStorePath))),
        txn_(txn),
        reader_call_(reader_call) {
    store.machine().interleave(store.machine().calls() + writer_call, [this] {
      if (!over_) start();
    });
  }
  ~Overtaken() { over_ = true; }

  // Opens the store to write. What the reader came to, if it came: called once.
  Result<void> open() {
    auto opened = store_.open();
    go_.release();
    if (thread_.joinable()) thread_.join();
    return opened;
  }
  std::optional<Result<std::unique_ptr<View>>>& reader() { return reader_; }
  bool stood_still() const { return stood_still_; }

 private:
  void start() {
    store_.machine().interleave(store_.machine().calls() + reader_call_, [this] {
      if (over_ || reader_) return;
      stood_still_ = true;
      paused_.release();
      go_.acquire();
    });
    thread_ = std::thread([this] {
      reader_ = View::open_as_of(store_.machine().vfs(), *directory_,
                                 store_.options().reader_options(), txn_);
      if (!stood_still_) paused_.release();
    });
    paused_.acquire();
  }

  EngineStore& store_;
  const std::unique_ptr<io::Directory> directory_;
  const TxnId txn_;
  const std::uint64_t reader_call_;
  bool over_ = false;
  std::atomic<bool> stood_still_ = false;
  std::thread thread_;  // Ends before open() returns.
  std::binary_semaphore paused_{0};
  std::binary_semaphore go_{0};
  std::optional<Result<std::unique_ptr<View>>> reader_;
};

// Whatever a writer gives up, at whatever moment: no reader reads it afterwards.
TEST(ReaderProtocol, NoReaderBeginsWithACheckpointThatHasBeenGivenUp) {  // VIEW-6, OPENING-5
  std::uint64_t given_up = 0;
  std::uint64_t refused = 0;
  std::uint64_t overtaken = 0;
  EngineStore rotten(StoreOptions{});
  const pager::Meta newest = rot_newest_checkpoint(rotten);
  bool came = true;
  for (std::uint64_t writer_call = 0; came; writer_call += 29) {
    for (std::uint64_t reader_call = 0;; reader_call += 2) {
      EngineStore store = rotten.copy(reader_call + 1);
      Overtaken both(store, newest.txn, writer_call, reader_call);
      const auto opened = both.open();
      came = both.reader().has_value();
      if (!came) break;
      if (!opened) {
        ++refused;
        EXPECT_EQ(code_of(opened), Code::kBusy) << opened.error().to_string();
      } else if (*both.reader()) {
        ++given_up;
        if (both.stood_still()) ++overtaken;
        EXPECT_LT((**both.reader())->base(), newest.txn) << writer_call << " " << reader_call;
      }
      both.reader().reset();
      if (!both.stood_still()) break;
    }
  }
  EXPECT_GT(given_up, 20U);
  EXPECT_GT(overtaken, 20U);
  EXPECT_GT(refused, 20U);
}

// The newest meta has rotted while a reader reads its checkpoint: nothing else tells of that.
TEST(ReaderProtocol, ACheckpointWhoseMetaIsGoneIsKeptForItsReader) {  // OPENING-5
  EngineStore store(StoreOptions{});
  fill(store, 0, 10);
  value_of(store.engine().checkpoint());
  fill(store, 10, 20);
  value_of(store.engine().checkpoint());
  const pager::MetaSlot slot = store.engine().pager().checkpointed().slot;
  store.abandon();
  auto reader = value_of(follow(store));
  const Model before = value_of(read_all(value_of(reader->snapshot())));
  store.machine().image(kPages)->overwrite(pager::meta_offset(slot) + 100,
                                           std::vector<std::byte>(64));
  const auto refused = store.open();
  ASSERT_EQ(code_of(refused), Code::kBusy);
  EXPECT_EQ(refused.error().rule(), "OPENING-5");
  EXPECT_EQ(value_of(read_all(value_of(reader->snapshot()))), before);
  reader.reset();
  value_of(store.open());
  EXPECT_EQ(value_of(read_all(value_of(store.engine().snapshot()))), before);
}

// One that only an earlier process knew: this one finds its pages among the dead.
TEST(ReaderProtocol, WhatAReaderWithoutARecordReadsOutlivesTheWriter) {  // VIEW-5, OPENING-6
  for (const auto access : {pager::PageAccess::kMapped, pager::PageAccess::kPrivate}) {
    EXPECT_EQ(testing::read_anonymously({.access = access}), "");
  }
}

// Its record is not of a commit that is acknowledged, or there is none: never less is shown.
TEST(ReaderProtocol, ShowsNoLessThanWhatWasAcknowledgedWhileAnotherWriterComes) {  // VIEW-3
  std::uint64_t busy = 0;
  std::uint64_t shown = 0;
  for (std::uint64_t call = 0; call < 400; ++call) {
    EngineStore store(StoreOptions{});
    value_of(put(store.engine(), "t", "a", "1"));
    const auto reader = value_of(follow(store));
    const auto last = value_of(put(store.engine(), "t", "a", "2"));
    store.abandon();
    std::optional<Result<Snapshot>> seen;
    bool over = false;
    store.machine().interleave(store.machine().calls() + call, [&] {
      if (!over) seen = reader->snapshot();
    });
    value_of(store.open());
    over = true;
    if (!seen) break;
    if (*seen) {
      ++shown;
      EXPECT_GE((*seen)->txn(), last.txn) << call;
    } else {
      ++busy;
      EXPECT_EQ(seen->error().code(), Code::kBusy) << call;
    }
  }
  EXPECT_GT(shown, 3U);
  EXPECT_GT(busy, 3U);
}

// Commits that nobody waits for run ahead, and those before them are forgotten.
TEST(ReaderProtocol, IsToldOfACommitAlsoWhereOthersHaveRunAhead) {  // LOCK-2
  EngineStore store(StoreOptions{});
  const auto reader = value_of(follow(store));
  const auto first = value_of(put(store.engine(), "t", "a", "1", Durability::kAsync));
  store.machine().interleave(store.machine().calls(), [&] {
    value_of(put(store.engine(), "t", "a", "2", Durability::kAsync));
    value_of(put(store.engine(), "t", "a", "3", Durability::kAsync));
  });
  value_of(store.engine().wait_durable(first));
  EXPECT_EQ(value_of(reader->snapshot()).txn(), first.txn);
}

// What a crash of the machine has left of it, or a copy of another store's.
TEST(ReaderProtocol, BelievesNoRecordOfAWriterThatIsGone) {  // LOCK-3, VIEW-3
  EngineStore store(StoreOptions{});
  const auto last = value_of(put(store.engine(), "t", "a", "1"));
  const Uuid uuid = store.engine().uuid();
  value_of(store.close());
  const auto reader = value_of(follow(store));
  std::vector<std::byte> record(kLockRecordSize);
  encode_lock_record({.txn = TxnId{1000}, .log_file = 0}, uuid, record);
  store.machine().image(std::string(kStorePath) + "/" + kLockFileName)->overwrite(0, record);
  EXPECT_EQ(value_of(reader->snapshot()).txn(), last.txn);
  EXPECT_EQ(value_of(value_of(follow(store))->snapshot()).txn(), last.txn);
}

// A snapshot of a checkpoint that the reader has left needs no log any more.
TEST(ReaderProtocol, ASnapshotThatIsKeptHoldsNoLog) {  // CHECKPOINT-2
  EngineStore store(StoreOptions{});
  value_of(put(store.engine(), "t", "a", "1"));
  EngineOptions options = store.options().reader_options();
  options.replay_time_max_ns = 1;  // It takes every checkpoint.
  const auto reader = value_of(Follower::open(store.machine().vfs(), kStorePath, options));
  const Snapshot kept = value_of(reader->snapshot());
  const auto directory =
      value_of(store.machine().vfs().open_directory(std::string(kStorePath) + "/log"));
  for (int i = 0; i < 100; ++i) {
    value_of(put(store.engine(), "t", "b", std::string(10'000, 'v')));
    if (i % 10 == 9) value_of(store.engine().checkpoint());
    (void)value_of(reader->snapshot());
  }
  EXPECT_LE(value_of(directory->list()).size(), 6U);
  EXPECT_EQ(value_of(read_all(kept)), (Model{{"t", {{"a", "1"}}}}));
}

// Nor does one of the past that has ended.
TEST(ReaderProtocol, AStateOfThePastThatHasEndedIsHeldByNobody) {  // VIEW-2
  EngineStore store(StoreOptions{.retention = {.checkpoints = 1, .age_ns = 0}});
  fill(store, 0, 10);
  value_of(store.engine().checkpoint());
  fill(store, 10, 20);
  (void)value_of(store.engine().snapshot_as_of(TxnId{15}));
  const auto directory = value_of(store.machine().vfs().open_directory(kStorePath));
  const auto file = value_of(directory->open_file(kLockFileName, {}));
  EXPECT_TRUE(value_of(file->is_locked(kLockRecordSize, 126 * kLockRecordSize)));
  value_of(store.engine().checkpoint());
  EXPECT_FALSE(value_of(file->is_locked(kLockRecordSize, 126 * kLockRecordSize)));
}

TEST(ReaderProtocol, MakesNothingWhereThereIsNoStore) {
  io::sim::Machine machine(1);
  value_of(machine.vfs().create_directory("/somewhere"));
  EXPECT_EQ(code_of(Follower::open(machine.vfs(), "/somewhere", StoreOptions{}.reader_options())),
            Code::kNotFound);
  EXPECT_TRUE(value_of(value_of(machine.vfs().open_directory("/somewhere"))->list()).empty());
}

TEST(ReaderProtocol, ReadsAStoreOnADiskThatIsFullAndHasNoLock) {  // VIEW-5
  EngineStore store(StoreOptions{});
  value_of(put(store.engine(), "t", "a", "1"));
  value_of(store.close());
  value_of(value_of(store.machine().vfs().open_directory(kStorePath))->unlink(kLockFileName));
  store.machine().set_capacity({.bytes = 0});
  const auto reader = value_of(follow(store));
  EXPECT_EQ(value_of(read_all(value_of(reader->snapshot()))), (Model{{"t", {{"a", "1"}}}}));
}

}  // namespace
}  // namespace caisson::mvcc

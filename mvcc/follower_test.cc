// Method: a writer and readers as processes beside it, on one simulated machine: what they see,
// what they cost each other, and what happens where one of them is gone, in the middle of
// something, or can't do what it should. What they read is compared by value.

#include "mvcc/follower.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "mvcc/testing/harness.h"

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

Model contents(Follower& follower) { return value_of(read_all(value_of(follower.snapshot()))); }

TEST(Follower, SeesACommitAsSoonAsItIsAcknowledged) {  // LOCK-2
  EngineStore store(StoreOptions{});
  const auto reader = value_of(follow(store));
  EXPECT_EQ(contents(*reader), Model{});
  Model model;
  for (int i = 0; i < 200; ++i) {
    const std::string key = std::to_string(i);
    const auto committed = value_of(put(store.engine(), "t", key, std::string(100, 'v')));
    model["t"][key] = std::string(100, 'v');
    EXPECT_EQ(value_of(reader->snapshot()).txn(), committed.txn);
    if (i % 20 == 0) {
      EXPECT_EQ(contents(*reader), model);
    }
    if (i % 50 == 7) value_of(store.engine().checkpoint());
  }
  EXPECT_EQ(contents(*reader), model);
  EXPECT_EQ(contents(*value_of(follow(store))), model);
}

TEST(Follower, SeesNoCommitThatIsNotDurable) {  // VIEW-3
  EngineStore store(StoreOptions{});
  const auto reader = value_of(follow(store));
  value_of(put(store.engine(), "t", "a", "1"));
  const auto committed = value_of(put(store.engine(), "t", "a", "2", Durability::kAsync));
  EXPECT_EQ(contents(*reader), (Model{{"t", {{"a", "1"}}}}));
  value_of(store.engine().wait_durable(committed));
  EXPECT_EQ(contents(*reader), (Model{{"t", {{"a", "2"}}}}));
}

TEST(Follower, AppliesTheLogOfAStoreThatWasNotClosedAndWritesNothing) {
  for (const auto access : {pager::PageAccess::kMapped, pager::PageAccess::kPrivate}) {
    EngineStore store(StoreOptions{.access = access});
    Model model;
    for (int i = 0; i < 100; ++i) {
      value_of(put(store.engine(), "t", std::to_string(i), std::string(300, 'v')));
      model["t"][std::to_string(i)] = std::string(300, 'v');
      if (i == 40) value_of(store.engine().checkpoint());
    }
    store.kill();
    store.machine().record_trace(true);
    {
      const auto reader = value_of(follow(store));
      EXPECT_FALSE(reader->recovery().was_closed);
      EXPECT_EQ(reader->recovery().recovered, TxnId{100});
      EXPECT_EQ(reader->recovery().checkpoint, TxnId{41});
      EXPECT_EQ(contents(*reader), model);
    }
    for (const auto& call : store.machine().trace()) {
      EXPECT_TRUE(call.call != io::Call::kWrite || call.file.ends_with(kLockFileName));
      EXPECT_NE(call.call, io::Call::kSyncData);
      EXPECT_NE(call.call, io::Call::kTruncate);
      EXPECT_NE(call.call, io::Call::kUnlink);
    }
    store.machine().record_trace(false);
    value_of(store.open());
    EXPECT_EQ(value_of(read_all(value_of(store.engine().snapshot()))), model);
  }
}

TEST(Follower, ServesAStoreOnADiskThatCantBeWritten) {  // VIEW-5
  EngineStore store(StoreOptions{});
  value_of(put(store.engine(), "t", "a", "1"));
  value_of(store.engine().checkpoint());
  value_of(put(store.engine(), "t", "a", "2"));
  store.kill();
  store.machine().set_read_only(true);
  const auto reader = value_of(follow(store));
  EXPECT_EQ(contents(*reader), (Model{{"t", {{"a", "2"}}}}));
  EXPECT_EQ(code_of(store.open()), Code::kReadOnly);
}

TEST(Follower, GoesOnWhenTheWriterIsGoneAndAnotherOneComes) {
  EngineStore store(StoreOptions{});
  value_of(put(store.engine(), "t", "a", "1"));
  const auto reader = value_of(follow(store));
  const Snapshot before = value_of(reader->snapshot());
  value_of(store.close());
  EXPECT_EQ(contents(*reader), (Model{{"t", {{"a", "1"}}}}));
  value_of(store.open());
  for (int i = 0; i < 50; ++i) {
    value_of(put(store.engine(), "t", "a", std::to_string(i)));
    value_of(store.engine().checkpoint());
  }
  EXPECT_EQ(contents(*reader), (Model{{"t", {{"a", "49"}}}}));
  EXPECT_EQ(value_of(read_all(before)), (Model{{"t", {{"a", "1"}}}}));
}

TEST(Follower, TakesANewerCheckpointWhenItHasFollowedFar) {
  EngineStore store(StoreOptions{});
  EngineOptions options = store.options().reader_options();
  options.replay_time_max_ns = 200'000;  // About a hundred operations.
  const auto reader = value_of(Follower::open(store.machine().vfs(), kStorePath, options));
  Model model;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = std::to_string(i % 300);
    value_of(put(store.engine(), "t", key, std::to_string(i)));
    model["t"][key] = std::to_string(i);
    if (i % 100 == 99) value_of(store.engine().checkpoint());
    if (i % 10 == 0) {
      ASSERT_EQ(contents(*reader), model);
      ASSERT_LT(reader->stats().replay_ns, 5 * options.replay_time_max_ns);
    }
  }
  EXPECT_GT(reader->stats().checkpoint, TxnId{700});
}

// The log behind the checkpoint has changed more than the reader has memory for.
// The newest checkpoint has rotted where only replay looks, and a reader reads it.
TEST(Follower, KeepsACheckpointThatWouldBeGivenUp) {  // OPENING-5
  EngineStore store(StoreOptions{});
  for (int i = 0; i < 30; ++i) {
    value_of(put(store.engine(), "t", "key" + std::to_string(i), std::string(500, 'v')));
    if (i == 10 || i == 20) value_of(store.engine().checkpoint());
  }
  const pager::Meta newest = store.engine().pager().checkpointed();
  store.abandon();
  auto reader = value_of(follow(store));
  const auto image = store.machine().image(std::string(kStorePath) + "/pages");
  image->overwrite(to_u64(newest.root.id) * newest.page_size + 100,
                   std::vector<std::byte>(16, std::byte{0xA5}));
  const auto refused = store.open();
  ASSERT_EQ(code_of(refused), Code::kBusy);
  EXPECT_EQ(refused.error().rule(), "OPENING-5");
  reader.reset();
  value_of(store.open());
  EXPECT_TRUE(store.engine().recovery().older_checkpoint);
}

TEST(Follower, SaysThatItsMemoryDoesNotSufficeAndGoesOnBehindACheckpoint) {
  EngineStore store(StoreOptions{.log = {.file_size_min = std::uint64_t{4} << 20U,
                                         .file_size_max = std::uint64_t{4} << 20U,
                                         .direct = true}});
  EngineOptions options = store.options().reader_options();
  options.memory_budget_bytes = 64 * 4096;
  const auto reader = value_of(Follower::open(store.machine().vfs(), kStorePath, options));
  Model model;
  for (int i = 0; i < 40; ++i) {
    const std::string key = std::to_string(i);
    value_of(put(store.engine(), "t", key, std::string(20'000, 'v')));
    model["t"][key] = std::string(20'000, 'v');
  }
  const auto refused = reader->snapshot();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kResourceExhausted);
  EXPECT_FALSE(refused.error().advice().empty());
  EXPECT_EQ(code_of(Follower::open(store.machine().vfs(), kStorePath, options)),
            Code::kResourceExhausted);
  value_of(store.engine().checkpoint());
  EXPECT_EQ(contents(*reader), model);
}

TEST(Follower, IsRefusedWhileTheStoreIsBeingRecovered) {  // VIEW-3
  EngineStore store(StoreOptions{});
  for (int i = 0; i < 20; ++i) value_of(put(store.engine(), "t", std::to_string(i), "v"));
  store.kill();
  std::optional<Code> seen;
  // After the writer has its lock, and before it serves.
  store.machine().interleave(store.machine().calls() + 20, [&] { seen = code_of(follow(store)); });
  value_of(store.open());
  EXPECT_EQ(seen, Code::kBusy);
  (void)contents(*value_of(follow(store)));
}

// Whatever the writer does at the time, an opening finds a state that was acknowledged.
TEST(Follower, OpensAtAnyMomentBesideAWriter) {  // VIEW-1, VIEW-2, VIEW-4
  std::uint64_t opened = 0;
  for (std::uint64_t call = 0; call < 160; ++call) {
    EngineStore store(StoreOptions{.retention = {.checkpoints = 1, .age_ns = 0}}, call + 1);
    Model model;
    std::uint64_t acknowledged = 0;
    std::unique_ptr<Follower> reader;
    std::optional<Snapshot> snapshot;
    store.machine().interleave(store.machine().calls() + call, [&] {
      reader = value_of(follow(store));
      snapshot = value_of(reader->snapshot());
      EXPECT_GE(to_u64(snapshot->txn()), acknowledged);
    });
    std::vector<Model> states = {model};
    for (int i = 0; i < 30; ++i) {
      const std::string key = std::to_string(i % 4);
      const std::string value(200, static_cast<char>('a' + i % 26));
      model["t"][key] = value;
      states.push_back(model);
      acknowledged = to_u64(value_of(put(store.engine(), "t", key, value)).txn);
      if (i % 3 == 2) value_of(store.engine().checkpoint());
    }
    if (!snapshot) break;
    ++opened;
    ASSERT_EQ(value_of(read_all(*snapshot)), states[to_u64(snapshot->txn())]) << call;
    ASSERT_EQ(contents(*reader), model) << call;
  }
  EXPECT_GT(opened, 100U);
}

TEST(Follower, ReadsThePastThatIsRetained) {
  EngineStore store(StoreOptions{.retention = {.checkpoints = 2, .age_ns = 0}});
  for (int i = 1; i <= 40; ++i) {
    value_of(put(store.engine(), "t", "a", std::to_string(i)));
    if (i % 10 == 5) value_of(store.engine().checkpoint());
    if (i == 7) value_of(store.engine().retain("seven"));
  }
  const auto reader = value_of(follow(store));
  const auto at = [&](std::uint64_t txn) {
    return value_of(read_all(value_of(reader->snapshot_as_of(TxnId{txn}))))["t"]["a"];
  };
  EXPECT_EQ(at(15), "15");
  EXPECT_EQ(at(16), "16");
  EXPECT_EQ(at(33), "33");
  EXPECT_EQ(at(40), "40");
  EXPECT_EQ(at(7), "7");
  EXPECT_EQ(value_of(reader->snapshot_named("seven")).txn(), TxnId{7});
  EXPECT_EQ(code_of(reader->snapshot_named("eight")), Code::kNotFound);
  EXPECT_EQ(code_of(reader->snapshot_as_of(TxnId{8})), Code::kNotFound);
  EXPECT_EQ(code_of(reader->snapshot_as_of(TxnId{14})), Code::kNotFound);
  EXPECT_EQ(code_of(reader->snapshot_as_of(TxnId{41})), Code::kNotFound);
  const auto retained = value_of(reader->retained());
  ASSERT_EQ(retained.size(), 4U);
  EXPECT_EQ(retained[0].names, (std::vector<std::string>{"seven"}));
  EXPECT_FALSE(retained[0].history);
  EXPECT_EQ(retained[1].txn, TxnId{15});
}

TEST(Follower, IsBusyWhileSomethingOfItIsOpen) {
  EngineStore store(StoreOptions{});
  value_of(put(store.engine(), "t", "a", "1"));
  value_of(store.engine().checkpoint());
  value_of(put(store.engine(), "t", "a", "2"));
  const auto reader = value_of(follow(store));
  {
    const Snapshot snapshot = value_of(reader->snapshot());
    EXPECT_EQ(code_of(reader->check_unused()), Code::kBusy);
  }
  {
    const Snapshot snapshot = value_of(reader->snapshot_as_of(TxnId{1}));
    EXPECT_EQ(code_of(reader->check_unused()), Code::kBusy);
  }
  value_of(reader->check_unused());
}

}  // namespace
}  // namespace caisson::mvcc

// Method: an open store on a simulated machine, whose disk fills up or fails: what its calls say
// then, what its threads do, and that nothing which was acknowledged is lost.

#include "db/store_state.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "base/testing/value_of.h"
#include "io/sim/machine.h"
#include "mvcc/testing/harness.h"

namespace caisson::db {
namespace {

using mvcc::testing::bytes_of;
using mvcc::testing::kStorePath;
using mvcc::testing::Model;
using mvcc::testing::read_all;
using mvcc::testing::tree_in;
using testing::value_of;

class StoreOnABadDisk : public ::testing::Test {
 protected:
  static Options options(bool background) {
    return {.create_if_missing = true,
            .create = {.page_size = 4096},
            .background = background,
            .replay_time_max = std::chrono::nanoseconds(1),
            .memory_budget_bytes = std::uint64_t{1} << 20U,
            .address_space_bytes = std::uint64_t{1} << 28U};
  }

  static Result<Committed> put(StoreState& store, std::string_view key, std::size_t size = 1) {
    auto begun = store.use([&](mvcc::Engine& engine) { return store.begin_write(engine); });
    if (!begun) return fail(std::move(begun).error());
    CAISSON_RETURN_IF_ERROR(
        begun->put(tree_in(*begun, "t"), bytes_of(key), bytes_of(std::string(size, 'v'))));
    return store.use([&](mvcc::Engine&) { return store.commit(*std::move(begun), {}); });
  }

  static Result<void> checkpoint(StoreState& store) {
    return store.use([&](mvcc::Engine& engine) { return store.checkpoint(engine); });
  }

  static StoreStats stats(StoreState& store) { return value_of(store.stats()); }

  static Model contents(StoreState& store) {
    return value_of(store.use([](mvcc::Engine& engine) -> Result<Model> {
      CAISSON_ASSIGN_OR_RETURN(const mvcc::Snapshot snapshot, engine.snapshot());
      return read_all(snapshot);
    }));
  }

  static bool comes_true(const std::function<bool()>& condition) {
    for (int i = 0; i < 10'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

  io::sim::Machine machine_{1};
};

TEST_F(StoreOnABadDisk, ACheckpointThatFindsNoRoomIsWrittenWhenThereIsSome) {
  StoreState store(machine_.vfs());
  value_of(store.open(kStorePath, options(true)));
  value_of(put(store, "a", 100'000));
  machine_.inject({machine_.calls(), io::sim::FaultKind::kNoSpace, true});
  EXPECT_TRUE(comes_true([&] { return stats(store).background_failures > 0; }));
  EXPECT_EQ(stats(store).last_background_failure->code(), Code::kOutOfSpace);
  EXPECT_EQ(stats(store).checkpointed, TxnId{0});
  EXPECT_EQ(contents(store)["t"]["a"], std::string(100'000, 'v'));
  machine_.clear_faults();
  EXPECT_TRUE(comes_true([&] { return stats(store).checkpointed == TxnId{1}; }));
  value_of(store.close());
}

TEST_F(StoreOnABadDisk, AnOpeningThatReplayedMuchIsFollowedByACheckpoint) {
  StoreState killed(machine_.vfs());
  value_of(killed.open(kStorePath, options(false)));
  value_of(put(killed, "a", 100'000));
  machine_.kill();
  {
    StoreState store(machine_.vfs());
    value_of(store.open(kStorePath, options(true)));
    EXPECT_EQ(store.recovery().recovered, TxnId{1});
    EXPECT_TRUE(comes_true([&] { return stats(store).checkpointed == TxnId{1}; }));
    value_of(store.close());
  }
  killed.abandon();
}

TEST_F(StoreOnABadDisk, ACloseThatFindsNoRoomClosesAllTheSame) {
  StoreState store(machine_.vfs());
  value_of(store.open(kStorePath, options(false)));
  value_of(put(store, "a", 100'000));
  machine_.inject({machine_.calls(), io::sim::FaultKind::kNoSpace, true});
  const auto closed = store.close();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code(), Code::kOutOfSpace);
  machine_.clear_faults();
  EXPECT_EQ(checkpoint(store).error().code(), Code::kInvalidArgument);

  StoreState again(machine_.vfs());
  value_of(again.open(kStorePath, options(false)));
  EXPECT_FALSE(again.recovery().was_closed);
  EXPECT_EQ(contents(again)["t"]["a"], std::string(100'000, 'v'));
  value_of(again.close());
  value_of(store.close());
}

TEST_F(StoreOnABadDisk, AfterAFlushThatFailedNothingIsWrittenAndAllIsRead) {
  {
    StoreState store(machine_.vfs());
    value_of(store.open(kStorePath, options(true)));
    value_of(put(store, "a"));
    EXPECT_TRUE(comes_true([&] { return stats(store).checkpointed == TxnId{1}; }));
    machine_.inject({machine_.calls(), io::sim::FaultKind::kSyncDrops, true});
    EXPECT_EQ(put(store, "b").error().code(), Code::kDurabilityUnknown);
    EXPECT_EQ(put(store, "c").error().code(), Code::kPoisoned);
    EXPECT_EQ(checkpoint(store).error().code(), Code::kPoisoned);
    EXPECT_EQ(contents(store), (Model{{"t", {{"a", "v"}}}}));
    machine_.clear_faults();
    EXPECT_EQ(store.close().error().code(), Code::kPoisoned);
    value_of(store.close());
  }
  StoreState store(machine_.vfs());
  value_of(store.open(kStorePath, options(false)));
  EXPECT_EQ(contents(store)["t"]["a"], "v");
  value_of(store.close());
}

}  // namespace
}  // namespace caisson::db

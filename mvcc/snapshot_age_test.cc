// Method: snapshots grow old on the simulated machine, whose clock the test moves, beside a writer
// that goes on.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "mvcc/testing/harness.h"

namespace caisson::mvcc {
namespace {

using std::chrono::seconds;
using testing::bytes_of;
using testing::code_of;
using testing::EngineStore;
using testing::follow;
using testing::kStorePath;
using testing::Model;
using testing::put;
using testing::read_all;
using testing::StoreOptions;
using testing::value_of;

constexpr std::uint64_t kAgeMax = 10'000'000'000;

// A store with such a limit, in which each commit goes over all pages.
class SnapshotAge : public ::testing::TestWithParam<pager::PageAccess> {
 protected:
  SnapshotAge() : store_(StoreOptions{.access = GetParam()}) {
    value_of(store_.close());
    EngineOptions options = store_.options().engine_options();
    options.snapshot_age_max_ns = kAgeMax;
    engine_ = value_of(Engine::open(store_.machine().vfs(), kStorePath, options));
    commit("0");
  }

  void commit(const std::string& value) { value_of(put(*engine_, "t", "a", value)); }
  void sleep(seconds time) { store_.machine().vfs().clock().sleep(time); }

  EngineStore store_;
  std::unique_ptr<Engine> engine_;
};

TEST_P(SnapshotAge, ASnapshotIsRefusedOnceLaterCommitsHaveBeenThereForLong) {
  Snapshot snapshot = value_of(engine_->snapshot());
  const TreeReader tree = value_of(snapshot.tree(bytes_of("t")));
  Cursor cursor = value_of(tree.cursor());
  EXPECT_TRUE(value_of(cursor.first()));
  sleep(seconds(100));  // Old alone is not too old: it is the newest.
  commit("1");
  sleep(seconds(9));
  commit("2");
  EXPECT_TRUE(value_of(tree.get(bytes_of("a"))));
  sleep(seconds(1));
  commit("3");
  const auto refused = tree.get(bytes_of("a"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kSnapshotTooOld);
  EXPECT_FALSE(refused.error().advice().empty());
  EXPECT_EQ(code_of(tree.cursor()), Code::kSnapshotTooOld);
  EXPECT_EQ(code_of(cursor.first()), Code::kSnapshotTooOld);
  EXPECT_EQ(code_of(snapshot.tree(bytes_of("t"))), Code::kSnapshotTooOld);
  EXPECT_EQ(code_of(snapshot.trees()), Code::kSnapshotTooOld);
  snapshot.renew();
  EXPECT_EQ(value_of(read_all(snapshot)), (Model{{"t", {{"a", "3"}}}}));
}

TEST_P(SnapshotAge, WhatIsTooOldGoesOnKeepingItsPages) {
  const Snapshot old = value_of(engine_->snapshot());
  commit("1");
  Snapshot young = value_of(engine_->snapshot());
  for (int i = 2; i < 20; ++i) {
    sleep(seconds(5));
    commit(std::to_string(i));
    value_of(engine_->checkpoint());
    young = value_of(engine_->snapshot());
  }
  EXPECT_EQ(code_of(old.tree(bytes_of("t"))), Code::kSnapshotTooOld);
  EXPECT_EQ(value_of(read_all(young)), (Model{{"t", {{"a", "19"}}}}));
  const EngineStats stats = engine_->stats();
  EXPECT_EQ(stats.snapshots.oldest, TxnId{1});
  EXPECT_GE(stats.oldest_snapshot_age_ns, 90'000'000'000U);
  EXPECT_LT(stats.oldest_snapshot_age_ns, 91'000'000'000U);
  EXPECT_GT(stats.pinned_pages, 0U);
}

TEST_P(SnapshotAge, AStateOfThePastIsNeverTooOld) {
  value_of(engine_->retain("then"));
  const Snapshot then = value_of(engine_->snapshot_named("then"));
  for (int i = 0; i < 3; ++i) {
    sleep(seconds(100));
    commit("1");
  }
  EXPECT_EQ(value_of(read_all(then)), (Model{{"t", {{"a", "0"}}}}));
}

INSTANTIATE_TEST_SUITE_P(Access, SnapshotAge,
                         ::testing::Values(pager::PageAccess::kMapped, pager::PageAccess::kPrivate),
                         [](const auto& instance) {
                           return instance.param == pager::PageAccess::kMapped ? "Mapped"
                                                                               : "Private";
                         });

// What an oldest snapshot costs is told, and goes with it.
TEST(SnapshotStats, TellWhatTheOldestSnapshotKeeps) {
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "0"));
  EXPECT_EQ(store.engine().stats().snapshots.oldest, std::nullopt);
  {
    const Snapshot snapshot = value_of(store.engine().snapshot());
    EXPECT_EQ(store.engine().stats().oldest_snapshot_age_ns, 0U);
    value_of(put(store.engine(), "t", "a", "1"));
    store.machine().vfs().clock().sleep(seconds(3));
    value_of(put(store.engine(), "t", "a", "2"));
    value_of(put(store.engine(), "t", "a", "3"));
    const EngineStats stats = store.engine().stats();
    EXPECT_GE(stats.oldest_snapshot_age_ns, 3'000'000'000U);
    EXPECT_LT(stats.oldest_snapshot_age_ns, 4'000'000'000U);
    EXPECT_EQ(stats.pinned_pages, 2U);  // The catalog and the tree, a page each.
  }
  value_of(put(store.engine(), "t", "a", "4"));
  EXPECT_EQ(store.engine().stats().pinned_pages, 0U);
}

TEST(SnapshotStats, TellOfReadersElsewhere) {
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "0"));
  value_of(store.engine().checkpoint());
  EXPECT_EQ(store.engine().stats().readers.checkpoints, 0U);
  const auto reader = value_of(follow(store));
  value_of(put(store.engine(), "t", "a", "1"));
  value_of(store.engine().checkpoint());
  const CheckpointReaders readers = store.engine().stats().readers;
  EXPECT_EQ(readers.checkpoints, 1U);
  EXPECT_EQ(readers.oldest, TxnId{1});
  EXPECT_FALSE(readers.unknown);
  store.machine().set_read_only(true);
  const auto anonymous = value_of(follow(store));
  store.machine().set_read_only(false);
  value_of(put(store.engine(), "t", "a", "2"));
  value_of(store.engine().checkpoint());
  EXPECT_TRUE(store.engine().stats().readers.unknown);
}

}  // namespace
}  // namespace caisson::mvcc

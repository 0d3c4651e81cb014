// Method: names and states of the past, by the engine that writes the store: given and taken, found
// and not found, over reopenings; and what they cost in pages and log files. Whether what they show
// is right under load and behind crashes is what crash_test.cc is for.

#include "mvcc/history.h"

#include <gtest/gtest.h>

#include <string>

#include "mvcc/testing/harness.h"

namespace caisson::mvcc {
namespace {

using testing::code_of;
using testing::EngineStore;
using testing::put;
using testing::read_all;
using testing::StoreOptions;
using testing::value_of;

std::string value_in(const Snapshot& snapshot) { return value_of(read_all(snapshot))["t"]["a"]; }

TEST(History, ANameIsGivenOnceAndTakenOnce) {
  EngineStore store(StoreOptions{});
  value_of(put(store.engine(), "t", "a", "1"));
  EXPECT_EQ(value_of(store.engine().retain("first")), TxnId{1});
  EXPECT_EQ(code_of(store.engine().retain("first")), Code::kAlreadyExists);
  EXPECT_EQ(code_of(store.engine().retain("")), Code::kInvalidArgument);
  EXPECT_EQ(code_of(store.engine().release("second")), Code::kNotFound);
  EXPECT_EQ(value_of(store.engine().retain("second")), TxnId{1});  // Of the same state.
  value_of(put(store.engine(), "t", "a", "2"));
  value_of(store.engine().release("first"));
  EXPECT_EQ(code_of(store.engine().snapshot_named("first")), Code::kNotFound);
  EXPECT_EQ(value_in(value_of(store.engine().snapshot_named("second"))), "1");
  value_of(store.close());
  value_of(store.open());
  EXPECT_EQ(code_of(store.engine().snapshot_named("first")), Code::kNotFound);
  EXPECT_EQ(value_in(value_of(store.engine().snapshot_named("second"))), "1");
  EXPECT_EQ(code_of(store.engine().retain("second")), Code::kAlreadyExists);
}

TEST(History, AnEmptyStoreCanHaveANameToo) {
  EngineStore store(StoreOptions{});
  EXPECT_EQ(value_of(store.engine().retain("empty")), TxnId{0});
  for (int i = 0; i < 5; ++i) {
    value_of(put(store.engine(), "t", "a", "1"));
    value_of(store.engine().checkpoint());
  }
  EXPECT_TRUE(value_of(read_all(value_of(store.engine().snapshot_named("empty")))).empty());
}

TEST(History, ASnapshotOutlivesItsNameAndItsPlaceInTheHistory) {
  EngineStore store(StoreOptions{.retention = {.checkpoints = 1, .age_ns = 0}});
  value_of(put(store.engine(), "t", "a", std::string(3000, '1')));
  value_of(store.engine().retain("one"));
  const Snapshot named = value_of(store.engine().snapshot_named("one"));
  value_of(put(store.engine(), "t", "a", "2"));
  value_of(store.engine().checkpoint());
  value_of(put(store.engine(), "t", "a", "3"));
  const Snapshot past = value_of(store.engine().snapshot_as_of(TxnId{2}));
  value_of(store.engine().release("one"));
  for (int i = 0; i < 20; ++i) {
    value_of(put(store.engine(), "t", "a", std::string(3000, 'x')));
    value_of(store.engine().checkpoint());
  }
  EXPECT_EQ(code_of(store.engine().snapshot_as_of(TxnId{4})), Code::kNotFound);
  EXPECT_EQ(value_in(named), std::string(3000, '1'));
  EXPECT_EQ(value_in(past), "2");
  EXPECT_EQ(code_of(store.engine().close()), Code::kBusy);
}

TEST(History, OfOneStateIsOpenedOnce) {
  EngineStore store(StoreOptions{.retention = {.checkpoints = 4, .age_ns = 0}});
  for (int i = 1; i <= 5; ++i) {
    value_of(put(store.engine(), "t", "a", std::to_string(i)));
    value_of(store.engine().checkpoint());
  }
  const Snapshot first = value_of(store.engine().snapshot_as_of(TxnId{3}));
  store.machine().record_trace(true);
  const Snapshot second = value_of(store.engine().snapshot_as_of(TxnId{3}));
  EXPECT_TRUE(store.machine().trace().empty());
  EXPECT_EQ(value_in(second), "3");
}

TEST(History, CostsNoPagesAndNoLogOnceItIsGivenUp) {
  EngineStore store(StoreOptions{});
  const auto churn = [&] {
    for (int i = 0; i < 30; ++i) {
      for (int key = 0; key < 20; ++key) {
        value_of(put(store.engine(), "t", std::to_string(key), std::string(3000, 'v')));
      }
      value_of(store.engine().checkpoint());
    }
  };
  churn();
  const std::uint64_t pages = store.engine().pager().stats().page_count;
  value_of(store.engine().retain("kept"));
  churn();
  EXPECT_GT(store.engine().pager().stats().page_count, pages);
  value_of(store.engine().release("kept"));
  churn();
  const std::uint64_t after = store.engine().pager().stats().page_count;
  const auto in_use = [&] {
    const auto stats = store.engine().pager().stats();
    return stats.page_count - stats.free_pages - stats.dead_pages;
  };
  EXPECT_LT(in_use(), pages);
  churn();
  EXPECT_EQ(store.engine().pager().stats().page_count, after);
}

TEST(History, ByAgeEndsWithTime) {
  constexpr std::uint64_t kHour = 3'600'000'000'000;
  EngineStore store(StoreOptions{.retention = {.checkpoints = 0, .age_ns = kHour}});
  for (int i = 1; i <= 10; ++i) {
    value_of(put(store.engine(), "t", "a", std::to_string(i)));
    value_of(store.engine().checkpoint());
    store.machine().vfs().clock().sleep(std::chrono::minutes(10));
  }
  EXPECT_EQ(value_in(value_of(store.engine().snapshot_as_of(TxnId{5}))), "5");
  EXPECT_EQ(code_of(store.engine().snapshot_as_of(TxnId{3})), Code::kNotFound);
  const auto refused = store.engine().snapshot_as_of(TxnId{1});
  EXPECT_NE(refused.error().advice().find("commit"), std::string::npos);
}

}  // namespace
}  // namespace caisson::mvcc

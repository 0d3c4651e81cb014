// Method: stores on a simulated disk that has no room left, at every level of filling and from
// before they are opened. What opens is compared by value; what is refused is told with a code and
// leaves nothing; with room again everything goes on, in the same opening.

#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/testing/effort.h"
#include "mvcc/lock_file.h"
#include "mvcc/testing/crash_workload.h"
#include "mvcc/testing/harness.h"
#include "pager/testing/access.h"

namespace caisson::mvcc {
namespace {

using caisson::testing::stride;
using io::sim::FaultKind;
using io::sim::Machine;
using testing::audit;
using testing::code_of;
using testing::EngineStore;
using testing::follow;
using testing::History;
using testing::judge;
using testing::kStorePath;
using testing::live;
using testing::Model;
using testing::put;
using testing::read_all;
using testing::StoreOptions;
using testing::value_of;

constexpr io::sim::Capacity kFull = {.bytes = 0, .inodes = 0};

template <typename Store>
Model contents(Store& store) {
  return value_of(read_all(value_of(store.snapshot())));
}

StoreOptions options_of(pager::PageAccess access) {
  return {.access = access, .frames = 64, .retention = {.checkpoints = 2}};
}

// A store with values long and short, and a name; all that it holds is in `model`.
void fill(EngineStore& store, Model& model) {
  for (int i = 0; i < 40; ++i) {
    const std::string key = "key" + std::to_string(i);
    const std::string value(i % 10 == 0 ? 20'000 : 300, static_cast<char>('a' + i % 26));
    value_of(put(store.engine(), i % 2 == 0 ? "even" : "odd", key, value));
    model[i % 2 == 0 ? "even" : "odd"][key] = value;
    if (i == 20) value_of(store.engine().retain("name"));
  }
}

// Commits until one is refused; what was committed is in `model`.
Error commit_until_refused(Engine& engine, Model& model) {
  for (int i = 0; i < 10'000; ++i) {
    const std::string key = "more" + std::to_string(i);
    const std::string value(4000, 'm');
    const auto committed = put(engine, "more", key, value);
    if (!committed) return committed.error();
    model["more"][key] = value;
  }
  return {Code::kUnsupported, "nothing was refused"};
}

class FullDiskAccess : public ::testing::TestWithParam<pager::PageAccess> {};

TEST_P(FullDiskAccess, AStoreThatWasClosedOpensAndIsRead) {
  EngineStore store(options_of(GetParam()));
  Model model;
  fill(store, model);
  value_of(store.close());
  store.machine().set_capacity(kFull);
  {
    const auto reader = value_of(follow(store));
    EXPECT_EQ(contents(*reader), model);
    EXPECT_TRUE(value_of(reader->snapshot_named("name")).txn() == TxnId{21});
  }
  value_of(store.open());
  EXPECT_TRUE(store.engine().recovery().was_closed);
  EXPECT_EQ(contents(store.engine()), model);
  EXPECT_TRUE(value_of(store.engine().snapshot_named("name")).txn() == TxnId{21});
  const auto beside = value_of(follow(store));
  EXPECT_EQ(contents(*beside), model);
  // And so do as many readers as there can be.
  const auto directory = value_of(store.machine().vfs().open_directory(kStorePath));
  std::vector<std::unique_ptr<ReaderLock>> readers;
  auto reader = ReaderLock::take(*directory);
  for (; reader; reader = ReaderLock::take(*directory)) readers.push_back(*std::move(reader));
  EXPECT_EQ(code_of(reader), Code::kResourceExhausted);
  value_of(store.close());
}

TEST_P(FullDiskAccess, WritesToAStoreOpenedThereAreRefusedAndLeaveNothing) {
  EngineStore store(options_of(GetParam()));
  Model model;
  fill(store, model);
  value_of(store.close());
  store.machine().set_capacity(kFull);
  value_of(store.open());
  Engine& engine = store.engine();
  const auto beside = value_of(follow(store));
  // What has room in files that are there is taken; then, again and again, nothing is.
  for (int i = 0; i < 3; ++i) {
    const Error refused = commit_until_refused(engine, model);
    ASSERT_EQ(refused.code(), Code::kOutOfSpace) << refused.to_string();
    EXPECT_FALSE(refused.advice().empty()) << refused.to_string();
    EXPECT_FALSE(engine.poisoned());
    EXPECT_EQ(contents(engine), model);
    EXPECT_EQ(contents(*beside), model);
  }
  const auto retained = engine.retain("full");
  if (!retained) {
    EXPECT_EQ(code_of(retained), Code::kOutOfSpace);
  }
  EXPECT_FALSE(engine.poisoned());
  const std::uint64_t last = to_u64(value_of(engine.snapshot()).txn());
  store.machine().set_capacity({});
  EXPECT_EQ(to_u64(value_of(put(engine, "more", "room", "1")).txn), last + 1);
  model["more"]["room"] = "1";
  if (!retained) value_of(engine.retain("full"));
  EXPECT_EQ(contents(engine), model);
  EXPECT_EQ(contents(*beside), model);
  store.kill();
  value_of(store.open());
  EXPECT_EQ(contents(store.engine()), model);
  EXPECT_EQ(audit(store), "");
}

TEST_P(FullDiskAccess, AStoreThatWasKilledIsRecovered) {
  std::uint64_t cases = 0;
  bool finished = false;
  for (std::uint64_t call = 0; !finished; call += 3 * stride(5)) {
    EngineStore store(options_of(GetParam()), call + 1);
    store.kill();
    store.machine().inject({store.machine().calls() + call, FaultKind::kKill, false});
    Random random(5);
    History history;
    ASSERT_EQ(live(store, history, random, 30), "") << call;
    finished = !store.machine().down();
    store.kill();
    store.machine().clear_faults();
    store.machine().set_capacity(kFull);
    {
      const auto reader = value_of(follow(store));
      const std::size_t txn = to_u64(reader->recovery().recovered);
      ASSERT_TRUE(txn >= history.acknowledged && txn < history.states.size()) << call;
      ASSERT_EQ(contents(*reader), history.states[txn]) << call;
    }
    ASSERT_EQ(judge(store, history), "") << call;
    store.kill();
    store.machine().set_capacity({});
    ASSERT_EQ(judge(store, history), "") << call;
    value_of(put(store.engine(), "room", "a", "1"));
    ++cases;
  }
  std::cout << "cases=" << cases << " failures=0\n";
  EXPECT_GT(cases, 20U);
}

// The disk has room for so many blocks more than a store takes that has just been made; every call
// that finds none is refused, and is done again at once when there is room.
TEST_P(FullDiskAccess, AtAnyLevelAWriteIsRefusedOrWholeAndGoesOnWhenThereIsRoom) {
  std::uint64_t levels = 0;
  std::uint64_t refused = 1;
  for (std::uint64_t blocks = 0; refused > 0; blocks += stride(5)) {
    ASSERT_LT(blocks, 2000U);
    refused = 0;
    ++levels;
    EngineStore store(options_of(GetParam()));
    const std::uint64_t used = store.machine().used().bytes;
    store.machine().set_capacity({.bytes = used + blocks * 4096});
    Engine& engine = store.engine();
    Model model;
    // Until it has been done, with room made where there was none.
    const auto insist = [&](const auto& call) {
      const auto done = call();
      if (done) return;
      ++refused;
      ASSERT_EQ(done.error().code(), Code::kOutOfSpace) << blocks << done.error().to_string();
      ASSERT_FALSE(engine.poisoned()) << blocks;
      ASSERT_EQ(contents(engine), model) << blocks;
      store.machine().set_capacity({});
      const auto again = call();
      ASSERT_TRUE(again) << blocks << again.error().to_string();
      store.machine().set_capacity({.bytes = store.machine().used().bytes});
    };
    for (int i = 0; i < 16 && !HasFatalFailure(); ++i) {
      const std::string key = "key" + std::to_string(i);
      const std::string value(i % 4 == 0 ? 30'000 : 3000, static_cast<char>('a' + i));
      insist([&] { return put(engine, "t", key, value); });
      model["t"][key] = value;
      if (i % 5 == 4) insist([&] { return engine.checkpoint(); });
      if (i == 7) insist([&] { return engine.retain("name"); });
      if (i == 12) insist([&] { return engine.release("name"); });
    }
    ASSERT_FALSE(HasFatalFailure());
    // Closing either succeeds, or leaves what a crash would.
    const auto closed = store.close();
    if (!closed) {
      ++refused;
      ASSERT_EQ(closed.error().code(), Code::kOutOfSpace) << blocks;
    }
    store.kill();
    value_of(store.open());
    ASSERT_EQ(contents(store.engine()), model) << blocks;
  }
  std::cout << "levels=" << levels << "\n";
  EXPECT_GT(levels, 20U / stride(5));
}

INSTANTIATE_TEST_SUITE_P(Access, FullDiskAccess,
                         ::testing::Values(pager::PageAccess::kMapped, pager::PageAccess::kPrivate),
                         pager::testing::access_name);

// Every write fails there, also to what is there already.
TEST(FullDisk, WhereNothingCanBeOverwrittenEitherAStoreIsRefusedAndStaysAsItWas) {
  EngineStore store(options_of(pager::PageAccess::kMapped));
  Model model;
  fill(store, model);
  value_of(store.close());
  store.machine().inject({store.machine().calls(), FaultKind::kNoSpace, true});
  const auto opened = store.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kOutOfSpace);
  EXPECT_FALSE(opened.error().advice().empty());
  store.machine().clear_faults();
  value_of(store.open());
  EXPECT_TRUE(store.engine().recovery().was_closed);
  EXPECT_EQ(contents(store.engine()), model);
}

TEST(FullDisk, NoStoreIsMadeThereAndTheNextAttemptMakesIt) {
  std::uint64_t levels = 0;
  for (bool made = false; !made; ++levels) {
    EngineStore store(std::make_unique<Machine>(1), {});
    store.machine().set_capacity({.bytes = levels * 4096});
    const auto created = store.create();
    made = created.has_value();
    if (!made) {
      ASSERT_EQ(created.error().code(), Code::kOutOfSpace) << created.error().to_string();
      EXPECT_EQ(code_of(store.open()), Code::kNotFound) << levels;
      store.machine().set_capacity({});
      value_of(store.create());
    }
    value_of(store.open());
    EXPECT_EQ(contents(store.engine()), Model{});
  }
  EXPECT_GT(levels, 10U);
  for (std::uint64_t inodes = 0; inodes < 20; ++inodes) {
    EngineStore store(std::make_unique<Machine>(1), {});
    store.machine().set_capacity(
        {.bytes = std::numeric_limits<std::uint64_t>::max(), .inodes = inodes});
    const auto created = store.create();
    if (!created) {
      ASSERT_EQ(created.error().code(), Code::kOutOfSpace) << created.error().to_string();
      store.machine().set_capacity({});
      value_of(store.create());
    }
    value_of(store.open());
    value_of(put(store.engine(), "t", "a", "1"));
  }
}

}  // namespace
}  // namespace caisson::mvcc

// Method: apply_commits() on a copy of a store that is closed at commit 0, a few commits at a time,
// and a checkpoint behind each; then the store is opened, and has to show what the original did
// there. And errors, behind which nothing may be left.

#include "mvcc/replay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "btree/layout.h"
#include "mvcc/rebuild.h"
#include "mvcc/state_hash.h"
#include "mvcc/testing/long_history.h"
#include "pager/open.h"
#include "pager/page_txn.h"

namespace caisson::mvcc {
namespace {

using testing::EngineStore;
using testing::kStorePath;
using testing::LongHistory;
using testing::put;
using testing::value_of;

// The page file of a machine's store, without an engine.
std::unique_ptr<pager::Pager> open_pages(io::sim::Machine& machine) {
  const auto directory = value_of(machine.vfs().open_directory(kStorePath));
  pager::PagerOptions options;
  options.address_space_bytes = std::uint64_t{1} << 28U;
  options.layout = &btree::tree_layout();
  options.readers = [](std::vector<pager::RegisteredReader>&) {};
  return value_of(pager::open_pager(*directory, options));
}

std::unique_ptr<log::LogDirectory> log_of(io::sim::Machine& machine) {
  const auto directory = value_of(machine.vfs().open_directory(kStorePath));
  return value_of(open_log(value_of(directory->open_directory(log::kLogDirectoryName))));
}

// A store at commit 0, with the log of one that went on: the page file of its beginning.
std::unique_ptr<EngineStore> at_its_beginning(LongHistory& history,
                                              const io::sim::FileImage& pages) {
  EngineStore& store = history.store();
  store.kill();
  auto copy = std::make_unique<EngineStore>(store.machine().clone(1), store.options());
  io::sim::FileImage& now = *copy->machine().image(std::string(kStorePath) + "/pages");
  now = pages;
  now.unmap_all();  // The memory that the original's process had.
  return copy;
}

TEST(ApplyCommits, InAnyStepsLeadsToTheSameStates) {  // APPLY-2
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    LongHistory history({}, seed);
    const io::sim::FileImage pages =
        *history.store().machine().image(std::string(kStorePath) + "/pages");
    history.run(40);
    const std::uint64_t last = history.hashes().size() - 1;
    const auto copy = at_its_beginning(history, pages);
    const auto log = log_of(copy->machine());
    const auto whole = value_of(rebuild_in_memory(*log));
    log::CommitReader commits(*log, log::FileAccess::kRead, {}, {});
    Random random(seed);
    Applied applied;
    Applied sum;
    while (to_u64(commits.txn()) < last) {
      {
        const auto pager = open_pages(copy->machine());
        const TxnId upto{std::min(last, to_u64(commits.txn()) + random.between(1, 9))};
        applied = value_of(apply_commits(*pager, commits, applied.catalog, upto));
        EXPECT_EQ(applied.replay_ns(), applied.operations * 1500 + applied.bytes);
        EXPECT_EQ(commits.txn(), upto);
        sum.operations += applied.operations;
        sum.bytes += applied.bytes;
        value_of(pager->checkpoint({.txn = upto,
                                    .root = applied.catalog.page.id,
                                    .apply_version = kApplyVersion,
                                    .log = commits.position()}));
        applied.catalog = value_of(load_catalog(*pager, pager->checkpointed().root));
      }
      const std::uint64_t txn = to_u64(commits.txn());
      EngineStore opened(copy->machine().clone(txn), copy->options());
      opened.machine().kill();
      value_of(opened.open());
      ASSERT_EQ(opened.engine().recovery().checkpoint, TxnId{txn});
      ASSERT_EQ(value_of(state_hash(value_of(opened.engine().snapshot()))), history.hashes()[last])
          << "seed " << seed << " from commit " << txn;
    }
    EXPECT_EQ(sum.operations, whole.done.operations);
    EXPECT_EQ(sum.bytes, whole.done.bytes);
  }
}

TEST(ApplyCommits, LeavesNothingBehindAnError) {  // APPLY-1
  EngineStore store;
  value_of(put(store.engine(), "t", "a", std::string(9000, '1')));
  std::vector<std::byte> payload(2);
  Encoder out(payload);
  log::encode({.code = log::OperationCode::kDropTree, .tree = 7}, out);
  log::LogWriter& writer = store.engine().log();
  const auto record = value_of(writer.append(log::RecordType::kCommit, TxnId{2}, 0, payload));
  value_of(writer.flush(record.ticket));
  store.kill();
  const auto log = log_of(store.machine());
  const auto pager = open_pages(store.machine());
  for (const std::uint64_t upto : {2U, 3U}) {
    log::CommitReader commits(*log, log::FileAccess::kRead, {}, {});
    const auto refused = apply_commits(*pager, commits, {}, TxnId{upto});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::kCorruption);
    EXPECT_EQ(refused.error().rule(), "APPLY-1");
    EXPECT_EQ(refused.error().record(), 2U);
  }
  // The number is free, and so are the pages.
  log::CommitReader commits(*log, log::FileAccess::kRead, {}, {});
  const Applied applied = value_of(apply_commits(*pager, commits, {}, TxnId{1}));
  EXPECT_EQ(applied.operations, 2U);
  EXPECT_EQ(applied.catalog.count, 3U);
}

TEST(ApplyCommits, RefusesALogThatEndsBefore) {
  EngineStore store;
  value_of(put(store.engine(), "t", "a", "1"));
  store.kill();
  const auto log = log_of(store.machine());
  const auto pager = open_pages(store.machine());
  log::CommitReader commits(*log, log::FileAccess::kRead, {}, {});
  const auto refused = apply_commits(*pager, commits, {}, TxnId{2});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kCorruption);
}

}  // namespace
}  // namespace caisson::mvcc

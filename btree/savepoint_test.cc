// Method: random changes to a tree within one transaction, with savepoints begun, rolled back to
// and released in between, one within another; in little memory, so that much of it is spilled.
// The model is a stack of maps. After each step that ends a savepoint the contents are compared;
// behind the commit, the tree and the walk against the allocation blob, which shows pages lost or
// freed twice.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/testing/effort.h"
#include "btree/testing/harness.h"
#include "pager/testing/access.h"

namespace caisson::btree {
namespace {

using caisson::testing::stride;
using pager::PageAccess;
using testing::bytes_of;
using testing::problems_of;
using testing::read_all;
using testing::read_in_steps;
using testing::TreeModel;
using testing::TreeStore;
using testing::value_of;

class Savepoints : public ::testing::TestWithParam<PageAccess> {
 protected:
  struct Saved {
    TreeModel model;
    TreeRoot root;
  };

  static std::string any_key(Random& random) { return "key" + std::to_string(random.below(2000)); }

  static void change(TreeStore& store, TreeModel& model, Random& random) {
    TreeWriter& writer = store.writer();
    const std::string key = any_key(random);
    const std::uint64_t kind = random.below(20);
    if (kind < 12) {
      const std::size_t size = kind == 0 ? 9000 : random.below(200);
      const std::string value(size, static_cast<char>('a' + random.below(26)));
      value_of(writer.put(bytes_of(key), bytes_of(value)));
      model[key] = value;
    } else if (kind < 19) {
      EXPECT_EQ(value_of(writer.erase(bytes_of(key))), model.erase(key) == 1);
    } else {
      const std::string end = key + "5";
      value_of(writer.erase_range({bytes_of(key), bytes_of(end)}));
      model.erase(model.lower_bound(key), model.lower_bound(end));
    }
  }

  // Saves where the tree is, goes back there, or forgets that: at random.
  static void save_or_undo(TreeStore& store, TreeModel& model, std::vector<Saved>& saved,
                           Random& random) {
    pager::PageTxn& txn = store.page_txn();
    if (saved.empty() || (saved.size() < 4 && random.chance(1, 2))) {
      saved.push_back({model, store.writer().root()});
      EXPECT_EQ(txn.begin_savepoint(), saved.size());
      return;
    }
    const std::size_t number = 1 + random.below(saved.size());
    if (random.chance(1, 2)) {
      txn.release_savepoint(number);
      saved.resize(number - 1);
    } else {
      txn.roll_back_to_savepoint(number);
      saved.resize(number);
      model = saved.back().model;
      store.go_back_to(saved.back().root);
    }
    ASSERT_EQ(read_in_steps(store, &store.writer()), model);
  }
};

TEST_P(Savepoints, UndoWhatCameBehindThemAndNothingElse) {
  for (std::uint64_t seed = 1; seed <= 8; seed += stride(4)) {
    TreeStore store({.access = GetParam(), .memory_budget_bytes = std::uint64_t{256} * 4096});
    TreeModel committed;
    Random random(seed);
    for (int txn = 0; txn < 6; ++txn) {
      TreeModel model = committed;
      std::vector<Saved> saved;
      for (int step = 0; step < 30; ++step) {
        for (std::uint64_t i = random.below(150); i > 0; --i) change(store, model, random);
        save_or_undo(store, model, saved, random);
        if (HasFatalFailure()) FAIL() << "seed " << seed << " txn " << txn << " step " << step;
      }
      if (txn % 3 == 2) {
        store.roll_back();
        continue;
      }
      store.commit();
      committed = model;
      ASSERT_EQ(read_in_steps(store), committed);
      store.checkpoint();
      ASSERT_EQ(store.audit(), "") << "seed " << seed << " txn " << txn;
    }
    EXPECT_GT(store.pager().stats().pages_spilled, 0U);
    store.kill_and_reopen();
    EXPECT_EQ(read_in_steps(store), committed);
  }
}

// The writer goes on in the last leaf without looking for it.
TEST_P(Savepoints, AreNotWrittenOverByKeysInOrder) {
  TreeStore store({.access = GetParam()});
  TreeModel model;
  for (int i = 0; i < 10; ++i) {
    const std::string key = std::to_string(100 + i);
    value_of(store.writer().put(bytes_of(key), bytes_of("v")));
    model[key] = "v";
  }
  const TreeRoot root = store.writer().root();
  const std::size_t savepoint = store.page_txn().begin_savepoint();
  value_of(store.writer().put(bytes_of("200"), bytes_of("v")));
  EXPECT_NE(store.writer().root().page.id, root.page.id);
  store.page_txn().roll_back_to_savepoint(savepoint);
  store.go_back_to(root);
  EXPECT_EQ(read_all(store.writer().tree()), model);
  EXPECT_EQ(problems_of(store.writer().tree()), "");
}

INSTANTIATE_TEST_SUITE_P(Access, Savepoints,
                         ::testing::Values(PageAccess::kMapped, PageAccess::kPrivate),
                         pager::testing::access_name);

}  // namespace
}  // namespace caisson::btree

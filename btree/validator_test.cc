// Method: whole trees in an open transaction, whose pages are then changed by hand behind the
// writer's back. Each rule broken is named, and what else is wrong is found in the same walk.

#include "btree/validator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <stop_token>

#include "btree/layout.h"
#include "btree/testing/harness.h"
#include "pager/accounts.h"

namespace caisson::btree {
namespace {

using testing::bytes_of;
using testing::TreeStore;
using testing::value_of;

class Validator : public ::testing::Test {
 protected:
  Validator() {
    for (int i = 0; i < 3000; ++i) {
      value_of(store_.writer().put(bytes_of(key(i)), bytes_of("value of some length")));
    }
  }

  static std::string key(int i) { return "key" + std::to_string(100'000 + i); }

  TreeReport run() { return run({}); }
  TreeReport run(const TreeRoot& root) {
    pager::PageSet pages;
    return validate_tree(
        Tree(store_.pager(), root.page.id == PageId{} ? store_.writer().root() : root), {}, pages);
  }

  std::set<std::string> rules() {
    std::set<std::string> rules;
    for (const Error& finding : run().findings) {
      EXPECT_TRUE(finding.page().has_value());
      rules.insert(finding.rule());
    }
    return rules;
  }

  NodeView root() { return value_of(store_.writer().tree().read_root()); }
  PageId child(unsigned index) { return root().child(index).id; }
  MutableBytes page(PageId id) {
    const std::byte* bytes = value_of(store_.pager().read({id, 1}));
    return {const_cast<std::byte*>(bytes), store_.pager().page_size()};
  }

  TreeStore store_;
};

TEST_F(Validator, FindsNothingInAWholeTreeAndCountsIt) {
  value_of(store_.writer().put(bytes_of("long"), bytes_of(std::string(10'000, 'v'))));
  const TreeReport report = run();
  EXPECT_EQ(report.findings_total, 0U);
  EXPECT_EQ(report.entries, 3001U);
  EXPECT_EQ(report.height, 2U);
  EXPECT_EQ(report.branches, 1U);
  EXPECT_EQ(report.leaves, root().count());
  EXPECT_EQ(report.long_values, 1U);
  EXPECT_EQ(report.value_pages, 4U);  // Three and their index.
  EXPECT_EQ(report.value_bytes, 3000U * 20 + 10'000);
  EXPECT_GE(report.least_leaf_fill, node_room(4096) * 2 / 5);
  EXPECT_EQ(report.least_branch_fill, std::nullopt);
}

TEST_F(Validator, FindsAChildOfTheWrongLevel) {
  page(child(3))[4] = std::byte{3};  // A leaf that says it is a branch.
  EXPECT_EQ(rules(), std::set<std::string>{"TREE-1"});
}

TEST_F(Validator, FindsAKeyOutOfItsBounds) {
  // The first key of a leaf becomes less than the separator that leads there.
  const MutableBytes leaf = page(child(2));
  const std::size_t heads = kNodeHeaderSize + load_u16(leaf.data() + 74);
  store_u32(leaf.data() + heads, load_u32(leaf.data() + heads) - 0x01000000);
  EXPECT_EQ(rules(), std::set<std::string>{"TREE-2"});
}

TEST_F(Validator, FindsANodeThatIsTooEmpty) {
  const MutableBytes leaf = page(child(2));
  NodeEditor editor(leaf);
  while (editor.view().count() > 3) editor.remove(1);
  TreeRoot root = store_.writer().root();
  root.count = run().entries;
  const TreeReport report = run(root);
  ASSERT_EQ(report.findings_total, 1U);
  EXPECT_EQ(report.findings[0].rule(), "TREE-3");
  EXPECT_EQ(report.findings[0].page(), to_u64(child(2)));
}

TEST_F(Validator, FindsAPageInTwoPlaces) {
  NodeEditor(page(store_.writer().root().page.id)).set_child(3, child(2));
  EXPECT_TRUE(rules().contains("TREE-4"));
}

TEST_F(Validator, FindsAWrongCount) {
  TreeRoot root = store_.writer().root();
  ++root.count;
  const TreeReport report = run(root);
  ASSERT_EQ(report.findings_total, 1U);
  EXPECT_EQ(report.findings[0].rule(), "TREE-5");
}

TEST_F(Validator, ReportsAllThatIsWrong) {
  page(child(3))[4] = std::byte{3};
  page(child(5))[4] = std::byte{3};
  page(child(7))[5] = std::byte{9};
  EXPECT_EQ(run().findings_total, 3U);
  pager::PageSet pages;
  const TreeReport few = validate_tree(store_.writer().tree(),
                                       {.findings_max = 2, .values = true, .count = true}, pages);
  EXPECT_EQ(few.findings.size(), 2U);
  EXPECT_EQ(few.findings_total, 3U);
}

class LongValue : public Validator {
 protected:
  LongValue() {
    value_of(store_.writer().put(bytes_of("long"), bytes_of(std::string(10'000, 'v'))));
    const Tree tree = store_.writer().tree();
    const NodeView leaf = value_of(tree.read_child(root(), root().count() - 1));
    ref_ = leaf.long_value(leaf.count() - 1);
  }

  LongValueRef ref_;
};

TEST_F(LongValue, NamesTheRuleThatItBreaks) {
  const PageId first{load_u64(page(ref_.root.id).data() + 72)};
  const PageId last{load_u64(page(ref_.root.id).data() + 72 + 2 * kReferenceSize)};
  {
    MutableBytes index = page(ref_.root.id);
    store_u64(index.data() + 72 + 3 * kReferenceSize, 40);
    EXPECT_EQ(rules(), std::set<std::string>{"VALUE-1"});
    store_u64(index.data() + 72 + 3 * kReferenceSize, 0);
    store_u64(index.data() + 72 + 2 * kReferenceSize, 0);
    EXPECT_EQ(rules(), std::set<std::string>{"VALUE-1"});
    store_u64(index.data() + 72 + 2 * kReferenceSize, to_u64(last));
  }
  page(first)[4] = std::byte{5};
  EXPECT_EQ(rules(), std::set<std::string>{"VALUE-2"});
  page(first)[4] = std::byte{4};
  page(last)[4095] = std::byte{1};
  EXPECT_EQ(rules(), std::set<std::string>{"VALUE-3"});
  page(last)[4095] = std::byte{0};
  store_u64(page(last).data() + 16, 77);
  EXPECT_EQ(rules(), std::set<std::string>{"VALUE-4"});
  store_u64(page(last).data() + 16, 1);
  EXPECT_EQ(rules(), std::set<std::string>{});
}

TEST_F(LongValue, IsRefusedByReadersWhereItsPagesAreNotItsOwn) {  // VALUE-2
  const PageId first{load_u64(page(ref_.root.id).data() + 72)};
  page(first)[4] = std::byte{5};
  const auto value = value_of(store_.writer().tree().get(bytes_of("long")));
  EXPECT_EQ(value->piece(0).error().rule(), "VALUE-2");
  EXPECT_TRUE(value->piece(9999).has_value());
}

// A walk that is stopped anywhere says so, and takes what it has not seen for no damage.
TEST(ValidatorThatIsStopped, FindsNoDamageInWhatItHasNotLookedAt) {
  TreeStore store;
  for (int i = 0; i < 3000; ++i) {
    const std::string value(i % 500 == 3 ? 40'000 : 30, 'v');
    value_of(store.writer().append(bytes_of(std::to_string(1'000'000 + i)), bytes_of(value)));
  }
  const Tree& tree = store.writer().tree();
  int renewals = 0;
  pager::PageSet all;
  EXPECT_FALSE(validate_tree(tree, {.renew = [&] { ++renewals; }}, all).stopped);
  ASSERT_GT(renewals, 50);
  for (int last = 0; last < renewals; last += 7) {
    std::stop_source source;
    int left = last;
    const auto renew = [&] {
      if (left-- == 0) source.request_stop();
    };
    if (last == 0) source.request_stop();
    pager::PageSet pages;
    const TreeReport report =
        validate_tree(tree, {.renew = renew, .stop = source.get_token()}, pages);
    EXPECT_TRUE(report.stopped);
    EXPECT_EQ(report.findings_total, 0U) << last;
    EXPECT_LT(report.leaves + report.value_pages, static_cast<std::uint64_t>(renewals));
  }
}

// Bytes of pages are held for no longer than until the next renewal, so private copies of a few
// hundred pages are enough for any tree.
TEST(ValidatorInLittleMemory, NeedsNoMoreMemoryThanForAFewPages) {
  TreeStore store;
  for (int i = 0; i < 60'000; ++i) {
    const std::string key = std::to_string(1'000'000 + i);
    const std::string value(i % 500 == 3 ? 20'000 : 30, 'v');
    value_of(store.writer().append(bytes_of(key), bytes_of(value)));
  }
  store.checkpoint();
  std::atomic<std::uint64_t> epoch = 0;
  pager::PagerOptions options = pager::testing::small_options(pager::PageAccess::kPrivate);
  options.layout = &tree_layout();
  options.read_only = true;
  options.memory_budget_bytes = std::uint64_t{64} * 4096;
  options.readers = [&](std::vector<pager::RegisteredReader>& readers) {
    readers.push_back({.epoch = epoch, .txn = pager::kSeesEverything});
  };
  const auto pager = value_of(pager::open_pager(store.directory(), options));
  pager::PageSet pages;
  const TreeReport report =
      validate_tree(Tree(*pager, store.root()), {.renew = [&] { epoch = pager->epoch(); }}, pages);
  EXPECT_EQ(report.findings_total, 0U);
  EXPECT_EQ(report.entries, 60'000U);
  EXPECT_GT(report.leaves + report.value_pages, 1000U);
}

}  // namespace
}  // namespace caisson::btree

// Method: reading trees of chosen contents; tree_property_test.cc compares random ones with a map.

#include "btree/tree.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "btree/testing/harness.h"

namespace caisson::btree {
namespace {

using testing::bytes_of;
using testing::read_all;
using testing::read_value;
using testing::TreeModel;
using testing::TreeStore;
using testing::value_of;

std::string key_at(std::uint64_t index) { return "key" + std::to_string(1'000'000 + index); }

void fill(TreeStore& store, std::uint64_t count, std::size_t value_size) {
  for (std::uint64_t i = 0; i < count; ++i) {
    value_of(store.writer().put(bytes_of(key_at(i)), bytes_of(std::string(value_size, 'v'))));
  }
  store.commit();
}

TEST(Tree, HasNothingWhereItsRootIsNoPage) {
  TreeStore store;
  const Tree tree = store.tree();
  EXPECT_TRUE(tree.empty());
  EXPECT_EQ(value_of(tree.height()), 0U);
  EXPECT_FALSE(value_of(tree.get(bytes_of(""))).has_value());
  const RangeEstimate estimate = value_of(tree.estimate({}));
  EXPECT_TRUE(estimate.exact);
  EXPECT_EQ(estimate.entries, 0U);
  EXPECT_EQ(estimate.bytes, 0U);
}

TEST(Tree, GetsEachValueAndNoOther) {
  TreeStore store;
  TreeModel model = {{"", "empty key"}, {std::string(1, '\0'), ""}, {"\xFF", "high"}};
  for (int i = 0; i < 2000; ++i) model.emplace(std::to_string(i * 7), std::to_string(i));
  model["long"] = std::string(20'000, 'l');
  for (const auto& [key, value] : model) {
    value_of(store.writer().put(bytes_of(key), bytes_of(value)));
  }
  store.checkpoint();
  const Tree tree = store.tree();
  for (const auto& [key, value] : model) {
    const auto found = value_of(tree.get(bytes_of(key)));
    ASSERT_TRUE(found.has_value()) << key;
    EXPECT_EQ(read_value(*found), value);
    for (const std::string& other : {key + '\0', key + "x", key + "\xFF"}) {
      EXPECT_EQ(value_of(tree.get(bytes_of(other))).has_value(), model.contains(other)) << other;
    }
  }
}

TEST(Tree, CostsOneMoreLevelForManyTimesTheEntries) {
  TreeStore store;
  unsigned height = 0;
  for (const std::uint64_t count : {1U, 1000U, 30'000U}) {
    fill(store, count, 20);
    EXPECT_EQ(value_of(store.tree().height()), ++height) << count;
  }
}

TEST(Tree, IsKeptByKeepingItsRoot) {
  TreeStore store;
  fill(store, 3000, 20);
  const TreeRoot before = store.root();
  const TreeModel model = read_all(store.tree());
  value_of(store.writer().erase_range({bytes_of(key_at(100)), bytes_of(key_at(2900))}));
  value_of(store.writer().put(bytes_of("new"), bytes_of("one")));
  store.commit();
  EXPECT_EQ(store.tree().count(), 201U);
  EXPECT_EQ(read_all(Tree(store.pager(), before)), model);
}

TEST(Tree, CountsARangeWithinOneLeafExactly) {
  TreeStore store;
  fill(store, 50, 20);
  for (std::uint64_t begin = 0; begin <= 50; ++begin) {
    for (std::uint64_t end = 0; end <= 50; ++end) {
      const RangeEstimate estimate =
          value_of(store.tree().estimate({bytes_of(key_at(begin)), bytes_of(key_at(end))}));
      EXPECT_TRUE(estimate.exact);
      EXPECT_EQ(estimate.entries, end - std::min(begin, end));
      EXPECT_EQ(estimate.bytes, estimate.entries * (10 + 20));
    }
  }
}

TEST(Tree, EstimatesARangeFromTheWaysToItsEnds) {
  constexpr std::uint64_t kCount = 30'000;
  TreeStore store;
  fill(store, kCount, 20);
  const Tree tree = store.tree();
  const RangeEstimate all = value_of(tree.estimate({}));
  EXPECT_EQ(all.entries, kCount);
  EXPECT_NEAR(static_cast<double>(all.bytes), 30.0 * kCount, 0.02 * 30 * kCount);
  Random random(3);
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t begin = random.below(kCount);
    const std::uint64_t end = begin + random.below(kCount - begin + 1);
    const RangeEstimate estimate =
        value_of(tree.estimate({bytes_of(key_at(begin)), bytes_of(key_at(end))}));
    EXPECT_NEAR(static_cast<double>(estimate.entries), static_cast<double>(end - begin),
                0.05 * kCount);
  }
}

TEST(Tree, RefusesARootThatIsNoNode) {  // TREE-1
  TreeStore store;
  fill(store, 10, 20);
  value_of(store.writer().put(bytes_of("long"), bytes_of(std::string(4000, 'l'))));
  store.commit();
  const NodeView leaf = value_of(store.tree().read_root());
  const PageRef value_page = leaf.long_value(leaf.count() - 1).root;
  const auto got = Tree(store.pager(), {value_page, 1}).get(bytes_of("k"));
  EXPECT_EQ(got.error().code(), Code::kCorruption);
  EXPECT_EQ(got.error().rule(), "TREE-1");
  EXPECT_EQ(got.error().page(), to_u64(value_page.id));
}

}  // namespace
}  // namespace caisson::btree

// Method: trees that no writer makes, put together page by page. Their pages are whole and their
// nodes keep all rules; only where they lead is wrong. What follows them has to notice before it
// has done more work than the file has pages.

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "btree/cursor.h"
#include "btree/layout.h"
#include "btree/node_editor.h"
#include "btree/testing/harness.h"
#include "btree/writer.h"
#include "pager/page_txn.h"

namespace caisson::btree {
namespace {

using testing::bytes_of;
using testing::value_of;

// Pages of an open transaction.
class ForgedTree : public ::testing::Test {
 protected:
  ForgedTree() : machine_(1) {
    pager::testing::create_store(machine_, 4096);
    directory_ = value_of(machine_.vfs().open_directory(pager::testing::kStorePath));
    pager::PagerOptions options = pager::testing::small_options();
    options.layout = &tree_layout();
    pager_ = value_of(pager::open_pager(*directory_, options));
    txn_.emplace(value_of(pager::PageTxn::begin(*pager_, TxnId{1})));
  }
  ~ForgedTree() override { txn_->roll_back(); }

  PageId leaf(const std::vector<std::string>& keys) {
    Entries entries;
    for (const std::string& key : keys) entries.append(bytes_of(key), {bytes_of("v"), false});
    const pager::NewPage page = value_of(txn_->allocate(kLeaf, 0));
    build_node(entries, {0, entries.size(), false}, page.bytes);
    return page.id;
  }

  // A branch of two children.
  PageId branch(std::uint8_t level, PageId left, std::string_view separator, PageId right) {
    std::array<std::array<std::byte, kReferenceSize>, 2> references;
    store_reference(references[0].data(), {left, 0});
    store_reference(references[1].data(), {right, 0});
    Entries entries;
    entries.append({}, {references[0], false});
    entries.append(bytes_of(separator), {references[1], false});
    const pager::NewPage page = value_of(txn_->allocate(kBranch, level));
    build_node(entries, {0, 2, true}, page.bytes);
    return page.id;
  }

  // An index that names one page as often as it can.
  PageId index(std::uint8_t level, PageId below) {
    const pager::NewPage page = value_of(txn_->allocate(kValueIndex, level));
    for (std::size_t i = 0; i < value_index_references(4096); ++i) {
      store_reference(page.bytes.data() + pager::kPageHeaderSize + i * kReferenceSize, {below, 0});
    }
    return page.id;
  }

  Tree tree(PageId root) { return {*pager_, {{root, 0}, 4}}; }

  io::sim::Machine machine_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<pager::Pager> pager_;
  std::optional<pager::PageTxn> txn_;
};

TEST_F(ForgedTree, IsRefusedByACursorThatMeetsKeysFromBeforeItsRange) {  // TREE-2
  const PageId right = leaf({"a", "b"});
  Cursor cursor(tree(branch(9, leaf({"b", "c"}), "m", right)), {bytes_of("d"), {}});
  const auto first = cursor.first();
  ASSERT_FALSE(first.has_value());
  EXPECT_EQ(first.error().rule(), "TREE-2");
  EXPECT_EQ(first.error().page(), to_u64(right));
  EXPECT_FALSE(cursor.valid());
}

TEST_F(ForgedTree, IsRefusedByACursorThatMeetsKeysFromBehindItsRange) {  // TREE-2
  const PageId left = leaf({"x", "y"});
  Cursor cursor(tree(branch(9, left, "m", leaf({"q", "r"}))), {{}, bytes_of("p")});
  const auto last = cursor.last();
  ASSERT_FALSE(last.has_value());
  EXPECT_EQ(last.error().rule(), "TREE-2");
  EXPECT_EQ(last.error().page(), to_u64(left));
  EXPECT_FALSE(cursor.valid());
}

// A move looked at every leaf on the way to one in its range. Here there are 2^63 of them, in 64
// pages.
TEST_F(ForgedTree, MakesACursorLookAtTwoLeavesForAMoveAtMost) {  // TREE-2
  const auto tower = [this](const std::string& key) {
    PageId root = leaf({key});
    for (std::uint8_t level = kBranchLevelMin; level <= kBranchLevelMax; ++level) {
      root = branch(level, root, "m", root);
    }
    return tree(root);
  };
  EXPECT_EQ(Cursor(tower("b"), {bytes_of("c"), {}}).first().error().rule(), "TREE-2");
  EXPECT_EQ(Cursor(tower("y"), {{}, bytes_of("x")}).last().error().rule(), "TREE-2");
}

// To remove it, its pages were gathered first: here 335^2 times the same one.
TEST_F(ForgedTree, MakesAWriterGatherNoMorePagesOfAValueThanTheFileHas) {  // TREE-4
  const PageId root = index(2, index(1, value_of(txn_->allocate(kValuePage, 0)).id));
  std::array<std::byte, kLongValueRefSize> held;
  store_long_value(held.data(), {std::uint64_t{335} * 335 * 4024, {root, 0}});
  Entries entries;
  entries.append(bytes_of("long"), {held, true});
  const pager::NewPage page = value_of(txn_->allocate(kLeaf, 0));
  build_node(entries, {0, 1, false}, page.bytes);
  TreeWriter writer(*pager_, *txn_, tree(page.id).root());
  const auto erased = writer.erase(bytes_of("long"));
  ASSERT_FALSE(erased.has_value());
  EXPECT_EQ(erased.error().code(), Code::kCorruption);
  EXPECT_EQ(erased.error().rule(), "TREE-4");
  EXPECT_EQ(erased.error().page(), to_u64(root));
}

// Nodes are laid out anew together: what they share is told from the first key and the last.
TEST_F(ForgedTree, IsRefusedByAWriterBeforeNodesAreJoinedWhoseKeysAreNotInOrder) {  // TREE-2
  const std::string prefix(100, 'p');
  for (const bool left_is_wrong : {false, true}) {
    const PageId left = leaf({prefix + "1"});
    const PageId right = leaf({"a", "b", prefix + "2"});
    const std::string separator = left_is_wrong ? "a" : prefix + "15";
    const std::array<PageId, 2> pages = {left_is_wrong ? left : right,
                                         left_is_wrong ? right : left};
    const PageId root = branch(9, pages[0], separator, pages[1]);
    TreeWriter writer(*pager_, *txn_, {{root, 0}, 4});
    for (const char* key : {"b", "pp"}) {
      const auto erased = writer.erase(bytes_of(key));
      if (erased && !*erased) continue;
      ASSERT_FALSE(erased.has_value());
      EXPECT_EQ(erased.error().code(), Code::kCorruption);
      EXPECT_EQ(erased.error().rule(), "TREE-2");
    }
    const auto range = writer.erase_range({bytes_of("b"), bytes_of("c")});
    EXPECT_TRUE(!range || *range == 0);
  }
}

// It said that it had removed the entry, and the cursor stood at it again: for ever.
TEST_F(ForgedTree, IsRefusedByAWriterThatDoesNotFindWhereACursorStands) {  // TREE-2
  TreeWriter writer(*pager_, *txn_, {{branch(9, leaf({"a"}), "m", leaf({"b", "n"})), 0}, 3});
  Cursor cursor(writer.tree(), {bytes_of("b"), {}});
  ASSERT_TRUE(value_of(cursor.next()));
  const auto erased = writer.erase(cursor);
  ASSERT_FALSE(erased.has_value());
  EXPECT_EQ(erased.error().code(), Code::kCorruption);
  EXPECT_EQ(erased.error().rule(), "TREE-2");
}

TEST_F(ForgedTree, IsRefusedByAWriterThatWouldFreeALeafTwice) {  // TREE-4
  const PageId twice = leaf({"a", "b"});
  TreeWriter writer(*pager_, *txn_, {{branch(9, twice, "m", twice), 0}, 4});
  const auto erased = writer.erase_range({});
  ASSERT_FALSE(erased.has_value());
  EXPECT_EQ(erased.error().rule(), "TREE-4");
}

}  // namespace
}  // namespace caisson::btree

// Method: a catalog on a simulated page file, and the trees that it names, changed over many
// transactions and checkpoints as whoever keeps several trees in a store would, and compared with
// maps of maps. The audit reads the last checkpoint as another process would, follows each name,
// and compares the pages found with the allocation blob; so a checksum that the pager did not fill
// in shows as a page that can't be read. What would slip through: catalogs of more than 3 levels.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "btree/layout.h"
#include "btree/testing/harness.h"
#include "pager/testing/access.h"

namespace caisson::btree {
namespace {

using pager::PageAccess;
using testing::bytes_of;
using testing::problems_of;
using testing::read_all;
using testing::TreeModel;
using testing::TreeStore;
using testing::value_of;

std::string named(const TreeRoot& root, const std::string& more = {}) {
  std::string text(kTreeRootSize, '\0');
  store_tree_root(reinterpret_cast<std::byte*>(text.data()), root);
  return text + more;
}

TreeRoot root_in(const std::string& value) { return load_tree_root(bytes_of(value).data()); }

std::string any_key(Random& random, std::uint64_t keys) {
  return "key" + std::to_string(1000 + random.below(keys));
}

// A store whose trees are found by their names.
class Trees {
 public:
  struct Model {
    TreeModel entries;
    std::string more;  // What its owner keeps beside the root.

    friend bool operator==(const Model&, const Model&) = default;
  };
  using Models = std::map<std::string, Model>;

  explicit Trees(testing::StoreOptions options = {}) : store_(with_kind(options)) {}

  TreeStore& store() { return store_; }
  const Models& models() const { return models_; }

  TreeRoot root_of(const std::string& name) {
    const auto value = value_of(store_.writer().tree().get(bytes_of(name)));
    return value ? root_in(testing::read_value(*value)) : TreeRoot{};
  }

  // Random changes of one tree, which then gets its name.
  void change(const std::string& name, Random& random, int changes, std::size_t more_max) {
    Model& model = models_[name];
    {
      TreeWriter writer(store_.pager(), store_.page_txn(), root_of(name));
      for (int i = 0; i < changes; ++i) {
        const std::string key = any_key(random, 400);
        if (random.chance(1, 4)) {
          EXPECT_EQ(value_of(writer.erase(bytes_of(key))), model.entries.erase(key) == 1);
          continue;
        }
        const std::string value(random.chance(1, 40) ? 6000 : random.below(60), 'v');
        const bool added = value_of(writer.put(bytes_of(key), bytes_of(value)));
        EXPECT_EQ(added, model.entries.insert_or_assign(key, value).second);
      }
      if (random.chance(1, 10)) {
        EXPECT_EQ(value_of(writer.erase_range({})), model.entries.size());
        model.entries.clear();
      }
      set_root(name, writer.root(), std::string(random.below(more_max + 1), 'm'));
    }
  }

  void set_root(const std::string& name, const TreeRoot& root, const std::string& more) {
    models_[name].more = more;
    value_of(store_.writer().put(bytes_of(name), bytes_of(named(root, more))));
  }

  // The name goes before the pages that it leads to.
  void drop(const std::string& name) {
    const TreeRoot root = root_of(name);
    EXPECT_EQ(value_of(store_.writer().erase(bytes_of(name))), models_.erase(name) == 1);
    TreeWriter writer(store_.pager(), store_.page_txn(), root);
    value_of(writer.erase_range({}));
  }

  // What the catalog names, as of the last commit.
  Models read() {
    Models all;
    std::map<std::string, TreeRoot> roots;
    for (const auto& [name, value] : read_all(store_.tree())) {
      roots[name] = root_in(value);
      all[name].more = value.substr(kTreeRootSize);
    }
    for (const auto& [name, root] : roots) {
      store_.renew();
      const Tree tree(store_.pager(), root);
      all[name].entries = read_all(tree);
      EXPECT_EQ(tree.count(), all[name].entries.size());
    }
    return all;
  }

  void forget_to(const Models& models) { models_ = models; }

 private:
  static testing::StoreOptions with_kind(testing::StoreOptions options) {
    options.kind = TreeKind::kCatalog;
    return options;
  }

  TreeStore store_;
  Models models_;
};

class Catalog : public ::testing::TestWithParam<PageAccess> {};

INSTANTIATE_TEST_SUITE_P(Access, Catalog,
                         ::testing::Values(PageAccess::kMapped, PageAccess::kPrivate),
                         pager::testing::access_name);

TEST_P(Catalog, LeadsToAllTreesThatItNamesOverManyCheckpoints) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    Trees trees({.access = GetParam()});
    Random random(seed);
    Trees::Models checkpointed;
    for (int round = 0; round < 30; ++round) {
      for (int i = 0; i < 25; ++i) {
        const std::string name = "tree" + std::to_string(random.below(300));
        if (trees.models().contains(name) && random.chance(1, 5)) {
          trees.drop(name);
        } else {
          trees.change(name, random, random.chance(1, 10) ? 300 : 5, 700);
        }
      }
      if (random.chance(1, 4)) {
        trees.store().roll_back();
        trees.forget_to(trees.read());
      } else if (random.chance(1, 2)) {
        trees.store().commit();
      } else {
        trees.store().checkpoint();
        checkpointed = trees.models();
        ASSERT_EQ(trees.store().audit(), "") << "seed " << seed << " round " << round;
      }
      ASSERT_EQ(problems_of(trees.store().tree()), "") << "seed " << seed << " round " << round;
      ASSERT_EQ(trees.read(), trees.models()) << "seed " << seed << " round " << round;
    }
    EXPECT_GT(checkpointed.size(), 100U);
    EXPECT_GT(value_of(trees.store().tree().height()), 1U);
    trees.store().kill_and_reopen();
    EXPECT_EQ(trees.store().audit(), "");
    EXPECT_EQ(trees.read(), checkpointed);
  }
}

// Each tree changes once in a transaction, and gets its name right then: whatever is written early
// names pages that stay.
TEST_P(Catalog, LeadsToAllTreesAfterTransactionsMuchLargerThanTheMemory) {
  Trees trees({.access = GetParam(), .memory_budget_bytes = std::uint64_t{96} * 4096});
  Random random(5);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 150; ++i) {
      trees.change("tree" + std::to_string(i * 7 % 150), random, 40, 300);
    }
    EXPECT_GT(trees.store().pager().stats().pages_spilled, 100U);
    trees.store().checkpoint();
    ASSERT_EQ(trees.store().audit(), "") << round;
  }
  trees.store().kill_and_reopen();
  EXPECT_EQ(trees.store().audit(), "");
}

// What writer.h warns of. The error changes nothing: with the name put right, all is well.
TEST(CatalogSpill, IsRefusedWhereALeafNamesAPageThatTheTransactionHasFreed) {  // PAGE-7
  Trees trees({.memory_budget_bytes = std::uint64_t{192} * 4096});
  TreeStore& store = trees.store();
  for (int i = 0; i < 240; ++i) {
    trees.set_root("tree" + std::to_string(1000 + i), {}, std::string(900, 'm'));
  }
  TreeWriter writer(store.pager(), store.page_txn(), {});
  value_of(writer.put(bytes_of("key"), bytes_of("value")));
  trees.set_root("first", writer.root(), "");
  EXPECT_TRUE(value_of(writer.erase(bytes_of("key"))));
  const auto spilled = store.pager().spill();
  ASSERT_FALSE(spilled.has_value());
  EXPECT_EQ(spilled.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(spilled.error().rule(), "PAGE-7");
  trees.set_root("first", writer.root(), "");
  value_of(store.pager().spill());
  store.checkpoint();
  EXPECT_EQ(store.audit(), "");
  EXPECT_EQ(trees.read(), trees.models());
}

// Every number that the catalog holds is compared after each step: as it grows to three levels,
// and shrinks again to one and to none.
TEST(CatalogNodes, KeepAllReferencesAsTheyDivideAndMerge) {
  Trees trees;
  TreeStore& store = trees.store();
  Random random(3);
  std::map<std::string, std::string> values;
  unsigned highest = 0;
  const auto compare = [&] {
    ASSERT_EQ(read_all(store.writer().tree()), values);
    ASSERT_EQ(problems_of(store.writer().tree()), "");
    highest = std::max(highest, value_of(store.writer().tree().height()));
  };
  const auto name = [](int i) {  // So that most separators are long.
    const int number = i * 37 % 300;
    return std::to_string(100 + number / 10) + std::string(300, 'n') + std::to_string(number);
  };
  for (int i = 0; i < 300; ++i) {
    TreeRoot root;
    if (i % 5 > 0) {
      TreeWriter writer(store.pager(), store.page_txn(), {});
      for (int k = 0; k < i % 5; ++k) {
        value_of(writer.put(bytes_of(std::to_string(k)), bytes_of("v")));
      }
      root = writer.root();
    }
    values[name(i)] = named(root, std::string(random.below(600), 'm'));
    EXPECT_TRUE(value_of(store.writer().put(bytes_of(name(i)), bytes_of(values[name(i)]))));
    if (i % 5 == 0) compare();
    ASSERT_FALSE(::testing::Test::HasFatalFailure()) << i;
  }
  EXPECT_EQ(highest, 3U);
  EXPECT_EQ(value_of(store.writer().tree().read_root()).level(), kCatalogBranchLevelMin + 1);
  store.checkpoint();
  EXPECT_EQ(store.audit(), "");
  values = read_all(store.tree());  // With checksums.
  for (int i = 0; i < 300; ++i) {
    const TreeRoot root = root_in(values[name(299 - i)]);
    values.erase(name(299 - i));
    EXPECT_TRUE(value_of(store.writer().erase(bytes_of(name(299 - i)))));
    TreeWriter writer(store.pager(), store.page_txn(), root);
    EXPECT_EQ(value_of(writer.erase_range({})), root.count);
    if (i % 5 == 0) compare();
    ASSERT_FALSE(::testing::Test::HasFatalFailure()) << i;
  }
  EXPECT_TRUE(store.writer().tree().empty());
  store.checkpoint();
  EXPECT_EQ(store.audit(), "");
}

TEST(CatalogAppend, FillsLeavesInTheOrderOfNames) {
  Trees trees;
  TreeModel values;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "name" + std::to_string(1000 + i);
    values[name] = named({}, "more");
    value_of(trees.store().writer().append(bytes_of(name), bytes_of(values[name])));
  }
  EXPECT_EQ(read_all(trees.store().writer().tree()), values);
  EXPECT_EQ(problems_of(trees.store().writer().tree()), "");
  EXPECT_EQ(value_of(trees.store().writer().tree().height()), 2U);
}

// --- Kinds ---------------------------------------------------------------------------------------

template <typename T>
std::string damage_in(const Result<T>& result) {
  if (result) return "none";
  EXPECT_EQ(result.error().code(), Code::kCorruption);
  return result.error().rule();
}

// Everything that goes down a tree.
void expect_refusal(TreeStore& store, const TreeRoot& root, TreeKind kind) {
  const Tree tree(store.pager(), root, kind);
  EXPECT_EQ(damage_in(tree.get(bytes_of("k"))), "TREE-1");
  EXPECT_EQ(damage_in(tree.height()), "TREE-1");
  EXPECT_EQ(damage_in(Cursor(tree).first()), "TREE-1");
  pager::PageSet pages;
  const TreeReport report = validate_tree(tree, {}, pages);
  ASSERT_EQ(report.findings_total, 1U);
  EXPECT_EQ(report.findings[0].rule(), "TREE-1");
  TreeWriter writer(store.pager(), store.page_txn(), root, kind);
  EXPECT_EQ(damage_in(writer.put(bytes_of("k"), bytes_of(named({})))), "TREE-1");
  EXPECT_EQ(damage_in(writer.erase(bytes_of("k"))), "TREE-1");
  EXPECT_EQ(writer.root(), root);
}

TEST(TreeKinds, AreNeverTakenForEachOther) {  // TREE-1
  for (const int count : {1, 500}) {
    for (const std::size_t longest : {20U, 5000U}) {
      TreeStore store;
      TreeWriter plain(store.pager(), store.page_txn(), {});
      TreeWriter catalog(store.pager(), store.page_txn(), {}, TreeKind::kCatalog);
      for (int i = 0; i < count; ++i) {
        const std::string key = "key" + std::to_string(i);
        const std::string value(i == 0 ? longest : 20, '\1');
        value_of(plain.put(bytes_of(key), bytes_of(value)));
        value_of(catalog.put(bytes_of(key), bytes_of(named({}, "more"))));
      }
      EXPECT_EQ(value_of(plain.tree().height()), count == 1 ? 1U : 2U);
      EXPECT_EQ(value_of(catalog.tree().height()), count == 1 ? 1U : 2U);
      expect_refusal(store, plain.root(), TreeKind::kCatalog);
      expect_refusal(store, catalog.root(), TreeKind::kPlain);
    }
  }
}

// The level of a child has to be its parent's less one, and of the parent's kind.
TEST(TreeKinds, AreNotMixedInOneTree) {  // TREE-1
  TreeStore store;
  TreeWriter plain(store.pager(), store.page_txn(), {});
  TreeWriter catalog(store.pager(), store.page_txn(), {}, TreeKind::kCatalog);
  for (int i = 0; i < 500; ++i) {
    const std::string key = "key" + std::to_string(1000 + i);
    value_of(plain.put(bytes_of(key), bytes_of("value")));
    value_of(catalog.put(bytes_of(key), bytes_of(named({}))));
  }
  const PageId leaf_of_plain = value_of(plain.tree().read_root()).child(0).id;
  const PageId leaf_of_catalog = value_of(catalog.tree().read_root()).child(0).id;
  NodeEditor(store.page_txn().editable(plain.root().page.id)).set_child(0, leaf_of_catalog);
  NodeEditor(store.page_txn().editable(catalog.root().page.id)).set_child(0, leaf_of_plain);
  EXPECT_EQ(damage_in(plain.tree().get(bytes_of("k"))), "TREE-1");
  EXPECT_EQ(damage_in(catalog.tree().get(bytes_of("k"))), "TREE-1");
}

// --- Limits --------------------------------------------------------------------------------------

TEST(CatalogLimits, AreThoseOfAPageAndNotOfTheStore) {  // NODE-5, NODE-6
  pager::Limits limits = pager::default_limits(4096);
  limits.key_size_max = 10;
  limits.value_size_max = 10;
  TreeStore store({.limits = limits, .kind = TreeKind::kCatalog});
  TreeWriter& writer = store.writer();
  const std::string longest(pager::key_limit_max(4096), 'k');
  EXPECT_TRUE(value_of(writer.put(bytes_of(longest), bytes_of(named({})))));
  const auto put = writer.put(bytes_of(longest + "k"), bytes_of(named({})));
  ASSERT_FALSE(put.has_value());
  EXPECT_EQ(put.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(put.error().rule(), "LIMIT-1");

  const auto refused = [&](const std::string& key, const std::string& value) {
    const auto by_put = writer.put(bytes_of(key), bytes_of(value));
    const auto by_append = writer.append(bytes_of(key), bytes_of(value));
    if (by_put) return false;
    EXPECT_FALSE(by_append.has_value());
    EXPECT_EQ(by_put.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(by_append.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(by_put.error().rule(), "NODE-6");
    EXPECT_EQ(by_append.error().rule(), "NODE-6");
    return true;
  };
  EXPECT_TRUE(refused("l", ""));
  EXPECT_TRUE(refused("l", named({}).substr(0, 19)));
  EXPECT_TRUE(refused("l", named({{PageId{}, 1}, 0})));
  EXPECT_TRUE(refused("l", named({{PageId{}, 0}, 1})));
  EXPECT_TRUE(refused("l", named({}, std::string(1024 - 20 + 1, 'm'))));
  const std::size_t room = entry_weight_max(4096) - entry_weight(longest.size(), kTreeRootSize);
  EXPECT_TRUE(refused(longest, named({}, std::string(room + 1, 'm'))));
  EXPECT_EQ(writer.root().count, 1U);
  const auto stream = writer.stream(bytes_of("l"));
  ASSERT_FALSE(stream.has_value());
  EXPECT_EQ(stream.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(stream.error().rule(), "NODE-6");

  value_of(writer.append(bytes_of("l"), bytes_of(named({}, std::string(1024 - 20, 'm')))));
  EXPECT_FALSE(
      value_of(writer.put(bytes_of(longest), bytes_of(named({}, std::string(room, 'm'))))));
  EXPECT_EQ(writer.root().count, 2U);
  EXPECT_EQ(problems_of(writer.tree()), "");
  store.checkpoint();
  EXPECT_EQ(store.audit(), "");
}

TEST(CatalogLimits, EndWithTheHeightOfATree) {  // LIMIT-1
  pager::Limits limits = pager::default_limits(4096);
  limits.tree_height_max = 2;
  TreeStore store({.limits = limits, .kind = TreeKind::kCatalog});
  Result<bool> put = true;
  for (int i = 0; put; ++i) {
    put =
        store.writer().put(bytes_of(std::to_string(i)), bytes_of(named({}, std::string(900, 'm'))));
  }
  EXPECT_EQ(put.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(put.error().rule(), "LIMIT-1");
  EXPECT_EQ(value_of(store.writer().tree().height()), 2U);
  EXPECT_EQ(problems_of(store.writer().tree()), "");
}

// --- The validator -------------------------------------------------------------------------------

// Three trees in a catalog: "empty", "large" of two levels with a long value, and "small".
class CatalogValidator : public ::testing::Test {
 protected:
  CatalogValidator() : store_({.kind = TreeKind::kCatalog}) {
    TreeWriter large(store_.pager(), store_.page_txn(), {});
    for (int i = 0; i < 1000; ++i) {
      value_of(large.put(bytes_of("key" + std::to_string(1000 + i)), bytes_of("some value")));
    }
    value_of(large.put(bytes_of("long"), bytes_of(std::string(9000, 'v'))));
    TreeWriter small(store_.pager(), store_.page_txn(), {});
    value_of(small.put(bytes_of("k"), bytes_of("v")));
    large_ = large.root();
    small_ = small.root();
    name("empty", {});
    name("large", large_);
    name("small", small_);
  }

  void name(const std::string& name, const TreeRoot& root) {
    value_of(store_.writer().put(bytes_of(name), bytes_of(named(root))));
  }

  TreeReport run(const ValidatorOptions& options = {}) {
    pager::PageSet pages;
    return validate_tree(store_.writer().tree(), options, pages);
  }

  // The only finding.
  void expect_finding(const std::string& rule, PageId page) {
    const TreeReport report = run();
    ASSERT_EQ(report.findings_total, 1U);
    ASSERT_EQ(report.findings.size(), 1U);
    EXPECT_EQ(report.findings[0].rule(), rule);
    EXPECT_EQ(report.findings[0].page(), to_u64(page));
  }

  MutableBytes page(PageId id) { return store_.page_txn().editable(id); }

  TreeStore store_;
  TreeRoot large_;
  TreeRoot small_;
};

TEST_F(CatalogValidator, CountsTheNamedTreesAndTheCatalogTogether) {
  int renewals = 0;
  pager::PageSet pages;
  const TreeReport report =
      validate_tree(store_.writer().tree(), {.renew = [&] { ++renewals; }}, pages);
  EXPECT_EQ(report.findings_total, 0U);
  EXPECT_EQ(report.height, 1U);
  EXPECT_EQ(report.trees, 3U);
  EXPECT_EQ(report.entries, 3U + 1001 + 1);
  EXPECT_EQ(report.long_values, 1U);
  EXPECT_EQ(report.value_pages, 4U);
  EXPECT_EQ(report.branches, 1U);
  EXPECT_EQ(report.leaves, 2U + NodeView(page(large_.page.id).data(), 4096).count());
  EXPECT_EQ(report.value_bytes, 3U * 20 + 10'000 + 9000 + 1);
  EXPECT_GE(report.least_leaf_fill, node_room(4096) * 2 / 5);
  EXPECT_EQ(pages.count(), report.leaves + report.branches + report.value_pages);
  EXPECT_GE(static_cast<std::uint64_t>(renewals), report.leaves);
}

TEST_F(CatalogValidator, FindsDamageInANamedTree) {
  const PageId leaf = NodeView(page(large_.page.id).data(), 4096).child(2).id;
  page(leaf)[4] = std::byte{3};
  expect_finding("TREE-1", leaf);
}

TEST_F(CatalogValidator, FindsATreeThatIsNamedTwice) {  // TREE-4
  name("small again", small_);
  expect_finding("TREE-4", small_.page.id);
}

TEST_F(CatalogValidator, FindsANameThatLeadsIntoAnotherTree) {  // TREE-4
  const NodeView root(page(large_.page.id).data(), 4096);
  const PageId leaf = root.child(0).id;
  name("part", {{leaf, 0}, NodeView(page(leaf).data(), 4096).count()});
  expect_finding("TREE-4", leaf);
}

TEST_F(CatalogValidator, FindsAWrongCountOfANamedTree) {  // TREE-5
  name("small", {small_.page, 2});
  expect_finding("TREE-5", small_.page.id);
  pager::PageSet pages;
  EXPECT_EQ(run({.count = false}).findings_total, 1U);  // That is about the catalog's own.
  name("small", {small_.page, 0});
  expect_finding("TREE-5", small_.page.id);
}

TEST_F(CatalogValidator, FindsAWrongCountOfTheCatalogItself) {  // TREE-5
  TreeRoot root = store_.writer().root();
  root.count = 3 + 1001 + 1;
  pager::PageSet pages;
  const TreeReport report =
      validate_tree(Tree(store_.pager(), root, TreeKind::kCatalog), {}, pages);
  ASSERT_EQ(report.findings_total, 1U);
  EXPECT_EQ(report.findings[0].rule(), "TREE-5");
  EXPECT_EQ(report.findings[0].page(), to_u64(root.page.id));
}

TEST_F(CatalogValidator, FindsACatalogThatACatalogNames) {  // TREE-1
  TreeWriter other(store_.pager(), store_.page_txn(), {}, TreeKind::kCatalog);
  value_of(other.put(bytes_of("k"), bytes_of(named({}))));
  name("catalog", other.root());
  expect_finding("TREE-1", other.root().page.id);
}

TEST_F(CatalogValidator, GoesOnToAllTreesAndCountsWhatItDoesNotShow) {
  for (int i = 0; i < 5; ++i) name("again" + std::to_string(i), small_);
  name("large", {large_.page, 7});
  EXPECT_EQ(run().findings_total, 6U);
  const TreeReport few = run({.findings_max = 2});
  EXPECT_EQ(few.findings.size(), 2U);
  EXPECT_EQ(few.findings_total, 6U);
}

// No bytes of a catalog's leaf are held while the trees that it names are read.
TEST(CatalogValidatorInLittleMemory, NeedsNoMoreMemoryThanForAFewPages) {
  TreeStore store({.kind = TreeKind::kCatalog});
  for (int i = 0; i < 1000; ++i) {
    TreeWriter writer(store.pager(), store.page_txn(), {});
    value_of(writer.put(bytes_of("key"), bytes_of("value")));
    const std::string name = std::to_string(1000 + i);
    value_of(store.writer().append(bytes_of(name), bytes_of(named(writer.root()))));
  }
  store.checkpoint();
  std::atomic<std::uint64_t> epoch = 0;
  pager::PagerOptions options = pager::testing::small_options(PageAccess::kPrivate);
  options.layout = &tree_layout();
  options.read_only = true;
  options.memory_budget_bytes = std::uint64_t{64} * 4096;
  options.readers = [&](std::vector<pager::RegisteredReader>& readers) {
    readers.push_back({.epoch = epoch, .txn = pager::kSeesEverything});
  };
  const auto pager = value_of(pager::open_pager(store.directory(), options));
  pager::PageSet pages;
  const TreeReport report = validate_tree(Tree(*pager, store.root(), TreeKind::kCatalog),
                                          {.renew = [&] { epoch = pager->epoch(); }}, pages);
  EXPECT_EQ(report.findings_total, 0U);
  EXPECT_EQ(report.trees, 1000U);
  EXPECT_EQ(report.entries, 2000U);
  EXPECT_GT(report.leaves, 1000U);
}

}  // namespace
}  // namespace caisson::btree

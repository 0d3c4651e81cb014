// Method: nodes built from chosen entries; each rule broken by hand; every bit flipped, and many
// bytes changed at random. A node that passes the check has to answer as the entries that it then
// shows say, without reading outside of its page (sanitized builds would see it).

#include "btree/node.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "btree/layout.h"
#include "btree/node_editor.h"
#include "btree/testing/harness.h"

namespace caisson::btree {
namespace {

using testing::bytes_of;
using testing::text_of;

constexpr std::size_t kPageSize = 4096;

using Page = std::vector<std::byte>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

Page make_page(PageType type, std::uint8_t level) {
  Page page(kPageSize);
  pager::write_header({.type = type, .level = level, .id = PageId{77}, .txn = TxnId{1}}, page);
  return page;
}

Page make_leaf(const Pairs& pairs) {
  Page page = make_page(kLeaf, 0);
  Entries entries;
  for (const auto& [key, value] : pairs) entries.append(bytes_of(key), {bytes_of(value), false});
  build_node(entries, {0, pairs.size(), false}, page);
  return page;
}

std::string reference_to(std::uint64_t page) {
  std::string text(kReferenceSize, '\0');
  store_reference(reinterpret_cast<std::byte*>(text.data()), {PageId{page}, 5});
  return text;
}

Page make_branch(const std::vector<std::string>& separators) {
  Page page = make_page(kBranch, kBranchLevelMin);
  Entries entries;
  std::vector<std::string> references;
  for (std::uint64_t i = 0; i <= separators.size(); ++i) references.push_back(reference_to(40 + i));
  entries.append({}, {bytes_of(references[0]), false});
  for (std::size_t i = 0; i < separators.size(); ++i) {
    entries.append(bytes_of(separators[i]), {bytes_of(references[i + 1]), false});
  }
  build_node(entries, {0, entries.size(), true}, page);
  return page;
}

std::string rule_broken(const Page& page) {
  const auto checked = check_node(page);
  if (checked) return "";
  EXPECT_EQ(checked.error().code(), Code::kCorruption);
  EXPECT_EQ(checked.error().page(), 77U);
  return checked.error().rule();
}

Pairs entries_of(const Page& page) {
  const NodeView node(page.data(), page.size());
  Pairs pairs;
  std::vector<std::byte> key(kPageSize);
  for (unsigned i = 0; i < node.count(); ++i) {
    const std::size_t size = node.copy_key(i, key.data());
    pairs.emplace_back(text_of({key.data(), size}), text_of(node.value(i)));
  }
  return pairs;
}

const Pairs& some_pairs() {
  static const Pairs pairs = {{"apple", "1"},   {"applet", "22"}, {"apply", ""},
                              {"apricot", "4"}, {"ap\xFF", "55"}, {"ap\xFF\xFF", "6"}};
  return pairs;
}

TEST(Node, ShowsWhatItWasBuiltFrom) {
  Page page = make_leaf(some_pairs());
  EXPECT_EQ(rule_broken(page), "");
  EXPECT_EQ(entries_of(page), some_pairs());
  EXPECT_EQ(text_of(NodeView(page.data(), kPageSize).prefix()), "ap");
}

TEST(Node, FindsEachKeyAndThePlaceOfEachOther) {
  const Page page = make_leaf(some_pairs());
  const NodeView node(page.data(), kPageSize);
  for (const std::string key : {"", "a", "ap", "aq", "apple", "apples", "appl", "apply", "b", "zz",
                                "ap\xFF", "ap\xFF\x01", "ap\xFF\xFF", "ap\xFF\xFF\xFF"}) {
    const auto expected =
        std::ranges::lower_bound(some_pairs(), key, {}, &Pairs::value_type::first);
    const Position position = node.find(bytes_of(key));
    EXPECT_EQ(position.index, expected - some_pairs().begin()) << key;
    EXPECT_EQ(position.found, expected != some_pairs().end() && expected->first == key) << key;
    EXPECT_EQ(node.ends_before(bytes_of(key)), key > some_pairs().back().first) << key;
  }
}

// Keys that differ only in length and zeros have one head.
TEST(Node, TellsKeysWithOneHeadApart) {
  Pairs pairs;
  for (std::size_t size = 0; size < 12; ++size) pairs.emplace_back(std::string(size, '\0'), "v");
  const Page page = make_leaf(pairs);
  EXPECT_EQ(rule_broken(page), "");
  EXPECT_EQ(entries_of(page), pairs);
  const NodeView node(page.data(), kPageSize);
  for (std::size_t size = 0; size < 12; ++size) {
    const Position position = node.find(bytes_of(std::string(size, '\0')));
    EXPECT_TRUE(position.found);
    EXPECT_EQ(position.index, size);
  }
  EXPECT_FALSE(node.find(bytes_of(std::string(12, '\0'))).found);
}

TEST(Node, LeadsEachKeyToItsChild) {
  const Page page = make_branch({"d", "dog", "m"});
  EXPECT_EQ(rule_broken(page), "");
  const NodeView node(page.data(), kPageSize);
  EXPECT_EQ(node.child_index(bytes_of("")), 0U);
  EXPECT_EQ(node.child_index(bytes_of("c")), 0U);
  EXPECT_EQ(node.child_index(bytes_of("d")), 1U);
  EXPECT_EQ(node.child_index(bytes_of("dof")), 1U);
  EXPECT_EQ(node.child_index(bytes_of("dog")), 2U);
  EXPECT_EQ(node.child_index(bytes_of("z")), 3U);
  EXPECT_EQ(node.child(2).id, PageId{42});
}

TEST(Node, KeepsItsEntriesThroughInsertingAndRemoving) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    std::map<std::string, std::string> model = {{"mm", "middle"}, {"n", "value"}};
    Page page = make_leaf({model.begin(), model.end()});
    NodeEditor editor(page);
    for (int i = 0; i < 600; ++i) {
      std::string key(random.below(7), 'a');
      for (char& c : key) c = static_cast<char>('a' + random.below(3));
      const Position position = editor.view().find(bytes_of(key));
      if (position.found && model.size() > 1) {
        editor.remove(position.index);
        model.erase(key);
      } else if (!position.found) {
        const std::string value(random.below(40), 'v');
        if (!editor.view().fits(bytes_of(key), {bytes_of(value), false})) continue;
        editor.insert(position.index, bytes_of(key), {bytes_of(value), false});
        model.emplace(key, value);
      }
      ASSERT_EQ(rule_broken(page), "") << seed << " " << i;
      ASSERT_EQ(entries_of(page), Pairs(model.begin(), model.end())) << seed << " " << i;
    }
  }
}

std::string long_reference(std::uint64_t size) {
  std::string text(kLongValueRefSize, '\0');
  store_long_value(reinterpret_cast<std::byte*>(text.data()), {size, {PageId{40}, 5}});
  return text;
}

// Rows whose keys, and values, are of one length.
Pairs rows(int count) {
  Pairs pairs;
  for (int i = 0; i < count; ++i) {
    pairs.emplace_back("row" + std::to_string(1000 + i), "value" + std::to_string(2000 - i));
  }
  return pairs;
}

TEST(Node, SaysSizesOnceWhereAllEntriesHaveThem) {
  const Page page = make_leaf(rows(50));
  EXPECT_EQ(rule_broken(page), "");
  EXPECT_EQ(entries_of(page), rows(50));
  const NodeView node(page.data(), kPageSize);
  EXPECT_TRUE(node.says_sizes());
  EXPECT_EQ(text_of(node.prefix()), "row");
  EXPECT_EQ(node.heap_size(), 50U * 9);  // The rest of each key is its head.
  for (const auto& [key, value] : rows(50)) {
    const Position position = node.find(bytes_of(key));
    EXPECT_TRUE(position.found);
    EXPECT_EQ(text_of(node.value(position.index)), value);
  }
  EXPECT_FALSE(node.fits(bytes_of("row1000x"), {bytes_of("value1234"), false}));
  EXPECT_FALSE(node.fits(bytes_of("row1000"), {bytes_of("value12345"), false}));
  EXPECT_FALSE(node.fits(bytes_of("row2000"), {bytes_of("value1234"), true}));
  EXPECT_TRUE(node.fits(bytes_of("row1999"), {bytes_of("value1234"), false}));

  Pairs odd = rows(50);
  odd.emplace_back("row2", "value1234");
  const Page other = make_leaf(odd);
  EXPECT_FALSE(NodeView(other.data(), kPageSize).says_sizes());
  EXPECT_EQ(entries_of(other), odd);
}

TEST(Node, SaysTheSizesOfLongValuesToo) {
  const std::string reference = long_reference(100'000);
  Entries entries;
  for (const char* key : {"a", "b", "c"}) {
    entries.append(bytes_of(key), {bytes_of(reference), true});
  }
  Page page = make_page(kLeaf, 0);
  build_node(entries, {0, 3, false}, page);
  EXPECT_EQ(rule_broken(page), "");
  const NodeView node(page.data(), kPageSize);
  EXPECT_TRUE(node.says_sizes());
  EXPECT_EQ(node.level(), kLeafLevel);
  EXPECT_EQ(node.long_values(), 3U);
  EXPECT_EQ(node.long_value(2).size, 100'000U);
  store_u64(page.data() + kPageSize - kLongValueRefSize, kLongValueSizeMax + 1);
  EXPECT_EQ(rule_broken(page), "NODE-4");
}

// Two entries without bytes in the heap would have one offset.
TEST(Node, LeavesNoEntryWithoutBytes) {
  for (const std::size_t size : {1U, 4U, 5U, 9U}) {
    Pairs pairs;
    for (char c = 'a'; c < 'f'; ++c) pairs.emplace_back(std::string(size - 1, 'k') + c, "");
    const Page page = make_leaf(pairs);
    EXPECT_EQ(rule_broken(page), "") << size;
    EXPECT_EQ(entries_of(page), pairs) << size;
    EXPECT_EQ(NodeView(page.data(), kPageSize).says_sizes(), size > kHeadSize) << size;
  }
}

std::string named_tree(std::uint64_t page, std::uint64_t count, std::size_t more = 0) {
  std::string text(kTreeRootSize + more, '+');
  store_tree_root(reinterpret_cast<std::byte*>(text.data()),
                  {{PageId{page}, page == 0 ? 0U : 5U}, count});
  return text;
}

Page make_catalog_leaf(const Pairs& pairs) {
  Page page = make_page(kLeaf, kCatalogLeafLevel);
  Entries entries;
  for (const auto& [key, value] : pairs) entries.append(bytes_of(key), {bytes_of(value), false});
  build_node(entries, {0, pairs.size(), false}, page);
  return page;
}

TEST(Node, OfACatalogStaysOneWhateverItsEntries) {  // NODE-6
  Pairs pairs = {{"accounts", named_tree(40, 7)},
                 {"empty", named_tree(0, 0)},
                 {"people", named_tree(~std::uint64_t{0}, 1, 30)}};
  Page page = make_catalog_leaf(pairs);
  EXPECT_EQ(rule_broken(page), "");
  EXPECT_EQ(entries_of(page), pairs);
  NodeEditor editor(page);
  EXPECT_TRUE(editor.view().names_trees());
  EXPECT_EQ(editor.view().tree_root(0), (TreeRoot{{PageId{40}, 5}, 7}));
  EXPECT_EQ(editor.view().tree_root(1), TreeRoot{});
  const std::string other = named_tree(41, 8);
  editor.overwrite(0, {bytes_of(other), false});
  editor.insert(1, bytes_of("b"), {bytes_of(other), false});
  editor.remove(2);
  pairs = {{"accounts", other}, {"b", other}, pairs[2]};
  EXPECT_EQ(rule_broken(page), "");
  EXPECT_EQ(entries_of(page), pairs);
  EXPECT_EQ(editor.view().level(), kCatalogLeafLevel);

  Page fresh = make_page(kLeaf, kCatalogLeafLevel);
  NodeEditor(fresh).start(1, bytes_of("name"), {bytes_of(other), false});
  EXPECT_EQ(rule_broken(fresh), "");
  EXPECT_EQ(NodeView(fresh.data(), kPageSize).level(), kCatalogLeafLevel);
}

TEST(Node, OfACatalogTellsWhereItNamesPages) {
  const Page page = make_catalog_leaf({{"a", named_tree(40, 7)},
                                       {"empty", named_tree(0, 0, 9)},
                                       {"longer name", named_tree(41, 1, 30)}});
  const NodeView node(page.data(), kPageSize);
  std::vector<pager::ChildSlot> slots;
  tree_layout().child_slots(page, slots);
  ASSERT_EQ(slots.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(slots[i].id, PageId{40 + i});
    const std::byte* value = node.value(i == 0 ? 0 : 2).data();
    EXPECT_EQ(page.data() + slots[i].checksum_offset, value + 8);
  }
}

TEST(Node, StartsWithOneEntryBehindAPrefix) {
  Page page = make_page(kLeaf, 0);
  NodeEditor editor(page);
  editor.start(3, bytes_of("row1000"), {bytes_of("value1234"), false});
  EXPECT_EQ(rule_broken(page), "");
  EXPECT_EQ(entries_of(page), (Pairs{{"row1000", "value1234"}}));
  EXPECT_EQ(text_of(editor.view().prefix()), "row");
  ASSERT_TRUE(editor.view().fits(bytes_of("row0999"), {bytes_of("value1235"), false}));
  editor.insert(0, bytes_of("row0999"), {bytes_of("value1235"), false});
  EXPECT_EQ(rule_broken(page), "");
  EXPECT_EQ(entries_of(page), (Pairs{{"row0999", "value1235"}, {"row1000", "value1234"}}));
}

// --- Rules ---------------------------------------------------------------------------------------

struct Break {
  const char* rule;
  std::function<void(Page&)> change;
};

TEST(Node, NamesTheRuleThatALeafBreaks) {
  const std::size_t heads = kNodeHeaderSize + 2;  // Behind the prefix "ap".
  const std::size_t offsets = heads + 6 * kHeadSize;
  const Page whole = make_leaf(some_pairs());
  const std::size_t heap = kPageSize - load_u16(whole.data() + 76);
  const Break breaks[] = {
      {"NODE-1", [](Page& p) { store_u16(p.data() + 72, 0); }},
      {"NODE-1", [](Page& p) { store_u16(p.data() + 72, 2000); }},
      {"NODE-1", [](Page& p) { store_u16(p.data() + 74, 5000); }},
      {"NODE-1", [](Page& p) { store_u16(p.data() + 76, 4090); }},
      {"NODE-1", [](Page& p) { store_u16(p.data() + 82, 1); }},
      {"NODE-1", [](Page& p) { store_u32(p.data() + 80, 0); }},
      {"NODE-2", [](Page& p) { store_u32(p.data() + 80, 5 << 16U | 1U); }},
      {"NODE-2", [&](Page& p) { p[heap - 1] = std::byte{1}; }},
      {"NODE-2", [&](Page& p) { store_u16(p.data() + heap, 3000); }},
      {"NODE-2", [&](Page& p) { store_u16(p.data() + offsets, load_u16(p.data() + offsets + 2)); }},
      {"NODE-2", [&](Page& p) { store_u16(p.data() + offsets, 80); }},
      {"NODE-2", [&](Page& p) { store_u16(p.data() + 72, 5); }},
      {"NODE-3", [&](Page& p) { store_u32(p.data() + heads, 0xFFFFFFFF); }},
      {"NODE-3", [&](Page& p) { p[heads + 4 * kHeadSize] = std::byte{1}; }},  // Behind "ap\xFF".
      {"NODE-4", [](Page& p) { store_u16(p.data() + 78, 1); }},
      {"NODE-4", [](Page& p) { p[5] = std::byte{kLeafLevel}; }},
      {"NODE-4", [](Page& p) { p[5] = std::byte{3}; }},
  };
  for (const Break& broken : breaks) {
    Page page = whole;
    broken.change(page);
    EXPECT_EQ(rule_broken(page), broken.rule) << &broken - breaks;
  }
}

TEST(Node, NamesTheRuleThatABranchBreaks) {
  const Page whole = make_branch({"d", "dog", "m"});
  const std::size_t heap = kPageSize - load_u16(whole.data() + 76);
  const Break breaks[] = {
      {"NODE-1", [](Page& p) { store_u16(p.data() + 72, 1); }},
      {"NODE-1", [](Page& p) { store_u32(p.data() + 80, 12 << 16U); }},
      {"NODE-3", [](Page& p) { store_u32(p.data() + kNodeHeaderSize, 7); }},
      {"NODE-3", [](Page& p) { store_u32(p.data() + kNodeHeaderSize + 4, 0xFF000000); }},
      {"NODE-4", [&](Page& p) { store_u64(p.data() + heap + kEntryHeaderSize, 0); }},
      {"NODE-4", [](Page& p) { p[5] = std::byte{8}; }},
      {"NODE-4", [](Page& p) { p[5] = std::byte{72}; }},
  };
  for (const Break& broken : breaks) {
    Page page = whole;
    broken.change(page);
    EXPECT_EQ(rule_broken(page), broken.rule) << &broken - breaks;
  }
}

TEST(Node, OfACatalogIsRefusedWhereAValueNamesNoTree) {  // NODE-6
  const auto with = [](const std::string& value) {
    return rule_broken(make_catalog_leaf({{"a", named_tree(40, 7)}, {"b", value}}));
  };
  EXPECT_EQ(with(named_tree(41, 0)), "");
  EXPECT_EQ(with(named_tree(41, 7).substr(0, 19)), "NODE-6");
  EXPECT_EQ(with(""), "NODE-6");
  EXPECT_EQ(with(named_tree(0, 1)), "NODE-6");
  std::string value = named_tree(0, 0);
  value[8] = '\1';
  EXPECT_EQ(with(value), "NODE-6");
  value = named_tree(41, 7);
  value[8] = value[9] = value[10] = value[11] = '\0';  // Not written yet.
  EXPECT_EQ(with(value), "");

  // A long value, counted as such or not, and a count of none that there are.
  Page page = make_page(kLeaf, kCatalogLeafLevel);
  Entries entries;
  const std::string reference = long_reference(100'000);
  entries.append(bytes_of("a"), {bytes_of(reference), true});
  build_node(entries, {0, 1, false}, page);
  EXPECT_EQ(rule_broken(page), "NODE-6");
  store_u16(page.data() + 78, 0);
  EXPECT_EQ(rule_broken(page), "NODE-6");
  page = make_catalog_leaf({{"a", named_tree(40, 7)}});
  store_u16(page.data() + 78, 1);
  EXPECT_EQ(rule_broken(page), "NODE-4");
  page = make_leaf(some_pairs());
  page[5] = std::byte{kCatalogLeafLevel};
  EXPECT_EQ(rule_broken(page), "NODE-6");
}

TEST(Node, HasALevelOfItsKind) {  // NODE-4
  const Page branch = make_branch({"d", "dog", "m"});
  const Page leaf = make_catalog_leaf({{"a", named_tree(40, 7)}});
  for (unsigned level = 0; level < 256; ++level) {
    Page page = branch;
    page[5] = static_cast<std::byte>(level);
    const bool may_be = level >= 9 && level <= 135 && level != 72;
    EXPECT_EQ(rule_broken(page), may_be ? "" : "NODE-4") << level;
    EXPECT_TRUE(NodeView(page.data(), kPageSize).is_branch());
    page = leaf;
    page[5] = static_cast<std::byte>(level);
    EXPECT_EQ(rule_broken(page), level == 0 || level == 72 ? "" : "NODE-4") << level;
    EXPECT_FALSE(NodeView(page.data(), kPageSize).is_branch());
  }
}

TEST(Node, RefusesEntriesThatAreTooLarge) {  // NODE-5
  EXPECT_EQ(rule_broken(make_leaf({{std::string(512, 'k'), ""}})), "");
  EXPECT_EQ(rule_broken(make_leaf({{std::string(513, 'k'), ""}})), "NODE-5");
  const std::size_t value_max = entry_weight_max(kPageSize) - kEntryOverhead;
  EXPECT_EQ(rule_broken(make_leaf({{"k", std::string(value_max, 'v')}})), "");
  EXPECT_EQ(rule_broken(make_leaf({{"k", std::string(value_max + 1, 'v')}})), "NODE-5");
}

// --- Damage --------------------------------------------------------------------------------------

// Uses all of a node that has passed the check. It has to agree with itself.
void use(const Page& page) {
  const NodeView node(page.data(), page.size());
  const Pairs pairs = entries_of(page);
  for (unsigned i = node.is_branch() ? 1 : 0; i < node.count(); ++i) {
    ASSERT_EQ(node.find(bytes_of(pairs[i].first)).index, i);
    ASSERT_TRUE(i < 2 || pairs[i - 1].first < pairs[i].first || i == (node.is_branch() ? 1U : 0U));
    ASSERT_TRUE(!node.is_branch() || node.child_index(bytes_of(pairs[i].first)) == i);
  }
  // And can be edited and rebuilt within a page.
  Entries entries;
  entries.append(node, {});
  Page copy = page;
  const NodePlan plan{0, entries.size(), node.is_branch()};
  ASSERT_TRUE(plan.fits(entries, page.size()));
  build_node(entries, plan, copy);
  ASSERT_TRUE(node.is_branch() || entries_of(copy) == pairs);
  if (node.count() > 2) NodeEditor(copy).remove(1);
  ASSERT_EQ(rule_broken(copy), "");
}

std::vector<Page> samples() {
  Random random(9);
  Pairs many;
  for (int i = 0; i < 90; ++i) {
    many.emplace_back("key/" + std::to_string(10'000 + i * 7), std::string(random.below(25), 'x'));
  }
  std::vector<std::string> separators;
  for (int i = 0; i < 60; ++i) separators.push_back("s" + std::to_string(1000 + i * 3));
  Pairs names;
  for (std::uint64_t i = 0; i < 40; ++i) {
    names.emplace_back("tree" + std::to_string(100 + i), named_tree(i % 7, i % 7, random.below(9)));
  }
  return {make_leaf(some_pairs()),        make_leaf(many),         make_leaf(rows(40)),
          make_branch({"d", "dog", "m"}), make_branch(separators), make_catalog_leaf(names)};
}

TEST(Node, AnyFlippedBitIsAnErrorOrStillANode) {
  std::uint64_t accepted = 0;
  for (const Page& whole : samples()) {
    for (std::size_t bit = 72 * 8; bit < kPageSize * 8; ++bit) {
      Page page = whole;
      page[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      if (!check_node(page)) continue;
      ++accepted;
      use(page);
      ASSERT_FALSE(HasFatalFailure()) << bit;
    }
  }
  EXPECT_GT(accepted, 0U);  // Of a value's bytes, say: only the checksum knows better.
}

TEST(Node, AHundredThousandMutationsAreErrorsOrStillNodes) {
  Random random(10);
  const std::vector<Page> whole = samples();
  std::uint64_t accepted = 0;
  for (int i = 0; i < 100'000; ++i) {
    Page page = whole[random.below(whole.size())];
    const std::size_t used = kPageSize - load_u16(page.data() + 76);
    for (std::uint64_t bytes = random.between(1, 8); bytes > 0; --bytes) {
      // Mostly where something is.
      const std::size_t at = random.chance(1, 2)   ? 72 + random.below(120)
                             : random.chance(1, 2) ? used + random.below(kPageSize - used)
                                                   : 72 + random.below(kPageSize - 72);
      page[at] = static_cast<std::byte>(random.chance(1, 3) ? random.below(3) : random.below(256));
    }
    if (!check_node(page)) continue;
    ++accepted;
    use(page);
    ASSERT_FALSE(HasFatalFailure()) << i;
  }
  EXPECT_GT(accepted, 0U);
}

}  // namespace
}  // namespace caisson::btree

// Method: spec/golden/trees/ holds page files with trees that make_trees.py wrote from the spec
// alone, each with what has to happen to it (spec/golden/TREES.md). Every tree is validated and
// read, and all that happens is compared with all that the file expects. The other way round, this
// code builds the nodes anew, and the bytes have to be those of the second implementation.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/testing/golden.h"
#include "btree/layout.h"
#include "btree/node_editor.h"
#include "btree/testing/harness.h"
#include "pager/testing/golden.h"

namespace caisson::btree {
namespace {

using caisson::testing::golden_names;
using caisson::testing::GoldenFile;
using caisson::testing::load_golden;
using caisson::testing::parse_number;
using testing::bytes_of;
using testing::text_of;
using ::testing::UnorderedElementsAreArray;
using testing::value_of;

namespace fs = std::filesystem;

const fs::path& golden_folder() {
  static const fs::path folder = fs::path(CAISSON_SOURCE_DIR) / "spec/golden/trees";
  return folder;
}

std::string hex_of(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : text) {
    hex += kDigits[static_cast<unsigned char>(c) / 16];
    hex += kDigits[static_cast<unsigned char>(c) % 16];
  }
  return hex;
}

// The bytes that an expectation writes in short: TREES.md.
std::string parse_bytes(std::string_view text) {
  std::string bytes;
  if (text == "-") return bytes;
  std::istringstream parts{std::string(text)};
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t star = part.find('*');
    std::size_t times = 1;
    if (star != std::string::npos) times = parse_number(part.substr(star + 1), 10);
    if (part.starts_with("pattern*")) {
      for (std::size_t i = 0; i < times; ++i) bytes += static_cast<char>(i % 251);
      continue;
    }
    const std::string digits = part.substr(0, star);
    for (; times > 0; --times) {
      for (std::size_t i = 0; i < digits.size(); i += 2) {
        bytes += static_cast<char>(parse_number(digits.substr(i, 2), 16));
      }
    }
  }
  return bytes;
}

std::string in_full(const std::string& expected) {
  std::istringstream words(expected);
  std::string text;
  words >> text;
  if (text != "entry" && text != "in") return expected;
  for (std::string word; words >> word;) text += " " + hex_of(parse_bytes(word));
  return text;
}

// Everything that happens when a tree is validated and read, as expectations.
class Observer {
 public:
  Observer(Bytes file, pager::PageAccess access)
      : machine_(1), directory_(pager::testing::make_store_of(machine_, file)) {
    pager::PagerOptions options = pager::testing::small_options(access);
    options.layout = &tree_layout();
    options.readers = [](std::vector<pager::RegisteredReader>& readers) {
      readers.push_back({.epoch = 0, .txn = pager::kSeesEverything});
    };
    options.read_only = true;
    pager_ = value_of(pager::open_pager(*directory_, options));
  }

  std::vector<std::string> observe(std::uint64_t count, TreeKind kind) {
    const Tree tree(*pager_, {pager_->checkpointed().root, count}, kind);
    said_ = {"count " + std::to_string(count)};
    if (kind == TreeKind::kCatalog) say("catalog");
    validate(tree);
    if (valid_) {
      say("height " + std::to_string(value_of(tree.height())));
      rebuild(tree);
      std::ranges::sort(rebuilt_);
      std::string line = "rebuilds";
      for (const std::uint64_t id : rebuilt_) line += " " + std::to_string(id);
      if (!rebuilt_.empty()) say(line);
    }
    if (const auto all = read(tree, "entry "); !all) say("read " + outcome(all.error()));
    return said_;
  }

 private:
  void say(std::string text) { said_.push_back(std::move(text)); }

  static std::string outcome(const Error& error) {
    EXPECT_EQ(error.code(), Code::kCorruption);
    return error.rule() + " page " + std::to_string(error.page().value());
  }

  void validate(const Tree& tree) {
    pager::PageSet pages;
    const TreeReport report = validate_tree(tree, {}, pages);
    valid_ = report.findings_total == 0;
    for (const Error& finding : report.findings) say("finds " + outcome(finding));
  }

  // Says the entries of a tree, and those of the trees that a catalog names.
  Result<void> read(const Tree& tree, const std::string& place) {
    Cursor cursor(tree);
    while (true) {
      CAISSON_ASSIGN_OR_RETURN(const bool more, cursor.next());
      if (!more) return {};
      const std::string key = text_of(cursor.key());
      const Value value = cursor.value();
      std::string text(value.size(), '\0');
      CAISSON_RETURN_IF_ERROR(
          value.read(0, {reinterpret_cast<std::byte*>(text.data()), text.size()}));
      if (tree.kind() == TreeKind::kCatalog) {
        const Tree named(*pager_, load_tree_root(bytes_of(text).data()));
        CAISSON_RETURN_IF_ERROR(read(named, "in " + hex_of(key) + " "));
      }
      if (!valid_) continue;
      say(place + hex_of(key) + " " + hex_of(text));
      EXPECT_TRUE(value_of(tree.get(bytes_of(key))).has_value());
    }
  }

  void rebuild(const Tree& tree) {
    if (!tree.empty()) rebuild(tree, value_of(tree.read_root()));
  }

  // Notes which nodes are the same bytes when they are built anew.
  void rebuild(const Tree& tree, const NodeView& node) {
    Entries entries;
    entries.append(node, {});
    std::vector<std::byte> page(node.page_size());
    std::copy_n(node.page(), pager::kPageHeaderSize, page.begin());
    build_node(entries, {0, entries.size(), node.is_branch()}, page);
    if (std::ranges::equal(page, Bytes(node.page(), node.page_size()))) {
      rebuilt_.push_back(to_u64(pager::read_header(node.page()).id));
    }
    for (unsigned i = 0; node.is_branch() && i < node.count(); ++i) {
      rebuild(tree, value_of(tree.read_child(node, i)));
    }
    for (unsigned i = 0; node.names_trees() && i < node.count(); ++i) {
      rebuild(Tree(*pager_, node.tree_root(i)));
    }
  }

  io::sim::Machine machine_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<pager::Pager> pager_;
  bool valid_ = false;
  std::vector<std::uint64_t> rebuilt_;
  std::vector<std::string> said_;
};

class GoldenTrees : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenTrees, AreReadOrRefusedAsTheySay) {
  const GoldenFile file = load_golden(golden_folder(), GetParam());
  std::vector<std::string> expected;
  std::ranges::transform(file.expected, std::back_inserter(expected), in_full);
  const auto count = std::ranges::find_if(
      expected, [](const std::string& line) { return line.starts_with("count "); });
  ASSERT_TRUE(count != expected.end());
  const bool catalog = std::ranges::find(expected, "catalog") != expected.end();
  for (const auto access : {pager::PageAccess::kMapped, pager::PageAccess::kPrivate}) {
    Observer observer(file.bytes, access);
    EXPECT_THAT(observer.observe(parse_number(count->substr(6), 10),
                                 catalog ? TreeKind::kCatalog : TreeKind::kPlain),
                UnorderedElementsAreArray(expected))
        << (access == pager::PageAccess::kMapped ? "mapped" : "private");
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTrees, ::testing::ValuesIn(golden_names(golden_folder())),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(GoldenTreeFiles, BreakEveryRuleThatAValidatorCanSeeBroken) {
  // So a file that goes missing, or is renamed to something that nobody looks for, is noticed.
  const std::set<std::string> rules = {"NODE-1", "NODE-2",  "NODE-3",  "NODE-4",  "NODE-5",
                                       "NODE-6", "TREE-1",  "TREE-2",  "TREE-3",  "TREE-4",
                                       "TREE-5", "VALUE-1", "VALUE-2", "VALUE-3", "VALUE-4"};
  std::set<std::string> named;
  for (const std::string& name : golden_names(golden_folder())) {
    if (!name.starts_with("reject-")) continue;
    const std::string rule = caisson::testing::rule_named_by(name);
    named.insert(rule);
    const auto expected = load_golden(golden_folder(), name).expected;
    EXPECT_TRUE(std::ranges::any_of(
        expected, [&](const auto& line) { return line.starts_with("finds " + rule + " "); }))
        << name << " has to be refused for " << rule;
  }
  EXPECT_EQ(named, rules);
}

}  // namespace
}  // namespace caisson::btree

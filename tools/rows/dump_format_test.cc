// Method: spec/golden/dumps/ holds dumps that make_dumps.py wrote from the spec alone, each with
// what has to happen to it (spec/golden/DUMPS.md): DUMP-1, DUMP-2, DUMP-3, DUMP-4. Each is read.
// And one dump with long values is cut off everywhere, and has each of its bits flipped: no byte of
// it is read otherwise than it was written without an error.

#include "tools/rows/dump_format.h"

#include <caisson/store.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/testing/golden.h"
#include "tools/cli/text.h"
#include "tools/testing/command.h"

namespace caisson::tools {
namespace {

namespace fs = std::filesystem;
using caisson::testing::golden_names;
using caisson::testing::load_golden;
using caisson::testing::value_of;
using ::testing::ElementsAreArray;

fs::path golden_folder() { return fs::path(CAISSON_SOURCE_DIR) / "spec/golden/dumps"; }

std::string shown(std::string_view bytes) { return bytes.empty() ? "-" : to_hex(bytes); }

// What a dump holds, as lines of DUMPS.md; or the error that it ends with, alone.
std::vector<std::string> observe(const std::string& bytes) {
  std::istringstream in(bytes);
  InputBuffer input(in, false);
  DumpReader reader(input);
  const auto refused = [](const Error& error) {
    std::string code(to_string(error.code()));
    std::ranges::replace(code, ' ', '-');
    return std::vector{"refused " + code + " " + error.rule()};
  };
  std::vector<std::string> said;
  Row row;
  while (true) {
    const auto more = reader.next(row);
    if (!more) return refused(more.error());
    if (said.empty()) said.push_back("txn " + std::to_string(to_u64(reader.txn())));
    if (!*more) return said;
    if (row.kind == Row::Kind::kTree) {
      said.push_back("tree " + shown(*row.tree));
      continue;
    }
    const std::string key = shown(row.key);
    std::string value(row.value);
    while (value.size() < row.value_size) {
      const auto piece = reader.piece();
      if (!piece) return refused(piece.error());
      value += *piece;
    }
    said.push_back("entry " + key + " " + shown(value));
  }
}

TEST(DumpGolden, EachFileIsReadOrRefusedAsItSays) {
  std::set<std::string> rules;
  for (const std::string& name : golden_names(golden_folder())) {
    const auto golden = load_golden(golden_folder(), name);
    const std::string bytes(as_text(golden.bytes));
    EXPECT_THAT(observe(bytes), ElementsAreArray(golden.expected)) << name;
    if (name.starts_with("reject-")) rules.insert(caisson::testing::rule_named_by(name));
  }
  EXPECT_THAT(rules, ::testing::ElementsAre("DUMP-1", "DUMP-2", "DUMP-3", "DUMP-4"));
}

class Dump : public FolderTest {
 protected:
  // A dump of a store with two trees, with values of all kinds; as a writer makes it.
  std::string dump() const {
    const Store store = value_of(Store::open(path(), {.create_if_missing = true}));
    WriteTxn txn = value_of(store.begin_write());
    WriteTree tree = value_of(txn.create_tree("a"));
    value_of(tree.put("", ""));
    value_of(tree.put("key", "value"));
    value_of(tree.put("long", std::string(40'000, 'v')));
    value_of(txn.create_tree("b"));
    value_of(txn.commit());
    const Snapshot snapshot = value_of(store.snapshot());
    std::ostringstream out;
    RowSink sink(out);
    DumpWriter writer(sink, snapshot.txn());
    for (const std::string& name : value_of(snapshot.tree_names())) {
      const Tree from = value_of(snapshot.tree(name));
      value_of(writer.begin_tree(name, from.count()));
      Cursor cursor = value_of(from.cursor());
      while (value_of(cursor.next())) {
        Value value = value_of(cursor.value());
        value_of(writer.entry(as_text(cursor.key()), value));
      }
    }
    writer.finish();
    EXPECT_EQ(sink.bytes(), out.str().size());
    return out.str();
  }
};

TEST_F(Dump, IsReadAsItWasWritten) {
  EXPECT_THAT(observe(dump()),
              ElementsAreArray({std::string("txn 1"), std::string("tree 61"),
                                std::string("entry - -"), std::string("entry 6b6579 76616c7565"),
                                "entry 6c6f6e67 " + to_hex(std::string(40'000, 'v')),
                                std::string("tree 62")}));
}

TEST_F(Dump, ThatIsCutOffAnywhereIsRefused) {
  const std::string whole = dump();
  for (std::size_t size = 0; size < whole.size(); size += size < 200 ? 1 : 97) {
    EXPECT_EQ(observe(whole.substr(0, size)).size(), 1U) << size;
    EXPECT_THAT(observe(whole.substr(0, size)).front(),
                ::testing::StartsWith("refused corruption"));
  }
}

TEST_F(Dump, WithAnyFlippedBitIsRefused) {
  const std::string whole = dump();
  for (std::size_t bit = 0; bit < 8 * whole.size(); bit += bit < 2000 ? 1 : 331) {
    std::string changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_THAT(observe(changed).front(), ::testing::StartsWith("refused ")) << bit;
  }
}

}  // namespace
}  // namespace caisson::tools

// Method: hashes worked out from spec/store.md by a program of another language; states that are
// the same and came about in other ways; and states that differ in one byte, or in where it stands.
// What slips through is what no such pair tells apart.

#include "mvcc/state_hash.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "btree/layout.h"
#include "btree/writer.h"
#include "mvcc/memory_state.h"
#include "mvcc/testing/harness.h"
#include "pager/open.h"
#include "pager/page_txn.h"

namespace caisson::mvcc {
namespace {

using pager::PageAccess;
using testing::bytes_of;
using testing::EngineStore;
using testing::tree_in;
using testing::value_of;

Hash128 hash_of(Engine& engine) { return value_of(state_hash(value_of(engine.snapshot()))); }

// 20,000 bytes: 0, 1, ... 250, 0, 1, ...
std::string film() {
  std::string text(20'000, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i % 251);
  return text;
}

// A tree that is gone, one with four entries, and one with none.
constexpr Hash128 kNotes{.low = 0x0240f0b6b5770a14, .high = 0xb1f24decdd35e4e8};
constexpr Hash128 kNothing{.low = 0xbc08dc21994df8a2, .high = 0xbdc94bce2eda264d};

void make_notes(Engine& engine) {
  WriteTxn txn = value_of(engine.begin_write());
  value_of(txn.drop_tree(value_of(txn.create_tree(bytes_of("gone")))));
  const TreeId notes = value_of(txn.create_tree(bytes_of("notes"), bytes_of("\1\2\3")));
  value_of(txn.create_tree(bytes_of("empty")));
  value_of(txn.put(notes, bytes_of("milk"), bytes_of("2 litres")));
  value_of(txn.put(notes, bytes_of(""), bytes_of("no key")));
  value_of(txn.put(notes, bytes_of("film"), bytes_of(film())));
  value_of(txn.put(notes, bytes_of("tea"), bytes_of("")));
  value_of(txn.commit());
}

TEST(StateHash, IsWhatTheSpecSays) {
  EngineStore store;
  EXPECT_EQ(hash_of(store.engine()), kNothing);
  make_notes(store.engine());
  EXPECT_EQ(hash_of(store.engine()), kNotes);
}

TEST(StateHash, OfAStateInMemoryIsWhatTheSpecSays) {
  MemoryState state;
  EXPECT_EQ(state.hash(), kNothing);
  value_of(state.create(TreeId{1}, kPlainTree, bytes_of("gone"), {}));
  value_of(state.drop(TreeId{1}));
  value_of(state.create(TreeId{2}, kPlainTree, bytes_of("notes"), bytes_of("\1\2\3")));
  value_of(state.create(TreeId{3}, kPlainTree, bytes_of("empty"), {}));
  for (const auto& [key, value] : {std::pair<std::string, std::string>("tea", ""),
                                   {"film", film()},
                                   {"", "no key"},
                                   {"milk", "2 litres"}}) {
    value_of(state.put(TreeId{2}, bytes_of(key), bytes_of(value)));
  }
  EXPECT_EQ(state.hash(), kNotes);
}

TEST(StateHash, DoesNotDependOnPagesNorOnHowTheyAreRead) {
  for (const std::uint32_t page_size : {4096U, 8192U, 16384U, 32768U, 65536U}) {
    for (const PageAccess access : {PageAccess::kMapped, PageAccess::kPrivate}) {
      EngineStore store({.page_size = page_size, .access = access});
      make_notes(store.engine());
      EXPECT_EQ(hash_of(store.engine()), kNotes) << page_size;
      value_of(store.engine().checkpoint());
      EXPECT_EQ(hash_of(store.engine()), kNotes) << page_size;
      store.kill();
      value_of(store.open());
      EXPECT_EQ(hash_of(store.engine()), kNotes) << page_size;
      value_of(store.close());
      value_of(store.open());
      EXPECT_EQ(hash_of(store.engine()), kNotes) << page_size;
    }
  }
}

// A page file whose catalog says another count than the tree has.
TEST(StateHash, OfATreeWhoseCountIsWrongIsAnError) {  // TREE-5
  EngineStore store;
  make_notes(store.engine());
  value_of(store.close());
  {
    const auto directory = value_of(store.machine().vfs().open_directory(testing::kStorePath));
    pager::PagerOptions options;
    options.address_space_bytes = std::uint64_t{1} << 28U;
    options.layout = &btree::tree_layout();
    options.readers = [](std::vector<pager::RegisteredReader>&) {};
    const auto pager = value_of(pager::open_pager(*directory, options));
    const pager::Meta meta = pager->checkpointed();
    pager::PageTxn txn = value_of(pager::PageTxn::begin(*pager, TxnId{2}));
    PageId root{};
    {
      btree::TreeWriter catalog(*pager, txn, value_of(load_catalog(*pager, meta.root)),
                                btree::TreeKind::kCatalog);
      TreeEntry entry = *value_of(find_tree(catalog.tree(), TreeId{2}));
      ++entry.root.count;
      value_of(catalog.put(CatalogKey::tree(TreeId{2}).bytes(), CatalogValue(entry).bytes()));
      root = catalog.root().page.id;
    }
    txn.seal();
    value_of(pager->checkpoint(
        {.txn = TxnId{2}, .root = root, .apply_version = meta.apply_version, .log = meta.log}));
  }
  value_of(store.open());
  const auto hash = state_hash(value_of(store.engine().snapshot()));
  ASSERT_FALSE(hash);
  EXPECT_EQ(hash.error().code(), Code::kCorruption);
  EXPECT_EQ(hash.error().rule(), "TREE-5");
}

// --- The same state by another way ---------------------------------------------------------------

constexpr int kKeys = 700;

std::string value_at(int i) {
  const auto size = static_cast<std::size_t>(i % 90 == 0 ? 9000 : i % 60);
  return std::string(size, static_cast<char>('a' + i % 26));
}

TEST(StateHash, DoesNotDependOnTheOrderOfCommitsNorOnCheckpointsAndReopenings) {
  std::optional<Hash128> first;
  for (int way = 0; way < 4; ++way) {
    EngineStore store;
    const int step = way == 0 ? 1 : 3;  // 3 and 700 have nothing in common.
    for (int done = 0; done < kKeys;) {
      WriteTxn txn = value_of(store.engine().begin_write());
      const TreeId left = tree_in(txn, "left");
      const TreeId right = tree_in(txn, "right");
      for (int i = 0; i < 20 + 30 * way && done < kKeys; ++i, ++done) {
        const int at = done * step % kKeys;
        const std::string key = std::to_string(at);
        const TreeId tree = at % 2 == 0 ? left : right;
        if (way == 3) value_of(txn.put(tree, bytes_of(key), bytes_of("something else")));
        value_of(txn.put(tree, bytes_of(key), bytes_of(value_at(at))));
        if (way == 3) value_of(txn.put(tree, bytes_of(key + "!"), bytes_of(value_at(at))));
        if (way == 3) value_of(txn.erase(tree, bytes_of(key + "!")));
      }
      value_of(txn.commit());
      if (way < 2) continue;
      value_of(store.engine().checkpoint());
      if (done % 3 == 0) store.kill();
      if (!store.is_open()) value_of(store.open());
    }
    const Hash128 hash = hash_of(store.engine());
    if (!first) first = hash;
    EXPECT_EQ(hash, *first) << "way " << way;
  }
}

TEST(StateHash, OfASnapshotStaysWhatItWasWhileTheStoreGoesOn) {
  for (const PageAccess access : {PageAccess::kMapped, PageAccess::kPrivate}) {
    EngineStore store({.access = access, .frames = 64});
    make_notes(store.engine());
    const Snapshot snapshot = value_of(store.engine().snapshot());
    for (int round = 0; round < 4; ++round) {
      WriteTxn txn = value_of(store.engine().begin_write());
      const TreeId tree = tree_in(txn, "notes");
      value_of(txn.put(tree, bytes_of("film"), bytes_of(std::string(100'000, 'x'))));
      value_of(txn.commit());
      value_of(store.engine().checkpoint());
      EXPECT_EQ(value_of(state_hash(snapshot)), kNotes);
    }
    EXPECT_NE(hash_of(store.engine()), kNotes);
  }
}

// --- States that differ --------------------------------------------------------------------------

TEST(StateHash, ChangesWithAnyByteOfAStore) {
  EngineStore store;
  make_notes(store.engine());
  const auto change = [&](const std::string& key, std::string value, std::size_t at) {
    value[at] = static_cast<char>(value[at] ^ 1);
    value_of(testing::put(store.engine(), "notes", key, value));
    return hash_of(store.engine());
  };
  const auto put_back = [&](const std::string& key, const std::string& value) {
    value_of(testing::put(store.engine(), "notes", key, value));
    EXPECT_EQ(hash_of(store.engine()), kNotes);
  };
  for (std::size_t at = 0; at < 8; ++at) EXPECT_NE(change("milk", "2 litres", at), kNotes) << at;
  put_back("milk", "2 litres");
  // Where pages of the value begin and end, and in between.
  for (std::size_t at = 0; at < 20'000; at += 487) {
    EXPECT_NE(change("film", film(), at), kNotes) << at;
  }
  EXPECT_NE(change("film", film(), 19'999), kNotes);
  put_back("film", film());
}

// A state whose parts are all given.
struct Parts {
  std::string name = "tree";
  std::string options = "opt";
  std::vector<std::pair<std::string, std::string>> entries = {{"key", "value"}, {"other", "more"}};
  std::uint64_t number = 1;
  std::uint64_t next = 2;

  Hash128 hash() const {
    MemoryState state;
    const auto make = [&](std::uint64_t id, const std::string& its_name) {
      value_of(state.create(TreeId{id}, kPlainTree, bytes_of(its_name), bytes_of(options)));
    };
    for (std::uint64_t id = 1; id < next; ++id) {
      make(id, id == number ? name : "another");
      if (id != number) value_of(state.drop(TreeId{id}));
    }
    for (const auto& [key, value] : entries) {
      value_of(state.put(TreeId{number}, bytes_of(key), bytes_of(value)));
    }
    return state.hash();
  }
};

TEST(StateHash, ChangesWithAnyByteAndWithWhereItStands) {
  std::vector<Parts> all(1);
  const auto add = [&all](auto change) {
    Parts parts;
    change(parts);
    all.push_back(parts);
  };
  const auto flip_each = [&add](auto text_in) {
    Parts parts;
    const std::size_t size = text_in(parts).size();
    for (std::size_t at = 0; at < size; ++at) {
      add([&](Parts& p) { text_in(p)[at] = static_cast<char>(text_in(p)[at] ^ 0x40); });
    }
  };
  flip_each([](Parts& p) -> std::string& { return p.name; });
  flip_each([](Parts& p) -> std::string& { return p.options; });
  flip_each([](Parts& p) -> std::string& { return p.entries[0].first; });
  flip_each([](Parts& p) -> std::string& { return p.entries[0].second; });
  flip_each([](Parts& p) -> std::string& { return p.entries[1].second; });
  add([](Parts& p) { p.next = 3; });                          // A tree was made and dropped since,
  add([](Parts& p) { p.next = 3, p.number = 2; });            // or before.
  add([](Parts& p) { p.entries[0] = {"keyv", "alue"}; });     // The same bytes, cut elsewhere:
  add([](Parts& p) { p.name = "treeo", p.options = "pt"; });  // in the entry, in the tree,
  add([](Parts& p) { p.entries[0].second = "val", p.entries[1].first = "ueother"; });
  add([](Parts& p) { p.entries = {}; });
  add([](Parts& p) { p.entries.pop_back(); });
  std::set<std::pair<std::uint64_t, std::uint64_t>> hashes;
  for (const Parts& parts : all) hashes.emplace(parts.hash().low, parts.hash().high);
  EXPECT_EQ(hashes.size(), all.size());
  EXPECT_GT(all.size(), 25U);
}

}  // namespace
}  // namespace caisson::mvcc

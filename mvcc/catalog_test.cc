// Method: entries written and read back; every byte of them changed; and catalogs that disagree
// with themselves.

#include "mvcc/catalog.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/codec.h"
#include "mvcc/replay.h"
#include "mvcc/testing/harness.h"
#include "mvcc/tree_set.h"
#include "pager/page_txn.h"

namespace caisson::mvcc {
namespace {

using testing::bytes_of;
using testing::EngineStore;
using testing::value_of;

std::vector<std::byte> copy_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

TEST(Catalog, EntriesSayWhatTheySaid) {
  const TreeEntry entry{.id = TreeId{7},
                        .kind = kPlainTree,
                        .name = "notes",
                        .options = copy_of(bytes_of("options")),
                        .root = {.page = {PageId{99}, 5}, .count = 12}};
  const CatalogValue value(entry);
  const TreeEntry read = value_of(decode_tree(TreeId{7}, value.bytes()));
  EXPECT_EQ(read.name, "notes");
  EXPECT_EQ(read.options, entry.options);
  EXPECT_EQ(read.root, entry.root);
  const CatalogHeader header{.next_tree = TreeId{9}, .trees = 3};
  EXPECT_EQ(value_of(decode_header(CatalogValue(header).bytes())).trees, 3U);
  EXPECT_EQ(value_of(decode_number(CatalogValue(TreeId{8}).bytes())), TreeId{8});
}

TEST(Catalog, EntriesThatAreNotWholeAreCorrupt) {  // CATALOG-1
  const TreeEntry entry{.id = TreeId{7}, .name = "notes", .options = {}, .root = {}};
  const auto value = copy_of(CatalogValue(entry).bytes());
  for (std::size_t size = 0; size < value.size(); ++size) {
    const auto read = decode_tree(TreeId{7}, Bytes(value).first(size));
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().rule(), "CATALOG-1");
  }
  const auto header =
      copy_of(CatalogValue(CatalogHeader{.next_tree = TreeId{2}, .trees = 1}).bytes());
  for (std::size_t size = 0; size < header.size(); ++size) {
    EXPECT_FALSE(decode_header(Bytes(header).first(size)));
  }
  EXPECT_FALSE(
      decode_header(CatalogValue(CatalogHeader{.next_tree = TreeId{2}, .trees = 2}).bytes()));
  EXPECT_FALSE(decode_number(header));
}

TEST(Catalog, AKindFromALaterVersionIsRefused) {  // CATALOG-2
  const TreeEntry entry{.id = TreeId{7}, .kind = 5, .name = "rows", .options = {}, .root = {}};
  const auto read = decode_tree(TreeId{7}, CatalogValue(entry).bytes());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Code::kUnsupportedVersion);
  EXPECT_EQ(read.error().rule(), "CATALOG-2");
}

TEST(Catalog, ListsAnyNumberOfTreesInTheOrderOfTheirNumbers) {
  EngineStore store({.access = pager::PageAccess::kPrivate, .frames = 64});
  {
    WriteTxn txn = value_of(store.engine().begin_write());
    for (int i = 0; i < 500; ++i) {
      value_of(txn.create_tree(bytes_of("tree" + std::to_string(i * 7 % 500))));
    }
    for (int i = 0; i < 500; i += 2) value_of(txn.drop_tree(TreeId(i + 1)));
    EXPECT_EQ(value_of(txn.trees()).size(), 250U);
    value_of(txn.commit());
  }
  store.kill();
  value_of(store.open());
  const auto trees = value_of(value_of(store.engine().snapshot()).trees());
  ASSERT_EQ(trees.size(), 250U);
  for (std::size_t i = 0; i < trees.size(); ++i) {
    EXPECT_EQ(to_u64(trees[i].id), 2 * i + 2);
    EXPECT_EQ(trees[i].name, "tree" + std::to_string((2 * i + 1) * 7 % 500));
  }
  WriteTxn txn = value_of(store.engine().begin_write());
  EXPECT_EQ(value_of(txn.create_tree(bytes_of("one more"))), TreeId{501});
}

// --- What operations of a log do -----------------------------------------------------------------

class Replay : public ::testing::Test {
 protected:
  Result<void> apply(const log::Operation& operation) {
    std::vector<std::byte> bytes(log::encoded_size(operation));
    Encoder out(bytes);
    log::encode(operation, out);
    return applier_.apply(bytes);
  }

  Code refused(const log::Operation& operation) {
    const auto applied = apply(operation);
    if (applied) return Code{255};
    EXPECT_EQ(applied.error().rule(), "APPLY-1");
    return applied.error().code();
  }

  EngineStore store_;
  pager::PageTxn pages_{value_of(pager::PageTxn::begin(store_.engine().pager(), TxnId{1}))};
  TreeSet trees_{store_.engine().pager(), pages_, {}};
  TreeSetTarget target_{trees_};
  Applier applier_{target_, operation_limits(store_.engine().limits())};
};

TEST_F(Replay, WhatCanNotBeDoneIsCorruption) {  // APPLY-1
  using log::OperationCode;
  const auto name = bytes_of("t");
  EXPECT_EQ(refused({.code = OperationCode::kCreateTree, .tree = 2, .key = name}),
            Code::kCorruption);
  value_of(apply({.code = OperationCode::kCreateTree, .tree = 1, .key = name}));
  EXPECT_EQ(refused({.code = OperationCode::kCreateTree, .tree = 2, .key = name}),
            Code::kCorruption);
  EXPECT_EQ(refused({.code = OperationCode::kPut, .tree = 2, .key = name, .value = name}),
            Code::kCorruption);
  EXPECT_EQ(refused({.code = OperationCode::kDelete, .tree = 9, .key = name}), Code::kCorruption);
  EXPECT_EQ(refused({.code = OperationCode::kDropTree, .tree = 9}), Code::kCorruption);
  EXPECT_EQ(refused({.code = OperationCode::kOwn, .tree = 1, .value = name}),
            Code::kUnsupportedVersion);
  value_of(apply({.code = OperationCode::kDelete, .tree = 1, .key = name}));
}

TEST_F(Replay, TheSameOperationsLeadToTheSameState) {  // APPLY-2
  using log::OperationCode;
  value_of(apply({.code = OperationCode::kCreateTree, .tree = 1, .key = bytes_of("t")}));
  for (int i = 0; i < 300; ++i) {
    const std::string key = std::to_string(i * 37 % 300);
    value_of(apply({.code = OperationCode::kPut,
                    .tree = 1,
                    .key = bytes_of(key),
                    .value = bytes_of(key + "v")}));
  }
  value_of(apply({.code = OperationCode::kDeleteRange,
                  .tree = 1,
                  .key = bytes_of("1"),
                  .value = bytes_of("2"),
                  .has_end = true}));
  const auto tree = value_of(trees_.writer(TreeId{1}))->tree();
  EXPECT_EQ(tree.count(), 300U - 111U);
  EXPECT_TRUE(value_of(tree.get(bytes_of("299"))));
  EXPECT_FALSE(value_of(tree.get(bytes_of("17"))));
  EXPECT_EQ(applier_.operations(), 302U);
}

}  // namespace
}  // namespace caisson::mvcc

// Method: each operation by itself, with what it refuses. That its states are those of a store is
// for replay_property_test.cc and rebuild_test.cc to find out.

#include "mvcc/memory_state.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "mvcc/testing/harness.h"

namespace caisson::mvcc {
namespace {

using testing::bytes_of;
using testing::value_of;

constexpr TreeId kTree{1};

MemoryState with_tree() {
  MemoryState state;
  value_of(state.create(kTree, kPlainTree, bytes_of("t"), bytes_of("options")));
  return state;
}

void put(MemoryState& state, const std::string& key, const std::string& value) {
  value_of(state.put(kTree, bytes_of(key), bytes_of(value)));
}

std::string keys_of(const MemoryState& state) {
  std::string keys;
  for (const auto& [key, value] : state.trees().at(kTree).entries) keys += key;
  return keys;
}

TEST(MemoryState, KeepsTreesByTheirNumbers) {
  MemoryState state = with_tree();
  value_of(state.create(TreeId{2}, kPlainTree, bytes_of("u"), {}));
  value_of(state.drop(kTree));
  EXPECT_EQ(state.next_tree(), TreeId{3});
  ASSERT_EQ(state.trees().size(), 1U);
  EXPECT_EQ(state.trees().at(TreeId{2}).name, "u");
  value_of(state.create(TreeId{3}, kPlainTree, bytes_of("t"), {}));  // The name is free again.
}

TEST(MemoryState, RefusesWhatCanNotBeDoneAndStaysAsItWas) {  // APPLY-1
  MemoryState state = with_tree();
  const Hash128 before = state.hash();
  const TreeId none{7};
  const Bytes x = bytes_of("x");
  EXPECT_EQ(state.create(TreeId{1}, kPlainTree, x, {}).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(state.create(TreeId{3}, kPlainTree, x, {}).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(state.create(TreeId{2}, kPlainTree, bytes_of("t"), {}).error().code(),
            Code::kAlreadyExists);
  EXPECT_EQ(state.create(TreeId{2}, 5, x, {}).error().code(), Code::kUnsupported);
  EXPECT_EQ(state.create(TreeId{2}, kPlainTree, {}, {}).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(state.drop(none).error().code(), Code::kNotFound);
  EXPECT_EQ(state.put(none, x, x).error().code(), Code::kNotFound);
  EXPECT_EQ(state.begin_value(none, x, 1).error().code(), Code::kNotFound);
  EXPECT_EQ(state.erase(none, x).error().code(), Code::kNotFound);
  EXPECT_EQ(state.erase_range(none, {}).error().code(), Code::kNotFound);
  EXPECT_EQ(state.hash(), before);
}

TEST(MemoryState, RemovesRanges) {
  const auto left = [](const btree::Range& range) {
    MemoryState state = with_tree();
    for (const char* key : {"a", "b", "c", "d"}) put(state, key, "v");
    value_of(state.erase_range(kTree, range));
    return keys_of(state);
  };
  EXPECT_EQ(left({}), "");
  EXPECT_EQ(left({bytes_of("b"), bytes_of("d")}), "ad");
  EXPECT_EQ(left({bytes_of("b"), std::nullopt}), "a");
  EXPECT_EQ(left({bytes_of("bb"), bytes_of("cc")}), "abd");
  EXPECT_EQ(left({bytes_of("c"), bytes_of("c")}), "abcd");
  EXPECT_EQ(left({bytes_of("d"), bytes_of("b")}), "abcd");  // It ends before it begins.
}

TEST(MemoryState, OrdersKeysByTheirUnsignedBytes) {
  MemoryState state = with_tree();
  for (const char* key : {"\x7F", "\x80", "\x01", "\xFF"}) put(state, key, "");
  EXPECT_EQ(keys_of(state), "\x01\x7F\x80\xFF");
}

TEST(MemoryState, TakesValuesInPieces) {
  MemoryState state = with_tree();
  put(state, "k", "old");
  value_of(state.begin_value(kTree, bytes_of("k"), 6));
  value_of(state.append_piece(bytes_of("one")));
  EXPECT_EQ(state.trees().at(kTree).entries.at("k"), "old");  // Not before it is whole.
  value_of(state.append_piece(bytes_of("two")));
  value_of(state.finish_value());
  EXPECT_EQ(state.trees().at(kTree).entries.at("k"), "onetwo");
}

TEST(MemoryState, CountsTheBytesOfKeysAndValues) {
  MemoryState state = with_tree();
  put(state, "key", "value");
  put(state, "key", "new");
  put(state, "other", "");
  EXPECT_EQ(state.bytes(), 3U + 3U + 5U);
  value_of(state.begin_value(kTree, bytes_of("k"), 100));
  value_of(state.append_piece(bytes_of("1234")));
  EXPECT_EQ(state.bytes(), 11U + 4U);
  value_of(state.append_piece(bytes_of("56")));
  value_of(state.finish_value());
  EXPECT_EQ(state.bytes(), 11U + 1U + 6U);
  value_of(state.erase(kTree, bytes_of("key")));
  value_of(state.erase(kTree, bytes_of("key")));
  EXPECT_EQ(state.bytes(), 5U + 7U);
  MemoryState moved = std::move(state);
  value_of(moved.drop(kTree));
  EXPECT_EQ(moved.bytes(), 0U);
}

}  // namespace
}  // namespace caisson::mvcc

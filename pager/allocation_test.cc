// Method: blobs are written by hand, byte by byte, from spec/pages.md, section 4. One rule is
// broken at a time, and the error has to name it. Random states: allocation_property_test.cc.

#include "pager/allocation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

#include "base/codec.h"

namespace caisson::pager {
namespace {

constexpr AllocationBounds kBounds{.first_page = PageId{32}, .page_count = 1000, .txn = TxnId{50}};

std::vector<std::byte> bytes(std::initializer_list<unsigned> values) {
  std::vector<std::byte> result;
  for (const unsigned value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

void expect_refused(Bytes blob, const char* rule, const AllocationBounds& bounds = kBounds) {
  const auto state = decode_allocation(blob, bounds);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().rule(), rule) << state.error().to_string();
  EXPECT_EQ(state.error().code(), Code::kCorruption);
}

// Free 32-33 and 40; dead 34-36 (birth 2, death 5), 37 (3, 5), 300-399 (49, 50); earlier 38.
const std::vector<std::byte> kBlob =
    bytes({2, 0, 2, 6, 1,                                      // Free.
           3, 2, 3, 2, 3, 0, 1, 3, 2, 0x86, 0x02, 100, 49, 1,  // Dead: gap 262.
           1, 6, 1});                                          // Earlier.

AllocationState state_of_blob() {
  return {.free = {{PageId{32}, 2}, {PageId{40}, 1}},
          .dead = {{{PageId{34}, 3}, TxnId{2}, TxnId{5}},
                   {{PageId{37}, 1}, TxnId{3}, TxnId{5}},
                   {{PageId{300}, 100}, TxnId{49}, TxnId{50}}},
          .earlier_blob = {{PageId{38}, 1}}};
}

TEST(Allocation, ReadsTheBytesOfTheSpec) {
  const auto state = decode_allocation(kBlob, kBounds);
  ASSERT_TRUE(state) << state.error().to_string();
  EXPECT_EQ(*state, state_of_blob());
}

TEST(Allocation, WritesTheBytesOfTheSpec) {
  EXPECT_EQ(encode_allocation(state_of_blob(), PageId{32}), kBlob);
}

TEST(Allocation, TakesThreeBytesToSayNothing) {
  EXPECT_EQ(encode_allocation({}, PageId{32}), bytes({0, 0, 0}));
  EXPECT_EQ(decode_allocation(bytes({0, 0, 0}), kBounds), AllocationState{});
  EXPECT_TRUE(AllocationState{}.empty());
  EXPECT_FALSE(state_of_blob().empty());
}

TEST(Allocation, RefusesABlobThatIsCutOffAnywhere) {  // ALLOC-1
  for (std::size_t size = 0; size < kBlob.size(); ++size) {
    expect_refused(Bytes(kBlob).first(size), "ALLOC-1");
  }
}

TEST(Allocation, TakesWhatFollowsTheLastListForTheAttachment) {
  auto blob = kBlob;
  blob.push_back(std::byte{7});
  const auto read = decode_allocation(blob, kBounds);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->attachment, bytes({7}));
  EXPECT_EQ(encode_allocation(*read, kBounds.first_page), blob);
  EXPECT_FALSE(read->empty());
}

TEST(Allocation, RefusesVarintsThatAreNotWhole) {  // ALLOC-1
  expect_refused(bytes({0x80, 0, 0, 0}), "ALLOC-1");
  expect_refused(bytes({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 0}), "ALLOC-1");
  expect_refused(bytes({1, 0x80}), "ALLOC-1");
}

TEST(Allocation, RefusesCountsBeyondTheBlobBeforeTakingMemory) {  // ALLOC-1
  expect_refused(bytes({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 0}), "ALLOC-1");
  expect_refused(bytes({0, 0xFF, 0xFF, 0xFF, 0x7F, 0}), "ALLOC-1");
  expect_refused(bytes({2, 0, 1, 0}), "ALLOC-1");
}

TEST(Allocation, RefusesRunsThatAreEmptyOrOutOfRange) {  // ALLOC-2
  expect_refused(bytes({1, 0, 0, 0, 0}), "ALLOC-2");
  const std::uint64_t pages = kBounds.page_count - 32;
  ASSERT_EQ(pages, 968U);  // 0xC8 0x07.
  EXPECT_TRUE(decode_allocation(bytes({1, 0, 0xC8, 0x07, 0, 0}), kBounds));
  expect_refused(bytes({1, 0, 0xC9, 0x07, 0, 0}), "ALLOC-2");
  EXPECT_TRUE(decode_allocation(bytes({1, 0xC7, 0x07, 1, 0, 0}), kBounds));
  expect_refused(bytes({1, 0xC8, 0x07, 1, 0, 0}), "ALLOC-2");
  expect_refused(bytes({1, 0xC7, 0x07, 2, 0, 0}), "ALLOC-2");
}

TEST(Allocation, RefusesRunsThatWrapAround) {  // ALLOC-2
  const auto max = bytes({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1});
  for (const bool gap : {true, false}) {
    auto blob = bytes({1});
    if (!gap) blob.push_back(std::byte{5});
    blob.insert(blob.end(), max.begin(), max.end());
    if (gap) blob.push_back(std::byte{1});
    blob.push_back(std::byte{0});
    blob.push_back(std::byte{0});
    expect_refused(blob, "ALLOC-2");
  }
}

TEST(Allocation, RefusesEverythingInAFileWithoutPages) {  // ALLOC-2
  const AllocationBounds none{.first_page = PageId{32}, .page_count = 32, .txn = TxnId{50}};
  EXPECT_TRUE(decode_allocation(bytes({0, 0, 0}), none));
  expect_refused(bytes({1, 0, 1, 0, 0}), "ALLOC-2", none);
}

TEST(Allocation, RefusesRunsThatCouldBeOne) {  // ALLOC-2
  expect_refused(bytes({2, 0, 1, 0, 1, 0, 0}), "ALLOC-2");
  expect_refused(bytes({0, 0, 2, 0, 1, 0, 1}), "ALLOC-2");
  expect_refused(bytes({0, 2, 0, 1, 1, 1, 0, 1, 1, 1, 0}), "ALLOC-2");
  // Those that differ in birth, or in death, are two.
  EXPECT_TRUE(decode_allocation(bytes({0, 2, 0, 1, 1, 2, 0, 1, 2, 1, 0}), kBounds));
  EXPECT_TRUE(decode_allocation(bytes({0, 2, 0, 1, 1, 1, 0, 1, 1, 2, 0}), kBounds));
}

TEST(Allocation, RefusesAPageInTwoLists) {  // ALLOC-3
  const auto state = decode_allocation(bytes({1, 0, 3, 1, 2, 1, 1, 1, 0}), kBounds);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().rule(), "ALLOC-3");
  EXPECT_EQ(state.error().page(), 34U);
  expect_refused(bytes({1, 0, 3, 0, 1, 0, 1}), "ALLOC-3");
  expect_refused(bytes({0, 1, 0, 9, 1, 1, 1, 8, 1}), "ALLOC-3");
  // A long run before several short ones.
  expect_refused(bytes({1, 0, 100, 0, 2, 5, 1, 2, 1}), "ALLOC-3");
}

TEST(Allocation, RefusesLivesThatCannotHaveBeen) {  // ALLOC-4
  EXPECT_TRUE(decode_allocation(bytes({0, 1, 0, 1, 49, 1, 0}), kBounds));
  EXPECT_TRUE(decode_allocation(bytes({0, 1, 0, 1, 1, 49, 0}), kBounds));
  expect_refused(bytes({0, 1, 0, 1, 0, 1, 0}), "ALLOC-4");
  expect_refused(bytes({0, 1, 0, 1, 5, 0, 0}), "ALLOC-4");
  expect_refused(bytes({0, 1, 0, 1, 49, 2, 0}), "ALLOC-4");
  expect_refused(bytes({0, 1, 0, 1, 50, 1, 0}), "ALLOC-4");
  expect_refused(bytes({0, 1, 0, 1, 51, 1, 0}), "ALLOC-4");
  expect_refused(bytes({0, 1, 0, 1, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0}),
                 "ALLOC-4");
}

}  // namespace
}  // namespace caisson::pager

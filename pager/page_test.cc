// Method: a page is written by hand at the offsets of spec/pages.md, section 3, and its checksum
// computed here. One rule is broken at a time, with a right checksum wherever the rule isn't about
// that, and the error has to name page and rule. A page whose CRC is 0 is among the golden files.

#include "pager/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/codec.h"
#include "base/crc32c.h"

namespace caisson::pager {
namespace {

constexpr PageId kId{0x0807060504030201};
constexpr TxnId kTxn{0x1817161514131211};

Uuid uuid_from(unsigned first) {
  Uuid uuid;
  for (std::size_t i = 0; i < 16; ++i) uuid.bytes[i] = static_cast<std::byte>(first + i);
  return uuid;
}

const std::uint32_t kSeed = page_checksum_seed(uuid_from(1));

void put_checksum(std::vector<std::byte>& page) {
  const Uuid uuid = uuid_from(1);
  std::vector<std::byte> covered(uuid.bytes.begin(), uuid.bytes.end());
  covered.insert(covered.end(), page.begin() + 4, page.end());
  store_u32(page.data(), crc32c(covered));
}

std::vector<std::byte> valid_page(std::size_t size = 4096) {
  std::vector<std::byte> page(size);
  page[4] = std::byte{200};  // Type.
  page[5] = std::byte{3};    // Level.
  page[6] = std::byte{1};    // Version.
  for (std::size_t i = 0; i < 8; ++i) {
    page[8 + i] = static_cast<std::byte>(0x01 + i);
    page[16 + i] = static_cast<std::byte>(0x11 + i);
  }
  for (std::size_t i = 72; i < size; ++i) page[i] = static_cast<std::byte>(i * 7);
  put_checksum(page);
  return page;
}

PageExpectation expected(std::uint32_t checksum = 0) {
  return {.id = kId, .checksum = checksum, .txn_max = kTxn};
}

void expect_refused(Bytes page, const PageExpectation& expectation, const char* rule) {
  const auto checked = check_page(kSeed, page, expectation);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().rule(), rule) << checked.error().to_string();
  EXPECT_EQ(checked.error().code(), Code::kCorruption);
  EXPECT_EQ(checked.error().page(), to_u64(expectation.id));
  EXPECT_FALSE(checked.error().advice().empty());
}

TEST(Page, IsBelievedWhenItKeepsEveryRule) {
  for (const std::size_t size : {4096U, 8192U, 16384U, 32768U, 65536U}) {
    const auto page = valid_page(size);
    EXPECT_TRUE(check_page(kSeed, page, expected()));
    EXPECT_TRUE(check_page(kSeed, page, expected(load_u32(page.data()))));
  }
}

TEST(Page, HasItsHeaderFieldsInTheirPlaces) {
  const auto page = valid_page();
  const PageHeader header = read_header(page.data());
  EXPECT_EQ(header.type, PageType{200});
  EXPECT_EQ(header.level, 3);
  EXPECT_EQ(header.id, kId);
  EXPECT_EQ(header.txn, kTxn);
  EXPECT_EQ(stored_checksum(page.data()), load_u32(page.data()));
}

TEST(Page, GetsAHeaderThatClearsWhatWasThere) {
  std::vector<std::byte> page(4096, std::byte{0xEE});
  write_header({.type = PageType{200}, .level = 3, .id = kId, .txn = kTxn}, page);
  const auto wanted = valid_page();
  EXPECT_EQ(load_u32(page.data()), 0U);
  EXPECT_TRUE(std::equal(page.begin() + 4, page.begin() + kPageHeaderSize, wanted.begin() + 4));
  EXPECT_EQ(page[kPageHeaderSize], std::byte{0xEE});
}

TEST(Page, HasAPageSizeFromTheListAndAFirstIdBehindTheMetas) {  // FILE-1
  for (std::uint64_t size = 0; size <= 140000; ++size) {
    const bool valid =
        size == 4096 || size == 8192 || size == 16384 || size == 32768 || size == 65536;
    ASSERT_EQ(valid_page_size(size), valid) << size;
    if (!valid) continue;
    EXPECT_EQ(to_u64(first_page(static_cast<std::uint32_t>(size))) * size, 131072U);
  }
  EXPECT_FALSE(valid_page_size((std::uint64_t{1} << 32U) + 4096));
}

TEST(Page, RefusesEverySingleBitFlip) {  // PAGE-1
  auto page = valid_page();
  for (std::size_t bit = 0; bit < page.size() * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1U << (bit % 8));
    page[bit / 8] ^= mask;
    const auto checked = check_page(kSeed, page, expected());
    ASSERT_FALSE(checked) << "bit " << bit;
    ASSERT_EQ(checked.error().rule(), "PAGE-1") << "bit " << bit;
    page[bit / 8] ^= mask;
  }
}

TEST(Page, IsNeverAllZeros) {  // PAGE-1
  const std::vector<std::byte> zeros(4096);
  const auto checked = check_page(kSeed, zeros, {});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().rule(), "PAGE-1");
  EXPECT_THAT(checked.error().message(), ::testing::HasSubstr("all zeros"));
}

TEST(Page, BelongsToOneStore) {  // PAGE-1
  const auto checked = check_page(page_checksum_seed(uuid_from(2)), valid_page(), expected());
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().rule(), "PAGE-1");
}

TEST(Page, BelongsToOnePlace) {  // PAGE-2
  PageExpectation elsewhere = expected();
  elsewhere.id = PageId{to_u64(kId) + 1};
  expect_refused(valid_page(), elsewhere, "PAGE-2");
}

TEST(Page, HasAKnownTypeAndVersionAndNothingInReserve) {  // PAGE-3
  auto page = valid_page();
  page[4] = std::byte{0};
  put_checksum(page);
  expect_refused(page, expected(), "PAGE-3");
  for (const unsigned version : {0U, 2U, 0x0101U, 0xFFFFU}) {
    page = valid_page();
    store_u16(page.data() + 6, static_cast<std::uint16_t>(version));
    put_checksum(page);
    expect_refused(page, expected(), "PAGE-3");
  }
  for (std::size_t offset = 24; offset < 72; ++offset) {
    page = valid_page();
    page[offset] = std::byte{0x80};
    put_checksum(page);
    expect_refused(page, expected(), "PAGE-3");
  }
}

TEST(Page, MayHaveEveryTypeButZeroAndEveryLevel) {
  for (unsigned value = 0; value < 256; ++value) {
    auto page = valid_page();
    page[4] = static_cast<std::byte>(value == 0 ? 1 : value);
    page[5] = static_cast<std::byte>(value);
    put_checksum(page);
    EXPECT_TRUE(check_page(kSeed, page, expected())) << value;
  }
}

TEST(Page, IsTheVersionThatItsParentNames) {  // PAGE-4
  const auto page = valid_page();
  expect_refused(page, expected(load_u32(page.data()) + 1), "PAGE-4");
}

TEST(Page, IsNotLaterThanWhereItIsReachedFrom) {  // PAGE-5
  PageExpectation earlier = expected();
  earlier.txn_max = TxnId{to_u64(kTxn) - 1};
  expect_refused(valid_page(), earlier, "PAGE-5");
}

TEST(Page, WasMadeBySomeTransactionUnlessItIsABlobs) {  // PAGE-5
  auto page = valid_page();
  store_u64(page.data() + 16, 0);
  put_checksum(page);
  expect_refused(page, expected(), "PAGE-5");
  page[4] = static_cast<std::byte>(PageType::kAllocation);
  put_checksum(page);
  EXPECT_TRUE(check_page(kSeed, page, expected()));
}

TEST(Page, ReportsTheMostTellingRuleWhereSeveralAreBroken) {
  // A page of another place is also another version; the place is what explains it.
  PageExpectation wrong{.id = PageId{1}, .checksum = 1, .txn_max = TxnId{0}};
  auto page = valid_page();
  expect_refused(page, wrong, "PAGE-2");
  wrong.id = kId;
  expect_refused(page, wrong, "PAGE-4");
  page[100] ^= std::byte{1};
  expect_refused(page, wrong, "PAGE-1");
}

}  // namespace
}  // namespace caisson::pager

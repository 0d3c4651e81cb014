// Method: a block is written by hand, field by field at the offsets of spec/pages.md, with other
// bytes in every field; its checksum is computed here, too. One rule is broken at a time, with a
// right checksum wherever the rule isn't about that, and the error has to name place and rule.
// Files with the same faults, from another implementation: golden_test.cc.

#include "pager/meta.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/crc32c.h"

namespace caisson::pager {
namespace {

constexpr std::size_t kFieldsEnd = 168;

void put_u32(MetaBlock& block, std::size_t offset, std::uint32_t value) {
  store_u32(block.data() + offset, value);
}

void put_u64(MetaBlock& block, std::size_t offset, std::uint64_t value) {
  store_u64(block.data() + offset, value);
}

void put_checksum(MetaBlock& block) {
  put_u32(block, 8, 0);
  put_u32(block, 8, crc32c(block));
}

// A whole Meta B with every field in use.
MetaBlock valid_block() {
  MetaBlock block{};
  constexpr std::string_view kMagic = "CAISSONp";
  for (std::size_t i = 0; i < 8; ++i) block[i] = static_cast<std::byte>(kMagic[i]);
  put_u32(block, 12, 1);  // Version.
  for (std::size_t i = 0; i < 16; ++i) block[16 + i] = static_cast<std::byte>(0xA0 + i);
  put_u32(block, 32, 1);                    // Slot.
  put_u32(block, 36, 8192);                 // Page size.
  put_u64(block, 40, 0x1112131415161718);   // Sequence.
  put_u64(block, 48, 0x2122232425262728);   // Txn.
  put_u64(block, 56, 0x3132);               // Root page,
  put_u32(block, 64, 0x41424344);           // and its checksum.
  put_u32(block, 68, 0x51525354);           // Apply version.
  put_u64(block, 72, 0x616263646566);       // Page count.
  put_u64(block, 80, 0x7172);               // Allocation page,
  put_u32(block, 88, 0x81828384);           // its checksum,
  put_u32(block, 92, 2);                    // how many pages,
  put_u64(block, 96, 8105);                 // and bytes: one more than a page holds.
  put_u64(block, 104, 0x9192939495969798);  // Log file,
  put_u64(block, 112, 0xA1A2A3A4A5A6A7A8);  // offset,
  put_u64(block, 120, 0xB1B2B3B4B5B6B7B8);  // hash, low
  put_u64(block, 128, 0xC1C2C3C4C5C6C7C8);  // and high,
  put_u32(block, 136, 0xD1D2D3D4);          // record checksum.
  put_u32(block, 140, 0x00000304);          // Key limit,
  put_u64(block, 144, 0x000000F4F5F6F7F8);  // value limit,
  put_u32(block, 152, 0x0000003C);          // height limit.
  put_u32(block, 156, 0);                   // Required features.
  put_u64(block, 160, 0x0A0B0C0D0E0F0102);  // Log epoch.
  put_checksum(block);
  return block;
}

Meta valid_meta() {
  Meta meta;
  for (std::size_t i = 0; i < 16; ++i) meta.uuid.bytes[i] = static_cast<std::byte>(0xA0 + i);
  meta.slot = MetaSlot::kB;
  meta.page_size = 8192;
  meta.sequence = 0x1112131415161718;
  meta.txn = TxnId{0x2122232425262728};
  meta.root = {PageId{0x3132}, 0x41424344};
  meta.apply_version = 0x51525354;
  meta.page_count = 0x616263646566;
  meta.allocation = {{PageId{0x7172}, 0x81828384}, 2, 8105};
  meta.log = {.file = 0x9192939495969798,
              .offset = 0xA1A2A3A4A5A6A7A8,
              .epoch = 0x0A0B0C0D0E0F0102,
              .record_checksum = 0xD1D2D3D4,
              .hash = {.low = 0xB1B2B3B4B5B6B7B8, .high = 0xC1C2C3C4C5C6C7C8}};
  meta.limits = {0x00000304, 0x000000F4F5F6F7F8, 0x0000003C};
  return meta;
}

// The block with one field changed and the checksum right.
MetaBlock with_u32(std::size_t offset, std::uint32_t value) {
  MetaBlock block = valid_block();
  put_u32(block, offset, value);
  put_checksum(block);
  return block;
}

MetaBlock with_u64(std::size_t offset, std::uint64_t value) {
  MetaBlock block = valid_block();
  put_u64(block, offset, value);
  put_checksum(block);
  return block;
}

void expect_refused(Bytes block, const char* rule, Code code = Code::kCorruption,
                    MetaSlot slot = MetaSlot::kB) {
  const auto meta = decode_meta(slot, block);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().rule(), rule) << meta.error().to_string();
  EXPECT_EQ(meta.error().code(), code) << meta.error().to_string();
  EXPECT_EQ(meta.error().offset(), meta_offset(slot));
  EXPECT_THAT(meta.error().message(), ::testing::HasSubstr(to_string(slot)));
}

TEST(Meta, ReadsEveryFieldFromItsPlace) {
  const auto meta = decode_meta(MetaSlot::kB, valid_block());
  ASSERT_TRUE(meta) << meta.error().to_string();
  EXPECT_EQ(*meta, valid_meta());
}

TEST(Meta, WritesEveryFieldToItsPlace) { EXPECT_EQ(encode_meta(valid_meta()), valid_block()); }

TEST(Meta, LiesAtTheSamePlaceForEveryPageSize) {
  EXPECT_EQ(meta_offset(MetaSlot::kA), 0U);
  EXPECT_EQ(meta_offset(MetaSlot::kB), 65536U);
  EXPECT_EQ(other(MetaSlot::kA), MetaSlot::kB);
  EXPECT_EQ(other(MetaSlot::kB), MetaSlot::kA);
}

TEST(Meta, RefusesEverySingleBitFlip) {  // META-1, and META-2 within the magic.
  MetaBlock block = valid_block();
  for (std::size_t bit = 0; bit < block.size() * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1U << (bit % 8));
    block[bit / 8] ^= mask;
    const auto meta = decode_meta(MetaSlot::kB, block);
    ASSERT_FALSE(meta) << "bit " << bit;
    ASSERT_EQ(meta.error().rule(), bit < 64 ? "META-2" : "META-1") << "bit " << bit;
    block[bit / 8] ^= mask;
  }
}

TEST(Meta, RefusesABlockOfAnyOtherSize) {  // META-1
  const MetaBlock block = valid_block();
  for (std::size_t size = 0; size < block.size(); ++size) {
    expect_refused(Bytes(block).first(size), "META-1");
  }
  std::vector<std::byte> longer(block.begin(), block.end());
  longer.push_back(std::byte{0});
  expect_refused(longer, "META-1");
}

TEST(Meta, ChecksTheChecksumBeforeTheVersion) {  // META-1
  MetaBlock block = valid_block();
  put_u32(block, 12, 2);
  expect_refused(block, "META-1");
}

TEST(Meta, RefusesAnotherMagicAndSaysIfThereIsNothing) {  // META-2
  MetaBlock block = valid_block();
  block[7] = std::byte{'l'};
  put_checksum(block);
  expect_refused(block, "META-2");
  const MetaBlock zeros{};
  expect_refused(zeros, "META-2");
  EXPECT_THAT(decode_meta(MetaSlot::kB, zeros).error().message(),
              ::testing::HasSubstr("all zeros"));
}

TEST(Meta, TellsALaterVersionFromDamage) {  // META-3
  for (const std::uint32_t version : {2U, 0x100U, 0xFFFFFFFFU}) {
    expect_refused(with_u32(12, version), "META-3", Code::kUnsupportedVersion);
  }
  expect_refused(with_u32(12, 0), "META-3");
}

TEST(Meta, KnowsNoRequiredFeature) {  // META-3
  for (unsigned bit = 0; bit < 32; ++bit) {
    expect_refused(with_u32(156, 1U << bit), "META-3", Code::kUnsupportedVersion);
  }
}

TEST(Meta, ReportsALaterVersionWhateverElseItMayHaveChanged) {  // META-3
  MetaBlock block = valid_block();
  put_u32(block, 12, 2);
  for (std::size_t i = 16; i < block.size(); ++i) block[i] = std::byte{0xFF};
  put_checksum(block);
  expect_refused(block, "META-3", Code::kUnsupportedVersion);
}

TEST(Meta, BelongsToTheSlotThatItNames) {  // META-4
  expect_refused(valid_block(), "META-4", Code::kCorruption, MetaSlot::kA);
  for (const std::uint32_t slot : {0U, 2U, 257U, 0xFFFFFFFFU}) {
    expect_refused(with_u32(32, slot), "META-4");
  }
}

TEST(Meta, HasAPageSizeFromTheList) {  // META-5, FILE-1
  for (const std::uint32_t size :
       {0U, 1U, 2048U, 4095U, 4097U, 6144U, 12288U, 65535U, 131072U, 0x80000000U}) {
    expect_refused(with_u32(36, size), "META-5");
  }
  for (const std::uint32_t size : {4096U, 8192U, 16384U, 32768U, 65536U}) {
    Meta meta = valid_meta();
    meta.page_size = size;
    meta.limits.key_size_max = key_limit_max(size);
    meta.allocation.size_bytes = allocation_bytes_per_page(size) + 1;
    EXPECT_TRUE(decode_meta(MetaSlot::kB, encode_meta(meta))) << size;
  }
}

TEST(Meta, HasASequenceInRange) {  // META-5
  expect_refused(with_u64(40, 0), "META-5");
  expect_refused(with_u64(40, kSequenceMax + 1), "META-5");
  expect_refused(with_u64(40, ~std::uint64_t{0}), "META-5");
  EXPECT_TRUE(decode_meta(MetaSlot::kB, with_u64(40, 1)));
  EXPECT_TRUE(decode_meta(MetaSlot::kB, with_u64(40, kSequenceMax)));
}

TEST(Meta, HasAPageCountInRange) {  // META-5
  Meta empty = valid_meta();
  empty.root = {};
  empty.allocation = {};
  for (const std::uint32_t size : {4096U, 8192U, 16384U, 32768U, 65536U}) {
    empty.page_size = size;
    empty.limits.key_size_max = key_limit_max(size);
    empty.page_count = to_u64(first_page(size));
    EXPECT_TRUE(decode_meta(MetaSlot::kB, encode_meta(empty))) << size;
    --empty.page_count;
    expect_refused(encode_meta(empty), "META-5");
  }
  EXPECT_TRUE(decode_meta(MetaSlot::kB, with_u64(72, kPageCountMax)));
  expect_refused(with_u64(72, kPageCountMax + 1), "META-5");
  expect_refused(with_u64(72, ~std::uint64_t{0}), "META-5");
}

TEST(Meta, NamesPagesWithinTheFile) {  // META-5, PAGE-6
  const std::uint64_t first = to_u64(first_page(8192));
  const std::uint64_t end = valid_meta().page_count;
  for (const std::size_t field : {56U, 80U}) {
    for (const std::uint64_t id : {std::uint64_t{1}, first - 1, end, end + 1, ~std::uint64_t{0}}) {
      expect_refused(with_u64(field, id), "META-5");
    }
    EXPECT_TRUE(decode_meta(MetaSlot::kB, with_u64(field, first)));
    EXPECT_TRUE(decode_meta(MetaSlot::kB, with_u64(field, end - 1)));
  }
}

TEST(Meta, HasAChecksumForAPageAndForNothingElse) {  // META-5
  expect_refused(with_u32(64, 0), "META-5");
  expect_refused(with_u64(56, 0), "META-5");
  expect_refused(with_u32(88, 0), "META-5");
  expect_refused(with_u64(80, 0), "META-5");
}

TEST(Meta, HasABlobThatItsPagesCanHold) {  // META-5
  const std::uint64_t per_page = allocation_bytes_per_page(8192);
  ASSERT_EQ(per_page, 8192U - 88U);
  const auto decodes = [](std::uint32_t pages, std::uint64_t size) {
    MetaBlock block = valid_block();
    put_u32(block, 92, pages);
    put_u64(block, 96, size);
    put_checksum(block);
    const auto meta = decode_meta(MetaSlot::kB, block);
    EXPECT_TRUE(meta || meta.error().rule() == "META-5");
    return meta.has_value();
  };
  EXPECT_FALSE(decodes(0, 0));
  EXPECT_FALSE(decodes(0, 1));
  EXPECT_FALSE(decodes(1, 0));
  EXPECT_TRUE(decodes(1, 1));
  EXPECT_TRUE(decodes(1, per_page));
  EXPECT_FALSE(decodes(1, per_page + 1));
  EXPECT_TRUE(decodes(2, 1));
  EXPECT_FALSE(decodes(3, per_page));
  EXPECT_TRUE(decodes(3, per_page + 1));
  EXPECT_FALSE(decodes(4, 2 * per_page));
  // A size that a product of 32 bits would wrap around to.
  EXPECT_FALSE(decodes(1, (std::uint64_t{1} << 32U) + 1));
  EXPECT_FALSE(decodes(0xFFFFFFFFU, ~std::uint64_t{0}));
}

TEST(Meta, HasNoBlobPagesWithoutABlob) {  // META-5
  Meta meta = valid_meta();
  meta.allocation = {};
  EXPECT_TRUE(decode_meta(MetaSlot::kB, encode_meta(meta)));
  meta.allocation.page_count = 1;
  expect_refused(encode_meta(meta), "META-5");
  meta.allocation = {};
  meta.allocation.size_bytes = 1;
  expect_refused(encode_meta(meta), "META-5");
}

TEST(Meta, HasNoByteThatNoFieldUses) {  // META-5
  for (std::size_t offset = kFieldsEnd; offset < kMetaSize; ++offset) {
    MetaBlock block = valid_block();
    block[offset] = std::byte{0x80};
    put_checksum(block);
    expect_refused(block, "META-5");
  }
}

TEST(Meta, HasLimitsInRange) {  // META-5
  constexpr std::uint64_t kValueMax = std::uint64_t{1} << 40;
  const std::uint32_t key_max = decode_meta(MetaSlot::kB, valid_block())->page_size / 8;
  for (const auto& [offset, least, most] :
       {std::tuple{140U, 1U, key_max}, std::tuple{152U, 1U, 63U}}) {
    EXPECT_TRUE(decode_meta(MetaSlot::kB, with_u32(offset, least))) << offset;
    EXPECT_TRUE(decode_meta(MetaSlot::kB, with_u32(offset, most))) << offset;
    EXPECT_FALSE(decode_meta(MetaSlot::kB, with_u32(offset, least - 1))) << offset;
    EXPECT_FALSE(decode_meta(MetaSlot::kB, with_u32(offset, most + 1))) << offset;
  }
  EXPECT_TRUE(decode_meta(MetaSlot::kB, with_u64(144, kValueMax)));
  EXPECT_FALSE(decode_meta(MetaSlot::kB, with_u64(144, kValueMax + 1)));
  EXPECT_FALSE(decode_meta(MetaSlot::kB, with_u64(144, 0)));
}

TEST(Meta, TakesAnythingInTheFieldsOfOthers) {
  // The log's place belongs to modules above; the meta only keeps it.
  for (const std::size_t offset : {68U, 136U}) {
    for (const std::uint32_t value : {0U, 0xFFFFFFFFU}) {
      EXPECT_TRUE(decode_meta(MetaSlot::kB, with_u32(offset, value))) << offset;
    }
  }
  for (const std::size_t offset : {48U, 104U, 112U, 120U, 128U, 160U}) {
    for (const std::uint64_t value : {std::uint64_t{0}, ~std::uint64_t{0}}) {
      EXPECT_TRUE(decode_meta(MetaSlot::kB, with_u64(offset, value))) << offset;
    }
  }
}

}  // namespace
}  // namespace caisson::pager

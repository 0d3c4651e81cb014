// Method: bytes written by hand, never by the code under test, go through the decoder; each way
// of being wrong gets a test that expects the kind of failure, its position and its sizes. The
// encoder is compared with bytes written by hand. Round trips over random values are in
// codec_property_test.cc.

#include "base/codec.h"

#include <gtest/gtest.h>

#include <cstring>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

namespace caisson {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

constexpr std::uint64_t kU64Max = std::numeric_limits<std::uint64_t>::max();

TEST(LoadAndStore, AreLittleEndianAtEveryAlignment) {
  const auto source = bytes_of({1, 2, 3, 4, 5, 6, 7, 8});
  for (std::size_t offset = 0; offset < 16; ++offset) {
    std::vector<std::byte> buffer(offset + 8);
    std::memcpy(buffer.data() + offset, source.data(), 8);
    EXPECT_EQ(load_u16(buffer.data() + offset), 0x0201);
    EXPECT_EQ(load_u32(buffer.data() + offset), 0x04030201u);
    EXPECT_EQ(load_u64(buffer.data() + offset), 0x0807060504030201u);

    std::vector<std::byte> stored(offset + 8);
    store_u64(stored.data() + offset, 0x0807060504030201);
    EXPECT_EQ(stored, buffer);
    store_u32(stored.data() + offset, 0);
    store_u16(stored.data() + offset + 4, 0);
    EXPECT_EQ(load_u64(stored.data() + offset), 0x0807000000000000u);
  }
}

TEST(AllZero, SeesASingleSetBitAtEveryPlaceOfEverySize) {
  EXPECT_TRUE(all_zero({}));
  for (std::size_t size = 1; size <= 200; ++size) {
    std::vector<std::byte> bytes(size);
    EXPECT_TRUE(all_zero(bytes)) << size;
    for (std::size_t i = 0; i < size; ++i) {
      bytes[i] = static_cast<std::byte>(1 << (i % 8));
      EXPECT_FALSE(all_zero(bytes)) << i << " of " << size;
      bytes[i] = std::byte{0};
    }
  }
}

TEST(Decoder, ReadsEachKindInOrder) {
  const auto input = bytes_of({0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,        // 1 + 2 + 4
                               0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,  // 8
                               0xe5, 0x8e, 0x26,                                // varint
                               0xaa, 0xbb,                                      // bytes
                               0,    1,    2,    3,    4,    5,    6,    7,
                               8,    9,    10,   11,   12,   13,   14,   15,  // uuid
                               0,    0,    0});                               // zeros
  Decoder decoder(input);
  EXPECT_EQ(decoder.u8(), 0x01);
  EXPECT_EQ(decoder.u16(), 0x0302);
  EXPECT_EQ(decoder.u32(), 0x07060504u);
  EXPECT_EQ(decoder.u64(), 0x0f0e0d0c0b0a0908u);
  EXPECT_EQ(decoder.varint(), 624485u);
  const Bytes borrowed = decoder.bytes(2);
  EXPECT_EQ(borrowed.data(), input.data() + 18);
  EXPECT_EQ(borrowed.size(), 2u);
  const Uuid uuid = decoder.uuid();
  for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(uuid.bytes[i], static_cast<std::byte>(i));
  EXPECT_EQ(decoder.position(), 36u);
  EXPECT_EQ(decoder.remaining(), 3u);
  decoder.zeros(3);
  EXPECT_TRUE(decoder.ok());
  EXPECT_TRUE(decoder.status());
  EXPECT_TRUE(decoder.finish());
}

TEST(Decoder, NamesThePlaceWhereTheBytesEndAndHowManyItWanted) {
  const auto input = bytes_of({1, 2, 3, 4, 5});
  Decoder decoder(input);
  EXPECT_EQ(decoder.u16(), 0x0201);
  EXPECT_EQ(decoder.u64(), 0u);
  EXPECT_FALSE(decoder.ok());
  const Result<void> status = decoder.status();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Code::kCorruption);
  EXPECT_EQ(status.error().message(), "bytes end early at byte 2: 8 bytes wanted, 3 available");
  EXPECT_EQ(status.error().offset(), 2u);
}

TEST(Decoder, StaysFailedAndReadsOnlyZeroFromThenOn) {
  const auto input = bytes_of({1, 2, 3, 4, 5, 6, 7});
  Decoder decoder(input);
  EXPECT_EQ(decoder.u64(), 0u);
  EXPECT_EQ(decoder.u8(), 0);
  EXPECT_EQ(decoder.u16(), 0);
  EXPECT_EQ(decoder.u32(), 0u);
  EXPECT_EQ(decoder.varint(), 0u);
  EXPECT_TRUE(decoder.bytes(1).empty());
  EXPECT_EQ(decoder.uuid(), Uuid{});
  decoder.zeros(1);
  EXPECT_EQ(decoder.position(), 0u);
  EXPECT_EQ(decoder.remaining(), 0u) << "a loop over what remains must end";
  const Result<void> finish = decoder.finish();
  ASSERT_FALSE(finish);
  EXPECT_EQ(finish.error().message(), "bytes end early at byte 0: 8 bytes wanted, 7 available")
      << "the first failure is the one to report";
}

TEST(Decoder, RefusesSizesThatWouldWrapAround) {
  const auto input = bytes_of({1, 2, 3});
  for (const std::size_t size : {std::size_t{4}, std::numeric_limits<std::size_t>::max() - 1,
                                 std::numeric_limits<std::size_t>::max()}) {
    Decoder reader(input);
    reader.u8();
    EXPECT_TRUE(reader.bytes(size).empty());
    EXPECT_FALSE(reader.ok());
    Decoder skipper(input);
    skipper.u8();
    skipper.zeros(size);
    EXPECT_FALSE(skipper.ok());
    EXPECT_EQ(skipper.position(), 1u);
  }
}

TEST(Decoder, AcceptsEmptyInputAndEmptyReads) {
  Decoder decoder{Bytes()};
  EXPECT_TRUE(decoder.bytes(0).empty());
  decoder.zeros(0);
  EXPECT_TRUE(decoder.finish());
  EXPECT_EQ(decoder.varint(), 0u);
  EXPECT_FALSE(decoder.ok());
}

TEST(Decoder, FinishRefusesBytesLeftOver) {
  const auto input = bytes_of({1, 2, 3});
  Decoder decoder(input);
  decoder.u8();
  EXPECT_TRUE(decoder.status());
  const Result<void> finish = decoder.finish();
  ASSERT_FALSE(finish);
  EXPECT_EQ(finish.error().code(), Code::kCorruption);
  EXPECT_EQ(finish.error().message(), "bytes are left over at byte 1: 0 bytes wanted, 2 available");
  EXPECT_EQ(finish.error().offset(), 1u);
}

TEST(Decoder, RefusesPaddingThatIsNotZero) {
  const auto input = bytes_of({9, 0, 0, 7, 0});
  Decoder decoder(input);
  decoder.u8();
  decoder.zeros(4);
  ASSERT_FALSE(decoder.status());
  EXPECT_EQ(decoder.status().error().message(),
            "padding isn't zero at byte 1: 4 bytes wanted, 4 available");
}

TEST(Decoder, ReadsTheLimitsOfVarints) {
  struct Case {
    std::vector<std::byte> bytes;
    std::uint64_t value;
  };
  const Case cases[] = {
      {bytes_of({0x00}), 0},
      {bytes_of({0x7f}), 127},
      {bytes_of({0x80, 0x01}), 128},
      {bytes_of({0xff, 0x7f}), 16383},
      {bytes_of({0x80, 0x80, 0x01}), 16384},
      {bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}), kU64Max >> 1},
      {bytes_of({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}),
       std::uint64_t{1} << 63},
      {bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}), kU64Max},
  };
  for (const Case& c : cases) {
    Decoder decoder(c.bytes);
    EXPECT_EQ(decoder.varint(), c.value);
    EXPECT_TRUE(decoder.finish()) << c.value;
    EXPECT_EQ(varint_size(c.value), c.bytes.size()) << c.value;
    std::vector<std::byte> written(c.bytes.size());
    Encoder encoder(written);
    encoder.varint(c.value);
    EXPECT_EQ(written, c.bytes) << c.value;
  }
}

std::string varint_failure(const std::vector<std::byte>& bytes) {
  Decoder decoder(bytes);
  EXPECT_EQ(decoder.varint(), 0u);
  EXPECT_EQ(decoder.position(), 0u);
  const Result<void> status = decoder.status();
  return status ? "no failure" : status.error().message();
}

TEST(Decoder, RefusesAVarintLongerThanNeeded) {
  EXPECT_EQ(varint_failure(bytes_of({0x80, 0x00})),
            "varint is longer than needed at byte 0: 2 bytes wanted, 2 available");
  EXPECT_EQ(varint_failure(bytes_of({0xff, 0x80, 0x00, 0x01})),
            "varint is longer than needed at byte 0: 3 bytes wanted, 4 available");
  EXPECT_EQ(varint_failure(bytes_of({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00})),
            "varint is longer than needed at byte 0: 10 bytes wanted, 10 available");
}

TEST(Decoder, RefusesAVarintOfMoreThan64Bits) {
  EXPECT_EQ(varint_failure(bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02})),
            "varint exceeds 64 bits at byte 0: 10 bytes wanted, 10 available");
  EXPECT_EQ(
      varint_failure(bytes_of({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1})),
      "varint exceeds 64 bits at byte 0: 10 bytes wanted, 11 available");
}

TEST(Decoder, RefusesAVarintCutShort) {
  EXPECT_EQ(varint_failure(bytes_of({0x80})),
            "bytes end within a varint at byte 0: 2 bytes wanted, 1 available");
  EXPECT_EQ(varint_failure(bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})),
            "bytes end within a varint at byte 0: 10 bytes wanted, 9 available");
}

TEST(Encoder, WritesEachKindInOrder) {
  std::vector<std::byte> buffer(20 + 16, std::byte{0xee});
  Encoder encoder(buffer);
  encoder.u8(0x01);
  encoder.u16(0x0302);
  encoder.u32(0x07060504);
  encoder.u64(0x0f0e0d0c0b0a0908);
  encoder.bytes(bytes_of({0xaa, 0xbb}));
  encoder.zeros(3);
  EXPECT_EQ(encoder.position(), 20u);
  EXPECT_EQ(encoder.remaining(), 16u);
  Uuid uuid;
  uuid.bytes.fill(std::byte{0x55});
  encoder.uuid(uuid);
  EXPECT_TRUE(encoder.ok());
  EXPECT_EQ(encoder.remaining(), 0u);
  auto expected =
      bytes_of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xaa, 0xbb, 0, 0, 0});
  expected.resize(36, std::byte{0x55});
  EXPECT_EQ(buffer, expected);
}

TEST(Encoder, AcceptsEmptyWritesIntoAnEmptyBuffer) {
  Encoder encoder{MutableBytes()};
  encoder.bytes({});
  encoder.zeros(0);
  EXPECT_TRUE(encoder.ok());
}

#ifdef NDEBUG
TEST(Encoder, DropsWholeWritesThatDoNotFitAndAllLaterOnes) {
  std::vector<std::byte> buffer(8, std::byte{0xee});
  // The encoder may use only the first five; the rest shows whether it ran over.
  Encoder encoder(MutableBytes(buffer).first(5));
  encoder.u32(0);
  encoder.u16(0xffff);
  EXPECT_FALSE(encoder.ok());
  encoder.u8(0xff);
  encoder.varint(1);
  encoder.bytes(bytes_of({1}));
  encoder.zeros(1);
  EXPECT_EQ(encoder.position(), 4u);
  EXPECT_EQ(encoder.remaining(), 0u);
  EXPECT_EQ(buffer, bytes_of({0, 0, 0, 0, 0xee, 0xee, 0xee, 0xee}));
}
#else
TEST(EncoderDeathTest, AssertsThatEverythingFits) {
  std::vector<std::byte> buffer(5);
  EXPECT_DEATH(Encoder(buffer).u64(1), "buffer is too small");
  EXPECT_DEATH(Encoder(buffer).varint(kU64Max), "buffer is too small");
  EXPECT_DEATH(Encoder(buffer).bytes(std::vector<std::byte>(6)), "buffer is too small");
  EXPECT_DEATH(Encoder(buffer).zeros(std::numeric_limits<std::size_t>::max()),
               "buffer is too small");
}
#endif

}  // namespace
}  // namespace caisson

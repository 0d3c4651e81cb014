// Method: random programs of writes are encoded and read back (what goes in comes out), cut short
// at every byte (no cut goes unnoticed), and random bytes are decoded at random (whatever the
// bytes, nothing is read out of bounds, and what was accepted as a varint has one form only).

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/codec.h"

namespace caisson {
namespace {

// One write, or the read that matches it.
struct Step {
  enum Kind { kU8, kU16, kU32, kU64, kVarint, kBytes, kZeros };
  Kind kind;
  std::uint64_t value;           // For the integers, cut to their width.
  std::vector<std::byte> bytes;  // For kBytes; only the size matters to kZeros.
};

rc::Gen<std::byte> any_byte() {
  return rc::gen::map(rc::gen::inRange(0, 256), [](int v) { return static_cast<std::byte>(v); });
}

// Numbers of every width, so that varints of every length occur.
rc::Gen<std::uint64_t> any_width() {
  return rc::gen::apply([](std::uint64_t bits, int shift) { return bits >> shift; },
                        rc::gen::arbitrary<std::uint64_t>(), rc::gen::inRange(0, 64));
}

rc::Gen<Step> any_step() {
  return rc::gen::apply(
      [](int kind, std::uint64_t value, std::vector<std::byte> bytes) {
        return Step{static_cast<Step::Kind>(kind), value, std::move(bytes)};
      },
      rc::gen::inRange(0, 7), any_width(), rc::gen::container<std::vector<std::byte>>(any_byte()));
}

rc::Gen<std::vector<Step>> any_steps() { return rc::gen::container<std::vector<Step>>(any_step()); }

std::size_t size_of(const Step& step) {
  switch (step.kind) {
    case Step::kU8:
      return 1;
    case Step::kU16:
      return 2;
    case Step::kU32:
      return 4;
    case Step::kU64:
      return 8;
    case Step::kVarint:
      return varint_size(step.value);
    case Step::kBytes:
    case Step::kZeros:
      return step.bytes.size();
  }
  return 0;
}

void write(Encoder& encoder, const Step& step) {
  switch (step.kind) {
    case Step::kU8:
      return encoder.u8(static_cast<std::uint8_t>(step.value));
    case Step::kU16:
      return encoder.u16(static_cast<std::uint16_t>(step.value));
    case Step::kU32:
      return encoder.u32(static_cast<std::uint32_t>(step.value));
    case Step::kU64:
      return encoder.u64(step.value);
    case Step::kVarint:
      return encoder.varint(step.value);
    case Step::kBytes:
      return encoder.bytes(step.bytes);
    case Step::kZeros:
      return encoder.zeros(step.bytes.size());
  }
}

// Reads what `step` wrote; says whether it is the same.
bool reads_back(Decoder& decoder, const Step& step) {
  switch (step.kind) {
    case Step::kU8:
      return decoder.u8() == static_cast<std::uint8_t>(step.value);
    case Step::kU16:
      return decoder.u16() == static_cast<std::uint16_t>(step.value);
    case Step::kU32:
      return decoder.u32() == static_cast<std::uint32_t>(step.value);
    case Step::kU64:
      return decoder.u64() == step.value;
    case Step::kVarint:
      return decoder.varint() == step.value;
    case Step::kBytes:
      return std::ranges::equal(decoder.bytes(step.bytes.size()), step.bytes);
    case Step::kZeros:
      decoder.zeros(step.bytes.size());
      return decoder.ok();
  }
  return false;
}

std::vector<std::byte> encode(const std::vector<Step>& steps) {
  std::size_t size = 0;
  for (const Step& step : steps) size += size_of(step);
  std::vector<std::byte> result(size);
  Encoder encoder(result);
  for (const Step& step : steps) write(encoder, step);
  RC_ASSERT(encoder.ok());
  RC_ASSERT(encoder.remaining() == 0u);
  return result;
}

RC_GTEST_PROP(Codec, ReadsBackWhatItWrote, ()) {
  const auto steps = *any_steps();
  const auto bytes = encode(steps);
  Decoder decoder(bytes);
  for (const Step& step : steps) RC_ASSERT(reads_back(decoder, step));
  RC_ASSERT(decoder.finish().has_value());
}

RC_GTEST_PROP(Codec, NoticesEveryCut, ()) {
  const auto steps = *any_steps();
  const auto bytes = encode(steps);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // A copy of exactly that size, so that a sanitizer sees any read beyond it.
    const std::vector<std::byte> cut(bytes.begin(),
                                     bytes.begin() + static_cast<std::ptrdiff_t>(size));
    Decoder decoder(cut);
    for (const Step& step : steps) reads_back(decoder, step);
    RC_ASSERT(!decoder.ok());
    RC_ASSERT(decoder.position() <= size);
  }
}

RC_GTEST_PROP(Codec, SurvivesAnyBytesAndNeverPassesTheirEnd, ()) {
  const auto bytes = *rc::gen::container<std::vector<std::byte>>(any_byte());
  const auto steps = *any_steps();
  Decoder decoder(bytes);
  std::size_t before = 0;
  for (const Step& step : steps) {
    reads_back(decoder, step);
    RC_ASSERT(decoder.position() >= before);
    RC_ASSERT(decoder.position() + decoder.remaining() <= bytes.size());
    before = decoder.position();
  }
}

RC_GTEST_PROP(Codec, GivesEachVarintOneFormOnly, ()) {
  // Mostly continuation bytes, or long forms would hardly occur.
  const auto byte = rc::gen::weightedOneOf<std::byte>(
      {{3, rc::gen::element(std::byte{0x80}, std::byte{0xff})},
       {1, rc::gen::element(std::byte{0x00}, std::byte{0x01}, std::byte{0x02})},
       {1, any_byte()}});
  const auto bytes = *rc::gen::container<std::vector<std::byte>>(byte);
  Decoder decoder(bytes);
  const std::uint64_t value = decoder.varint();
  RC_PRE(decoder.ok());
  std::vector<std::byte> again(varint_size(value));
  Encoder encoder(again);
  encoder.varint(value);
  RC_ASSERT(std::ranges::equal(again, Bytes(bytes).first(decoder.position())));
}

}  // namespace
}  // namespace caisson

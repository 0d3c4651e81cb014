// The one way in and out of bytes: little-endian integers, varints, runs of bytes and of zeros.
//
// - load_* and store_*: single integers at a known-good place; unchecked, for parsed views.
// - Decoder: reads untrusted bytes from front to back. Every read is checked, the first failure
//   sticks, and the caller asks once, at the end, whether all went well.
// - Encoder: writes into a buffer that the caller has measured. Running over is our own bug.
//
// Thread-safety: the functions are pure; one Decoder or Encoder serves one thread at a time.

#ifndef CAISSON_BASE_CODEC_H_
#define CAISSON_BASE_CODEC_H_

#include <caisson/types.h>

#include <bit>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/result.h"

namespace caisson {

namespace codec_internal {

template <std::unsigned_integral T>
[[nodiscard]] inline T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (std::endian::native == std::endian::big) value = std::byteswap(value);
  return value;
}

template <std::unsigned_integral T>
inline void store(std::byte* to, T value) {
  if constexpr (std::endian::native == std::endian::big) value = std::byteswap(value);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace codec_internal

// The little-endian integer whose first byte is *from, at any alignment.
// REQUIRES: 2, 4 or 8 bytes at `from` are readable.
[[nodiscard]] inline std::uint16_t load_u16(const std::byte* from) {
  return codec_internal::load<std::uint16_t>(from);
}
[[nodiscard]] inline std::uint32_t load_u32(const std::byte* from) {
  return codec_internal::load<std::uint32_t>(from);
}
[[nodiscard]] inline std::uint64_t load_u64(const std::byte* from) {
  return codec_internal::load<std::uint64_t>(from);
}

// Writes `value` as little-endian bytes from *to on, at any alignment.
// REQUIRES: 2, 4 or 8 bytes at `to` are writable.
inline void store_u16(std::byte* to, std::uint16_t value) { codec_internal::store(to, value); }
inline void store_u32(std::byte* to, std::uint32_t value) { codec_internal::store(to, value); }
inline void store_u64(std::byte* to, std::uint64_t value) { codec_internal::store(to, value); }

// The longest varint: 64 bits in groups of 7.
inline constexpr std::size_t kVarintSizeMax = 10;

// How many bytes `value` takes as a varint: 1..kVarintSizeMax.
//
// A varint is unsigned LEB128: groups of 7 bits, lowest first, one a byte, with the high bit set
// in every byte except the last. Only the shortest form of a number is valid, so that equal
// values always have equal bytes.
[[nodiscard]] constexpr std::size_t varint_size(std::uint64_t value) {
  // The width of 0 counts as 1 bit, because zero takes one byte as well.
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

// Whether every byte is zero; true for no bytes. Cost: one pass, eight bytes or more at a time.
[[nodiscard]] bool all_zero(Bytes bytes);

// Reads untrusted bytes from front to back.
//
// Once a read fails, the decoder stays failed: every later read of at least one byte fails too,
// reads return 0 or an empty span, remaining() is 0 (so that a loop over what remains ends) and
// position() is where the failed read began. Check ok(), status() or finish() before trusting
// anything that was read. Borrows the bytes: they must outlive the decoder and the spans that it
// hands out.
class Decoder {
 public:
  explicit Decoder(Bytes bytes)
      : begin_(bytes.data()), next_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  // The next little-endian integer; 0 where fewer bytes remain than it needs.
  std::uint8_t u8() { return fixed<std::uint8_t>(); }
  std::uint16_t u16() { return fixed<std::uint16_t>(); }
  std::uint32_t u32() { return fixed<std::uint32_t>(); }
  std::uint64_t u64() { return fixed<std::uint64_t>(); }

  // The next varint (see varint_size). Fails, with 0, where the bytes end first, where a shorter
  // form of the same number exists, or where the number doesn't fit in 64 bits.
  std::uint64_t varint() {
    // Most varints are lengths below 128, which take one byte.
    if (next_ != end_ && std::to_integer<std::uint8_t>(*next_) < 0x80) {
      return std::to_integer<std::uint64_t>(*next_++);
    }
    return long_varint();
  }

  // The next `size_bytes` bytes, borrowed from the input; empty on failure. `size_bytes` may be
  // any number, however large: it often comes from the same untrusted bytes.
  Bytes bytes(std::size_t size_bytes) {
    if (size_bytes > remaining()) {
      set_failure(Failure::kTruncated, size_bytes);
      return {};
    }
    const Bytes result(next_, size_bytes);
    next_ += size_bytes;
    return result;
  }

  // The next 16 bytes as the identity of a store; all zero on failure.
  Uuid uuid();

  // Passes over `size_bytes` bytes of padding. Fails unless they are there and all zero: bytes
  // that nobody reads must have one value only, or they'd hide damage and bar later use.
  void zeros(std::size_t size_bytes);

  // How many bytes were read so far; after a failure, where the failed read began.
  [[nodiscard]] std::size_t position() const { return static_cast<std::size_t>(next_ - begin_); }

  // How many bytes are left to read; 0 after a failure.
  [[nodiscard]] std::size_t remaining() const { return static_cast<std::size_t>(end_ - next_); }

  // Whether every read so far succeeded.
  [[nodiscard]] bool ok() const { return failure_ == Failure::kNone; }

  // Success, or the first failure: kCorruption, whose message names the kind of failure, the
  // position, the bytes wanted and the bytes available, and whose offset is that position
  // relative to the decoder's first byte.
  [[nodiscard]] Result<void> status() const;

  // Like status(), and fails as well where bytes are left over.
  [[nodiscard]] Result<void> finish() const;

 private:
  enum class Failure : std::uint8_t {
    kNone,
    kTruncated,
    kVarintTruncated,
    kVarintNotShortest,
    kVarintTooLarge,
    kPaddingNotZero,
  };

  template <std::unsigned_integral T>
  T fixed() {
    if (remaining() < sizeof(T)) {
      set_failure(Failure::kTruncated, sizeof(T));
      return 0;
    }
    const T value = codec_internal::load<T>(next_);
    next_ += sizeof(T);
    return value;
  }

  std::uint64_t long_varint();

  // Records the first failure, and cuts the input off here. Cutting it off is what makes the
  // failure stick without a test of failure_ in every read.
  void set_failure(Failure failure, std::size_t wanted_bytes);

  const std::byte* begin_;
  const std::byte* next_;
  const std::byte* end_;
  // What the first failed read wanted and could have had, in bytes.
  std::size_t wanted_bytes_ = 0;
  std::size_t available_bytes_ = 0;
  Failure failure_ = Failure::kNone;
};

// Writes into a buffer from front to back.
//
// The caller has measured the buffer, so running over its end is a bug of ours: an assertion
// fails, and in builds without assertions the write that doesn't fit and all later ones are
// dropped whole and ok() turns false. Nothing is ever written out of bounds. Borrows the buffer.
class Encoder {
 public:
  explicit Encoder(MutableBytes buffer)
      : begin_(buffer.data()), next_(buffer.data()), end_(buffer.data() + buffer.size()) {}

  // Appends a little-endian integer.
  void u8(std::uint8_t value) { fixed(value); }
  void u16(std::uint16_t value) { fixed(value); }
  void u32(std::uint32_t value) { fixed(value); }
  void u64(std::uint64_t value) { fixed(value); }

  // Appends a varint: varint_size(value) bytes.
  void varint(std::uint64_t value);

  // Appends a copy of `bytes`, which mustn't overlap the rest of the buffer.
  void bytes(Bytes bytes);

  // Appends the 16 bytes of a store's identity.
  void uuid(const Uuid& uuid) { bytes(uuid.bytes); }

  // Appends `size_bytes` zero bytes.
  void zeros(std::size_t size_bytes);

  // How many bytes were written so far.
  [[nodiscard]] std::size_t position() const { return static_cast<std::size_t>(next_ - begin_); }

  // How many bytes still fit; 0 after an overflow.
  [[nodiscard]] std::size_t remaining() const { return static_cast<std::size_t>(end_ - next_); }

  // Whether every write fitted.
  [[nodiscard]] bool ok() const { return !overflowed_; }

 private:
  template <std::unsigned_integral T>
  void fixed(T value) {
    if (!reserve(sizeof(T))) return;
    codec_internal::store(next_, value);
    next_ += sizeof(T);
  }

  // Whether `size_bytes` more bytes fit. If not, closes the buffer so that nothing else fits.
  bool reserve(std::size_t size_bytes) {
    if (size_bytes <= remaining()) [[likely]]
      return true;
    assert(false && "the encoder's buffer is too small");
    overflowed_ = true;
    end_ = next_;
    return false;
  }

  std::byte* begin_;
  std::byte* next_;
  std::byte* end_;
  bool overflowed_ = false;
};

}  // namespace caisson

#endif  // CAISSON_BASE_CODEC_H_

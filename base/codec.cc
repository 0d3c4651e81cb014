#include "base/codec.h"

#include <algorithm>

namespace caisson {

bool all_zero(Bytes bytes) {
  const std::byte* next = bytes.data();
  std::size_t left = bytes.size();
  // A block of 64 bytes without a branch inside lets the compiler use the widest registers; the
  // branch after it stops early in bytes that aren't zero.
  for (; left >= 64; next += 64, left -= 64) {
    std::uint64_t any = 0;
    for (std::size_t i = 0; i < 64; i += 8) any |= load_u64(next + i);
    if (any != 0) return false;
  }
  std::uint64_t any = 0;
  for (; left >= 8; next += 8, left -= 8) any |= load_u64(next);
  for (; left > 0; ++next, --left) any |= std::to_integer<std::uint64_t>(*next);
  return any == 0;
}

std::uint64_t Decoder::long_varint() {
  std::uint64_t value = 0;
  const std::size_t size_max = std::min(remaining(), kVarintSizeMax);
  for (std::size_t i = 0; i < size_max; ++i) {
    const auto byte = std::to_integer<std::uint64_t>(next_[i]);
    const std::uint64_t group = byte & 0x7f;
    // Nine groups hold 63 bits, so the tenth may hold one bit and must be the last.
    if (i == kVarintSizeMax - 1 && byte > 1) {
      set_failure(Failure::kVarintTooLarge, kVarintSizeMax);
      return 0;
    }
    value |= group << (7 * i);
    if (byte >= 0x80) continue;
    // A last group of zero adds nothing: the form without it is shorter.
    if (group == 0 && i > 0) {
      set_failure(Failure::kVarintNotShortest, i + 1);
      return 0;
    }
    next_ += i + 1;
    return value;
  }
  // The tenth byte always ends a varint or fails, so the input ended first.
  set_failure(Failure::kVarintTruncated, size_max + 1);
  return 0;
}

Uuid Decoder::uuid() {
  Uuid result;
  const Bytes source = bytes(result.bytes.size());
  std::ranges::copy(source, result.bytes.begin());
  return result;
}

void Decoder::zeros(std::size_t size_bytes) {
  if (size_bytes > remaining()) {
    set_failure(Failure::kTruncated, size_bytes);
  } else if (!all_zero(Bytes(next_, size_bytes))) {
    set_failure(Failure::kPaddingNotZero, size_bytes);
  } else {
    next_ += size_bytes;
  }
}

void Decoder::set_failure(Failure failure, std::size_t wanted_bytes) {
  if (failure_ != Failure::kNone) return;
  failure_ = failure;
  wanted_bytes_ = wanted_bytes;
  available_bytes_ = remaining();
  end_ = next_;
}

namespace {

// "<what> at byte 12: 8 bytes wanted, 3 available", as an error that knows its offset.
std::unexpected<Error> decoding_error(std::string what, std::size_t position,
                                      std::size_t wanted_bytes, std::size_t available_bytes) {
  std::string message = std::move(what);
  message += " at byte " + std::to_string(position);
  message += ": " + std::to_string(wanted_bytes) + " bytes wanted, ";
  message += std::to_string(available_bytes) + " available";
  return fail(Error(Code::kCorruption, std::move(message)).at_offset(position));
}

}  // namespace

Result<void> Decoder::status() const {
  const auto error = [this](std::string what) {
    return decoding_error(std::move(what), position(), wanted_bytes_, available_bytes_);
  };
  switch (failure_) {
    case Failure::kNone:
      return {};
    case Failure::kTruncated:
      return error("bytes end early");
    case Failure::kVarintTruncated:
      return error("bytes end within a varint");
    case Failure::kVarintNotShortest:
      return error("varint is longer than needed");
    case Failure::kVarintTooLarge:
      return error("varint exceeds 64 bits");
    case Failure::kPaddingNotZero:
      return error("padding isn't zero");
  }
  return error("decoding failed");
}

Result<void> Decoder::finish() const {
  CAISSON_RETURN_IF_ERROR(status());
  if (remaining() == 0) return {};
  return decoding_error("bytes are left over", position(), 0, remaining());
}

void Encoder::varint(std::uint64_t value) {
  if (!reserve(varint_size(value))) return;
  for (; value >= 0x80; value >>= 7) *next_++ = static_cast<std::byte>((value & 0x7f) | 0x80);
  *next_++ = static_cast<std::byte>(value);
}

void Encoder::bytes(Bytes bytes) {
  if (!reserve(bytes.size())) return;
  next_ = std::ranges::copy(bytes, next_).out;
}

void Encoder::zeros(std::size_t size_bytes) {
  if (!reserve(size_bytes)) return;
  next_ = std::fill_n(next_, size_bytes, std::byte{0});
}

}  // namespace caisson

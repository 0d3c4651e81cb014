// The arithmetic behind the folding kernels of CRC-32C: constants, computed when compiling.
// Private to the kernels.
//
// Source: Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
// Instruction" (Intel, 2009), in its bit-reflected form.
//
// Notation. A message is a polynomial over GF(2) whose first bit has the highest power. P is the
// generator. Bits are reflected: the lowest bit of a register is its highest power, so that a
// 128-bit register loaded from memory is the polynomial  sum of bit[i] * x^(127 - i),  that is
// L * x^64 + H, with L its low and H its high 64 bits (each  sum of bit[i] * x^(63 - i)).
//
// Folding. To move a register A ahead by D bits of message is to replace A * x^D by something
// small with the same remainder modulo P:
//     A * x^D = L * x^(64 + D) + H * x^D  =  L * (x^(64 + D) mod P) + H * (x^D mod P)   (mod P).
// A carry-less multiplication of two reflected 64-bit numbers yields the reflected 127-bit
// product in bits 0..126 instead of 1..127 of 128, which multiplies it by x. The constants make
// up for that with a power one less: x^(64 + D - 1) for L and x^(D - 1) for H. Their degree is
// below 32, so the product has a degree below 96 and the fold loses nothing.
//
// Reducing. The processors' CRC instruction maps a state s and 64 bits of message m to
// (s * x^32 + m) * x^32 mod P, reflected. Two of them, from the state 0, turn the last register A
// into A * x^32 mod P, which is the state after the whole message.
//
// Merging. Streams that were computed side by side become one by moving a state s ahead by D bits
// of message: s * x^D mod P. As reflected 64-bit numbers, s and a multiplier k of 32 bits are
// s * x^32 and k * x^32. Their carry-less product, read as 128 bits, is s * k * x^65, so its low
// 64 bits are s * k * x, and the CRC instruction makes that s * k * x^33 mod P. Hence
// k = x^(D - 33) mod P.

#ifndef CAISSON_BASE_CRC32C_FOLD_H_
#define CAISSON_BASE_CRC32C_FOLD_H_

#include <cstddef>
#include <cstdint>

namespace caisson::crc32c_internal {

// P without its leading x^32, reflected: bit i is the coefficient of x^(31 - i).
inline constexpr std::uint32_t kPolynomial = 0x82f63b78;

// value * x mod P, reflected.
constexpr std::uint32_t times_x(std::uint32_t value) {
  return (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
}

// x^power mod P, reflected. Cost: `power` steps, meant for compile time.
constexpr std::uint32_t x_to_the(std::size_t power) {
  std::uint32_t value = 0x8000'0000;  // x^0
  for (std::size_t i = 0; i < power; ++i) value = times_x(value);
  return value;
}

// The two multipliers that move a 128-bit register ahead, as reflected 64-bit numbers.
struct FoldConstants {
  std::uint64_t low;   // for L
  std::uint64_t high;  // for H
};

// The multipliers to move ahead by `distance_bits` > 0.
constexpr FoldConstants fold_by(std::size_t distance_bits) {
  // The shift turns a reflected 32-bit number into the reflected 64-bit number of equal value.
  return {.low = std::uint64_t{x_to_the(distance_bits + 64 - 1)} << 32,
          .high = std::uint64_t{x_to_the(distance_bits - 1)} << 32};
}

// The multiplier to merge a stream that has `distance_bytes` > 4 of message behind it.
constexpr std::uint32_t merge_by(std::size_t distance_bytes) {
  return x_to_the(8 * distance_bytes - 33);
}

}  // namespace caisson::crc32c_internal

#endif  // CAISSON_BASE_CRC32C_FOLD_H_

// Reproducible pseudo-random numbers for tests, simulation and sampling.
//
// xoshiro256** 1.0 by Blackman and Vigna (https://prng.di.unimi.it/xoshiro256starstar.c), whose
// state is filled by SplitMix64 from one 64-bit seed. The same seed gives the same numbers on
// every machine, for ever: recorded seeds must keep their meaning, so no result of this class may
// change. Not for secrets: the output gives the state away.
//
// Thread-safety: one Random serves one thread at a time; fork() one for each thread.

#ifndef CAISSON_BASE_RANDOM_H_
#define CAISSON_BASE_RANDOM_H_

#include <caisson/types.h>

#include <array>
#include <cstdint>

namespace caisson {

// A sequence of pseudo-random numbers. Copying it copies the place in the sequence.
class Random {
 public:
  explicit Random(std::uint64_t seed);

  // The next 64 bits. The period is 2^256 - 1.
  std::uint64_t next();

  // A number in 0..bound-1, all equally likely (Lemire's method with rejection: "Fast Random
  // Integer Generation in an Interval", 2019, algorithm 5). REQUIRES: bound > 0.
  std::uint64_t below(std::uint64_t bound);

  // A number in low..high, both included, all equally likely. REQUIRES: low <= high.
  std::uint64_t between(std::uint64_t low, std::uint64_t high);

  // True with probability numerator / denominator; always true from numerator == denominator on.
  // REQUIRES: denominator > 0.
  bool chance(std::uint64_t numerator, std::uint64_t denominator);

  // A number in [0, 1): one of the 2^53 multiples of 2^-53, all equally likely.
  double unit();

  // Fills `bytes` with next() after next(), little-endian; the last one gives its low bytes.
  void fill(MutableBytes bytes);

  // A generator of its own, seeded by next(): what is drawn from it later doesn't change what
  // this one yields.
  Random fork() { return Random(next()); }

 private:
  // xoshiro256**'s s[0..3]; never all zero, which would be a fixed point.
  std::array<std::uint64_t, 4> state_;
};

}  // namespace caisson

#endif  // CAISSON_BASE_RANDOM_H_

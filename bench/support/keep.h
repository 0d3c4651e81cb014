// Values that nobody reads, computed all the same.

#ifndef CAISSON_BENCH_SUPPORT_KEEP_H_
#define CAISSON_BENCH_SUPPORT_KEEP_H_

namespace caisson::bench {

// The compiler has to assume that somebody looks at it.
template <typename Value>
inline void keep(const Value& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

}  // namespace caisson::bench

#endif  // CAISSON_BENCH_SUPPORT_KEEP_H_

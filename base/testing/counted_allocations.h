// Counts every allocation of a program that is linked with this: the global operator new is
// replaced. Not with a sanitizer, which brings operators of its own.

#ifndef CAISSON_BASE_TESTING_COUNTED_ALLOCATIONS_H_
#define CAISSON_BASE_TESTING_COUNTED_ALLOCATIONS_H_

#include <atomic>
#include <cstdint>

namespace caisson::testing {

extern std::atomic<std::uint64_t> allocations;

}  // namespace caisson::testing

#endif  // CAISSON_BASE_TESTING_COUNTED_ALLOCATIONS_H_

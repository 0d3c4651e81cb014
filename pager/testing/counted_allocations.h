// Counts every allocation of a program that is linked with this: the global operator new is
// replaced. Not with a sanitizer, which brings operators of its own.

#ifndef CAISSON_PAGER_TESTING_COUNTED_ALLOCATIONS_H_
#define CAISSON_PAGER_TESTING_COUNTED_ALLOCATIONS_H_

#include <atomic>
#include <cstdint>

namespace caisson::pager::testing {

extern std::atomic<std::uint64_t> allocations;

}  // namespace caisson::pager::testing

#endif  // CAISSON_PAGER_TESTING_COUNTED_ALLOCATIONS_H_

// How much of an exhaustive test to run.

#ifndef CAISSON_PAGER_TESTING_EFFORT_H_
#define CAISSON_PAGER_TESTING_EFFORT_H_

#include <cstdint>
#include <cstdlib>

#include "base/sanitizers.h"

namespace caisson::pager::testing {

// Set by the long runs (make check-long).
inline bool long_run() { return std::getenv("CAISSON_LONG") != nullptr; }

// 1 (try every case) as a rule. Sanitizers make each case ten times as dear and look for other
// things, so builds with one take every `sampled`-th, unless the run is a long one.
inline std::uint64_t stride(std::uint64_t sampled) {
#ifdef CAISSON_SANITIZED
  return long_run() ? 1 : sampled;
#else
  (void)sampled;
  return 1;
#endif
}

}  // namespace caisson::pager::testing

#endif  // CAISSON_PAGER_TESTING_EFFORT_H_

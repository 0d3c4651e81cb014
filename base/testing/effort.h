// How much of an exhaustive test to run.

#ifndef CAISSON_BASE_TESTING_EFFORT_H_
#define CAISSON_BASE_TESTING_EFFORT_H_

#include <cstdint>
#include <cstdlib>

#include "base/sanitizers.h"
#include "base/testing/emulated.h"

namespace caisson::testing {

// Set by the long runs (make check-long).
inline bool long_run() { return std::getenv("CAISSON_LONG") != nullptr; }

// 1 (try every case) as a rule. Sanitizers and emulators make each case ten times as dear and look
// for other things, so runs with one take every `sampled`-th, unless the run is a long one.
inline std::uint64_t stride(std::uint64_t sampled) {
#ifdef CAISSON_SANITIZED
  const bool dear = true;
#else
  const bool dear = emulated();
#endif
  return dear && !long_run() ? sampled : 1;
}

}  // namespace caisson::testing

#endif  // CAISSON_BASE_TESTING_EFFORT_H_

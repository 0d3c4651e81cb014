// Whether another processor is emulated.

#ifndef CAISSON_BASE_TESTING_EMULATED_H_
#define CAISSON_BASE_TESTING_EMULATED_H_

#include <cstdlib>

namespace caisson::testing {

// Set by the arm64 preset. An emulator of user programs stands between them and the system: it is
// slow, and it answers some calls itself.
inline bool emulated() { return std::getenv("CAISSON_EMULATED") != nullptr; }

}  // namespace caisson::testing

#endif  // CAISSON_BASE_TESTING_EMULATED_H_

// A log that is written at random, opened again, and compared with what is known of it: what the
// tests of crashes do, and the hunts for planted mistakes.

#ifndef CAISSON_LOG_TESTING_CRASH_WORKLOAD_H_
#define CAISSON_LOG_TESTING_CRASH_WORKLOAD_H_

#include <string>

#include "base/random.h"
#include "log/testing/harness.h"

namespace caisson::log::testing {

// What has been queued, and how much of it acknowledged.
struct History {
  Commits queued;
  std::size_t acknowledged = 0;
};

// One life of a process: opens the log, and writes for so many steps. Ends where a call fails.
// Says what is wrong with what it finds at its beginning, as judge() does; "" if nothing is, or it
// got no further.
std::string live(LogStore& store, History& history, Random& random, int steps);

// Opens the log as it is, and says what is wrong with what it holds: every commit acknowledged has
// to be there, and behind them only such as were queued. What it finds is acknowledged from then
// on. "" if all is well.
std::string judge(LogStore& store, History& history);

}  // namespace caisson::log::testing

#endif  // CAISSON_LOG_TESTING_CRASH_WORKLOAD_H_

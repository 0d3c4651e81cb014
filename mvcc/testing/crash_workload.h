// A store that is used at random, in one life after the other, and compared with a model by value:
// what the tests of crashes do, and the hunts for planted mistakes.

#ifndef CAISSON_MVCC_TESTING_CRASH_WORKLOAD_H_
#define CAISSON_MVCC_TESTING_CRASH_WORKLOAD_H_

#include <cstddef>
#include <string>
#include <vector>

#include "base/random.h"
#include "mvcc/testing/harness.h"

namespace caisson::mvcc::testing {

// What the store held behind each commit, from commit 0 on, and which of them is the last that it
// has acknowledged. Later ones may be lost, but none in between.
struct History {
  std::vector<Model> states = {Model{}};
  std::size_t acknowledged = 0;
};

// One life of a process: opens the store, and uses it for so many steps. Ends where a call fails.
// Says what is wrong with what it finds, as judge() does; "" if nothing is.
std::string live(EngineStore& store, History& history, Random& random, int steps);

// Opens the store as it is, says what is wrong with what it holds, and leaves it open. What it
// finds is acknowledged from then on.
std::string judge(EngineStore& store, History& history);

// While one commit is made durable, the next ones come and supersede its pages; then it is
// published without them. Says what is wrong with what its snapshot shows.
std::string publish_between(const StoreOptions& options);

// The newest meta rots, once behind commits and checkpoints that fill some log files, and once
// behind a power cut that came when a checkpoint of a commit was done that nobody had waited for.
// Says what is wrong with what the older checkpoint and the log lead to.
std::string rot_newest_meta(const StoreOptions& options);

// Writes a checkpoint and says what is wrong with the page file: every tree of it, and the walk
// against the allocation blob. The store is open.
std::string audit(EngineStore& store);

}  // namespace caisson::mvcc::testing

#endif  // CAISSON_MVCC_TESTING_CRASH_WORKLOAD_H_

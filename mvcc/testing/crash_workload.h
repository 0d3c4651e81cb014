// A store that is used at random, in one life after the other, and compared with a model by value:
// what the tests of crashes do, and the hunts for planted mistakes.

#ifndef CAISSON_MVCC_TESTING_CRASH_WORKLOAD_H_
#define CAISSON_MVCC_TESTING_CRASH_WORKLOAD_H_

#include <cstddef>
#include <map>
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

  // The states that have names; and a name that was being given or taken when a life ended.
  std::map<std::string, std::size_t> names;
  std::string unknown_name;
};

// One life of a process: opens the store, and uses it for so many steps. Ends where a call fails.
// Says what is wrong with what it finds, as judge() does; "" if nothing is.
std::string live(EngineStore& store, History& history, Random& random, int steps);

// Says what is wrong with what a store holds that has just been opened. What it finds is
// acknowledged from then on.
std::string compare(EngineStore& store, History& history);

// Opens the store as it is, compares, and leaves it open.
std::string judge(EngineStore& store, History& history);

// Writes a checkpoint and says what is wrong with the page file: every tree of it, and the walk
// against the allocation blob. The store is open.
std::string audit(EngineStore& store);

}  // namespace caisson::mvcc::testing

#endif  // CAISSON_MVCC_TESTING_CRASH_WORKLOAD_H_

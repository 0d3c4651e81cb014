// What a random workload comes upon too seldom, each as a short story with one end. Each says what
// is wrong; "" if nothing is.

#ifndef CAISSON_MVCC_TESTING_SCENARIOS_H_
#define CAISSON_MVCC_TESTING_SCENARIOS_H_

#include <string>

#include "mvcc/testing/harness.h"

namespace caisson::mvcc::testing {

// While one commit is made durable, the next ones come and supersede its pages; then it is
// published without them. Says what is wrong with what its snapshot shows.
std::string publish_between(const StoreOptions& options);

// The newest meta rots, once behind commits and checkpoints that fill some log files, and once
// behind a power cut that came when a checkpoint of a commit was done that nobody had waited for.
// Says what is wrong with what the older checkpoint and the log lead to.
std::string rot_newest_meta(const StoreOptions& options);

// A state that has a name, and the checkpoints of the history, while later commits go over all
// pages again and again, over reopenings and the loss of the newest meta.
std::string keep_the_past(const StoreOptions& options);

// Another process has a snapshot open, while later commits go over all pages again and again, also
// when the writer has closed the store and another one has opened it.
std::string read_elsewhere(const StoreOptions& options);

// The same, where nobody knows which checkpoint it reads.
std::string read_anonymously(const StoreOptions& options);

// Another process looks while a commit is being made durable; then the power fails. What it has
// seen is there.
std::string look_between(const StoreOptions& options);

// Nobody follows a position, while commits and checkpoints go on, over a kill and a reopening; then
// somebody does.
std::string come_back_to_a_position(const StoreOptions& options);

}  // namespace caisson::mvcc::testing

#endif  // CAISSON_MVCC_TESTING_SCENARIOS_H_

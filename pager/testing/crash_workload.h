// A random workload on a page file, and what may be found after a crash: shared by the tests that
// crash at every call and by those that plant bugs and expect them to be found.
//
// A "life" is what one process does: open the store (creating it if need be, and now and then at
// the older checkpoint), run transactions, spills and checkpoints beside a reader, close. Every
// life checks what it sees against the History. A violation comes back as a text, not as a failed
// expectation: a mutant's test wants to see one.

#ifndef CAISSON_PAGER_TESTING_CRASH_WORKLOAD_H_
#define CAISSON_PAGER_TESTING_CRASH_WORKLOAD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/random.h"
#include "io/sim/machine.h"
#include "pager/testing/page_array.h"

namespace caisson::pager::testing {

// Everything that a store may turn out to hold. A value: each crash state gets a copy.
struct History {
  bool created = false;                                    // create_page_file has reported success.
  std::map<std::uint64_t, ArrayModel> states = {{0, {}}};  // Contents, by txn.

  // The txns at which the store may open: the last checkpoint acknowledged or seen, and those
  // that were under way since.
  std::set<std::uint64_t> possible = {0};
};

struct LifeOptions {
  std::uint64_t seed = 1;
  int rounds = 6;                // Transactions.
  bool faults_expected = false;  // Errors are part of the game (but wrong contents never are).
  bool damage_expected = false;  // kCorruption is, too: bytes were lost or misdirected.
  PageAccess access = PageAccess::kMapped;
  std::uint32_t page_size = 4096;
};

// Lives one life. Returns what contradicts the history, if anything does. When the machine goes
// down the life ends at once and has seen nothing wrong.
std::optional<std::string> live(io::sim::Machine& machine, History& history,
                                const LifeOptions& options);

// Opens the store as it is, compares it with the history and audits every page. Nothing may fail.
std::optional<std::string> verify(io::sim::Machine& machine, History& history);

}  // namespace caisson::pager::testing

#endif  // CAISSON_PAGER_TESTING_CRASH_WORKLOAD_H_

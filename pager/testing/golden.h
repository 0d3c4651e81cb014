// Page files of spec/golden/ on a simulated machine.

#ifndef CAISSON_PAGER_TESTING_GOLDEN_H_
#define CAISSON_PAGER_TESTING_GOLDEN_H_

#include <memory>

#include "base/result.h"
#include "io/sim/machine.h"

namespace caisson::pager::testing {

// A store on the machine with this page file, durable.
std::unique_ptr<io::Directory> make_store_of(io::sim::Machine& machine, Bytes page_file);

}  // namespace caisson::pager::testing

#endif  // CAISSON_PAGER_TESTING_GOLDEN_H_

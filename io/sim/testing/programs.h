// Small programs for a simulated machine, and short ways to look at what they left. What has to
// succeed and doesn't throws, which a test reports with the error.

#ifndef CAISSON_IO_SIM_TESTING_PROGRAMS_H_
#define CAISSON_IO_SIM_TESTING_PROGRAMS_H_

#include <memory>
#include <string>
#include <vector>

#include "io/sim/machine.h"
#include "io/testing/basics.h"

namespace caisson::io::testing {

using Names = std::vector<std::string>;

std::unique_ptr<Directory> root_of(sim::Machine& machine);

// Files in the root directory.
std::unique_ptr<File> create(sim::Machine& machine, const std::string& name);
std::unique_ptr<File> open(sim::Machine& machine, const std::string& name);

// A file whose name and first bytes are durable.
std::unique_ptr<File> create_durable(sim::Machine& machine, const std::string& name,
                                     const Buffer& bytes);

Names names_of(sim::Machine& machine);
Buffer bytes_of(sim::Machine& machine, const std::string& name);

// The next call of the machine fails in this way, once.
void fail_next(sim::Machine& machine, sim::FaultKind kind);

// A program that makes one call of each kind, and goes on whatever fails.
void make_every_call(sim::Machine& machine);

// A traced call in one line, and all of a machine's.
std::string line_of(const sim::TracedCall& call);
std::vector<std::string> lines_of(const sim::Machine& machine);

}  // namespace caisson::io::testing

#endif  // CAISSON_IO_SIM_TESTING_PROGRAMS_H_

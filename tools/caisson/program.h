// The program `caisson`: its command line, and what becomes of it.

#ifndef CAISSON_TOOLS_CAISSON_PROGRAM_H_
#define CAISSON_TOOLS_CAISSON_PROGRAM_H_

#include "tools/caisson/command.h"

namespace caisson::tools {

// Runs the program; argv[0] is its name. Returns what it exits with, which is context.code: also
// where the output couldn't be written (kIoFailure), which it says on context.err unless a pipe was
// closed; `output_error` is asked for the errno of that.
int run(
    int argc, const char* const* argv, Context& context,
    const std::function<int()>& output_error = [] { return 0; });

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_PROGRAM_H_

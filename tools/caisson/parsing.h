// A command line is parsed, and what it asks for is done.

#ifndef CAISSON_TOOLS_CAISSON_PARSING_H_
#define CAISSON_TOOLS_CAISSON_PARSING_H_

#include <CLI/CLI.hpp>
#include <functional>

#include "tools/caisson/command.h"

namespace caisson::tools {

// Parses, which runs the callbacks of `app`; argv[0] is the program's name. What is wrong with the
// line is said, with what may have been meant. Returns what the program exits with, which is
// context.code: also where the output couldn't be written (kIoFailure), which it says on
// context.err unless a pipe was closed; `output_error` is asked for the errno of that.
int parse_and_run(CLI::App& app, int argc, const char* const* argv, Context& context,
                  const std::function<int()>& output_error);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_PARSING_H_

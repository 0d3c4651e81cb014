// What a program has from the system: its input, output and messages, and signals.

#ifndef CAISSON_TOOLS_CAISSON_TERMINAL_H_
#define CAISSON_TOOLS_CAISSON_TERMINAL_H_

#include <functional>

#include "tools/caisson/command.h"

namespace caisson::tools {

// Runs with a context, and something that tells the errno of output which couldn't be written;
// returns what the program is to exit with.
using Program = std::function<int(Context& context, const std::function<int()>& output_error)>;

// Once a process, from main(): catches signals (tools/cli/interrupt.h), and runs a program on the
// three standard streams. Returns what it returned; where its output was a closed pipe, not at all.
int with_terminal(const Program& program);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_TERMINAL_H_

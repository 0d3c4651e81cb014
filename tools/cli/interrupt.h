// Ctrl-C, and a pipe that nobody reads any more: what the system tells a program by signals.

#ifndef CAISSON_TOOLS_CLI_INTERRUPT_H_
#define CAISSON_TOOLS_CLI_INTERRUPT_H_

namespace caisson::tools {

// From now on the first SIGINT or SIGTERM is only noted, and a second one ends the process at once;
// SIGPIPE is ignored, so that writing to a closed pipe is an error. Once a process, from main().
void catch_signals();

// The signal that was noted; 0 if none was. Any thread may ask.
int noted_signal();

// A descriptor that can be read once a signal was noted: to wait for together with others.
int signal_descriptor();

// Ends the process as a closed pipe ends others: by SIGPIPE.
[[noreturn]] void die_of_closed_pipe();

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CLI_INTERRUPT_H_

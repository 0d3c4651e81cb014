// The table of all subcommands.

#ifndef CAISSON_TOOLS_CAISSON_COMMANDS_H_
#define CAISSON_TOOLS_CAISSON_COMMANDS_H_

#include <span>

#include "tools/caisson/command.h"

namespace caisson::tools {

struct Command {
  const char* name;
  const char* group;    // Of --help and of the man page; "": hidden.
  const char* summary;  // A sentence without its full stop.
  void (*add)(CLI::App& command, Context& context);
};

// In the order of --help. Lives for ever.
std::span<const Command> commands();

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_COMMANDS_H_

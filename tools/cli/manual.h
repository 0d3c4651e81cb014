// The man pages, made of what --help is made of.

#ifndef CAISSON_TOOLS_CLI_MANUAL_H_
#define CAISSON_TOOLS_CLI_MANUAL_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace caisson::tools {

// The commands that aren't hidden, in the order of --help.
std::vector<const CLI::App*> shown_commands(const CLI::App& app);

// The page of a command, or of the program itself, as man(7) has it.
std::string manual_page(const CLI::App& command);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CLI_MANUAL_H_

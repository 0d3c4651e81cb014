// What shells complete, made of what --help is made of.

#ifndef CAISSON_TOOLS_CLI_COMPLETIONS_H_
#define CAISSON_TOOLS_CLI_COMPLETIONS_H_

#include <CLI/CLI.hpp>
#include <string>

namespace caisson::tools {

// Each completes commands, their options, what these may be set to where that is a list, and files.
std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);
std::string fish_completion(const CLI::App& app);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CLI_COMPLETIONS_H_

// How --help looks.

#ifndef CAISSON_TOOLS_CLI_HELP_H_
#define CAISSON_TOOLS_CLI_HELP_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace caisson::tools {

class HelpFormatter : public CLI::Formatter {
 public:
  explicit HelpFormatter(bool colour);

  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
  std::string make_group(std::string group, bool is_positional,
                         std::vector<const CLI::Option*> options) const override;
  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_subcommands(const CLI::App* app, CLI::AppFormatMode mode) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
  std::string make_footer(const CLI::App* app) const override;

 private:
  std::string bold(const std::string& text) const;

  const bool colour_;
};

// "caisson put [OPTIONS] STORE TREE KEY [VALUE]".
std::string usage_of(const CLI::App& command);

// What stands for an option's value, such as "N"; "" of a flag. And " (default: 1)", or nothing.
std::string value_name(const CLI::Option& option);
std::string default_of(const CLI::Option& option);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CLI_HELP_H_

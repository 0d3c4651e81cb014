#include "tools/cli/help.h"

#include <string_view>
#include <utility>

namespace caisson::tools {

std::string value_name(const CLI::Option& option) {
  if (option.get_type_size() == 0) return "";  // A flag.
  if (!option.get_option_text().empty()) return option.get_option_text();
  return option.get_type_name();
}

std::string default_of(const CLI::Option& option) {
  const std::string value = option.get_default_str();
  const bool flag = option.get_type_size() == 0;
  return value.empty() || flag ? "" : " (default: " + value + ")";
}

std::string usage_of(const CLI::App& command) {
  std::string usage = "caisson";
  if (command.get_parent() == nullptr) return usage + " COMMAND STORE [TREE] [ARGUMENTS] [OPTIONS]";
  usage += " " + command.get_name() + " [OPTIONS]";
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_positional()) continue;
    std::string name = option->get_name(true, false);
    if (option->get_expected_max() > 1) name += "...";
    usage += " " + (option->get_required() ? name : "[" + name + "]");
  }
  return usage;
}

HelpFormatter::HelpFormatter(bool colour) : colour_(colour) { column_width(26); }

std::string HelpFormatter::bold(const std::string& text) const {
  return colour_ ? "\033[1m" + text + "\033[0m" : text;
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode mode) const {
  const std::string text = Formatter::make_help(app, std::move(name), mode);
  return CLI::detail::find_and_replace(text, "\n\n\n", "\n\n");
}

std::string HelpFormatter::make_group(std::string group, bool is_positional,
                                      std::vector<const CLI::Option*> options) const {
  if (group == "Positionals") group = "Arguments";
  std::string text = "\n" + bold(group + ":") + "\n";
  for (const CLI::Option* option : options) text += make_option(option, is_positional);
  return text;
}

std::string HelpFormatter::make_usage(const CLI::App* app, std::string /*name*/) const {
  return bold("Usage:") + " " + usage_of(*app) + "\n";
}

std::string HelpFormatter::make_subcommands(const CLI::App* app,
                                            CLI::AppFormatMode /*mode*/) const {
  std::string text;
  std::string group;
  for (const CLI::App* command : app->get_subcommands({})) {
    if (command->get_group().empty()) continue;
    if (command->get_group() != group) {
      group = command->get_group();
      text += "\n" + bold(group + ":") + "\n";
    }
    text += make_subcommand(command);
  }
  return text;
}

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  const std::string name = value_name(*option);
  return option->get_positional() || name.empty() ? "" : " " + name;
}

std::string HelpFormatter::make_option_desc(const CLI::Option* option) const {
  return option->get_description() + default_of(*option);
}

std::string HelpFormatter::make_footer(const CLI::App* app) const {
  constexpr std::string_view kExamples = "Examples:";
  std::string footer = app->get_footer();
  if (footer.starts_with(kExamples)) footer.replace(0, kExamples.size(), bold("Examples:"));
  return footer.empty() ? "" : footer + "\n";
}

}  // namespace caisson::tools

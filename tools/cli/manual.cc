#include "tools/cli/manual.h"

#include <caisson/version.h>

#include <cctype>
#include <string_view>

#include "tools/cli/help.h"

namespace caisson::tools {
namespace {

// A line of text that means nothing else to troff.
std::string plain(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::vector<std::string> split(const std::string& text, const std::string& by) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t at = text.find(by); at != std::string::npos; at = text.find(by, begin)) {
    parts.push_back(text.substr(begin, at - begin));
    begin = at + by.size();
  }
  parts.push_back(text.substr(begin));
  return parts;
}

// A paragraph: its lines as they are if some of them are indented.
std::string paragraph(const std::string& text) {
  const bool as_it_is = text.starts_with(' ') || text.find("\n ") != std::string::npos;
  std::string out = as_it_is ? ".PP\n.nf\n" : ".PP\n";
  for (const std::string& line : split(text, "\n")) out += plain(line) + "\n";
  return out + (as_it_is ? ".fi\n" : "");
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string name_of(const CLI::App& command) {
  return command.get_parent() == nullptr ? "caisson" : "caisson-" + command.get_name();
}

std::string options_of(const CLI::App& command, bool positional) {
  std::string out;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional() != positional || option->get_group().empty()) continue;
    const std::string value = positional ? "" : value_name(*option);
    out += ".TP\n\\fB" + plain(option->get_name(positional, !positional)) + "\\fR" +
           (value.empty() ? "" : " \\fI" + plain(value) + "\\fR") + "\n";
    out += plain(option->get_description() + default_of(*option)) + "\n";
  }
  return out;
}

std::string section(const std::string& heading, const std::string& text) {
  return text.empty() ? "" : ".SH " + heading + "\n" + text;
}

std::string commands_of(const CLI::App& app) {
  std::string out;
  std::string group;
  for (const CLI::App* command : shown_commands(app)) {
    if (command->get_group() != group) out += ".SS " + plain(command->get_group()) + "\n";
    group = command->get_group();
    out += ".TP\n\\fB" + plain(name_of(*command)) + "\\fR(1)\n" +
           plain(command->get_description()) + "\n";
  }
  return out;
}

}  // namespace

std::vector<const CLI::App*> shown_commands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
}

std::string manual_page(const CLI::App& command) {
  const bool program = command.get_parent() == nullptr;
  std::string examples;
  std::string description;
  for (const std::string& part : split(command.get_footer(), "\n\n")) {
    constexpr std::string_view kExamples = "Examples:\n";
    if (part.starts_with(kExamples)) {
      examples += paragraph(part.substr(kExamples.size()));
    } else {
      description += paragraph(part);
    }
  }
  std::string summary = command.get_description();
  summary.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(summary.front())));
  return ".TH " + upper(plain(name_of(command))) + " 1 \"\" \"caisson " + std::string(version()) +
         "\" \"Caisson\"\n" +  //
         section("NAME", plain(name_of(command)) + " \\- " + plain(summary) + "\n") +
         section("SYNOPSIS", "\\fB" + plain(usage_of(command)) + "\\fR\n") +
         section("DESCRIPTION", description) + section("ARGUMENTS", options_of(command, true)) +
         section("OPTIONS", options_of(command, false)) +
         section("COMMANDS", program ? commands_of(command) : "") + section("EXAMPLES", examples) +
         section("SEE ALSO", program ? "" : "\\fBcaisson\\fR(1), for what all commands share.\n");
}

}  // namespace caisson::tools

#include "tools/caisson/parsing.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "tools/cli/suggest.h"

namespace caisson::tools {
namespace {

// The words before "--", among which options are.
std::vector<std::string_view> words_of(int argc, const char* const* argv) {
  std::vector<std::string_view> words(argv + std::min(argc, 1), argv + argc);
  words.erase(std::ranges::find(words, "--"), words.end());
  return words;
}

// What is wrong with the command, if there is none of that name; "". Where a program can do without
// a command, the first word may belong to an option.
std::string unknown_command(const CLI::App& app, const std::vector<std::string_view>& words) {
  if (app.get_require_subcommand_min() == 0) return "";
  const auto word = std::ranges::find_if_not(words, [](auto w) { return w.starts_with('-'); });
  if (word == words.end()) return "";
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == *word) return "";
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  return "there is no command \"" + std::string(*word) + "\"." + did_you_mean(*word, names);
}

// The same for the first option that a command doesn't know.
std::string unknown_option(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const std::string& word : command.remaining()) {
    if (word.size() < 2 || word.front() != '-' || word == "--") continue;
    const std::string name = word.substr(0, word.find('='));
    std::string text = "there is no option " + name + ".";
    const std::string meant = did_you_mean(name, names);
    return text +
           (meant.empty() ? " Write -- before a key or value that begins with a dash." : meant);
  }
  return "";
}

// What is wrong with the command line, for people.
std::string explain(const CLI::App& command, const CLI::ParseError& error) {
  std::string option = unknown_option(command);
  if (!option.empty()) return option;
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const std::vector<std::string> extra = command.remaining();
    if (!extra.empty()) return "too many arguments: what is \"" + extra.front() + "\"?";
  }
  return error.what();
}

// What can't be told by the time that the program runs is told here: that nobody could be told.
void check_output(Context& context, const std::function<int()>& output_error) {
  context.out.flush();
  if (context.out.good()) return;
  const int number = output_error();
  if (context.code == kFine || context.code == kNegative) context.code = kIoFailure;
  if (number == EPIPE) return;  // Whoever read it has seen enough.
  context.err << context.program << ": can't write the output: "
              << (number == 0 ? "the stream failed" : std::strerror(number)) << "\n";
}

}  // namespace

int parse_and_run(CLI::App& app, int argc, const char* const* argv, Context& context,
                  const std::function<int()>& output_error) {
  const std::vector<std::string_view> words = words_of(argc, argv);
  if (const std::string unknown = unknown_command(app, words); !unknown.empty()) {
    context.json = std::ranges::find(words, "--json") != words.end();
    report_usage(context, app, unknown);
  } else {
    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& wanted) {
      app.exit(wanted, context.out, context.err);
    } catch (const CLI::ParseError& error) {
      context.json = std::ranges::find(words, "--json") != words.end();
      const auto parsed = app.get_subcommands();
      const CLI::App& command = parsed.empty() ? app : *parsed.front();
      report_usage(context, command, argc < 2 ? "which command?" : explain(command, error));
    }
  }
  check_output(context, output_error);
  return context.code;
}

}  // namespace caisson::tools

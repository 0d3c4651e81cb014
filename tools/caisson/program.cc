#include "tools/caisson/program.h"

#include <caisson/version.h>

#include <memory>
#include <string>

#include "tools/caisson/commands.h"
#include "tools/caisson/parsing.h"
#include "tools/cli/help.h"

namespace caisson::tools {
namespace {

constexpr const char* kFooter = R"(Examples:
  caisson put notes.caisson shopping milk '2 litres'
  caisson get notes.caisson shopping milk
  caisson scan notes.caisson
  caisson COMMAND --help                  all about one command

Each command takes the store first, then the tree, then what is done with it; options may stand
anywhere. Behind -- nothing is an option: for keys and values that begin with a dash.

Exits with 0 if all is well, 1 for a negative answer, 2 if called wrongly, 3 if data is damaged,
4 if the store is busy, 5 if the system can't read or write; 130 or 143 when Ctrl-C or SIGTERM
stopped it. Messages are coloured on a terminal, unless NO_COLOR is set.)";

void add_commands(CLI::App& app, Context& context) {
  for (const Command& command : commands()) {
    CLI::App* added = app.add_subcommand(command.name, command.summary);
    added->group(command.group);
    command.add(*added, context);
    added->set_help_flag("-h,--help", "Show this help")->group("Output");
    added->add_flag("--json", context.json, "Print JSON, errors too")->group("Output");
    added->add_flag("--quiet,-q", context.quiet, "Print nothing but what was asked for")
        ->group("Output");
  }
}

}  // namespace

int run(int argc, const char* const* argv, Context& context,
        const std::function<int()>& output_error) {
  CLI::App app{"A store of keys and values: the command line.", "caisson"};
  app.set_version_flag("--version", "caisson " + std::string(version()), "Show the version");
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "Show this help");
  app.formatter(std::make_shared<HelpFormatter>(context.out_colour));
  app.footer(kFooter);
  add_commands(app, context);
  return parse_and_run(app, argc, argv, context, output_error);
}

}  // namespace caisson::tools

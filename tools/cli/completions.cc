#include "tools/cli/completions.h"

#include <string_view>
#include <vector>

#include "tools/cli/help.h"
#include "tools/cli/manual.h"

namespace caisson::tools {
namespace {

// The options of a command: no arguments, nothing hidden.
std::vector<const CLI::Option*> options_of(const CLI::App& command) {
  return command.get_options([](const CLI::Option* option) {
    return !option->get_positional() && !option->get_group().empty();
  });
}

// What an option may be set to, with spaces between; "" if that is no list. CLI11 tells it as
// TEXT:{a,b}.
std::string choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t begin = type.find('{');
  const std::size_t end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) return "";
  std::string choices = type.substr(begin + 1, end - begin - 1);
  for (char& c : choices) c = c == ',' ? ' ' : c;
  return choices;
}

// -q --quiet
std::string names_of(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_snames()) names += " -" + name;
  for (const std::string& name : option.get_lnames()) names += " --" + name;
  return names.substr(1);
}

// A text in single quotes, as shells have it.
std::string in_quotes(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string names_of_commands(const CLI::App& app) {
  std::string names;
  for (const CLI::App* command : shown_commands(app)) names += " " + command->get_name();
  return names.substr(1);
}

// Puts a backslash before each of some characters.
std::string with_backslashes(const std::string& text, std::string_view characters) {
  std::string out;
  for (const char c : text) {
    if (characters.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  std::string out = R"(# bash completion for caisson

_caisson() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} options=
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    mapfile -t COMPREPLY < <(compgen -W ")" +
                    names_of_commands(app) + R"( --help --version" -- "$word")
    return
  fi
  case ${COMP_WORDS[1]}:$before in
)";
  for (const CLI::App* command : shown_commands(app)) {
    for (const CLI::Option* option : options_of(*command)) {
      const std::string choices = choices_of(*option);
      if (choices.empty()) continue;
      out += "    " + command->get_name() + ":--" + option->get_lnames().front() +
             ")\n      mapfile -t COMPREPLY < <(compgen -W \"" + choices +
             "\" -- \"$word\")\n      return ;;\n";
    }
  }
  out += "  esac\n  case ${COMP_WORDS[1]} in\n";
  for (const CLI::App* command : shown_commands(app)) {
    out += "    " + command->get_name() + ") options=\"";
    std::string space;
    for (const CLI::Option* option : options_of(*command)) {
      out += space + names_of(*option);
      space = " ";
    }
    out += "\" ;;\n";
  }
  return out + R"(  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -o filenames -F _caisson caisson
)";
}

std::string zsh_completion(const CLI::App& app) {
  std::string out = "#compdef caisson\n\n_caisson() {\n  local -a commands=(\n";
  for (const CLI::App* command : shown_commands(app)) {
    out +=
        "    " +
        in_quotes(command->get_name() + ":" + with_backslashes(command->get_description(), ":")) +
        "\n";
  }
  out +=
      "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
      "  local verb=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $verb in\n";
  for (const CLI::App* command : shown_commands(app)) {
    out += "    " + command->get_name() + ")\n      _arguments \\\n";
    for (const CLI::Option* option : options_of(*command)) {
      std::string what;
      if (const std::string value = value_name(*option); !value.empty()) {
        const std::string choices = choices_of(*option);
        what = ":" + value + ":" + (choices.empty() ? "_files" : "(" + choices + ")");
      }
      std::string text = "--" + option->get_lnames().front();
      text += "[" + with_backslashes(option->get_description(), "[]:") + "]" + what;
      out += "        " + in_quotes(text) + " \\\n";
    }
    out += "        '*:file:_files' ;;\n";
  }
  return out + "  esac\n}\n\n_caisson \"$@\"\n";
}

std::string fish_completion(const CLI::App& app) {
  std::string out = "# fish completion for caisson\n";
  for (const CLI::App* command : shown_commands(app)) {
    out += "complete -c caisson -n __fish_use_subcommand -f -a " + command->get_name() + " -d " +
           in_quotes(command->get_description()) + "\n";
  }
  for (const CLI::App* command : shown_commands(app)) {
    for (const CLI::Option* option : options_of(*command)) {
      out += "complete -c caisson -n '__fish_seen_subcommand_from " + command->get_name() + "'";
      for (const std::string& name : option->get_snames()) out += " -s " + name;
      for (const std::string& name : option->get_lnames()) out += " -l " + name;
      const std::string choices = choices_of(*option);
      if (!choices.empty()) {
        out += " -x -a " + in_quotes(choices);
      } else if (!value_name(*option).empty()) {
        out += " -r";
      }
      out += " -d " + in_quotes(option->get_description()) + "\n";
    }
  }
  return out;
}

}  // namespace caisson::tools

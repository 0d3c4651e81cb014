#include "tools/caisson/row_arguments.h"

namespace caisson::tools {

void add_format(CLI::App& command, std::string& format) {
  command.add_option("--format", format, "How rows are written: tsv, jsonl or binary")
      ->option_text("FORMAT")
      ->check(CLI::IsMember({"tsv", "jsonl", "binary"}));
}

RowFormat choose_format(const std::string& named, const std::string& file, bool has_tree) {
  if (const auto format = row_format_named(named)) return *format;
  if (const auto format = row_format_of_file(file)) return *format;
  return has_tree ? RowFormat::kTsv : RowFormat::kJsonLines;
}

void PlaceArguments::add_to(CLI::App& command, const std::string& tree_description,
                            const std::string& file_description) {
  const auto ignore = [](const std::string&) {};
  first = command.add_option_function<std::string>("TREE", ignore, tree_description);
  second = command.add_option_function<std::string>("FILE", ignore, file_description);
}

std::pair<std::optional<std::string>, std::string> PlaceArguments::tree_and_file() const {
  if (first->count() == 0) return {std::nullopt, ""};
  if (second->count() == 0) return {std::nullopt, first->results().front()};
  return {first->results().front(), second->results().front()};
}

}  // namespace caisson::tools

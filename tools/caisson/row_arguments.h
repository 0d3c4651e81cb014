// Arguments of `load` and `dump`.

#ifndef CAISSON_TOOLS_CAISSON_ROW_ARGUMENTS_H_
#define CAISSON_TOOLS_CAISSON_ROW_ARGUMENTS_H_

#include <optional>
#include <string>
#include <utility>

#include "tools/caisson/command.h"
#include "tools/rows/row.h"

namespace caisson::tools {

// Adds --format.
void add_format(CLI::App& command, std::string& format);

// The format that is named; else the one of the file; else TSV where there is a tree, and JSON
// Lines where rows have to say theirs.
RowFormat choose_format(const std::string& named, const std::string& file, bool has_tree);

// [TREE] [FILE]: where there is only one of them, it is the file's.
struct PlaceArguments {
  CLI::Option* first = nullptr;
  CLI::Option* second = nullptr;

  // Adds them.
  void add_to(CLI::App& command, const std::string& tree_description,
              const std::string& file_description);

  // What was given; "" for no file.
  std::pair<std::optional<std::string>, std::string> tree_and_file() const;
};

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_ROW_ARGUMENTS_H_

// caisson generate: writes the man pages and the completions, for the build that installs them.

#include <filesystem>
#include <memory>
#include <ostream>
#include <string>

#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/cli/completions.h"
#include "tools/cli/manual.h"
#include "tools/cli/output_file.h"

namespace caisson::tools {
namespace {

constexpr const char* kFooter = R"(Examples:
  caisson generate build/share

Writes man/man1/caisson*.1, bash-completion/completions/caisson, zsh/site-functions/_caisson and
fish/vendor_completions.d/caisson.fish into a directory, as they lie in /usr/share.)";

Result<void> write(const std::filesystem::path& path, const std::string& text) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) return fail(system_error(error.value(), "can't make it", path.parent_path()));
  CAISSON_ASSIGN_OR_RETURN(const auto file, OutputFile::create(path));
  file->stream() << text;
  return file->finish();
}

Result<void> generate(const CLI::App& app, const std::filesystem::path& folder) {
  const auto manual = folder / "man/man1";
  CAISSON_RETURN_IF_ERROR(write(manual / "caisson.1", manual_page(app)));
  for (const CLI::App* command : shown_commands(app)) {
    const std::string name = "caisson-" + command->get_name() + ".1";
    CAISSON_RETURN_IF_ERROR(write(manual / name, manual_page(*command)));
  }
  CAISSON_RETURN_IF_ERROR(
      write(folder / "bash-completion/completions/caisson", bash_completion(app)));
  CAISSON_RETURN_IF_ERROR(write(folder / "zsh/site-functions/_caisson", zsh_completion(app)));
  return write(folder / "fish/vendor_completions.d/caisson.fish", fish_completion(app));
}

}  // namespace

void add_generate(CLI::App& command, Context& context) {
  auto folder = std::make_shared<std::string>();
  command.add_option("DIR", *folder, "Where to write them")->required();
  command.footer(kFooter);
  command.callback([folder, &command, &context] {
    const auto done = generate(*command.get_parent(), *folder);
    if (!done) report(context, done.error());
  });
}

}  // namespace caisson::tools

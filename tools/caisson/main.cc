// caisson: the command line. Each subcommand is a file beside this one.

#include "tools/caisson/program.h"
#include "tools/caisson/terminal.h"

int main(int argc, char** argv) {
  return caisson::tools::with_terminal([&](auto& context, const auto& output_error) {
    return caisson::tools::run(argc, argv, context, output_error);
  });
}

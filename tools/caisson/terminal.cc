#include "tools/caisson/terminal.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <istream>
#include <ostream>
#include <string_view>

#include "tools/cli/descriptor.h"
#include "tools/cli/interrupt.h"

namespace caisson::tools {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool may_colour(int descriptor) {
  return isatty(descriptor) == 1 && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
}

}  // namespace

int with_terminal(const Program& program) {
  catch_signals();
  DescriptorSource in_bytes(STDIN_FILENO, signal_descriptor());
  DescriptorSink out_bytes(STDOUT_FILENO);
  DescriptorSink err_bytes(STDERR_FILENO);
  std::istream in(&in_bytes);
  std::ostream out(&out_bytes);
  std::ostream err(&err_bytes);
  err << std::unitbuf;
  Context context{.in = in, .out = out, .err = err};
  context.out_colour = may_colour(STDOUT_FILENO);
  context.err_colour = may_colour(STDERR_FILENO);
  context.err_terminal = isatty(STDERR_FILENO) == 1 && variable("TERM") != "dumb";
  context.out_descriptor = STDOUT_FILENO;
  context.signal = noted_signal;
  context.signal_descriptor = signal_descriptor();
  const int code = program(context, [&] { return out_bytes.error(); });
  if (out_bytes.error() == EPIPE) die_of_closed_pipe();
  return code;
}

}  // namespace caisson::tools

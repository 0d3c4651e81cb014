// How far a long command is: a bar for people, lines of JSON for programs, or nothing.

#ifndef CAISSON_TOOLS_CAISSON_PROGRESS_H_
#define CAISSON_TOOLS_CAISSON_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "tools/caisson/command.h"

namespace caisson::tools {

// Adds --progress auto|bar|json|none.
void add_progress(CLI::App& command, std::string& kind);

// Draws on context.err what fits a line, at most ten times a second. Used by one thread.
class ProgressBar {
 public:
  // Of so many, if that is known; rows or bytes, as `share` is told. Draws nothing unless `wanted`.
  ProgressBar(Context& context, bool wanted, std::optional<std::uint64_t> total);

  // What there was before this run, which its speed isn't counted from.
  void begin_at(std::uint64_t rows, std::uint64_t bytes);

  // So many rows and bytes are done, and so much of the total. Without rows, bytes are shown.
  void show(std::uint64_t rows, std::uint64_t bytes, std::uint64_t share);

  // Wipes the line.
  void end();

  // Since it was made.
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;

  std::string line(std::uint64_t rows, std::uint64_t bytes, std::uint64_t share) const;

  Context& context_;
  const bool wanted_;
  const std::optional<std::uint64_t> total_;
  const Clock::time_point begun_ = Clock::now();
  std::optional<Clock::time_point> drawn_;
  std::uint64_t rows_before_ = 0;
  std::uint64_t bytes_before_ = 0;
};

// Whether `kind` asks for a bar; "auto" does so on a terminal.
bool wants_bar(const Context& context, const std::string& kind);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_PROGRESS_H_

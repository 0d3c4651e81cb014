#include "tools/caisson/progress.h"

#include <algorithm>
#include <ostream>

namespace caisson::tools {

void add_progress(CLI::App& command, std::string& kind) {
  command.add_option("--progress", kind, "A bar on a terminal (auto), bar, json or none")
      ->option_text("KIND")
      ->check(CLI::IsMember({"auto", "bar", "json", "none"}))
      ->capture_default_str();
}

bool wants_bar(const Context& context, const std::string& kind) {
  if (kind == "auto") return context.err_terminal && !context.quiet && !context.json;
  return kind == "bar";
}

ProgressBar::ProgressBar(Context& context, bool wanted, std::optional<std::uint64_t> total)
    : context_(context), wanted_(wanted), total_(total) {}

void ProgressBar::begin_at(std::uint64_t rows, std::uint64_t bytes) {
  rows_before_ = rows;
  bytes_before_ = bytes;
}

double ProgressBar::seconds() const {
  return std::chrono::duration<double>(Clock::now() - begun_).count();
}

std::string ProgressBar::line(std::uint64_t rows, std::uint64_t bytes, std::uint64_t share) const {
  const double elapsed = std::max(seconds(), 1e-6);
  const auto per_second = [elapsed](std::uint64_t now, std::uint64_t before) {
    return static_cast<std::uint64_t>(static_cast<double>(now - before) / elapsed);
  };
  std::string text;
  if (total_ && *total_ > 0) {
    constexpr std::size_t kWidth = 24;
    const double part = std::min(1.0, static_cast<double>(share) / static_cast<double>(*total_));
    const auto full = static_cast<std::size_t>(part * static_cast<double>(kWidth));
    const std::string percent = std::to_string(static_cast<int>(part * 100));
    text += std::string(3 - percent.size(), ' ') + percent + " % [" + std::string(full, '#') +
            std::string(kWidth - full, '.') + "] ";
  }
  text += rows > 0
              ? show_number(rows) + " rows, " + show_number(per_second(rows, rows_before_)) + "/s"
              : show_size(bytes);
  text += ", " + show_size(per_second(bytes, bytes_before_)) + "/s";
  if (total_ && share > 0 && share < *total_) {
    // As fast as until now, over all of it: what was done before this run hardly matters.
    const double left = elapsed * static_cast<double>(*total_ - share) / static_cast<double>(share);
    text += ", " + show_duration(left) + " left";
  }
  return text;
}

void ProgressBar::show(std::uint64_t rows, std::uint64_t bytes, std::uint64_t share) {
  if (!wanted_) return;
  const auto now = Clock::now();
  if (drawn_ && now - *drawn_ < std::chrono::milliseconds(100)) return;
  drawn_ = now;
  context_.err << "\r" << line(rows, bytes, share) << "\033[K" << std::flush;
}

void ProgressBar::end() {
  if (drawn_) context_.err << "\r\033[K" << std::flush;
  drawn_.reset();
}

}  // namespace caisson::tools

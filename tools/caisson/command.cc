#include "tools/caisson/command.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <ostream>

namespace caisson::tools {

ExitCode exit_code(const Error& error) {
  switch (error.code()) {
    case Code::kNotFound:
    case Code::kAlreadyExists:
      return kNegative;
    case Code::kInvalidArgument:
    case Code::kUnsupported:
      return kUsage;
    case Code::kCorruption:
    case Code::kWrongStore:
    case Code::kUnsupportedVersion:
      return kDamaged;
    case Code::kBusy:
      return kBusy;
    case Code::kPermissionDenied:
    case Code::kReadOnly:
    case Code::kResourceExhausted:
    case Code::kSnapshotTooOld:
    case Code::kStopped:
    case Code::kOutOfSpace:
    case Code::kIoError:
    case Code::kDurabilityUnknown:
    case Code::kPoisoned:
      return kIoFailure;
  }
  return kIoFailure;
}

Json to_json(const Error& error) {
  Json json;
  json["code"] = to_string(error.code());
  json["message"] = error.message();
  if (!error.file().empty()) json["file"] = error.file();
  if (error.offset()) json["offset"] = *error.offset();
  if (error.page()) json["page"] = *error.page();
  if (error.record()) json["record"] = *error.record();
  if (!error.rule().empty()) json["rule"] = error.rule();
  if (!error.advice().empty()) json["advice"] = error.advice();
  return json;
}

// --- What a command says -------------------------------------------------------------------------

namespace {

constexpr const char* kRed = "\033[31m";
constexpr const char* kBold = "\033[1m";
constexpr const char* kPlain = "\033[0m";

void complain(Context& context, const std::string& message) {
  context.err << (context.err_colour ? kRed : "") << context.program << ":"
              << (context.err_colour ? kPlain : "") << " " << message << "\n";
}

void print_error(Context& context, const Json& error, const Json& details = Json::object()) {
  Json result;
  result["error"] = error;
  result["error"].update(details);
  print(context.out, result);
}

}  // namespace

bool Context::stopping() const { return signal() != 0 || !out.good(); }

void report(Context& context, const Error& error, const Json& details) {
  context.code = exit_code(error);
  if (context.json) return print_error(context, to_json(error), details);
  complain(context, error.to_string());
}

void report_usage(Context& context, const CLI::App& command, const std::string& message) {
  context.code = kUsage;
  const bool verb = command.get_parent() != nullptr;
  const std::string advice = "Try: " + context.program + " " +
                             (verb ? command.get_name() + " " : std::string()) + "--help";
  if (context.json) {
    Json error;
    error["code"] = "usage";
    error["message"] = message;
    error["advice"] = advice;
    return print_error(context, error);
  }
  complain(context, message);
  context.err << advice << "\n";
}

void report_stopped(Context& context, const std::string& where, const Json& details) {
  const int signal = context.signal();
  context.code = 128 + signal;
  if (context.json) {
    Json error;
    error["code"] = "interrupted";
    error["message"] = where;
    error["signal"] = signal;
    return print_error(context, error, details);
  }
  complain(context, where);
}

void print_findings(Context& context, const std::vector<Error>& findings, std::uint64_t total) {
  if (total == 0) return;
  for (const Error& finding : findings) {
    context.out << "damage: " << finding.to_string() << "\n";
  }
  if (total > findings.size()) {
    context.out << "and " << show_number(total - findings.size())
                << " more (--findings N shows more)\n";
  }
  context.out << "DAMAGED: copy the store away before anything else\n";
}

void say(Context& context, const std::string& remark) {
  if (!context.quiet && !context.json) context.err << remark << "\n";
}

void print(std::ostream& out, const Json& json) {
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

void print_line(std::ostream& out, const Json& json) {
  out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n" << std::flush;
}

// --- For people ----------------------------------------------------------------------------------

std::string show_number(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string show_count(std::uint64_t number, const std::string& one, const std::string& many) {
  return show_number(number) + " " + (number == 1 ? one : many);
}

namespace {

// Three digits that count: 1.23, 12.3, 123.
std::string three_digits(double number) {
  std::array<char, 32> text{};
  const int digits = number < 9.995 ? 2 : number < 99.95 ? 1 : 0;
  const int size = std::snprintf(text.data(), text.size(), "%.*f", digits, number);
  return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace

std::string show_size(std::uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " B";
  auto number = static_cast<double>(bytes);
  const char* unit = "B";
  for (const char* larger : {"kB", "MB", "GB", "TB", "PB", "EB"}) {
    if (number < 999.5) break;
    number /= 1000;
    unit = larger;
  }
  return three_digits(number) + " " + unit;
}

std::string show_duration(double seconds) {
  if (seconds < 0.9995) return three_digits(seconds * 1000) + " ms";
  if (seconds < 59.95) return three_digits(seconds) + " s";
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  if (whole < 3600) {
    return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  }
  return show_number(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

std::string show_time(std::chrono::sys_time<std::chrono::nanoseconds> time) {
  if (time.time_since_epoch().count() == 0) return "";
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::floor<std::chrono::system_clock::duration>(time));
  std::tm local{};
  if (localtime_r(&seconds, &local) == nullptr) return "";
  std::array<char, 64> text{};
  std::string shown(text.data(), std::strftime(text.data(), text.size(), "%FT%T%z", &local));
  if (shown.size() > 2) shown.insert(shown.size() - 2, ":");  // As ISO 8601 has it.
  return shown;
}

std::string show_uuid(const Uuid& uuid) {
  std::string text;
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[std::to_integer<unsigned>(uuid.bytes[i]) >> 4U];
    text += kDigits[std::to_integer<unsigned>(uuid.bytes[i]) & 15U];
  }
  return text;
}

std::string show_bytes(Bytes bytes, std::size_t size_max) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes.first(std::min(bytes.size(), size_max))) {
    const auto value = std::to_integer<unsigned char>(byte);
    if (value >= 0x20 && value < 0x7F && value != '\\') {
      text += static_cast<char>(value);
    } else {
      text += "\\x";
      text += kDigits[value >> 4U];
      text += kDigits[value & 15U];
    }
  }
  if (bytes.size() > size_max) text += "...";
  return text;
}

namespace {

// In characters: about what a terminal takes for them.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

std::string heading(const Context& context, const std::string& text) {
  return context.out_colour ? kBold + text + kPlain : text;
}

void Table::print(Context& context) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = context.quiet ? 0 : columns_[i].heading.size();
    for (const auto& row : rows_) width = std::max(width, width_of(row[i]));
    widths.push_back(width);
  }
  const auto line = [&](const auto& cell_of) {
    std::string text;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& cell = cell_of(i);
      const std::string space(widths[i] - width_of(cell), ' ');
      const bool last = i + 1 == columns_.size();
      if (i > 0) text += "  ";
      text += columns_[i].number ? space + cell : last ? cell : cell + space;
    }
    return text;
  };
  if (!context.quiet) {
    context.out << heading(context, line([&](std::size_t i) -> const std::string& {
                             return columns_[i].heading;
                           }))
                << "\n";
  }
  for (const auto& row : rows_) {
    context.out << line([&](std::size_t i) -> const std::string& { return row[i]; }) << "\n";
  }
}

}  // namespace caisson::tools

#include "tools/demo_screen.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace caisson::demo {
namespace {

constexpr std::size_t kNameWidth = 22;
constexpr std::size_t kLineWidth = 96;
constexpr const char* kBold = "1";
constexpr const char* kGreen = "32";
constexpr const char* kRed = "1;31";

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t place = text.size(); place > 3;) {
    place -= 3;
    text.insert(place, ",");
  }
  return text;
}

std::string fixed(double number, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return text;
}

std::string size_of(std::uint64_t bytes) {
  return fixed(static_cast<double>(bytes) / (1024 * 1024), 1) + " MiB";
}

Screen::Screen(bool quiet)
    : quiet_(quiet),
      colours_(isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr),
      bar_(!quiet && isatty(STDERR_FILENO) != 0) {}

std::string Screen::paint(const char* colour, const std::string& text) const {
  return colours_ ? "\x1b[" + std::string(colour) + "m" + text + "\x1b[0m" : text;
}

void Screen::line(const std::string& text) const {
  if (quiet_) return;
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

void Screen::title(const std::string& text) const { line(paint(kBold, text)); }

void Screen::act(int number, const std::string& heading) const {
  line("");
  title(std::to_string(number) + ". " + heading);
}

void Screen::row(const std::string& name, const std::string& value) const {
  put("    ", name, value);
}

void Screen::verdict(bool good, const std::string& name, const std::string& value) const {
  put(good ? paint(kGreen, " ok ") : paint(kRed, "BAD "), name, value);
}

void Screen::put(const std::string& mark, const std::string& name, const std::string& value) const {
  std::string begin = mark + name;
  begin.append(name.size() < kNameWidth ? kNameWidth - name.size() : 1, ' ');
  const std::string indent(4 + kNameWidth, ' ');
  std::string rest = value;
  const std::size_t room = kLineWidth - indent.size();
  while (rest.size() > room) {
    std::size_t end = rest.rfind(' ', room);
    if (end == std::string::npos || end == 0) break;
    line(begin + rest.substr(0, end));
    rest.erase(0, end + 1);
    begin = indent;
  }
  line(begin + rest);
}

void Screen::progress(std::uint64_t done, std::uint64_t total) const {
  if (!bar_) return;
  if (done >= total) {
    std::fprintf(stderr, "\r\x1b[K");
    return;
  }
  constexpr std::uint64_t kWidth = 40;
  const auto filled = static_cast<std::size_t>(done * kWidth / total);
  const std::string bar = std::string(filled, '#') + std::string(kWidth - filled, '.');
  std::fprintf(stderr, "\r    [%s] call %s of %s", bar.c_str(), grouped(done + 1).c_str(),
               grouped(total).c_str());
}

void Json::key(const std::string& name) {
  if (!first_) out_ += ',';
  first_ = false;
  if (depth_ == 0) return;
  out_ += '\n';
  out_.append(static_cast<std::size_t>(depth_) * 2, ' ');
  quote(name);
  out_ += ": ";
}

void Json::quote(std::string_view value) {
  out_ += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
      out_ += code;
    } else {
      out_ += c;
    }
  }
  out_ += '"';
}

void Json::open(const std::string& name) {
  key(name);
  out_ += '{';
  ++depth_;
  first_ = true;
}

void Json::close() {
  --depth_;
  out_ += '\n';
  out_.append(static_cast<std::size_t>(depth_) * 2, ' ');
  out_ += '}';
  first_ = false;
}

void Json::text(const std::string& name, std::string_view value) {
  key(name);
  quote(value);
}

void Json::number(const std::string& name, std::uint64_t value) {
  key(name);
  out_ += std::to_string(value);
}

void Json::real(const std::string& name, double value) {
  key(name);
  out_ += fixed(value, 3);
}

void Json::truth(const std::string& name, bool value) {
  key(name);
  out_ += value ? "true" : "false";
}

}  // namespace caisson::demo

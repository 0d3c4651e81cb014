#include "base/testing/golden.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace caisson::testing {

namespace fs = std::filesystem;

std::uint64_t parse_number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw std::runtime_error("not a number: " + std::string(text));
  }
  return value;
}

GoldenFile load_golden(const fs::path& folder, const std::string& name) {
  std::ifstream stream(folder / (name + ".hex"));
  if (!stream) throw std::runtime_error("no golden file " + name);
  GoldenFile file;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with('#')) continue;
    if (line.starts_with("expect ")) {
      file.expected.push_back(line.substr(7));
    } else if (line.starts_with("size ")) {
      file.bytes.resize(parse_number(line.substr(5), 10));
    } else {
      std::size_t at = parse_number(line.substr(0, line.find(':')), 16);
      std::istringstream row(line.substr(line.find(':') + 1));
      for (std::string byte; row >> byte;) {
        file.bytes.at(at++) = static_cast<std::byte>(parse_number(byte, 16));
      }
    }
  }
  return file;
}

std::vector<std::string> golden_names(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

std::string rule_named_by(const std::string& name) {
  std::istringstream words(name);
  std::string word;
  std::getline(words, word, '-');  // reject
  std::string rule;
  std::getline(words, rule, '-');
  std::ranges::transform(rule, rule.begin(), [](char c) { return static_cast<char>(c - 32); });
  std::getline(words, word, '-');
  return rule + "-" + word;
}

}  // namespace caisson::testing

// How the demonstration speaks: to a person at a terminal, or in JSON to a program.

#ifndef CAISSON_TOOLS_DEMO_SCREEN_H_
#define CAISSON_TOOLS_DEMO_SCREEN_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace caisson::demo {

// 1234567 as "1,234,567".
std::string grouped(std::uint64_t number);

// A number with so many digits behind the point.
std::string fixed(double number, int digits);

// Bytes as "64.2 MiB".
std::string size_of(std::uint64_t bytes);

// Prints for people. Says nothing at all if `quiet`. Colours only on a terminal, and not where
// NO_COLOR is set.
class Screen {
 public:
  explicit Screen(bool quiet);

  void title(const std::string& text) const;
  void line(const std::string& text) const;

  // One act's heading, and under it what was seen, by name. Long values are wrapped.
  void act(int number, const std::string& heading) const;
  void row(const std::string& name, const std::string& value) const;

  // A row that says whether something is as it should be.
  void verdict(bool good, const std::string& name, const std::string& value) const;

  // A bar on the standard error, where that is a terminal; gone once all is done.
  void progress(std::uint64_t done, std::uint64_t total) const;

 private:
  void put(const std::string& mark, const std::string& name, const std::string& value) const;
  std::string paint(const char* colour, const std::string& text) const;

  bool quiet_;
  bool colours_;
  bool bar_;
};

// Writes one JSON object, field by field. Objects may be nested.
class Json {
 public:
  void open(const std::string& name = {});
  void close();
  void text(const std::string& name, std::string_view value);
  void number(const std::string& name, std::uint64_t value);
  void real(const std::string& name, double value);
  void truth(const std::string& name, bool value);

  const std::string& str() const { return out_; }

 private:
  void key(const std::string& name);
  void quote(std::string_view value);

  std::string out_;
  int depth_ = 0;
  bool first_ = true;
};

}  // namespace caisson::demo

#endif  // CAISSON_TOOLS_DEMO_SCREEN_H_

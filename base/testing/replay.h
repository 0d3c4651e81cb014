// Runs one case of a test that goes through many.
//
// Such a test tells its cases apart by numbers: a seed, the call at which something happens, the
// bit that is flipped. It takes the values of each from a Replay, and names them where a case
// fails:
//
//   const Replay replay = Replay::from_environment({"seed", "call"});
//   for (const std::uint64_t seed : replay.seeds("seed", 1, 3)) {
//     for (const std::uint64_t call : replay.range("call", 0, calls_of(seed))) {
//       ASSERT_EQ(run(seed, call), "") << replay.command({seed, call});
//
// The failure's message then has one line that, given to a shell, runs that case and no other:
//
//   CAISSON_REPLAY='seed=2,call=17' .../build/dev/pager_test --gtest_filter='Crash.At...'
//
// A number that CAISSON_REPLAY leaves out takes all its values. What can't be followed (a name that
// the test doesn't know, a value that it can't have) throws, which a test reports: a replay that
// ran something else would prove nothing.

#ifndef CAISSON_BASE_TESTING_REPLAY_H_
#define CAISSON_BASE_TESTING_REPLAY_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace caisson::testing {

class Replay {
 public:
  // What CAISSON_REPLAY asks for; every case if it is not set. `fields` are the test's numbers, in
  // the order in which command() is given them.
  static Replay from_environment(std::vector<std::string> fields);

  // `text` is `name=number,name=number...`, each name one of the fields.
  Replay(std::string_view text, std::vector<std::string> fields);

  // True if all cases are to run.
  bool everything() const { return chosen_.empty(); }

  // From `first` to `last`, or the one that is asked for, which may be any number.
  std::vector<std::uint64_t> seeds(std::string_view field, std::uint64_t first,
                                   std::uint64_t last) const;

  // From `begin` to below `end`, every `step`-th, with `skip` of them left out first. Or the one
  // that is asked for, which has to lie between the two, whatever the sample takes.
  std::vector<std::uint64_t> range(std::string_view field, std::uint64_t begin, std::uint64_t end,
                                   std::uint64_t step = 1, std::uint64_t skip = 0) const;

  // The values given, or the one that is asked for, which has to lie between `begin` and `end`.
  std::vector<std::uint64_t> sample(std::string_view field, std::uint64_t begin, std::uint64_t end,
                                    std::vector<std::uint64_t> values) const;

  // The values given, or the one of them that is asked for.
  std::vector<std::uint64_t> choice(std::string_view field,
                                    std::vector<std::uint64_t> values) const;

  // The line that runs this case of the running test again, between two line ends. `values` belong
  // to the first fields; the case takes all values of the others.
  std::string command(const std::vector<std::uint64_t>& values) const;

 private:
  explicit Replay(std::vector<std::string> fields) : fields_(std::move(fields)) {}

  const std::uint64_t* chosen(std::string_view field) const;

  std::vector<std::string> fields_;
  std::map<std::string, std::uint64_t, std::less<>> chosen_;
};

// `1-60`, or `7` where there is one value: for the line that a test prints when it is done.
inline std::string span_of(const std::vector<std::uint64_t>& values);

// --- Only the implementation follows ------------------------------------------------------------
//
// It lies here because it asks GoogleTest for the running test's name, and programs that are not
// tests link the testing library, too.

namespace replay_internal {

[[noreturn]] inline void refuse(const std::string& what) {
  throw std::runtime_error("CAISSON_REPLAY: " + what);
}

inline std::uint64_t parse_number(std::string_view field, std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    refuse("'" + std::string(text) + "' is not a number that " + std::string(field) + " can have");
  }
  return number;
}

inline std::string listed(const std::vector<std::string>& fields) {
  std::string text;
  for (const std::string& field : fields) text += (text.empty() ? "" : ", ") + field;
  return text;
}

}  // namespace replay_internal

inline Replay Replay::from_environment(std::vector<std::string> fields) {
  const char* text = std::getenv("CAISSON_REPLAY");
  return text == nullptr ? Replay(std::move(fields)) : Replay(text, std::move(fields));
}

inline Replay::Replay(std::string_view text, std::vector<std::string> fields)
    : Replay(std::move(fields)) {
  while (true) {
    const std::string_view part = text.substr(0, text.find(','));
    const std::size_t equals = part.find('=');
    const std::string name(part.substr(0, equals));
    if (equals == std::string_view::npos) {
      replay_internal::refuse("'" + std::string(part) + "' is not of the form name=number");
    }
    if (std::ranges::find(fields_, name) == fields_.end()) {
      replay_internal::refuse("this test has no number called '" + name + "', only " +
                              replay_internal::listed(fields_));
    }
    if (!chosen_.emplace(name, replay_internal::parse_number(name, part.substr(equals + 1)))
             .second) {
      replay_internal::refuse(name + " stands there twice");
    }
    if (part.size() == text.size()) return;
    text.remove_prefix(part.size() + 1);
  }
}

inline const std::uint64_t* Replay::chosen(std::string_view field) const {
  if (std::ranges::find(fields_, field) == fields_.end()) {
    throw std::logic_error("a test asks for a number that it didn't name: " + std::string(field));
  }
  const auto found = chosen_.find(field);
  return found == chosen_.end() ? nullptr : &found->second;
}

inline std::vector<std::uint64_t> Replay::seeds(std::string_view field, std::uint64_t first,
                                                std::uint64_t last) const {
  if (const std::uint64_t* one = chosen(field)) return {*one};
  return range(field, first, last + 1);
}

inline std::vector<std::uint64_t> Replay::range(std::string_view field, std::uint64_t begin,
                                                std::uint64_t end, std::uint64_t step,
                                                std::uint64_t skip) const {
  std::vector<std::uint64_t> values;
  for (std::uint64_t value = begin + skip; value < end; value += step) values.push_back(value);
  return sample(field, begin, end, std::move(values));
}

inline std::vector<std::uint64_t> Replay::sample(std::string_view field, std::uint64_t begin,
                                                 std::uint64_t end,
                                                 std::vector<std::uint64_t> values) const {
  const std::uint64_t* one = chosen(field);
  if (one == nullptr) return values;
  if (*one < begin || *one >= end) {
    replay_internal::refuse(std::string(field) + "=" + std::to_string(*one) + " is not from " +
                            std::to_string(begin) + " to below " + std::to_string(end));
  }
  return {*one};
}

inline std::vector<std::uint64_t> Replay::choice(std::string_view field,
                                                 std::vector<std::uint64_t> values) const {
  const std::uint64_t* one = chosen(field);
  if (one == nullptr) return values;
  if (std::ranges::find(values, *one) == values.end()) {
    replay_internal::refuse(std::string(field) + "=" + std::to_string(*one) + " is none of its " +
                            std::to_string(values.size()) + " values");
  }
  return {*one};
}

inline std::string Replay::command(const std::vector<std::uint64_t>& values) const {
  std::string text = "\nCAISSON_REPLAY='";
  for (std::size_t i = 0; i < values.size(); ++i) {
    text += (i == 0 ? "" : ",") + fields_.at(i) + "=" + std::to_string(values[i]);
  }
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  return text + "' " + program.string() + " --gtest_filter='" + test->test_suite_name() + "." +
         test->name() + "'\n";
}

inline std::string span_of(const std::vector<std::uint64_t>& values) {
  if (values.empty()) return "none";
  const auto [least, most] = std::ranges::minmax(values);
  return least == most ? std::to_string(least) : std::to_string(least) + "-" + std::to_string(most);
}

}  // namespace caisson::testing

#endif  // CAISSON_BASE_TESTING_REPLAY_H_

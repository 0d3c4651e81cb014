// Method: what a replay is asked for, in each form, and the values that a test then goes through.
// The command that a failure prints is given back to the parser, and names the running test.

#include "base/testing/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>

namespace caisson {
namespace {

using caisson::testing::span_of;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::Replay;

const std::vector<std::string> kFields = {"seed", "call", "mode"};

// Sets CAISSON_REPLAY for one test, and puts back what was there.
class Environment {
 public:
  explicit Environment(const char* text) {
    if (const char* before = std::getenv("CAISSON_REPLAY")) before_ = before;
    set(text);
  }
  ~Environment() { set(before_ ? before_->c_str() : nullptr); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  static void set(const char* text) {
    text == nullptr ? unsetenv("CAISSON_REPLAY") : setenv("CAISSON_REPLAY", text, 1);
  }

  std::optional<std::string> before_;
};

// What it throws; "" if nothing.
std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(Replay, TakesEveryValueWhereNothingIsAskedFor) {
  const Environment environment(nullptr);
  const Replay replay = Replay::from_environment(kFields);
  EXPECT_TRUE(replay.everything());
  EXPECT_THAT(replay.seeds("seed", 1, 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(replay.range("call", 5, 20, 7, 2), ElementsAre(7, 14));
  EXPECT_THAT(replay.sample("call", 0, 100, {50, 3}), ElementsAre(50, 3));
  EXPECT_THAT(replay.choice("mode", {0, 1, 4}), ElementsAre(0, 1, 4));
}

TEST(Replay, TakesTheOneValueThatIsAskedFor) {
  const Environment environment("seed=57,mode=4,call=8");
  const Replay replay = Replay::from_environment(kFields);
  EXPECT_FALSE(replay.everything());
  EXPECT_THAT(replay.seeds("seed", 1, 3), ElementsAre(57)) << "of a long run";
  EXPECT_THAT(replay.range("call", 5, 20, 7, 2), ElementsAre(8)) << "though no sample has it";
  EXPECT_THAT(replay.sample("call", 0, 100, {50, 3}), ElementsAre(8));
  EXPECT_THAT(replay.choice("mode", {0, 1, 4}), ElementsAre(4));
}

TEST(Replay, TakesEveryValueOfWhatIsLeftOut) {
  const Replay replay("call=8", kFields);
  EXPECT_THAT(replay.seeds("seed", 1, 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(replay.range("call", 0, 20), ElementsAre(8));
}

TEST(Replay, RefusesWhatItCannotReadAndSaysWhy) {
  for (const auto& [text, why] : std::vector<std::pair<const char*, const char*>>{
           {"", "'' is not of the form name=number"},
           {"7", "'7' is not of the form name=number"},
           {"seed=1,", "'' is not of the form name=number"},
           {"seed=1:call=2", "'1:call=2' is not a number that seed can have"},
           {"seed=", "'' is not a number that seed can have"},
           {"seed=-1", "'-1' is not a number that seed can have"},
           {"seed= 1", "' 1' is not a number that seed can have"},
           {"seed=0x10", "'0x10' is not a number that seed can have"},
           {"seed=18446744073709551616", "is not a number that seed can have"},
           {"bit=3", "this test has no number called 'bit', only seed, call, mode"},
           {" seed=3", "this test has no number called ' seed'"},
           {"=3", "this test has no number called ''"},
           {"seed=3,call=1,seed=3", "seed stands there twice"},
       }) {
    const std::string said = refusal([&] { const Replay replay(text, kFields); });
    EXPECT_THAT(said, HasSubstr(std::string("CAISSON_REPLAY: "))) << "'" << text << "'";
    EXPECT_THAT(said, HasSubstr(why)) << "'" << text << "'";
  }
  const Environment environment("");
  EXPECT_NE(refusal([] { Replay::from_environment(kFields); }), "") << "set, but to nothing";
}

TEST(Replay, RefusesAValueThatTheTestCannotHave) {
  const Replay replay("seed=1,call=20,mode=3", kFields);
  EXPECT_THAT(refusal([&] { replay.range("call", 5, 20); }),
              HasSubstr("call=20 is not from 5 to below 20"));
  EXPECT_THAT(refusal([&] { replay.range("call", 21, 30); }), HasSubstr("call=20 is not from 21"));
  EXPECT_THAT(refusal([&] { replay.sample("call", 0, 20, {1}); }), HasSubstr("call=20"));
  EXPECT_THAT(refusal([&] { replay.choice("mode", {0, 1, 4}); }),
              HasSubstr("mode=3 is none of its 3 values"));
  EXPECT_THROW(replay.seeds("bit", 0, 1), std::logic_error) << "the test's own mistake";
}

TEST(Replay, PrintsACommandThatAsksForTheSame) {
  const Environment environment(nullptr);
  const std::string line = Replay::from_environment(kFields).command({57, 8});
  EXPECT_THAT(line, ::testing::MatchesRegex(
                        "\nCAISSON_REPLAY='seed=57,call=8' /.*base_test --gtest_filter='.*'\n"));
  EXPECT_THAT(line, EndsWith("'Replay.PrintsACommandThatAsksForTheSame'\n"));
  const std::size_t begin = line.find('\'') + 1;
  const Replay again(line.substr(begin, line.find('\'', begin) - begin), kFields);
  EXPECT_THAT(again.seeds("seed", 1, 3), ElementsAre(57));
  EXPECT_THAT(again.range("call", 0, 100), ElementsAre(8));
  EXPECT_THAT(again.choice("mode", {0, 1}), ElementsAre(0, 1));
}

TEST(Replay, ShowsWhatWasGoneThrough) {
  EXPECT_EQ(span_of({1, 2, 3}), "1-3");
  EXPECT_EQ(span_of({7}), "7");
  EXPECT_EQ(span_of({}), "none");
}

}  // namespace
}  // namespace caisson

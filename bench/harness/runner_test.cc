// Which benchmarks run, in which order, and what becomes of those that fail or are stopped.

#include "bench/harness/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/testing/value_of.h"
#include "bench/harness/figures.h"
#include "bench/harness/testing/program.h"
#include "tools/cli/interrupt.h"

namespace caisson::bench {
namespace {

using caisson::testing::value_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::quick;
using ::testing::UnorderedElementsAre;

std::vector<std::string> names_of(const std::vector<const Benchmark*>& list) {
  std::vector<std::string> names;
  for (const Benchmark* benchmark : list) names.push_back(benchmark->about.name);
  return names;
}

std::vector<Benchmark> some_list() {
  std::vector<Benchmark> list{quick("log/append", {"limit/write", "calibration/disk"}),
                              quick("log/read", {"limit/write"}), quick("tree/get"),
                              quick("limit/write"), quick("calibration/disk")};
  list[2].about.quick = false;
  list[2].about.suite = Suite::kMacro;
  return list;
}

TEST(Select, WhatIsHeldAgainstComesBehindTheFirstThatNamesItAndCalibrationsFirst) {
  const auto list = some_list();
  EXPECT_THAT(names_of(value_of(select(list, {}))),
              ElementsAre("calibration/disk", "log/append", "limit/write", "log/read", "tree/get"));
  EXPECT_THAT(names_of(value_of(select(list, {.filter = "read$"}))),
              ElementsAre("log/read", "limit/write"));
  EXPECT_THAT(names_of(value_of(select(list, {.filter = "^log/a"}))),
              ElementsAre("calibration/disk", "log/append", "limit/write"));
}

TEST(Select, TakesWhatAgreesWithAll) {
  const auto list = some_list();
  EXPECT_THAT(names_of(value_of(select(list, {.suite = Suite::kMacro}))), ElementsAre("tree/get"));
  EXPECT_THAT(
      names_of(value_of(select(list, {.filter = "^(tree|log/r)", .profile = Profile::kCi}))),
      ElementsAre("log/read", "limit/write"));
  EXPECT_EQ(select(list, {.filter = "nothing"}).error().code(), Code::kNotFound);
  EXPECT_EQ(select(list, {.suite = Suite::kVector}).error().code(), Code::kNotFound);
  EXPECT_EQ(select(list, {.filter = "("}).error().code(), Code::kInvalidArgument);
}

class Runner : public tools::FolderTest {
 protected:
  Runner() {
    std::filesystem::create_directory(path("files"));
    setenv("CAISSON_BENCH_DIR", path("files").c_str(), 1);
  }
  ~Runner() override { unsetenv("CAISSON_BENCH_DIR"); }

  Plan plan_of(const std::vector<Benchmark>& list, std::uint64_t repeats) const {
    Plan plan;
    for (const Benchmark& benchmark : list) plan.benchmarks.push_back(&benchmark);
    plan.repeats = repeats;
    plan.out = path("out");
    plan.driver = testing::drive;
    return plan;
  }

  std::vector<std::string> files_in(const std::string& folder) const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path(folder))) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }
};

void no_progress(const Benchmark& /*benchmark*/, std::uint64_t /*repeat*/, std::uint64_t /*done*/,
                 std::uint64_t /*total*/) {}

TEST_F(Runner, WritesAFileForEachRepeatRoundByRound) {
  const std::vector<Benchmark> list{quick("log/append"), quick("limit/write")};
  std::vector<std::string> order;
  const Outcome outcome =
      value_of(run_all(plan_of(list, 2), [&](const Benchmark& benchmark, std::uint64_t repeat,
                                             std::uint64_t done, std::uint64_t total) {
        EXPECT_EQ(done, order.size());
        EXPECT_EQ(total, 4U);
        order.push_back(benchmark.about.name + " " + std::to_string(repeat));
      }));
  EXPECT_THAT(order, ElementsAre("log/append 1", "limit/write 1", "log/append 2", "limit/write 2"));
  EXPECT_THAT(outcome.failures, IsEmpty());
  EXPECT_THAT(files_in("out"),
              UnorderedElementsAre("log-append_r001.json", "log-append_r002.json",
                                   "limit-write_r001.json", "limit-write_r002.json"));
  const Figures figures = value_of(read_figures(path("out")));
  EXPECT_EQ(figures.by_name.at("log/append").repeats, 2U);
  EXPECT_THAT(files_in("files"), IsEmpty());
}

// What one of them throws, or dies of, is its own affair.
TEST_F(Runner, AFailureDoesNotStopTheOthersAndIsNotRunAgain) {
  std::vector<Benchmark> list{quick("bad/throws"), quick("bad/dies"), quick("bad/measures_nothing"),
                              quick("good/one")};
  list[0].body = [](auto& /*run*/) { throw std::runtime_error("no such luck"); };
  list[1].body = [](auto& /*run*/) { raise(SIGKILL); };
  list[2].body = [](auto& /*run*/) {};
  const Outcome outcome = value_of(run_all(plan_of(list, 2), no_progress));
  ASSERT_EQ(outcome.failures.size(), 3U);
  EXPECT_EQ(outcome.failures[0].benchmark, "bad/throws");
  EXPECT_EQ(outcome.failures[0].repeat, 1U);
  EXPECT_EQ(outcome.failures[0].error.message(), "no such luck");
  EXPECT_THAT(outcome.failures[1].error.message(), HasSubstr("Killed"));
  EXPECT_THAT(outcome.failures[2].error.message(), HasSubstr("measured nothing"));
  EXPECT_THAT(files_in("out"), UnorderedElementsAre("good-one_r001.json", "good-one_r002.json"));
}

TEST_F(Runner, ResultsAreNotMixedWithThoseOfAnotherRun) {
  const std::vector<Benchmark> list{quick("log/append")};
  value_of(run_all(plan_of(list, 1), no_progress));
  const auto again = run_all(plan_of(list, 1), no_progress);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Code::kAlreadyExists);
  EXPECT_EQ(again.error().file(), path("out"));
}

TEST_F(Runner, FilesOfARepeatGoAndSharedOnesAreMadeOnce) {
  std::vector<Benchmark> list{quick("log/append")};
  list[0].body = [this](auto& run) {
    const std::string own = run.new_path("own");
    EXPECT_FALSE(std::filesystem::exists(own));
    std::filesystem::create_directory(own);
    EXPECT_EQ(own, run.new_path("own"));
    if (std::filesystem::exists(own)) throw std::runtime_error("it is still there");
    const std::string shared = run.shared("made_once", [this](const std::string& made) {
      std::filesystem::create_directory(made);
      write_file("made", read_file(path("made")) + "x");
    });
    if (!std::filesystem::exists(shared)) throw std::runtime_error("it isn't there");
    run.each(testing::spin);
  };
  const Outcome outcome = value_of(run_all(plan_of(list, 3), no_progress));
  EXPECT_THAT(outcome.failures, IsEmpty());
  EXPECT_EQ(read_file(path("made")), "x");
  EXPECT_THAT(files_in("files"), IsEmpty());
}

// A process runs benchmarks of which the second never ends, and is told to stop when that has
// begun.
TEST_F(Runner, StoppedByASignalItLeavesWholeResultsAndNobodyBehind) {
  std::vector<Benchmark> list{quick("log/append"), quick("bad/never_ends")};
  list[1].body = [this](auto& /*run*/) {
    write_file("started", std::to_string(getpid()));
    std::filesystem::rename(path("started"), path("running"));
    while (true) pause();
  };
  const pid_t process = fork();
  ASSERT_GE(process, 0);
  if (process == 0) {
    tools::catch_signals();
    const auto outcome = run_all(plan_of(list, 2), no_progress);
    _exit(!outcome && outcome.error().code() == Code::kStopped ? 42 : 1);
  }
  while (!std::filesystem::exists(path("running"))) std::this_thread::yield();
  const pid_t benchmark = std::stoi(read_file(path("running")));
  kill(process, SIGINT);
  int status = 0;
  ASSERT_EQ(waitpid(process, &status, 0), process);
  EXPECT_EQ(WEXITSTATUS(status), 42);
  EXPECT_NE(kill(benchmark, 0), 0);
  EXPECT_THAT(files_in("out"), UnorderedElementsAre("log-append_r001.json"));
  EXPECT_EQ(value_of(read_figures(path("out"))).by_name.size(), 1U);
  EXPECT_THAT(files_in("files"), IsEmpty());
}

}  // namespace
}  // namespace caisson::bench

// The command line of caisson-bench.

#include "bench/harness/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "bench/harness/testing/program.h"

namespace caisson::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::quick;

class Program : public tools::FolderTest {
 protected:
  tools::Outcome bench(const std::vector<std::string>& arguments) const {
    return testing::bench(list_, arguments);
  }

  // Keeps results of three repeats.
  void run_into(const std::string& name, const std::string& profile = "ci") const {
    const auto done = bench({"--repeats", "3", "--profile", profile, "--out", path(name)});
    ASSERT_EQ(done.code, 0) << done.err;
  }

  std::vector<Benchmark> list_{quick("log/append", {"limit/write"}), quick("limit/write")};
};

TEST_F(Program, ListsWhatThereIs) {
  const auto listed = bench({"--list"});
  EXPECT_EQ(listed.code, 0);
  EXPECT_THAT(listed.out, HasSubstr("log/append"));
  EXPECT_THAT(listed.out, HasSubstr("it spins"));
  const auto json = bench({"--list", "--filter", "append", "--json"}).json();
  ASSERT_EQ(json["benchmarks"].size(), 2U);
  EXPECT_EQ(json["benchmarks"][0]["name"], "log/append");
  EXPECT_EQ(json["benchmarks"][0]["against"][0], "limit/write");
}

TEST_F(Program, RunsAndShowsRatios) {
  const auto done = bench({"--repeats", "2"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("log/append"));
  EXPECT_THAT(done.out, HasSubstr("limit/write"));
  const auto json = bench({"--repeats", "2", "--json"}).json();
  ASSERT_EQ(json["figures"].size(), 2U);
  EXPECT_EQ(json["figures"][1]["name"], "log/append");
  EXPECT_TRUE(json["figures"][1]["time_over"].contains("limit/write"));
  EXPECT_THAT(json["failures"], IsEmpty());
}

TEST_F(Program, ABenchmarkThatFailsIsNamedAndTheExitCodeSaysSo) {
  list_[0].body = [](auto& /*run*/) { throw std::runtime_error("no such luck"); };
  const auto done = bench({});
  EXPECT_EQ(done.code, 1);
  EXPECT_THAT(done.err, HasSubstr("log/append, repeat 1: no such luck"));
  EXPECT_THAT(done.out, HasSubstr("limit/write"));
  EXPECT_EQ(bench({"--json"}).json()["failures"][0]["message"], "no such luck");
}

TEST_F(Program, WrongUsageIsExplained) {
  EXPECT_EQ(bench({"--suite", "nano"}).code, 2);
  EXPECT_EQ(bench({"--repeats", "0"}).code, 2);
  EXPECT_EQ(bench({"--profile", "prod"}).code, 2);
  EXPECT_EQ(bench({"--seed", "x"}).code, 2);
  EXPECT_EQ(bench({"--filter", "("}).code, 2);
  EXPECT_EQ(bench({"compare", "one"}).code, 2);
  const auto option = bench({"--filtre", "x"});
  EXPECT_EQ(option.code, 2);
  EXPECT_THAT(option.err, HasSubstr("Did you mean --filter?"));
  const auto command = bench({"comprae", "a", "b"});
  EXPECT_EQ(command.code, 2);
  EXPECT_THAT(command.err, HasSubstr("comprae"));
  EXPECT_THAT(bench({"--suite", "peers"}).err, HasSubstr("CAISSON_BENCH_PEERS"));
}

TEST_F(Program, HelpHasExamples) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"--help"},
                                                                     {"show", "--help"},
                                                                     {"compare", "--help"},
                                                                     {"gate", "--help"},
                                                                     {"capture-baseline", "--help"},
                                                                     {"validate", "--help"}}) {
    const auto help = bench(arguments);
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.out, HasSubstr("Examples:"));
  }
}

TEST_F(Program, WhatWasKeptCanBeShownComparedAndGated) {
  run_into("base");
  const auto shown = bench({"show", path("base")});
  EXPECT_EQ(shown.code, 0);
  EXPECT_THAT(shown.out, HasSubstr("log/append"));
  const auto compared = bench({"compare", path("base"), path("base"), "--all"});
  EXPECT_EQ(compared.code, 0);
  EXPECT_THAT(compared.out, HasSubstr("syncs"));
  const auto gated = bench({"gate", path("base"), path("base"), "--json"});
  EXPECT_EQ(gated.code, 0);
  EXPECT_EQ(gated.json()["passed"], true);
  EXPECT_THAT(bench({"validate", path("base")}).out, HasSubstr("2 benchmarks"));
  EXPECT_EQ(bench({"compare", path("base"), path("base"), "--csv", path("changes.csv")}).code, 0);
  EXPECT_THAT(read_file(path("changes.csv")), HasSubstr("log/append,critical,syncs,"));
}

TEST_F(Program, TheGateFailsWhereMoreIsFlushedAndTheComparisonOnlyShowsIt) {
  run_into("base");
  list_[0].body = [](auto& run) {
    run.each([] {
      testing::spin();
      count(Count::kSyncs, 1);
    });
  };
  run_into("now");
  const auto gated = bench({"gate", path("base"), path("now")});
  EXPECT_EQ(gated.code, 1);
  EXPECT_THAT(gated.out, HasSubstr("regression (critical)"));
  EXPECT_THAT(gated.out, HasSubstr("The gate fails."));
  EXPECT_EQ(bench({"compare", path("base"), path("now")}).code, 0);
  EXPECT_EQ(bench({"gate", path("now"), path("base")}).code, 0);
}

TEST_F(Program, TheGateFailsWhereABenchmarkIsMissing) {
  run_into("base");
  list_.erase(list_.begin());
  run_into("now");
  const auto gated = bench({"gate", path("base"), path("now")});
  EXPECT_EQ(gated.code, 1);
  EXPECT_THAT(gated.out, HasSubstr("log/append is missing"));
}

TEST_F(Program, ABaselineIsCapturedAndGatesLaterRuns) {
  const auto captured = bench({"capture-baseline", "--profile", "ci", "--repeats", "3", "--out",
                               path("kept"), "--to", path("ci.json")});
  EXPECT_EQ(captured.code, 0) << captured.err;
  EXPECT_THAT(captured.out, HasSubstr("2 figures"));
  EXPECT_EQ(bench({"validate", path("ci.json")}).code, 0);
  const auto gated = bench({"gate", path("ci.json"), path("kept")});
  EXPECT_EQ(gated.code, 0) << gated.out;
  EXPECT_EQ(bench({"capture-baseline", "--from", path("kept"), "--to", path("again.json")}).code,
            0);
  EXPECT_EQ(read_file(path("again.json")), read_file(path("ci.json")));
}

TEST_F(Program, OfABenchmarkThatFailsThereIsNoBaseline) {
  list_[0].body = [](auto& /*run*/) { throw std::runtime_error("no such luck"); };
  const auto captured = bench({"capture-baseline", "--profile", "ci", "--to", path("ci.json")});
  EXPECT_EQ(captured.code, 5);
  EXPECT_THAT(captured.err, HasSubstr("no such luck"));
  EXPECT_FALSE(std::filesystem::exists(path("ci.json")));
}

TEST_F(Program, FilesThatAreNoResultsAreRefusedByName) {
  write_file("foreign.json", R"({"context": {}})");
  for (const char* command : {"show", "validate"}) {
    const auto refused = bench({command, path("foreign.json")});
    EXPECT_EQ(refused.code, 2);
    EXPECT_THAT(refused.err, HasSubstr(path("foreign.json")));
  }
  run_into("base");
  const auto json = bench({"gate", path("base"), path("foreign.json"), "--json"});
  EXPECT_EQ(json.code, 2);
  EXPECT_EQ(json.json()["error"]["file"], path("foreign.json"));
}

TEST_F(Program, WhatCantBeWrittenIsSaid) {
  run_into("base");
  EXPECT_NE(bench({"compare", path("base"), path("base"), "--csv", path("no/such/x.csv")}).code, 0);
  const auto again = bench({"--out", path("base")});
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.err, HasSubstr("there are results already"));
}

}  // namespace
}  // namespace caisson::bench

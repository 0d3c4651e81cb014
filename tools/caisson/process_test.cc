// Method: the program as a process of its own: what becomes of its streams and of signals. Loads
// are ended at moments of chance, from fixed seeds, by Ctrl-C and by SIGKILL; what they had printed
// as acknowledged has to be there then, in whole batches, and --resume has to bring exactly the
// file.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include <chrono>
#include <iostream>
#include <string>
#include <thread>

#include "base/random.h"
#include "base/testing/effort.h"
#include "base/testing/emulated.h"
#include "tools/testing/command.h"
#include "tools/testing/program.h"

namespace caisson::tools {
namespace {

using ::testing::HasSubstr;

class Process : public FolderTest {
 protected:
  void SetUp() override {
    if (caisson::testing::emulated()) GTEST_SKIP() << "the program would need an emulator";
  }

  // Rows that take a load some time.
  std::string write_rows(int count) const {
    std::string text;
    for (int i = 0; i < count; ++i) {
      text += "key-" + std::to_string(1'000'000 + i * 7919 % count) + "\t" + std::string(50, 'v') +
              "\n";
    }
    return write_file("rows.tsv", text);
  }

  std::size_t rows_there() const {
    const auto contents = contents_of(path());
    const auto tree = contents.find("t");
    return tree == contents.end() ? 0 : tree->second.size();
  }

  // Ends loads of a file until one gets to its end.
  void end_at_moments_of_chance(int signal, std::uint64_t seed) const;
};

TEST_F(Process, AClosedPipeEndsItAsItEndsOthers) {
  Program load({"load", path(), "t", write_rows(20'000), "--create"});
  ASSERT_EQ(load.wait(), 0);
  for (const char* command :
       {"scan $1 t", "dump $1", "get $1 t key-1000001 --json", "dump $1 --format binary",
        "logdump $1 --operations", "follow $1 --after 0", "backup $1 -"}) {
    const std::string line = std::string("set -o pipefail; $caisson ") + command + " 2> $2 | true";
    int code = 0;
    // A command whose output fits the pipe may have ended before it is closed.
    for (int i = 0; i < 20 && code != 141; ++i) code = run_in_shell(line, {path(), path("err")});
    if (std::string(command).starts_with("get")) {
      EXPECT_TRUE(code == 141 || code == 0) << code;
    } else {
      EXPECT_EQ(code, 141) << command;
    }
    EXPECT_EQ(read_file(path("err")), "") << command;
  }
  EXPECT_EQ(run_in_shell("set -o pipefail; $caisson load $1 u $2 --batch 10 --progress json 2> $3 "
                         "| head -1 > /dev/null",
                         {path(), path("rows.tsv"), path("err")}),
            141);
  EXPECT_EQ(read_file(path("err")), "");
  EXPECT_EQ(
      run_in_shell("$caisson load $1 u $2 --resume > /dev/null 2>&1", {path(), path("rows.tsv")}),
      0);
}

TEST_F(Process, AFullDiskIsAnErrorAndNotSilence) {
  Program load({"load", path(), "t", write_rows(1000), "--create"});
  ASSERT_EQ(load.wait(), 0);
  for (const char* command :
       {"scan $1", "scan $1 t", "dump $1", "get $1 t key-1000001", "page $1", "verify $1",
        "put $1 t k v", "stat $1", "logdump $1", "logdump $1 --verify", "snapshots $1",
        "follow $1 --after 1 --no-wait", "backup $1 -", "--help"}) {
    EXPECT_EQ(run_in_shell(std::string("$caisson ") + command + " > /dev/full 2> $2",
                           {path(), path("err")}),
              5)
        << command;
    EXPECT_THAT(read_file(path("err")), HasSubstr("No space left on device")) << command;
  }
}

TEST_F(Process, CtrlCWhileItWaitsForInputStopsIt) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  const int writer = open(path("pipe").c_str(), O_RDWR);
  // It waits for more when it has read what there is.
  const auto feed = [writer] {
    ASSERT_EQ(write(writer, "a\tb\n", 4), 4);
    for (int unread = 4; unread > 0;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ASSERT_EQ(ioctl(writer, FIONREAD, &unread), 0);
    }
  };
  for (const int signal : {SIGINT, SIGTERM}) {
    Program load({"load", path(), "t", "-", "--create"}, "/dev/null", path("err"), path("pipe"));
    feed();
    load.kill(signal);
    EXPECT_EQ(load.wait(), 128 + signal);
    EXPECT_THAT(read_file(path("err")), HasSubstr("stopped"));
    Program put({"put", path(), "t", "k", "-"}, "/dev/null", path("err"), path("pipe"));
    feed();
    put.kill(signal);
    EXPECT_EQ(put.wait(), 128 + signal);
  }
  close(writer);
  EXPECT_EQ(rows_there(), 0U);
}

TEST_F(Process, WhatItAcknowledgesOnAPipeIsSaidAtOnce) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  const int writer = open(path("pipe").c_str(), O_RDWR);
  Program load({"load", path(), "t", "-", "--create", "--batch", "2", "--progress", "json"},
               path("out"), path("err"), path("pipe"));
  ASSERT_EQ(write(writer, "a\tb\nc\td\n", 8), 8);
  for (int i = 0; i < 5000 && read_file(path("out")).empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(read_file(path("out")), "{\"txn\":1,\"rows\":2,\"bytes\":8}\n");
  close(writer);
}

// The rows that the last line of a load's progress tells of; 0 without one. The line that a killed
// process was writing has no end.
std::size_t last_acknowledged(const std::string& out) {
  const std::size_t end = out.rfind('\n');
  if (end == std::string::npos) return 0;
  const std::size_t before = end == 0 ? std::string::npos : out.rfind('\n', end - 1);
  const std::size_t begin = before == std::string::npos ? 0 : before + 1;
  return nlohmann::json::parse(out.substr(begin, end - begin))["rows"];
}

void Process::end_at_moments_of_chance(int signal, std::uint64_t seed) const {
  constexpr std::size_t kRows = 30'000;
  constexpr std::size_t kBatch = 100;
  constexpr int kEnds = 25;
  Random random(seed);
  const std::string file = write_rows(kRows);
  std::size_t acknowledged = 0;
  int ended = 0;
  int whole = 0;
  while (true) {
    Program load({"load", path(), "t", file, "--create", "--batch", std::to_string(kBatch),
                  "--progress", "json", "--resume"},
                 path("out"), path("err"));
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(15'000)));
    if (ended < kEnds) load.kill(signal);
    const int code = load.wait();
    acknowledged = std::max(acknowledged, last_acknowledged(read_file(path("out"))));
    if (code == 0) {
      ++whole;
      EXPECT_EQ(run_in_shell("$caisson scan $1 t | cmp - <(sort $2)", {path(), file}), 0);
      EXPECT_EQ(
          run_in_shell("[[ $($caisson scan $1 --json) == '{\"tree\":\"t\",\"count\":30000}' ]]",
                       {path()}),
          0);
      if (ended == kEnds) break;
      std::filesystem::remove_all(path());
      acknowledged = 0;
      continue;
    }
    ++ended;
    // The same where the signal came before the program had said what it does with it.
    ASSERT_EQ(code, 128 + signal) << read_file(path("err"));
    Program there({"scan", path(), "t", "--count"}, path("count"));
    const std::size_t rows = there.wait() == 0 ? std::stoul(read_file(path("count"))) : 0;
    ASSERT_GE(rows, acknowledged);
    ASSERT_EQ(rows % kBatch, 0U);
  }
  std::cout << "ended=" << ended << " whole=" << whole << " signal=" << signal << " seed=" << seed
            << "\n";
}

TEST_F(Process, CtrlCAtAnyMomentOfALoadLosesNothingThatWasAcknowledged) {
  end_at_moments_of_chance(SIGINT, 1);
}

TEST_F(Process, SigkillAtAnyMomentOfALoadLosesNothingThatWasAcknowledged) {
  for (std::uint64_t seed = 1; seed <= (caisson::testing::long_run() ? 20U : 2U); ++seed) {
    std::filesystem::remove_all(path());
    end_at_moments_of_chance(SIGKILL, seed);
  }
}

// --- What it writes for others -------------------------------------------------------------------

TEST_F(Process, ManPagesHaveNoWarnings) {
  if (run_in_shell("command -v man > /dev/null") != 0) GTEST_SKIP() << "there is no man";
  EXPECT_EQ(
      run_in_shell(
          "for page in $1/man/man1/*.1; do MANWIDTH=100 man --warnings -l $page 2>&1 > $2; done "
          "| tee $3; [[ ! -s $3 ]]",
          {CAISSON_SHARE, path("out"), path("err")}),
      0)
      << read_file(path("err"));
  EXPECT_THAT(read_file(std::string(CAISSON_SHARE) + "/man/man1/caisson-load.1"),
              HasSubstr("\\fB\\-\\-batch\\fR \\fIN\\fR"));
}

TEST_F(Process, BashCompletesCommandsOptionsAndTheirValues) {
  const auto completes = [this](const std::string& words, const std::string& expected) {
    EXPECT_EQ(
        run_in_shell(
            "source $1/bash-completion/completions/caisson; COMP_WORDS=(" + words +
                "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _caisson; echo \"${COMPREPLY[@]}\" > $2",
            {CAISSON_SHARE, path("out")}),
        0);
    EXPECT_EQ(read_file(path("out")), expected + "\n") << words;
  };
  completes("caisson sc", "scan");
  completes("caisson load store --on", "--on-duplicate");
  completes("caisson load store --on-duplicate s", "skip");
  write_file("rows.tsv", "");
  completes("caisson load " + path("row"), path("rows.tsv"));
}

TEST_F(Process, OtherShellsUnderstandTheirCompletions) {
  for (const std::string shell : {"zsh", "fish"}) {
    if (run_in_shell("command -v " + shell + " > /dev/null") != 0) continue;
    const std::string file =
        shell == "zsh" ? "/zsh/site-functions/_caisson" : "/fish/vendor_completions.d/caisson.fish";
    EXPECT_EQ(run_in_shell(shell + " --no-execute $1", {CAISSON_SHARE + file}), 0) << shell;
  }
}

}  // namespace
}  // namespace caisson::tools

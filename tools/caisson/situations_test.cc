// Method: every command that takes a store, in each situation that it may find one in. What each
// has to say follows from the situation alone, so the commands are a table, and so are the
// situations. Nothing that is there is changed where a command fails.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "base/testing/golden.h"
#include "io/testing/nobody.h"
#include "tools/caisson/commands.h"
#include "tools/testing/command.h"

namespace caisson::tools {
namespace {

using caisson::testing::value_of;
using io::testing::WithoutRootsRights;
using ::testing::HasSubstr;
using Words = std::vector<std::string>;

namespace fs = std::filesystem;

class Situation : public FolderTest {
 protected:
  // A store with one entry.
  void make_store() const {
    ASSERT_EQ(caisson({"create", path()}).code, kFine);
    ASSERT_EQ(caisson({"put", path(), "t", "k", "v"}).code, kFine);
  }

  std::vector<Words> reading() const {
    return {{"get", path(), "t", "k"},
            {"scan", path()},
            {"scan", path(), "t"},
            {"dump", path()},
            {"dump", path(), "t", path("out.dump")}};
  }

  std::vector<Words> writing() const {
    return {{"put", path(), "t", "k", "v"},
            {"del", path(), "t", "k"},
            {"load", path(), "t", write_file("rows.tsv", "k\tv\n")}};
  }

  std::vector<Words> all() const {
    std::vector<Words> words = reading();
    for (Words& more : writing()) words.push_back(more);
    words.push_back({"verify", path()});
    words.push_back({"page", path()});
    return words;
  }

  // Each fails with that code, as text and as JSON.
  static void expect_all(const std::vector<Words>& commands, int code,
                         const std::string& json_code) {
    for (Words words : commands) {
      const Outcome text = caisson(words);
      EXPECT_EQ(text.code, code) << words.front() << ": " << text.out << text.err;
      EXPECT_THAT(text.err, ::testing::StartsWith("caisson: ")) << words.front();
      words.push_back("--json");
      const Outcome json = caisson(words);
      EXPECT_EQ(json.code, code) << words.front();
      EXPECT_EQ(json.json()["error"]["code"], json_code) << words.front() << json.out;
    }
  }
};

TEST_F(Situation, ThereIsNoStore) { expect_all(all(), kNegative, "not found"); }

TEST_F(Situation, TheDirectoryIsEmpty) {
  fs::create_directory(path());
  expect_all(all(), kNegative, "not found");
  EXPECT_TRUE(fs::is_empty(path()));
}

TEST_F(Situation, TheDirectoryIsSomebodyElses) {
  fs::create_directory(path());
  std::ofstream(path() + "/letter.txt") << "dear";
  expect_all(all(), kNegative, "not found");
  EXPECT_EQ(std::distance(fs::directory_iterator(path()), {}), 1);
  EXPECT_NE(caisson({"create", path()}).code, kFine);
  EXPECT_NE(caisson({"load", path(), "t", write_file("r.tsv", "k\tv\n"), "--create"}).code, kFine);
  EXPECT_EQ(std::distance(fs::directory_iterator(path()), {}), 1);
}

TEST_F(Situation, ThePathIsAFile) {
  write_file("store", "not a store");
  for (const Words& words : all()) {
    const Outcome outcome = caisson(words);
    EXPECT_NE(outcome.code, kFine) << words.front();
    EXPECT_THAT(outcome.err, ::testing::StartsWith("caisson: "));
  }
}

TEST_F(Situation, TheStoreIsDamaged) {
  make_store();
  for (const std::streamoff at : {100, 65536 + 100}) {
    std::fstream file(path() + "/pages", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file.write("damage", 6);
  }
  std::vector<Words> commands = reading();
  for (Words& words : writing()) commands.push_back(words);
  expect_all(commands, kDamaged, "corruption");
}

TEST_F(Situation, ANewerVersionMadeTheStore) {
  make_store();
  const auto golden = caisson::testing::load_golden(
      fs::path(CAISSON_SOURCE_DIR) / "spec/golden/pages", "reject-meta-3-version");
  std::ofstream(path() + "/pages", std::ios::binary | std::ios::trunc) << as_text(golden.bytes);
  std::vector<Words> commands = reading();
  for (Words& words : writing()) commands.push_back(words);
  expect_all(commands, kDamaged, "unsupported version");
}

TEST_F(Situation, SomebodyWritesTheStore) {
  make_store();
  {
    const Store writer = value_of(Store::open(path()));
    expect_all(writing(), kBusy, "busy");
    for (const Words& words : reading()) EXPECT_EQ(caisson(words).code, kFine) << words.front();
    // It is in this process: the message says which that is.
    EXPECT_THAT(caisson(writing().front()).err,
                HasSubstr("process " + std::to_string(getpid()) + " ("));
    EXPECT_EQ(caisson({"put", path(), "t", "k", "v", "--wait", "0.05"}).code, kBusy);
  }
  EXPECT_EQ(caisson({"put", path(), "t", "k", "v"}).code, kFine);
}

TEST_F(Situation, AWriterMayWaitForTheOtherOne) {
  make_store();
  auto writer = std::make_unique<Store>(value_of(Store::open(path())));
  std::jthread ends([&writer] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    writer.reset();
  });
  EXPECT_EQ(caisson({"put", path(), "t", "k", "waited", "--wait", "30"}).code, kFine);
  EXPECT_EQ(caisson({"get", path(), "t", "k"}).out, "waited\n");
}

TEST_F(Situation, TheStoreMayOnlyBeRead) {
  if (!WithoutRootsRights::possible()) GTEST_SKIP() << "root, and there is no nobody";
  make_store();
  const std::vector<Words> reads = reading();
  const std::vector<Words> writes = writing();
  fs::permissions(path(""), static_cast<fs::perms>(0755));
  for (const auto& entry : fs::recursive_directory_iterator(path())) {
    fs::permissions(entry.path(), static_cast<fs::perms>(entry.is_directory() ? 0555 : 0444));
  }
  fs::permissions(path(), static_cast<fs::perms>(0555));
  {
    const WithoutRootsRights without;
    expect_all(writes, kIoFailure, "permission denied");
    for (const Words& words : reads) {
      if (words.back().ends_with(".dump")) continue;  // It would write beside the store.
      const Outcome outcome = caisson(words);
      EXPECT_EQ(outcome.code, kFine) << words.front() << ": " << outcome.err;
    }
  }
  fs::permissions(path(), static_cast<fs::perms>(0700));
  for (const auto& entry : fs::recursive_directory_iterator(path())) {
    fs::permissions(entry.path(), static_cast<fs::perms>(0700));
  }
}

TEST_F(Situation, TheOutputCanNotBeWritten) {
  make_store();
  EXPECT_EQ(caisson({"dump", path(), path("no/where.dump")}).code, kNegative);
  EXPECT_EQ(caisson({"get", path(), "t", "k", "--output", path()}).code, kUsage);
  EXPECT_EQ(caisson({"get", path(), "t", "k", "--output", "/dev/full"}).code, kIoFailure);
  EXPECT_EQ(caisson({"dump", path(), "/dev/full", "--format", "binary"}).code, kIoFailure);
}

// What an ostream that fails leads to; the program's own are tested in process_test.cc.
TEST_F(Situation, StandardOutputCanNotBeWritten) {
  make_store();
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  out.setstate(std::ios::badbit);
  Context context{.in = in, .out = out, .err = err};
  const std::string store = path();
  const std::vector<const char*> argv = {"caisson", "scan", store.c_str(), "t"};
  EXPECT_EQ(run(4, argv.data(), context), kIoFailure);
  EXPECT_THAT(err.str(), HasSubstr("can't write the output"));
}

TEST(Usage, SuggestsWhatMayBeMeant) {
  EXPECT_THAT(caisson({"scna", "x"}).err, HasSubstr("Did you mean scan?\nTry: caisson --help\n"));
  EXPECT_THAT(
      caisson({"scan", "x", "--limt", "5"}).err,
      HasSubstr("there is no option --limt. Did you mean --limit?\nTry: caisson scan --help"));
  EXPECT_THAT(caisson({"get", "x", "t", "-k"}).err, HasSubstr("Write -- before"));
  EXPECT_THAT(caisson({"get", "a", "b", "c", "d"}).err, HasSubstr("what is \"d\"?"));
  for (const Words& words :
       {Words{}, Words{"frobnicate"}, Words{"get"}, Words{"scan", "x", "--limit", "many"},
        Words{"scan", "x", "t", "--limit", "-1"}}) {
    const Outcome outcome = caisson(words);
    EXPECT_EQ(outcome.code, kUsage);
    EXPECT_THAT(outcome.err, HasSubstr("\nTry: caisson "));
    EXPECT_EQ(outcome.out, "");
  }
  const Outcome json = caisson({"scna", "--json"});
  EXPECT_EQ(json.code, kUsage);
  EXPECT_EQ(json.json()["error"]["code"], "usage");
}

TEST(Usage, HelpHasExamplesOfEachCommand) {
  for (const Command& command : commands()) {
    if (*command.group == '\0') continue;  // Hidden.
    const std::string name(command.name);
    const Outcome help = caisson({name, "--help"});
    EXPECT_EQ(help.code, kFine);
    EXPECT_THAT(help.out, HasSubstr("Usage: caisson " + name + " [OPTIONS] STORE"));
    EXPECT_THAT(help.out, HasSubstr("\nExamples:\n  caisson " + name + " "));
    EXPECT_THAT(help.out, HasSubstr("--json prints "));
    EXPECT_THAT(caisson({"--help"}).out, HasSubstr("\n  " + name + " "));
  }
  EXPECT_EQ(caisson({"--version"}).code, kFine);
}

TEST(Usage, ColoursAreThereOnlyWhereTheyAreAskedFor) {
  EXPECT_EQ(caisson({"--help"}).out.find('\033'), std::string::npos);
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Context context{.in = in, .out = out, .err = err, .out_colour = true, .err_colour = true};
  const std::vector<const char*> argv = {"caisson", "scan", "/nonexistent/x"};
  run(3, argv.data(), context);
  EXPECT_THAT(err.str(), ::testing::StartsWith("\033[31mcaisson:\033[0m "));
}

}  // namespace
}  // namespace caisson::tools

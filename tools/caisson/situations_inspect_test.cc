// Method: as situations_test.cc, for the commands that look inside, follow and copy: what each has
// to say follows from the situation that it finds the store in. A path that a copy would have been
// made at has nothing where a command fails.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/testing/golden.h"
#include "io/testing/nobody.h"
#include "tools/testing/command.h"

namespace caisson::tools {
namespace {

using caisson::testing::value_of;
using io::testing::WithoutRootsRights;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Words = std::vector<std::string>;

namespace fs = std::filesystem;

class InspectSituation : public FolderTest {
 protected:
  // A store with one entry, a name and a position.
  void make_store() const {
    ASSERT_EQ(caisson({"create", path()}).code, kFine);
    ASSERT_EQ(caisson({"put", path(), "t", "k", "v"}).code, kFine);
    ASSERT_EQ(caisson({"snapshots", path(), "--retain", "n"}).code, kFine);
    ASSERT_EQ(caisson({"follow", path(), "--position", "p", "--no-wait"}).code, kFine);
  }

  std::vector<Words> reading() const {
    return {{"snapshots", path()},
            {"stat", path()},
            {"logdump", path()},
            {"logdump", path(), "--operations"},
            {"logdump", path(), "--verify"},
            {"verify", path()},
            {"page", path()},
            {"follow", path(), "--after", "0", "--no-wait"},
            {"follow", path(), "--list"}};
  }

  std::vector<Words> copying() const {
    return {{"backup", path(), path("copy")}, {"compact", path(), path("copy")}};
  }

  // To positions, beside whoever writes the store.
  std::vector<Words> moving() const {
    return {{"follow", path(), "--position", "p", "--no-wait"},
            {"follow", path(), "--remove", "p"}};
  }

  std::vector<Words> writing() const {
    return {{"snapshots", path(), "--retain", "m"},
            {"snapshots", path(), "--release", "n"},
            {"compact", path()}};
  }

  std::vector<Words> all() const {
    std::vector<Words> words;
    for (const auto& some : {reading(), copying(), moving(), writing()}) {
      words.insert(words.end(), some.begin(), some.end());
    }
    words.push_back({"restore", path("copy"), path()});
    return words;
  }

  static std::string line_of(const Words& words) {
    std::string line = words.front();
    for (std::size_t i = 2; i < words.size(); ++i) line += " " + words[i];
    return line;
  }

  // Each fails with that code, as text and as JSON, and makes no copy.
  void expect_all(const std::vector<Words>& commands, int code,
                  const std::string& json_code) const {
    for (Words words : commands) {
      const std::string line = line_of(words);
      const Outcome text = caisson(words);
      EXPECT_EQ(text.code, code) << line << ": " << text.out << text.err;
      EXPECT_THAT(text.err, StartsWith("caisson: ")) << line;
      EXPECT_EQ(text.out, "") << line;
      words.push_back("--json");
      const Outcome json = caisson(words);
      EXPECT_EQ(json.code, code) << line;
      EXPECT_EQ(json.json()["error"]["code"], json_code) << line << json.out;
      EXPECT_FALSE(fs::exists(path("copy"))) << line;
    }
  }

  void expect_fine(const std::vector<Words>& commands) const {
    for (Words words : commands) {
      for (const bool json : {false, true}) {
        if (json) words.push_back("--json");
        const Outcome outcome = caisson(words);
        EXPECT_EQ(outcome.code, kFine) << line_of(words) << ": " << outcome.out << outcome.err;
        fs::remove_all(path("copy"));
      }
    }
  }
};

TEST_F(InspectSituation, ThereIsNoStore) { expect_all(all(), kNegative, "not found"); }

TEST_F(InspectSituation, TheDirectoryIsEmpty) {
  fs::create_directory(path());
  expect_all(all(), kNegative, "not found");
  EXPECT_TRUE(fs::is_empty(path()));
}

TEST_F(InspectSituation, TheDirectoryIsSomebodyElses) {
  fs::create_directory(path());
  std::ofstream(path() + "/letter.txt") << "dear";
  expect_all(all(), kNegative, "not found");
  EXPECT_EQ(std::distance(fs::directory_iterator(path()), {}), 1);
}

TEST_F(InspectSituation, ThePathIsAFile) {
  write_file("store", "not a store");
  for (const Words& words : all()) {
    const Outcome outcome = caisson(words);
    EXPECT_NE(outcome.code, kFine) << line_of(words);
    EXPECT_THAT(outcome.err, StartsWith("caisson: ")) << line_of(words);
    EXPECT_FALSE(fs::exists(path("copy"))) << line_of(words);
  }
  EXPECT_EQ(read_file(path()), "not a store");
}

TEST_F(InspectSituation, TheStoreIsEmpty) {
  ASSERT_EQ(caisson({"create", path()}).code, kFine);
  expect_fine(reading());
  expect_fine(copying());
  EXPECT_EQ(caisson({"follow", path(), "--remove", "p"}).code, kNegative);
  EXPECT_EQ(caisson({"snapshots", path(), "--release", "n"}).code, kNegative);
}

TEST_F(InspectSituation, TheStoreIsDamaged) {
  make_store();
  for (const std::streamoff at : {100, 65536 + 100}) {
    std::fstream file(path() + "/pages", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file.write("damage", 6);
  }
  std::vector<Words> commands = all();
  std::erase_if(commands, [](const Words& words) { return words.front() == "verify"; });
  expect_all(commands, kDamaged, "corruption");
  EXPECT_EQ(caisson({"verify", path()}).code, kDamaged);  // To whom this is the answer.
}

TEST_F(InspectSituation, ANewerVersionMadeTheStore) {
  make_store();
  const auto golden = caisson::testing::load_golden(
      fs::path(CAISSON_SOURCE_DIR) / "spec/golden/pages", "reject-meta-3-version");
  std::ofstream(path() + "/pages", std::ios::binary | std::ios::trunc) << as_text(golden.bytes);
  expect_all(all(), kDamaged, "unsupported version");
}

TEST_F(InspectSituation, SomebodyWritesTheStore) {
  make_store();
  const Store writer = value_of(Store::open(path()));
  expect_all(writing(), kBusy, "busy");
  expect_fine(reading());
  expect_fine(copying());
  EXPECT_THAT(caisson(writing().front()).err,
              HasSubstr("process " + std::to_string(getpid()) + " ("));
  EXPECT_THAT(caisson({"stat", path()}).out,
              HasSubstr("process " + std::to_string(getpid()) + " ("));
  EXPECT_EQ(caisson(moving()[0]).code, kFine);
  const ChangeFeed feed = value_of(writer.follow_position("p"));
  expect_all(moving(), kBusy, "busy");
}

TEST_F(InspectSituation, TheStoreMayOnlyBeRead) {
  if (!WithoutRootsRights::possible()) GTEST_SKIP() << "root, and there is no nobody";
  make_store();
  fs::permissions(path(""), static_cast<fs::perms>(0755));
  for (const auto& entry : fs::recursive_directory_iterator(path())) {
    fs::permissions(entry.path(), static_cast<fs::perms>(entry.is_directory() ? 0555 : 0444));
  }
  fs::permissions(path(), static_cast<fs::perms>(0555));
  {
    const WithoutRootsRights without;
    expect_all(writing(), kIoFailure, "permission denied");
    expect_all({moving()[1]}, kIoFailure, "permission denied");
    expect_all(copying(), kIoFailure, "permission denied");  // Beside it, nothing may be made.
    expect_fine(reading());
  }
  fs::permissions(path(), static_cast<fs::perms>(0700));
  for (const auto& entry : fs::recursive_directory_iterator(path())) {
    fs::permissions(entry.path(), static_cast<fs::perms>(0700));
  }
}

// --- What they are asked for ---------------------------------------------------------------------

TEST_F(InspectSituation, WhatIsAskedForIsNotThere) {
  make_store();
  const std::vector<std::pair<Words, std::string>> negative = {
      {{"snapshots", path(), "--release", "x"}, "\"x\""},
      {{"snapshots", path(), "--retain", "n"}, "\"n\""},
      {{"follow", path(), "--remove", "x"}, "\"x\""},
      {{"follow", path(), "--after", "99", "--no-wait"}, "no commit 99"},
      {{"logdump", path(), "--from", "99"}, "no commit 99"},
      {{"page", path(), "99999"}, "pages go from"},
      {{"backup", path(), path("pages-of-mine")}, "pages-of-mine"},
      {{"compact", path(), path("pages-of-mine")}, "pages-of-mine"},
      {{"restore", path("pages-of-mine"), path()}, "pages-of-mine"},
      {{"restore", path("new"), path("missing")}, "missing"},
      {{"restore", path("new"), path(), "--as-of", "99"}, "99"}};
  fs::create_directory(path("pages-of-mine"));
  std::ofstream(path("pages-of-mine") + "/letter.txt") << "dear";
  for (const auto& [words, message] : negative) {
    const Outcome outcome = caisson(words);
    EXPECT_EQ(outcome.code, kNegative) << line_of(words) << ": " << outcome.out << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(message)) << line_of(words);
    EXPECT_FALSE(fs::exists(path("new"))) << line_of(words);
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(path("pages-of-mine")), {}), 1);
}

TEST_F(InspectSituation, TheBackupIsNone) {
  write_file("letter", "dear");
  write_file("empty", "");
  fs::create_directory(path("directory"));
  ASSERT_EQ(caisson({"create", path()}).code, kFine);
  ASSERT_EQ(caisson({"put", path(), "t", "k", "v"}).code, kFine);
  const std::string stream = caisson({"backup", path(), "-"}).out;
  write_file("whole", stream);
  write_file("cut", stream.substr(0, stream.size() / 2));
  std::string flipped = stream;
  flipped[stream.size() / 2] ^= 1;
  write_file("flipped", flipped);
  for (const char* name : {"letter", "empty", "cut", "flipped"}) {
    const Outcome outcome = caisson({"restore", path("new"), path(name)});
    EXPECT_EQ(outcome.code, kDamaged) << name << ": " << outcome.err;
    EXPECT_THAT(outcome.err, StartsWith("caisson: ")) << name;
    EXPECT_FALSE(fs::exists(path("new"))) << name;
  }
  EXPECT_EQ(caisson({"restore", path("new"), path("directory")}).code, kNegative);
  EXPECT_EQ(caisson({"restore", path("new"), path("whole")}).code, kFine);
}

TEST_F(InspectSituation, TheyAreCalledWrongly) {
  const std::vector<Words> wrong = {{"stat"},
                                    {"stat", path(), "t"},
                                    {"snapshots", path(), "--retain", "a", "--release", "b"},
                                    {"snapshots", path(), "--retain"},
                                    {"logdump", path(), "--from", "first"},
                                    {"logdump", path(), "--from", "-1"},
                                    {"logdump", path(), "--from", "5", "--to", "4"},
                                    {"logdump", path(), "--to", "4", "--follow"},
                                    {"logdump", path(), "--verify", "--operations"},
                                    {"verify", path(), "--findings", "0"},
                                    {"verify", path(), "--memory", "much"},
                                    {"page", path(), "root"},
                                    {"page", path(), "--depth", "-1"},
                                    {"follow", path(), "--after", "now"},
                                    {"follow", path(), "--after", "-1"},
                                    {"follow", path(), "--list", "--position", "p"},
                                    {"follow", path(), "--remove", "p", "--list"},
                                    {"backup", path()},
                                    {"backup", path(), path("copy"), "--progress", "much"},
                                    {"restore", path()},
                                    {"restore", path(), path("copy"), "--as-of", "monday"},
                                    {"restore", path(), path("copy"), "--as-of", "-1"},
                                    {"compact"},
                                    {"compact", path(), "--wait", "long"}};
  for (const Words& words : wrong) {
    const Outcome outcome = caisson(words);
    EXPECT_EQ(outcome.code, kUsage) << line_of(words);
    EXPECT_EQ(outcome.out, "") << line_of(words);
    EXPECT_THAT(outcome.err, HasSubstr("\nTry: caisson " + words.front() + " --help\n"))
        << line_of(words);
  }
  // What a name can't be is found by who takes it.
  make_store();
  const std::string name(300, 'n');
  for (const Words& words : {Words{"snapshots", path(), "--retain", name},
                             {"snapshots", path(), "--retain", ""},
                             {"follow", path(), "--position", name, "--no-wait"},
                             {"follow", path(), "--position", "", "--no-wait"},
                             {"follow", path(), "--remove", ""},
                             {"backup", path(), path("copy"), "--name", name}}) {
    const Outcome outcome = caisson(words);
    EXPECT_EQ(outcome.code, kUsage) << line_of(words) << outcome.out << outcome.err;
    EXPECT_FALSE(fs::exists(path("copy"))) << line_of(words);
  }
}

// --- Stopped -------------------------------------------------------------------------------------

TEST_F(InspectSituation, CtrlCStopsThem) {
  make_store();
  ASSERT_EQ(caisson({"backup", path(), path("backup")}).code, kFine);
  for (const Words& words : {Words{"logdump", path()},
                             {"logdump", path(), "--follow"},
                             {"logdump", path(), "--verify"},
                             {"verify", path()},
                             {"follow", path()},
                             {"backup", path(), path("copy")},
                             {"compact", path(), path("copy")},
                             {"restore", path("copy"), path("backup")}}) {
    const Outcome text = caisson(words, "", 2);
    EXPECT_EQ(text.code, 130) << line_of(words) << ": " << text.out << text.err;
    EXPECT_THAT(text.err, HasSubstr("stopped")) << line_of(words);
    EXPECT_FALSE(fs::exists(path("copy"))) << line_of(words);
  }
}

TEST_F(InspectSituation, StandardOutputCanNotBeWritten) {
  make_store();
  for (const Words& words : reading()) {
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    out.setstate(std::ios::badbit);
    Context context{.in = in, .out = out, .err = err};
    std::vector<const char*> argv = {"caisson"};
    for (const std::string& word : words) argv.push_back(word.c_str());
    EXPECT_EQ(run(static_cast<int>(argv.size()), argv.data(), context), kIoFailure)
        << line_of(words);
    EXPECT_THAT(err.str(), HasSubstr("can't write the output")) << line_of(words);
  }
}

}  // namespace
}  // namespace caisson::tools

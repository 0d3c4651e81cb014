// Method: follow, backup, restore and compact, run in this process on stores in a temporary
// directory, and as processes that are killed at moments of chance, from fixed seeds: what they
// say, and what lies in their stores and copies then.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
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

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class Copies : public FolderTest {
 protected:
  Copies() { EXPECT_EQ(caisson({"create", path()}).code, kFine); }

  void put(const std::string& key, const std::string& value = "v") const {
    EXPECT_EQ(caisson({"put", path(), "t", "--", key, value}).code, kFine);
  }
};

// --- follow --------------------------------------------------------------------------------------

TEST_F(Copies, FollowPrintsEachChange) {
  put("a", "tab\there");
  put("b");
  EXPECT_EQ(caisson({"del", path(), "t", "a"}).code, kFine);
  EXPECT_EQ(caisson({"del", path(), "t", "--prefix", "b"}).code, kFine);
  EXPECT_EQ(caisson({"del", path(), "t", "--tree"}).code, kFine);
  const Outcome text = caisson({"follow", path(), "--after", "0", "--no-wait"});
  EXPECT_EQ(text.code, kFine) << text.err;
  EXPECT_EQ(text.out,
            "1\tcreate-tree\tt\n1\tput\tt\ta\ttab\\there\n2\tput\tt\tb\tv\n3\terase\tt\ta\n"
            "4\terase-range\tt\tb\tc\n5\tdrop-tree\tt\n");
  const Outcome json = caisson({"follow", path(), "--after", "3", "--no-wait", "--json"});
  EXPECT_EQ(json.out,
            "{\"txn\":4,\"change\":\"erase-range\",\"tree\":\"t\",\"key\":\"b\",\"end\":\"c\"}\n"
            "{\"txn\":5,\"change\":\"drop-tree\",\"tree\":\"t\"}\n");
  const Outcome other = caisson({"follow", path(), "u", "--after", "0", "--no-wait"});
  EXPECT_EQ(other.out, "");
  const Outcome one = caisson({"follow", path(), "--after", "1", "--commits", "1"});
  EXPECT_EQ(one.out, "2\tput\tt\tb\tv\n");
}

TEST_F(Copies, FollowGoesOnFromItsPosition) {
  put("a");
  EXPECT_EQ(caisson({"follow", path(), "--position", "p", "--no-wait"}).out, "");
  put("b");
  put("c");
  EXPECT_EQ(caisson({"follow", path(), "--position", "p", "--commits", "1"}).out,
            "2\tput\tt\tb\tv\n");
  EXPECT_EQ(caisson({"follow", path(), "--position", "p", "--no-wait"}).out, "3\tput\tt\tc\tv\n");
  EXPECT_EQ(caisson({"follow", path(), "--position", "p", "--no-wait"}).out, "");
  const nlohmann::json list = caisson({"follow", path(), "--list", "--json"}).json();
  EXPECT_EQ(list["positions"][0]["name"], "p");
  EXPECT_EQ(list["positions"][0]["txn"], 3);
  EXPECT_GT(list["positions"][0]["log_bytes"], 0);
  EXPECT_EQ(caisson({"follow", path(), "--remove", "p"}).code, kFine);
  EXPECT_EQ(caisson({"follow", path(), "--remove", "p"}).code, kNegative);
  EXPECT_THAT(caisson({"follow", path(), "--list"}).err, HasSubstr("no positions"));
}

TEST_F(Copies, FollowSaysWhatItCanNotFollow) {
  EXPECT_EQ(caisson({"follow", path("none")}).code, kNegative);
  EXPECT_EQ(caisson({"follow", path(), "--after", "7"}).code, kNegative);
  EXPECT_EQ(caisson({"follow", path(), "--position", "p", "--list"}).code, kUsage);
  const Outcome stopped = caisson({"follow", path()}, "", SIGINT);
  EXPECT_EQ(stopped.code, 130);
  EXPECT_THAT(stopped.err, HasSubstr("behind txn 0"));
}

// --- The past ------------------------------------------------------------------------------------

TEST_F(Copies, TheLastChangesCanBeGoneBackTo) {
  for (int i = 1; i <= 20; ++i) put("a", std::to_string(i));
  EXPECT_EQ(caisson({"get", path(), "t", "a", "--as-of", "12"}).out, "12\n");
  const Outcome gone = caisson({"get", path(), "t", "a", "--as-of", "1"});
  EXPECT_EQ(gone.code, kNegative);
  EXPECT_THAT(gone.err, HasSubstr("is not retained"));
  EXPECT_EQ(caisson({"put", path(), "t", "a", "x", "--history", "0"}).code, kFine);
  EXPECT_EQ(caisson({"get", path(), "t", "a", "--as-of", "12"}).code, kFine)
      << "no fewer than the store keeps";
}

// A program that keeps more finds all of it still there.
TEST_F(Copies, AStoreKeepsAsMuchOfItsPastAsItsOwnerAskedFor) {
  const Options options{.retention = {.checkpoints = 50}};
  for (int i = 1; i <= 30; ++i) {
    Store store = caisson::testing::value_of(Store::open(path(), options));
    WriteTxn txn = caisson::testing::value_of(store.begin_write());
    caisson::testing::value_of(
        caisson::testing::value_of(txn.open_or_create_tree("t")).put("a", std::to_string(i)));
    caisson::testing::value_of(txn.commit());
  }
  put("b");
  EXPECT_EQ(caisson({"get", path(), "t", "a", "--as-of", "5"}).out, "5\n");
}

// --- backup and restore --------------------------------------------------------------------------

TEST_F(Copies, BackupCopiesAndThenBringsWhatIsNew) {
  put("a");
  const nlohmann::json first =
      caisson({"backup", path(), path("copy"), "--name", "n", "--json"}).json();
  EXPECT_EQ(first["increment"], false);
  EXPECT_EQ(first["txn"], 1);
  EXPECT_EQ(first["trees"], 1);
  EXPECT_EQ(first["entries"], 1);
  EXPECT_EQ(first["bytes"], 2);
  put("b");
  put("c");
  const Outcome second = caisson({"backup", path(), path("copy"), "--name", "n", "--drill"});
  EXPECT_EQ(second.code, kFine) << second.err;
  EXPECT_THAT(second.out, HasSubstr("2 commits of 2 changes"));
  EXPECT_THAT(second.out, HasSubstr("restored for a trial"));
  EXPECT_EQ(contents_of(path("copy")), contents_of(path()));
  EXPECT_THAT(caisson({"backup", path(), path("copy"), "--name", "n"}).out,
              HasSubstr("nothing new behind txn 3"));
  const Outcome restored =
      caisson({"restore", path("then"), path("copy"), "--as-of", "2", "--json"});
  EXPECT_EQ(restored.json()["txn"], 2);
  EXPECT_THAT(contents_of(path("then")),
              ElementsAre(Pair("t", ElementsAre(Pair("a", "v"), Pair("b", "v")))));
  for (const auto& entry : fs::directory_iterator(path("."))) {
    EXPECT_THAT(entry.path().string(), ::testing::Not(HasSubstr("drill")));
    EXPECT_THAT(entry.path().string(), ::testing::Not(HasSubstr("unfinished")));
  }
}

TEST_F(Copies, BackupWritesAStreamThatIsRestored) {
  put("a");
  const Outcome base = caisson({"backup", path(), "-", "--name", "n", "--json"});
  EXPECT_EQ(base.code, kFine);
  EXPECT_EQ(nlohmann::json::parse(base.err)["stream_bytes"], base.out.size());
  put("b");
  const Outcome more = caisson({"backup", path(), "-", "--name", "n"});
  EXPECT_THAT(more.err, HasSubstr("1 commit of 1 change"));
  const std::string one = write_file("one", base.out);
  const std::string two = write_file("two", more.out);
  EXPECT_EQ(caisson({"restore", path("r1"), one, two}).code, kFine);
  EXPECT_EQ(contents_of(path("r1")), contents_of(path()));
  EXPECT_EQ(caisson({"restore", path("r2"), "-"}, base.out + more.out).code, kFine);
  EXPECT_EQ(contents_of(path("r2")), contents_of(path()));
  // In another order, alone, damaged, cut off.
  EXPECT_EQ(caisson({"restore", path("r3"), two}).code, kUsage);
  EXPECT_EQ(caisson({"restore", path("r3"), two, one}).code, kUsage);
  EXPECT_EQ(caisson({"restore", path("r3"), one, one}).code, kDamaged);
  EXPECT_THAT(caisson({"restore", path("r3"), one, path(".")}).err, HasSubstr("a directory"));
  // All of it anew, what it doesn't replace left alone.
  const Outcome full = caisson({"backup", path(), "-", "--name", "n", "--full"});
  EXPECT_THAT(full.err, HasSubstr("2 keys in 1 tree"));
  EXPECT_THAT(full.err, HasSubstr("checked:"));
  EXPECT_EQ(caisson({"restore", path("r4"), "-"}, full.out).code, kFine);
  std::string damaged = base.out;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  const Outcome refused = caisson({"restore", path("r3"), "-"}, damaged);
  EXPECT_EQ(refused.code, kDamaged);
  EXPECT_THAT(refused.err, HasSubstr("ARCHIVE-1"));
  EXPECT_EQ(caisson({"restore", path("r3"), "-"}, base.out.substr(0, 100)).code, kDamaged);
  EXPECT_EQ(caisson({"restore", path("r3"), "-"}, "").code, kDamaged);
  const Outcome none = caisson({"restore", path("r3"), path("none")});
  EXPECT_EQ(none.code, kNegative);
  EXPECT_THAT(none.err, ::testing::Not(HasSubstr("record")));
  EXPECT_FALSE(fs::exists(path("r3")));
}

TEST_F(Copies, BackupSaysWhatIsInItsWay) {
  put("a");
  EXPECT_EQ(caisson({"backup", path(), path()}).code, kNegative);
  EXPECT_EQ(caisson({"backup", path("none"), path("copy")}).code, kNegative);
  EXPECT_EQ(caisson({"backup", path(), path("none/copy")}).code, kNegative);
  EXPECT_EQ(caisson({"backup", path()}).code, kUsage);
  EXPECT_EQ(caisson({"restore", path("new")}).code, kUsage);
  EXPECT_EQ(caisson({"backup", path(), path("copy"), "--name", "n"}).code, kFine);
  const Outcome other = caisson({"backup", path(), path("other"), "--name", "n"});
  EXPECT_EQ(other.code, kNegative);
  EXPECT_THAT(other.err, HasSubstr("backup of this name at another place"));
  EXPECT_EQ(caisson({"restore", path("copy"), path("copy")}).code, kNegative);
  // Within itself, and where the trial is to be.
  for (const char* inside : {"store/copy", "store/log/copy", "./store/../store/copy"}) {
    EXPECT_EQ(caisson({"backup", path(), path(inside)}).code, kUsage) << inside;
    EXPECT_EQ(caisson({"compact", path(), path(inside)}).code, kUsage) << inside;
    EXPECT_EQ(caisson({"restore", path(inside), path()}).code, kUsage) << inside;
  }
  const Outcome trial =
      caisson({"backup", path(), path("new"), "--drill", "--scratch", path("copy")});
  EXPECT_EQ(trial.code, kNegative);
  EXPECT_EQ(caisson({"restore", path("new"), path("copy"), "--as-of", "-1"}).code, kUsage);
  // A directory that is something else.
  fs::create_directory(path("folder"));
  EXPECT_EQ(caisson({"backup", path(), path("folder")}).code, kNegative);
  EXPECT_EQ(caisson({"restore", path("new"), path("folder")}).code, kNegative);
  write_file("folder/pages", "nothing of ours");
  EXPECT_EQ(caisson({"restore", path("new"), path("folder")}).code, kDamaged);
  EXPECT_FALSE(fs::exists(path("new")));
}

TEST_F(Copies, BackupIsMadeBesideAWriter) {
  put("a");
  const Store store = caisson::testing::value_of(Store::open(path()));
  EXPECT_EQ(caisson({"backup", path(), path("copy"), "--name", "n"}).code, kFine);
  EXPECT_EQ(contents_of(path("copy")), contents_of(path()));
  EXPECT_EQ(caisson({"compact", path(), path("small")}).code, kFine);
  const Outcome busy = caisson({"compact", path()});
  EXPECT_EQ(busy.code, kBusy);
}

TEST_F(Copies, CtrlCStopsACopyAndLeavesNothing) {
  put("a", std::string(3U << 20U, 'v'));
  EXPECT_EQ(caisson({"backup", path(), path("copy")}, "", SIGINT).code, 130);
  EXPECT_EQ(caisson({"backup", path(), "-"}, "", SIGTERM).code, 143);
  EXPECT_EQ(caisson({"compact", path(), path("copy")}, "", SIGINT).code, 130);
  EXPECT_EQ(caisson({"restore", path("copy"), path()}, "", SIGINT).code, 130);
  EXPECT_FALSE(fs::exists(path("copy")));
  EXPECT_FALSE(fs::exists(path("copy.unfinished")));
}

// --- compact -------------------------------------------------------------------------------------

TEST_F(Copies, CompactGivesSpaceBack) {
  std::string rows;
  for (int i = 0; i < 3000; ++i) {
    rows += std::to_string(i) + "\t" + std::string(1000, 'v') + "\n";
  }
  EXPECT_EQ(caisson({"load", path(), "t", "-"}, rows).code, kFine);
  EXPECT_EQ(caisson({"del", path(), "t", "--all"}).code, kFine);
  put("a");
  const nlohmann::json small = caisson({"compact", path(), path("small"), "--json"}).json();
  EXPECT_LT(small["after_bytes"], small["before_bytes"].get<std::uint64_t>() / 3);
  EXPECT_EQ(small["after_bytes"], fs::file_size(path("small/pages")));
  EXPECT_EQ(contents_of(path("small")), contents_of(path()));
  // The first lets go of the past, and the next change moves what lies at the end.
  EXPECT_EQ(caisson({"compact", path()}).code, kFine);
  put("b");
  const nlohmann::json shrunk = caisson({"compact", path(), "--json"}).json();
  EXPECT_LT(shrunk["after_bytes"], small["before_bytes"].get<std::uint64_t>() / 3);
  EXPECT_THAT(contents_of(path()),
              ElementsAre(Pair("t", ElementsAre(Pair("a", "v"), Pair("b", "v")))));
  EXPECT_EQ(caisson({"compact", path(), path("small")}).code, kNegative);
}

// --- Killed --------------------------------------------------------------------------------------

class KilledCopies : public Copies {
 protected:
  void SetUp() override {
    if (caisson::testing::emulated()) GTEST_SKIP() << "the program would need an emulator";
    std::string rows;
    for (int i = 0; i < 20'000; ++i) {
      rows += std::to_string(i * 7919 % 20'000) + "\t" + std::string(100, 'v') + "\n";
    }
    ASSERT_EQ(caisson({"load", path(), "t", "-"}, rows).code, kFine);
    whole_ = contents_of(path());
  }

  // Runs a command again and again, and kills it a little later each time, until it has ended by
  // itself. `check` looks at what it has left.
  void kill_until_done(const std::vector<std::string>& arguments, std::uint64_t seed,
                       const std::string& made, const std::function<void()>& check) const {
    Random random(seed);
    int killed = 0;
    for (int i = 0;; ++i) {
      Program program(arguments, path("out"), path("err"));
      std::this_thread::sleep_for(std::chrono::microseconds(500 + 1500 * i) +
                                  std::chrono::microseconds(random.below(1500)));
      program.kill(SIGKILL);
      const int code = program.wait();
      check();
      if (code == 0 || fs::exists(path(made))) break;
      ASSERT_EQ(code, 128 + SIGKILL) << read_file(path("err"));
      ++killed;
      ASSERT_LT(i, 2000);
    }
    EXPECT_GE(killed, 1);
    std::cout << arguments[0] << ": killed=" << killed << "\n";
  }

  // What is at a path is whole, or isn't there; what is unfinished can't be opened.
  void expect_whole_or_nothing(const std::string& name) const {
    if (fs::exists(path(name))) {
      EXPECT_EQ(contents_of(path(name)), whole_);
    }
    const std::string unfinished = path(name + ".unfinished");
    if (fs::exists(unfinished)) {
      const auto opened = Store::open(unfinished, {.read_only = true});
      if (opened) {
        EXPECT_EQ(contents_of(unfinished), whole_);  // It only lacks its name.
      }
    }
    EXPECT_EQ(contents_of(path()), whole_);
  }

  Contents whole_;
};

TEST_F(KilledCopies, ABackupIsWholeOrNotThere) {
  kill_until_done({"backup", path(), path("copy")}, 1, "copy",
                  [&] { expect_whole_or_nothing("copy"); });
}

TEST_F(KilledCopies, ACompactStoreIsWholeOrNotThere) {
  kill_until_done({"compact", path(), path("small")}, 2, "small",
                  [&] { expect_whole_or_nothing("small"); });
}

TEST_F(KilledCopies, ARestoredStoreIsWholeOrNotThere) {
  ASSERT_EQ(run_in_shell("$caisson backup $1 - > $2 2> /dev/null", {path(), path("stream")}), 0);
  kill_until_done({"restore", path("again"), path("stream")}, 3, "again",
                  [&] { expect_whole_or_nothing("again"); });
}

TEST_F(KilledCopies, AnIncrementLeavesTheBackupAtOneOfTheStoresStates) {
  ASSERT_EQ(caisson({"backup", path(), path("copy"), "--name", "n"}).code, kFine);
  std::map<std::uint64_t, std::size_t> sizes;  // How many keys there are behind each commit.
  const std::size_t before = whole_["t"].size();
  std::string rows;
  for (int i = 0; i < 5000; ++i) {
    rows += "new" + std::to_string(i) + "\t" + std::string(100, 'w') + "\n";
  }
  ASSERT_EQ(caisson({"load", path(), "t", "-", "--batch", "100"}, rows).code, kFine);
  whole_ = contents_of(path());
  kill_until_done({"backup", path(), path("copy"), "--name", "n"}, 4, "none", [&] {
    const std::size_t there = contents_of(path("copy"))["t"].size();
    EXPECT_GE(there, before);
    EXPECT_EQ((there - before) % 100, 0U);
    EXPECT_EQ(contents_of(path()), whole_);
  });
  EXPECT_EQ(contents_of(path("copy")), whole_);
}

TEST_F(KilledCopies, CompactInPlaceLosesNothing) {
  ASSERT_EQ(caisson({"del", path(), "t", "--from", "15"}).code, kFine);
  whole_ = contents_of(path());
  kill_until_done({"compact", path()}, 5, "none", [&] { EXPECT_EQ(contents_of(path()), whole_); });
}

}  // namespace
}  // namespace caisson::tools

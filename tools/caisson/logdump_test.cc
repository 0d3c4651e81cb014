// Method: caisson logdump, on stores that the library writes: records are compared with what was
// committed, line by line; damage is made by flipping bytes of a record that logdump has named.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tools/testing/command.h"

namespace caisson::tools {
namespace {

using caisson::testing::value_of;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

// A record a line; what comes behind them is an error.
std::vector<nlohmann::json> records_of(const Outcome& outcome) {
  std::vector<nlohmann::json> records;
  std::istringstream in(outcome.out);
  for (std::string line; std::getline(in, line) && line.starts_with("{\"txn\"");) {
    records.push_back(nlohmann::json::parse(line));
  }
  return records;
}

std::vector<nlohmann::json> commits_of(const Outcome& outcome) {
  std::vector<nlohmann::json> commits = records_of(outcome);
  std::erase_if(commits, [](const nlohmann::json& record) { return record["type"] != "commit"; });
  return commits;
}

class LogDump : public FolderTest {
 protected:
  Store open_store() const {
    // Without threads: nothing but what a test does writes to the store.
    Options options{.create_if_missing = true, .background = false};
    options.log_file_size_min = std::uint64_t{2} << 20U;
    return value_of(Store::open(path(), options));
  }

  static void put(const Store& store, const std::string& key, const std::string& value) {
    WriteTxn txn = value_of(store.begin_write());
    WriteTree tree = value_of(txn.open_or_create_tree("t"));
    value_of(tree.put(key, value));
    value_of(txn.commit());
  }

  // The store as a process that was killed now would leave it.
  std::string killed(const std::string& name = "killed") const {
    fs::copy(path(), path(name), fs::copy_options::recursive);
    return path(name);
  }

  static void flip(const std::string& store, const nlohmann::json& record, std::uint64_t at) {
    const auto log = fs::path(store) / "log";
    std::vector<fs::path> files(fs::directory_iterator(log), fs::directory_iterator{});
    std::ranges::sort(files);
    const std::uint64_t file = record["file"];
    // The first file has number 1.
    std::fstream bytes(files.at(file - 1), std::ios::in | std::ios::out | std::ios::binary);
    const auto offset = static_cast<std::streamoff>(record["offset"].get<std::uint64_t>() + at);
    bytes.seekg(offset);
    const int byte = bytes.get();
    bytes.seekp(offset);
    bytes.put(static_cast<char>(byte ^ 0x10));
  }
};

TEST_F(LogDump, ShowsTheRecordOfEachCommit) {
  const Store store = open_store();
  for (int i = 1; i <= 5; ++i) put(store, "k" + std::to_string(i), "v");
  const auto commits = commits_of(caisson({"logdump", path(), "--json"}));
  ASSERT_EQ(commits.size(), 5U);
  for (std::size_t i = 0; i < commits.size(); ++i) {
    EXPECT_EQ(commits[i]["txn"], i + 1);
    EXPECT_EQ(commits[i]["part"], 0);
    EXPECT_EQ(commits[i]["hash"].get<std::string>().size(), 32U);
    EXPECT_GT(commits[i]["payload_bytes"], 0);
    EXPECT_LE(commits[i]["acknowledged"], i);
    if (i > 0) {
      EXPECT_GT(commits[i]["offset"], commits[i - 1]["offset"]);
    }
  }
  const Outcome text = caisson({"logdump", path()});
  EXPECT_EQ(text.code, kFine);
  EXPECT_THAT(text.out, HasSubstr("FILE:OFFSET"));
  EXPECT_THAT(text.out, HasSubstr(commits[4]["hash"].get<std::string>()));
}

TEST_F(LogDump, ShowsWhatEachRecordDid) {
  const Store store = open_store();
  {
    WriteTxn txn = value_of(store.begin_write());
    WriteTree tree = value_of(txn.open_or_create_tree("notes"));
    value_of(tree.put("a\n", std::string(100, 'x')));
    value_of(tree.put("b", "2"));
    for (const char* key : {"c", "e"}) value_of(tree.put(key, "in a range"));
    value_of(tree.erase("b"));
    value_of(tree.erase_range(Range::between("c", "d")));
    value_of(tree.erase_range(Range::from("e")));
    value_of(txn.commit());
  }
  {
    WriteTxn txn = value_of(store.begin_write());
    value_of(txn.drop_tree("notes"));
    value_of(txn.commit());
  }
  const auto commits =
      commits_of(caisson({"logdump", path(), "--json", "--operations", "--bytes", "4"}));
  ASSERT_EQ(commits.size(), 2U);
  const nlohmann::json& done = commits[0]["operations"];
  ASSERT_EQ(done.size(), 8U);
  EXPECT_EQ(done[0]["operation"], "create tree");
  EXPECT_EQ(done[0]["key"], "note...");
  EXPECT_EQ(done[1], nlohmann::json({{"operation", "put"},
                                     {"tree", 1},
                                     {"key", "a\\x0a"},
                                     {"value", "xxxx..."},
                                     {"value_bytes", 100}}));
  EXPECT_EQ(done[5], nlohmann::json({{"operation", "delete"}, {"tree", 1}, {"key", "b"}}));
  EXPECT_EQ(done[6]["end"], "d");
  EXPECT_FALSE(done[7].contains("end"));
  EXPECT_EQ(commits[1]["operations"][0], nlohmann::json({{"operation", "drop tree"}, {"tree", 1}}));
  const Outcome text = caisson({"logdump", path(), "--operations", "--bytes", "4"});
  EXPECT_THAT(text.out, HasSubstr("put 1 \"a\\x0a\" = \"xxxx...\" (100 bytes)\n"));
  EXPECT_THAT(text.out, HasSubstr("delete range 1 \"c\" to \"d\"\n"));
  EXPECT_THAT(text.out, HasSubstr("delete range 1 \"e\" to the last\n"));
}

// Parts of a commit, a value in pieces, and what a savepoint took back.
TEST_F(LogDump, ShowsCommitsOfManyParts) {
  const Store store = open_store();
  {
    WriteTxn txn = value_of(store.begin_write());
    WriteTree tree = value_of(txn.open_or_create_tree("t"));
    const std::string piece(std::size_t{1} << 20U, 'p');
    ValueWriter value = value_of(tree.put_stream("long", 3 * piece.size()));
    for (int i = 0; i < 3; ++i) value_of(value.append(piece));
    value_of(value.finish());
    const std::size_t savepoint = value_of(txn.savepoint());
    for (int i = 0; i < 400; ++i) {
      value_of(tree.put("k" + std::to_string(i), std::string(10'000, 'v')));
    }
    value_of(txn.roll_back_to(savepoint));
    value_of(tree.put("last", "1"));
    value_of(txn.commit());
  }
  const auto records = records_of(caisson({"logdump", path(), "--json", "--operations"}));
  std::uint64_t pieces = 0;
  std::uint64_t next_part = 0;
  bool rolled_back = false;
  for (const nlohmann::json& record : records) {
    EXPECT_EQ(record["part"], next_part++);
    rolled_back = rolled_back || record["type"] == "rollback";
    if (!record.contains("operations")) continue;
    for (const nlohmann::json& operation : record["operations"]) {
      if (operation["operation"] == "piece")
        pieces += operation["value_bytes"].get<std::uint64_t>();
    }
  }
  EXPECT_EQ(pieces, 3U << 20U);
  EXPECT_TRUE(rolled_back);
  EXPECT_EQ(records.back()["type"], "commit");
  EXPECT_EQ(records.back()["operations"].back()["key"], "last");
  EXPECT_EQ(caisson({"logdump", path(), "--operations"}).code, kFine);
}

TEST_F(LogDump, BeginsAndEndsWhereItIsAskedTo) {
  const Store store = open_store();
  for (int i = 1; i <= 6; ++i) put(store, "k", std::to_string(i));
  const auto commits =
      commits_of(caisson({"logdump", path(), "--json", "--from", "3", "--to", "5"}));
  ASSERT_EQ(commits.size(), 3U);
  EXPECT_EQ(commits.front()["txn"], 3);
  EXPECT_EQ(commits.back()["txn"], 5);
  EXPECT_EQ(caisson({"logdump", path(), "--from", "7"}).code, kNegative);
  EXPECT_EQ(caisson({"logdump", path(), "--to", "5", "--follow"}).code, kUsage);
  EXPECT_EQ(caisson({"logdump", path(), "--from", "5", "--to", "4"}).code, kUsage);
  EXPECT_EQ(caisson({"logdump", path(), "--verify", "--from", "1"}).code, kUsage);
}

TEST_F(LogDump, SaysFromWhereTheLogIsKept) {
  {
    const Store store = open_store();
    for (int i = 1; i <= 6; ++i) {
      put(store, "k", std::to_string(i));
      value_of(store.checkpoint());
    }
    const Outcome outcome = caisson({"logdump", path(), "--from", "1"});
    EXPECT_EQ(outcome.code, kNegative) << outcome.out;
    EXPECT_THAT(outcome.err, HasSubstr("from commit 6 on"));
    const auto commits = commits_of(caisson({"logdump", path(), "--json"}));
    ASSERT_EQ(commits.size(), 1U);
    EXPECT_EQ(commits[0]["txn"], 6);
    // A position leads further back.
    put(store, "k", "7");
    value_of(store.create_position("here", TxnId{6}));
    for (int i = 0; i < 3; ++i) {
      put(store, "k", "8");
      value_of(store.checkpoint());
    }
  }
  EXPECT_EQ(commits_of(caisson({"logdump", path(), "--json", "--from", "7"})).size(), 4U);
}

TEST_F(LogDump, GoesNoFurtherThanWhatIsDurable) {
  const Store store = open_store();
  put(store, "k", "1");
  {
    WriteTxn txn = value_of(store.begin_write());
    WriteTree tree = value_of(txn.open_or_create_tree("t"));
    value_of(tree.put("k", "2"));
    value_of(txn.commit({.durability = Durability::kAsync}));
  }
  EXPECT_EQ(commits_of(caisson({"logdump", path(), "--json"})).size(), 1U);
  put(store, "k", "3");
  EXPECT_EQ(commits_of(caisson({"logdump", path(), "--json"})).size(), 3U);
  WriteTxn txn = value_of(store.begin_write());
  WriteTree tree = value_of(txn.open_or_create_tree("t"));
  for (int i = 0; i < 2000; ++i) {
    value_of(tree.put("k" + std::to_string(i), std::string(10'000, 'v')));
  }
  const auto records = records_of(caisson({"logdump", path(), "--json"}));
  EXPECT_EQ(records.size(), 3U) << "parts of a commit that has no end yet";
}

// --follow until a commit has been shown, while `write` runs.
Outcome follow_until(const std::string& store, TxnId last, const std::function<void()>& write) {
  const auto begun = std::chrono::steady_clock::now();
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Context context{.in = in, .out = out, .err = err};
  const std::string wanted = "{\"txn\":" + std::to_string(to_u64(last)) + ",";
  // Asked in between by the thread that writes `out`.
  context.signal = [&] {
    const bool shown = out.str().find(wanted) != std::string::npos;
    return shown || std::chrono::steady_clock::now() - begun > std::chrono::seconds(60) ? 2 : 0;
  };
  const char* const argv[] = {"caisson", "logdump", store.c_str(), "--follow", "--json"};
  Outcome outcome;
  {
    std::jthread follows([&] { outcome.code = run(5, argv, context); });
    write();
  }
  return {outcome.code, out.str(), err.str()};
}

TEST_F(LogDump, FollowsUntilItIsStopped) {
  const Store store = open_store();
  put(store, "k", "1");
  const Outcome followed = follow_until(path(), TxnId{4}, [&store] {
    for (int i = 2; i <= 4; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(40));
      put(store, "k", std::to_string(i));
    }
  });
  EXPECT_EQ(followed.code, 130);
  const auto commits = commits_of(followed);
  ASSERT_EQ(commits.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(commits[i]["txn"], i + 1);
  EXPECT_THAT(followed.out, HasSubstr("behind txn 4"));
}

// What a crash has left behind the last commit is not followed: who recovers the store writes its
// own in that place.
TEST_F(LogDump, FollowsAStoreThatIsRecoveredMeanwhile) {
  {
    const Store store = open_store();
    put(store, "k", "1");
    WriteTxn txn = value_of(store.begin_write());
    WriteTree tree = value_of(txn.open_or_create_tree("t"));
    for (int i = 0; i < 1200; ++i) {
      value_of(tree.put("k" + std::to_string(i), std::string(10'000, 'v')));
    }
    killed();
  }
  const auto records = records_of(caisson({"logdump", path("killed"), "--json"}));
  ASSERT_FALSE(records.empty());
  ASSERT_EQ(records.back()["type"], "part");
  EXPECT_EQ(caisson({"logdump", path("killed"), "--verify"}).code, kFine);
  const Outcome followed = follow_until(path("killed"), TxnId{2}, [this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    put(value_of(Store::open(path("killed"))), "k", "2");
  });
  EXPECT_EQ(followed.code, 130) << followed.err;
  EXPECT_EQ(commits_of(followed).size(), 2U);
}

// --- Checking ------------------------------------------------------------------------------------

TEST_F(LogDump, VerifyFollowsTheChainToItsEnd) {
  {
    const Store store = open_store();
    for (int i = 1; i <= 6; ++i) put(store, "k", std::to_string(i));
    const nlohmann::json written = caisson({"logdump", path(), "--verify", "--json"}).json();
    EXPECT_EQ(written["damaged"], false);
    EXPECT_EQ(written["written"], true);
    EXPECT_EQ(written["end"]["txn"], 6);
    EXPECT_THAT(caisson({"logdump", killed(), "--verify"}).out, HasSubstr("was not closed"));
  }
  const nlohmann::json json = caisson({"logdump", path(), "--verify", "--json"}).json();
  EXPECT_EQ(json["damaged"], false);
  EXPECT_EQ(json["closed"], true);
  EXPECT_EQ(json["written"], false);
  EXPECT_EQ(json["end"]["txn"], 6);
  const Outcome text = caisson({"logdump", path(), "--verify"});
  EXPECT_EQ(text.code, kFine);
  EXPECT_THAT(text.out, HasSubstr("the store was closed there\nok: nothing is damaged"));
}

// From the first commit of the first file, though no checkpoint leads there any more.
TEST_F(LogDump, VerifyBeginsWithTheFirstCommitThatTheFilesHold) {
  const Store store = open_store();
  for (int i = 1; i <= 6; ++i) {
    put(store, "k", std::to_string(i));
    value_of(store.checkpoint());
  }
  const nlohmann::json json = caisson({"logdump", path(), "--verify", "--json"}).json();
  EXPECT_EQ(json["from"]["txn"], 1);
  EXPECT_EQ(json["end"]["txn"], 6);
  EXPECT_EQ(json["damaged"], false);
}

TEST_F(LogDump, DamageIsNamedWhereverItLies) {
  {
    const Store store = open_store();
    for (int i = 1; i <= 4; ++i) put(store, "k" + std::to_string(i), std::string(50, 'v'));
    killed();
  }
  const auto commits = commits_of(caisson({"logdump", path("killed"), "--json"}));
  ASSERT_EQ(commits.size(), 4U);
  // All but the last: damage to that one is a commit that was torn.
  for (std::size_t i = 0; i < 3; ++i) {
    for (const std::uint64_t at : {0U, 60U, 160U}) {
      const std::string copy = path("copy-" + std::to_string(i) + "-" + std::to_string(at));
      fs::copy(path("killed"), copy, fs::copy_options::recursive);
      flip(copy, commits[i], at);
      const Outcome checked = caisson({"logdump", copy, "--verify", "--json"});
      EXPECT_EQ(checked.code, kDamaged) << i << " " << at << checked.out;
      EXPECT_EQ(checked.json()["damaged"], true);
      EXPECT_EQ(checked.json()["findings"][0]["rule"], "RECOVER-3");
      EXPECT_EQ(checked.json()["end"]["txn"], i);
      const Outcome text = caisson({"logdump", copy, "--verify"});
      EXPECT_THAT(text.out, HasSubstr("DAMAGED"));
      EXPECT_THAT(text.out, HasSubstr("commit " + std::to_string(i + 1)));
      // What comes before it is shown.
      const Outcome shown = caisson({"logdump", copy});
      EXPECT_EQ(shown.code, kDamaged);
      EXPECT_THAT(shown.err, HasSubstr("RECOVER-3"));
      if (i > 0) {
        EXPECT_THAT(shown.out, HasSubstr(commits[i - 1]["hash"].get<std::string>()));
      }
    }
  }
}

TEST_F(LogDump, DamageIsNamedBesideAWriter) {
  const Store store = open_store();
  for (int i = 1; i <= 4; ++i) put(store, "k", std::to_string(i));
  const auto commits = commits_of(caisson({"logdump", path(), "--json"}));
  flip(path(), commits[1], 160);
  const Outcome checked = caisson({"logdump", path(), "--verify", "--json"});
  EXPECT_EQ(checked.code, kDamaged);
  EXPECT_EQ(checked.json()["findings"][0]["rule"], "FEED-1");
  EXPECT_GT(checked.json()["findings"][0]["offset"], commits[0]["offset"]);
  EXPECT_LE(checked.json()["findings"][0]["offset"], commits[1]["offset"]);
  EXPECT_EQ(checked.json()["end"]["txn"], 1);
}

TEST_F(LogDump, DamageBeforeAllCheckpointsIsFound) {
  const Store store = open_store();
  for (int i = 1; i <= 6; ++i) put(store, "k", std::to_string(i));
  const auto commits = commits_of(caisson({"logdump", path(), "--json"}));
  for (int i = 0; i < 2; ++i) {
    put(store, "k", "more");
    value_of(store.checkpoint());
  }
  flip(path(), commits[0], 160);
  const nlohmann::json first = caisson({"logdump", path(), "--verify", "--json"}).json();
  EXPECT_EQ(first["damaged"], true);
  EXPECT_EQ(first["findings"][0]["rule"], "LOG-4");
  EXPECT_EQ(first["end"]["txn"], 8);  // From the oldest checkpoint on all is well.
  flip(path(), commits[0], 160);
  flip(path(), commits[3], 160);
  EXPECT_EQ(caisson({"logdump", path(), "--verify", "--json"}).json()["end"]["txn"], 3);
  EXPECT_EQ(caisson({"logdump", path()}).code, kFine);
}

TEST_F(LogDump, SaysWhereThereIsNoStoreOrNoLog) {
  EXPECT_EQ(caisson({"logdump", path()}).code, kNegative);
  fs::create_directory(path());
  EXPECT_EQ(caisson({"logdump", path(), "--verify"}).code, kNegative);
  EXPECT_TRUE(fs::is_empty(path()));
  open_store();
  fs::rename(path() + "/log", path("log-gone"));
  EXPECT_EQ(caisson({"logdump", path()}).code, kDamaged);
  fs::create_directory(path() + "/log");
  const Outcome missing = caisson({"logdump", path()});
  EXPECT_EQ(missing.code, kDamaged);
  EXPECT_THAT(missing.err, HasSubstr("RECOVER-5"));
}

TEST_F(LogDump, ShowsTheMarkOfAStoreThatWasClosed) {
  {
    const Store store = open_store();
    put(store, "k", "1");
  }
  const auto records = records_of(caisson({"logdump", path(), "--json", "--from", "0"}));
  ASSERT_FALSE(records.empty());
  EXPECT_EQ(records.back()["type"], "mark");
  EXPECT_EQ(records.back()["closed"], true);
}

}  // namespace
}  // namespace caisson::tools

// Method: caisson stat, on stores that the library makes: its figures are compared with those that
// the library tells of itself, with the files, and with what becomes free when a keeper goes. Whom
// dead pages are counted for is compared with a count page by page.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tools/caisson/inspection.h"
#include "tools/testing/command.h"

namespace caisson::tools {
namespace {

using caisson::testing::value_of;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

class Stat : public FolderTest {
 protected:
  Store open_store(std::uint64_t history = 0) const {
    // Without threads: nothing but what a test does writes to the store.
    Options options{.create_if_missing = true, .background = false};
    options.retention.checkpoints = history;
    return value_of(Store::open(path(), options));
  }

  static void put(const Store& store, const std::string& value, int keys = 1) {
    WriteTxn txn = value_of(store.begin_write());
    WriteTree tree = value_of(txn.open_or_create_tree("t"));
    for (int i = 0; i < keys; ++i) value_of(tree.put("k" + std::to_string(i), value));
    value_of(txn.commit());
  }

  // A name for a state of which nothing is left in later ones.
  static void put_and_retain(const Store& store, const std::string& name) {
    put(store, std::string(1000, 'o'), 1000);
    value_of(store.retain(name));
    put(store, std::string(1000, 'n'), 1000);
    for (int i = 0; i < 3; ++i) {
      put(store, "small");
      value_of(store.checkpoint());
    }
  }

  nlohmann::json stat() const { return caisson({"stat", path(), "--json"}).json(); }

  static std::vector<nlohmann::json> keepers(const nlohmann::json& json, const std::string& kind) {
    std::vector<nlohmann::json> found;
    for (const nlohmann::json& keeper : json["kept_for"]) {
      if (keeper["kind"] == kind) found.push_back(keeper);
    }
    return found;
  }

  static std::string this_process() { return "process " + std::to_string(getpid()) + " ("; }
};

TEST_F(Stat, TellsWhatAStoreConsistsOf) {
  {
    const Store store = open_store();
    put(store, "v", 3);
    WriteTxn txn = value_of(store.begin_write());
    value_of(txn.create_tree("empty \xE4"));
    value_of(txn.commit());
  }
  const Outcome outcome = caisson({"stat", path(), "--json"});
  EXPECT_EQ(outcome.code, kFine);
  const nlohmann::json json = outcome.json();
  EXPECT_EQ(json["store"], path());
  EXPECT_EQ(json["uuid"].get<std::string>().size(), 36U);
  EXPECT_EQ(json["format"], 1);
  EXPECT_EQ(json["page_size"], 16384);
  EXPECT_GT(json["limits"]["key_bytes"], 0);
  EXPECT_EQ(json["limits"]["value_bytes"], 16 << 20);
  EXPECT_EQ(json["txn"], 2);
  EXPECT_EQ(json["checkpoint"]["txn"], 2);
  EXPECT_EQ(json["checkpoint"]["time"], nullptr);  // Of a store that keeps nothing of its past.
  EXPECT_EQ(json["checkpoint"]["sequence"],
            json["older_checkpoint"]["sequence"].get<std::uint64_t>() + 1);
  EXPECT_NE(json["checkpoint"]["meta"], json["older_checkpoint"]["meta"]);
  EXPECT_EQ(json["written"], false);
  EXPECT_EQ(json["writer"], nullptr);
  EXPECT_EQ(json["closed"], true);
  ASSERT_EQ(json["trees"].size(), 2U);
  EXPECT_EQ(json["trees"][1], nlohmann::json({{"name_base64", "ZW1wdHkg5A=="}, {"keys", 0}}));
  EXPECT_EQ(json["trees"][0], nlohmann::json({{"name", "t"}, {"keys", 3}}));
  const Outcome text = caisson({"stat", path()});
  EXPECT_EQ(text.code, kFine);
  for (const char* part : {"none; the last one closed the store", "empty \\xe4", "PAGES", "LOG",
                           "KEPT FOR", "checkpoint of meta "}) {
    EXPECT_THAT(text.out, HasSubstr(part));
  }
}

TEST_F(Stat, TellsWhoWritesAndWhatNoCheckpointHasYet) {
  const Store store = open_store();
  put(store, "1");
  put(store, "2");
  const nlohmann::json written = stat();
  EXPECT_EQ(written["written"], true);
  EXPECT_THAT(written["writer"].get<std::string>(), ::testing::StartsWith(this_process()));
  EXPECT_EQ(written["closed"], false);
  EXPECT_EQ(written["txn"], 2);
  EXPECT_EQ(written["checkpoint"]["txn"], 0);
  fs::copy(path(), path("killed"), fs::copy_options::recursive);
  const nlohmann::json killed = caisson({"stat", path("killed"), "--json"}).json();
  EXPECT_EQ(killed["written"], false);
  EXPECT_EQ(killed["closed"], false);
  EXPECT_EQ(killed["txn"], 2);
  EXPECT_THAT(caisson({"stat", path("killed")}).out, HasSubstr("did not close"));
}

TEST_F(Stat, MeasuresTheFiles) {
  const Store store = open_store();
  put_and_retain(store, "old");
  const nlohmann::json json = stat();
  const StoreStats stats = value_of(store.stats());
  const auto& pages = json["pages"];
  const auto bytes = [&pages](const char* name) { return pages[name].get<std::uint64_t>(); };
  EXPECT_EQ(bytes("file_bytes"), fs::file_size(path() + "/pages"));
  EXPECT_EQ(bytes("live_bytes") + bytes("free_bytes") + bytes("dead_bytes") + bytes("other_bytes"),
            stats.pages * stats.page_size);
  EXPECT_GT(bytes("live_bytes"), 1'000'000U);
  EXPECT_GT(bytes("dead_bytes"), 1'000'000U);
  EXPECT_LE(bytes("waiting_bytes"), bytes("dead_bytes"));
  std::uint64_t log_bytes = 0;
  std::uint64_t log_files = 0;
  for (const auto& file : fs::directory_iterator(path() + "/log")) {
    log_bytes += file.file_size();
    ++log_files;
  }
  EXPECT_EQ(json["log"]["files"], log_files);
  EXPECT_EQ(json["log"]["bytes"], log_bytes);
  EXPECT_EQ(json["log"]["last_file"].get<std::uint64_t>() -
                json["log"]["first_file"].get<std::uint64_t>() + 1,
            log_files);
}

TEST_F(Stat, TellsWhatWouldBeFreeWithoutAName) {
  const Store store = open_store();
  put_and_retain(store, "old");
  const nlohmann::json before = stat();
  ASSERT_EQ(keepers(before, "snapshot").size(), 1U);
  const nlohmann::json old = keepers(before, "snapshot")[0];
  EXPECT_EQ(old["name"], "old");
  EXPECT_EQ(old["txns"], nlohmann::json({1}));
  EXPECT_GT(old["only_bytes"], 1'000'000);
  EXPECT_LE(old["only_bytes"], old["dead_bytes"]);
  // The newest needs nothing that is dead.
  EXPECT_EQ(keepers(before, "checkpoint")[0]["dead_bytes"], 0);
  value_of(store.release("old"));
  for (int i = 0; i < 3; ++i) {
    put(store, "small");
    value_of(store.checkpoint());
  }
  const nlohmann::json after = stat();
  EXPECT_TRUE(keepers(after, "snapshot").empty());
  const auto freed = after["pages"]["free_bytes"].get<std::uint64_t>() -
                     before["pages"]["free_bytes"].get<std::uint64_t>();
  const auto said = old["only_bytes"].get<std::uint64_t>();
  constexpr std::uint64_t kFew = 10 * 16384;  // What the checkpoints since need themselves.
  EXPECT_GE(freed + kFew, said);
  EXPECT_LE(freed, said + kFew);
}

TEST_F(Stat, AStateOfTwoNamesIsKeptForNoneOfThemAlone) {
  const Store store = open_store();
  put(store, std::string(1000, 'o'), 1000);
  value_of(store.retain("one"));
  value_of(store.retain("two"));
  put(store, std::string(1000, 'n'), 1000);
  for (int i = 0; i < 3; ++i) {
    put(store, "small");
    value_of(store.checkpoint());
  }
  const auto named = keepers(stat(), "snapshot");
  ASSERT_EQ(named.size(), 2U);
  for (const nlohmann::json& keeper : named) {
    EXPECT_GT(keeper["dead_bytes"], 1'000'000);
    EXPECT_EQ(keeper["only_bytes"], 0);
  }
}

TEST_F(Stat, TellsWhatTheHistoryKeeps) {
  const Store store = open_store(3);
  for (int i = 1; i <= 6; ++i) {
    put(store, std::to_string(i));
    value_of(store.checkpoint());
  }
  const nlohmann::json json = stat();
  for (const char* name : {"checkpoint", "older_checkpoint"}) {
    EXPECT_THAT(json[name]["time"].get<std::string>(), ::testing::StartsWith("20"));
  }
  const auto history = keepers(json, "history");
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(history[0]["txns"], nlohmann::json({3, 4, 5}));
  EXPECT_EQ(history[0]["log_file"], 1);
  EXPECT_GT(history[0]["log_bytes"], 0);
  EXPECT_GT(history[0]["dead_bytes"], 0);
  EXPECT_THAT(caisson({"stat", path()}).out, HasSubstr("history, 3 checkpoints"));
}

TEST_F(Stat, TellsWhoReads) {
  const Store store = open_store();
  put(store, "1");
  value_of(store.checkpoint());
  EXPECT_TRUE(keepers(stat(), "reader").empty());
  {
    const Store reader = value_of(Store::open(path(), {.read_only = true}));
    const auto readers = keepers(stat(), "reader");
    ASSERT_EQ(readers.size(), 1U);
    EXPECT_THAT(readers[0]["process"].get<std::string>(), ::testing::StartsWith(this_process()));
    EXPECT_EQ(readers[0]["txns"], nlohmann::json({1}));
    EXPECT_EQ(readers[0]["unknown"], false);
    EXPECT_GT(readers[0]["log_bytes"], 0);
  }
  const ChangeFeed feed = value_of(store.follow(TxnId{1}));
  const auto readers = keepers(stat(), "reader");
  ASSERT_EQ(readers.size(), 1U);
  EXPECT_EQ(readers[0]["txns"], nlohmann::json::array());
  EXPECT_FALSE(readers[0].contains("dead_bytes"));
  EXPECT_EQ(readers[0]["log_file"], 1);
}

TEST_F(Stat, TellsOfPositionsAndThoseThatCanNotBeRead) {
  const Store store = open_store();
  put(store, "1");
  value_of(store.create_position("mail", TxnId{1}));
  put(store, "2");
  const auto positions = keepers(stat(), "position");
  ASSERT_EQ(positions.size(), 1U);
  EXPECT_EQ(positions[0]["name"], "mail");
  EXPECT_EQ(positions[0]["txns"], nlohmann::json({1}));
  EXPECT_GT(positions[0]["log_bytes"], 0);
  for (const auto& file : fs::directory_iterator(path() + "/positions")) {
    std::ofstream(file.path(), std::ios::binary | std::ios::trunc) << "damage";
  }
  const Outcome damaged = caisson({"stat", path(), "--json"});
  EXPECT_EQ(damaged.code, kDamaged);
  EXPECT_EQ(damaged.json()["unreadable_positions"][0]["rule"], "POSITION-1");
  const Outcome text = caisson({"stat", path()});
  EXPECT_EQ(text.code, kDamaged);
  EXPECT_THAT(text.out, HasSubstr("damage: "));
  EXPECT_THAT(text.out, HasSubstr("follow --remove"));
}

TEST_F(Stat, TellsOfAMetaThatIsDamaged) {
  {
    const Store store = open_store();
    put(store, "1");
  }
  const std::string older = stat()["older_checkpoint"]["meta"];
  {
    std::fstream file(path() + "/pages", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((older == "A" ? 0 : 65536) + 100);
    file.write("damage", 6);
  }
  const Outcome outcome = caisson({"stat", path(), "--json"});
  EXPECT_EQ(outcome.code, kDamaged);
  EXPECT_EQ(outcome.json()["older_checkpoint"], nullptr);
  EXPECT_THAT(outcome.json()["older_checkpoint_error"]["rule"].get<std::string>(),
              ::testing::StartsWith("META-"));
  EXPECT_EQ(outcome.json()["trees"][0]["keys"], 1);
  EXPECT_THAT(caisson({"stat", path()}).out, HasSubstr("damage: "));
}

// --- Counting ------------------------------------------------------------------------------------

TEST(CountDead, CountsAsPageByPage) {
  std::mt19937 random(1);
  const auto draw = [&random](std::uint64_t end) { return random() % end; };
  for (int round = 0; round < 300; ++round) {
    std::vector<pager::DeadRun> dead;
    for (std::uint64_t i = draw(8); i > 0; --i) {
      const std::uint64_t birth = draw(20);
      dead.push_back({.run = {PageId{100 * i}, draw(5) + 1},
                      .birth = TxnId{birth},
                      .death = TxnId{birth + 1 + draw(10)}});
    }
    std::vector<Keeper> keepers(draw(5));
    for (Keeper& keeper : keepers) {
      keeper.unknown = draw(10) == 0;
      keeper.pages = draw(4) != 0;
      for (std::uint64_t txn = 0; txn < 30; ++txn) {
        if (draw(8) == 0) keeper.txns.push_back(TxnId{txn});
      }
    }
    std::vector<std::pair<std::uint64_t, std::uint64_t>> expected(keepers.size());
    std::uint64_t nobody = 0;
    for (const pager::DeadRun& run : dead) {
      for (std::uint64_t page = 0; page < run.run.count; ++page) {
        std::vector<std::size_t> by;
        for (std::size_t i = 0; i < keepers.size(); ++i) {
          bool needed = keepers[i].unknown;
          for (const TxnId txn : keepers[i].txns) {
            needed = needed || (keepers[i].pages && run.birth <= txn && txn < run.death);
          }
          if (needed) by.push_back(i);
        }
        for (const std::size_t i : by) expected[i].first += 512;
        if (by.size() == 1) expected[by[0]].second += 512;
        if (by.empty()) nobody += 512;
      }
    }
    EXPECT_EQ(count_dead(dead, 512, keepers), nobody);
    for (std::size_t i = 0; i < keepers.size(); ++i) {
      EXPECT_EQ(keepers[i].dead_bytes, expected[i].first);
      EXPECT_EQ(keepers[i].only_bytes, expected[i].second);
    }
  }
}

}  // namespace
}  // namespace caisson::tools

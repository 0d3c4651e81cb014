// Method: caisson verify, on stores that the library makes, whole, written meanwhile, killed, and
// damaged in each of their parts, one at a time: what it finds names that part and the rule. A
// checkpoint that does not hold what the log leads to is made with the pager.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "btree/layout.h"
#include "io/posix.h"
#include "pager/open.h"
#include "pager/page_txn.h"
#include "tools/testing/command.h"

namespace caisson::tools {
namespace {

using caisson::testing::value_of;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

namespace fs = std::filesystem;

constexpr std::uint64_t kPageSize = 16384;

class Verify : public FolderTest {
 protected:
  Store open_store() const {
    // Without threads: nothing but what a test does writes to the store.
    return value_of(Store::open(path(), {.create_if_missing = true, .background = false}));
  }

  static void put(const Store& store, const std::string& key, const std::string& value) {
    WriteTxn txn = value_of(store.begin_write());
    WriteTree tree = value_of(txn.open_or_create_tree("t"));
    value_of(tree.put(key, value));
    value_of(txn.commit());
  }

  // Two trees with 2,001 keys, one value of them long, in two commits.
  void make_store() const {
    const Store store = open_store();
    for (const char* name : {"numbers", "letters"}) {
      WriteTxn txn = value_of(store.begin_write());
      WriteTree tree = value_of(txn.create_tree(name));
      for (int i = 0; i < 1000; ++i) value_of(tree.put("k" + std::to_string(i), "v"));
      if (name[0] == 'l') value_of(tree.put("long", std::string(100'000, 'l')));
      value_of(txn.commit());
    }
  }

  void overwrite(std::uint64_t offset, const std::string& file = "pages") const {
    std::fstream bytes(path() + "/" + file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(offset));
    bytes.write("damage", 6);
  }

  Outcome verify(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {"verify", path(), "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return caisson(words);
  }

  // The newest checkpoint, or the other one that a meta names.
  pager::Candidate checkpoint(bool newest) const {
    const auto directory = value_of(io::posix_vfs().open_directory(path()));
    pager::PagerOptions options;
    options.read_only = true;
    const auto attempt = value_of(pager::OpenAttempt::begin(*directory, options));
    const pager::MetaSlot slot = value_of(attempt.newest());
    return attempt.candidate(newest ? slot : other(slot));
  }
};

TEST_F(Verify, FindsNothingInAWholeStore) {
  make_store();
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.code, kFine) << outcome.out;
  const nlohmann::json json = outcome.json();
  EXPECT_EQ(json["damaged"], false);
  EXPECT_EQ(json["checkpoint"]["txn"], 2);
  EXPECT_EQ(json["tree"]["trees"], 2);
  EXPECT_EQ(json["tree"]["keys"], 2001);
  EXPECT_EQ(json["tree"]["long_values"], 1);
  EXPECT_GT(json["pages"]["checked"], 5);
  EXPECT_EQ(json["log"]["end"]["txn"], 2);
  EXPECT_EQ(json["log"]["closed"], true);
  EXPECT_EQ(json["positions"], 0);
  EXPECT_EQ(json["findings_total"], 0);
  const Outcome text = caisson({"verify", path()});
  EXPECT_THAT(text.out, HasSubstr("2, with 2,001 keys"));
  EXPECT_THAT(text.out, HasSubstr("leads to the same state: "));
  EXPECT_THAT(text.out, HasSubstr("ok: nothing is damaged"));
  EXPECT_EQ(caisson({"verify", path(), "--quiet"}).out, "");
}

TEST_F(Verify, ReplaysToTheStateThatABackupHas) {
  make_store();
  const nlohmann::json replay = verify().json()["replay"];
  EXPECT_LT(replay["from"], replay["to"]);
  EXPECT_EQ(replay["to"], 2);
  EXPECT_EQ(replay["state_hash"], replay["replayed_hash"]);
  const nlohmann::json backup = caisson({"backup", path(), path("copy"), "--json"}).json();
  EXPECT_EQ(replay["state_hash"], backup["state_hash"]);
  // Both metas are of the same commit then: it begins with one before.
  ASSERT_EQ(caisson({"put", path(), "numbers", "k", "v", "--history", "1"}).code, kFine);
  ASSERT_EQ(caisson({"snapshots", path(), "--retain", "n", "--history", "1"}).code, kFine);
  EXPECT_EQ(checkpoint(false).meta->txn, checkpoint(true).meta->txn);
  EXPECT_EQ(verify().json()["replay"]["from"], 2);
  EXPECT_EQ(verify().json()["replay"]["to"], 3);
}

TEST_F(Verify, WorksOnStoresThatAreEmptyOrWereNotClosed) {
  {
    const Store store = open_store();
    const nlohmann::json empty = verify().json();
    EXPECT_EQ(empty["damaged"], false);
    EXPECT_EQ(empty["tree"]["trees"], 0);
    EXPECT_EQ(empty["log"]["written"], true);
    put(store, "k", "1");
    fs::copy(path(), path("killed"), fs::copy_options::recursive);
  }
  const Outcome killed = caisson({"verify", path("killed"), "--json"});
  EXPECT_EQ(killed.code, kFine) << killed.out;
  EXPECT_EQ(killed.json()["log"]["closed"], false);
  EXPECT_EQ(killed.json()["log"]["end"]["txn"], 1);
}

// The writer goes on at each moment at which verify asks whether to stop: many checkpoints later,
// all pages of the one that is read have been given up, and would have been used again.
TEST_F(Verify, FindsNothingWhileTheStoreIsWritten) {
  const Store store = open_store();
  std::uint64_t filled = 0;
  const auto fill = [&] {
    WriteTxn txn = value_of(store.begin_write());
    WriteTree tree = value_of(txn.open_or_create_tree("t"));
    const std::string value = std::to_string(++filled) + std::string(1000, 'v');
    for (int i = 0; i < 300; ++i) value_of(tree.put("k" + std::to_string(i), value));
    value_of(txn.commit());
    value_of(store.checkpoint());
  };
  for (int i = 0; i < 3; ++i) fill();
  const std::string store_path = path();
  for (const char* replay : {"", "--no-replay"}) {
    const std::uint64_t begun = filled;
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    Context context{.in = in, .out = out, .err = err};
    context.signal = [&] {
      if (filled < begun + 12) fill();
      return 0;
    };
    const char* const argv[] = {"caisson", "verify", store_path.c_str(), "--json", replay};
    ASSERT_EQ(run(*replay == 0 ? 4 : 5, argv, context), kFine) << out.str() << err.str();
    EXPECT_EQ(filled, begun + 12);
    const nlohmann::json json = nlohmann::json::parse(out.str());
    EXPECT_EQ(json["checkpoint"]["txn"], begun);
    EXPECT_LT(json["log"]["from"]["txn"], begun);
    EXPECT_GT(json["log"]["end"]["txn"], begun);
    if (*replay != 0) continue;
    EXPECT_EQ(json["replay"]["from"], begun - 1);
    EXPECT_EQ(json["replay"]["state_hash"], json["replay"]["replayed_hash"]);
  }
}

// --- Damage --------------------------------------------------------------------------------------

TEST_F(Verify, NamesDamageByPageAndRule) {
  make_store();
  const std::uint64_t root = verify().json()["checkpoint"]["root"];
  overwrite(root * kPageSize + 2000);
  const Outcome text = caisson({"verify", path()});
  EXPECT_EQ(text.code, kDamaged);
  EXPECT_THAT(text.out, HasSubstr("page " + std::to_string(root)));
  EXPECT_THAT(text.out, HasSubstr("PAGE-1"));
  EXPECT_EQ(caisson({"verify", path(), "--quiet"}).code, kDamaged);
  EXPECT_THAT(caisson({"verify", path(), "--quiet"}).out, StartsWith("damage: "));
  const nlohmann::json json = verify().json();
  EXPECT_EQ(json["damaged"], true);
  EXPECT_EQ(json["findings"][0]["page"], root);
  EXPECT_TRUE(json["replay"].contains("left_out"));
}

TEST_F(Verify, ReportsAStoreWithoutAWholeMeta) {
  make_store();
  overwrite(100);
  EXPECT_EQ(verify().code, kDamaged);
  EXPECT_EQ(verify().json()["findings_total"], 1);
  EXPECT_TRUE(verify().json()["replay"].contains("left_out"));
  overwrite(65536 + 100);
  const Outcome text = caisson({"verify", path()});
  EXPECT_EQ(text.code, kDamaged);
  EXPECT_THAT(text.out, HasSubstr("META"));
  EXPECT_FALSE(verify().json().contains("checkpoint"));
}

// A finding that isn't shown is a finding: with 0 of them, a damaged store was called whole.
TEST_F(Verify, CountsWhatItDoesNotShow) {
  make_store();
  EXPECT_EQ(caisson({"verify", path(), "--findings", "0"}).code, kUsage);
  for (const std::uint64_t offset : {5000U, 20'000U, 100'000U}) overwrite(offset);  // FILE-2
  const nlohmann::json all = verify().json();
  EXPECT_EQ(all["findings"].size(), 2U);  // Between the metas, and behind them.
  const nlohmann::json one = verify({"--findings", "1"}).json();
  EXPECT_EQ(one["findings"].size(), 1U);
  EXPECT_EQ(one["findings_total"], all["findings_total"]);
  EXPECT_THAT(caisson({"verify", path(), "--findings", "1"}).out, HasSubstr("and 1 more"));
}

TEST_F(Verify, NamesDamageOfTheLog) {
  make_store();
  const Outcome dumped = caisson({"logdump", path(), "--json"});
  const auto record = nlohmann::json::parse(dumped.out.substr(0, dumped.out.find('\n')));
  const std::uint64_t offset = record["offset"];
  const std::string file = fs::directory_iterator(path() + "/log")->path().filename();
  overwrite(offset + 200, "log/" + file);
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.code, kDamaged);
  EXPECT_THAT(outcome.json()["findings"][0]["rule"].get<std::string>(),
              AnyOf("RECOVER-3", "FEED-1"));
  EXPECT_EQ(outcome.json()["replay"]["left_out"], "damage was found before");
  fs::remove_all(path() + "/log");
  EXPECT_EQ(verify().code, kDamaged);
  EXPECT_FALSE(verify().json().contains("log"));
}

TEST_F(Verify, NamesPositionsThatCanNotBeRead) {
  make_store();
  {
    const Store store = open_store();
    value_of(store.create_position("one"));
    value_of(store.create_position("two"));
  }
  EXPECT_EQ(verify().json()["positions"], 2);
  const auto file = fs::directory_iterator(path() + "/positions")->path();
  std::ofstream(file, std::ios::binary | std::ios::trunc) << "damage";
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.code, kDamaged);
  EXPECT_EQ(outcome.json()["positions"], 1);
  EXPECT_EQ(outcome.json()["findings"][0]["rule"], "POSITION-1");
}

// Pages that the older checkpoint alone has: dead in the newest one. Its root is read when it is
// opened, and the others only when the log is applied to it.
TEST_F(Verify, NamesDamageOfTheOlderCheckpoint) {
  make_store();
  ASSERT_EQ(caisson({"put", path(), "numbers", "k1", "w"}).code, kFine);
  const TxnId older = checkpoint(false).meta->txn;
  const PageId root = checkpoint(false).meta->root.id;
  ASSERT_NE(root, checkpoint(true).meta->root.id);
  std::vector<std::uint64_t> others;
  for (const pager::DeadRun& run : checkpoint(true).allocation.dead) {
    const bool needed = run.birth <= older && older < run.death;
    for (std::uint64_t i = 0; needed && i < run.run.count; ++i) {
      const std::uint64_t page = to_u64(run.run.first) + i;
      if (PageId{page} != root) others.push_back(page);
    }
  }
  ASSERT_FALSE(others.empty());
  for (const std::uint64_t page : others) overwrite(page * kPageSize + 2000);
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.code, kDamaged) << outcome.out;
  EXPECT_EQ(outcome.json()["findings"][0]["rule"], "PAGE-1");
  EXPECT_THAT(others, ::testing::Contains(outcome.json()["findings"][0]["page"]));
  EXPECT_EQ(verify({"--no-replay"}).code, kFine);
  overwrite(to_u64(root) * kPageSize + 2000);
  EXPECT_EQ(verify({"--no-replay"}).code, kDamaged);
}

// --- Replaying -----------------------------------------------------------------------------------

// A checkpoint that says it holds commit 2, and holds commit 1.
TEST_F(Verify, NamesACheckpointThatTheLogDoesNotLeadTo) {
  {
    const Store store = open_store();
    put(store, "k", "1");
    value_of(store.checkpoint());
    fs::copy(path(), path("behind 1"), fs::copy_options::recursive);
    put(store, "k", "2");
    fs::remove_all(path("behind 1") + "/log");
    fs::copy(path() + "/log", path("behind 1") + "/log", fs::copy_options::recursive);
    value_of(store.checkpoint());
  }
  const LogPosition behind_2 = checkpoint(true).meta->log;
  fs::remove_all(path());
  fs::rename(path("behind 1"), path());
  {
    const auto directory = value_of(io::posix_vfs().open_directory(path()));
    pager::PagerOptions options;
    options.layout = &btree::tree_layout();
    const auto pager = value_of(pager::open_pager(*directory, options));
    value_of(pager::PageTxn::begin(*pager, TxnId{2})).seal();
    pager::CheckpointRequest request;
    request.txn = TxnId{2};
    request.root = pager->checkpointed().root.id;
    request.apply_version = pager->checkpointed().apply_version;
    request.log = behind_2;
    value_of(pager->checkpoint(request));
  }
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.code, kDamaged) << outcome.out;
  const nlohmann::json json = outcome.json();
  ASSERT_EQ(json["findings_total"], 1);
  EXPECT_EQ(json["findings"][0]["rule"], "APPLY-2");
  EXPECT_NE(json["replay"]["state_hash"], json["replay"]["replayed_hash"]);
  EXPECT_THAT(caisson({"verify", path()}).out, HasSubstr("and the checkpoint holds "));
  EXPECT_EQ(verify({"--no-replay"}).code, kFine);
}

TEST_F(Verify, LeavesOutWhatNeedsMoreMemoryThanThereIs) {
  {
    const Store store = open_store();
    put(store, "k", "1");
    value_of(store.checkpoint());
    for (int i = 0; i < 100; ++i) put(store, "k" + std::to_string(i), std::string(50'000, 'v'));
  }
  EXPECT_EQ(verify().json()["replay"]["to"], 101);
  const Outcome small = verify({"--memory", "1MB"});
  EXPECT_EQ(small.code, kFine) << small.out;
  EXPECT_THAT(small.json()["replay"]["left_out"].get<std::string>(), HasSubstr("--memory"));
  EXPECT_EQ(verify({"--no-replay"}).json()["replay"]["left_out"], "it was not asked for");
}

TEST_F(Verify, StopsWhenItIsAskedTo) {
  make_store();
  const Outcome outcome = caisson({"verify", path()}, "", 2);
  EXPECT_EQ(outcome.code, 130);
  EXPECT_THAT(outcome.err, HasSubstr("not read to its end"));
}

TEST_F(Verify, PrintsJsonWhateverTheStoresName) {
  make_store();
  fs::copy(path(), path("\xE4"), fs::copy_options::recursive);
  const Outcome json = caisson({"verify", path("\xE4"), "--json"});
  EXPECT_EQ(json.code, kFine) << json.err;
  EXPECT_EQ(json.json()["damaged"], false);
}

}  // namespace
}  // namespace caisson::tools

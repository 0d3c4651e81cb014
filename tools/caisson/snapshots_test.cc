// Method: caisson snapshots, on stores that the library makes: what it lists is compared with what
// was retained, beside a writer as well; names that it gives and takes are looked up through the
// library.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <regex>
#include <string>

#include "tools/testing/command.h"

namespace caisson::tools {
namespace {

using caisson::testing::value_of;
using ::testing::HasSubstr;
using namespace std::string_literals;

class Snapshots : public FolderTest {
 protected:
  static void put(const Store& store, const std::string& key, const std::string& value) {
    WriteTxn txn = value_of(store.begin_write());
    WriteTree tree = value_of(txn.open_or_create_tree("t"));
    value_of(tree.put(key, value));
    value_of(txn.commit());
  }

  // Three checkpoints of history, behind commits 1 to 3, and a name for the first.
  Store with_history() const {
    Options options{.create_if_missing = true};
    options.retention.checkpoints = 3;
    Store store = value_of(Store::open(path(), options));
    for (int i = 1; i <= 3; ++i) {
      put(store, "k", std::to_string(i));
      if (i == 1) {
        value_of(store.retain("first \xE4"));
      } else {
        value_of(store.checkpoint());
      }
    }
    return store;
  }
};

TEST_F(Snapshots, ListsWhatIsKeptBesideAWriter) {
  const Store writer = with_history();
  const nlohmann::json json = caisson({"snapshots", path(), "--json"}).json();
  const auto& listed = json["snapshots"];
  const auto retained = value_of(writer.retained());
  ASSERT_EQ(listed.size(), retained.size());
  for (std::size_t i = 0; i < retained.size(); ++i) {
    EXPECT_EQ(listed[i]["txn"], to_u64(retained[i].txn));
    EXPECT_EQ(listed[i]["history"], retained[i].history);
    EXPECT_EQ(listed[i]["names"].size(), retained[i].names.size());
  }
  EXPECT_EQ(listed.back()["txn"], 3);
  EXPECT_TRUE(std::regex_match(listed.back()["time"].get<std::string>(),
                               std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d)")));

  const Outcome text = caisson({"snapshots", path()});
  EXPECT_EQ(text.code, kFine);
  EXPECT_THAT(text.out, HasSubstr("TXN"));
  EXPECT_THAT(text.out, HasSubstr("\"first \\xe4\""));
}

TEST_F(Snapshots, TimesAreThoseOfTheCheckpoints) {
  const auto before = std::chrono::system_clock::now();
  {
    const Store store = with_history();
  }
  const nlohmann::json json = caisson({"snapshots", path(), "--json"}).json();
  std::tm local{};
  const std::string time = json["snapshots"].back()["time"];
  ASSERT_NE(strptime(time.c_str(), "%FT%T", &local), nullptr) << time;
  local.tm_isdst = -1;
  const auto shown = std::chrono::system_clock::from_time_t(mktime(&local));
  EXPECT_GE(shown + std::chrono::seconds(1), before);
  EXPECT_LE(shown, std::chrono::system_clock::now());
}

TEST_F(Snapshots, RetainKeepsTheNewestStateUntilRelease) {
  put(value_of(Store::open(path(), {.create_if_missing = true})), "k", "old");
  const Outcome kept = caisson({"snapshots", path(), "--retain", "v1", "--json"});
  EXPECT_EQ(kept.code, kFine) << kept.out;
  EXPECT_EQ(kept.json()["retained"], "v1");
  EXPECT_EQ(kept.json()["txn"], 1);
  EXPECT_EQ(caisson({"put", path(), "t", "k", "new"}).code, kFine);
  EXPECT_EQ(caisson({"get", path(), "t", "k", "--snapshot", "v1"}).out, "old\n");

  EXPECT_EQ(caisson({"snapshots", path(), "--retain", "v1"}).code, kNegative);
  EXPECT_EQ(caisson({"snapshots", path(), "--retain", ""}).code, kUsage);
  EXPECT_EQ(caisson({"snapshots", path(), "--retain", "x", "--release", "v1"}).code, kUsage);
  EXPECT_EQ(caisson({"snapshots", path(), "--release", "v2"}).code, kNegative);

  const Outcome gone = caisson({"snapshots", path(), "--release", "v1", "--json"});
  EXPECT_EQ(gone.code, kFine);
  EXPECT_EQ(gone.json()["released"], "v1");
  EXPECT_EQ(caisson({"get", path(), "t", "k", "--snapshot", "v1"}).code, kNegative);
  EXPECT_EQ(caisson({"snapshots", path(), "--release", "v1"}).code, kNegative);
}

TEST_F(Snapshots, NamesMayBeAnyBytes) {
  put(value_of(Store::open(path(), {.create_if_missing = true})), "k", "v");
  const Outcome kept = caisson({"snapshots", path(), "--retain", "\xFF", "--json"});
  EXPECT_EQ(kept.json()["retained_base64"], "/w==");
  const nlohmann::json listed = caisson({"snapshots", path(), "--json"}).json()["snapshots"];
  EXPECT_EQ(listed.back()["names"][0]["base64"], "/w==");
  EXPECT_EQ(caisson({"snapshots", path(), "--release", "\xFF"}).code, kFine);
}

// How much history a store keeps is up to whoever opens it to write: a command doesn't end what its
// owner keeps, and what it keeps itself can be looked at.
TEST_F(Snapshots, CommandsThatWriteNeverKeepLessThanThereIs) {
  value_of(with_history().close());
  const auto history = [this] {
    const nlohmann::json listed = caisson({"snapshots", path(), "--json"}).json()["snapshots"];
    return std::ranges::count_if(listed,
                                 [](const auto& entry) -> bool { return entry["history"]; });
  };
  EXPECT_EQ(history(), 4);  // The empty store's as well.
  EXPECT_EQ(caisson({"snapshots", path(), "--retain", "now"}).code, kFine);
  EXPECT_EQ(caisson({"put", path(), "t", "k", "4", "--history", "0"}).code, kFine);
  EXPECT_EQ(history(), 4);
  EXPECT_EQ(caisson({"get", path(), "t", "k", "--as-of", "2"}).out, "2\n");
  EXPECT_EQ(caisson({"put", path(), "t", "k", "5"}).code, kFine);
  EXPECT_EQ(history(), 5);
  EXPECT_EQ(caisson({"get", path(), "t", "k", "--as-of", "2"}).out, "2\n");
}

TEST_F(Snapshots, RetainWaitsForWhoWrites) {
  const Store writer = with_history();
  EXPECT_EQ(caisson({"snapshots", path(), "--retain", "v"}).code, kBusy);
  EXPECT_EQ(caisson({"snapshots", path(), "--release", "v", "--wait", "0.02"}).code, kBusy);
}

TEST_F(Snapshots, SaysWhereThereIsNoStore) {
  EXPECT_EQ(caisson({"snapshots", path()}).code, kNegative);
  EXPECT_EQ(caisson({"snapshots", path(), "--retain", "v"}).code, kNegative);
}

}  // namespace
}  // namespace caisson::tools

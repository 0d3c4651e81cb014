// Method: create, put, get, del and scan, run in this process on stores in a temporary directory.
// What they say is compared as a whole where scripts rely on it, and what they have done by reading
// the store through the library.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tools/testing/command.h"

namespace caisson::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using namespace std::string_literals;

class Data : public FolderTest {
 protected:
  Data() { EXPECT_EQ(caisson({"create", path()}).code, kFine); }

  void put(const std::string& tree, const std::string& key, const std::string& value) const {
    EXPECT_EQ(caisson({"put", path(), tree, "--", key, value}).code, kFine);
  }

  auto contents(const std::string& tree) const { return contents_of(path()).at(tree); }
};

TEST_F(Data, CreateMakesAStoreWithItsTreesAndItsLimits) {
  const Outcome made = caisson({"create", path("new"), "b", "a", "[x,y]", "{}", "--page-size",
                                "4096", "--key-size-max", "8", "--value-size-max", "9", "--json"});
  EXPECT_EQ(made.code, kFine) << made.out;
  EXPECT_EQ(made.json()["page_size"], 4096);
  EXPECT_EQ(made.json()["txn"], 1);
  EXPECT_EQ(made.json()["uuid"].get<std::string>().size(), 36U);
  EXPECT_THAT(contents_of(path("new")), ElementsAre(Pair("[x,y]", IsEmpty()), Pair("a", IsEmpty()),
                                                    Pair("b", IsEmpty()), Pair("{}", IsEmpty())));
  EXPECT_EQ(caisson({"put", path("new"), "a", "12345678", "123456789"}).code, kFine);
  EXPECT_EQ(caisson({"put", path("new"), "a", "123456789", ""}).code, kUsage);
  EXPECT_EQ(caisson({"put", path("new"), "a", "k", "1234567890"}).code, kUsage);
}

TEST_F(Data, CreateRefusesWhatIsThereAndWhatCanNotBe) {
  EXPECT_EQ(caisson({"create", path()}).code, kNegative);
  EXPECT_EQ(caisson({"create", path("x"), "--page-size", "5000"}).code, kUsage);
  EXPECT_EQ(caisson({"create", path("x"), ""}).code, kUsage);
  EXPECT_EQ(caisson({"create", path("x"), std::string(256, 't')}).code, kUsage);
  EXPECT_EQ(caisson({"create", path("x"), ".caisson-load"}).code, kUsage);
  EXPECT_EQ(caisson({"create", path("x/y")}).code, kNegative);
  EXPECT_FALSE(std::filesystem::exists(path("x")));
}

TEST_F(Data, PutSaysWhatItDidAndGetPrintsTheValue) {
  const Outcome first = caisson({"put", path(), "users", "alice", "{\"age\":7}"});
  EXPECT_EQ(first.code, kFine);
  EXPECT_EQ(first.out, "made the tree \"users\"\nadded \"alice\", 9 bytes: txn 1\n");
  const Outcome second = caisson({"put", path(), "users", "alice", "x", "--json"});
  EXPECT_EQ(second.json(), nlohmann::json::parse(R"({"tree":"users","key":"alice","txn":2,
      "size":1,"new":false,"tree_made":false})"));
  EXPECT_EQ(caisson({"put", path(), "users", "bob", "", "--quiet"}).out, "");
  EXPECT_EQ(caisson({"get", path(), "users", "alice"}).out, "x\n");
  EXPECT_EQ(caisson({"get", path(), "users", "alice", "--raw"}).out, "x");
  EXPECT_EQ(caisson({"get", path(), "users", "bob"}).out, "\n");
  EXPECT_EQ(caisson({"get", path(), "users", "bob", "--json"}).json(),
            nlohmann::json::parse(R"({"tree":"users","key":"bob","txn":3,"size":0,"value":""})"));
}

TEST_F(Data, GetFindsNothingWithExitCodeOne) {
  put("users", "alice", "x");
  const Outcome none = caisson({"get", path(), "users", "bob"});
  EXPECT_EQ(none.code, kNegative);
  EXPECT_EQ(none.out, "");
  EXPECT_EQ(none.err, "caisson: not found: there is no key \"bob\" in \"users\"\n");
  const Outcome json = caisson({"get", path(), "users", "bob", "--json"});
  EXPECT_EQ(json.code, kNegative);
  EXPECT_EQ(json.json()["error"]["code"], "not found");
  EXPECT_EQ(json.err, "");
  EXPECT_THAT(caisson({"get", path(), "usres", "alice"}).err, HasSubstr("Did you mean \"users\"?"));
}

TEST_F(Data, KeysAndValuesMayBeAnyBytes) {
  for (const std::string odd : {"", "-", "--json", "put", "[a,b]", "{}", "++", "a b", "ä", "-5"}) {
    put("odd", odd, odd == "-" ? "dash" : odd);
    EXPECT_EQ(caisson({"get", path(), "odd", "--raw", "--", odd}).out, odd == "-" ? "dash" : odd);
    EXPECT_EQ(caisson({"del", path(), "odd", "--", odd}).code, kFine) << odd;
  }
  EXPECT_EQ(caisson({"put", path(), "odd", "--hex", "00ff", "c3"}).code, kFine);
  EXPECT_THAT(contents("odd"), ElementsAre(Pair("\0\xFF"s, "\xC3")));
  EXPECT_EQ(caisson({"get", path(), "odd", "--hex", "00FF"}).out, "c3\n");
  const Outcome json = caisson({"get", path(), "odd", "--hex", "00ff", "--json"});
  EXPECT_EQ(json.json()["key_base64"], "AP8=");
  EXPECT_EQ(json.json()["value_base64"], "ww==");
  EXPECT_EQ(caisson({"get", path(), "odd", "--hex", "0f0"}).code, kUsage);
}

TEST_F(Data, PutTakesValuesFromFilesAndFromStandardInput) {
  std::string large;
  large.resize(9'000'000, 'x');
  EXPECT_EQ(caisson({"put", path(), "t", "file", "--file", write_file("large", large)}).code,
            kFine);
  EXPECT_EQ(caisson({"put", path(), "t", "in", "-"}, large).code, kFine);
  EXPECT_EQ(caisson({"put", path(), "t", "none", "-"}, "").code, kFine);
  EXPECT_THAT(contents("t"), ElementsAre(Pair("file", large), Pair("in", large), Pair("none", "")));
  EXPECT_EQ(caisson({"get", path(), "t", "in", "--output", path("copy")}).code, kFine);
  EXPECT_EQ(read_file(path("copy")), large);
  EXPECT_FALSE(std::filesystem::exists(path("copy.part")));
}

TEST_F(Data, PutRefusesWhatIsNoValue) {
  EXPECT_EQ(caisson({"put", path(), "t", "k"}).code, kUsage);
  EXPECT_EQ(caisson({"put", path(), "t", "k", "v", "--file", "f"}).code, kUsage);
  EXPECT_EQ(caisson({"put", path(), "t", "k", "--file", path("missing")}).code, kNegative);
  EXPECT_EQ(caisson({"put", path(), "t", "k", "--file", path()}).code, kUsage);
  EXPECT_EQ(caisson({"put", path(), ".caisson-load", "k", "v"}).code, kUsage);
  EXPECT_EQ(caisson({"put", path(), "t", "k", "v", "--durability", "never"}).code, kUsage);
  EXPECT_THAT(contents_of(path()), IsEmpty());
}

TEST_F(Data, EachDurabilityIsDurableWhenTheCommandEnds) {
  for (const char* kind : {"sync", "group", "async"}) {
    EXPECT_EQ(caisson({"put", path(), "t", kind, "v", "--durability", kind}).code, kFine);
  }
  EXPECT_EQ(contents("t").size(), 3U);
}

TEST_F(Data, DelRemovesKeysRangesOrTheTree) {
  for (const char* key : {"a", "b", "ba", "bb", "c", "d", "e"}) put("t", key, "v");
  EXPECT_EQ(caisson({"del", path(), "t", "a", "x"}).out, "removed 1 key: txn 8\n");
  EXPECT_EQ(caisson({"del", path(), "t", "--prefix", "b", "--json"}).json(),
            nlohmann::json::parse(R"({"tree":"t","deleted":3,"dropped":false,"txn":9})"));
  EXPECT_EQ(caisson({"del", path(), "t", "--to", ""}).code, kNegative);  // Nothing is before that.
  EXPECT_EQ(caisson({"del", path(), "t", "--from", "c", "--to", "d"}).code, kFine);
  EXPECT_THAT(contents("t"), ElementsAre(Pair("d", "v"), Pair("e", "v")));
  EXPECT_EQ(caisson({"del", path(), "t", "--all"}).code, kFine);
  EXPECT_THAT(contents("t"), IsEmpty());
  EXPECT_EQ(caisson({"del", path(), "t", "--all"}).code, kNegative);
  EXPECT_EQ(caisson({"del", path(), "t", "--tree"}).code, kFine);
  EXPECT_THAT(contents_of(path()), IsEmpty());
  EXPECT_EQ(caisson({"del", path(), "t", "--tree"}).code, kNegative);
}

TEST_F(Data, DelDoesNothingUnlessItIsToldWhat) {
  put("t", "a", "v");
  EXPECT_EQ(caisson({"del", path(), "t"}).code, kUsage);
  EXPECT_EQ(caisson({"del", path(), "t", "a", "--all"}).code, kUsage);
  EXPECT_EQ(caisson({"del", path(), "t", "--all", "--tree"}).code, kUsage);
  EXPECT_EQ(caisson({"del", path(), "t", "--prefix", "a", "--from", "a"}).code, kUsage);
  EXPECT_EQ(contents("t").size(), 1U);
}

TEST_F(Data, ScanListsTreesOrEntries) {
  put("users", "a", "1");
  put("users", "b", "tab\there");
  put("users", "c", "\xFF");
  put("x", "k", "v");
  EXPECT_EQ(caisson({"scan", path()}).out, "TREE   KEYS\nusers     3\nx         1\n");
  EXPECT_EQ(caisson({"scan", path(), "--quiet"}).out, "users  3\nx      1\n");
  EXPECT_EQ(caisson({"scan", path(), "--json"}).out,
            "{\"tree\":\"users\",\"count\":3}\n{\"tree\":\"x\",\"count\":1}\n");
  EXPECT_EQ(caisson({"scan", path(), "users"}).out, "a\t1\nb\ttab\\there\nc\t\\xff\n");
  EXPECT_EQ(caisson({"scan", path(), "users", "--json"}).out,
            "{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"b\",\"value\":\"tab\\there\"}\n"
            "{\"key\":\"c\",\"value_base64\":\"/w==\"}\n");
  EXPECT_EQ(caisson({"scan", path(), "users", "--hex"}).out,
            "61\t31\n62\t7461620968657265\n63\tff\n");
}

TEST_F(Data, ScanShowsThePartThatIsAskedFor) {
  for (const char* key : {"a", "b", "ba", "bb", "c"}) put("t", key, "v");
  const auto keys = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"scan", path(), "t", "--keys-only"});
    return caisson(options).out;
  };
  EXPECT_EQ(keys({}), "a\nb\nba\nbb\nc\n");
  EXPECT_EQ(keys({"--prefix", "b"}), "b\nba\nbb\n");
  EXPECT_EQ(keys({"--from", "ba", "--limit", "2"}), "ba\nbb\n");
  EXPECT_EQ(keys({"--to", "ba", "--reverse"}), "b\na\n");
  EXPECT_EQ(keys({"--limit", "0"}), "");
  EXPECT_EQ(keys({"--from", "62", "--hex", "--reverse", "--limit", "1"}), "63\n");
  EXPECT_EQ(caisson({"scan", path(), "t", "--count", "--prefix", "b"}).out, "3\n");
  EXPECT_EQ(caisson({"scan", path(), "t", "--count", "--json"}).json()["count"], 5);
  EXPECT_EQ(caisson({"scan", path(), "--limit", "1"}).code, kUsage);
  EXPECT_EQ(caisson({"scan", path(), "none"}).code, kNegative);
}

TEST_F(Data, ReadsStatesOfThePast) {
  put("t", "k", "old");
  {
    const Store store = caisson::testing::value_of(Store::open(path()));
    caisson::testing::value_of(store.retain("before"));
  }
  put("t", "k", "new");
  EXPECT_EQ(caisson({"get", path(), "t", "k", "--as-of", "2"}).out, "new\n");
  EXPECT_EQ(caisson({"get", path(), "t", "k", "--as-of", "1"}).out, "old\n");
  EXPECT_EQ(caisson({"get", path(), "t", "k", "--snapshot", "before"}).out, "old\n");
  EXPECT_EQ(caisson({"scan", path(), "t", "--snapshot", "before"}).out, "k\told\n");
  EXPECT_EQ(caisson({"get", path(), "t", "k", "--as-of", "9"}).code, kNegative);
  EXPECT_EQ(caisson({"get", path(), "t", "k", "--snapshot", "none"}).code, kNegative);
  EXPECT_EQ(caisson({"get", path(), "t", "k", "--snapshot", "before", "--as-of", "1"}).code,
            kUsage);
}

}  // namespace
}  // namespace caisson::tools

// Method: loads and dumps of files in this process. What is there afterwards is read through the
// library; where a load is interrupted (by an error in a row, or a signal at a row that chance
// picks), it has to be what the first rows of the file say, whole batches of them, and all of them
// behind --resume. Round trips: stores of any bytes, from fixed seeds, through each format.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/random.h"
#include "tools/caisson/dump_mark.h"
#include "tools/caisson/load_mark.h"
#include "tools/cli/text.h"
#include "tools/testing/command.h"

namespace caisson::tools {
namespace {

using caisson::testing::value_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using namespace std::string_literals;

std::string rows(int from, int to) {
  std::string text;
  for (int i = from; i < to; ++i)
    text += "key-" + std::to_string(i) + "\tvalue " + std::to_string(i) + "\n";
  return text;
}

class Load : public FolderTest {
 protected:
  Outcome load(std::vector<std::string> words, const std::string& input = "",
               int signal = 0) const {
    words.insert(words.begin(), {"load", path(), "--create"});
    return caisson(words, input, signal);
  }

  auto contents() const { return contents_of(path()); }
};

// --- Formats -------------------------------------------------------------------------------------

TEST_F(Load, ReadsTsv) {
  EXPECT_EQ(
      load({"t", write_file("a.tsv", "a\t1\n\tempty key\nb\t\n\\tx\\x00\t\\\\\n\xFF\tlast line")})
          .code,
      kFine);
  EXPECT_THAT(contents()["t"],
              UnorderedElementsAre(Pair("a", "1"), Pair("", "empty key"), Pair("b", ""),
                                   Pair("\tx\0"s, "\\"), Pair("\xFF", "last line")));
}

TEST_F(Load, ReadsJsonLines) {
  const std::string text =
      "{\"tree\":\"t\",\"key\":\"a\",\"value\":\"\\u00e4\\ud83d\\ude00\\n\\/\"}\n"
      " { \"value\" : { \"x\" : [ 1, 2.50, \"a b\" , null ] } , \"key\" : \"b\", \"tree\" : \"t\" "
      "} \r\n"
      "{\"tree\":\"t\",\"key_base64\":\"/wA=\",\"value_base64\":\"AAE=\"}\n"
      "{\"tree\":\"empty\"}\n"
      "{\"tree\":\"u\",\"key\":\"\",\"value\":12345678901234567890123}\n"
      "{\"tree\":\"u\",\"key\":\"t\",\"value\":true}";
  const Outcome outcome = load({write_file("a.jsonl", text)});
  EXPECT_EQ(outcome.code, kFine) << outcome.err;
  EXPECT_THAT(
      contents(),
      UnorderedElementsAre(
          Pair("t", UnorderedElementsAre(Pair("a", "ä\xF0\x9F\x98\x80\n/"),
                                         Pair("b", "{\"x\":[1,2.50,\"a b\",null]}"),
                                         Pair("\xFF\0"s, "\0\1"s))),
          Pair("empty", IsEmpty()),
          Pair("u", UnorderedElementsAre(Pair("", "12345678901234567890123"), Pair("t", "true")))));
}

TEST_F(Load, NamesTheLineAndWhatIsWrongWithIt) {
  const std::vector<std::pair<std::string, std::string>> tsv = {
      {"\n", "line 2: it is empty"},
      {"no tab\n", "line 2: it has no tab"},
      {"a\tb\tc\n", "line 2: it has more than one tab"},
      {"a\t\\q\n", "line 2: \\q is no escape"},
      {"\\x4\tb\n", "line 2: \\x4 is no escape"},
      {"a\tb\r\n", "line 2: it ends with a carriage return"},
      {std::string(2000, 'k') + "\tv\n", "line 2: a key of 2000 bytes"},
  };
  for (const auto& [row, wrong] : tsv) {
    const Outcome outcome = load({"t", write_file("bad.tsv", "good\trow\n" + row)});
    EXPECT_EQ(outcome.code, kUsage);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr(wrong), HasSubstr("Nothing of it was loaded"),
                                   HasSubstr("bad.tsv")));
  }
  const std::vector<std::pair<std::string, std::string>> json = {
      {"", "it is no JSON"},
      {"{\"key\":\"a\"", "it is no JSON"},
      {"[1]", "it is no object"},
      {"{\"key\":\"a\"}", "it has no value"},
      {"{\"value\":\"a\"}", "it has no key"},
      {"{\"key\":1,\"value\":\"a\"}", "\"key\" is no string"},
      {"{\"key\":\"a\",\"value\":\"b\",\"x\":1}", "there is no field \"x\""},
      {"{\"key\":\"a\",\"key_base64\":\"YQ==\",\"value\":\"b\"}", "it says the same twice"},
      {"{\"key_base64\":\"?\",\"value\":\"b\"}", "\"key_base64\" is no base64"},
      {"{\"key\":\"\\ud800\",\"value\":\"b\"}", "it is no JSON"},
      {"{\"key\":\"a\",\"value\":\"b\"}\0"s, "there is a zero byte in it"},
      {"{\"key\":\"a\",\"value\":\"b\",\"tree\":\"other\"}", "the row is of the tree \"other\""},
  };
  for (const auto& [row, wrong] : json) {
    const Outcome outcome = load({"t", write_file("bad.jsonl", row + "\n")});
    EXPECT_EQ(outcome.code, kUsage) << row;
    EXPECT_THAT(outcome.err, HasSubstr("line 1: " + wrong));
  }
  EXPECT_THAT(load({write_file("bad.jsonl", "{\"key\":\"a\",\"value\":\"b\"}")}).err,
              HasSubstr("line 1: the row doesn't say its tree"));
  EXPECT_THAT(
      load({write_file("bad.jsonl", "{\"key\":\"a\",\"value\":\"b\",\"tree\":\".caisson-load\"}")})
          .err,
      HasSubstr("`caisson load`'s own"));
  EXPECT_EQ(load({"t", write_file("bad.dump", "no dump")}).code, kDamaged);
  EXPECT_THAT(contents(), IsEmpty());
}

TEST_F(Load, RefusesArgumentsThatMakeNoSense) {
  EXPECT_EQ(load({}).code, kUsage);
  EXPECT_EQ(load({write_file("a.tsv", "a\tb\n")}).code, kUsage);
  EXPECT_EQ(load({"t", path("none.tsv")}).code, kNegative);
  EXPECT_EQ(load({"t", path("a.tsv"), "--batch", "0"}).code, kUsage);
  EXPECT_EQ(load({"t", path("a.tsv"), "--batch", "-1"}).code, kUsage);
  EXPECT_EQ(load({"t", path("a.tsv"), "--resume", "--restart"}).code, kUsage);
  EXPECT_EQ(load({"t", path("a.tsv"), "--format", "csv"}).code, kUsage);
  EXPECT_FALSE(std::filesystem::exists(path()));
}

// --- Batches -------------------------------------------------------------------------------------

TEST_F(Load, CommitsEachBatchAndSaysSo) {
  const std::string file = write_file("a.tsv", rows(0, 25));
  const Outcome outcome = load({"t", file, "--batch", "10", "--progress", "json", "--json"});
  EXPECT_EQ(outcome.code, kFine);
  std::istringstream lines(outcome.out);
  std::vector<nlohmann::json> said;
  for (std::string line; std::getline(lines, line);) said.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(said.size(), 4U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(said[i]["txn"], i + 1);
    EXPECT_EQ(said[i]["rows"], i < 2 ? 10 * (i + 1) : 25);
    EXPECT_EQ(said[i]["bytes"], rows(0, said[i]["rows"]).size());
  }
  EXPECT_EQ(said[3]["batches"], 3);
  EXPECT_EQ(said[3]["txn"], 3);
  EXPECT_EQ(contents().size(), 1U);  // Its own tree is gone.
  EXPECT_EQ(contents()["t"].size(), 25U);
}

TEST_F(Load, WritesNoMoreTransactionsThanThereAreBatches) {
  EXPECT_THAT(load({"t", write_file("a.tsv", rows(0, 20)), "--batch", "10"}).out,
              HasSubstr("in 2 batches"));
  EXPECT_THAT(caisson({"get", path(), "t", "key-0", "--json"}).json()["txn"], 2);
}

TEST_F(Load, DoesWithKeysThatAreThereWhatItIsTold) {
  EXPECT_EQ(load({"t", "-"}, "a\told\n").code, kFine);
  EXPECT_EQ(load({"t", "-", "--on-duplicate", "skip"}, "a\tnew\nb\tnew\n").code, kFine);
  EXPECT_THAT(contents()["t"], ElementsAre(Pair("a", "old"), Pair("b", "new")));
  const Outcome error = load({"t", "-", "--on-duplicate", "error"}, "c\tnew\na\tnew\n");
  EXPECT_EQ(error.code, kNegative);
  EXPECT_THAT(error.err, HasSubstr("line 2: the key is there already"));
  EXPECT_EQ(contents()["t"].size(), 2U);
  EXPECT_EQ(load({"t", "-"}, "a\tnew\n").code, kFine);
  EXPECT_EQ(contents()["t"]["a"], "new");
}

TEST_F(Load, MakesATreeOfNoRows) {
  EXPECT_EQ(load({"t", "-"}, "").code, kFine);
  EXPECT_THAT(contents(), ElementsAre(Pair("t", IsEmpty())));
}

// --- Resuming ------------------------------------------------------------------------------------

TEST_F(Load, LeavesWholeBatchesBehindAnErrorAndGoesOnBehindThem) {
  const std::string file = write_file("a.tsv", rows(0, 25) + "bad row\n" + rows(26, 40));
  const Outcome failed = load({"t", file, "--batch", "10", "--json"});
  EXPECT_EQ(failed.code, kUsage);
  EXPECT_EQ(failed.json()["error"]["acknowledged"],
            nlohmann::json::parse("{\"txn\":2,\"rows\":20,\"bytes\":" +
                                  std::to_string(rows(0, 20).size()) + ",\"place\":\"line 20\"}"));
  EXPECT_EQ(contents()["t"].size(), 20U);
  const Outcome again = load({"t", file});
  EXPECT_EQ(again.code, kNegative);
  EXPECT_THAT(again.err, AllOf(HasSubstr("--resume"), HasSubstr("--restart")));
  write_file("a.tsv", rows(0, 40));
  EXPECT_EQ(load({"t", file, "--batch", "10", "--resume"}).code, kFine);
  EXPECT_EQ(contents()["t"].size(), 40U);
  EXPECT_EQ(contents().size(), 1U);
  EXPECT_EQ(load({"t", file, "--resume"}).code, kFine);  // From the beginning.
}

TEST_F(Load, GoesOnOnlyWithTheSameSourceInTheSameWay) {
  const std::string file = write_file("a.tsv", rows(0, 25) + "bad row\n");
  EXPECT_EQ(load({"t", file, "--batch", "10"}).code, kUsage);
  EXPECT_EQ(load({"u", file, "--resume"}).code, kUsage);
  EXPECT_EQ(load({"t", file, "--resume", "--format", "jsonl"}).code, kUsage);
  for (const std::string& changed :
       {"x" + rows(0, 25), rows(0, 12), ""s, rows(1, 30), "key-0\tvalue 9\n" + rows(1, 25)}) {
    write_file("a.tsv", changed);
    const Outcome outcome = load({"t", file, "--resume"});
    EXPECT_EQ(outcome.code, kUsage) << changed.substr(0, 20);
    EXPECT_THAT(outcome.err, HasSubstr("doesn't begin with what was loaded"));
  }
  EXPECT_EQ(contents()["t"].size(), 20U);
  write_file("a.tsv", rows(30, 35));
  EXPECT_EQ(load({"t", file, "--restart"}).code, kFine);
  EXPECT_EQ(contents()["t"].size(), 25U);
  EXPECT_EQ(contents().size(), 1U);
}

TEST_F(Load, ResumesStandardInputThatIsGivenAgain) {
  EXPECT_EQ(load({"t", "-", "--batch", "10"}, rows(0, 25) + "bad\n").code, kUsage);
  // Another tree's standard input is another source.
  EXPECT_EQ(load({"u", "-"}, rows(0, 3)).code, kFine);
  EXPECT_EQ(load({"t", "-", "--resume"}, rows(0, 31)).code, kFine);
  EXPECT_EQ(contents()["t"].size(), 31U);
}

TEST_F(Load, StopsAtASignalBeforeAnythingIsHalfDone) {
  const std::string file = write_file("a.tsv", rows(0, 25));
  const Outcome stopped = load({"t", file}, "", 2);
  EXPECT_EQ(stopped.code, 130);
  EXPECT_THAT(stopped.err, HasSubstr("stopped. Nothing of it was loaded."));
  EXPECT_EQ(load({"t", file}, "", 15).code, 143);
  EXPECT_THAT(contents(), IsEmpty());
}

// Cuts a load off at each row by an error there, in all formats.
TEST_F(Load, IsCompleteBehindAnyInterruption) {
  EXPECT_EQ(load({"t", "-"}, rows(0, 40)).code, kFine);
  const auto whole = contents();
  for (const std::string format : {"jsonl", "dump"}) {
    const std::string file = path("all." + format);
    EXPECT_EQ(caisson({"dump", path(), file}).code, kFine);
    const std::string good = read_file(file);
    for (std::size_t size = 1; size < good.size(); size += format == "dump" ? 61U : 149U) {
      const std::string into = path("copy");
      std::filesystem::remove_all(into);
      write_file("all." + format, good.substr(0, size) + (format == "dump" ? "" : "!"));
      EXPECT_NE(caisson({"load", into, file, "--create", "--batch", "7"}).code, kFine) << size;
      write_file("all." + format, good);
      EXPECT_EQ(caisson({"load", into, file, "--batch", "7", "--resume"}).code, kFine) << size;
      EXPECT_EQ(contents_of(into), whole);
    }
  }
}

TEST(LoadMarkText, IsReadAsItWasWrittenAndRefusedOtherwise) {  // MARK-1
  const LoadMark mark{
      .format = "tsv", .tree = "\xFF", .rows = 1, .bytes = ~std::uint64_t{0}, .checksum = 3};
  const LoadMark read = value_of(decode_load_mark(encode_load_mark(mark)));
  EXPECT_EQ(encode_load_mark(read), encode_load_mark(mark));
  for (const char* bad :
       {"", "[]", "{}", R"({"version":0,"format":"tsv","rows":1,"bytes":1,"crc32c":1})",
        R"({"version":1,"format":"tsv","rows":-1,"bytes":1,"crc32c":1})",
        R"({"version":1,"format":"tsv","rows":1,"bytes":1,"crc32c":4294967296})",
        R"({"version":1,"format":7,"rows":1,"bytes":1,"crc32c":1})",
        R"({"version":1,"format":"tsv","tree":1,"rows":1,"bytes":1,"crc32c":1})"}) {
    const auto refused = decode_load_mark(bad);
    ASSERT_FALSE(refused.has_value()) << bad;
    EXPECT_EQ(refused.error().rule(), "MARK-1");
  }
  EXPECT_EQ(decode_load_mark(R"({"version":2})").error().code(), Code::kUnsupportedVersion);
}

// --- Dumps ---------------------------------------------------------------------------------------

class DumpCommand : public Load {
 protected:
  // Trees of any names with any keys and values, some of them long.
  void fill(std::uint64_t seed) const {
    Random random(seed);
    const Store store = value_of(Store::open(path(), {.create_if_missing = true}));
    WriteTxn txn = value_of(store.begin_write());
    const auto bytes = [&random](std::size_t most) {
      std::string text(random.below(most + 1), '\0');
      const bool plain = random.below(2) == 0;
      for (char& c : text)
        c = static_cast<char>(plain ? 'a' + random.below(26) : random.below(256));
      return text;
    };
    for (std::uint64_t trees = random.below(5); trees > 0; --trees) {
      WriteTree tree = value_of(txn.open_or_create_tree("t" + bytes(20)));
      for (std::uint64_t entries = random.below(60); entries > 0; --entries) {
        const std::string key = bytes(30);
        const std::string value = bytes(random.below(8) == 0 ? 30'000 : 60);
        value_of(tree.put(key, value));
      }
    }
    value_of(txn.commit());
  }
};

TEST_F(DumpCommand, OfAnyBytesIsLoadedAsWhatItWas) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    std::filesystem::remove_all(path());
    fill(seed);
    const auto whole = contents();
    for (const char* format : {"jsonl", "binary"}) {
      const Outcome dumped = caisson({"dump", path(), "--format", format});
      ASSERT_EQ(dumped.code, kFine) << dumped.err;
      const std::string copy = path("copy");
      std::filesystem::remove_all(copy);
      const Outcome loaded =
          caisson({"load", copy, "-", "--create", "--format", format, "--batch", "17"}, dumped.out);
      ASSERT_EQ(loaded.code, kFine) << loaded.err;
      EXPECT_TRUE(contents_of(copy) == whole) << format << " " << seed;
    }
    for (const auto& [name, entries] : whole) {
      if (name.contains('\0')) continue;  // No argument can be that.
      const Outcome dumped = caisson({"dump", path(), "--", name, "-"});
      ASSERT_EQ(dumped.code, kFine) << dumped.err;
      const std::string copy = path("copy");
      std::filesystem::remove_all(copy);
      ASSERT_EQ(caisson({"load", copy, "t", "-", "--create"}, dumped.out).code, kFine);
      EXPECT_TRUE(contents_of(copy)["t"] == entries) << seed << " " << to_hex(name);
      EXPECT_EQ(caisson({"scan", path(), "--", name}).out, dumped.out);
    }
  }
}

TEST_F(DumpCommand, TellsTreesFromFiles) {
  EXPECT_EQ(load({"t", "-"}, "a\tb\n").code, kFine);
  EXPECT_EQ(caisson({"dump", path(), "t"}).out, "a\tb\n");
  EXPECT_EQ(caisson({"dump", path(), "t", "--format", "jsonl"}).out,
            "{\"key\":\"a\",\"value\":\"b\"}\n");
  EXPECT_EQ(caisson({"dump", path()}).out, "{\"tree\":\"t\",\"key\":\"a\",\"value\":\"b\"}\n");
  EXPECT_EQ(caisson({"dump", path(), "t", path("out.tsv"), "--quiet"}).out, "");
  EXPECT_EQ(read_file(path("out.tsv")), "a\tb\n");
  EXPECT_EQ(caisson({"dump", path(), path("all.jsonl"), "--json"}).json()["rows"], 1);
  EXPECT_EQ(caisson({"dump", path(), "tt"}).code, kNegative);
  EXPECT_EQ(caisson({"dump", path(), path("all.tsv")}).code, kUsage);
  EXPECT_FALSE(std::filesystem::exists(path("all.tsv.part")));
}

// Stops at each row that there is, and goes on; the file is the same bytes in the end, or, in the
// binary format, the same rows.
TEST_F(DumpCommand, GoesOnWhereItWasStopped) {
  EXPECT_EQ(load({"t", "-"}, rows(0, 30)).code, kFine);
  EXPECT_EQ(load({"u", "-"}, "long\t" + std::string(40'000, 'v') + "\n" + rows(0, 3)).code, kFine);
  EXPECT_EQ(load({"empty", "-"}, "").code, kFine);
  const auto whole = contents();
  for (const std::string format : {"jsonl", "dump"}) {
    const std::string file = path("all." + format);
    ASSERT_EQ(caisson({"dump", path(), file}).code, kFine);
    const std::string expected = read_file(file);
    int stops = 0;
    for (int at = 0;; ++at) {
      std::filesystem::remove(file);
      // The signal comes when it is looked for the at-th time, and each 5th behind that.
      int looks = 0;
      int code = 0;
      std::vector<std::string> words = {"dump", path(), file};
      do {
        std::vector<const char*> argv = {"caisson"};
        for (const std::string& word : words) argv.push_back(word.c_str());
        std::istringstream in;
        std::ostringstream out;
        std::ostringstream err;
        Context context{.in = in, .out = out, .err = err};
        int of_this_run = 0;
        bool signalled = false;
        context.signal = [&] {
          ++of_this_run;
          if (++looks == at || of_this_run > 9) signalled = true;
          return signalled ? 2 : 0;
        };
        code = run(static_cast<int>(argv.size()), argv.data(), context);
        if (code == 130) {
          ++stops;
          EXPECT_FALSE(std::filesystem::exists(file));
          words = {"dump", path(), file, "--resume"};
        }
      } while (code == 130 && stops < 10'000);
      ASSERT_EQ(code, kFine);
      if (format == "jsonl") {
        EXPECT_EQ(read_file(file), expected);
      }
      std::filesystem::remove_all(path("copy"));
      ASSERT_EQ(caisson({"load", path("copy"), file, "--create"}).code, kFine);
      EXPECT_EQ(contents_of(path("copy")), whole);
      EXPECT_FALSE(std::filesystem::exists(file + ".part"));
      EXPECT_FALSE(std::filesystem::exists(file + ".part.json"));
      if (at > 6) break;
    }
    EXPECT_GT(stops, 6);
  }
}

TEST_F(DumpCommand, GoesOnOnlyWithTheSameState) {
  EXPECT_EQ(load({"t", "-"}, rows(0, 30)).code, kFine);
  const std::string file = path("all.jsonl");
  EXPECT_EQ(caisson({"dump", path(), file, "--resume"}).code, kNegative);
  EXPECT_EQ(caisson({"dump", path(), file}, "", 2).code, 130);
  EXPECT_TRUE(std::filesystem::exists(file + ".part.json"));
  EXPECT_EQ(caisson({"dump", path(), "t", file, "--resume"}).code, kUsage);
  // Which is kept until somebody gives up the past.
  EXPECT_EQ(caisson({"put", path(), "t", "later", "x"}).code, kFine);
  EXPECT_EQ(caisson({"compact", path()}).code, kFine);
  const Outcome outcome = caisson({"dump", path(), file, "--resume"});
  EXPECT_EQ(outcome.code, kNegative);
  EXPECT_THAT(outcome.err, HasSubstr("isn't kept any more"));
  EXPECT_EQ(caisson({"dump", path(), file}).code, kFine);
}

TEST(DumpMarkText, IsRefusedWhereItIsNone) {  // MARK-2
  for (const char* bad : {"", "{}", "[1]", R"({"version":1,"format":"tsv","store":"x","txn":1})"}) {
    const auto refused = decode_dump_mark(bad);
    ASSERT_FALSE(refused.has_value()) << bad;
    EXPECT_EQ(refused.error().rule(), "MARK-2");
  }
  EXPECT_EQ(decode_dump_mark(R"({"version":9})").error().code(), Code::kUnsupportedVersion);
}

}  // namespace
}  // namespace caisson::tools

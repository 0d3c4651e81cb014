// Method: trees on a simulated page file, compared with std::map, and validated.

#include "btree/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "btree/testing/harness.h"

namespace caisson::btree {
namespace {

using testing::bytes_of;
using ::testing::HasSubstr;
using testing::problems_of;
using testing::read_all;
using testing::read_value;
using testing::TreeModel;
using testing::TreeStore;
using testing::value_of;

// Keys of seven digits, from a million on. One value in a thousand is a long one.
TreeModel append_rows(TreeStore& store, int count) {
  TreeModel model;
  for (int i = 0; i < count; ++i) {
    const std::string key = std::to_string(1'000'000 + i);
    const std::string value(i % 1000 == 7 ? 9000 : 20, 'v');
    value_of(store.writer().append(bytes_of(key), bytes_of(value)));
    model.emplace_hint(model.end(), key, value);
  }
  return model;
}

TEST(TreeWriter, SetsAndRemovesOneKey) {
  TreeStore store;
  EXPECT_TRUE(value_of(store.writer().put(bytes_of("key"), bytes_of("value"))));
  EXPECT_FALSE(value_of(store.writer().put(bytes_of("key"), bytes_of("other"))));
  EXPECT_FALSE(value_of(store.writer().put(bytes_of("key"), bytes_of("longer one"))));
  store.commit();
  EXPECT_EQ(read_value(*value_of(store.tree().get(bytes_of("key")))), "longer one");
  EXPECT_FALSE(value_of(store.tree().get(bytes_of("ke"))).has_value());
  EXPECT_EQ(store.root().count, 1U);
  EXPECT_TRUE(value_of(store.writer().erase(bytes_of("key"))));
  EXPECT_FALSE(value_of(store.writer().erase(bytes_of("key"))));
  store.commit();
  EXPECT_TRUE(store.tree().empty());
}

TEST(TreeWriter, AgreesWithAMapAfterManyRandomChanges) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    TreeStore store;
    TreeModel model;
    Random random(seed);
    for (int round = 0; round < 60; ++round) {
      for (int i = 0; i < 200; ++i) {
        std::string key(random.below(seed % 2 == 0 ? 5 : 40), 'a');
        for (char& c : key) c = static_cast<char>('a' + random.below(seed % 3 == 0 ? 2 : 20));
        if (random.chance(round < 40 ? 1 : 3, 4)) {
          EXPECT_EQ(value_of(store.writer().erase(bytes_of(key))), model.erase(key) == 1);
        } else {
          const std::string value(random.below(random.chance(1, 20) ? 3000 : 60),
                                  static_cast<char>('A' + random.below(26)));
          const bool added = value_of(store.writer().put(bytes_of(key), bytes_of(value)));
          EXPECT_EQ(added, model.insert_or_assign(key, value).second);
        }
      }
      if (random.chance(1, 3)) {
        store.checkpoint();
      } else {
        store.commit();
      }
      ASSERT_EQ(problems_of(store.tree()), "") << "seed " << seed << " round " << round;
      ASSERT_EQ(read_all(store.tree()), model) << "seed " << seed << " round " << round;
      ASSERT_EQ(store.root().count, model.size());
    }
  }
}

// Keys that fit into their heads gain nothing from a prefix. A leaf that was filled to the last
// byte without one, and was then built anew with one, did not fit into its page.
TEST(TreeWriter, AppendsShortKeysWhateverTheirValuesTake) {
  for (std::size_t size = 0; size < 260; ++size) {
    TreeStore store;
    TreeModel model;
    std::uint32_t first = 0;
    for (std::uint32_t i = 0; i < 900; ++i) {
      std::string key(4, '\0');
      for (std::size_t at = 0; at < 4; ++at) key[at] = static_cast<char>(i >> (24 - 8 * at));
      const std::string value(size, 'v');
      value_of(store.writer().put(bytes_of(key), bytes_of(value)));
      model.emplace(key, value);
      if (size % 3 == 0 && i % 2 == 1) {  // Entries go at the front.
        value_of(store.writer().erase(bytes_of(model.begin()->first)));
        model.erase(model.begin());
        ++first;
      }
    }
    ASSERT_EQ(problems_of(store.writer().tree()), "") << size;
    ASSERT_EQ(read_all(store.writer().tree()), model) << size << " " << first;
  }
}

// --- Limits --------------------------------------------------------------------------------------

TEST(TreeWriter, TakesKeysAndValuesUpToTheLimitAndNoFurther) {  // LIMIT-1
  for (const std::uint32_t page_size : {4096U, 16384U, 65536U}) {
    pager::Limits limits;
    limits.key_size_max = page_size / 16;
    limits.value_size_max = 100'000;
    TreeStore store({.page_size = page_size, .limits = limits});
    TreeWriter& writer = store.writer();
    const std::string key(page_size / 16, 'k');
    const std::string value(100'000, 'v');
    EXPECT_TRUE(value_of(writer.put(bytes_of(key), bytes_of(value))));
    const TreeRoot before = writer.root();
    const auto long_key = writer.put(bytes_of(key + "k"), bytes_of("v"));
    EXPECT_EQ(long_key.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(long_key.error().rule(), "LIMIT-1");
    EXPECT_THAT(long_key.error().message(), HasSubstr(std::to_string(key.size() + 1) + " bytes"));
    EXPECT_THAT(long_key.error().message(), HasSubstr("up to " + std::to_string(key.size())));
    const auto long_value = writer.put(bytes_of("k"), bytes_of(value + "v"));
    EXPECT_EQ(long_value.error().rule(), "LIMIT-1");
    EXPECT_THAT(long_value.error().message(), HasSubstr("100001 bytes"));
    EXPECT_THAT(long_value.error().message(), HasSubstr("up to 100000"));
    {
      ValueStream stream = value_of(writer.stream(bytes_of("k")));
      value_of(stream.append(bytes_of(value)));
      EXPECT_EQ(stream.append(bytes_of("v")).error().rule(), "LIMIT-1");
    }
    EXPECT_EQ(writer.root(), before);
    store.commit();
    EXPECT_EQ(read_all(store.tree()), (TreeModel{{key, value}}));
  }
}

TEST(TreeWriter, CopiesNoLeafThatItErasesAsAWhole) {
  TreeStore store;
  TreeModel model = append_rows(store, 40'000);
  store.checkpoint();
  ASSERT_EQ(value_of(store.tree().height()), 3U);
  EXPECT_EQ(store.pager().stats().dirty_frames, 0U);
  const std::string begin = "1000333";
  const std::string end = "1039777";
  const auto erased = value_of(store.writer().erase_range({bytes_of(begin), bytes_of(end)}));
  EXPECT_LT(store.pager().stats().dirty_frames, 20U);
  EXPECT_EQ(erased, 39'444U);
  model.erase(model.find(begin), model.find(end));
  store.commit();
  EXPECT_EQ(read_all(store.tree()), model);
  EXPECT_EQ(problems_of(store.tree()), "");
  store.checkpoint();
  EXPECT_EQ(store.audit(), "");
}

TEST(TreeWriter, AppendsKeysInOrderAndFillsNodes) {
  TreeStore store;
  const TreeModel model = append_rows(store, 20'000);
  store.commit();
  EXPECT_EQ(read_all(store.tree()), model);
  pager::PageSet pages;
  const TreeReport report = validate_tree(store.tree(), {}, pages);
  EXPECT_EQ(report.findings_total, 0U);
  EXPECT_GT(static_cast<double>(report.node_bytes_used),
            0.97 * 4096 * static_cast<double>(report.leaves - 20));  // Nearly all leaves are full.
}

// Many entries that say no sizes fill a leaf. With a large one among them they would have to, and
// then neither of two halves has room for it.
TEST(TreeWriter, DividesALeafInThreeWhereNoTwoHaveRoom) {
  pager::Limits limits = pager::default_limits(4096);
  limits.key_size_max = 512;
  for (int place = 0; place <= 570; place += 10) {
    TreeStore store({.limits = limits});
    TreeModel model;
    for (int i = 0; i < 570; ++i) {
      const std::string key = "prefix" + std::to_string(10'000 + i);
      value_of(store.writer().append(bytes_of(key), {}));
      model.emplace(key, "");
    }
    store.commit();
    const std::string key = "prefix" + std::to_string(10'000 + place - 1) + std::string(300, '+');
    const std::string value(entry_weight_max(4096) - entry_weight(key.size(), 0), 'v');
    ASSERT_LE(value.size(), 1024U);  // It lies in the leaf.
    value_of(store.writer().put(bytes_of(key), bytes_of(value)));
    model.emplace(key, value);
    store.commit();
    EXPECT_EQ(read_all(store.tree()), model) << place;
    EXPECT_EQ(problems_of(store.tree()), "") << place;
  }
}

TEST(TreeWriter, AppendsKeysBehindTheLongestPrefixThatTheyShare) {
  TreeStore store;
  for (int i = 0; i < 2000; ++i) {
    const std::string key = std::string(200, 'p') + std::to_string(100'000 + i);
    value_of(store.writer().append(bytes_of(key), bytes_of("value")));
  }
  pager::PageSet pages;
  EXPECT_LT(validate_tree(store.writer().tree(), {}, pages).leaves, 15U);
}

TEST(TreeWriter, AppendsNoKeyThatIsNotGreater) {
  TreeStore store;
  TreeWriter& writer = store.writer();
  value_of(writer.append(bytes_of("m"), bytes_of("v")));
  for (const char* key : {"m", "a", ""}) {
    EXPECT_EQ(writer.append(bytes_of(key), bytes_of("v")).error().code(), Code::kInvalidArgument);
  }
  EXPECT_EQ(writer.append(bytes_of(std::string(2000, 'z')), bytes_of("v")).error().rule(),
            "LIMIT-1");
  value_of(writer.append(bytes_of("ma"), bytes_of("w")));
  store.commit();
  EXPECT_EQ(read_all(store.tree()), (TreeModel{{"m", "v"}, {"ma", "w"}}));
}

TEST(TreeWriter, LimitsValuesThatLieInALeafToo) {  // LIMIT-1
  pager::Limits limits = pager::default_limits(4096);
  limits.value_size_max = 100;
  TreeStore store({.limits = limits});
  EXPECT_TRUE(store.writer().put(bytes_of("a"), bytes_of("")).has_value());
  EXPECT_TRUE(store.writer().put(bytes_of("b"), bytes_of(std::string(100, 'v'))).has_value());
  EXPECT_EQ(store.writer().put(bytes_of("c"), bytes_of(std::string(101, 'v'))).error().rule(),
            "LIMIT-1");
  EXPECT_EQ(store.writer().root().count, 2U);
}

// Entries of one size each lose their headers; the first odd one brings all of them back.
TEST(TreeWriter, RefusesToGrowBeyondItsHeightByAShorterValue) {  // LIMIT-1
  pager::Limits limits = pager::default_limits(4096);
  limits.tree_height_max = 1;
  TreeStore store({.limits = limits});
  Result<bool> put = true;
  for (int i = 0; put; ++i) {
    put = store.writer().put(bytes_of(std::to_string(1000 + i)), bytes_of("four"));
  }
  EXPECT_EQ(put.error().rule(), "LIMIT-1");
  EXPECT_EQ(store.writer().put(bytes_of("1100"), bytes_of("v")).error().rule(), "LIMIT-1");
  EXPECT_EQ(value_of(store.writer().tree().height()), 1U);
  EXPECT_EQ(problems_of(store.writer().tree()), "");
}

// A leaf that borrows may need a longer separator, for which its parent has no room.
TEST(TreeWriter, MayExceedItsHeightByOneLevelToRemove) {  // LIMIT-1, TREE-1
  pager::Limits limits = pager::default_limits(4096);
  limits.key_size_max = 512;
  limits.tree_height_max = 2;
  TreeStore store({.limits = limits});
  TreeWriter& writer = store.writer();
  TreeModel model;
  const std::string value(400, 'v');
  const auto key_of = [](int group, int number) {
    return std::to_string(1000 + group) + std::string(500, 'k') + std::to_string(number);
  };
  // Eight keys behind one prefix fill a leaf, and short separators the root.
  for (int i = 0; i < 8 * 120; ++i) {
    value_of(writer.put(bytes_of(key_of(i / 8, i % 8)), bytes_of(value)));
    model.emplace(key_of(i / 8, i % 8), value);
  }
  ASSERT_EQ(value_of(writer.tree().height()), 2U);
  const auto erase = [&](const std::string& key) {
    EXPECT_TRUE(value_of(writer.erase(bytes_of(key))));
    model.erase(key);
  };
  for (int group = 0; value_of(writer.tree().height()) == 2; group += 2) {
    ASSERT_LT(group, 120) << "no erase has raised the tree";
    for (int number = 1; number < 8; ++number) erase(key_of(group, number));
  }
  EXPECT_EQ(value_of(writer.tree().height()), 3U);
  EXPECT_EQ(problems_of(writer.tree()), "");
  EXPECT_EQ(read_all(writer.tree()), model);
  store.checkpoint();
  EXPECT_EQ(store.audit(), "");

  // What fits is still taken, but no level is added to that.
  Result<bool> put = true;
  for (int i = 0; put; ++i) {
    const std::string key = std::to_string(9000 + i) + std::string(500, 'm');
    put = store.writer().put(bytes_of(key), bytes_of(value));
    if (put) model.emplace(key, value);
  }
  EXPECT_EQ(put.error().rule(), "LIMIT-1");
  EXPECT_EQ(value_of(store.writer().tree().height()), 3U);
  EXPECT_EQ(problems_of(store.writer().tree()), "");
  EXPECT_EQ(read_all(store.writer().tree()), model);
}

TEST(TreeWriter, RefusesToGrowBeyondItsHeight) {  // LIMIT-1
  pager::Limits limits = pager::default_limits(4096);
  limits.tree_height_max = 2;
  TreeStore store({.limits = limits});
  TreeModel model;
  Result<bool> put = true;
  Random random(1);
  while (put) {
    const std::string key = std::to_string(random.next());
    put = store.writer().put(bytes_of(key), bytes_of(std::string(300, 'v')));
    if (put) model.emplace(key, std::string(300, 'v'));
  }
  EXPECT_EQ(put.error().code(), Code::kResourceExhausted);
  EXPECT_THAT(put.error().message(), HasSubstr("height limit of 2"));
  EXPECT_GT(model.size(), 500U);
  EXPECT_EQ(value_of(store.writer().tree().height()), 2U);
  EXPECT_EQ(read_all(store.writer().tree()), model);
  EXPECT_EQ(problems_of(store.writer().tree()), "");
}

}  // namespace
}  // namespace caisson::btree

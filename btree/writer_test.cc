// Method: trees on a simulated page file, compared with std::map, and validated.

#include "btree/writer.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "btree/testing/harness.h"

namespace caisson::btree {
namespace {

using testing::bytes_of;
using testing::problems_of;
using testing::read_all;
using testing::read_value;
using testing::TreeModel;
using testing::TreeStore;
using testing::value_of;

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

}  // namespace
}  // namespace caisson::btree

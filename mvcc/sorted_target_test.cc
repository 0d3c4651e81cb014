// Method: operations on three trees, drawn at random, given to a SortedTarget that lets few or many
// of them wait, and to maps beside it; in the end both hold the same.

#include "mvcc/sorted_target.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/random.h"
#include "mvcc/testing/harness.h"
#include "pager/page_txn.h"

namespace caisson::mvcc {
namespace {

using testing::bytes_of;
using testing::EngineStore;
using testing::value_of;

using Model = std::map<std::uint64_t, std::map<std::string, std::string>>;

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Sorted : public ::testing::TestWithParam<std::size_t> {
 protected:
  Sorted() {
    for (std::uint64_t tree = 1; tree <= 3; ++tree) {
      value_of(target_.create(TreeId{tree}, kPlainTree, bytes_of("t" + std::to_string(tree)), {}));
      model_[tree];
    }
  }

  // Many share their first eight bytes, or are another's beginning, or have none.
  std::string draw_key() {
    const std::string ends[] = {"", "a", "b", std::string("\0", 1), "zz"};
    const std::string begin = std::string("same\0key", 8).substr(0, random_.below(9));
    return begin + ends[random_.below(5)];
  }

  void do_one() {
    const std::uint64_t tree = 1 + random_.below(3);
    const TreeId id{tree};
    const std::string key = draw_key();
    const std::string value(random_.below(40), static_cast<char>('a' + random_.below(26)));
    switch (random_.below(20)) {
      case 0: {
        const std::string end = draw_key();
        value_of(target_.erase_range(id, {bytes_of(key), bytes_of(end)}));
        auto& rows = model_[tree];
        if (key < end) rows.erase(rows.lower_bound(key), rows.lower_bound(end));
        return;
      }
      case 1:
        if (key.empty()) return;
        value_of(target_.begin_value(id, bytes_of(key), value.size()));
        value_of(target_.append_piece(bytes_of(value)));
        value_of(target_.finish_value());
        model_[tree][key] = value;
        return;
      case 2:
      case 3:
      case 4:
      case 5:
      case 6:
        value_of(target_.erase(id, bytes_of(key)));
        model_[tree].erase(key);
        return;
      default:
        if (key.empty()) return;
        value_of(target_.put(id, bytes_of(key), bytes_of(value)));
        model_[tree][key] = value;
    }
  }

  Model contents() {
    Model found;
    for (const auto& [tree, rows] : model_) {
      auto& into = found[tree];
      btree::Cursor cursor(value_of(trees_.writer(TreeId{tree}))->tree());
      while (value_of(cursor.next())) {
        into[text_of(cursor.key())] = text_of(value_of(cursor.value().piece(0)));
      }
    }
    return found;
  }

  Random random_{GetParam() + 1};
  EngineStore store_;
  pager::PageTxn pages_{value_of(pager::PageTxn::begin(store_.engine().pager(), TxnId{1}))};
  TreeSet trees_{store_.engine().pager(), pages_, {}};
  SortedTarget target_{trees_, GetParam()};
  Model model_;
};

TEST_P(Sorted, LeadsToWhatTheOperationsDoInTheirOrder) {
  for (int round = 0; round < 30; ++round) {
    for (int i = 0; i < 200; ++i) do_one();
    value_of(target_.finish());
    ASSERT_EQ(contents(), model_) << "round " << round;
  }
}

TEST_P(Sorted, SaysAtOnceThatThereIsNoSuchTree) {
  EXPECT_EQ(target_.put(TreeId{9}, bytes_of("k"), {}).error().code(), Code::kNotFound);
  EXPECT_EQ(target_.erase(TreeId{9}, bytes_of("k")).error().code(), Code::kNotFound);
  value_of(target_.put(TreeId{2}, bytes_of("k"), {}));
  value_of(target_.drop(TreeId{2}));
  EXPECT_EQ(target_.put(TreeId{2}, bytes_of("k"), {}).error().code(), Code::kNotFound);
  value_of(target_.finish());
}

INSTANTIATE_TEST_SUITE_P(SoManyBytesWait, Sorted,
                         ::testing::Values(0, 100, 1000, SortedTarget::kBytesMax));

}  // namespace
}  // namespace caisson::mvcc

// Method: transactions much larger than the memory that the pager has (64 frames of 4 KiB), with
// the file mapped and with private copies, compared with std::map; then the walk of the whole tree
// against the allocation blob. What is read here is read in small steps, as there is no room for
// more. What would slip through: pages that are lost only where three levels of branches spill.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "base/testing/effort.h"
#include "btree/testing/harness.h"
#include "pager/testing/access.h"

namespace caisson::btree {
namespace {

using caisson::testing::stride;
using pager::PageAccess;
using testing::bytes_of;
using testing::read_in_steps;
using testing::text_of;
using testing::TreeModel;
using testing::TreeStore;
using testing::value_of;

constexpr std::uint64_t kBudget = std::uint64_t{64} * 4096;
constexpr std::size_t kEntrySize = 120;

std::string any_text(Random& random, std::size_t size) {
  std::string text(size, '\0');
  random.fill({reinterpret_cast<std::byte*>(text.data()), text.size()});
  return text;
}

// Keys of eight digits, so that they ascend with the numbers.
std::vector<std::string> keys(std::size_t count, bool shuffled) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < count; ++i) keys.push_back(std::to_string(10'000'000 + i));
  Random random(7);
  for (std::size_t i = count; shuffled && i > 1; --i) std::swap(keys[i - 1], keys[random.below(i)]);
  return keys;
}

class Spill : public ::testing::TestWithParam<PageAccess> {
 protected:
  static testing::StoreOptions options() {
    return {.access = GetParam(), .memory_budget_bytes = kBudget};
  }

  // Puts all keys and erases every other one again.
  static TreeModel put_and_erase(TreeStore& store, const std::vector<std::string>& keys) {
    Random random(3);
    TreeModel model = read_in_steps(store);
    for (const std::string& key : keys) {
      const std::string value = any_text(random, kEntrySize);
      const bool added = value_of(store.writer().put(bytes_of(key), bytes_of(value)));
      EXPECT_EQ(added, model.insert_or_assign(key, value).second);
    }
    for (std::size_t i = 0; i < keys.size(); i += 2) {
      EXPECT_TRUE(value_of(store.writer().erase(bytes_of(keys[i]))));
      model.erase(keys[i]);
    }
    return model;
  }
};

TEST_P(Spill, ATransactionOfTwentyTimesTheMemoryIsWhole) {
  for (const bool shuffled : {false, true}) {
    TreeStore store(options());
    put_and_erase(store, keys(500, shuffled));
    store.checkpoint();
    const TreeModel before = read_in_steps(store);
    const auto all = keys(20 * kBudget / (kEntrySize + 18) / stride(5), shuffled);

    put_and_erase(store, all);
    store.roll_back();
    EXPECT_EQ(store.pager().stats().dirty_frames, 0U);
    EXPECT_EQ(read_in_steps(store), before);

    const TreeModel model = put_and_erase(store, all);
    EXPECT_GT(store.pager().stats().pages_spilled, 1000U / stride(5));
    EXPECT_EQ(read_in_steps(store, &store.writer()), model);
    store.commit();
    EXPECT_EQ(read_in_steps(store), model);
    store.checkpoint();
    EXPECT_EQ(store.audit(), "");
    store.kill_and_reopen();
    EXPECT_EQ(read_in_steps(store), model);
  }
}

TEST_P(Spill, ValuesMayBeLargerThanTheMemory) {
  TreeStore store(options());
  Random random(5);
  value_of(store.writer().put(bytes_of("small"), bytes_of("value")));
  TreeModel model{{"small", "value"}};
  for (const std::string key : {"put", "streamed", "replaced", "erased"}) {
    const std::string value = any_text(random, 4 * kBudget + random.below(4096));
    if (key == "streamed") {
      ValueStream stream = value_of(store.writer().stream(bytes_of(key)));
      for (std::size_t at = 0; at < value.size(); at += 10'001) {
        value_of(stream.append(bytes_of(std::string_view(value).substr(at, 10'001))));
        if (at % 7 == 0) {  // Others write in between.
          value_of(store.writer().put(bytes_of(std::to_string(at)), bytes_of("beside")));
          model[std::to_string(at)] = "beside";
        }
      }
      EXPECT_TRUE(value_of(stream.finish()));
    } else {
      EXPECT_TRUE(value_of(store.writer().put(bytes_of(key), bytes_of(value))));
    }
    model[key] = value;
  }
  EXPECT_FALSE(value_of(store.writer().put(bytes_of("replaced"), bytes_of("short"))));
  model["replaced"] = "short";
  EXPECT_TRUE(value_of(store.writer().erase(bytes_of("erased"))));
  model.erase("erased");
  {
    ValueStream given_up = value_of(store.writer().stream(bytes_of("given up")));
    value_of(given_up.append(bytes_of(any_text(random, 2 * kBudget))));
  }
  const auto check = [&] {
    for (const auto& [key, expected] : model) {
      for (std::size_t at = 0; at < expected.size();) {
        store.renew();
        const auto value = value_of(store.tree().get(bytes_of(key)));
        ASSERT_EQ(value->size(), expected.size()) << key;
        const Bytes piece = value_of(value->piece(at));
        ASSERT_EQ(text_of(piece), expected.substr(at, piece.size())) << key << " at " << at;
        at += piece.size();
      }
    }
  };
  store.commit();
  check();
  store.checkpoint();
  EXPECT_EQ(store.audit(), "");
  store.kill_and_reopen();
  check();
}

// Of each value the index is read to find its pages, and of these one leaf names more than there
// are frames.
TEST_P(Spill, ARangeMayHaveMoreLongValuesThanThereAreFrames) {
  TreeStore store(options());
  for (int i = 0; i < 300; ++i) {
    value_of(store.writer().put(bytes_of(std::to_string(1000 + i)),
                                bytes_of(std::string(5000, static_cast<char>('a' + i % 26)))));
  }
  store.checkpoint();
  store.kill_and_reopen();
  EXPECT_EQ(value_of(store.writer().erase_range({bytes_of("1001"), bytes_of("1299")})), 298U);
  store.commit();
  store.checkpoint();
  EXPECT_EQ(store.audit(), "");
  EXPECT_EQ(testing::read_all(store.tree()).size(), 2U);
}

TEST_P(Spill, TwoWritersOfOneTransactionTakeTurns) {
  TreeStore store(options());
  TreeWriter& first = store.writer();
  TreeWriter second(store.pager(), store.page_txn(), {});
  TreeModel models[2];
  Random random(9);
  for (int i = 0; i < 20'000; ++i) {
    const bool to_first = random.chance(1, 2);
    TreeWriter& writer = to_first ? first : second;
    TreeModel& model = models[to_first ? 0 : 1];
    // The first one's keys mostly ascend, so that it stays at the edge while the other one spills.
    const std::uint64_t number = static_cast<std::uint64_t>(i);
    const std::string key = to_first && random.chance(7, 8)
                                ? std::to_string(100'000 + number)
                                : std::to_string(100'000 + random.below(number + 1));
    if (random.chance(1, 4)) {
      EXPECT_EQ(value_of(writer.erase(bytes_of(key))), model.erase(key) == 1);
    } else {
      const std::string value = any_text(random, random.below(200));
      value_of(writer.put(bytes_of(key), bytes_of(value)));
      model[key] = value;
    }
  }
  EXPECT_GT(store.pager().stats().pages_spilled, 1000U);
  EXPECT_EQ(read_in_steps(store, &first), models[0]);
  EXPECT_EQ(read_in_steps(store, &second), models[1]);
  // The store keeps one tree.
  EXPECT_EQ(value_of(second.erase_range({})), models[1].size());
  store.checkpoint();
  EXPECT_EQ(store.audit(), "");
  EXPECT_EQ(read_in_steps(store), models[0]);
}

// --- Beside readers ------------------------------------------------------------------------------

struct Published {
  TxnId txn{};
  TreeRoot root;
};

// A page that a reader was handed out, and a copy of its bytes.
struct Held {
  const std::byte* page = nullptr;
  std::vector<std::byte> copy;

  bool unchanged() const { return std::equal(copy.begin(), copy.end(), page); }
};

// The root and some of its children.
std::vector<Held> hold(const Tree& tree, unsigned children) {
  std::vector<Held> held;
  const auto add = [&](const NodeView& node) {
    held.push_back({node.page(), {node.page(), node.page() + tree.pager().page_size()}});
  };
  const NodeView root = value_of(tree.read_root());
  add(root);
  for (unsigned i = 0; i < std::min(children, root.count()); ++i) {
    add(value_of(tree.read_child(root, i)));
  }
  return held;
}

TEST_P(Spill, LeavesTheBytesOfReadersWhereTheyAre) {
  pager::testing::ReaderRegistry registry(3);
  testing::StoreOptions with_readers = options();
  with_readers.readers = &registry;
  TreeStore store(with_readers);
  // Small enough to lie in frames until the first spill.
  TreeModel model = put_and_erase(store, keys(200, false));
  store.commit();
  const TreeModel old_model = model;
  const Published old{store.txn(), store.root()};
  std::atomic<const Published*> newest{&old};

  std::atomic<bool> holding{false};
  std::atomic<bool> pressed{false};
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::atomic<int> walks{0};
  std::atomic<int> crowded_out{0};
  std::jthread patient([&] {
    const Published& state = registry.enter(0, store.pager(), newest);
    const std::vector<Held> held = hold(Tree(store.pager(), state.root), 100);
    holding = true;
    while (!pressed) std::this_thread::yield();
    for (const Held& one : held) wrong += one.unchanged() ? 0 : 1;
    registry.leave(0);
  });
  std::vector<std::jthread> others;
  for (std::size_t slot = 1; slot < 3; ++slot) {
    others.emplace_back([&, slot] {
      while (!done || walks < 3) {
        while (!pressed) std::this_thread::yield();
        const Published& state = registry.enter(slot, store.pager(), newest);
        const Tree tree(store.pager(), state.root);
        try {
          const std::vector<Held> held = hold(tree, 2);
          for (int i = 0; i < 10; ++i) std::this_thread::yield();
          for (const Held& one : held) wrong += one.unchanged() ? 0 : 1;
          ++walks;
        } catch (const std::exception&) {
          ++crowded_out;  // No frame was free for a private copy: the writer has them.
        }
        registry.leave(slot);
        for (int i = 0; i < 100; ++i) std::this_thread::yield();  // Frames for the writer.
      }
    });
  }
  while (!holding) std::this_thread::yield();

  // What the readers look at stays. Of private copies, all that were evicted since do: until no
  // frame is left. Where the file is mapped, the writer has the others for itself.
  Random random(11);
  std::uint64_t refused = 0;
  for (int number = 0; number < 3000;) {
    const std::string key = std::to_string(random.next());
    const std::string value = any_text(random, kEntrySize);
    const auto put = store.writer().put(bytes_of(key), bytes_of(value));
    if (put) {
      model[key] = value;
      if (++number == 1500) pressed = true;
      continue;
    }
    ASSERT_EQ(put.error().code(), Code::kResourceExhausted) << put.error().to_string();
    ++refused;
    pressed = true;
    std::this_thread::yield();
  }
  done = true;
  patient.join();
  others.clear();
  EXPECT_EQ(wrong, 0);
  if (GetParam() == PageAccess::kMapped) {
    EXPECT_EQ(crowded_out, 0);
    EXPECT_EQ(refused, 0U);
  } else {
    EXPECT_GE(refused, 1U);
  }
  EXPECT_EQ(read_in_steps(store, &store.writer()), model);
  store.commit();
  EXPECT_EQ(testing::read_all(Tree(store.pager(), old.root)), old_model);
  store.checkpoint();
  EXPECT_EQ(store.audit(), "");
  EXPECT_EQ(read_in_steps(store), model);
}

// A cursor of an old state is left open while all that it stands on is written over, many times the
// memory, in transactions large and small.
TEST(SpillBesideACursor, ACursorThatIsLeftOpenTakesNoFramesFromTheWriter) {
  pager::testing::ReaderRegistry registry(1);
  TreeStore store({.memory_budget_bytes = kBudget, .readers = &registry});
  Random random(13);
  TreeModel model;
  const auto change = [&](std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string key = std::to_string(random.below(20'000));
      const std::string value = any_text(random, kEntrySize);
      value_of(store.writer().put(bytes_of(key), bytes_of(value)));  // Never short of frames.
      model[key] = value;
    }
    store.commit();
  };
  change(200);
  const TreeModel old_model = model;
  const Published old{store.txn(), store.root()};
  std::atomic<const Published*> newest{&old};
  registry.enter(0, store.pager(), newest);
  const Tree tree(store.pager(), old.root);
  const std::vector<Held> held = hold(tree, 100);
  EXPECT_GT(held.size(), 5U);
  Cursor cursor(tree);
  TreeModel seen;
  for (int round = 0; round < 60; ++round) {
    change(round % 20 == 10 ? 3000 : 50);
    store.checkpoint_only();
    store.reclaim(registry.pins(store.txn()));
    for (const Held& one : held) ASSERT_TRUE(one.unchanged()) << "after round " << round;
    if (value_of(cursor.next())) seen[text_of(cursor.key())] = testing::read_value(cursor.value());
  }
  EXPECT_GT(store.pager().stats().pages_written, 3000U);
  while (value_of(cursor.next())) {
    seen[text_of(cursor.key())] = testing::read_value(cursor.value());
  }
  EXPECT_EQ(seen, old_model);
  registry.leave(0);
  EXPECT_EQ(read_in_steps(store), model);
  store.checkpoint();
  EXPECT_EQ(store.audit(), "");
}

INSTANTIATE_TEST_SUITE_P(Access, Spill,
                         ::testing::Values(PageAccess::kMapped, PageAccess::kPrivate),
                         pager::testing::access_name);

}  // namespace
}  // namespace caisson::btree

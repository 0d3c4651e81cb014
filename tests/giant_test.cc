// Method: one transaction much larger than the memory that the store may use, made by a process of
// its own (tests/child/), which measures itself. Its keys and values follow from their number, so
// what is there is known without keeping it: the count, the keys in order, and a sample of the
// values. The process is killed half-way, where nothing of it may be left, and behind the commit.
//
// The bound on memory: what the process has in anonymous pages above what it started with is at
// most the budget, and 24 MiB for all else: the log's buffers (two batches of 4 MiB, and records),
// tables of pages (12 bytes each), threads. What a sanitizer takes itself is no matter of ours.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "base/sanitizers.h"
#include "base/testing/effort.h"
#include "base/testing/emulated.h"
#include "tests/child/giant.h"
#include "tests/child/process.h"
#include "tests/support.h"

namespace caisson {
namespace {

using testing::ChildProcess;
using testing::contents;
using testing::giant_count;
using testing::giant_key;
using testing::giant_value;
using testing::kGiantTree;
using testing::put;
using testing::Report;
using testing::value_of;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

// Beside the budget.
#ifdef CAISSON_SANITIZED
constexpr std::uint64_t kRestKiB = ~std::uint64_t{0} >> 1U;
#else
constexpr std::uint64_t kRestKiB = 24 * 1024;
#endif

struct Size {
  std::uint64_t bytes = 0;
  std::uint64_t budget = 0;
};

Size size_of_run() {
  if (testing::long_run()) return {1024 * kMiB, 16 * kMiB};
  return {64 * kMiB / testing::stride(4), 2 * kMiB};
}

class Giant : public testing::StoreTest {
 protected:
  void SetUp() override {
    if (testing::emulated()) GTEST_SKIP() << "an emulator would be measured, not the program";
    Store store = open();
    put(store, "before", "k", "v");
    value_of(store.close());
  }

  ChildProcess start(const std::string& task, const std::vector<std::uint64_t>& numbers) const {
    std::vector<std::string> arguments = {task, path()};
    for (const std::uint64_t number : numbers) arguments.push_back(std::to_string(number));
    return {arguments, path("complaints")};
  }

  static void expect_within(std::uint64_t kib, std::uint64_t budget, const char* what) {
    std::cout << what << ": " << kib << " KiB of memory, with a budget of " << budget / 1024
              << "\n";
    EXPECT_LE(kib, budget / 1024 + kRestKiB) << what;
  }
};

// Every key is there, in order, and every tenth value as it has to be.
void check_all(const Store& store, std::uint64_t count) {
  const Tree tree = value_of(value_of(store.snapshot()).tree(kGiantTree));
  ASSERT_EQ(tree.count(), count);
  std::vector<std::string> keys;
  keys.reserve(count);
  for (std::uint64_t n = 0; n < count; ++n) keys.push_back(giant_key(n));
  std::ranges::sort(keys);
  Cursor cursor = value_of(tree.cursor());
  for (const std::string& key : keys) {
    ASSERT_TRUE(value_of(cursor.next()));
    ASSERT_EQ(as_text(cursor.key()), key);
  }
  ASSERT_FALSE(value_of(cursor.next()));
  for (std::uint64_t n = 0; n < count; n += 10) {
    auto value = value_of(tree.get(giant_key(n)));
    ASSERT_TRUE(value) << n;
    ASSERT_EQ(value_of(value->to_string()), giant_value(n).bytes()) << n;
  }
  for (std::uint64_t n = 63; n < count; n += 640) {
    auto value = value_of(tree.get(giant_key(n)));
    ASSERT_EQ(value_of(value->to_string()), giant_value(n).bytes()) << n;
  }
}

TEST_F(Giant, ATransactionLargerThanMemoryIsCommittedReadBackAndRecoveredWithinTheBudget) {
  const Size size = size_of_run();
  const std::uint64_t count = giant_count(size.bytes);
  {
    ChildProcess child = start("giant", {size.bytes, size.budget});
    while (child.next().kind != Report::Kind::kDurable) {
    }
    expect_within(child.next().number, size.budget, "committing");
    const std::uint64_t dirty_frames = child.next().number;
    EXPECT_LE(dirty_frames, size.budget / CreateOptions{}.page_size);
    EXPECT_GT(dirty_frames, 0U);
  }
  {
    ChildProcess child = start("open", {size.budget});
    const Report opened = child.next();
    ASSERT_EQ(opened.kind, Report::Kind::kOpened);
    EXPECT_EQ(opened.number, 2U);
    expect_within(child.next().number, size.budget, "opening");
  }
  const Store store = open({.memory_budget_bytes = size.budget});
  EXPECT_EQ(store.recovery().recovered, TxnId{2});
  EXPECT_EQ(contents(store, "before").size(), 1U);
  check_all(store, count);
}

TEST_F(Giant, ATransactionWhoseProcessIsKilledHalfWayVanishesWhole) {
  const Size size = size_of_run();
  const std::uint64_t count = giant_count(size.bytes);
  std::uint64_t pages = 0;
  for (int round = 0; round < 2; ++round) {
    {
      ChildProcess child = start("giant", {size.bytes, size.budget});
      while (true) {
        const Report report = child.next();
        if (report.kind == Report::Kind::kBegins && report.number >= count / 2) break;
      }
    }
    Store store = open({.memory_budget_bytes = size.budget});
    EXPECT_EQ(store.recovery().recovered, TxnId{1});
    const Snapshot snapshot = value_of(store.snapshot());
    EXPECT_EQ(value_of(snapshot.tree_names()), std::vector<std::string>{"before"});
    EXPECT_EQ(contents(store, "before").size(), 1U);
    // What it took up in the page file is used again.
    const std::uint64_t now = value_of(store.stats()).pages;
    if (round > 0) {
      EXPECT_LE(now, pages + pages / 4);
    }
    pages = now;
  }
}

}  // namespace
}  // namespace caisson

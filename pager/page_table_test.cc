// Method: every change of an entry from every state that it can be in, and then two threads that
// publish pages and read them: whoever sees an address must see the bytes (run under TSan).

#include "pager/page_table.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace caisson::pager {
namespace {

PageTable make_table(std::uint64_t capacity) {
  return std::move(PageTable::create(capacity)).value();
}

struct alignas(4096) Block {
  std::array<std::byte, 4096> bytes{};
};

TEST(PageTable, KnowsNothingAtFirst) {
  const PageTable table = make_table(100);
  EXPECT_EQ(table.capacity(), 100U);
  for (std::uint64_t id = 0; id < 100; ++id) {
    EXPECT_EQ(table.ready(PageId{id}), nullptr);
    EXPECT_EQ(table.present(PageId{id}), nullptr);
    EXPECT_EQ(table.checksum(PageId{id}), 0U);
  }
}

TEST(PageTable, CanBeAskedForAnyId) {
  const PageTable table = make_table(100);
  EXPECT_EQ(table.ready(PageId{100}), nullptr);
  EXPECT_EQ(table.ready(PageId{~std::uint64_t{0}}), nullptr);
}

TEST(PageTable, KeepsEachPageApart) {
  PageTable table = make_table(3);
  const std::vector<Block> blocks(3);
  for (std::uint64_t id = 0; id < 3; ++id) {
    table.set_ready(PageId{id}, blocks[id].bytes.data());
    table.set_checksum(PageId{id}, static_cast<std::uint32_t>(100 + id));
  }
  for (std::uint64_t id = 0; id < 3; ++id) {
    EXPECT_EQ(table.ready(PageId{id}), blocks[id].bytes.data());
    EXPECT_EQ(table.checksum(PageId{id}), 100 + id);
  }
}

TEST(PageTable, LetsTheFirstOfTwoReadersWin) {
  PageTable table = make_table(1);
  const std::vector<Block> blocks(2);
  EXPECT_TRUE(table.set_ready_if_absent(PageId{0}, blocks[0].bytes.data()));
  EXPECT_FALSE(table.set_ready_if_absent(PageId{0}, blocks[1].bytes.data()));
  EXPECT_EQ(table.ready(PageId{0}), blocks[0].bytes.data());
  // A page that is cooling is there as well.
  EXPECT_TRUE(table.cool(PageId{0}));
  EXPECT_FALSE(table.set_ready_if_absent(PageId{0}, blocks[1].bytes.data()));
}

TEST(PageTable, GivesACoolingPageASecondChance) {
  PageTable table = make_table(1);
  const std::vector<Block> blocks(2);
  const std::byte* page = blocks[0].bytes.data();
  EXPECT_FALSE(table.cool(PageId{0})) << "there is nothing to cool";
  table.set_ready(PageId{0}, page);
  EXPECT_FALSE(table.remove_if_cool(PageId{0}, page)) << "it is warm";
  EXPECT_TRUE(table.cool(PageId{0}));
  EXPECT_FALSE(table.cool(PageId{0})) << "it is cool already";
  EXPECT_EQ(table.ready(PageId{0}), nullptr);
  EXPECT_EQ(table.present(PageId{0}), page);
  EXPECT_FALSE(table.warm(PageId{0}, blocks[1].bytes.data())) << "these are other bytes";
  EXPECT_TRUE(table.warm(PageId{0}, page));
  EXPECT_FALSE(table.warm(PageId{0}, page)) << "it is warm already";
  EXPECT_EQ(table.ready(PageId{0}), page);
}

TEST(PageTable, RemovesAPageThatNobodyWarmed) {
  PageTable table = make_table(1);
  const std::vector<Block> blocks(2);
  table.set_ready(PageId{0}, blocks[0].bytes.data());
  table.set_checksum(PageId{0}, 5);
  EXPECT_TRUE(table.cool(PageId{0}));
  EXPECT_FALSE(table.remove_if_cool(PageId{0}, blocks[1].bytes.data()));
  EXPECT_TRUE(table.remove_if_cool(PageId{0}, blocks[0].bytes.data()));
  EXPECT_EQ(table.present(PageId{0}), nullptr);
  EXPECT_EQ(table.checksum(PageId{0}), 5U) << "the file's bytes are as they were";
  EXPECT_TRUE(table.set_ready_if_absent(PageId{0}, blocks[1].bytes.data()));
}

TEST(PageTable, ForgetsAPagesPlaceAndKeepsItsChecksum) {
  PageTable table = make_table(1);
  const Block block;
  table.set_ready(PageId{0}, block.bytes.data());
  table.set_checksum(PageId{0}, 5);
  table.remove(PageId{0});
  EXPECT_EQ(table.ready(PageId{0}), nullptr);
  EXPECT_EQ(table.checksum(PageId{0}), 5U);
}

TEST(PageTable, TakesAddressesAndNoMemoryForPagesThatNobodyReads) {
  // 2^36 entries: half a terabyte of addresses, and none of it touched but two ends.
  const auto created = PageTable::create(std::uint64_t{1} << 32U);
  if (!created) GTEST_SKIP() << "too few addresses here: " << created.error().to_string();
  const Block block;
  PageTable table = make_table(std::uint64_t{1} << 32U);
  table.set_ready(PageId{(std::uint64_t{1} << 32U) - 1}, block.bytes.data());
  EXPECT_EQ(table.ready(PageId{(std::uint64_t{1} << 32U) - 1}), block.bytes.data());
  EXPECT_EQ(table.ready(PageId{0}), nullptr);
}

TEST(PageTable, ShowsTheBytesToWhoeverSeesTheAddress) {
  constexpr std::uint64_t kPages = 2000;
  PageTable table = make_table(kPages);
  std::vector<std::array<std::uint64_t, 2>> pages(kPages);
  std::atomic<bool> started = false;
  std::thread reader([&] {
    started = true;
    for (std::uint64_t id = 0; id < kPages; ++id) {
      const std::byte* page = nullptr;
      while (page == nullptr) page = table.ready(PageId{id});
      EXPECT_EQ(reinterpret_cast<const std::uint64_t*>(page)[1], id + 1);
    }
  });
  while (!started) std::this_thread::yield();
  for (std::uint64_t id = 0; id < kPages; ++id) {
    pages[id] = {0, id + 1};
    table.set_ready(PageId{id}, reinterpret_cast<const std::byte*>(pages[id].data()));
  }
  reader.join();
}

}  // namespace
}  // namespace caisson::pager

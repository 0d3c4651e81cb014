// Method: memory is looked at byte by byte where it must be zero, and from the operating system's
// side (mincore) where it must not exist yet.

#include "io/memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "io/file.h"

namespace caisson::io {
namespace {

constexpr std::uint64_t kManyBytes = std::uint64_t{1} << 34;  // More than tests may use up.

bool all_zero(Bytes bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

// How many of the system's memory pages of a range exist.
std::size_t resident(const ReservedMemory& memory, std::uint64_t offset, std::uint64_t size) {
  std::vector<unsigned char> pages(size / memory_page_size());
  if (mincore(memory.data() + offset, size, pages.data()) != 0) return ~std::size_t{0};
  return static_cast<std::size_t>(
      std::ranges::count_if(pages, [](unsigned char page) { return (page & 1) != 0; }));
}

TEST(ReservedMemory, IsZeroWhereverItIsTouched) {
  const auto memory = ReservedMemory::create(kManyBytes);
  ASSERT_TRUE(memory) << memory.error().to_string();
  EXPECT_EQ(memory->size(), kManyBytes);
  for (std::uint64_t offset = 0; offset < kManyBytes; offset += kManyBytes / 8) {
    EXPECT_TRUE(all_zero({memory->data() + offset, 4096})) << offset;
  }
  EXPECT_EQ(memory->data()[kManyBytes - 1], std::byte{0});
  memory->data()[kManyBytes - 1] = std::byte{1};
  EXPECT_EQ(memory->data()[kManyBytes - 1], std::byte{1});
}

TEST(ReservedMemory, AppearsOnlyWhereItIsTouched) {
  const std::uint64_t page = memory_page_size();
  // Less than a huge page, so that the system has no reason to give more than was touched.
  auto memory = ReservedMemory::create(16 * page).value();
  EXPECT_EQ(resident(memory, 0, 16 * page), 0U);
  memory.data()[5 * page + 7] = std::byte{1};
  EXPECT_EQ(resident(memory, 5 * page, page), 1U);
}

TEST(ReservedMemory, StartsAtAMemoryPage) {
  const auto memory = ReservedMemory::create(1).value();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.data()) % memory_page_size(), 0U);
  EXPECT_EQ(memory.size(), 1U);
}

TEST(ReservedMemory, IsZeroAgainWhereItWasDiscardedAndNowhereElse) {
  const std::uint64_t page = memory_page_size();
  auto memory = ReservedMemory::create(4 * page).value();
  std::fill_n(memory.data(), 4 * page, std::byte{0xaa});
  memory.discard(page, 2 * page);
  EXPECT_TRUE(all_zero({memory.data() + page, 2 * page}));
  EXPECT_EQ(std::count(memory.data(), memory.data() + 4 * page, std::byte{0xaa}),
            static_cast<std::ptrdiff_t>(2 * page));
  EXPECT_EQ(memory.data()[page - 1], std::byte{0xaa});
  EXPECT_EQ(memory.data()[3 * page], std::byte{0xaa});
  memory.data()[page] = std::byte{1};  // It can be used again.
  EXPECT_EQ(memory.data()[page], std::byte{1});
}

TEST(ReservedMemory, DiscardsNoBytesBesideTheRangeWhereverItLies) {
  const std::uint64_t page = memory_page_size();
  auto memory = ReservedMemory::create(4 * page).value();
  // What a frame of 4 KiB is where the system's pages are larger: a range within one of them.
  for (const auto& [offset, size] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {0, page / 4}, {page + 1, page}, {page - 1, 2 * page + 2}, {page, page + 1}, {7, 0}}) {
    std::fill_n(memory.data(), 4 * page, std::byte{0xaa});
    memory.discard(offset, size);
    for (std::uint64_t at = 0; at < 4 * page; ++at) {
      if (at >= offset && at < offset + size) continue;
      ASSERT_EQ(memory.data()[at], std::byte{0xaa}) << at << ", " << offset << " + " << size;
    }
  }
}

TEST(ReservedMemory, GivesMemoryBackWhenItDiscards) {
  const std::uint64_t page = memory_page_size();
  auto memory = ReservedMemory::create(16 * page).value();
  std::fill_n(memory.data(), 16 * page, std::byte{0xaa});
  EXPECT_EQ(resident(memory, 0, 16 * page), 16U);
  memory.discard(0, 16 * page);
  EXPECT_EQ(resident(memory, 0, 16 * page), 0U);
}

TEST(ReservedMemory, MovesWithoutMovingItsBytes) {
  auto first = ReservedMemory::create(4096).value();
  std::byte* const data = first.data();
  data[0] = std::byte{7};
  ReservedMemory second(std::move(first));
  EXPECT_EQ(first.data(), nullptr);  // NOLINT(bugprone-use-after-move): that is the promise.
  EXPECT_EQ(first.size(), 0U);
  EXPECT_EQ(second.data(), data);

  auto third = ReservedMemory::create(8192).value();
  third = std::move(second);
  EXPECT_EQ(third.data(), data);
  EXPECT_EQ(third.size(), 4096U);
  EXPECT_EQ(third.data()[0], std::byte{7});
}

TEST(ReservedMemory, ReservesNothingWhenAskedForNothing) {
  const auto memory = ReservedMemory::create(0);
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->size(), 0U);
}

TEST(ReservedMemory, RefusesMoreThanThereAreAddresses) {
  for (const std::uint64_t size : {std::uint64_t{1} << 62, std::uint64_t{1} << 48,
                                   std::numeric_limits<std::uint64_t>::max()}) {
    const auto memory = ReservedMemory::create(size);
    ASSERT_FALSE(memory) << size;
    EXPECT_EQ(memory.error().code(), Code::kResourceExhausted);
    EXPECT_FALSE(memory.error().advice().empty());
  }
}

TEST(AlignedBuffer, IsAlignedAndZeroWhateverItsSize) {
  // Memory that was used before would show what it held.
  for (int i = 0; i < 10; ++i) {
    AlignedBuffer dirty(8192);
    std::ranges::fill(dirty.bytes(), std::byte{0xff});
  }
  for (const std::size_t size : {0UL, 1UL, 511UL, 4096UL, 4097UL, 8192UL, 1UL << 20}) {
    AlignedBuffer buffer(size);
    EXPECT_EQ(buffer.size(), size);
    EXPECT_EQ(buffer.bytes().size(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % kDirectAlignment, 0U) << size;
    EXPECT_TRUE(all_zero(buffer.bytes())) << size;
  }
}

TEST(WholeUnits, LieWithinTheRangeWhateverTheUnit) {
  using Range = ByteRange;
  EXPECT_EQ(whole_units({4096, 8192}, 4096), (Range{4096, 8192}));
  EXPECT_EQ(whole_units({4096, 4096}, 16384).size, 0U);
  EXPECT_EQ(whole_units({4096, 4096}, 65536).size, 0U);
  EXPECT_EQ(whole_units({0, 16384}, 65536).size, 0U);
  EXPECT_EQ(whole_units({16384, 65536}, 16384), (Range{16384, 65536}));
  EXPECT_EQ(whole_units({12288, 65536}, 16384), (Range{16384, 49152}));
  EXPECT_EQ(whole_units({65536, 65536}, 65536), (Range{65536, 65536}));
  EXPECT_EQ(whole_units({1, 8190}, 4096).size, 0U);
  EXPECT_EQ(whole_units({0, 0}, 4096), (Range{0, 0}));
  for (const std::uint64_t unit : {1U, 2U, 8U}) {  // All small ranges, unit by unit.
    for (std::uint64_t offset = 0; offset < 20; ++offset) {
      for (std::uint64_t size = 0; size < 40; ++size) {
        std::uint64_t expected = 0;
        for (std::uint64_t at = 0; at < 64; at += unit) {
          if (at >= offset && at + unit <= offset + size) expected += unit;
        }
        const ByteRange whole = whole_units({offset, size}, unit);
        ASSERT_EQ(whole.size, expected) << offset << " + " << size << " by " << unit;
        if (whole.size == 0) continue;
        ASSERT_GE(whole.offset, offset);
        ASSERT_LE(whole.offset + whole.size, offset + size);
        ASSERT_EQ(whole.offset % unit, 0U);
      }
    }
  }
}

TEST(MemoryPageSize, IsAPowerOfTwoThatMappingsNeed) {
  EXPECT_GE(memory_page_size(), 4096U);
  EXPECT_EQ(memory_page_size() & (memory_page_size() - 1), 0U);
}

// What `look` says in a child process.
template <typename Look>
bool in_a_child(Look look) {
  const pid_t child = fork();
  if (child == 0) _exit(look() ? 1 : 0);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

TEST(ForkMark, TellsChildrenAndTheirChildrenFromTheProcessThatMadeIt) {
  const ForkMark mark;
  EXPECT_FALSE(mark.in_child());
  EXPECT_TRUE(in_a_child([&] { return mark.in_child() && !mark.in_parent(); }));
  EXPECT_TRUE(in_a_child([&] { return in_a_child([&] { return mark.in_child(); }); }));
  EXPECT_FALSE(mark.in_child());
}

TEST(ForkMark, OfAChildIsNotItsParents) {
  const ForkMark parents;
  EXPECT_TRUE(in_a_child([&] {
    const ForkMark own;
    const ForkMark another;
    return !own.in_child() && !another.in_child() && parents.in_child() && in_a_child([&] {
      const ForkMark inner;
      return !inner.in_child() && own.in_child() && parents.in_child();
    });
  }));
}

}  // namespace
}  // namespace caisson::io

// Method: pages made by hand, written to a file of the simulated machine, and read back as bytes.

#include "pager/page_writer.h"

#include <gtest/gtest.h>

#include "base/codec.h"
#include "io/sim/machine.h"
#include "pager/page.h"
#include "pager/testing/harness.h"

namespace caisson::pager {
namespace {

using testing::kArrayLeaf;
using testing::kArrayRoot;
using testing::value_of;

constexpr std::uint32_t kPageSize = 4096;
constexpr std::uint32_t kSeed = 77;

class Writer : public ::testing::Test {
 protected:
  Writer()
      : machine_(1),
        directory_(value_of(machine_.vfs().open_directory("/"))),
        file_(value_of(directory_->open_file("pages", {io::OpenMode::kCreate, false}))),
        table_(value_of(PageTable::create(1024))) {}

  // A page of its own bytes. Children, if any, as an array's root keeps them.
  const std::byte* make(std::uint64_t id, std::uint8_t level,
                        const std::vector<std::uint64_t>& children = {}) {
    pages_.emplace_back(kPageSize);
    MutableBytes page = pages_.back();
    write_header({.type = level > 0 ? kArrayRoot : kArrayLeaf,
                  .level = level,
                  .id = PageId{id},
                  .txn = TxnId{1}},
                 page);
    store_u32(page.data() + kPageHeaderSize, static_cast<std::uint32_t>(children.size()));
    for (std::size_t i = 0; i < children.size(); ++i) {
      store_u64(page.data() + kPageHeaderSize + 4 + i * 12, children[i]);
    }
    if (level == 0) store_u64(page.data() + 500, id);
    return page.data();
  }

  Result<void> write(const std::vector<PageImage>& images) {
    PageWriter writer(*file_, table_, &testing::array_layout(), kPageSize, kSeed);
    CAISSON_RETURN_IF_ERROR(writer.compute_checksums(images));
    return writer.write(images);
  }

  Bytes written(std::uint64_t id) {
    return machine_.image("/pages")->cached().subspan(id * kPageSize, kPageSize);
  }

  std::uint32_t child_checksum(std::uint64_t id, std::size_t child) {
    return load_u32(written(id).data() + kPageHeaderSize + 4 + child * 12 + 8);
  }

  io::sim::Machine machine_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<io::File> file_;
  PageTable table_;
  std::vector<std::vector<std::byte>> pages_;
};

TEST_F(Writer, GivesEveryParentItsChildrensChecksumsWhateverTheOrderOfIds) {  // PAGE-7
  // The grandparent has the lowest id and the children the highest.
  const std::vector<PageImage> images = {
      {PageId{10}, make(10, 2, {20, 21})}, {PageId{20}, make(20, 1, {30, 31})},
      {PageId{21}, make(21, 1, {32})},     {PageId{30}, make(30, 0)},
      {PageId{31}, make(31, 0)},           {PageId{32}, make(32, 0)}};
  value_of(write(images));
  for (const std::uint64_t id : {10U, 20U, 21U, 30U, 31U, 32U}) {
    EXPECT_TRUE(check_page(kSeed, written(id), {PageId{id}, table_.checksum(PageId{id}), TxnId{1}}))
        << id;
  }
  EXPECT_EQ(child_checksum(10, 0), stored_checksum(written(20).data()));
  EXPECT_EQ(child_checksum(10, 1), stored_checksum(written(21).data()));
  EXPECT_EQ(child_checksum(20, 1), stored_checksum(written(31).data()));
  EXPECT_EQ(child_checksum(21, 0), stored_checksum(written(32).data()));
}

TEST_F(Writer, LeavesThePagesInMemoryAsTheyAre) {  // CKPT-5
  const std::vector<PageImage> images = {{PageId{10}, make(10, 1, {20})},
                                         {PageId{20}, make(20, 0)}};
  const std::vector<std::vector<std::byte>> before = pages_;
  value_of(write(images));
  EXPECT_EQ(pages_, before);
}

TEST_F(Writer, KeepsTheChecksumOfAChildThatIsNotWrittenAndNotKnown) {
  const std::byte* parent = make(10, 1, {20});
  store_u32(pages_.back().data() + kPageHeaderSize + 4 + 8, 0x1234);
  value_of(write({{PageId{10}, parent}}));
  EXPECT_EQ(child_checksum(10, 0), 0x1234U);
  table_.set_checksum(PageId{20}, 0x5678);  // Written or verified by this process before.
  value_of(write({{PageId{10}, parent}}));
  EXPECT_EQ(child_checksum(10, 0), 0x5678U);
}

TEST_F(Writer, WritesNeighboursInOneCallAndAscending) {
  machine_.record_trace(true);
  value_of(write({{PageId{12}, make(12, 0)},
                  {PageId{50}, make(50, 0)},
                  {PageId{11}, make(11, 0)},
                  {PageId{13}, make(13, 0)}}));
  const auto trace = machine_.trace();
  ASSERT_EQ(trace.size(), 2U);
  EXPECT_EQ(trace[0].offset, 11 * kPageSize);
  EXPECT_EQ(trace[0].size, 3 * kPageSize);
  EXPECT_EQ(trace[1].offset, 50 * kPageSize);
}

TEST_F(Writer, WritesMoreNeighboursThanItsBufferHolds) {
  std::vector<PageImage> images;
  for (std::uint64_t id = 32; id < 932; ++id) images.push_back({PageId{id}, make(id, 0)});
  // Moving the vector of pages moves no page, so the images stay good.
  value_of(write(images));
  for (std::uint64_t id = 32; id < 932; ++id) {
    ASSERT_TRUE(check_page(kSeed, written(id), {PageId{id}, 0, TxnId{1}})) << id;
    ASSERT_EQ(load_u64(written(id).data() + 500), id);
  }
}

TEST_F(Writer, RefusesPagesWithReferencesWithoutALayout) {
  PageWriter writer(*file_, table_, nullptr, kPageSize, kSeed);
  const auto result = writer.compute_checksums({{PageId{10}, make(10, 1, {20})}});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Code::kInvalidArgument);
  EXPECT_TRUE(writer.compute_checksums({{PageId{10}, make(10, 0)}}).has_value());
}

TEST_F(Writer, RefusesAParentWhoseChildHasNoChecksumYet) {  // PAGE-7
  // Both of one level: the parent comes first, and would be written with an empty reference.
  const auto result = write({{PageId{10}, make(10, 1, {20})}, {PageId{20}, make(20, 1)}});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().rule(), "PAGE-7");
}

// A branch was copied whose damaged reference nobody had followed; the table was read far outside
// of its memory.
TEST_F(Writer, RefusesAReferenceToAPageThatCanNotBe) {  // PAGE-6
  for (const std::uint64_t id : {std::uint64_t{1024}, ~std::uint64_t{0}}) {
    const std::byte* parent = make(10, 1, {id});
    store_u32(pages_.back().data() + kPageHeaderSize + 4 + 8, 0x1234);
    const auto result = write({{PageId{10}, parent}});
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code(), Code::kCorruption);
    EXPECT_EQ(result.error().rule(), "PAGE-6");
    EXPECT_EQ(result.error().page(), 10U);
  }
}

TEST_F(Writer, WritesNothingWhenThereIsNothing) {
  const std::uint64_t calls = machine_.calls();
  value_of(write({}));
  EXPECT_EQ(machine_.calls(), calls);
}

}  // namespace
}  // namespace caisson::pager

// Method: a page file of 64 MiB on the real system, read from end to end as private copies, while
// the process's resident memory is looked at after every page. It may grow by the budget and a
// little, which is stated. The same with a budget larger than the file has to grow by the file:
// otherwise the measure is blind. Nothing here depends on time.
//
// Not with sanitizers or emulators, whose own memory is in the figures.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/sanitizers.h"
#include "base/testing/emulated.h"
#include "io/posix.h"
#include "pager/open.h"
#include "pager/page_txn.h"
#include "pager/testing/harness.h"

namespace caisson::pager {
namespace {

using testing::array_entry;
using testing::PageArray;
using testing::small_options;
using testing::value_of;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
constexpr std::uint32_t kPageSize = 65536;
constexpr std::uint32_t kLeaves = 1023;  // With the root, 64 MiB.
constexpr std::uint64_t kBudget = 4 * kMiB;

// The table of pages, the bookkeeping of frames, and what the heap takes at a time.
constexpr std::uint64_t kSlack = kMiB;

std::uint64_t resident_bytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word && word != "VmRSS:") {
  }
  std::uint64_t kib = 0;
  if (!(status >> kib)) throw std::runtime_error("no VmRSS in /proc/self/status");
  return kib * 1024;
}

class MemoryBudget : public ::testing::Test {
 protected:
  void SetUp() override {
#ifdef CAISSON_SANITIZED
    GTEST_SKIP() << "a sanitizer's memory would be measured";
#endif
    if (caisson::testing::emulated()) GTEST_SKIP() << "an emulator's memory would be measured";
    std::string name = (std::filesystem::temp_directory_path() / "caisson-memory-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = name;
    directory_ = value_of(io::posix_vfs().open_directory(path_.string()));
    CreateOptions options;
    options.page_size = kPageSize;
    value_of(create_page_file(io::posix_vfs(), *directory_, options));
    fill();
  }

  void TearDown() override { std::filesystem::remove_all(path_); }

  // By small transactions, so that the heap holds little that it could reuse unseen.
  void fill() {
    const auto pager = value_of(open_pager(*directory_, small_options(PageAccess::kPrivate)));
    PageArray array(*pager, {});
    std::uint64_t txn = 0;
    for (std::uint32_t leaf = 0; leaf < kLeaves;) {
      PageTxn writing = value_of(PageTxn::begin(*pager, TxnId{++txn}));
      const std::uint32_t end = std::min(leaf + 16, kLeaves);
      for (; leaf < end; ++leaf) value_of(array.set(writing, leaf, 1 + leaf));
      writing.seal();
      const auto done = value_of(pager->checkpoint(
          {.txn = TxnId{txn}, .root = array.root().id, .apply_version = 0, .log = {}}));
      array = PageArray(*pager, done.meta.root);
      const std::vector<TxnId> pins = {TxnId{txn}};
      pager->reclaim(pins);
    }
  }

  // How much the process grows at most while it opens the file and reads all of it.
  std::uint64_t growth(std::uint64_t budget) {
    const std::uint64_t before = resident_bytes();
    std::uint64_t most = before;
    const auto pager =
        value_of(open_pager(*directory_, small_options(PageAccess::kPrivate, budget)));
    const PageRef root = pager->checkpointed().root;
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < kLeaves; ++i) {
      const PageRef leaf = array_entry(value_of(pager->read(root)), i);
      const std::byte* page = value_of(pager->read(leaf));
      for (std::uint32_t at = 0; at < kPageSize; at += 64)
        sum += std::to_integer<unsigned>(page[at]);
      most = std::max(most, resident_bytes());
    }
    EXPECT_NE(sum, 0U);
    EXPECT_GE(pager->stats().pages_verified, kLeaves);
    return most - before;
  }

  std::filesystem::path path_;
  std::unique_ptr<io::Directory> directory_;
};

TEST_F(MemoryBudget, HoldsWhileAFileSixteenTimesAsLargeIsRead) {
  const std::uint64_t small = growth(kBudget);
  const std::uint64_t large = growth(80 * kMiB);
  std::cout << "budget " << kBudget << ": grew by " << small << "; budget " << 80 * kMiB
            << ": grew by " << large << "\n";
  EXPECT_LE(small, kBudget + kSlack);
  EXPECT_GE(large, 60 * kMiB) << "the measure is blind";
}

}  // namespace
}  // namespace caisson::pager

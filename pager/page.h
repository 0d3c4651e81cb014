// One page: its header, its checksum, and what makes it believable. Format: spec/pages.md,
// section 3.
//
// Pure functions of bytes; thread-safe.

#ifndef CAISSON_PAGER_PAGE_H_
#define CAISSON_PAGER_PAGE_H_

#include <cstddef>
#include <cstdint>

#include "base/ids.h"
#include "base/result.h"

namespace caisson::pager {

inline constexpr std::uint32_t kPageSizeMin = 4096;
inline constexpr std::uint32_t kPageSizeMax = 65536;
inline constexpr std::uint32_t kPageSizeDefault = 16384;

// Bytes before a page's body.
inline constexpr std::size_t kPageHeaderSize = 72;

inline constexpr std::uint16_t kPageVersion = 1;

// Ids end here, so that id x page size is far from overflowing (META-5).
inline constexpr std::uint64_t kPageCountMax = std::uint64_t{1} << 48;

// What a page is for. The pager itself knows only the first; the others belong to the modules
// above, and it passes them through.
enum class PageType : std::uint8_t {
  kAllocation = 1,
  kTreeFirst = 2,
  kTreeLast = 127,
  kTestFirst = 128,
};

struct PageHeader {
  PageType type = PageType::kAllocation;
  std::uint8_t level = 0;  // 0: refers to no other page; else above all it refers to (PAGE-7).
  PageId id{};
  TxnId txn{};  // Its birth.
};

// How one page names another: the checksum says which version of it is meant (PAGE-4).
struct PageRef {
  PageId id{};
  std::uint32_t checksum = 0;

  friend bool operator==(const PageRef&, const PageRef&) = default;
};

// True for 4, 8, 16, 32 and 64 KiB.
bool valid_page_size(std::uint64_t size);

// The id of the first page behind the metas (FILE-1).
PageId first_page(std::uint32_t page_size);

// Writes a header with checksum 0 and zeroed reserve. REQUIRES: page.size() >= kPageHeaderSize.
void write_header(const PageHeader& header, MutableBytes page);

// Reads the header without checking it; for pages that have been verified or are our own.
PageHeader read_header(const std::byte* page);

// The checksum that the page should have. `seed` is page_checksum_seed(uuid). Never 0.
std::uint32_t page_checksum(std::uint32_t seed, Bytes page);
std::uint32_t page_checksum_seed(const Uuid& uuid);

// The checksum that the page says it has.
std::uint32_t stored_checksum(const std::byte* page);
void store_checksum(std::uint32_t checksum, std::byte* page);

// What a reader expects of a page.
struct PageExpectation {
  PageId id{};
  std::uint32_t checksum = 0;  // 0: nobody knows; only PAGE-1 to PAGE-3 are checked.
  TxnId txn_max{};             // No page is younger (PAGE-5).
};

// Checks PAGE-1 to PAGE-5. Errors: kCorruption, naming page and rule.
Result<void> check_page(std::uint32_t seed, Bytes page, const PageExpectation& expected);

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_PAGE_H_

#include "pager/page.h"

#include <bit>
#include <cstring>

#include "base/codec.h"
#include "base/crc32c.h"
#include "pager/meta.h"

namespace caisson::pager {
namespace {

constexpr std::size_t kTypeOffset = 4;
constexpr std::size_t kLevelOffset = 5;
constexpr std::size_t kVersionOffset = 6;
constexpr std::size_t kIdOffset = 8;
constexpr std::size_t kTxnOffset = 16;
constexpr std::size_t kReserveOffset = 24;

std::unexpected<Error> broken(PageId id, const char* rule, std::string what) {
  return fail(Error(Code::kCorruption, std::move(what))
                  .at_page(to_u64(id))
                  .with_rule(rule)
                  .with_advice("Copy the store's files away before anything else; a scrub finds "
                               "what else is damaged."));
}

std::string hex(std::uint32_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[(value >> shift) & 15U];
  return text;
}

}  // namespace

bool valid_page_size(std::uint64_t size) {
  return std::has_single_bit(size) && size >= kPageSizeMin && size <= kPageSizeMax;
}

PageId first_page(std::uint32_t page_size) { return PageId{kMetaAreaSize / page_size}; }

void write_header(const PageHeader& header, MutableBytes page) {
  std::memset(page.data(), 0, kPageHeaderSize);
  page[kTypeOffset] = static_cast<std::byte>(header.type);
  page[kLevelOffset] = static_cast<std::byte>(header.level);
  store_u16(page.data() + kVersionOffset, kPageVersion);
  store_u64(page.data() + kIdOffset, to_u64(header.id));
  store_u64(page.data() + kTxnOffset, to_u64(header.txn));
}

PageHeader read_header(const std::byte* page) {
  return {.type = static_cast<PageType>(page[kTypeOffset]),
          .level = static_cast<std::uint8_t>(page[kLevelOffset]),
          .id = PageId{load_u64(page + kIdOffset)},
          .txn = TxnId{load_u64(page + kTxnOffset)}};
}

std::uint32_t page_checksum_seed(const Uuid& uuid) { return crc32c(uuid.bytes); }

std::uint32_t page_checksum(std::uint32_t seed, Bytes page) {
  const std::uint32_t crc = crc32c_extend(seed, page.subspan(sizeof(std::uint32_t)));
  return crc == 0 ? 0xFFFFFFFFU : crc;
}

std::uint32_t stored_checksum(const std::byte* page) { return load_u32(page); }

void store_checksum(std::uint32_t checksum, std::byte* page) { store_u32(page, checksum); }

Result<void> check_page(std::uint32_t seed, Bytes page, const PageExpectation& expected) {
  const std::uint32_t computed = page_checksum(seed, page);
  const std::uint32_t stored = stored_checksum(page.data());
  if (stored != computed) {
    return broken(expected.id, "PAGE-1",
                  all_zero(page)
                      ? "the page is all zeros"
                      : "checksum differs: stored " + hex(stored) + ", computed " + hex(computed));
  }
  const PageHeader header = read_header(page.data());
  if (header.id != expected.id) {
    return broken(expected.id, "PAGE-2",
                  "here lies page " + std::to_string(to_u64(header.id)) +
                      ": a write went to the wrong place");
  }
  if (header.type == PageType{0} || load_u16(page.data() + kVersionOffset) != kPageVersion ||
      !all_zero(page.subspan(kReserveOffset, kPageHeaderSize - kReserveOffset))) {
    return broken(expected.id, "PAGE-3", "unknown type or version, or reserved bytes in use");
  }
  if (expected.checksum != 0 && stored != expected.checksum) {
    return broken(expected.id, "PAGE-4",
                  "another version of the page than its parent names (" + hex(stored) + " for " +
                      hex(expected.checksum) + "): a write was lost");
  }
  // A blob can be that of an empty store.
  if (header.txn == TxnId{} && header.type != PageType::kAllocation) {
    return broken(expected.id, "PAGE-5", "made by txn 0, which made no page");
  }
  if (header.txn > expected.txn_max) {
    return broken(expected.id, "PAGE-5",
                  "made by txn " + std::to_string(to_u64(header.txn)) + ", later than txn " +
                      std::to_string(to_u64(expected.txn_max)) + " from which it was reached");
  }
  return {};
}

}  // namespace caisson::pager

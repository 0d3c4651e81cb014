// A meta: the block that names one checkpoint. Format: spec/pages.md, section 2.
//
// Pure functions of bytes; thread-safe.

#ifndef CAISSON_PAGER_META_H_
#define CAISSON_PAGER_META_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/hash.h"
#include "base/ids.h"
#include "base/log_position.h"
#include "base/result.h"
#include "pager/page.h"

namespace caisson::pager {

inline constexpr std::size_t kMetaSize = 4096;
inline constexpr std::uint64_t kMetaAreaSize = 131072;

// The last number that a checkpoint can have (META-5).
inline constexpr std::uint64_t kSequenceMax = std::uint64_t{1} << 63U;

// Of the page file, that this code writes and reads (META-3).
inline constexpr std::uint32_t kFormatVersion = 1;

// Meta A or Meta B.
enum class MetaSlot : std::uint8_t { kA = 0, kB = 1 };

constexpr MetaSlot other(MetaSlot slot) {
  return slot == MetaSlot::kA ? MetaSlot::kB : MetaSlot::kA;
}

// "meta A" or "meta B". Lives for ever.
std::string_view to_string(MetaSlot slot);

// Where the slot's meta lies in the file, in bytes.
constexpr std::uint64_t meta_offset(MetaSlot slot) { return slot == MetaSlot::kA ? 0 : 65536; }

// The longest key that a store's limit may allow: a branch that divides loses one key to its
// parent, and with longer ones a half could be too empty (spec/btree.md, section 3).
constexpr std::uint32_t key_limit_max(std::uint32_t page_size) { return page_size / 8; }

// Limits that hold for a store for ever, fixed at creation.
struct Limits {
  std::uint32_t key_size_max = 1024;
  std::uint64_t value_size_max = std::uint64_t{16} << 20U;
  std::uint32_t tree_height_max = 16;

  friend bool operator==(const Limits&, const Limits&) = default;
};

// Where a checkpoint's allocation blob is.
struct AllocationRef {
  PageRef first;  // Id 0: there is no blob.
  std::uint32_t page_count = 0;
  std::uint64_t size_bytes = 0;

  friend bool operator==(const AllocationRef&, const AllocationRef&) = default;
};

struct Meta {
  Uuid uuid;
  MetaSlot slot = MetaSlot::kA;
  std::uint32_t page_size = kPageSizeDefault;
  std::uint64_t sequence = 1;
  TxnId txn{};
  PageRef root;  // Id 0: no tree yet.
  std::uint32_t apply_version = 0;
  std::uint64_t page_count = 0;
  AllocationRef allocation;
  LogPosition log;
  Limits limits;

  friend bool operator==(const Meta&, const Meta&) = default;
};

using MetaBlock = std::array<std::byte, kMetaSize>;

// The block for a meta. REQUIRES: the meta keeps META-5.
MetaBlock encode_meta(const Meta& meta);

// Checks META-1 to META-5 and reads the block found in `slot`.
// Errors: kCorruption naming offset and rule; kUnsupportedVersion for a newer format (META-3).
Result<Meta> decode_meta(MetaSlot slot, Bytes block);

// How many bytes of an allocation blob fit a page.
std::uint32_t allocation_bytes_per_page(std::uint32_t page_size);

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_META_H_

#include "pager/meta.h"

#include <algorithm>
#include <string>

#include "base/codec.h"
#include "base/crc32c.h"
#include "pager/mutants.h"
#include "pager/options.h"

namespace caisson::pager {
namespace {

constexpr std::array<char, 8> kMagic = {'C', 'A', 'I', 'S', 'S', 'O', 'N', 'p'};
constexpr std::size_t kChecksumOffset = 8;
constexpr std::size_t kFieldsSize = 168;

// Bytes of an allocation page before its part of the blob.
constexpr std::uint32_t kAllocationPrefixSize = 88;

std::uint32_t block_checksum(Bytes block) {
  constexpr std::array<std::byte, 4> kZeros{};
  std::uint32_t crc = crc32c(block.first(kChecksumOffset));
  crc = crc32c_extend(crc, kZeros);
  return crc32c_extend(crc, block.subspan(kChecksumOffset + kZeros.size()));
}

std::unexpected<Error> broken(MetaSlot slot, Code code, const char* rule, const std::string& what) {
  return fail(Error(code, std::string(to_string(slot)) + " " + what)
                  .at_offset(meta_offset(slot))
                  .with_rule(rule));
}

bool in_pages(PageId id, const Meta& meta) {
  return id >= first_page(meta.page_size) && to_u64(id) < meta.page_count;
}

// A reference is either none at all or names a page with a checksum.
bool valid_ref(const PageRef& ref, const Meta& meta) {
  if (ref.id == PageId{}) return ref.checksum == 0;
  return ref.checksum != 0 && in_pages(ref.id, meta);
}

bool valid_allocation(const Meta& meta) {
  const AllocationRef& blob = meta.allocation;
  if (!valid_ref(blob.first, meta)) return false;
  if (blob.first.id == PageId{}) return blob.page_count == 0 && blob.size_bytes == 0;
  const std::uint64_t per_page = allocation_bytes_per_page(meta.page_size);
  if (blob.size_bytes == 0 || blob.page_count >= meta.page_count) return false;
  const std::uint64_t needed = (blob.size_bytes - 1) / per_page + 1;
  return blob.page_count == needed || blob.page_count == needed + 1;
}

const char* broken_field(const Meta& meta) {
  if (meta.sequence == 0 || meta.sequence > kSequenceMax) return "has a sequence out of range";
  if (meta.page_count < to_u64(first_page(meta.page_size)) || meta.page_count > kPageCountMax) {
    return "has a page count out of range";
  }
  if (!valid_ref(meta.root, meta)) return "names a root that is no page";
  if (!valid_allocation(meta)) return "names an allocation blob that can't be";
  if (!validate(meta.limits, meta.page_size)) return "has limits out of range";
  return nullptr;
}

}  // namespace

std::string_view to_string(MetaSlot slot) { return slot == MetaSlot::kA ? "meta A" : "meta B"; }

std::uint32_t allocation_bytes_per_page(std::uint32_t page_size) {
  return page_size - kAllocationPrefixSize;
}

MetaBlock encode_meta(const Meta& meta) {
  MetaBlock block{};
  Encoder out(block);
  for (const char letter : kMagic) out.u8(static_cast<std::uint8_t>(letter));
  out.u32(0);  // The checksum, below.
  out.u32(kFormatVersion);
  out.uuid(meta.uuid);
  out.u32(static_cast<std::uint32_t>(meta.slot));
  out.u32(meta.page_size);
  out.u64(meta.sequence);
  out.u64(to_u64(meta.txn));
  out.u64(to_u64(meta.root.id));
  out.u32(meta.root.checksum);
  out.u32(meta.apply_version);
  out.u64(meta.page_count);
  out.u64(to_u64(meta.allocation.first.id));
  out.u32(meta.allocation.first.checksum);
  out.u32(meta.allocation.page_count);
  out.u64(meta.allocation.size_bytes);
  out.u64(meta.log.file);
  out.u64(meta.log.offset);
  out.u64(meta.log.hash.low);
  out.u64(meta.log.hash.high);
  out.u32(meta.log.record_checksum);
  out.u32(meta.limits.key_size_max);
  out.u64(meta.limits.value_size_max);
  out.u32(meta.limits.tree_height_max);
  out.u32(0);  // Required features.
  out.u64(meta.log.epoch);
  store_u32(block.data() + kChecksumOffset, block_checksum(block));
  return block;
}

Result<Meta> decode_meta(MetaSlot slot, Bytes block) {
  if (block.size() != kMetaSize) {
    return broken(slot, Code::kCorruption, "META-1", "is cut off by the file's end");
  }
  if (!std::ranges::equal(block.first(kMagic.size()), kMagic, {}, {},
                          [](char letter) { return static_cast<std::byte>(letter); })) {
    return broken(slot, Code::kCorruption, "META-2",
                  all_zero(block) ? "is all zeros"
                                  : "has the wrong magic: this is not a Caisson page file, or its "
                                    "first bytes are damaged");
  }
  Decoder in(block);
  (void)in.bytes(kMagic.size());
  if (in.u32() != block_checksum(block) && !mutated(Mutant::kMetaChecksumIgnored)) {
    return broken(slot, Code::kCorruption, "META-1", "doesn't fit its checksum");
  }
  if (const std::uint32_t version = in.u32(); version != kFormatVersion) {
    return broken(slot, version > kFormatVersion ? Code::kUnsupportedVersion : Code::kCorruption,
                  "META-3", "has format version " + std::to_string(version));
  }
  Meta meta;
  meta.uuid = in.uuid();
  const std::uint32_t stored_slot = in.u32();
  meta.slot = slot;
  meta.page_size = in.u32();
  meta.sequence = in.u64();
  meta.txn = TxnId{in.u64()};
  meta.root.id = PageId{in.u64()};
  meta.root.checksum = in.u32();
  meta.apply_version = in.u32();
  meta.page_count = in.u64();
  meta.allocation.first.id = PageId{in.u64()};
  meta.allocation.first.checksum = in.u32();
  meta.allocation.page_count = in.u32();
  meta.allocation.size_bytes = in.u64();
  meta.log.file = in.u64();
  meta.log.offset = in.u64();
  meta.log.hash.low = in.u64();
  meta.log.hash.high = in.u64();
  meta.log.record_checksum = in.u32();
  meta.limits.key_size_max = in.u32();
  meta.limits.value_size_max = in.u64();
  meta.limits.tree_height_max = in.u32();
  const std::uint32_t required_features = in.u32();
  meta.log.epoch = in.u64();
  if (required_features != 0) {
    return broken(slot, Code::kUnsupportedVersion, "META-3",
                  "needs features that are unknown here");
  }
  if (stored_slot != static_cast<std::uint32_t>(slot)) {
    return broken(slot, Code::kCorruption, "META-4", "was written for the other slot");
  }
  if (!valid_page_size(meta.page_size)) {
    return broken(slot, Code::kCorruption, "META-5",
                  "has page size " + std::to_string(meta.page_size));
  }
  if (const char* what = broken_field(meta)) {
    return broken(slot, Code::kCorruption, "META-5", what);
  }
  if (!all_zero(block.subspan(kFieldsSize))) {
    return broken(slot, Code::kCorruption, "META-5", "has bytes set that no field uses");
  }
  return meta;
}

}  // namespace caisson::pager

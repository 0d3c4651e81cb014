// Decodes any block as a meta. Invariants: nothing is read out of bounds; a block that isn't of a
// meta's size is refused; what is refused names a rule; a meta that was believed keeps META-5, and
// its encoding is the block, byte for byte.
//
// Input: a byte for the slot, then the block; zeros follow where it is short.

#include <algorithm>
#include <cstring>

#include "base/codec.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "fuzz/check.h"
#include "fuzz/page_image.h"
#include "pager/meta.h"

namespace caisson {
namespace {

using pager::kMetaSize;
using pager::MetaBlock;
using pager::MetaSlot;

constexpr std::size_t kChecksumOffset = 8;

MetaBlock block_of(Bytes input) {
  MetaBlock block{};
  std::ranges::copy(input.first(std::min(input.size(), kMetaSize)), block.begin());
  return block;
}

void check_block(MetaSlot slot, Bytes block) {
  const auto meta = pager::decode_meta(slot, block);
  if (!meta) {
    FUZZ_CHECK(meta.error().rule().starts_with("META-"));
    FUZZ_CHECK(meta.error().offset() == pager::meta_offset(slot));
    return;
  }
  FUZZ_CHECK(std::ranges::equal(pager::encode_meta(*meta), block));
  FUZZ_CHECK(meta->slot == slot && pager::valid_page_size(meta->page_size));
  FUZZ_CHECK(meta->sequence >= 1 && meta->sequence <= pager::kSequenceMax);
  FUZZ_CHECK(meta->page_count <= pager::kPageCountMax);
  for (const pager::PageRef& ref : {meta->root, meta->allocation.first}) {
    FUZZ_CHECK((ref.id == PageId{}) == (ref.checksum == 0));
    FUZZ_CHECK(ref.id == PageId{} ||
               (ref.id >= pager::first_page(meta->page_size) && to_u64(ref.id) < meta->page_count));
  }
}

}  // namespace
}  // namespace caisson

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace caisson;
  if (size == 0) return 0;
  const MetaSlot slot = (data[0] & 1U) == 0 ? MetaSlot::kA : MetaSlot::kB;
  const Bytes input(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  check_block(slot, input);
  check_block(slot, block_of(input));
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
  using namespace caisson;
  Random random(seed);
  if (random.chance(1, 2) || size < 16) {
    size = LLVMFuzzerMutate(data, size, size_max);
  } else {
    const std::size_t at = 1 + random.below(size - 9);
    store_u64(reinterpret_cast<std::byte*>(data) + at, fuzz::interesting_number(random));
  }
  if (size < 1 + kChecksumOffset + 4 || random.chance(1, 16)) return size;
  // The magic, the version and the checksum put right, each mostly.
  const MutableBytes bytes = MutableBytes(reinterpret_cast<std::byte*>(data), size).subspan(1);
  if (random.chance(15, 16)) std::memcpy(bytes.data(), "CAISSONp", 8);
  if (random.chance(15, 16) && bytes.size() >= 16) store_u32(bytes.data() + 12, 1);
  store_u32(bytes.data() + kChecksumOffset, 0);
  store_u32(bytes.data() + kChecksumOffset, crc32c(block_of(bytes)));
  return size;
}

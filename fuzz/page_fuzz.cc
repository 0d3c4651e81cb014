// Checks any bytes as a page. Invariants: nothing is read out of bounds; a page that is refused
// names its rule and the place where it was expected; one that is believed has the id, the
// checksum and an age as expected and a header of which every byte has a meaning; and one changed
// bit makes it refused.
//
// Input: u8 page size (4 KiB << 0..4), u64 id, u32 checksum and u64 txn that are expected, u32
// the bit to change, then the page; zeros follow where it is short.

#include <algorithm>
#include <vector>

#include "base/codec.h"
#include "base/random.h"
#include "fuzz/check.h"
#include "fuzz/page_image.h"
#include "pager/page.h"

namespace caisson {
namespace {

constexpr std::size_t kPrefixSize = 25;

// That of the store in the golden files.
const std::uint32_t kSeed = [] {
  Uuid uuid;
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    uuid.bytes[i] = static_cast<std::byte>(0xA0 + i);
  }
  return pager::page_checksum_seed(uuid);
}();

struct Input {
  pager::PageExpectation expected;
  std::uint32_t bit = 0;
  std::vector<std::byte> page;
};

Input parse(Bytes bytes) {
  Decoder in(bytes);
  Input input;
  input.page.resize(std::size_t{4096} << (in.u8() % 5U));
  input.expected.id = PageId{in.u64()};
  input.expected.checksum = in.u32();
  input.expected.txn_max = TxnId{in.u64()};
  input.bit = in.u32();
  const std::size_t size = std::min(in.remaining(), input.page.size());
  std::ranges::copy(in.bytes(size), input.page.begin());
  return input;
}

void check_believed(const Input& input) {
  const pager::PageHeader header = pager::read_header(input.page.data());
  FUZZ_CHECK(header.id == input.expected.id && header.txn <= input.expected.txn_max);
  FUZZ_CHECK(header.type != pager::PageType{0});
  const std::uint32_t stored = pager::stored_checksum(input.page.data());
  FUZZ_CHECK(stored != 0 && stored == pager::page_checksum(kSeed, input.page));
  FUZZ_CHECK(input.expected.checksum == 0 || input.expected.checksum == stored);
  std::vector<std::byte> again(pager::kPageHeaderSize);
  pager::write_header(header, again);
  pager::store_checksum(stored, again.data());
  FUZZ_CHECK(std::ranges::equal(again, Bytes(input.page).first(pager::kPageHeaderSize)));

  std::vector<std::byte> changed = input.page;
  const std::uint64_t bit = input.bit % (changed.size() * 8);
  changed[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
  FUZZ_CHECK(!pager::check_page(kSeed, changed, input.expected));
}

}  // namespace
}  // namespace caisson

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace caisson;
  if (size < kPrefixSize) return 0;
  const Input input = parse({reinterpret_cast<const std::byte*>(data), size});
  const auto checked = pager::check_page(kSeed, input.page, input.expected);
  if (checked) {
    check_believed(input);
  } else {
    FUZZ_CHECK(checked.error().code() == Code::kCorruption);
    FUZZ_CHECK(checked.error().rule().starts_with("PAGE-"));
    FUZZ_CHECK(checked.error().page() == to_u64(input.expected.id));
  }
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
  using namespace caisson;
  Random random(seed);
  size = LLVMFuzzerMutate(data, size, size_max);
  if (size < kPrefixSize + 24 || random.chance(1, 16)) return size;
  // What the page says of itself, and what is expected of it, put right, each mostly.
  const MutableBytes bytes(reinterpret_cast<std::byte*>(data), size);
  const MutableBytes page = bytes.subspan(kPrefixSize);
  if (random.chance(7, 8)) std::copy_n(page.begin() + 8, 8, bytes.begin() + 1);
  if (random.chance(3, 4) && page.size() >= 8) store_u16(page.data() + 6, 1);
  const std::uint32_t checksum = pager::page_checksum(kSeed, parse(bytes).page);
  store_u32(page.data(), checksum);
  if (random.chance(7, 8)) store_u32(bytes.data() + 9, random.chance(1, 2) ? 0 : checksum);
  return size;
}

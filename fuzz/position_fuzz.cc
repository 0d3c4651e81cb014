// Decodes any bytes as a position. Invariants: nothing is read out of bounds, and no memory taken
// that the bytes can't account for; what is refused names its rule; what is believed keeps
// POSITION-1, and is encoded as the same bytes.
//
// Input: a file of positions/.

#include <algorithm>
#include <cstring>
#include <set>
#include <string>

#include "base/codec.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "fuzz/check.h"
#include "fuzz/page_image.h"
#include "mvcc/position.h"

namespace caisson {
namespace {

constexpr std::size_t kChecksumOffset = 8;
constexpr std::size_t kVersionOffset = 12;

// That of the golden files.
Uuid input_uuid() {
  Uuid uuid;
  for (std::size_t i = 0; i < 16; ++i) uuid.bytes[i] = static_cast<std::byte>(0xA0 + i);
  return uuid;
}

void check_position(Bytes input) {
  const auto position = mvcc::decode_position(input, input_uuid());
  if (!position) {
    const Error& error = position.error();
    FUZZ_CHECK(error.code() == Code::kUnsupportedVersion || error.rule() == "POSITION-1");
    return;
  }
  const auto again = mvcc::encode_position(*position, input_uuid());
  FUZZ_CHECK(again && std::ranges::equal(*again, input));
  FUZZ_CHECK(!position->name.empty() && position->name.size() <= 255);
  std::set<std::string> names;
  for (const auto& [id, name] : position->trees) {
    FUZZ_CHECK(id != mvcc::TreeId{} && !name.empty() && name.size() <= 255);
    FUZZ_CHECK(names.insert(name).second);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  caisson::check_position({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
  Random random(seed);
  size = LLVMFuzzerMutate(data, size, size_max);
  if (size < kVersionOffset + 4 || random.chance(1, 16)) return size;
  // The magic, the version and the checksum put right, each mostly.
  const MutableBytes bytes(reinterpret_cast<std::byte*>(data), size);
  if (random.chance(15, 16)) std::memcpy(bytes.data(), "CAISSONf", 8);
  if (random.chance(15, 16)) store_u32(bytes.data() + kVersionOffset, 1);
  store_u32(bytes.data() + kChecksumOffset, 0);
  store_u32(bytes.data() + kChecksumOffset, crc32c(bytes));
  return size;
}

}  // namespace caisson

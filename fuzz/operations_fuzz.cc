// Reads any bytes as the operations of a commit. Invariants: nothing is read out of bounds; what is
// refused names a rule; what was read keeps the limits, and is written again as the same bytes.
//
// Input: one payload. Each 0xFF 0xFF in it ends one and begins the next.

#include <algorithm>
#include <vector>

#include "base/codec.h"
#include "fuzz/check.h"
#include "log/operations.h"

namespace caisson {
namespace {

constexpr log::OperationLimits kLimits{.key_size_max = 64, .value_size_max = 4096};

void check_operation(const log::Operation& operation, Bytes payload, std::size_t& at) {
  FUZZ_CHECK(operation.key.size() <= log::kNameSizeMax);
  const bool creates = operation.code == log::OperationCode::kCreateTree;
  FUZZ_CHECK(
      operation.value.size() <= (creates ? log::kTreeOptionsSizeMax : kLimits.value_size_max) ||
      operation.code >= log::OperationCode::kOwn || operation.code == log::OperationCode::kPiece);
  const std::size_t size = log::encoded_size(operation);
  FUZZ_CHECK(size <= payload.size() - at);
  std::vector<std::byte> again(size);
  Encoder encoder(again);
  log::encode(operation, encoder);
  FUZZ_CHECK(encoder.remaining() == 0 && std::ranges::equal(again, payload.subspan(at, size)));
  at += size;
}

// False where the payload is refused.
bool check_payload(log::OperationReader& reader, Bytes payload) {
  reader.read(payload);
  std::size_t at = 0;
  while (true) {
    const auto operation = reader.next();
    if (!operation) {
      FUZZ_CHECK(operation.error().code() == Code::kCorruption);
      FUZZ_CHECK(operation.error().rule().starts_with("OP-"));
      return false;
    }
    if (!*operation) break;
    check_operation(**operation, payload, at);
  }
  FUZZ_CHECK(at == payload.size());
  return true;
}

}  // namespace
}  // namespace caisson

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  caisson::Bytes input(reinterpret_cast<const std::byte*>(data), size);
  caisson::log::OperationReader reader(caisson::kLimits);
  while (true) {
    std::size_t end = 0;
    while (end + 1 < input.size() &&
           (input[end] != std::byte{0xFF} || input[end + 1] != std::byte{0xFF})) {
      ++end;
    }
    const bool last = end + 1 >= input.size();
    if (!caisson::check_payload(reader, input.first(last ? input.size() : end))) return 0;
    if (last) break;
    input = input.subspan(end + 2);
  }
  if (const auto finished = reader.finish(); !finished) {
    FUZZ_CHECK(finished.error().rule() == "OP-3");
  }
  return 0;
}

// Decodes any bytes as a record of LOCK and as the attachment of a checkpoint. Invariants: nothing
// is read out of bounds, and no memory taken that the bytes can't account for; what is refused
// names its rule; what is believed is encoded as the same bytes.
//
// Input: u64 page count, u64 txn, then the attachment. All of it is a record, too.

#include <algorithm>
#include <array>
#include <vector>

#include "base/codec.h"
#include "fuzz/check.h"
#include "mvcc/lock_file.h"
#include "mvcc/retention.h"

namespace caisson {
namespace {

void check_record(Bytes input) {
  const auto record = mvcc::decode_lock_record(input, {});
  if (!record) return;
  std::array<std::byte, mvcc::kLockRecordSize> again{};
  mvcc::encode_lock_record(*record, {}, again);
  // What lies behind the checksum's bytes has no meaning.
  FUZZ_CHECK(std::ranges::equal(Bytes(again).first(40), input.first(40)));
}

void check_attachment(Bytes attachment, const pager::Meta& meta) {
  const auto retention = mvcc::decode_retention(attachment, meta);
  if (!retention) {
    const Error& error = retention.error();
    FUZZ_CHECK(error.code() == Code::kUnsupportedVersion || error.rule() == "RETAIN-1");
    return;
  }
  if (attachment.empty()) return;
  FUZZ_CHECK(std::ranges::equal(mvcc::encode_retention(*retention), attachment));
  TxnId before{};
  for (const mvcc::RetainedCheckpoint& entry : retention->earlier) {
    FUZZ_CHECK(&entry == retention->earlier.data() || entry.txn > before);
    FUZZ_CHECK(entry.txn < meta.txn && entry.page_count <= meta.page_count);
    FUZZ_CHECK(entry.root.id == PageId{} || to_u64(entry.root.id) < entry.page_count);
    before = entry.txn;
  }
}

}  // namespace
}  // namespace caisson

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace caisson;
  const Bytes input(reinterpret_cast<const std::byte*>(data), size);
  check_record(input);
  Decoder in(input);
  pager::Meta meta;
  meta.page_size = 4096;
  meta.page_count = in.u64();
  meta.txn = TxnId{in.u64()};
  if (!in.ok()) return 0;
  check_attachment(in.bytes(in.remaining()), meta);
  return 0;
}

// Decodes any bytes as an allocation blob. Invariants: nothing is read out of bounds, and no
// memory taken that the blob can't account for; what is refused names a rule; lists that are
// believed keep ALLOC-2 to ALLOC-4, which is checked here in the plainest way, and their encoding
// is the blob, byte for byte.
//
// Input: u8 page size (4 KiB << 0..4), u64 page count, u64 txn, then the blob.

#include <algorithm>
#include <vector>

#include "base/codec.h"
#include "fuzz/check.h"
#include "pager/allocation.h"
#include "pager/page.h"

namespace caisson {
namespace {

using pager::AllocationBounds;
using pager::AllocationState;
using pager::DeadRun;
using pager::PageRun;

std::uint64_t end_of(const PageRun& run) { return to_u64(run.first) + run.count; }

template <typename Touching>
void check_list(const std::vector<PageRun>& runs, const AllocationBounds& bounds,
                Touching may_touch) {
  for (std::size_t i = 0; i < runs.size(); ++i) {
    FUZZ_CHECK(runs[i].count > 0 && runs[i].first >= bounds.first_page);
    FUZZ_CHECK(end_of(runs[i]) > to_u64(runs[i].first) && end_of(runs[i]) <= bounds.page_count);
    if (i == 0) continue;
    FUZZ_CHECK(end_of(runs[i - 1]) <= to_u64(runs[i].first));
    FUZZ_CHECK(end_of(runs[i - 1]) < to_u64(runs[i].first) || may_touch(i));
  }
}

void check_state(const AllocationState& state, const AllocationBounds& bounds) {
  const auto never = [](std::size_t) { return false; };
  check_list(state.free, bounds, never);
  check_list(state.earlier_blob, bounds, never);
  std::vector<PageRun> dead;
  for (const DeadRun& run : state.dead) {
    FUZZ_CHECK(TxnId{1} <= run.birth && run.birth < run.death && run.death <= bounds.txn);
    dead.push_back(run.run);
  }
  check_list(dead, bounds, [&](std::size_t i) {
    return state.dead[i - 1].birth != state.dead[i].birth ||
           state.dead[i - 1].death != state.dead[i].death;
  });
  std::vector<PageRun> all = state.free;
  all.insert(all.end(), dead.begin(), dead.end());
  all.insert(all.end(), state.earlier_blob.begin(), state.earlier_blob.end());
  std::ranges::sort(all, {}, &PageRun::first);
  check_list(all, bounds, [](std::size_t) { return true; });
}

}  // namespace
}  // namespace caisson

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace caisson;
  Decoder in(Bytes(reinterpret_cast<const std::byte*>(data), size));
  AllocationBounds bounds;
  bounds.first_page = pager::first_page(4096U << (in.u8() % 5U));
  bounds.page_count = in.u64() % (pager::kPageCountMax + 1);
  bounds.page_count = std::max(bounds.page_count, to_u64(bounds.first_page));
  bounds.txn = TxnId{in.u64()};
  if (!in.ok()) return 0;
  const Bytes blob = in.bytes(in.remaining());
  const auto state = pager::decode_allocation(blob, bounds);
  if (!state) {
    FUZZ_CHECK(state.error().code() == Code::kCorruption);
    FUZZ_CHECK(state.error().rule().starts_with("ALLOC-"));
    return 0;
  }
  check_state(*state, bounds);
  FUZZ_CHECK(std::ranges::equal(pager::encode_allocation(*state, bounds.first_page), blob));
  return 0;
}

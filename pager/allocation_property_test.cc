// Method: any valid state is built page by page (each page of a small file gets a use, and the
// runs follow from that), encoded and decoded; and any encoding with changed bytes is refused or
// is the one encoding of what it decodes to, which shows that ALLOC-2 leaves each state one form.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "pager/allocation.h"

namespace caisson::pager {
namespace {

// What a page is for; the numbers of the lives of dead pages are few, so that neighbours often
// agree in them.
struct Use {
  int list = 0;  // 0: in none; 1: free; 2: dead; 3: earlier blob.
  std::uint64_t birth = 0;
  std::uint64_t age = 0;
};

struct Sample {
  std::uint64_t first_page = 0;
  std::uint64_t txn_base = 0;
  std::vector<Use> uses;
};

AllocationBounds bounds_of(const Sample& sample) {
  return {.first_page = PageId{sample.first_page},
          .page_count = sample.first_page + sample.uses.size(),
          .txn = TxnId{sample.txn_base + 10}};
}

void extend(std::vector<PageRun>& runs, std::uint64_t id) {
  if (!runs.empty() && to_u64(runs.back().first) + runs.back().count == id) {
    ++runs.back().count;
  } else {
    runs.push_back({PageId{id}, 1});
  }
}

AllocationState state_of(const Sample& sample) {
  AllocationState state;
  for (std::size_t i = 0; i < sample.uses.size(); ++i) {
    const Use& use = sample.uses[i];
    const std::uint64_t id = sample.first_page + i;
    if (use.list == 1) extend(state.free, id);
    if (use.list == 3) extend(state.earlier_blob, id);
    if (use.list != 2) continue;
    const TxnId birth{sample.txn_base + use.birth};
    const TxnId death{sample.txn_base + use.birth + use.age};
    if (!state.dead.empty()) {
      DeadRun& last = state.dead.back();
      if (to_u64(last.run.first) + last.run.count == id && last.birth == birth &&
          last.death == death) {
        ++last.run.count;
        continue;
      }
    }
    state.dead.push_back({{PageId{id}, 1}, birth, death});
  }
  return state;
}

rc::Gen<Use> any_use() {
  return rc::gen::apply(
      [](int list, std::uint64_t birth, std::uint64_t age) { return Use{list, birth, age}; },
      rc::gen::inRange(0, 4), rc::gen::inRange<std::uint64_t>(1, 4),
      rc::gen::inRange<std::uint64_t>(1, 4));
}

rc::Gen<Sample> any_sample() {
  return rc::gen::apply(
      [](int shift, std::uint64_t txn_base, std::vector<Use> uses) {
        return Sample{std::uint64_t{32} >> shift, txn_base, std::move(uses)};
      },
      rc::gen::inRange(0, 5),
      rc::gen::elementOf(
          std::vector<std::uint64_t>{0, 100, std::uint64_t{1} << 40U, ~std::uint64_t{0} - 10}),
      rc::gen::container<std::vector<Use>>(any_use()));
}

RC_GTEST_PROP(AllocationProperty, AnyStateComesBackFromItsEncoding, ()) {
  const auto sample = *any_sample();
  const AllocationState state = state_of(sample);
  const AllocationBounds bounds = bounds_of(sample);
  const auto decoded = decode_allocation(encode_allocation(state, bounds.first_page), bounds);
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == state);
}

RC_GTEST_PROP(AllocationProperty, ChangedBytesAreRefusedOrTheOneEncodingOfWhatTheySay, ()) {
  const auto sample = *any_sample();
  const AllocationBounds bounds = bounds_of(sample);
  auto blob = encode_allocation(state_of(sample), bounds.first_page);
  const int changes = *rc::gen::inRange(1, 4);
  for (int i = 0; i < changes; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, blob.size());
    // Small numbers mean something here more often than large ones.
    blob[at] = static_cast<std::byte>(
        *rc::gen::weightedOneOf<int>({{3, rc::gen::inRange(0, 6)}, {1, rc::gen::inRange(0, 256)}}));
  }
  const auto decoded = decode_allocation(blob, bounds);
  RC_CLASSIFY(decoded.has_value(), "decoded");
  if (decoded) {
    RC_ASSERT(encode_allocation(*decoded, bounds.first_page) == blob);
  } else {
    RC_ASSERT(!decoded.error().rule().empty());
  }
}

RC_GTEST_PROP(AllocationProperty, AnyBytesAreRefusedOrTheOneEncodingOfWhatTheySay, ()) {
  const auto values = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 3));
  std::vector<std::byte> blob;
  for (const int value : values) blob.push_back(static_cast<std::byte>(value));
  const AllocationBounds bounds{.first_page = PageId{2}, .page_count = 40, .txn = TxnId{20}};
  const auto decoded = decode_allocation(blob, bounds);
  RC_CLASSIFY(decoded.has_value(), "decoded");
  if (decoded) RC_ASSERT(encode_allocation(*decoded, bounds.first_page) == blob);
}

}  // namespace
}  // namespace caisson::pager

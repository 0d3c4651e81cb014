// The numbers of spec/btree.md that more than one file needs.

#ifndef CAISSON_BTREE_FORMAT_H_
#define CAISSON_BTREE_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "base/codec.h"
#include "pager/page.h"

namespace caisson::btree {

using pager::PageRef;
using pager::PageType;

inline constexpr PageType kLeaf{2};
inline constexpr PageType kBranch{3};
inline constexpr PageType kValuePage{4};
inline constexpr PageType kValueIndex{5};

// Levels (spec/btree.md, section 1). A leaf without long values has level 0.
inline constexpr std::uint8_t kLeafLevel = 8;
inline constexpr std::uint8_t kBranchLevelMin = 9;
inline constexpr std::uint8_t kBranchLevelMax = 71;

// A page id and a checksum: what a branch's values and a value index are made of.
inline constexpr std::size_t kReferenceSize = 12;

inline PageRef load_reference(const std::byte* from) {
  return {PageId{load_u64(from)}, load_u32(from + 8)};
}

inline void store_reference(std::byte* to, const PageRef& ref) {
  store_u64(to, to_u64(ref.id));
  store_u32(to + 8, ref.checksum);
}

// What a leaf says of a value that has pages of its own.
struct LongValueRef {
  std::uint64_t size = 0;
  PageRef root;
};

inline constexpr std::size_t kLongValueRefSize = 20;
inline constexpr std::uint64_t kLongValueSizeMax = std::uint64_t{1} << 40U;  // NODE-4

inline LongValueRef load_long_value(const std::byte* from) {
  return {load_u64(from), load_reference(from + 8)};
}

inline void store_long_value(std::byte* to, const LongValueRef& ref) {
  store_u64(to, ref.size);
  store_reference(to + 8, ref.root);
}

}  // namespace caisson::btree

#endif  // CAISSON_BTREE_FORMAT_H_

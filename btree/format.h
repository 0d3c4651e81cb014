// The numbers of spec/btree.md that more than one file needs.

#ifndef CAISSON_BTREE_FORMAT_H_
#define CAISSON_BTREE_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "base/codec.h"
#include "base/result.h"
#include "pager/page.h"

namespace caisson::btree {

using pager::PageRef;
using pager::PageType;

inline constexpr PageType kLeaf{2};
inline constexpr PageType kBranch{3};
inline constexpr PageType kValuePage{4};
inline constexpr PageType kValueIndex{5};

// Levels (spec/btree.md, section 1). A plain tree's leaf without long values has level 0.
inline constexpr std::uint8_t kLeafLevel = 8;
inline constexpr std::uint8_t kBranchLevelMin = 9;
inline constexpr std::uint8_t kBranchLevelMax = 71;
inline constexpr std::uint8_t kCatalogLeafLevel = 72;
inline constexpr std::uint8_t kCatalogBranchLevelMin = 73;
inline constexpr std::uint8_t kCatalogBranchLevelMax = 135;

// A catalog's values name other trees, all of them plain ones, so its pages stand above theirs.
enum class TreeKind : std::uint8_t { kPlain, kCatalog };

constexpr std::uint8_t branch_level_min(TreeKind kind) {
  return kind == TreeKind::kPlain ? kBranchLevelMin : kCatalogBranchLevelMin;
}

constexpr std::uint8_t branch_level_max(TreeKind kind) {
  return kind == TreeKind::kPlain ? kBranchLevelMax : kCatalogBranchLevelMax;
}

// Branches that may lie one above the other.
inline constexpr std::size_t kBranchLevels = kBranchLevelMax - kBranchLevelMin + 1;
static_assert(kBranchLevels == kCatalogBranchLevelMax - kCatalogBranchLevelMin + 1);

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

// What names a tree. A value: to copy it is to keep the tree as it is, for as long as the
// transaction that made it stays pinned. No page is copied for that.
struct TreeRoot {
  PageRef page;  // Id 0: the empty tree.
  std::uint64_t count = 0;

  friend bool operator==(const TreeRoot&, const TreeRoot&) = default;
};

// What a catalog's value begins with. Whatever follows is the catalog's owner's.
inline constexpr std::size_t kTreeRootSize = 20;

inline TreeRoot load_tree_root(const std::byte* from) {
  return {load_reference(from), load_u64(from + kReferenceSize)};
}

inline void store_tree_root(std::byte* to, const TreeRoot& root) {
  store_reference(to, root.page);
  store_u64(to + kReferenceSize, root.count);
}

// Whether a catalog's value names a tree (NODE-6).
inline bool names_tree(Bytes value) {
  if (value.size() < kTreeRootSize) return false;
  const TreeRoot root = load_tree_root(value.data());
  return root.page.id != PageId{} || root == TreeRoot{};
}

}  // namespace caisson::btree

#endif  // CAISSON_BTREE_FORMAT_H_

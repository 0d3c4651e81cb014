// The smallest thing worth storing in pages: an array of numbers, one a leaf, under a root that
// names the leaves. It makes, copies, frees and checks pages as a tree does, without being one.

#ifndef CAISSON_PAGER_TESTING_PAGE_ARRAY_H_
#define CAISSON_PAGER_TESTING_PAGE_ARRAY_H_

#include <cstdint>
#include <map>
#include <vector>

#include "base/result.h"
#include "pager/layout.h"
#include "pager/page_txn.h"
#include "pager/pager.h"

namespace caisson::pager::testing {

inline constexpr PageType kArrayRoot{128};
inline constexpr PageType kArrayLeaf{129};

// The root's body: u32 count, then entries of u64 page id and u32 checksum (0 id: no leaf).
PageRef array_entry(const std::byte* root, std::uint32_t index);

// Names a child whose checksum is not known yet; the checkpoint fills that in.
void set_array_entry(std::byte* root, std::uint32_t index, PageId child);

// The bytes of a root that the transaction may edit: of `root` itself if the transaction made it,
// else of a copy (or of a new, empty one) that takes its place in `root`.
Result<MutableBytes> editable_array_root(Pager& pager, PageTxn& txn, PageRef& root,
                                         std::uint8_t level);

class ArrayLayout final : public PageLayout {
 public:
  void child_slots(Bytes page, std::vector<ChildSlot>& slots) const override;
};

const ArrayLayout& array_layout();

// Index -> value, for the values that are not zero.
using ArrayModel = std::map<std::uint32_t, std::uint64_t>;

// A handle on one array; the writer's view. The root's place is all its state.
class PageArray {
 public:
  // `root` as a checkpoint named it; {} for an empty array.
  PageArray(Pager& pager, PageRef root) : pager_(&pager), root_(root) {}

  // The longest array that a root of this page size can hold.
  static std::uint32_t length_max(std::uint32_t page_size);

  PageRef root() const { return root_; }

  // Sets a value, 0 to remove it. Copies what the transaction doesn't own. The pages' bodies are
  // filled from end to end, so that no damage in them can go unseen.
  Result<void> set(PageTxn& txn, std::uint32_t index, std::uint64_t value);

  // Everything in it, each leaf checked to its last byte. kCorruption if a leaf is not what its
  // place and value make it.
  Result<ArrayModel> read_all() const;

  // One value. Any thread.
  Result<std::uint64_t> get(std::uint32_t index) const;

  // Every page that the root reaches, the root's included.
  Result<std::vector<PageId>> pages() const;

 private:
  Pager* pager_;
  PageRef root_;
};

}  // namespace caisson::pager::testing

#endif  // CAISSON_PAGER_TESTING_PAGE_ARRAY_H_

// The catalog's entries: spec/store.md, section 2.
//
// Pure functions of bytes, and lookups in a catalog's tree, as thread-safe as that.

#ifndef CAISSON_MVCC_CATALOG_H_
#define CAISSON_MVCC_CATALOG_H_

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "btree/format.h"
#include "btree/tree.h"

namespace caisson::mvcc {

// The number of a tree: 1, 2, 3 ... in the order of creation, never used again.
enum class TreeId : std::uint64_t {};

[[nodiscard]] constexpr std::uint64_t to_u64(TreeId id) { return static_cast<std::uint64_t>(id); }

// The largest number that a tree can have.
inline constexpr TreeId kTreeIdMax{(std::uint64_t{1} << 63U) - 1};

// A plain tree of keys and values; the only kind so far.
inline constexpr std::uint64_t kPlainTree = 0;

// What the catalog says of one tree.
struct TreeEntry {
  TreeId id{};
  std::uint64_t kind = kPlainTree;
  std::string name;
  std::vector<std::byte> options;
  btree::TreeRoot root;
};

// What the catalog says of all trees.
struct CatalogHeader {
  TreeId next_tree{1};
  std::uint64_t trees = 0;

  // Entries that the catalog has: this one, and two for each tree.
  std::uint64_t entries() const { return 1 + 2 * trees; }
};

// A key of the catalog. The first byte says which entry it is.
class CatalogKey {
 public:
  static CatalogKey header();
  static CatalogKey tree(TreeId id);

  // REQUIRES: a name of 1 to 255 bytes.
  static CatalogKey name(Bytes name);

  // Behind the last tree's key.
  static CatalogKey trees_end();

  Bytes bytes() const { return {bytes_.data(), size_}; }

 private:
  explicit CatalogKey(std::uint8_t kind) { bytes_[0] = std::byte{kind}; }

  std::array<std::byte, 256> bytes_;
  std::size_t size_ = 1;
};

// An entry's value. Valid as long as this object.
class CatalogValue {
 public:
  explicit CatalogValue(const CatalogHeader& header);
  explicit CatalogValue(TreeId id);  // What a name's entry says.
  explicit CatalogValue(const TreeEntry& entry);

  Bytes bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

// Whether a tree can be made with these. kInvalidArgument for a name that is empty or beyond 255
// bytes, and for options beyond 512; kUnsupported for a kind that is unknown.
Result<void> check_tree(Bytes name, std::uint64_t kind, Bytes options);

// Whether a tree can be made with that number: kInvalidArgument if it isn't the next.
Result<void> check_next(TreeId next, TreeId id);

// What is said where a tree isn't there, and where its name is taken.
Error no_such_tree(TreeId id);
Error name_taken(Bytes name);

// The number in a tree's key. kCorruption (CATALOG-1).
Result<TreeId> decode_tree_key(Bytes key);

// Reads a value back. kCorruption (CATALOG-1); kUnsupportedVersion (CATALOG-2).
Result<CatalogHeader> decode_header(Bytes value);
Result<TreeId> decode_number(Bytes value);
Result<TreeEntry> decode_tree(TreeId id, Bytes value);

// What an empty catalog says is that there was no tree yet. Errors: as btree::Tree::get(), and
// kCorruption (CATALOG-1).
Result<CatalogHeader> read_header(const btree::Tree& catalog);

// The catalog that a checkpoint names, with the count of its entries. Errors: the same.
Result<btree::TreeRoot> load_catalog(pager::Pager& pager, const pager::PageRef& root);

// The tree of that number, or name; none if there isn't one. Errors: the same, and
// kUnsupportedVersion. O(height) pages.
Result<std::optional<TreeEntry>> find_tree(const btree::Tree& catalog, TreeId id);
Result<std::optional<TreeEntry>> find_tree(const btree::Tree& catalog, Bytes name);

// The tree's root alone: without a copy of all else. kNotFound if there is no such tree.
Result<btree::TreeRoot> find_root(const btree::Tree& catalog, TreeId id);

// All trees, by their numbers. `catalog` is called now and then, when no bytes of pages are held:
// to register anew as a reader. Errors: as find_tree().
Result<std::vector<TreeEntry>> list_trees(const std::function<btree::Tree()>& catalog);

}  // namespace caisson::mvcc

#endif  // CAISSON_MVCC_CATALOG_H_

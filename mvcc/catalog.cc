#include "mvcc/catalog.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/codec.h"
#include "btree/cursor.h"
#include "log/operations.h"

namespace caisson::mvcc {
namespace {

constexpr std::uint8_t kHeaderKey = 0;
constexpr std::uint8_t kTreeKey = 1;
constexpr std::uint8_t kNameKey = 2;

std::unexpected<Error> broken(std::string what) {
  return fail(Error(Code::kCorruption, std::move(what)).with_rule("CATALOG-1"));
}

std::string quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

// Catalog values lie in leaves, in one piece.
Result<std::optional<Bytes>> value_of(const btree::Tree& catalog, Bytes key) {
  CAISSON_ASSIGN_OR_RETURN(const auto value, catalog.get(key));
  if (!value) return std::optional<Bytes>();
  CAISSON_ASSIGN_OR_RETURN(const Bytes bytes, value->piece(0));
  return bytes;
}

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

CatalogKey CatalogKey::header() { return CatalogKey(kHeaderKey); }

// The highest byte first, so that keys are in the order of numbers.
CatalogKey CatalogKey::tree(TreeId id) {
  CatalogKey key(kTreeKey);
  store_u64(key.bytes_.data() + 1, std::byteswap(to_u64(id)));
  key.size_ = 1 + sizeof(std::uint64_t);
  return key;
}

CatalogKey CatalogKey::trees_end() { return CatalogKey(kTreeKey + 1); }

CatalogKey CatalogKey::name(Bytes name) {
  CatalogKey key(kNameKey);
  std::ranges::copy(name, key.bytes_.begin() + 1);
  key.size_ = 1 + name.size();
  return key;
}

CatalogValue::CatalogValue(const CatalogHeader& header)
    : bytes_(btree::kTreeRootSize + 2 * sizeof(std::uint64_t)) {
  store_u64(bytes_.data() + btree::kTreeRootSize, to_u64(header.next_tree));
  store_u64(bytes_.data() + btree::kTreeRootSize + sizeof(std::uint64_t), header.trees);
}

CatalogValue::CatalogValue(TreeId id) : bytes_(btree::kTreeRootSize + sizeof(std::uint64_t)) {
  store_u64(bytes_.data() + btree::kTreeRootSize, to_u64(id));
}

CatalogValue::CatalogValue(const TreeEntry& entry)
    : bytes_(btree::kTreeRootSize + 9 + entry.name.size() + entry.options.size()) {
  btree::store_tree_root(bytes_.data(), entry.root);
  Encoder out(MutableBytes(bytes_).subspan(btree::kTreeRootSize));
  out.u64(entry.kind);
  out.u8(static_cast<std::uint8_t>(entry.name.size()));
  out.bytes(std::as_bytes(std::span(entry.name)));
  out.bytes(entry.options);
}

Result<void> check_tree(Bytes name, std::uint64_t kind, Bytes options) {
  if (name.empty() || name.size() > log::kNameSizeMax) {
    return fail(Code::kInvalidArgument, "a tree's name of " + std::to_string(name.size()) +
                                            " bytes; it takes 1 to " +
                                            std::to_string(log::kNameSizeMax));
  }
  if (options.size() > log::kTreeOptionsSizeMax) {
    return fail(Code::kInvalidArgument, "a tree's options of " + std::to_string(options.size()) +
                                            " bytes; they take up to " +
                                            std::to_string(log::kTreeOptionsSizeMax));
  }
  if (kind != kPlainTree) {
    return fail(Code::kUnsupported, "trees of kind " + std::to_string(kind) + " are not known");
  }
  return {};
}

Result<void> check_next(TreeId next, TreeId id) {
  if (next == id) return {};
  return fail(Code::kInvalidArgument, "the next tree is " + std::to_string(to_u64(next)) +
                                          ", not " + std::to_string(to_u64(id)));
}

Error no_such_tree(TreeId id) {
  return {Code::kNotFound, "there is no tree with number " + std::to_string(to_u64(id))};
}

Error name_taken(Bytes name) {
  return {Code::kAlreadyExists, "there is a tree of the name " + quoted(text_of(name))};
}

Result<TreeId> decode_tree_key(Bytes key) {
  if (key.size() != CatalogKey::tree({}).bytes().size()) {
    return broken("a key in the catalog is not one");
  }
  const TreeId id{std::byteswap(load_u64(key.data() + 1))};
  if (to_u64(id) == 0 || to_u64(id) > to_u64(kTreeIdMax)) {
    return broken("a tree in the catalog has a number that can't be");
  }
  return id;
}

namespace {

// So many numbers behind an empty root.
bool is_numbers(Bytes value, std::size_t count) {
  return value.size() == btree::kTreeRootSize + count * sizeof(std::uint64_t) &&
         btree::load_tree_root(value.data()) == btree::TreeRoot{};
}

}  // namespace

Result<CatalogHeader> decode_header(Bytes value) {
  if (!is_numbers(value, 2)) return broken("the catalog's header is not one");
  const std::byte* const numbers = value.data() + btree::kTreeRootSize;
  const CatalogHeader header{.next_tree = TreeId{load_u64(numbers)},
                             .trees = load_u64(numbers + sizeof(std::uint64_t))};
  if (header.trees >= to_u64(header.next_tree)) {
    return broken("the catalog has more trees than were ever made");
  }
  return header;
}

Result<TreeId> decode_number(Bytes value) {
  if (!is_numbers(value, 1)) return broken("a number in the catalog is not one");
  return TreeId{load_u64(value.data() + btree::kTreeRootSize)};
}

Result<TreeEntry> decode_tree(TreeId id, Bytes value) {
  if (!btree::names_tree(value)) return broken("a tree in the catalog has no root");
  TreeEntry entry{.id = id, .name = {}, .options = {}, .root = btree::load_tree_root(value.data())};
  Decoder in(value.subspan(btree::kTreeRootSize));
  entry.kind = in.u64();
  const Bytes name = in.bytes(in.u8());
  if (!in.ok() || name.empty()) return broken("a tree in the catalog has no name");
  entry.name = text_of(name);
  const Bytes options = in.bytes(in.remaining());
  entry.options.assign(options.begin(), options.end());
  if (entry.kind != kPlainTree) {
    return fail(Error(Code::kUnsupportedVersion, "the tree " + quoted(entry.name) + " is of kind " +
                                                     std::to_string(entry.kind) +
                                                     ", which this version does not know")
                    .with_rule("CATALOG-2"));
  }
  return entry;
}

Result<CatalogHeader> read_header(const btree::Tree& catalog) {
  if (catalog.empty()) return CatalogHeader{};
  CAISSON_ASSIGN_OR_RETURN(const auto value, value_of(catalog, CatalogKey::header().bytes()));
  if (!value) return broken("the catalog has no header");
  return decode_header(*value);
}

Result<btree::TreeRoot> load_catalog(pager::Pager& pager, const pager::PageRef& root) {
  if (root.id == PageId{}) return btree::TreeRoot{};
  const btree::Tree tree(pager, {.page = root}, btree::TreeKind::kCatalog);
  CAISSON_ASSIGN_OR_RETURN(const CatalogHeader header, read_header(tree));
  return btree::TreeRoot{.page = root, .count = header.entries()};
}

Result<std::optional<TreeEntry>> find_tree(const btree::Tree& catalog, TreeId id) {
  CAISSON_ASSIGN_OR_RETURN(const auto value, value_of(catalog, CatalogKey::tree(id).bytes()));
  if (!value) return std::optional<TreeEntry>();
  return decode_tree(id, *value);
}

Result<std::optional<TreeEntry>> find_tree(const btree::Tree& catalog, Bytes name) {
  if (name.empty() || name.size() > log::kNameSizeMax) return std::optional<TreeEntry>();
  CAISSON_ASSIGN_OR_RETURN(const auto value, value_of(catalog, CatalogKey::name(name).bytes()));
  if (!value) return std::optional<TreeEntry>();
  CAISSON_ASSIGN_OR_RETURN(const TreeId id, decode_number(*value));
  CAISSON_ASSIGN_OR_RETURN(auto entry, find_tree(catalog, id));
  if (!entry || entry->name != text_of(name)) {
    return broken("the catalog has the name " + quoted(text_of(name)) + ", but no such tree");
  }
  return entry;
}

Result<btree::TreeRoot> find_root(const btree::Tree& catalog, TreeId id) {
  CAISSON_ASSIGN_OR_RETURN(const auto value, value_of(catalog, CatalogKey::tree(id).bytes()));
  if (!value) return fail(no_such_tree(id));
  CAISSON_ASSIGN_OR_RETURN(const TreeEntry entry, decode_tree(id, *value));
  return entry.root;
}

namespace {

// Trees that are listed while their pages are held.
constexpr std::size_t kListedAtOnce = 32;

// Adds the trees from a number on to the list. False if there are no more behind them.
Result<bool> list_some(const btree::Tree& catalog, TreeId from, std::vector<TreeEntry>& trees) {
  const CatalogKey begin = CatalogKey::tree(from);
  const CatalogKey end = CatalogKey::trees_end();
  btree::Cursor cursor(catalog, {begin.bytes(), end.bytes()});
  auto more = cursor.first();
  for (std::size_t i = 0; i < kListedAtOnce && more && *more; ++i) {
    CAISSON_ASSIGN_OR_RETURN(const TreeId id, decode_tree_key(cursor.key()));
    CAISSON_ASSIGN_OR_RETURN(const Bytes value, cursor.value().piece(0));
    CAISSON_ASSIGN_OR_RETURN(TreeEntry entry, decode_tree(id, value));
    trees.push_back(std::move(entry));
    more = cursor.next();
  }
  return more;
}

}  // namespace

Result<std::vector<TreeEntry>> list_trees(const std::function<btree::Tree()>& catalog) {
  std::vector<TreeEntry> trees;
  while (true) {
    const TreeId from{trees.empty() ? 0 : to_u64(trees.back().id) + 1};
    CAISSON_ASSIGN_OR_RETURN(const bool more, list_some(catalog(), from, trees));
    if (!more) return trees;
  }
}

}  // namespace caisson::mvcc

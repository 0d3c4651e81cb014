// Method: values of every size at which something changes (a leaf's share, a page's worth, an
// index's worth), for the smallest pages and the largest, read whole and in pieces from anywhere;
// kept over a checkpoint and a kill, with the walk against the allocation blob. Then their pages
// are damaged in the file: as they are, and with all checksums put right again up to the meta, so
// that what only a value's own rules hold is met. What is read then is right or an error that
// names the rule, and there is no crash. What would slip through: two of a value's pages exchanged
// with their checksums, which nothing forbids.

#include "btree/value.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/random.h"
#include "base/testing/effort.h"
#include "btree/layout.h"
#include "btree/testing/harness.h"
#include "pager/meta.h"
#include "pager/page.h"

namespace caisson::btree {
namespace {

using caisson::testing::stride;
using pager::kPageHeaderSize;
using pager::PageAccess;
using pager::testing::kPagesPath;
using testing::bytes_of;
using testing::problems_of;

using testing::text_of;
using testing::TreeStore;
using testing::value_of;

std::string any_text(Random& random, std::uint64_t size) {
  std::string text(size, '\0');
  random.fill({reinterpret_cast<std::byte*>(text.data()), text.size()});
  return text;
}

Value get(TreeStore& store) { return *value_of(store.tree().get(bytes_of("key"))); }

void put(TreeStore& store, const std::string& value) {
  value_of(store.writer().put(bytes_of("key"), bytes_of(value)));
  store.checkpoint();
}

// Sizes on both sides of every border, 16 MiB (the default limit) at most; the smaller ones with a
// sanitizer.
std::vector<std::uint64_t> sizes(std::uint64_t page_size) {
  const std::uint64_t page = value_page_bytes(page_size);
  const std::uint64_t index = page * value_index_references(page_size);
  const std::uint64_t most = (std::uint64_t{16} << 20U) / stride(8);
  std::vector<std::uint64_t> sizes = {0, 1};
  for (const std::uint64_t border :
       {page_size / 4, page, 2 * page, index, 2 * index, std::uint64_t{16} << 20U}) {
    for (const std::uint64_t size : {border - 1, border, border + 1}) {
      if (size <= most) sizes.push_back(size);
    }
  }
  return sizes;
}

// --- Arithmetic ----------------------------------------------------------------------------------

TEST(Value, HasTheHeightThatItsSizeAsksFor) {  // VALUE-1
  for (const std::size_t page_size : {4096U, 65536U}) {
    const std::uint64_t page = value_page_bytes(page_size);
    std::uint64_t most = page;
    EXPECT_EQ(value_root_level(1, page_size), 0);
    for (std::uint8_t level = 0; level < 4; ++level) {
      EXPECT_EQ(value_root_level(most, page_size), level);
      EXPECT_EQ(value_root_level(most + 1, page_size), level + 1);
      EXPECT_EQ(value_bytes_below(static_cast<std::uint8_t>(level + 1), page_size), most);
      most *= value_index_references(page_size);
    }
  }
}

// --- Writing and reading -------------------------------------------------------------------------

class Values : public ::testing::TestWithParam<std::pair<std::uint32_t, PageAccess>> {
 protected:
  Values() : store_({.page_size = GetParam().first, .access = GetParam().second}) {}

  // From anywhere, in pieces, and not behind the end.
  void check(const std::string& expected) {
    const Value value = get(store_);
    ASSERT_EQ(value.size(), expected.size());
    EXPECT_EQ(value.in_one_piece(), expected.size() <= value_page_bytes(GetParam().first));
    std::uint64_t pieces = 0;
    for (std::size_t at = 0; at < expected.size(); ++pieces) {
      const Bytes piece = value_of(value.piece(at));
      ASSERT_FALSE(piece.empty());
      ASSERT_TRUE(text_of(piece) == expected.substr(at, piece.size())) << at;
      at += piece.size();
    }
    EXPECT_EQ(pieces <= 1, value.in_one_piece());
    for (int i = 0; i < 30; ++i) {
      const std::uint64_t at = random_.below(expected.size() + 1);
      const Bytes piece = value_of(value.piece(at));
      ASSERT_TRUE(text_of(piece) == expected.substr(at, piece.size())) << at;
      ASSERT_EQ(piece.empty(), at == expected.size());
      std::string part(random_.below(expected.size() - at + 1), '\0');
      value_of(value.read(at, {reinterpret_cast<std::byte*>(part.data()), part.size()}));
      ASSERT_TRUE(part == expected.substr(at, part.size())) << at << " + " << part.size();
    }
    std::vector<std::byte> more(expected.size() + 1);
    EXPECT_EQ(value.piece(expected.size() + 1).error().code(), Code::kInvalidArgument);
    EXPECT_EQ(value.piece(~std::uint64_t{0}).error().code(), Code::kInvalidArgument);
    EXPECT_EQ(value.read(0, more).error().code(), Code::kInvalidArgument);
    EXPECT_EQ(value.read(expected.size(), MutableBytes(more).first(1)).error().code(),
              Code::kInvalidArgument);
    EXPECT_EQ(value.read(expected.size() + 1, {}).error().code(), Code::kInvalidArgument);
    EXPECT_TRUE(value.read(expected.size(), {}).has_value());
  }

  TreeStore store_;
  Random random_{1};
};

TEST_P(Values, AreReadAsTheyWereWrittenWhateverTheirSize) {
  for (const std::uint64_t size : sizes(GetParam().first)) {
    const std::string value = any_text(random_, size);
    put(store_, value);
    ASSERT_EQ(store_.audit(), "") << size;
    store_.kill_and_reopen();
    check(value);
    if (HasFatalFailure()) FAIL() << size;
  }
  // Pages of those that were overwritten are free again: at any time, two of 16 MiB were there.
  EXPECT_LT(store_.pager().stats().page_count * GetParam().first, std::uint64_t{50} << 20U);
}

TEST_P(Values, ComeInPiecesOfAnySize) {
  const std::uint64_t page = value_page_bytes(GetParam().first);
  for (const std::uint64_t piece : {std::uint64_t{1}, page - 1, page, page + 1, 3 * page + 7}) {
    const std::string value = any_text(random_, (piece == 1 ? 2 : 9) * page + 5);
    ValueStream stream = value_of(store_.writer().stream(bytes_of("key")));
    for (std::uint64_t at = 0; at < value.size(); at += piece) {
      value_of(stream.append(bytes_of(std::string_view(value).substr(at, piece))));
      value_of(stream.append({}));
    }
    value_of(stream.finish());
    EXPECT_EQ(stream.append({}).error().code(), Code::kInvalidArgument);
    EXPECT_EQ(stream.finish().error().code(), Code::kInvalidArgument);
    store_.checkpoint();
    ASSERT_EQ(store_.audit(), "") << piece;
    store_.kill_and_reopen();
    check(value);
  }
}

std::string name_of(const ::testing::TestParamInfo<Values::ParamType>& test) {
  return (test.param.second == PageAccess::kMapped ? "Mapped" : "Private") +
         std::to_string(test.param.first);
}

INSTANTIATE_TEST_SUITE_P(Pages, Values,
                         ::testing::Values(std::pair(4096U, PageAccess::kMapped),
                                           std::pair(4096U, PageAccess::kPrivate),
                                           std::pair(65536U, PageAccess::kMapped)),
                         name_of);

// --- Damage --------------------------------------------------------------------------------------

// The file of a store that isn't used meanwhile, page by page.
class PageFile {
 public:
  explicit PageFile(TreeStore& store) : image_(*store.machine().image(kPagesPath)) {
    const Bytes file = image_.cached();
    for (const pager::MetaSlot slot : {pager::MetaSlot::kA, pager::MetaSlot::kB}) {
      const auto meta = value_of(
          pager::decode_meta(slot, file.subspan(pager::meta_offset(slot), pager::kMetaSize)));
      if (meta.sequence > meta_.sequence) meta_ = meta;
    }
  }

  const pager::Meta& meta() const { return meta_; }
  bool has(PageId id) const {
    return to_u64(id) >= 32 && to_u64(id) < image_.cached().size() / 4096;
  }

  std::vector<std::byte> page(PageId id) const {
    const Bytes bytes = image_.cached().subspan(to_u64(id) * 4096, 4096);
    return {bytes.begin(), bytes.end()};
  }

  void overwrite(PageId id, const std::vector<std::byte>& page) {
    image_.overwrite(to_u64(id) * 4096, page);
  }

  // Puts right the checksums of all that the meta reaches, and those in the references to it.
  void put_checksums_right() {
    seal(meta_.root.id);
    meta_.root.checksum = pager::stored_checksum(page(meta_.root.id).data());
    image_.overwrite(pager::meta_offset(meta_.slot), pager::encode_meta(meta_));
  }

 private:
  void seal(PageId id) {
    if (!sealed_.insert(id).second) return;
    std::vector<std::byte> bytes = page(id);
    std::vector<pager::ChildSlot> slots;
    if (pager::read_header(bytes.data()).level > 0) tree_layout().child_slots(bytes, slots);
    for (const pager::ChildSlot& slot : slots) {
      if (!has(slot.id)) continue;
      seal(slot.id);
      store_u32(bytes.data() + slot.checksum_offset, pager::stored_checksum(page(slot.id).data()));
    }
    pager::store_checksum(pager::page_checksum(pager::page_checksum_seed(meta_.uuid), bytes),
                          bytes.data());
    overwrite(id, bytes);
  }

  io::sim::FileImage& image_;
  pager::Meta meta_;
  std::set<PageId> sealed_;
};

constexpr std::uint64_t kPageBytes = value_page_bytes(4096);
constexpr std::uint64_t kReferences = value_index_references(4096);

// A value with two levels of indexes: the second index has two references.
class DamagedValue : public ::testing::Test {
 protected:
  DamagedValue() {
    Random random(1);
    expected_ = any_text(random, (kReferences + 1) * kPageBytes + 100);
    value_of(store_.writer().put(bytes_of("other"), bytes_of(std::string(9000, 'o'))));
    put(store_, expected_);
    const NodeView leaf = value_of(store_.tree().read_root());
    leaf_ = store_.root().page.id;
    slot_ = static_cast<std::size_t>(leaf.value(0).data() - leaf.page());
    root_ = leaf.long_value(0).root.id;
    other_ = leaf.long_value(1).root.id;
    const PageFile file(store_);
    indexes_ = references(file, root_, 2);
    pages_ = references(file, indexes_[0], kReferences);
    const auto last = references(file, indexes_[1], 2);
    pages_.insert(pages_.end(), last.begin(), last.end());
  }

  static std::vector<PageId> references(const PageFile& file, PageId index, std::size_t count) {
    const std::vector<std::byte> page = file.page(index);
    std::vector<PageId> ids;
    for (std::size_t i = 0; i < count; ++i) {
      ids.push_back(load_reference(page.data() + kPageHeaderSize + i * kReferenceSize).id);
    }
    return ids;
  }

  // A store with one page changed, and all checksums right.
  template <typename Change>
  std::unique_ptr<TreeStore> changed(PageId id, Change change) const {
    auto copy = store_.copy();
    PageFile file(*copy);
    std::vector<std::byte> page = file.page(id);
    change(page);
    file.overwrite(id, page);
    file.put_checksums_right();
    copy->kill_and_reopen();
    return copy;
  }

  std::unique_ptr<TreeStore> with_reference(PageId index, std::size_t number, PageId to) const {
    return changed(index, [&](std::vector<std::byte>& page) {
      store_u64(page.data() + kPageHeaderSize + number * kReferenceSize, to_u64(to));
    });
  }

  // The rule that reading the whole value breaks; "" if what is read is right, or if `any` is set,
  // anything.
  std::string rule_of_reading(TreeStore& store, bool any = false) const {
    const auto value = store.tree().get(bytes_of("key"));
    if (!value) return value.error().rule();
    if (!*value) return "not found";
    std::string text(std::min((*value)->size(), 2 * expected_.size()), '\0');
    const auto read = (*value)->read(0, {reinterpret_cast<std::byte*>(text.data()), text.size()});
    if (read) return any || text == expected_ ? "" : "wrong bytes";
    EXPECT_EQ(read.error().code(), Code::kCorruption);
    EXPECT_TRUE(read.error().page().has_value()) << read.error().to_string();
    return read.error().rule();
  }

  // The rule that removing the value breaks.
  static std::string rule_of_erasing(TreeStore& store) {
    const auto erased = store.writer().erase(bytes_of("key"));
    store.roll_back();
    return erased ? "" : erased.error().rule();
  }

  static bool finds(TreeStore& store, const std::string& rule) {
    return problems_of(store.tree()).find(rule) != std::string::npos;
  }

  TreeStore store_;
  std::string expected_;
  PageId leaf_{};
  std::size_t slot_ = 0;  // Where the leaf refers to the value.
  PageId root_{};
  PageId other_{};  // The root of another value, of level 1.
  std::vector<PageId> indexes_;
  std::vector<PageId> pages_;
};

TEST_F(DamagedValue, IsRefusedWhereABitIsWrongAndReadableElsewhere) {
  std::vector<PageId> all = {root_,          indexes_[0], indexes_[1],
                             pages_.front(), pages_[100], pages_.back()};
  Random random(2);
  for (const PageId id : all) {
    for (int i = 0; i < 4; ++i) {
      const auto store = store_.copy();
      store->machine()
          .image(kPagesPath)
          ->flip_bit(to_u64(id) * 4096 + random.below(4096),
                     static_cast<unsigned>(random.below(8)));
      const auto value = value_of(store->tree().get(bytes_of("key")));
      std::string text(expected_.size(), '\0');
      const auto read = value->read(0, {reinterpret_cast<std::byte*>(text.data()), text.size()});
      ASSERT_FALSE(read.has_value());
      EXPECT_EQ(read.error().code(), Code::kCorruption);
      EXPECT_EQ(read.error().rule(), "PAGE-1");
      EXPECT_EQ(read.error().page(), to_u64(id));
      if (id == pages_[100]) {
        EXPECT_EQ(text_of(value_of(value->piece(99 * kPageBytes))),
                  expected_.substr(99 * kPageBytes, kPageBytes));
        EXPECT_EQ(value->piece(100 * kPageBytes + 1).error().page(), to_u64(id));
      }
    }
  }
}

TEST_F(DamagedValue, IsWholeWhereNothingButChecksumsWasWritten) {
  const auto store = changed(root_, [](std::vector<std::byte>&) {});
  EXPECT_EQ(rule_of_reading(*store), "");
  EXPECT_EQ(rule_of_erasing(*store), "");
  EXPECT_EQ(problems_of(store->tree()), "");
}

TEST_F(DamagedValue, NamesPagesThatCantBe) {  // PAGE-6
  const PageId end{PageFile(store_).meta().page_count};
  for (const PageId to : {PageId{0}, PageId{31}, end, PageId{~std::uint64_t{0}}}) {
    for (const auto& [index, number] : {std::pair(root_, 0U), std::pair(root_, 1U),
                                        std::pair(indexes_[0], 0U), std::pair(indexes_[1], 1U)}) {
      const auto store = with_reference(index, number, to);
      EXPECT_EQ(rule_of_reading(*store), "PAGE-6");
      EXPECT_NE(rule_of_erasing(*store), "");
      EXPECT_NE(problems_of(store->tree()), "");
    }
  }
}

TEST_F(DamagedValue, NamesPagesThatAreNoPartOfAValueOrOfAnotherLevel) {  // VALUE-2
  const std::vector<std::pair<PageId, std::size_t>> places = {{root_, 0}, {root_, 1}};
  for (const auto& [index, number] : places) {
    for (const PageId to : {pages_[0], pages_.back()}) {
      const auto store = with_reference(index, number, to);
      EXPECT_EQ(rule_of_reading(*store), "VALUE-2");
      EXPECT_EQ(rule_of_erasing(*store), "VALUE-2");
      EXPECT_TRUE(finds(*store, "VALUE-2"));
    }
  }
  for (const PageId to : {other_, indexes_[1]}) {
    const auto store = with_reference(indexes_[0], 7, to);
    EXPECT_EQ(rule_of_reading(*store), "VALUE-2");
    EXPECT_TRUE(finds(*store, "VALUE-2"));
  }
  // The root itself: a leaf, a page of the value, an index of one level less.
  for (const PageId to : {pages_[3], indexes_[0], other_}) {
    const auto store = changed(leaf_, [&](std::vector<std::byte>& page) {
      store_u64(page.data() + slot_ + 8, to_u64(to));
    });
    EXPECT_EQ(rule_of_reading(*store), "VALUE-2");
    EXPECT_EQ(rule_of_erasing(*store), "VALUE-2");
  }
}

TEST_F(DamagedValue, NamesACircleOrAWrongChecksum) {  // PAGE-4
  // A page that refers to itself can't have the right checksum.
  for (const PageId index : {root_, indexes_[0]}) {
    const auto store = with_reference(index, 1, index);
    EXPECT_NE(rule_of_reading(*store), "");
    EXPECT_NE(problems_of(store->tree()), "");
  }
  for (const std::uint32_t checksum : {0U, 12345U}) {
    auto store = store_.copy();
    PageFile file(*store);
    // The parent is sealed by itself: first as a whole, then with this one checksum in it.
    std::vector<std::byte> page = file.page(indexes_[0]);
    store_u32(page.data() + kPageHeaderSize + 5 * kReferenceSize + 8, checksum);
    const std::uint32_t seed = pager::page_checksum_seed(file.meta().uuid);
    PageId id = indexes_[0];
    for (const auto& [parent, offset] :
         {std::pair(root_, kPageHeaderSize + 8), std::pair(leaf_, slot_ + 16)}) {
      pager::store_checksum(pager::page_checksum(seed, page), page.data());
      file.overwrite(id, page);
      const std::uint32_t sealed = pager::stored_checksum(page.data());
      page = file.page(parent);
      store_u32(page.data() + offset, sealed);
      id = parent;
    }
    pager::store_checksum(pager::page_checksum(seed, page), page.data());
    file.overwrite(id, page);
    pager::Meta meta = file.meta();
    meta.root.checksum = pager::stored_checksum(page.data());
    store->machine()
        .image(kPagesPath)
        ->overwrite(pager::meta_offset(meta.slot), pager::encode_meta(meta));
    store->kill_and_reopen();
    EXPECT_EQ(rule_of_reading(*store), "PAGE-4") << checksum;
  }
}

TEST_F(DamagedValue, NamesReferencesAndBytesBehindItsEnd) {  // VALUE-1, VALUE-3
  for (const auto& [index, number] : {std::pair(root_, 2U), std::pair(indexes_[1], 2U)}) {
    const auto store = with_reference(index, number, pages_[4]);
    EXPECT_EQ(rule_of_reading(*store), "");  // Nobody looks there.
    EXPECT_EQ(rule_of_erasing(*store), "VALUE-1");
    EXPECT_TRUE(finds(*store, "VALUE-1"));
  }
  const auto store =
      changed(pages_.back(), [](std::vector<std::byte>& page) { page.back() = std::byte{1}; });
  EXPECT_EQ(rule_of_reading(*store), "");
  EXPECT_TRUE(finds(*store, "VALUE-3"));
}

TEST_F(DamagedValue, NamesASizeThatItsPagesDontHave) {
  const auto sized = [&](std::uint64_t size) {
    return changed(leaf_,
                   [&](std::vector<std::byte>& page) { store_u64(page.data() + slot_, size); });
  };
  // More pages, but of the same height; one level more; one less; fewer bytes in the last page.
  EXPECT_EQ(rule_of_reading(*sized(expected_.size() + kPageBytes)), "PAGE-6");
  EXPECT_EQ(rule_of_reading(*sized(value_bytes_below(3, 4096) + 1)), "VALUE-2");
  EXPECT_EQ(rule_of_reading(*sized(2 * kPageBytes)), "VALUE-2");
  const std::uint64_t huge = std::uint64_t{1} << 40U;
  EXPECT_EQ(rule_of_reading(*sized(huge)), "VALUE-2");
  EXPECT_EQ(rule_of_erasing(*sized(huge)), "TREE-4");  // More pages than there are.
  EXPECT_TRUE(finds(*sized(huge), "VALUE-2"));
  EXPECT_EQ(rule_of_reading(*sized(~huge)), "NODE-4");
  EXPECT_EQ(rule_of_erasing(*sized(~huge)), "NODE-4");
  EXPECT_TRUE(finds(*sized(~huge), "NODE-4"));
  EXPECT_TRUE(finds(*sized(expected_.size() - 1), "VALUE-3"));
  EXPECT_TRUE(finds(*sized(expected_.size() - kPageBytes), "VALUE-1"));
  EXPECT_EQ(rule_of_erasing(*sized(expected_.size() - kPageBytes)), "VALUE-1");
}

TEST_F(DamagedValue, NeverMakesAReaderOrAWriterFall) {
  Random random(5);
  const std::vector<PageId> all = {leaf_,       root_,     indexes_[0],
                                   indexes_[1], pages_[0], pages_.back()};
  int refused = 0;
  for (int i = 0; i < 150; ++i) {
    const auto store = changed(all[random.below(all.size())], [&](std::vector<std::byte>& page) {
      // Where something stands.
      const std::size_t at = random.chance(1, 4)
                                 ? 4 + random.below(4)
                                 : 72 + random.below(random.chance(1, 2) ? 60 : 4000);
      const std::uint64_t number = random.chance(1, 2) ? random.below(400) : random.next();
      for (std::size_t k = 0; k < std::min<std::size_t>(random.below(8) + 1, 4096 - at); ++k) {
        page[at + k] = static_cast<std::byte>(number >> (8 * k));
      }
    });
    const std::string read = rule_of_reading(*store, true);
    refused += read.empty() ? 0 : 1;
    (void)rule_of_erasing(*store);
    (void)problems_of(store->tree());
  }
  EXPECT_GT(refused, 20);
}

}  // namespace
}  // namespace caisson::btree

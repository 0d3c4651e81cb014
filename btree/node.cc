#include "btree/node.h"

#include <bitset>
#include <string>

namespace caisson::btree {

// --- Searching -----------------------------------------------------------------------------------

// Compares what follows the heads, which are equal. A head stands for at most four bytes, so where
// the rests are equal the sizes decide: "a" and "a\0" have one head.
int NodeView::compare_rest(unsigned index, Bytes suffix) const {
  const Body body = this->body(index);
  const std::size_t size = body.sizes.suffix;
  const std::size_t common = std::min(rest_size(size), rest_size(suffix.size()));
  if (common != 0) {
    const int order = std::memcmp(body.bytes, suffix.data() + kHeadSize, common);
    if (order != 0) return order;
  }
  return size < suffix.size() ? -1 : static_cast<int>(size > suffix.size());
}

// Fetches the entries that the next three steps of a binary search may look at. They lie anywhere
// in the heap, and to wait for one after the other is what a search costs.
[[gnu::always_inline]] inline void NodeView::prefetch_between(std::size_t begin,
                                                              std::size_t end) const {
  if (end - begin < 8) return;
  for (std::size_t i = 1; i < 8; ++i) {
    __builtin_prefetch(entry(static_cast<unsigned>(begin + i * (end - begin) / 8)));
  }
}

bool NodeView::ends_before(Bytes key) const {
  if (const int order =
          compare_bytes(prefix(), key.first(std::min<std::size_t>(key.size(), prefix_size_)));
      order != 0) {
    return order < 0;
  }
  const Bytes suffix = key.subspan(prefix_size_);
  const std::uint32_t last = head(count_ - 1);
  const std::uint32_t wanted = head_of(suffix);
  return last != wanted ? last < wanted : compare_rest(count_ - 1, suffix) < 0;
}

std::size_t NodeView::fill() const {
  if (says_sizes()) return count_ * weight(0);
  std::size_t sum = 0;
  for (unsigned i = 0; i < count_; ++i) sum += weight(i);
  return sum;
}

bool NodeView::is_filled_to(std::size_t bytes) const {
  // As if no key ended within prefix and head: those that do weigh up to four bytes less.
  const std::size_t most = used() + count_ * (prefix_size_ + (says_sizes() ? kEntryHeaderSize : 0));
  if (most < bytes) return false;
  if (most >= bytes + count_ * kHeadSize + prefix_size_) return true;
  return fill() >= bytes;
}

Position NodeView::find_from(unsigned first, Bytes key) const {
  if (prefix_size_ != 0) {
    const std::size_t common = std::min<std::size_t>(prefix_size_, key.size());
    const int order = common == 0 ? 0 : std::memcmp(page_ + kNodeHeaderSize, key.data(), common);
    if (order < 0) return {count_, false};
    if (order > 0 || key.size() < prefix_size_) return {first, false};
  }
  const Bytes suffix = key.subspan(prefix_size_);
  const std::uint32_t wanted = head_of(suffix);
  const std::byte* all = heads();
  const auto head_at = [all](std::size_t index) { return load_u32(all + index * kHeadSize); };
  // The first head that is not less. Without branches: they would be mispredicted half the time.
  std::size_t begin = first;
  std::size_t size = count_ - first;
  while (size > 1) {
    const std::size_t half = size / 2;
    begin = head_at(begin + half - 1) < wanted ? begin + half : begin;
    size -= half;
  }
  if (size == 1 && head_at(begin) < wanted) ++begin;
  if (begin == count_ || head_at(begin) != wanted) {
    return {static_cast<unsigned>(begin), false};
  }
  // Among the entries with this head, of which there is one as a rule.
  std::size_t end = begin + 1;
  for (std::size_t step = 1; end < count_ && head_at(end) == wanted; step *= 2) {
    end = std::min<std::size_t>(end + step, count_);
    while (head_at(end - 1) != wanted) --end;
  }
  // Where there is one, its value, too, is likely to be wanted.
  if (end == begin + 1) prefetch_entry(static_cast<unsigned>(begin), fetched_bytes());
  for (unsigned step = 0; begin < end; ++step) {
    if (step % 3 == 0) prefetch_between(begin, end);
    const std::size_t middle = (begin + end) / 2;
    const int order = compare_rest(static_cast<unsigned>(middle), suffix);
    if (order == 0) return {static_cast<unsigned>(middle), true};
    if (order < 0) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return {static_cast<unsigned>(begin), false};
}

// --- Checking ------------------------------------------------------------------------------------

namespace {

class Checker {
 public:
  explicit Checker(Bytes page)
      : page_(page),
        branch_(pager::read_header(page.data()).type == kBranch),
        level_(pager::read_header(page.data()).level),
        count_(load_u16(page.data() + 72)),
        prefix_size_(load_u16(page.data() + 74)),
        heap_size_(load_u16(page.data() + 76)),
        sizes_(load_sizes(page.data() + 80)),
        says_sizes_(sizes_.suffix != kSizesVary) {}

  Result<void> run() {
    CAISSON_RETURN_IF_ERROR(check_sizes());
    CAISSON_RETURN_IF_ERROR(check_heap());
    CAISSON_RETURN_IF_ERROR(check_offsets());
    return check_order();
  }

 private:
  Result<void> broken(std::string what, const char* rule) const {
    return fail(Error(Code::kCorruption, std::move(what))
                    .at_page(to_u64(pager::read_header(page_.data()).id))
                    .with_rule(rule));
  }

  std::size_t heads_end() const {
    return kNodeHeaderSize + prefix_size_ + count_ * (kHeadSize + kOffsetSize);
  }

  bool is_leaf_level() const {
    return level_ == 0 || level_ == kLeafLevel || level_ == kCatalogLeafLevel;
  }
  bool is_branch_level() const {
    return level_ >= kBranchLevelMin && level_ <= kCatalogBranchLevelMax &&
           level_ != kCatalogLeafLevel;
  }

  // A leaf of a catalog.
  bool names_trees() const { return !branch_ && level_ == kCatalogLeafLevel; }

  Result<void> check_sizes() const {
    if (!(branch_ ? is_branch_level() : is_leaf_level())) {
      return broken("a node with a level that it can't have", "NODE-4");
    }
    if (count_ < (branch_ ? 2U : 1U)) return broken("a node with too few entries", "NODE-1");
    if (heads_end() > page_.size() || heap_size_ > page_.size() - heads_end()) {
      return broken("a node's parts don't fit in the page", "NODE-1");
    }
    if (says_sizes_ ? branch_ || sizes_.rest() + sizes_.held() == 0 : sizes_.value != 0) {
      return broken("a node says sizes that it can't say", "NODE-1");
    }
    const std::size_t heap = page_.size() - heap_size_;
    if (!all_zero(page_.subspan(heads_end(), heap - heads_end()))) {
      return broken("bytes between a node's parts are not zero", "NODE-2");
    }
    return {};
  }

  // Walks the heap from entry to entry, and notes where they begin.
  Result<void> check_heap() {
    std::size_t at = page_.size() - heap_size_;
    std::size_t entries = 0;
    std::size_t long_values = 0;
    const std::size_t header = says_sizes_ ? 0 : kEntryHeaderSize;
    while (at < page_.size()) {
      if (page_.size() - at < header) return broken("the heap ends within an entry", "NODE-2");
      const EntrySizes sizes = says_sizes_ ? sizes_ : load_sizes(page_.data() + at);
      const std::size_t size = header + sizes.rest() + sizes.held();
      if (size > page_.size() - at) return broken("the heap ends within an entry", "NODE-2");
      const std::size_t key_size = prefix_size_ + sizes.suffix;
      if (key_size > key_size_max(page_.size()) ||
          entry_weight(key_size, sizes.held()) > entry_weight_max(page_.size())) {
        return broken("an entry is larger than a node takes", "NODE-5");
      }
      const bool is_long = sizes.value == kLongValue;
      const std::byte* value = page_.data() + at + size - sizes.held();
      if (branch_ ? is_long || sizes.held() != kReferenceSize || load_u64(value) == 0
                  : is_long && !is_plausible(load_long_value(value))) {
        return broken("a node's value is no reference", "NODE-4");
      }
      if (names_trees() && (is_long || !names_tree({value, sizes.held()}))) {
        return broken("a catalog's value names no tree", "NODE-6");
      }
      begins_.set(at);
      long_values += is_long ? 1 : 0;
      ++entries;
      at += size;
    }
    if (entries != count_) return broken("the heap has another number of entries", "NODE-2");
    if (load_u16(page_.data() + 78) != long_values ||
        (!branch_ && !names_trees() && level_ != (long_values == 0 ? 0 : kLeafLevel))) {
      return broken("the number of long values differs", "NODE-4");
    }
    return {};
  }

  static bool is_plausible(const LongValueRef& ref) {
    return ref.size >= 1 && ref.size <= kLongValueSizeMax && ref.root.id != PageId{};
  }

  Result<void> check_offsets() {
    const std::byte* offsets = page_.data() + heads_end() - count_ * kOffsetSize;
    for (std::size_t i = 0; i < count_; ++i) {
      const std::uint16_t offset = load_u16(offsets + i * kOffsetSize);
      if (!begins_.test(offset)) {
        return broken("an offset that leads to no entry, or to one that has one", "NODE-2");
      }
      begins_.reset(offset);
    }
    return {};
  }

  Result<void> check_order() const {
    const NodeView node(page_.data(), page_.size());
    for (unsigned i = 0; i < count_; ++i) {
      const std::size_t suffix = node.key_size(i) - prefix_size_;
      if (branch_ && i == 0) {
        if (suffix != 0 || node.head(0) != 0) {
          return broken("a branch's first entry has a key", "NODE-3");
        }
        continue;
      }
      if (suffix < kHeadSize && (node.head(i) << (8 * suffix)) != 0) {
        return broken("a head has bytes behind its key", "NODE-3");
      }
      if (i > (branch_ ? 1U : 0U) && !ascends(node, i)) {
        return broken("keys are not in order", "NODE-3");
      }
    }
    return {};
  }

  // Whether entry `i` is greater than the one before it.
  bool ascends(const NodeView& node, unsigned i) const {
    const std::uint32_t before = node.head(i - 1);
    const std::uint32_t head = node.head(i);
    if (before != head) return before < head;
    const auto rest_of = [&](unsigned index) -> Bytes {
      const std::size_t rest = node.sizes(index).rest();
      return {node.value(index).data() - rest, rest};
    };
    if (const int order = compare_bytes(rest_of(i - 1), rest_of(i)); order != 0) return order < 0;
    return node.key_size(i - 1) < node.key_size(i);
  }

  const Bytes page_;
  const bool branch_;
  const std::uint8_t level_;
  const std::size_t count_;
  const std::size_t prefix_size_;
  const std::size_t heap_size_;
  const EntrySizes sizes_;
  const bool says_sizes_;
  std::bitset<pager::kPageSizeMax> begins_;
};

}  // namespace

Result<void> check_node(Bytes page) { return Checker(page).run(); }

}  // namespace caisson::btree

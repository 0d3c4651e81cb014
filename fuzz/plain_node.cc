#include "fuzz/plain_node.h"

#include <algorithm>
#include <utility>

#include "base/codec.h"

namespace caisson::fuzz {
namespace {

constexpr std::size_t kCount = 72;
constexpr std::size_t kPrefixSize = 74;
constexpr std::size_t kHeapSize = 76;
constexpr std::size_t kLongValues = 78;
constexpr std::size_t kKeySize = 80;
constexpr std::size_t kValueSize = 82;
constexpr std::size_t kPrefix = 84;
constexpr std::uint16_t kOwnSizes = 0xFFFF;
constexpr std::uint16_t kIsLong = 0xFFFF;
constexpr std::uint64_t kLongSizeMax = std::uint64_t{1} << 40U;

// A page, or none, and then twelve zeros behind it.
bool is_name(const std::string& value) {
  if (value.size() < 20) return false;
  return value.substr(0, 8) != std::string(8, '\0') || value.substr(8, 12) == std::string(12, '\0');
}

std::size_t rest_of(std::size_t key_size) { return key_size > 4 ? key_size - 4 : 0; }

// Reads the parts one by one, each only when what it needs has been found right.
class Reader {
 public:
  explicit Reader(Bytes page) : page_(page) {}

  std::optional<PlainNode> read() {
    if (read_counts() && read_entries() && heap_is_tiled() && keys_ascend() && values_are_right() &&
        none_too_large()) {
      return std::move(node_);
    }
    return std::nullopt;
  }

 private:
  std::size_t number(std::size_t at) const { return load_u16(page_.data() + at); }

  std::string text(std::size_t at, std::size_t size) const {
    return {reinterpret_cast<const char*>(page_.data()) + at, size};
  }

  bool read_counts() {
    const auto type = std::to_integer<unsigned>(page_[4]);
    node_.branch = type == 3;
    node_.level = std::to_integer<std::uint8_t>(page_[5]);
    if (type != 2 && type != 3) return false;
    const bool plain_branch = node_.level >= 9 && node_.level <= 71;
    const bool catalog_branch = node_.level >= 73 && node_.level <= 135;
    if (node_.branch && !plain_branch && !catalog_branch) return false;
    if (type == 2 && node_.level != 0 && node_.level != 8 && node_.level != 72) return false;
    count_ = number(kCount);
    if (count_ < (node_.branch ? 2U : 1U)) return false;
    heads_ = kPrefix + number(kPrefixSize);
    offsets_ = heads_ + 4 * count_;
    const std::size_t end = offsets_ + 2 * count_;
    if (end + number(kHeapSize) > page_.size()) return false;
    heap_ = page_.size() - number(kHeapSize);
    node_.prefix = text(kPrefix, number(kPrefixSize));
    node_.sizes_once = number(kKeySize) != kOwnSizes;
    if (!node_.sizes_once && number(kValueSize) != 0) return false;
    if (node_.sizes_once && node_.branch) return false;
    return all_zero(page_.subspan(end, heap_ - end));
  }

  bool read_entries() {
    for (std::size_t i = 0; i < count_; ++i) {
      if (!read_entry(i)) return false;
    }
    return true;
  }

  bool read_entry(std::size_t index) {
    const std::size_t begin = number(offsets_ + 2 * index);
    if (begin < heap_ || begin >= page_.size()) return false;
    std::size_t at = begin;
    std::size_t key_size = number(kKeySize);
    std::size_t value_size = number(kValueSize);
    if (!node_.sizes_once) {
      if (page_.size() - at < 4) return false;
      key_size = number(at);
      value_size = number(at + 2);
      at += 4;
    }
    PlainEntry entry;
    entry.is_long = value_size == kIsLong;
    if (entry.is_long) value_size = 20;
    const std::size_t rest = rest_of(key_size);
    if (rest + value_size > page_.size() - at) return false;
    std::string head;
    for (std::size_t i = 4; i-- > 0;) {  // Stored as a little-endian number.
      head += static_cast<char>(page_[heads_ + 4 * index + i]);
    }
    for (std::size_t i = key_size; i < 4; ++i) {
      if (head[i] != '\0') return false;
    }
    head.resize(std::min<std::size_t>(key_size, 4));
    entry.key = head + text(at, rest);
    // Entry 0 of a branch has no key.
    if (!node_.branch || index > 0) {
      entry.key = node_.prefix + entry.key;
    } else if (key_size != 0) {
      return false;
    }
    entry.value = text(at + rest, value_size);
    node_.entries.push_back(std::move(entry));
    extents_.emplace_back(begin, at + rest + value_size);
    return true;
  }

  // Whether the entries, each of one byte or more, fill the heap without gaps and overlaps.
  bool heap_is_tiled() {
    std::ranges::sort(extents_);
    std::size_t at = heap_;
    for (const auto& [begin, end] : extents_) {
      if (begin != at || end == begin) return false;
      at = end;
    }
    return at == page_.size();
  }

  bool keys_ascend() const {
    for (std::size_t i = node_.branch ? 2 : 1; i < count_; ++i) {
      if (!(node_.entries[i - 1].key < node_.entries[i].key)) return false;
    }
    return true;
  }

  bool values_are_right() const {
    std::size_t long_values = 0;
    for (const PlainEntry& entry : node_.entries) {
      const auto* value = reinterpret_cast<const std::byte*>(entry.value.data());
      if (node_.branch && (entry.is_long || entry.value.size() != 12 || load_u64(value) == 0)) {
        return false;
      }
      if (node_.names_trees() && (entry.is_long || !is_name(entry.value))) return false;
      if (!entry.is_long) continue;
      if (load_u64(value) == 0 || load_u64(value) > kLongSizeMax) return false;
      if (load_u64(value + 8) == 0) return false;
      ++long_values;
    }
    if (number(kLongValues) != long_values) return false;
    if (node_.branch || node_.names_trees()) return true;
    return node_.level == (long_values == 0 ? 0 : 8);
  }

  bool none_too_large() const {
    const std::size_t room = page_.size() - kPrefix;
    return std::ranges::all_of(node_.entries, [&](const PlainEntry& entry) {
      const std::size_t key_size = std::max(entry.key.size(), node_.prefix.size());
      return key_size <= page_.size() / 8 &&
             10 + rest_of(key_size) + entry.value.size() <= room / 3;
    });
  }

  const Bytes page_;
  PlainNode node_;
  std::size_t count_ = 0;
  std::size_t heads_ = 0;
  std::size_t offsets_ = 0;
  std::size_t heap_ = 0;
  std::vector<std::pair<std::size_t, std::size_t>> extents_;
};

}  // namespace

std::size_t PlainNode::fill() const {
  std::size_t sum = 0;
  for (const PlainEntry& entry : entries)
    sum += 10 + rest_of(entry.key.size()) + entry.value.size();
  return sum;
}

std::size_t PlainNode::free_bytes(std::size_t page_size) const {
  std::size_t used = kPrefix + prefix.size();
  for (const PlainEntry& entry : entries) {
    const std::size_t key_size = std::max(entry.key.size(), prefix.size()) - prefix.size();
    used += (sizes_once ? 6 : 10) + rest_of(key_size) + entry.value.size();
  }
  return page_size - used;
}

void make_plausible(std::string& long_value) {
  long_value.resize(20);
  long_value[0] = '\1';
  long_value.replace(5, 3, 3, '\0');
  long_value[8] = '\1';
}

void make_name(std::string& value) {
  if (value.size() < 20) value.resize(20);
  if (!is_name(value)) value[0] = '\1';
}

std::optional<PlainNode> read_plain(Bytes page) { return Reader(page).read(); }

}  // namespace caisson::fuzz

#include "fuzz/node_input.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/codec.h"
#include "fuzz/page_image.h"
#include "pager/page.h"

namespace caisson::fuzz {
namespace {

constexpr std::size_t kInputHeaderSize = 8;
constexpr std::size_t kPageLevel = 5;

// Offsets in the front, which begins at 72.
constexpr std::size_t kCount = 0;
constexpr std::size_t kPrefixSize = 2;
constexpr std::size_t kHeapSize = 4;
constexpr std::size_t kLongValues = 6;
constexpr std::size_t kKeySize = 8;
constexpr std::size_t kValueSize = 10;
constexpr std::size_t kPrefix = 12;

std::vector<std::byte> serialized(const NodeInput& input) {
  std::vector<std::byte> out(kInputHeaderSize);
  out[0] = std::byte{input.size_code};
  out[1] = std::byte{input.level};
  store_u32(out.data() + 2, input.seed);
  store_u16(out.data() + 6, static_cast<std::uint16_t>(input.front.size()));
  out.insert(out.end(), input.front.begin(), input.front.end());
  out.insert(out.end(), input.heap.begin(), input.heap.end());
  return out;
}

std::string random_bytes(Random& random, std::size_t size) {
  std::string text(size, '\0');
  random.fill({reinterpret_cast<std::byte*>(text.data()), text.size()});
  return text;
}

// --- A node's bytes ------------------------------------------------------------------------------

// Changes numbers of a node's page, mostly by so little that it may stay a node, or nearly.
class BytesMutator {
 public:
  BytesMutator(NodeInput& input, Random& random) : input_(input), random_(random) {}

  void run() {
    if (input_.front.size() < kPrefix) return;
    switch (random_.below(7)) {
      case 0:
        step(input_.front.data() + 2 * random_.below(kPrefix / 2));
        break;
      case 1:
        swap_offsets();
        break;
      case 2:
        step_offset();
        break;
      case 3:
        copy_head();
        break;
      case 4:
        flip_bit(random_.chance(1, 2) ? input_.front : input_.heap);
        break;
      case 5:
        resize_entry();
        break;
      default:
        change_frame();
    }
  }

 private:
  std::size_t count() const { return load_u16(input_.front.data() + kCount); }
  std::size_t heads() const { return kPrefix + load_u16(input_.front.data() + kPrefixSize); }

  std::byte* head(std::size_t index) {
    const std::size_t at = heads() + 4 * index;
    return at + 4 <= input_.front.size() ? input_.front.data() + at : nullptr;
  }
  std::byte* offset(std::size_t index) {
    const std::size_t at = heads() + 4 * count() + 2 * index;
    return at + 2 <= input_.front.size() ? input_.front.data() + at : nullptr;
  }
  std::size_t any_index() { return count() == 0 ? 0 : random_.below(count()); }

  std::uint16_t small_step() {
    const auto size = static_cast<std::uint16_t>(1 + random_.below(8));
    return random_.chance(1, 2) ? size : static_cast<std::uint16_t>(0x10000 - size);
  }

  void step(std::byte* number) {
    store_u16(number, random_.chance(1, 6)
                          ? static_cast<std::uint16_t>(interesting_number(random_))
                          : static_cast<std::uint16_t>(load_u16(number) + small_step()));
  }

  void swap_offsets() {
    std::byte* one = offset(any_index());
    std::byte* two = offset(any_index());
    if (one == nullptr || two == nullptr) return;
    const std::uint16_t was = load_u16(one);
    store_u16(one, load_u16(two));
    store_u16(two, was);
  }

  void step_offset() {
    if (std::byte* place = offset(any_index()); place != nullptr) step(place);
  }

  void copy_head() {
    std::byte* from = head(any_index());
    std::byte* to = head(any_index());
    if (from == nullptr || to == nullptr) return;
    const auto step = static_cast<std::uint32_t>(random_.below(3));
    store_u32(to, random_.chance(1, 2) ? load_u32(from) : load_u32(to) + step - 1);
  }

  void flip_bit(std::vector<std::byte>& bytes) {
    if (bytes.empty()) return;
    bytes[random_.below(bytes.size())] ^= static_cast<std::byte>(1U << random_.below(8));
  }

  // Gives an entry another key or value size, and the heap the bytes or the lack of them; what
  // lies before it in the page moves.
  void resize_entry() {
    std::byte* place = offset(any_index());
    if (place == nullptr) return;
    const std::size_t heap_begin = input_.page_size() - input_.heap.size();
    const std::size_t entry = load_u16(place);
    if (entry < heap_begin || entry + 4 > input_.page_size()) return;
    const std::size_t at = entry - heap_begin;
    const bool grows = random_.chance(1, 2);
    const std::size_t size = 1 + random_.below(6);
    if (!grows && at + 4 + size > input_.heap.size()) return;
    std::byte* field = input_.heap.data() + at + 2 * random_.below(2);
    store_u16(field,
              static_cast<std::uint16_t>(grows ? load_u16(field) + size : load_u16(field) - size));
    const auto behind = input_.heap.begin() + static_cast<std::ptrdiff_t>(at + 4);
    if (grows) {
      input_.heap.insert(behind, size, std::byte{0});
    } else {
      input_.heap.erase(behind, behind + static_cast<std::ptrdiff_t>(size));
    }
    for (std::size_t i = 0; i < count(); ++i) {
      std::byte* other = offset(i);
      if (other == nullptr) break;
      const std::size_t was = load_u16(other);
      if (was <= entry) {
        store_u16(other, static_cast<std::uint16_t>(grows ? was - size : was + size));
      }
    }
    store_u16(input_.front.data() + kHeapSize, static_cast<std::uint16_t>(input_.heap.size()));
  }

  std::uint8_t any_level() {
    switch (random_.below(4)) {
      case 0:
        return 8;
      case 1:
        return 72;
      default:
        return static_cast<std::uint8_t>(random_.below(140));
    }
  }

  void change_frame() {
    switch (random_.below(4)) {
      case 0:
        input_.size_code = static_cast<std::uint8_t>(random_.below(5));
        break;
      case 1:
        input_.level = any_level();
        break;
      case 2:
        input_.heap.insert(input_.heap.begin(), random_.below(3), std::byte{0});
        break;
      default:
        input_.front.resize(input_.front.size() + random_.below(3));
    }
  }

  NodeInput& input_;
  Random& random_;
};

// --- A node's entries ----------------------------------------------------------------------------

// Changes a node as the entries that it holds, and lays it out anew, by the rules but in any way
// that they allow.
class EntriesMutator {
 public:
  EntriesMutator(PlainNode& node, Random& random) : node_(node), random_(random) {}

  void run() {
    for (std::uint64_t times = 1 + random_.below(4); times > 0; --times) change();
    put_right();
  }

 private:
  std::size_t any_index() { return random_.below(node_.entries.size()); }
  PlainEntry& any_entry() { return node_.entries[any_index()]; }

  void change() {
    PlainEntry& entry = any_entry();
    switch (random_.below(8)) {
      case 0:
        if (node_.entries.size() > 1) {
          node_.entries.erase(node_.entries.begin() + static_cast<std::ptrdiff_t>(any_index()));
        }
        break;
      case 1:
      case 2:
        node_.entries.push_back(entry);
        change_key(node_.entries.back().key);
        break;
      case 3:
        change_key(entry.key);
        break;
      case 4:
        if (!node_.branch) change_value(entry);
        break;
      case 5:  // Like another one's in kind and size.
        entry.value = any_entry().value;
        entry.is_long = entry.value.size() == 20 && random_.chance(1, 2);
        break;
      case 6:  // All alike, so that the node can say their sizes.
        for (PlainEntry& each : node_.entries) {
          each.value = entry.value;
          each.is_long = entry.is_long;
          each.key.resize(entry.key.size(), 'k');
        }
        break;
      default:  // Many that differ in their ends only.
        for (std::uint64_t more = random_.below(12); more > 0; --more) {
          PlainEntry copy = any_entry();
          copy.key.push_back(static_cast<char>(random_.below(3)));
          node_.entries.push_back(std::move(copy));
        }
    }
  }

  void change_key(std::string& key) {
    const std::size_t at = key.empty() ? 0 : random_.below(key.size());
    switch (random_.below(5)) {
      case 0:
        key.push_back(static_cast<char>(random_.chance(1, 2) ? 0 : random_.below(256)));
        break;
      case 1:
        if (!key.empty()) key.pop_back();
        break;
      case 2:
        if (!key.empty()) key[at] = static_cast<char>(random_.below(256));
        break;
      case 3:
        if (!key.empty()) key[at] = static_cast<char>(random_.chance(1, 2) ? 0xFF : 0);
        break;
      default:
        key.insert(at, random_bytes(random_, random_.below(random_.chance(1, 10) ? 200 : 6)));
    }
  }

  void change_value(PlainEntry& entry) {
    entry.is_long = random_.chance(1, 4);
    entry.value = random_bytes(random_, random_.below(random_.chance(1, 10) ? 400 : 24));
  }

  // Makes the entries such as a node may have, wherever that can be.
  void put_right() {
    auto& entries = node_.entries;
    const auto first = entries.begin() + (node_.branch ? 1 : 0);
    std::sort(first, entries.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    entries.erase(std::unique(first, entries.end(),
                              [](const auto& a, const auto& b) { return a.key == b.key; }),
                  entries.end());
    if (!node_.branch && random_.chance(1, 16)) node_.level = node_.names_trees() ? 0 : 72;
    bool any_long = false;
    bool same_sizes = !node_.branch;
    for (PlainEntry& entry : entries) {
      if (node_.branch || node_.names_trees()) entry.is_long = false;
      if (node_.branch) entry.value.resize(12, '\1');
      if (node_.names_trees()) make_name(entry.value);
      if (entry.is_long) make_plausible(entry.value);
      any_long = any_long || entry.is_long;
      same_sizes = same_sizes && entry.key.size() == entries[0].key.size() &&
                   entry.value.size() == entries[0].value.size() &&
                   entry.is_long == entries[0].is_long;
    }
    if (node_.branch) {
      entries[0].key.clear();
    } else if (!node_.names_trees()) {
      node_.level = any_long ? 8 : 0;
    }
    const std::string& low = entries[node_.branch && entries.size() > 1 ? 1 : 0].key;
    const std::string& high = entries.back().key;
    const auto end = std::mismatch(low.begin(), low.end(), high.begin(), high.end()).first;
    node_.prefix.assign(low.begin(), end);
    if (random_.chance(1, 4)) node_.prefix.resize(random_.below(node_.prefix.size() + 1));
    const std::size_t suffix = low.size() - node_.prefix.size();
    node_.sizes_once =
        same_sizes && (suffix > 4 || !entries[0].value.empty()) && random_.chance(3, 4);
  }

  PlainNode& node_;
  Random& random_;
};

// Lays a node out, its heap in the order of keys or in any other.
void lay_out(const PlainNode& node, Random& random, NodeInput& input) {
  const std::size_t count = node.entries.size();
  const std::size_t prefix = node.prefix.size();
  std::vector<std::size_t> order(count);
  for (std::size_t i = 0; i < count; ++i) order[i] = i;
  if (random.chance(1, 2)) {
    for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  }
  const std::size_t heads = kPrefix + prefix;
  const std::size_t offsets = heads + 4 * count;
  input.level = node.level;
  input.heap.clear();
  input.front.assign(offsets + 2 * count, std::byte{0});
  const auto append = [&](std::string_view text) {
    const Bytes bytes(reinterpret_cast<const std::byte*>(text.data()), text.size());
    input.heap.insert(input.heap.end(), bytes.begin(), bytes.end());
  };
  std::size_t long_values = 0;
  std::uint16_t key_size = 0;
  std::uint16_t value_size = 0;
  for (const std::size_t i : order) {
    const PlainEntry& entry = node.entries[i];
    const std::string suffix = node.branch && i == 0
                                   ? std::string()
                                   : entry.key.substr(std::min(prefix, entry.key.size()));
    key_size = static_cast<std::uint16_t>(suffix.size());
    value_size = entry.is_long ? 0xFFFF : static_cast<std::uint16_t>(entry.value.size());
    long_values += entry.is_long ? 1 : 0;
    for (std::size_t k = 0; k < std::min<std::size_t>(suffix.size(), 4); ++k) {
      input.front[heads + 4 * i + 3 - k] = static_cast<std::byte>(suffix[k]);
    }
    store_u16(input.front.data() + offsets + 2 * i, static_cast<std::uint16_t>(input.heap.size()));
    if (!node.sizes_once) {
      input.heap.resize(input.heap.size() + 4);
      store_u16(input.heap.data() + input.heap.size() - 4, key_size);
      store_u16(input.heap.data() + input.heap.size() - 2, value_size);
    }
    if (suffix.size() > 4) append(std::string_view(suffix).substr(4));
    append(entry.value);
  }
  for (std::size_t i = 0; i < count; ++i) {
    std::byte* place = input.front.data() + offsets + 2 * i;
    store_u16(place,
              static_cast<std::uint16_t>(load_u16(place) + input.page_size() - input.heap.size()));
  }
  std::byte* front = input.front.data();
  store_u16(front + kCount, static_cast<std::uint16_t>(count));
  store_u16(front + kPrefixSize, static_cast<std::uint16_t>(prefix));
  store_u16(front + kHeapSize, static_cast<std::uint16_t>(input.heap.size()));
  store_u16(front + kLongValues, static_cast<std::uint16_t>(long_values));
  store_u16(front + kKeySize, node.sizes_once ? key_size : std::uint16_t{0xFFFF});
  store_u16(front + kValueSize, node.sizes_once ? value_size : std::uint16_t{0});
  for (std::size_t i = 0; i < prefix; ++i) {
    input.front[kPrefix + i] = static_cast<std::byte>(node.prefix[i]);
  }
}

}  // namespace

NodeInput parse_node_input(Bytes bytes) {
  NodeInput input;
  if (bytes.size() < kInputHeaderSize) return input;
  Decoder in(bytes);
  input.size_code = in.u8();
  input.level = in.u8();
  input.seed = in.u32();
  const std::size_t room = input.page_size() - pager::kPageHeaderSize;
  std::size_t size = in.u16();
  size = std::min({size, room, in.remaining()});
  const Bytes front = in.bytes(size);
  input.front.assign(front.begin(), front.end());
  const Bytes heap = in.bytes(std::min(in.remaining(), room - size));
  input.heap.assign(heap.begin(), heap.end());
  return input;
}

std::vector<std::byte> NodeInput::page(bool branch) const {
  std::vector<std::byte> page(page_size());
  pager::write_header({.type = pager::PageType{branch ? std::uint8_t{3} : std::uint8_t{2}},
                       .level = level,
                       .id = PageId{77},
                       .txn = TxnId{1}},
                      page);
  std::ranges::copy(front, page.begin() + pager::kPageHeaderSize);
  std::ranges::copy(heap, page.end() - static_cast<std::ptrdiff_t>(heap.size()));
  return page;
}

void mutate_node_page(MutableBytes page, Random& random) {
  std::optional<PlainNode> node = read_plain(page);
  if (!node) return;
  EntriesMutator(*node, random).run();
  NodeInput input;
  while (input.page_size() < page.size()) ++input.size_code;
  lay_out(*node, random, input);
  if (pager::kPageHeaderSize + input.front.size() + input.heap.size() > page.size()) return;
  page[kPageLevel] = std::byte{input.level};
  const MutableBytes body = page.subspan(pager::kPageHeaderSize);
  std::ranges::fill(body, std::byte{0});
  std::ranges::copy(input.front, body.begin());
  std::ranges::copy(input.heap, body.end() - static_cast<std::ptrdiff_t>(input.heap.size()));
}

std::size_t mutate_node(MutableBytes buffer, std::size_t size, bool branch, std::uint64_t seed) {
  Random random(seed);
  if (random.chance(1, 6)) {
    return LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(buffer.data()), size, buffer.size());
  }
  NodeInput input = parse_node_input(buffer.first(size));
  if (random.chance(1, 4)) input.seed = static_cast<std::uint32_t>(random.next());
  std::optional<PlainNode> node;
  if (random.chance(2, 3)) node = read_plain(input.page(branch));
  if (node) {
    EntriesMutator(*node, random).run();
    lay_out(*node, random, input);
  }
  if (!node || random.chance(1, 4)) {
    for (std::uint64_t times = 1 + random.below(2); times > 0; --times) {
      BytesMutator(input, random).run();
    }
  }
  const std::vector<std::byte> bytes = serialized(input);
  if (bytes.size() > buffer.size()) return size;
  std::ranges::copy(bytes, buffer.begin());
  return bytes.size();
}

}  // namespace caisson::fuzz

#include "fuzz/node_checks.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "btree/layout.h"
#include "btree/node.h"
#include "btree/node_editor.h"
#include "fuzz/check.h"
#include "fuzz/node_input.h"
#include "fuzz/plain_node.h"

namespace caisson::fuzz {
namespace {

using btree::NodeView;
using btree::Position;

// Keys of a large node are asked for in steps, so that a search from front to back for each of them
// takes no longer than the rest.
constexpr std::size_t kKeysMax = 12;
constexpr int kEditsMax = 2;

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The level of a leaf with these entries, of the same kind as `leaf`.
std::uint8_t level_of(const PlainNode& leaf, const std::vector<PlainEntry>& entries) {
  if (leaf.names_trees()) return leaf.level;
  return std::ranges::any_of(entries, &PlainEntry::is_long) ? 8 : 0;
}

std::size_t first_key(const PlainNode& node) { return node.branch ? 1 : 0; }

std::size_t place_of(const PlainNode& node, const std::string& key) {
  std::size_t i = first_key(node);
  while (i < node.entries.size() && node.entries[i].key < key) ++i;
  return i;
}

// Keys that lie right beside `key`.
std::vector<std::string> neighbours(const std::string& key, Random& random) {
  std::vector<std::string> keys = {key + '\0', key + '\xFF'};
  if (key.empty()) return keys;
  keys.push_back(key.substr(0, key.size() - 1));
  for (const std::size_t at : {key.size() - 1, std::size_t{random.below(key.size())}}) {
    std::string changed = key;
    changed[at] = static_cast<char>(changed[at] + (random.chance(1, 2) ? 1 : -1));
    keys.push_back(std::move(changed));
  }
  return keys;
}

// --- Reading -------------------------------------------------------------------------------------

void check_shown(const NodeView& node, const PlainNode& plain) {
  const std::size_t page_size = node.page_size();
  FUZZ_CHECK(node.count() == plain.entries.size());
  FUZZ_CHECK(node.is_branch() == plain.branch && node.level() == plain.level);
  FUZZ_CHECK(node.names_trees() == plain.names_trees());
  FUZZ_CHECK(text_of(node.prefix()) == plain.prefix);
  FUZZ_CHECK(node.fill() == plain.fill() && node.free_bytes() == plain.free_bytes(page_size));
  std::vector<std::byte> key(btree::key_buffer_size(page_size));
  unsigned long_values = 0;
  for (unsigned i = 0; i < node.count(); ++i) {
    const PlainEntry& entry = plain.entries[i];
    if (i >= first_key(plain)) {
      FUZZ_CHECK(node.key_size(i) == entry.key.size());
      FUZZ_CHECK(text_of({key.data(), node.copy_key(i, key.data())}) == entry.key);
    }
    FUZZ_CHECK(node.value_is_long(i) == entry.is_long);
    FUZZ_CHECK(text_of(node.value(i)) == entry.value);
    const std::byte* value = bytes_of(entry.value).data();
    if (plain.branch) {
      FUZZ_CHECK(to_u64(node.child(i).id) == load_u64(value));
      FUZZ_CHECK(node.child(i).checksum == load_u32(value + 8));
    } else if (plain.names_trees()) {
      FUZZ_CHECK(to_u64(node.tree_root(i).page.id) == load_u64(value));
      FUZZ_CHECK(node.tree_root(i).page.checksum == load_u32(value + 8));
      FUZZ_CHECK(node.tree_root(i).count == load_u64(value + 12));
    } else if (entry.is_long) {
      ++long_values;
      FUZZ_CHECK(node.long_value(i).size == load_u64(value));
      FUZZ_CHECK(to_u64(node.long_value(i).root.id) == load_u64(value + 8));
      FUZZ_CHECK(node.long_value(i).root.checksum == load_u32(value + 16));
    }
  }
  FUZZ_CHECK(node.long_values() == long_values);
}

// The pager has to know all pages that a node names, and where their checksums stand.
void check_slots(Bytes page, const PlainNode& plain) {
  std::vector<pager::ChildSlot> slots;
  btree::tree_layout().child_slots(page, slots);
  std::size_t found = 0;
  for (unsigned i = 0; i < plain.entries.size(); ++i) {
    const PlainEntry& entry = plain.entries[i];
    if (!plain.branch && !plain.names_trees() && !entry.is_long) continue;
    const std::byte* value = btree::NodeView(page.data(), page.size()).value(i).data();
    const std::byte* reference = value + (entry.is_long ? 8 : 0);
    if (load_u64(reference) == 0) continue;
    FUZZ_CHECK(found < slots.size() && to_u64(slots[found].id) == load_u64(reference));
    FUZZ_CHECK(page.data() + slots[found].checksum_offset == reference + 8);
    ++found;
  }
  FUZZ_CHECK(found == slots.size());
}

void check_found(const NodeView& node, const PlainNode& plain, const std::string& key) {
  const std::size_t place = place_of(plain, key);
  const bool found = place < plain.entries.size() && plain.entries[place].key == key;
  if (plain.branch) {
    FUZZ_CHECK(node.child_index(bytes_of(key)) == (found ? place : place - 1));
  } else {
    const Position position = node.find(bytes_of(key));
    FUZZ_CHECK(position.index == place && position.found == found);
  }
  FUZZ_CHECK(node.ends_before(bytes_of(key)) == (plain.entries.back().key < key));
}

void check_finding(const NodeView& node, const PlainNode& plain, Random& random) {
  const std::size_t step = plain.entries.size() / kKeysMax + 1;
  for (std::size_t i = first_key(plain); i < plain.entries.size(); i += step) {
    const std::string& key = plain.entries[i].key;
    check_found(node, plain, key);
    for (const std::string& other : neighbours(key, random)) check_found(node, plain, other);
  }
  check_found(node, plain, {});
  check_found(node, plain, plain.prefix);
  check_found(node, plain, plain.entries.back().key + '\0');
}

// --- Building ------------------------------------------------------------------------------------

void check_is(Bytes page, const PlainNode& expected) {
  FUZZ_CHECK(btree::check_node(page));
  const auto plain = read_plain(page);
  FUZZ_CHECK(plain && plain->level == expected.level && plain->entries == expected.entries);
  check_shown({page.data(), page.size()}, *plain);
}

// Builds a node of entries from `begin` to `end`.
void check_part(const btree::Entries& entries, std::size_t begin, std::size_t end,
                const NodeView& node, const PlainNode& plain) {
  PlainNode expected{plain.branch, plain.level, {}, false, {}};
  expected.entries.assign(plain.entries.begin() + static_cast<std::ptrdiff_t>(begin),
                          plain.entries.begin() + static_cast<std::ptrdiff_t>(end));
  if (plain.branch) {
    expected.entries[0].key.clear();
  } else {
    expected.level = level_of(plain, expected.entries);
  }
  const btree::NodePlan plan{begin, end, plain.branch};
  FUZZ_CHECK(plan.fits(entries, node.page_size()));
  std::vector<std::byte> page(node.page_size(), std::byte{0xA5});
  std::copy_n(node.page(), pager::kPageHeaderSize, page.begin());
  btree::build_node(entries, plan, page);
  check_is(page, expected);
  const NodeView built(page.data(), page.size());
  FUZZ_CHECK(built.free_bytes() >= node.free_bytes());
  FUZZ_CHECK(built.used() + built.prefix().size() == plan.used(entries));
  FUZZ_CHECK(built.fill() == plan.fill(entries));
}

void check_rebuilding(const NodeView& node, const PlainNode& plain, Random& random) {
  const unsigned count = node.count();
  const auto middle = static_cast<unsigned>(random.below(count + 1));
  btree::Entries entries;
  entries.append(node, 0, middle, bytes_of("what the parent calls the first one"));
  entries.append(node, middle, count, {});
  FUZZ_CHECK(entries.size() == count);
  check_part(entries, 0, count, node, plain);
  const unsigned least = plain.branch ? 2 : 1;
  const std::size_t begin = random.below(count - least + 1);
  check_part(entries, begin, random.between(begin + least, count), node, plain);
}

// A leaf that begins with the first entry takes the others as far as it says that they fit.
void check_starting(const NodeView& node, const PlainNode& plain) {
  std::vector<std::byte> page(node.page_size());
  std::copy_n(node.page(), pager::kPageHeaderSize, page.begin());
  PlainNode expected{false, plain.level, {}, false, {}};
  btree::NodeEditor editor(page);
  for (const PlainEntry& entry : plain.entries) {
    const Bytes key = bytes_of(entry.key);
    const btree::HeldValue value{bytes_of(entry.value), entry.is_long};
    if (expected.entries.empty()) {
      editor.start(plain.prefix.size(), key, value);
    } else if (editor.view().fits(key, value)) {
      editor.insert(editor.view().count(), key, value);
    } else {
      break;
    }
    expected.entries.push_back(entry);
  }
  expected.level = level_of(plain, expected.entries);
  check_is(page, expected);
}

// --- Editing -------------------------------------------------------------------------------------

// Edits a node and a list of its entries alike.
class Editing {
 public:
  Editing(Bytes page, PlainNode plain, Random& random)
      : page_(page.begin(), page.end()),
        editor_(page_),
        model_(std::move(plain)),
        random_(random) {}

  void run() {
    for (int i = 0; i < kEditsMax; ++i) {
      edit();
      set_level();
      check_is(page_, model_);
    }
  }

 private:
  void edit() {
    switch (random_.below(5)) {
      case 0:
        return remove();
      case 1:
        return overwrite();
      default:
        return insert();
    }
  }

  void insert() {
    const std::size_t beside = random_.below(model_.entries.size());
    const std::vector<std::string> keys = neighbours(model_.entries[beside].key, random_);
    PlainEntry entry{keys[random_.below(keys.size())], any_value(), false};
    entry.is_long =
        !model_.branch && !model_.names_trees() && entry.value.size() == 20 && random_.chance(1, 2);
    if (entry.is_long) make_plausible(entry.value);
    const std::size_t index = place_of(model_, entry.key);
    if (index < model_.entries.size() && model_.entries[index].key == entry.key) return;
    const Bytes key = bytes_of(entry.key);
    const btree::HeldValue value{bytes_of(entry.value), entry.is_long};
    if (entry.key.size() > btree::key_size_max(page_.size()) ||
        btree::entry_weight(entry.key.size(), entry.value.size()) >
            btree::entry_weight_max(page_.size()) ||
        !editor_.view().fits(key, value)) {
      return;
    }
    editor_.insert(static_cast<unsigned>(index), key, value);
    model_.entries.insert(model_.entries.begin() + static_cast<std::ptrdiff_t>(index),
                          std::move(entry));
  }

  // The size is often that of another value, for then a node can say it once.
  std::string any_value() {
    if (model_.branch) return reference();
    std::string value(random_.chance(1, 2)
                          ? model_.entries[random_.below(model_.entries.size())].value.size()
                          : random_.below(60),
                      '\0');
    random_.fill({reinterpret_cast<std::byte*>(value.data()), value.size()});
    if (model_.names_trees()) make_name(value);
    return value;
  }

  std::string reference() {
    std::string value(btree::kReferenceSize, '\0');
    btree::store_reference(reinterpret_cast<std::byte*>(value.data()),
                           {PageId{1 + random_.below(1000)}, 0});
    return value;
  }

  void remove() {
    const std::size_t first = first_key(model_);
    if (model_.entries.size() < 2 + first) return;
    const std::size_t index = first + random_.below(model_.entries.size() - first);
    editor_.remove(static_cast<unsigned>(index));
    model_.entries.erase(model_.entries.begin() + static_cast<std::ptrdiff_t>(index));
  }

  void overwrite() {
    const auto index = static_cast<unsigned>(random_.below(model_.entries.size()));
    PlainEntry& entry = model_.entries[index];
    if (model_.branch) {
      entry.value = reference();
      editor_.set_child(index, PageId{load_u64(bytes_of(entry.value).data())});
      return;
    }
    random_.fill({reinterpret_cast<std::byte*>(entry.value.data()), entry.value.size()});
    if (entry.is_long) make_plausible(entry.value);
    if (model_.names_trees()) make_name(entry.value);
    editor_.overwrite(index, {bytes_of(entry.value), entry.is_long});
  }

  void set_level() {
    if (!model_.branch) model_.level = level_of(model_, model_.entries);
  }

  std::vector<std::byte> page_;
  btree::NodeEditor editor_;
  PlainNode model_;
  Random& random_;
};

}  // namespace

void check_node_input(Bytes bytes, bool branch) {
  const NodeInput input = parse_node_input(bytes);
  const std::vector<std::byte> page = input.page(branch);
  const auto checked = btree::check_node(page);
  const auto plain = read_plain(page);
  FUZZ_CHECK(checked.has_value() == plain.has_value());
  if (!checked) {
    FUZZ_CHECK(checked.error().code() == Code::kCorruption);
    FUZZ_CHECK(checked.error().rule().starts_with("NODE-"));
    FUZZ_CHECK(checked.error().page() == 77U);
    return;
  }
  Random random(input.seed);
  const NodeView node(page.data(), page.size());
  check_shown(node, *plain);
  check_slots(page, *plain);
  check_finding(node, *plain, random);
  check_rebuilding(node, *plain, random);
  if (!branch) check_starting(node, *plain);
  Editing(page, *plain, random).run();
}

}  // namespace caisson::fuzz

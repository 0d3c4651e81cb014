// A second reading of spec/btree.md, section 2, which shares nothing with btree/: slow, and as
// plain as the text. Where the two disagree, one of them misread the spec.

#ifndef CAISSON_FUZZ_PLAIN_NODE_H_
#define CAISSON_FUZZ_PLAIN_NODE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace caisson::fuzz {

struct PlainEntry {
  std::string key;    // Whole. In a branch the first one's is empty.
  std::string value;  // What the node holds of it.
  bool is_long = false;

  friend bool operator==(const PlainEntry&, const PlainEntry&) = default;
};

struct PlainNode {
  bool branch = false;
  std::uint8_t level = 0;
  bool names_trees() const { return !branch && level == 72; }
  std::string prefix;
  bool sizes_once = false;  // The node says the sizes that all entries have.
  std::vector<PlainEntry> entries;

  // Section 3: what the entries weigh.
  std::size_t fill() const;

  // Bytes between the offsets and the heap.
  std::size_t free_bytes(std::size_t page_size) const;
};

// Gives the 20 bytes of a long value a size and a page that a node may name.
void make_plausible(std::string& long_value);

// Makes bytes a catalog's value, which names a tree, if need be with the fewest changes.
void make_name(std::string& value);

// The node in a page of type leaf or branch; none if it breaks a rule from NODE-1 to NODE-6.
std::optional<PlainNode> read_plain(Bytes page);

}  // namespace caisson::fuzz

#endif  // CAISSON_FUZZ_PLAIN_NODE_H_

// Nodes in short, for fuzzing, and how to mutate them so that many stay nodes.
//
// A node has its counts, heads and offsets at one end of its page, its heap at the other, and zeros
// between. So an input is
//
//   u8    page size: 4 KiB << 0..4 (modulo 5)
//   u8    level
//   u32   seed of what is done with the node
//   u16   size of the front: what lies from offset 72 on
//   bytes of the front, and then of the heap, which ends with the page
//
// make_corpus.py writes inputs from the golden files.

#ifndef CAISSON_FUZZ_NODE_INPUT_H_
#define CAISSON_FUZZ_NODE_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "fuzz/plain_node.h"

namespace caisson::fuzz {

struct NodeInput {
  std::uint8_t size_code = 0;
  std::uint8_t level = 0;
  std::uint32_t seed = 0;
  std::vector<std::byte> front;
  std::vector<std::byte> heap;

  std::size_t page_size() const { return std::size_t{4096} << (size_code % 5U); }

  // The page, with a header of this type. What doesn't fit is left out.
  std::vector<std::byte> page(bool branch) const;
};

// An input that is too short stands for an empty front and heap.
NodeInput parse_node_input(Bytes input);

// As LLVMFuzzerCustomMutator: changes the bytes by chance, or one number in them, or the node that
// they make, an entry of which is then another one. The last mostly leaves a node.
std::size_t mutate_node(MutableBytes buffer, std::size_t size, bool branch, std::uint64_t seed);

// Changes the entries of a node in its page. Bytes that are no node stay as they are.
void mutate_node_page(MutableBytes page, Random& random);

}  // namespace caisson::fuzz

#endif  // CAISSON_FUZZ_NODE_INPUT_H_

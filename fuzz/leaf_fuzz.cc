// Checks any bytes as a leaf of a tree, reads it, builds it anew and edits it. Invariants:
// node_checks.h. Input: node_input.h.

#include "fuzz/node_checks.h"
#include "fuzz/node_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  caisson::fuzz::check_node_input({reinterpret_cast<const std::byte*>(data), size}, false);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
  return caisson::fuzz::mutate_node({reinterpret_cast<std::byte*>(data), size_max}, size, false,
                                    seed);
}

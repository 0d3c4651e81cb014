// Page files in short, for fuzzing, and how to mutate them so that their checksums still fit.
//
// A page file has 128 KiB before its first page, nearly all of it zeros. So an input is a list of
// what is not zero:
//
//   u16      size of the file in blocks of 4 KiB, at most kBlocksMax
//   u16      and in bytes beyond those (modulo 4,096)
//   records  of u16 block (modulo the file's), u16 size (at most 4,096), and that many bytes for
//            the beginning of the block; one that the input cuts off ends there
//
// make_corpus.py writes inputs from the golden files.

#ifndef CAISSON_FUZZ_PAGE_IMAGE_H_
#define CAISSON_FUZZ_PAGE_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "io/file.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

namespace caisson::fuzz {

inline constexpr std::size_t kBlocksMax = 512;
inline constexpr std::size_t kBlockSize = 4096;

// The page file that an input stands for.
std::vector<std::byte> expand(Bytes input);

// Writes that page file, but for its zeros: to copy them takes longer than to read a small tree.
Result<void> write_image(Bytes input, io::File& file);

// Makes another input in place, as LLVMFuzzerCustomMutator does: changes bytes by chance, a field
// to a number that means something, the entries of a node or the page that one refers to, and
// then mostly puts right what the change broke: the checksums of pages, from the lowest level up,
// those in the references to them, and those of the metas.
std::size_t mutate_image(MutableBytes buffer, std::size_t size, std::uint64_t seed);

// A number that is likely to reach a border: small, a power of two, or the largest, give or take
// one.
std::uint64_t interesting_number(Random& random);

}  // namespace caisson::fuzz

#endif  // CAISSON_FUZZ_PAGE_IMAGE_H_

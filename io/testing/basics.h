// What tests of files write, read and open by.

#ifndef CAISSON_IO_TESTING_BASICS_H_
#define CAISSON_IO_TESTING_BASICS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "io/file.h"

namespace caisson::io::testing {

using Buffer = std::vector<std::byte>;
using IfTargetExists = Directory::IfTargetExists;

inline constexpr OpenOptions kRead{OpenMode::kRead, false};
inline constexpr OpenOptions kReadWrite{OpenMode::kReadWrite, false};
inline constexpr OpenOptions kCreate{OpenMode::kCreate, false};

inline Buffer filled(std::size_t size, int value) {
  return Buffer(size, static_cast<std::byte>(value));
}

inline Buffer random_bytes(std::size_t size, std::uint64_t seed) {
  Buffer bytes(size);
  Random(seed).fill(bytes);
  return bytes;
}

inline Buffer copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace caisson::io::testing

#endif  // CAISSON_IO_TESTING_BASICS_H_

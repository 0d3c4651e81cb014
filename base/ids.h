// Identities that the engine's modules exchange as values.
//
// They are enum classes so that a page number can't be passed where a commit number is wanted;
// they compare and order like the numbers they hold. Arithmetic goes through to_u64, which makes
// it visible. Thread-safe: values only.

#ifndef CAISSON_BASE_IDS_H_
#define CAISSON_BASE_IDS_H_

#include <caisson/types.h>

#include <cstdint>

namespace caisson {

// The number of a page in the pages file: page n starts at byte n * page size.
enum class PageId : std::uint64_t {};

// The number behind an id.
[[nodiscard]] constexpr std::uint64_t to_u64(PageId id) { return static_cast<std::uint64_t>(id); }

}  // namespace caisson

#endif  // CAISSON_BASE_IDS_H_

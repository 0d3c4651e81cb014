// How a page file is created and opened.

#ifndef CAISSON_PAGER_OPTIONS_H_
#define CAISSON_PAGER_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/sanitizers.h"
#include "pager/layout.h"
#include "pager/meta.h"
#include "pager/page.h"
#include "pager/registered_reader.h"

namespace caisson::pager {

struct CreateOptions {
  std::uint32_t page_size = kPageSizeDefault;  // 4, 8, 16, 32 or 64 KiB.
  std::optional<Limits> limits = {};           // default_limits(page_size) if absent.
  std::optional<Uuid> uuid = {};               // Drawn at random if absent.
};

// Keys of up to a sixteenth of a page and at most 1,024 bytes; the rest as Limits has it.
Limits default_limits(std::uint32_t page_size);

#ifdef CAISSON_SANITIZED
inline constexpr std::uint64_t kAddressSpaceDefault = std::uint64_t{64} << 30U;
#else
inline constexpr std::uint64_t kAddressSpaceDefault = std::uint64_t{1} << 40U;
#endif

enum class PageAccess : std::uint8_t {
  kMapped,   // Readers look into a mapping of the file; private copies where there can be none.
  kPrivate,  // Readers look at verified copies in memory.
};

struct PagerOptions {
  PageAccess access = PageAccess::kMapped;
  bool read_only = false;

  // On network file systems neither locks nor mappings can be trusted; writing there is refused
  // unless this is set. Reading uses private copies.
  bool allow_network_file_system = false;

  // The largest size that the file may reach while it is open: this much of the address space is
  // reserved, not used. At least 1 MiB.
  std::uint64_t address_space_bytes = kAddressSpaceDefault;

  // Memory for pages that the file doesn't hold yet and for private copies. At least 64 pages.
  std::uint64_t memory_budget_bytes = std::uint64_t{64} << 20U;

  // Keeps pages of the mapped file in memory once they have been read: all those that the file has
  // when it is opened, and no later ones; or none at all, where the process may not lock as much
  // memory. PagerStats::locked tells.
  bool lock_in_memory = false;

  // The store that the file has to belong to, if known (kWrongStore otherwise).
  std::optional<Uuid> expected_uuid = {};

  // Checks pages within, and knows their references: needed to write pages with level above 0.
  // Outlives the pager.
  const PageLayout* layout = nullptr;

  // Appends every registered reader. Called with the pager's mutex held, so it calls nothing of
  // the pager but epoch(). Whoever registers while it runs may be left out: the pager has read its
  // epoch before. Absent: a reader may hold every frame for ever.
  std::function<void(std::vector<RegisteredReader>&)> readers = {};
};

// Checks limits against the page size. Errors: kInvalidArgument naming the limit.
Result<void> validate(const Limits& limits, std::uint32_t page_size);

// Checks the numbers. Errors: kInvalidArgument naming the option.
Result<void> validate(const CreateOptions& options);
Result<void> validate(const PagerOptions& options);

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_OPTIONS_H_

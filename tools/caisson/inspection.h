// What a store consists of, and what keeps space in it from being used again: gathered beside
// whoever writes it.

#ifndef CAISSON_TOOLS_CAISSON_INSPECTION_H_
#define CAISSON_TOOLS_CAISSON_INSPECTION_H_

#include <caisson/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "pager/dead_pages.h"
#include "pager/meta.h"

namespace caisson::tools {

// Somebody for whom dead pages, or files of the log, are kept.
struct Keeper {
  enum class Kind : std::uint8_t {
    kCheckpoint,  // One that a meta names.
    kHistory,     // The checkpoints that are kept with the log behind them.
    kSnapshot,    // A state that has a name.
    kReader,      // Somebody who reads now, in whatever process.
    kPosition,    // A place in the log that has a name.
  };

  Kind kind = Kind::kCheckpoint;
  std::string name;         // Of a meta, a snapshot, a position; or the process, where it is seen.
  std::vector<TxnId> txns;  // The states that are kept, ascending; or behind which a position is.
  bool unknown = false;     // Nobody knows what it needs: everything is kept.

  bool pages = true;             // Whether it keeps pages:
  std::uint64_t dead_bytes = 0;  // so many that are dead,
  std::uint64_t only_bytes = 0;  // and of these, that nobody else needs.

  std::optional<std::uint64_t> log_file;  // The first file of the log that it needs,
  std::uint64_t log_bytes = 0;            // and how large those from there on are.
};

const char* to_string(Keeper::Kind kind);

// Counts which dead pages each keeper needs: those that were born at or before one of its states,
// and died behind it (ALLOC-5). Returns how many bytes nobody needs. O(runs * keepers * log(txns)).
std::uint64_t count_dead(const std::vector<pager::DeadRun>& dead, std::uint32_t page_size,
                         std::vector<Keeper>& keepers);

struct SeenCheckpoint {
  pager::Meta meta;
  std::chrono::sys_time<std::chrono::nanoseconds> time;  // 1970: not known.
};

struct TreeSize {
  std::string name;
  std::uint64_t keys = 0;
};

// In bytes, as of the newest checkpoint.
struct PageSpace {
  std::uint64_t file = 0;     // The page file.
  std::uint64_t live = 0;     // In use,
  std::uint64_t free = 0;     // free,
  std::uint64_t dead = 0;     // no more in use, and not yet free:
  std::uint64_t waiting = 0;  // these only until the next checkpoint.
  std::uint64_t other = 0;    // Metas, and the lists of all these.
};

struct LogFiles {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  std::uint64_t first = 0;  // Their numbers.
  std::uint64_t last = 0;
};

struct Inspection {
  SeenCheckpoint newest;
  std::optional<SeenCheckpoint> older;  // None: its meta is damaged.
  std::optional<Error> older_damage;
  TxnId txn{};           // The newest commit.
  bool written = false;  // Somebody has the store open to write,
  std::string writer;    // and who, if that can be seen.
  bool closed = false;   // Nobody has, and the last one closed it.
  std::vector<TreeSize> trees;
  PageSpace pages;
  LogFiles log;
  std::vector<Keeper> keepers;
  std::vector<Error> unreadable_positions;  // While there is one, all of the log is kept.
};

// Errors: as opening a store to read.
Result<Inspection> inspect(const std::string& store);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_INSPECTION_H_

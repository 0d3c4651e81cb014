// Reads the whole file again, from the medium and not from the page cache where the system allows
// (the file system has direct access, or else nobody has the file mapped), and checks what it
// finds.
//
// A page is verified when a process first reads it, and not again while it stays in the cache;
// what rots on the medium afterwards is found by a scrub, while the other meta, a backup or a
// replica can still help.

#ifndef CAISSON_PAGER_SCRUB_H_
#define CAISSON_PAGER_SCRUB_H_

#include <cstdint>
#include <functional>
#include <stop_token>
#include <vector>

#include "base/result.h"
#include "io/vfs.h"
#include "pager/pager.h"

namespace caisson::pager {

enum class ScrubSeverity : std::uint8_t {
  kNote,    // Nothing that anybody can read: a free page that holds neither zeros nor a page, or
            // can't be read, or a dead one of which reclaim() has not been told yet whether it is
            // still needed.
  kDamage,  // A rule of spec/pages.md is broken.
};

struct ScrubFinding {
  ScrubSeverity severity = ScrubSeverity::kDamage;
  Error error;
};

struct ScrubReport {
  std::uint64_t pages_checked = 0;  // In use or dead: those that somebody may read.
  std::uint64_t pages_free = 0;
  std::uint64_t pages_in_memory = 0;  // Not in the file yet.
  bool stopped = false;               // The stop token asked for it; the rest was not looked at.
  std::uint64_t findings_total = 0;
  std::uint64_t damage_total = 0;      // Of those, damage.
  std::vector<ScrubFinding> findings;  // At most findings_max of them: damage first.
};

struct ScrubOptions {
  // At most this much is read a second, so that a scrub in the background disturbs nobody;
  // 0: as fast as it goes. Needs a clock.
  std::uint64_t bytes_per_second = 0;
  io::Clock* clock = nullptr;
  std::stop_token stop;
  std::size_t findings_max = 1000;

  // Called now and then with the bytes of pages that were read since the last time.
  std::function<void(std::uint64_t)> progress = [](std::uint64_t) {};
};

// Checks both metas (one that is being overwritten at this moment is looked at again), the bytes
// between them (FILE-2), and every page: PAGE-1 to PAGE-3, and PAGE-4 where this process knows
// the checksum. May run beside readers, a writer and checkpoints. Damage is a finding, not an
// error, and so is a page or a meta that can't be read (kIoError) or lies behind the file's end
// (FILE-3): the rest is looked at all the same. Errors: kInvalidArgument, kResourceExhausted.
Result<ScrubReport> scrub(Pager& pager, const ScrubOptions& options);

}  // namespace caisson::pager

#endif  // CAISSON_PAGER_SCRUB_H_

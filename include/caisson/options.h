// How a store is created and opened, and how a transaction is committed.
//
// Plain values, whose defaults suit most programs. What is out of its range is refused with
// kInvalidArgument by whoever is given it.

#ifndef CAISSON_OPTIONS_H_
#define CAISSON_OPTIONS_H_

#include <chrono>
#include <cstdint>
#include <optional>

namespace caisson {

// What is fixed for a store's whole life.
struct CreateOptions {
  // Bytes in a page: 4,096, 8,192, 16,384, 32,768 or 65,536. Larger ones suit long values and slow
  // disks; smaller ones suit small changes at random places.
  std::uint32_t page_size = 16384;

  // The longest key, in bytes: 1 to an eighth of the page size. Absent: a sixteenth of the page
  // size, and 1,024 at most.
  std::optional<std::uint32_t> key_size_max = {};

  // The longest value, in bytes: 1 to 2^40. Absent: 16 MiB.
  std::optional<std::uint64_t> value_size_max = {};
};

// When a commit is acknowledged. A crash never takes a commit and leaves a later one.
enum class Durability : std::uint8_t {
  kSync,   // When it is durable. Others that commit meanwhile share its flush.
  kGroup,  // When it is durable; waits up to Options::group_wait for others to share a flush with.
           // For disks on which flushes are to be few: kSync is faster, also with many threads.
  kAsync,  // At once, and others see it. Durable within Options::async_delay, or with the next
           // commit that waits, whichever is sooner; a power cut may take the last of them.
};

// How pages are read.
enum class PageAccess : std::uint8_t {
  kMapped,   // In a mapping of the file: no copy, and the system's page cache is the cache. Where
             // there can be no mapping, private copies serve.
  kPrivate,  // As verified copies in memory of the store's own, within memory_budget_bytes.
};

// How much of its past a store keeps, besides what Store::retain() names: the newest checkpoints,
// with the log between them, so that Store::snapshot_as_of() finds every commit since the oldest. A
// checkpoint is kept if either says so; by default none is.
struct Retention {
  std::uint64_t checkpoints = 0;  // So many besides the newest.

  // Those written within that time, by the system's clock.
  std::chrono::nanoseconds age{};
};

// How a store is opened.
struct Options {
  // Makes the store, as `create` says, where none is. kInvalidArgument together with read_only.
  bool create_if_missing = false;
  CreateOptions create = {};

  // Opens only to read, beside whoever writes it, in this or another process: each snapshot is of
  // the newest commit that was acknowledged and is durable. Commits that no checkpoint has yet are
  // applied in memory, within memory_budget_bytes. Nothing is written but a note in the file LOCK
  // of what is being read, which keeps the writer from using those pages again; up to 126 readers;
  // and positions (Store::create_position()), where they are made, moved or removed.
  // A reader also keeps the log behind the last commit that it has looked at: one that is never
  // asked for a snapshot keeps all that is written meanwhile.
  // Where LOCK can't be written (a read-only disk, missing rights), it can be locked at least, and
  // the writer keeps every checkpoint; where it isn't there, nobody may write the store meanwhile.
  bool read_only = false;

  // --- Commits -------------------------------------------------------------------------------

  // Of commits that don't say themselves.
  Durability durability = Durability::kSync;

  // How long a commit with kGroup waits for another one's flush, before it flushes itself.
  std::chrono::nanoseconds group_wait = std::chrono::milliseconds(1);

  // The longest that a commit with kAsync stays without a flush. Needs `background`.
  std::chrono::nanoseconds async_delay = std::chrono::milliseconds(5);

  // --- Background ----------------------------------------------------------------------------

  // Runs two threads, from the first transaction until close(), or from the opening where it leaves
  // a checkpoint to be written: one makes commits durable that nobody waits for, and prepares log
  // files ahead; one writes checkpoints when they are due. Without them the program calls
  // Store::checkpoint() when Store::checkpoint_due() says so (else the log grows, and opening after
  // a crash takes longer), and commits with kAsync become durable with the next commit that waits,
  // with checkpoint(), or with close().
  bool background = true;

  // A checkpoint is due when opening after a crash would take about so long.
  std::chrono::nanoseconds replay_time_max = std::chrono::milliseconds(250);

  Retention retention = {};

  // What reads a snapshot is refused with kSnapshotTooOld from when a later commit has been there
  // for so long; what a reader keeps from being used again, it keeps until it ends. Looked at when
  // transactions begin. Not for states of the past (Store::snapshot_as_of(), snapshot_named()). 0:
  // never.
  std::chrono::nanoseconds snapshot_age_max{};

  // --- Memory --------------------------------------------------------------------------------

  // Memory for pages that were changed and are not in the file yet, and for private copies: at
  // least 64 pages. Transactions may be larger than that. Each state of the past that is open may
  // take as much again.
  std::uint64_t memory_budget_bytes = std::uint64_t{64} << 20U;

  PageAccess access = PageAccess::kMapped;

  // The largest size that the page file may reach while it is open: so much of the address space is
  // reserved, not used. At least 1 MiB. Absent: 1 TiB.
  std::optional<std::uint64_t> address_space_bytes = {};

  // Keeps the mapped file's pages in memory once they have been read, those that it has at opening;
  // or none, where the process may not lock as much memory (StoreStats::locked_in_memory tells).
  bool lock_in_memory = false;

  // --- Files ---------------------------------------------------------------------------------

  // Sizes of log files in bytes, multiples of 4,096: the first one's, and the largest; each is
  // twice as large as the one before.
  std::uint64_t log_file_size_min = std::uint64_t{2} << 20U;
  std::uint64_t log_file_size_max = std::uint64_t{64} << 20U;

  // Writes the log past the system's page cache, where the file system can.
  bool log_direct = true;

  // On network file systems neither locks nor mappings can be trusted, so writing there is refused
  // with kUnsupported, unless this is set.
  bool allow_network_file_system = false;
};

// How one transaction is committed. What is absent is taken from Options.
struct CommitOptions {
  std::optional<Durability> durability = {};

  // With kGroup: instead of Options::group_wait. Otherwise it has no effect.
  std::optional<std::chrono::nanoseconds> wait = {};
};

}  // namespace caisson

#endif  // CAISSON_OPTIONS_H_

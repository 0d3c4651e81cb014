// A computer in memory, driven by a seed, on which the engine runs unchanged: a disk with a page
// cache that can lose power, processes that can be killed, and any call that can fail.
//
//   Machine machine(seed);
//   machine.inject({.call = 17, .kind = FaultKind::kPowerCut});
//   ... run the engine on machine.vfs(), until a call reports that the machine is down ...
//   machine.cut_power(CrashMode::kTorn);
//   ... open the store again on machine.vfs(), and compare ...
//
// Calls are numbered from 0 across the whole life of the machine, so a fault is planned by a
// number, and any number of faults may be planned; trace() says what each call was. Everything
// random comes from the seed: the same program with the same seed and plan does the same, call by
// call.
//
// Thread-safe (one mutex), but the numbering of calls is then up to the scheduler.

#ifndef CAISSON_IO_SIM_MACHINE_H_
#define CAISSON_IO_SIM_MACHINE_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "base/thread_annotations.h"
#include "io/sim/disk.h"
#include "io/vfs.h"

namespace caisson::io::sim {

// What goes wrong with a call.
enum class FaultKind : std::uint8_t {
  kIoError,      // EIO; nothing happened, but of a write a part may have. A flush that fails
                 // leaves everything pending.
  kNoSpace,      // ENOSPC, from calls that need room: writes, allocations, new names. From flushes
                 // as well, where a file system finds room no sooner; they then drop as kSyncDrops.
  kInterrupted,  // EINTR; nothing happened.
  kShort,        // Reads and writes move fewer bytes than asked, at least one.
  kSyncDrops,    // A flush fails with EIO, and what was pending will never be durable (names
                 // stay pending: a file system whose journal fails goes read-only).
  kLostWrite,    // A write succeeds but never reaches the medium.
  kMisdirected,  // A write succeeds and shows in the cache, but reaches the medium 4,096 bytes
                 // further on; what lands behind the file's end is lost.
  kPowerCut,     // The machine goes down before the call takes effect.
  kKill,         // The process ends before the call takes effect; the cache survives.
};

inline constexpr std::size_t kFaultKindCount = 9;

std::string_view to_string(FaultKind kind);

struct Fault {
  std::uint64_t call = 0;  // The first call that it hits.
  FaultKind kind = FaultKind::kIoError;
  bool forever = false;  // Hits all later calls of the kind that can fail so, too.
};

// One call, as the trace remembers it.
struct TracedCall {
  Call call = Call::kOpen;
  std::string file;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  int error = 0;  // The one injected; 0 if none was.
};

// How much the disk holds. Files take whole blocks of 4,096 bytes. A file that was removed goes on
// taking its room, inode included, until nobody has it open or mapped any more.
struct Capacity {
  std::uint64_t bytes = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t inodes = std::numeric_limits<std::uint64_t>::max();
};

class SimulatedVfs;

class Machine {
 public:
  explicit Machine(std::uint64_t seed);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // A machine with the same disk (cached and pending bytes, names), no process, no fault plan
  // and a random state of its own: so that one crash point gives many crash states.
  std::unique_ptr<Machine> clone(std::uint64_t seed) const;

  // The system as the running process sees it. Handles from before a restart answer ESHUTDOWN.
  // The root directory is "/".
  Vfs& vfs();

  // The process ends; the page cache survives. Locks are released.
  void kill();

  // The power goes and comes back: unflushed bytes and names survive as `mode` says, by chance.
  void cut_power(CrashMode mode);

  // True after a kPowerCut or kKill fault, until the machine was restarted by one of the above.
  bool down() const;

  // Adds a fault to the plan. Of several that could hit one call, the one that was added last
  // does, so an exception to one that lasts for ever comes after it.
  void inject(const Fault& fault);
  void clear_faults();

  // Has `other` run when the call with this number is about to be made: what another process does
  // at that moment, through handles of its own. Its calls have the numbers from there on, and the
  // call that waited comes behind them. Runs once, without the machine's mutex.
  void interleave(std::uint64_t call, std::function<void()> other);

  // How often a planned fault has made a call do something else.
  std::uint64_t faults_hit() const;

  // The number that the next call will have.
  std::uint64_t calls() const;

  // Every call since recording was switched on. It is off unless asked for.
  void record_trace(bool on);
  std::vector<TracedCall> trace() const;

  void set_capacity(Capacity capacity);

  // What files take of it now.
  Capacity used() const;

  // How many files and mappings the process has open; directories don't count.
  std::size_t open_handles() const;

  void set_file_system(FileSystemKind kind);
  void set_direct_supported(bool supported);
  // Direct reads and writes need offset and size aligned to this; to kDirectAlignment at first.
  void set_direct_alignment(std::uint64_t alignment);
  void set_read_only(bool read_only);

  // The disk from outside, past every process: to damage it and to look at it. Damage shows in
  // reads and in mappings at once. Paths are "/dir/file"; null when there is no such file. Valid
  // until the next call into this machine.
  FileImage* image(const std::string& path);

  // One line that says how to make this machine again, with all faults planned, spent ones too:
  // for failure messages.
  std::string describe() const;

 private:
  friend class SimulatedVfs;
  friend class SimulatedFile;
  friend class SimulatedDirectory;
  friend class SimulatedMapping;
  struct Inode;
  struct NameChange;
  struct Lock;
  using InodePtr = std::shared_ptr<Inode>;

  struct Decision {
    int error = 0;
    std::optional<FaultKind> fault;
  };

  // Counts a call, writes it to the trace and decides whether it fails. What interleave() planned
  // runs first, without the mutex: whatever a call looks at, it looks at afterwards.
  Decision begin_call(std::uint64_t life, Call call, const std::string& file, std::uint64_t offset,
                      std::uint64_t size) CAISSON_REQUIRES(mutex_);
  InodePtr new_inode() CAISSON_REQUIRES(mutex_);
  // Every file that takes room: those that have names and those that are open.
  std::set<Inode*> inodes_in_use() const CAISSON_REQUIRES(mutex_);
  std::uint64_t used_bytes() const CAISSON_REQUIRES(mutex_);
  std::uint64_t used_inodes() const CAISSON_REQUIRES(mutex_);
  // `size`, or as much of it as the disk has room for if that file grew to it.
  std::uint64_t size_that_fits(const FileImage& image, std::uint64_t size) const
      CAISSON_REQUIRES(mutex_);
  // Called with each handle (file or mapping) that opens and closes an inode. A handle of an
  // earlier life was closed with its process.
  void opened(Inode* inode) CAISSON_REQUIRES(mutex_);
  void closed(std::uint64_t life, Inode* inode) CAISSON_REQUIRES(mutex_);
  void end_process() CAISSON_REQUIRES(mutex_);
  static void cut_power_of(Inode& inode, CrashMode mode, Random& random, std::set<Inode*>& done);
  static InodePtr copy_tree(const InodePtr& inode, std::map<const Inode*, InodePtr>& copies);
  static void collect(const InodePtr& inode, std::set<Inode*>& found);

  mutable Mutex mutex_;
  const std::uint64_t seed_;
  Random random_ CAISSON_GUARDED_BY(mutex_);
  InodePtr root_ CAISSON_GUARDED_BY(mutex_);
  std::uint64_t last_inode_ CAISSON_GUARDED_BY(mutex_) = 0;  // Number of the youngest.
  std::uint64_t life_ CAISSON_GUARDED_BY(mutex_) = 1;        // Number of the running process.
  std::multiset<Inode*> open_ CAISSON_GUARDED_BY(mutex_);    // Once for each handle of the process.
  bool down_ CAISSON_GUARDED_BY(mutex_) = false;
  std::vector<Fault> faults_ CAISSON_GUARDED_BY(mutex_);
  std::map<std::uint64_t, std::function<void()>> interleaved_ CAISSON_GUARDED_BY(mutex_);
  std::uint64_t faults_hit_ CAISSON_GUARDED_BY(mutex_) = 0;
  std::uint64_t calls_ CAISSON_GUARDED_BY(mutex_) = 0;
  bool tracing_ CAISSON_GUARDED_BY(mutex_) = false;
  std::vector<TracedCall> trace_ CAISSON_GUARDED_BY(mutex_);
  Capacity capacity_ CAISSON_GUARDED_BY(mutex_);
  FileSystemKind file_system_ CAISSON_GUARDED_BY(mutex_) = FileSystemKind::kLocal;
  bool direct_supported_ CAISSON_GUARDED_BY(mutex_) = true;
  std::uint64_t direct_alignment_ CAISSON_GUARDED_BY(mutex_) = kDirectAlignment;
  bool read_only_ CAISSON_GUARDED_BY(mutex_) = false;
  std::unique_ptr<SimulatedVfs> vfs_;
};

}  // namespace caisson::io::sim

#endif  // CAISSON_IO_SIM_MACHINE_H_

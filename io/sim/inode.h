// Files and directories of the simulated disk. Internal to io/sim.

#ifndef CAISSON_IO_SIM_INODE_H_
#define CAISSON_IO_SIM_INODE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/driver.h"
#include "io/sim/disk.h"
#include "io/sim/machine.h"

namespace caisson::io::sim {

// A change of a directory that its flush would make durable. A rename is one change: both
// halves hold or neither does.
struct Machine::NameChange {
  std::optional<std::string> remove;
  std::optional<std::pair<std::string, InodePtr>> add;
};

struct Machine::Lock {
  const void* owner = nullptr;  // The open file that holds it.
  LockKind kind = LockKind::kShared;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// A file or a directory; only one half is in use.
struct Machine::Inode {
  // What belonged to a process ends with it.
  void forget_process() {
    locks.clear();
    image.unmap_all();
  }

  std::uint64_t number = 0;  // Never used again.
  bool is_directory = false;

  FileImage image;
  std::vector<Lock> locks;

  std::map<std::string, InodePtr> entries;          // As the running system sees them.
  std::map<std::string, InodePtr> durable_entries;  // As a power cut leaves them.
  std::vector<NameChange> name_changes;             // What lies between, in order.

  // Makes a change of names, durable after flush_names().
  void change(NameChange change) {
    apply(change, entries);
    name_changes.push_back(std::move(change));
  }

  void flush_names() {
    for (const NameChange& change : name_changes) apply(change, durable_entries);
    name_changes.clear();
  }

  static void apply(const NameChange& change, std::map<std::string, InodePtr>& names) {
    if (change.remove) names.erase(*change.remove);
    if (change.add) names[change.add->first] = change.add->second;
  }
};

}  // namespace caisson::io::sim

#endif  // CAISSON_IO_SIM_INODE_H_

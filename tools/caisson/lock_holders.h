// Which processes use a store, as far as the system tells.

#ifndef CAISSON_TOOLS_CAISSON_LOCK_HOLDERS_H_
#define CAISSON_TOOLS_CAISSON_LOCK_HOLDERS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace caisson::tools {

// A lock on a byte of the store's file LOCK (spec/store.md, section 7).
struct LockHolder {
  std::uint64_t offset = 0;
  std::string process;  // "process 123 (name)".
};

// All that can be seen: other users' can't.
std::vector<LockHolder> lock_holders(const std::string& store);

// Who has a lock on that byte; "" if none is seen.
std::string holder_of(const std::vector<LockHolder>& holders, std::uint64_t offset);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_LOCK_HOLDERS_H_

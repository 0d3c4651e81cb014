// The operating system as Caisson sees it: directories, a clock and randomness.
//
// Everything outside io/ reaches the system through a Vfs, and so runs unchanged on the simulated
// one, where time and randomness come from a seed. Two implementations: the real system
// (io/posix.h) and the simulator (io/sim/machine.h).

#ifndef CAISSON_IO_VFS_H_
#define CAISSON_IO_VFS_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "io/counters.h"
#include "io/driver.h"
#include "io/file.h"

namespace caisson::io {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Time since some fixed moment; never goes back.
  virtual std::chrono::nanoseconds monotonic() = 0;

  // Nanoseconds since 1970, as people's clocks have it: may be wrong, and go back.
  virtual std::uint64_t wall_ns() = 0;

  // Waits. The simulated clock moves on at once instead.
  virtual void sleep(std::chrono::nanoseconds duration) = 0;
};

// Thread-safe. Outlives every Directory and File that came from it.
class Vfs {
 public:
  virtual ~Vfs() = default;

  // Opens a directory by a path of the user's; links in it are followed.
  virtual Result<std::unique_ptr<Directory>> open_directory(const std::string& path) = 0;

  // Makes a directory of mode 0700 and flushes its parent. kAlreadyExists when the path exists; its
  // parent is flushed then as well, where it can be opened: whoever made the directory may have
  // failed, or ended, before that.
  virtual Result<void> create_directory(const std::string& path) = 0;

  // Fills `into` from the system's generator of secure random bytes.
  Result<void> random(MutableBytes into);

  virtual Clock& clock() = 0;

  const Counters& counters() const { return counters_; }

 protected:
  // One system call; may fill only a part of it.
  virtual SysResult draw(MutableBytes into) = 0;

  Counters counters_;
};

}  // namespace caisson::io

#endif  // CAISSON_IO_VFS_H_

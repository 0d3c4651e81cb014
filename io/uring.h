// A write and the flush behind it, handed to the kernel in one call: io_uring, through liburing.

#ifndef CAISSON_IO_URING_H_
#define CAISSON_IO_URING_H_

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>

#include "io/driver.h"

namespace caisson::io {

// Not thread-safe.
class Uring {
 public:
  // Null where the kernel, a sandbox, a limit or this build has no io_uring.
  static std::unique_ptr<Uring> make();

  virtual ~Uring() = default;

  // Writes the parts one behind the other and then flushes the file's data. Returns how many bytes
  // are durable now: all or, where less than all was written, none. ENOSYS, with nothing done,
  // where the kernel doesn't take them.
  virtual SysResult write_and_sync(int file, std::uint64_t offset,
                                   std::span<const iovec> parts) = 0;
};

}  // namespace caisson::io

#endif  // CAISSON_IO_URING_H_

// The real operating system (Linux).

#ifndef CAISSON_IO_POSIX_H_
#define CAISSON_IO_POSIX_H_

#include "io/vfs.h"

namespace caisson::io {

// The process's file system, clock and random source. Thread-safe; lives for ever.
Vfs& posix_vfs();

}  // namespace caisson::io

#endif  // CAISSON_IO_POSIX_H_

// Bytes from a stream whose number has to be known before they can be used.

#ifndef CAISSON_TOOLS_CLI_SPOOL_H_
#define CAISSON_TOOLS_CLI_SPOOL_H_

#include <cstdint>
#include <istream>
#include <memory>

#include "base/result.h"
#include "tools/cli/descriptor.h"

namespace caisson::tools {

// Used by one thread.
class Spool {
 public:
  // What a stream holds from here on, of which there are `size` bytes. It has to outlive this.
  static Spool of_known_size(std::istream& from, std::uint64_t size);

  // Reads a stream to its end: into memory as long as it is little, else into a file without a name
  // in the directory for temporary files. kOutOfSpace, kIoError.
  static Result<Spool> read(std::istream& from);

  std::uint64_t size() const { return size_; }
  std::istream& stream() { return *stream_; }

 private:
  Spool() = default;

  std::uint64_t size_ = 0;
  std::istream* stream_ = nullptr;
  std::unique_ptr<InputFile> file_;
  std::unique_ptr<std::istream> memory_;
};

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CLI_SPOOL_H_

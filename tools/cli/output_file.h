// A file that is there whole, or not at all.

#ifndef CAISSON_TOOLS_CLI_OUTPUT_FILE_H_
#define CAISSON_TOOLS_CLI_OUTPUT_FILE_H_

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>

#include "base/result.h"
#include "tools/cli/descriptor.h"

namespace caisson::tools {

// Written under its name with ".part" behind it, and renamed when all is written and flushed. What
// isn't a regular file (a device, a pipe) is written as it is. Destroyed before finish() or keep(),
// it leaves what was there before: nothing, or what it was to go on with. The part is locked, so
// that two don't write one. Used by one thread.
class OutputFile {
 public:
  // kNotFound (no directory), kPermissionDenied, kInvalidArgument (a directory), kBusy, kOutOfSpace
  // ... The file that it replaces, if there is one, says who may read it.
  static Result<std::unique_ptr<OutputFile>> create(const std::string& path);

  // Goes on behind the first `size` bytes of what keep() has left; the rest is cut off.
  // kNotFound if it isn't there, kBusy, kCorruption if it is shorter.
  static Result<std::unique_ptr<OutputFile>> resume(const std::string& path, std::uint64_t size);

  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  std::ostream& stream() { return stream_; }

  // Whether there is a part that can be kept.
  bool has_part() const { return !part_.empty(); }

  // The error of a write that failed.
  Result<void> status();

  // Flushes it, and gives it its name.
  Result<void> finish();

  // Flushes it, and leaves the part for resume().
  Result<void> keep();

  static std::string part_of(const std::string& path) { return path + ".part"; }

 private:
  OutputFile(int descriptor, std::string path, std::string part, std::uint64_t kept);

  const int descriptor_;
  const std::string path_;
  std::string part_;        // "": written as it is, or ended.
  std::uint64_t kept_ = 0;  // Bytes of the part that were there before.
  DescriptorSink sink_;
  std::ostream stream_;
};

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CLI_OUTPUT_FILE_H_

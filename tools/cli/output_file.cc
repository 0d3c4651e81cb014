#include "tools/cli/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

namespace caisson::tools {
namespace {

// Makes a name durable.
Result<void> flush_folder_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return fail(system_error(errno, "can't flush it", folder));
  const int failed = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  // Some file systems don't flush directories.
  if (failed != 0 && failed != EINVAL) return fail(system_error(failed, "can't flush it", folder));
  return {};
}

}  // namespace

OutputFile::OutputFile(int descriptor, std::string path, std::string part)
    : descriptor_(descriptor),
      path_(std::move(path)),
      part_(std::move(part)),
      sink_(descriptor),
      stream_(&sink_) {}

OutputFile::~OutputFile() {
  close(descriptor_);
  if (!part_.empty()) unlink(part_.c_str());
}

Result<std::unique_ptr<OutputFile>> OutputFile::create(const std::string& path) {
  struct stat status{};
  const bool there = stat(path.c_str(), &status) == 0;
  if (there && S_ISDIR(status.st_mode)) return fail(system_error(EISDIR, "can't write it", path));
  const std::string part = there && !S_ISREG(status.st_mode) ? "" : part_of(path);
  const int flags = O_WRONLY | O_CLOEXEC | (part.empty() ? 0 : O_CREAT | O_TRUNC);
  const int descriptor = open(part.empty() ? path.c_str() : part.c_str(), flags, 0666);
  if (descriptor < 0) return fail(system_error(errno, "can't write it", path));
  return std::unique_ptr<OutputFile>(new OutputFile(descriptor, path, part));
}

Result<std::unique_ptr<OutputFile>> OutputFile::resume(const std::string& path,
                                                       std::uint64_t size) {
  const std::string part = part_of(path);
  const int descriptor = open(part.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return fail(system_error(errno, "can't go on with it", part));
  const off_t end = lseek(descriptor, 0, SEEK_END);
  const auto wanted = static_cast<off_t>(size);
  if (end < wanted || ftruncate(descriptor, wanted) != 0 ||
      lseek(descriptor, wanted, SEEK_SET) != wanted) {
    close(descriptor);
    return fail(Error(Code::kCorruption, "it is shorter than it was").in_file(part));
  }
  return std::unique_ptr<OutputFile>(new OutputFile(descriptor, path, part));
}

Result<void> OutputFile::status() {
  if (sink_.error() == 0) return {};
  return fail(system_error(sink_.error(), "can't write it", path_));
}

Result<void> OutputFile::keep() {
  stream_.flush();
  CAISSON_RETURN_IF_ERROR(status());
  if (!part_.empty() && fsync(descriptor_) != 0) {
    return fail(system_error(errno, "can't flush it", path_));
  }
  part_.clear();
  return {};
}

Result<void> OutputFile::finish() {
  const std::string part = part_;
  CAISSON_RETURN_IF_ERROR(keep());
  if (part.empty()) return {};
  if (std::rename(part.c_str(), path_.c_str()) != 0) {
    return fail(system_error(errno, "can't rename it", part));
  }
  return flush_folder_of(path_);
}

}  // namespace caisson::tools

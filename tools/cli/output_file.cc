#include "tools/cli/output_file.h"

#include <fcntl.h>
#include <sys/file.h>
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

// Whether a name is still the file's that is open: another may have finished it meanwhile.
bool is_named(int descriptor, const std::string& path) {
  struct stat open_file{};
  struct stat named{};
  return fstat(descriptor, &open_file) == 0 && stat(path.c_str(), &named) == 0 &&
         open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

// A part that nobody else writes. Its lock goes with the descriptor.
Result<int> open_part(const std::string& part, int flags) {
  const int descriptor = open(part.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666);
  if (descriptor < 0) return fail(system_error(errno, "can't write it", part));
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0 && is_named(descriptor, part)) return descriptor;
  close(descriptor);
  return fail(Error(Code::kBusy, "somebody else is writing it")
                  .in_file(part)
                  .with_advice("Wait for that, or choose another file."));
}

}  // namespace

OutputFile::OutputFile(int descriptor, std::string path, std::string part, std::uint64_t kept)
    : descriptor_(descriptor),
      path_(std::move(path)),
      part_(std::move(part)),
      kept_(kept),
      sink_(descriptor),
      stream_(&sink_) {}

OutputFile::~OutputFile() {
  if (!part_.empty() && kept_ == 0) unlink(part_.c_str());
  if (!part_.empty() && kept_ > 0) (void)!ftruncate(descriptor_, static_cast<off_t>(kept_));
  close(descriptor_);
}

Result<std::unique_ptr<OutputFile>> OutputFile::create(const std::string& path) {
  struct stat status{};
  const bool there = stat(path.c_str(), &status) == 0;
  if (there && S_ISDIR(status.st_mode)) return fail(system_error(EISDIR, "can't write it", path));
  const bool as_it_is = there && !S_ISREG(status.st_mode);
  if (as_it_is) {
    const int descriptor = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return fail(system_error(errno, "can't write it", path));
    return std::unique_ptr<OutputFile>(new OutputFile(descriptor, path, "", 0));
  }
  CAISSON_ASSIGN_OR_RETURN(const int descriptor, open_part(part_of(path), O_CREAT));
  auto file = std::unique_ptr<OutputFile>(new OutputFile(descriptor, path, part_of(path), 0));
  if (ftruncate(descriptor, 0) != 0 ||
      (there && fchmod(descriptor, status.st_mode & 07777U) != 0)) {
    return fail(system_error(errno, "can't write it", path));
  }
  return file;
}

Result<std::unique_ptr<OutputFile>> OutputFile::resume(const std::string& path,
                                                       std::uint64_t size) {
  const std::string part = part_of(path);
  CAISSON_ASSIGN_OR_RETURN(const int descriptor, open_part(part, 0));
  const off_t end = lseek(descriptor, 0, SEEK_END);
  const auto wanted = static_cast<off_t>(size);
  if (end < wanted || ftruncate(descriptor, wanted) != 0 ||
      lseek(descriptor, wanted, SEEK_SET) != wanted) {
    close(descriptor);
    return fail(Error(Code::kCorruption, "it is shorter than it was").in_file(part));
  }
  return std::unique_ptr<OutputFile>(new OutputFile(descriptor, path, part, size));
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

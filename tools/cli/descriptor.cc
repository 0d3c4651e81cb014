#include "tools/cli/descriptor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace caisson::tools {
namespace {

constexpr std::size_t kBufferSize = std::size_t{256} << 10U;

Code code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return Code::kNotFound;
    case EACCES:
    case EPERM:
      return Code::kPermissionDenied;
    case EEXIST:
      return Code::kAlreadyExists;
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return Code::kInvalidArgument;
    case ENOSPC:
    case EDQUOT:
      return Code::kOutOfSpace;
    case EROFS:
      return Code::kReadOnly;
    default:
      return Code::kIoError;
  }
}

}  // namespace

Error system_error(int number, const std::string& what, const std::string& path) {
  return Error(code_of(number), what + ": " + std::strerror(number)).in_file(path);
}

// --- Reading -------------------------------------------------------------------------------------

DescriptorSource::DescriptorSource(int descriptor, int stop)
    : descriptor_(descriptor), stop_(stop), buffer_(kBufferSize) {}

std::size_t DescriptorSource::read_some(char* to, std::size_t count) {
  while (error_ == 0) {
    if (stop_ >= 0) {
      std::array<pollfd, 2> waiting = {{{.fd = descriptor_, .events = POLLIN, .revents = 0},
                                        {.fd = stop_, .events = POLLIN, .revents = 0}}};
      if (poll(waiting.data(), waiting.size(), -1) < 0) continue;  // A signal: looks again.
      if (waiting[1].revents != 0) return 0;
    }
    const ssize_t size = read(descriptor_, to, count);
    if (size >= 0) return static_cast<std::size_t>(size);
    if (errno != EINTR) error_ = errno;
  }
  return 0;
}

DescriptorSource::int_type DescriptorSource::underflow() {
  const std::size_t size = read_some(buffer_.data(), buffer_.size());
  setg(buffer_.data(), buffer_.data(), buffer_.data() + size);
  return size == 0 ? traits_type::eof() : traits_type::to_int_type(*gptr());
}

// --- Writing -------------------------------------------------------------------------------------

DescriptorSink::DescriptorSink(int descriptor) : descriptor_(descriptor), buffer_(kBufferSize) {
  setp(buffer_.data(), buffer_.data() + buffer_.size());
}

DescriptorSink::~DescriptorSink() { flush_buffer(); }

bool DescriptorSink::write_all(const char* from, std::size_t count) {
  while (count > 0 && error_ == 0) {
    const ssize_t size = write(descriptor_, from, count);
    if (size < 0) {
      if (errno != EINTR) error_ = errno;
      continue;
    }
    from += size;
    count -= static_cast<std::size_t>(size);
  }
  return error_ == 0;
}

bool DescriptorSink::flush_buffer() {
  const bool written = write_all(pbase(), static_cast<std::size_t>(pptr() - pbase()));
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  return written;
}

DescriptorSink::int_type DescriptorSink::overflow(int_type c) {
  if (!flush_buffer()) return traits_type::eof();
  if (!traits_type::eq_int_type(c, traits_type::eof())) {
    *pptr() = traits_type::to_char_type(c);
    pbump(1);
  }
  return traits_type::not_eof(c);
}

std::streamsize DescriptorSink::xsputn(const char* from, std::streamsize count) {
  if (count > epptr() - pptr()) {
    if (!flush_buffer()) return 0;
    if (count > epptr() - pptr()) {
      return write_all(from, static_cast<std::size_t>(count)) ? count : 0;
    }
  }
  std::copy_n(from, count, pptr());
  pbump(static_cast<int>(count));  // At most the buffer's size.
  return count;
}

int DescriptorSink::sync() { return flush_buffer() ? 0 : -1; }

// --- Files ---------------------------------------------------------------------------------------

InputFile::InputFile(int descriptor, std::string path, std::optional<std::uint64_t> size, int stop)
    : descriptor_(descriptor),
      path_(std::move(path)),
      size_(size),
      source_(descriptor, stop),
      stream_(&source_) {}

InputFile::~InputFile() { close(descriptor_); }

Result<std::unique_ptr<InputFile>> InputFile::open(const std::string& path, int stop) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return fail(system_error(errno, "can't open it", path));
  return adopt(descriptor, path, stop);
}

Result<std::unique_ptr<InputFile>> InputFile::adopt(int descriptor, const std::string& path,
                                                    int stop) {
  struct stat status{};
  if (fstat(descriptor, &status) != 0 || S_ISDIR(status.st_mode)) {
    close(descriptor);
    return fail(system_error(EISDIR, "can't read it", path));
  }
  std::optional<std::uint64_t> size;
  if (S_ISREG(status.st_mode)) size = static_cast<std::uint64_t>(status.st_size);
  return std::unique_ptr<InputFile>(new InputFile(descriptor, path, size, stop));
}

Result<void> InputFile::status() const {
  if (source_.error() == 0) return {};
  return fail(system_error(source_.error(), "can't read it", path_));
}

}  // namespace caisson::tools

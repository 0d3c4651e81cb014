// Streams over file descriptors that remember why they failed, and that a signal can stop: what
// std::cin, std::cout and std::ifstream don't tell.

#ifndef CAISSON_TOOLS_CLI_DESCRIPTOR_H_
#define CAISSON_TOOLS_CLI_DESCRIPTOR_H_

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <istream>
#include <memory>
#include <optional>
#include <ostream>
#include <streambuf>
#include <string>
#include <vector>

#include "base/result.h"

namespace caisson::tools {

// Reads a descriptor, which it doesn't own.
class DescriptorSource : public std::streambuf {
 public:
  // Before each read it waits until there are bytes, or until `stop` (a descriptor; -1: none) can
  // be read, which is the end of the input then.
  explicit DescriptorSource(int descriptor, int stop = -1);

  // The errno of the read that failed; 0.
  int error() const { return error_; }

 protected:
  int_type underflow() override;

 private:
  // What is there, at least one byte; 0 at the end, or behind an error.
  std::size_t read_some(char* to, std::size_t count);

  const int descriptor_;
  const int stop_;
  int error_ = 0;
  std::vector<char> buffer_;
};

// Writes to a descriptor, which it doesn't own.
class DescriptorSink : public std::streambuf {
 public:
  explicit DescriptorSink(int descriptor);
  ~DescriptorSink() override;

  // The errno of the write that failed; 0. Nothing is written behind it.
  int error() const { return error_; }

 protected:
  int_type overflow(int_type c) override;
  std::streamsize xsputn(const char* from, std::streamsize count) override;
  int sync() override;

 private:
  bool write_all(const char* from, std::size_t count);
  bool flush_buffer();

  const int descriptor_;
  int error_ = 0;
  std::vector<char> buffer_;
};

// A file that is read from its beginning to its end.
class InputFile {
 public:
  // kNotFound, kPermissionDenied, kInvalidArgument (a directory), kIoError. `stop` as above.
  static Result<std::unique_ptr<InputFile>> open(const std::string& path, int stop = -1);

  // A file that is open, and from here on this object's.
  static Result<std::unique_ptr<InputFile>> adopt(int descriptor, const std::string& path,
                                                  int stop = -1);

  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  std::istream& stream() { return stream_; }

  // Of a regular file, in bytes.
  std::optional<std::uint64_t> size() const { return size_; }

  // The error of a read that failed; none where the end was reached.
  Result<void> status() const;

 private:
  InputFile(int descriptor, std::string path, std::optional<std::uint64_t> size, int stop);

  const int descriptor_;
  const std::string path_;
  const std::optional<std::uint64_t> size_;
  DescriptorSource source_;
  std::istream stream_;
};

// An Error from an errno, about a file.
Error system_error(int number, const std::string& what, const std::string& path);

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CLI_DESCRIPTOR_H_

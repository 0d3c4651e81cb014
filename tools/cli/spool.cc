#include "tools/cli/spool.h"

#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <sstream>
#include <string>

namespace caisson::tools {
namespace {

constexpr std::size_t kMemoryMax = std::size_t{4} << 20U;

}  // namespace

Spool Spool::of_known_size(std::istream& from, std::uint64_t size) {
  Spool spool;
  spool.size_ = size;
  spool.stream_ = &from;
  return spool;
}

Result<Spool> Spool::read(std::istream& from) {
  Spool spool;
  std::string bytes(kMemoryMax, '\0');
  from.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(from.gcount()));
  spool.size_ = bytes.size();
  if (spool.size_ < kMemoryMax) {
    spool.memory_ = std::make_unique<std::istringstream>(std::move(bytes));
    spool.stream_ = spool.memory_.get();
    return spool;
  }
  std::error_code error;
  const auto folder = std::filesystem::temp_directory_path(error);
  std::string name = (folder / "caisson-XXXXXX").string();
  const int descriptor = error ? -1 : mkstemp(name.data());
  if (descriptor < 0) return fail(system_error(errno, "can't make a temporary file", name));
  CAISSON_ASSIGN_OR_RETURN(spool.file_, InputFile::adopt(descriptor, name));
  unlink(name.c_str());
  DescriptorSink sink(descriptor);
  while (!bytes.empty()) {
    sink.sputn(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(kMemoryMax);
    from.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(from.gcount()));
    spool.size_ += bytes.size();
  }
  sink.pubsync();
  if (sink.error() != 0) return fail(system_error(sink.error(), "can't write it", name));
  if (lseek(descriptor, 0, SEEK_SET) != 0) return fail(system_error(errno, "can't read it", name));
  spool.stream_ = &spool.file_->stream();
  return spool;
}

}  // namespace caisson::tools

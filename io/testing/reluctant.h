// Drivers that do as little as a script lets them: they interrupt, cut short and refuse.

#ifndef CAISSON_IO_TESTING_RELUCTANT_H_
#define CAISSON_IO_TESTING_RELUCTANT_H_

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/counters.h"
#include "io/driver.h"
#include "io/file.h"
#include "io/testing/basics.h"

namespace caisson::io::testing {

// What a reluctant driver does to its callers, and what it has seen of them.
struct Reluctance {
  int interruptions = 0;         // Before each call that does something.
  std::size_t bytes_max = ~0UL;  // That one call moves; 0 moves nothing for ever.
  int error = 0;                 // What every call fails with, when not 0.
  int joint_error = ENOSYS;  // What write_and_sync() fails with before it is a call; 0 if it is.

  Buffer content;
  int calls = 0;
  std::size_t longest_vector = 0;
  int interrupted = 0;  // Since the last call that did something.

  // The outcome of a call that moves up to `size` bytes.
  SysResult attempt(std::size_t size) {
    ++calls;
    if (error != 0) return {0, error};
    if (interrupted < interruptions) {
      ++interrupted;
      return {0, EINTR};
    }
    interrupted = 0;
    return {static_cast<std::int64_t>(std::min(size, bytes_max)), 0};
  }
};

class ReluctantMapping final : public MappingDriver {
 public:
  explicit ReluctantMapping(Reluctance& script) : script_(script) {}
  const std::byte* base() const override { return script_.content.data(); }
  std::uint64_t size() const override { return script_.content.size(); }
  SysResult populate(std::uint64_t, std::uint64_t) override { return script_.attempt(0); }
  SysResult advise(std::uint64_t, std::uint64_t, Advice) override { return script_.attempt(0); }
  SysResult lock(std::uint64_t, std::uint64_t) override { return script_.attempt(0); }

 private:
  Reluctance& script_;
};

class ReluctantFile final : public FileDriver {
 public:
  explicit ReluctantFile(Reluctance& script) : script_(script) {}

  SysResult read(std::uint64_t offset, MutableBytes into) override {
    const std::uint64_t left = script_.content.size() - std::min(offset, script_.content.size());
    const SysResult result = script_.attempt(std::min<std::uint64_t>(into.size(), left));
    if (result.error == 0) {
      std::copy_n(script_.content.begin() + static_cast<std::ptrdiff_t>(offset), result.value,
                  into.begin());
    }
    return result;
  }

  SysResult write(std::uint64_t offset, Bytes from) override {
    return write_vector(offset, std::span(&from, 1));
  }

  SysResult write_vector(std::uint64_t offset, std::span<const Bytes> from) override {
    script_.longest_vector = std::max(script_.longest_vector, from.size());
    Buffer bytes;
    for (const Bytes part : from) bytes.insert(bytes.end(), part.begin(), part.end());
    const SysResult result = script_.attempt(bytes.size());
    if (result.error != 0) return result;
    const auto count = static_cast<std::size_t>(result.value);
    script_.content.resize(std::max(script_.content.size(), offset + count));
    std::copy_n(bytes.begin(), count,
                script_.content.begin() + static_cast<std::ptrdiff_t>(offset));
    return result;
  }

  SysResult write_and_sync(SyncMethod, std::uint64_t offset, std::span<const Bytes> from) override {
    if (script_.joint_error != 0) return {0, script_.joint_error};
    return write_vector(offset, from);
  }

  SysResult sync_data() override { return script_.attempt(0); }
  SysResult sync_all() override { return script_.attempt(0); }
  SysResult allocate(std::uint64_t, std::uint64_t) override { return script_.attempt(0); }
  SysResult truncate(std::uint64_t) override { return script_.attempt(0); }
  SysResult size() override { return script_.attempt(script_.content.size()); }
  SysResult identity(FileIdentity&) override { return script_.attempt(0); }
  SysResult try_lock(LockKind, std::uint64_t, std::uint64_t) override { return script_.attempt(0); }
  SysResult unlock(std::uint64_t, std::uint64_t) override { return script_.attempt(0); }
  SysResult find_lock(std::uint64_t, std::uint64_t) override { return script_.attempt(0); }
  SysResult advise(std::uint64_t, std::uint64_t, Advice) override { return script_.attempt(0); }

  std::unique_ptr<MappingDriver> map(std::uint64_t, int& error) override {
    error = script_.attempt(0).error;
    if (error != 0) return nullptr;
    return std::make_unique<ReluctantMapping>(script_);
  }

 private:
  Reluctance& script_;
};

class ReluctantDirectory final : public DirectoryDriver {
 public:
  explicit ReluctantDirectory(Reluctance& script) : script_(script) {}

  std::unique_ptr<FileDriver> open_file(const std::string&, OpenMode, bool, int& error) override {
    error = script_.attempt(0).error;
    if (error != 0) return nullptr;
    return std::make_unique<ReluctantFile>(script_);
  }
  std::unique_ptr<DirectoryDriver> open_directory(const std::string&, int& error) override {
    error = script_.attempt(0).error;
    if (error != 0) return nullptr;
    return std::make_unique<ReluctantDirectory>(script_);
  }
  SysResult make_directory(const std::string&) override { return script_.attempt(0); }
  SysResult rename(const std::string&, const std::string&, bool) override {
    return script_.attempt(0);
  }
  SysResult unlink(const std::string&) override { return script_.attempt(0); }
  SysResult remove_directory(const std::string&) override { return script_.attempt(0); }
  SysResult list(std::vector<std::string>& names) override {
    // Stops in the middle when it is interrupted; what it gave so far must not be given twice.
    names.insert(names.end(), {"b", "c", "a"});
    return script_.attempt(0);
  }
  SysResult sync() override { return script_.attempt(0); }
  SysResult file_system(FileSystemKind& kind) override {
    kind = FileSystemKind::kNetwork;
    return script_.attempt(0);
  }

 private:
  Reluctance& script_;
};

// A File and a Directory over one script.
struct Fixture {
  Reluctance script;
  Counters counters;
  File file{std::make_unique<ReluctantFile>(script), "pages", counters};
  Directory directory{std::make_unique<ReluctantDirectory>(script), "store", counters};
};

}  // namespace caisson::io::testing

#endif  // CAISSON_IO_TESTING_RELUCTANT_H_

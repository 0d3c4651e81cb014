// The simulated machine's side of open files, directories and mappings. Internal to io/sim.

#ifndef CAISSON_IO_SIM_HANDLES_H_
#define CAISSON_IO_SIM_HANDLES_H_

#include <memory>
#include <string>
#include <vector>

#include "io/memory.h"
#include "io/sim/inode.h"
#include "io/sim/machine.h"
#include "io/vfs.h"

namespace caisson::io::sim {

// A mapping is memory of its own to which the file's image copies what it shows; see disk.h.
class SimulatedMapping final : public MappingDriver {
 public:
  SimulatedMapping(Machine& machine, Machine::InodePtr inode, std::string name, std::uint64_t life,
                   ReservedMemory memory);
  ~SimulatedMapping() override;
  SimulatedMapping(const SimulatedMapping&) = delete;
  SimulatedMapping& operator=(const SimulatedMapping&) = delete;

  const std::byte* base() const override { return memory_.data(); }
  std::uint64_t size() const override { return memory_.size(); }
  SysResult populate(std::uint64_t offset, std::uint64_t size) override;
  SysResult advise(std::uint64_t offset, std::uint64_t size, Advice advice) override;
  SysResult lock(std::uint64_t offset, std::uint64_t size) override;

 private:
  Machine& machine_;
  Machine::InodePtr inode_;
  std::string name_;
  std::uint64_t life_;
  ReservedMemory memory_;
};

class SimulatedFile final : public FileDriver {
 public:
  SimulatedFile(Machine& machine, Machine::InodePtr inode, std::string name, std::uint64_t life,
                OpenMode mode, bool direct);
  ~SimulatedFile() override;
  SimulatedFile(const SimulatedFile&) = delete;
  SimulatedFile& operator=(const SimulatedFile&) = delete;

  SysResult read(std::uint64_t offset, MutableBytes into) override;
  SysResult write(std::uint64_t offset, Bytes from) override;
  SysResult write_vector(std::uint64_t offset, std::span<const Bytes> from) override;
  SysResult sync_data() override;
  SysResult sync_all() override;
  SysResult allocate(std::uint64_t offset, std::uint64_t size) override;
  SysResult truncate(std::uint64_t size) override;
  SysResult size() override;
  SysResult identity(FileIdentity& identity) override;
  SysResult try_lock(LockKind kind, std::uint64_t offset, std::uint64_t size) override;
  SysResult unlock(std::uint64_t offset, std::uint64_t size) override;
  SysResult find_lock(std::uint64_t offset, std::uint64_t size) override;
  SysResult advise(std::uint64_t offset, std::uint64_t size, Advice advice) override;
  std::unique_ptr<MappingDriver> map(std::uint64_t size, int& error) override;

 private:
  // What reads and writes have to be aligned to.
  std::uint64_t block() const CAISSON_REQUIRES(machine_.mutex_);
  SysResult flush(Call call);
  SysResult resize(std::uint64_t new_size) CAISSON_REQUIRES(machine_.mutex_);
  void release(std::uint64_t begin, std::uint64_t end) CAISSON_REQUIRES(machine_.mutex_);

  Machine& machine_;
  Machine::InodePtr inode_;
  std::string name_;
  std::uint64_t life_;
  OpenMode mode_;
  bool direct_;
};

class SimulatedDirectory final : public DirectoryDriver {
 public:
  SimulatedDirectory(Machine& machine, Machine::InodePtr inode, std::string name,
                     std::uint64_t life);

  std::unique_ptr<FileDriver> open_file(const std::string& name, OpenMode mode, bool direct,
                                        int& error) override;
  std::unique_ptr<DirectoryDriver> open_directory(const std::string& name, int& error) override;
  SysResult make_directory(const std::string& name) override;
  SysResult rename(const std::string& from, const std::string& to, bool replace) override;
  SysResult unlink(const std::string& name) override;
  SysResult remove_directory(const std::string& name) override;
  SysResult list(std::vector<std::string>& names) override;
  SysResult sync() override;
  SysResult file_system(FileSystemKind& kind) override;

 private:
  SysResult remove(const std::string& name, bool directory);

  Machine& machine_;
  Machine::InodePtr inode_;
  std::string name_;
  std::uint64_t life_;
};

// Time that moves only when somebody sleeps, by a microsecond a look otherwise.
class SimulatedClock final : public Clock {
 public:
  std::chrono::nanoseconds monotonic() override;
  std::uint64_t wall_ns() override;
  void sleep(std::chrono::nanoseconds duration) override;

 private:
  std::atomic<std::int64_t> now_{0};
};

class SimulatedVfs final : public Vfs {
 public:
  explicit SimulatedVfs(Machine& machine) : machine_(machine) {}

  Result<std::unique_ptr<Directory>> open_directory(const std::string& path) override;
  Result<void> create_directory(const std::string& path) override;
  Clock& clock() override { return clock_; }

 private:
  SysResult draw(MutableBytes into) override;

  Machine& machine_;
  SimulatedClock clock_;
};

}  // namespace caisson::io::sim

#endif  // CAISSON_IO_SIM_HANDLES_H_

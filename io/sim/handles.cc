#include "io/sim/handles.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace caisson::io::sim {
namespace {

// A misdirected write lands this much further on.
constexpr std::uint64_t kMisdirection = 4096;

// No file grows beyond this, so that a wild offset is an error and not the end of the memory of
// the machine that simulates.
constexpr std::uint64_t kFileSizeMax = std::uint64_t{1} << 32;

bool too_big(std::uint64_t offset, std::uint64_t size) {
  return size > kFileSizeMax || offset > kFileSizeMax - size;
}

bool aligned(std::uint64_t offset, std::uint64_t size, const void* memory, std::uint64_t unit) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  return (offset | size) % unit == 0 &&
         address % std::min<std::uint64_t>(unit, kDirectAlignment) == 0;
}

// How much of `size` bytes a short call moves. Direct calls stop at whole blocks of `unit` only.
std::uint64_t shortened(std::uint64_t size, std::uint64_t unit, Random& random) {
  return size > unit ? unit * random.between(1, (size - 1) / unit) : size;
}

// The end of a range of a lock; a size of 0 means for ever, as fcntl has it.
std::uint64_t end_of(std::uint64_t offset, std::uint64_t size) {
  constexpr std::uint64_t kForEver = std::numeric_limits<std::uint64_t>::max();
  return size == 0 || size > kForEver - offset ? kForEver : offset + size;
}

}  // namespace

SimulatedMapping::SimulatedMapping(Machine& machine, Machine::InodePtr inode, std::string name,
                                   std::uint64_t life, ReservedMemory memory)
    : machine_(machine),
      inode_(std::move(inode)),
      name_(std::move(name)),
      life_(life),
      memory_(std::move(memory)) {
  memory_.populate(0, std::min<std::uint64_t>(inode_->image.cached().size(), memory_.size()));
  inode_->image.map({memory_.data(), memory_.size()});
}

SimulatedMapping::~SimulatedMapping() {
  const MutexLock lock(machine_.mutex_);
  machine_.closed(life_, inode_.get());
  inode_->image.unmap({memory_.data(), memory_.size()});
}

SysResult SimulatedMapping::populate(std::uint64_t offset, std::uint64_t size) {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, Call::kPopulate, name_, offset, size);
  if (decision.error != 0) return {0, decision.error};
  if (end_of(offset, size) > memory_.size()) return {0, ENOMEM};
  // The last memory page of a file can be touched to its end.
  const std::uint64_t end = (inode_->image.cached().size() + 4095) / 4096 * 4096;
  if (offset + size > end) return {0, EFAULT};
  return {};
}

SysResult SimulatedMapping::advise(std::uint64_t offset, std::uint64_t size, Advice) {
  const MutexLock lock(machine_.mutex_);
  return {0, machine_.begin_call(life_, Call::kAdvise, name_, offset, size).error};
}

SysResult SimulatedMapping::lock(std::uint64_t offset, std::uint64_t size) {
  const MutexLock lock(machine_.mutex_);
  return {0, machine_.begin_call(life_, Call::kLockMemory, name_, offset, size).error};
}

SimulatedFile::SimulatedFile(Machine& machine, Machine::InodePtr inode, std::string name,
                             std::uint64_t life, OpenMode mode, bool direct)
    : machine_(machine),
      inode_(std::move(inode)),
      name_(std::move(name)),
      life_(life),
      mode_(mode),
      direct_(direct) {}

SimulatedFile::~SimulatedFile() {
  const MutexLock lock(machine_.mutex_);
  machine_.closed(life_, inode_.get());
  std::erase_if(inode_->locks, [this](const Machine::Lock& held) { return held.owner == this; });
}

std::uint64_t SimulatedFile::block() const { return direct_ ? machine_.direct_alignment_ : 1; }

SysResult SimulatedFile::read(std::uint64_t offset, MutableBytes into) {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, Call::kRead, name_, offset, into.size());
  if (decision.error != 0) return {0, decision.error};
  const bool past_cache = direct_ && !inode_->image.cache_is_true();
  const std::vector<std::byte> direct =
      past_cache ? inode_->image.direct_view() : std::vector<std::byte>{};
  const Bytes image = past_cache ? Bytes(direct) : inode_->image.cached();
  if (offset >= image.size()) return {};
  if (!aligned(offset, into.size(), into.data(), block())) return {0, EINVAL};
  if (decision.fault == FaultKind::kShort) {
    into = into.first(shortened(into.size(), block(), machine_.random_));
  }
  const std::uint64_t count = std::min<std::uint64_t>(into.size(), image.size() - offset);
  std::memcpy(into.data(), image.data() + offset, count);
  return {static_cast<std::int64_t>(count), 0};
}

SysResult SimulatedFile::write(std::uint64_t offset, Bytes from) {
  return write_vector(offset, std::span(&from, 1));
}

SysResult SimulatedFile::write_vector(std::uint64_t offset, std::span<const Bytes> from) {
  std::vector<std::byte> bytes;
  for (const Bytes part : from) bytes.insert(bytes.end(), part.begin(), part.end());
  const MutexLock lock(machine_.mutex_);
  if (mode_ == OpenMode::kRead) return {0, EBADF};
  if (too_big(offset, bytes.size())) return {0, EFBIG};
  const bool misaligned = std::ranges::any_of(from, [&, unit = block()](Bytes part) {
    return !aligned(offset, part.size(), part.data(), unit);
  });
  if (misaligned) return {0, EINVAL};
  const auto decision = machine_.begin_call(life_, Call::kWrite, name_, offset, bytes.size());
  Random& random = machine_.random_;
  const bool partial = decision.fault == FaultKind::kShort || decision.fault == FaultKind::kIoError;
  // A write that fails may have reached the file in part.
  if (partial) bytes.resize(shortened(bytes.size(), block(), random));
  if (decision.error != 0 && (decision.fault != FaultKind::kIoError || random.chance(1, 2))) {
    return {0, decision.error};
  }
  const std::uint64_t end = offset + bytes.size();
  const std::uint64_t old_size = inode_->image.cached().size();
  if (end > old_size && !bytes.empty()) {
    // A full disk takes what it can; only when that is nothing, the call fails.
    const std::uint64_t fits = std::max(old_size, machine_.size_that_fits(inode_->image, end));
    if (fits <= offset) return {0, ENOSPC};
    bytes.resize(fits - offset);
  }
  if (decision.fault == FaultKind::kLostWrite) {
    inode_->image.write_lost(offset, bytes);
  } else if (decision.fault == FaultKind::kMisdirected) {
    inode_->image.write_misdirected(offset, offset + kMisdirection, bytes);
  } else {
    inode_->image.write(offset, bytes);
  }
  if (decision.error != 0) return {0, decision.error};
  return {static_cast<std::int64_t>(bytes.size()), 0};
}

SysResult SimulatedFile::flush(Call call) {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, call, name_, 0, 0);
  // Blocks that found no room when they were written back are dropped as those that failed.
  if (decision.fault == FaultKind::kSyncDrops || decision.fault == FaultKind::kNoSpace) {
    inode_->image.flush_and_drop(machine_.random_);
  }
  if (decision.error != 0) return {0, decision.error};
  inode_->image.flush();
  return {};
}

SysResult SimulatedFile::sync_data() { return flush(Call::kSyncData); }
SysResult SimulatedFile::sync_all() { return flush(Call::kSyncAll); }

SysResult SimulatedFile::resize(std::uint64_t new_size) {
  const std::uint64_t old_size = inode_->image.cached().size();
  if (new_size == old_size) return {};
  if (new_size > old_size && machine_.size_that_fits(inode_->image, new_size) < new_size) {
    return {0, ENOSPC};
  }
  inode_->image.resize(new_size);
  return {};
}

SysResult SimulatedFile::allocate(std::uint64_t offset, std::uint64_t size) {
  const MutexLock lock(machine_.mutex_);
  if (mode_ == OpenMode::kRead) return {0, EBADF};
  if (too_big(offset, size)) return {0, EFBIG};
  const auto decision = machine_.begin_call(life_, Call::kAllocate, name_, offset, size);
  if (decision.error != 0) return {0, decision.error};
  return resize(std::max<std::uint64_t>(inode_->image.cached().size(), offset + size));
}

SysResult SimulatedFile::truncate(std::uint64_t size) {
  const MutexLock lock(machine_.mutex_);
  if (mode_ == OpenMode::kRead) return {0, EBADF};
  if (too_big(size, 0)) return {0, EFBIG};
  const auto decision = machine_.begin_call(life_, Call::kTruncate, name_, size, 0);
  if (decision.error != 0) return {0, decision.error};
  return resize(size);
}

SysResult SimulatedFile::size() {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, Call::kSize, name_, 0, 0);
  if (decision.error != 0) return {0, decision.error};
  return {static_cast<std::int64_t>(inode_->image.cached().size()), 0};
}

SysResult SimulatedFile::identity(FileIdentity& identity) {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, Call::kIdentity, name_, 0, 0);
  if (decision.error != 0) return {0, decision.error};
  identity = {.device = 1, .inode = inode_->number};
  return {};
}

SysResult SimulatedFile::try_lock(LockKind kind, std::uint64_t offset, std::uint64_t size) {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, Call::kLock, name_, offset, size);
  if (decision.error != 0) return {0, decision.error};
  if (kind == LockKind::kExclusive && mode_ == OpenMode::kRead) return {0, EBADF};
  const std::uint64_t end = end_of(offset, size);
  for (const Machine::Lock& held : inode_->locks) {
    const bool overlaps = held.begin < end && offset < held.end;
    const bool conflicts = held.kind == LockKind::kExclusive || kind == LockKind::kExclusive;
    if (held.owner != this && overlaps && conflicts) return {0, EAGAIN};
  }
  release(offset, end);  // A lock of our own is replaced, as far as the two overlap.
  inode_->locks.push_back({this, kind, offset, end});
  return {};
}

void SimulatedFile::release(std::uint64_t begin, std::uint64_t end) {
  std::vector<Machine::Lock> kept;
  for (const Machine::Lock& held : inode_->locks) {
    if (held.owner != this || held.end <= begin || end <= held.begin) {
      kept.push_back(held);
      continue;
    }
    if (held.begin < begin) kept.push_back({this, held.kind, held.begin, begin});
    if (end < held.end) kept.push_back({this, held.kind, end, held.end});
  }
  inode_->locks = std::move(kept);
}

SysResult SimulatedFile::unlock(std::uint64_t offset, std::uint64_t size) {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, Call::kUnlock, name_, offset, size);
  if (decision.error != 0) return {0, decision.error};
  release(offset, end_of(offset, size));
  return {};
}

SysResult SimulatedFile::find_lock(std::uint64_t offset, std::uint64_t size) {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, Call::kFindLock, name_, offset, size);
  if (decision.error != 0) return {0, decision.error};
  const std::uint64_t end = end_of(offset, size);
  const bool found = std::ranges::any_of(inode_->locks, [&](const Machine::Lock& held) {
    return held.owner != this && held.begin < end && offset < held.end;
  });
  return {found ? 1 : 0, 0};
}

SysResult SimulatedFile::advise(std::uint64_t offset, std::uint64_t size, Advice advice) {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, Call::kAdvise, name_, offset, size);
  if (decision.error != 0) return {0, decision.error};
  // Pages that somebody has mapped stay in the cache whatever is asked.
  if (advice != Advice::kDontNeed || inode_->image.mapped()) return {};
  // Only whole memory pages are dropped; the one that holds the file's end counts as whole.
  constexpr std::uint64_t kPage = 4096;
  const std::uint64_t begin = (offset + kPage - 1) / kPage * kPage;
  std::uint64_t end = end_of(offset, size);
  if (end < inode_->image.cached().size()) end = end / kPage * kPage;
  if (begin < end) inode_->image.drop_cache(begin, end - begin);
  return {};
}

std::unique_ptr<MappingDriver> SimulatedFile::map(std::uint64_t size, int& error) {
  auto memory = ReservedMemory::create(size);
  const MutexLock lock(machine_.mutex_);
  error = machine_.begin_call(life_, Call::kMap, name_, 0, size).error;
  if (!memory) error = ENOMEM;
  if (error != 0) return nullptr;
  machine_.opened(inode_.get());
  return std::make_unique<SimulatedMapping>(machine_, inode_, name_, life_, std::move(*memory));
}

SimulatedDirectory::SimulatedDirectory(Machine& machine, Machine::InodePtr inode, std::string name,
                                       std::uint64_t life)
    : machine_(machine), inode_(std::move(inode)), name_(std::move(name)), life_(life) {}

std::unique_ptr<FileDriver> SimulatedDirectory::open_file(const std::string& name, OpenMode mode,
                                                          bool direct, int& error) {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, Call::kOpen, name, 0, 0);
  // A file that is opened needs no room; only one that is created can find none.
  const bool creates = mode == OpenMode::kCreate;
  error = decision.fault == FaultKind::kNoSpace && !creates ? 0 : decision.error;
  if (error != 0) return nullptr;
  const auto found = inode_->entries.find(name);
  const bool exists = found != inode_->entries.end();
  // In the order in which Linux looks.
  if (creates && exists) {
    error = EEXIST;
  } else if (!creates && !exists) {
    error = ENOENT;
  } else if (exists && found->second->is_directory) {
    error = EISDIR;
  } else if (mode != OpenMode::kRead && machine_.read_only_) {
    error = EROFS;
  } else if (creates && machine_.used_inodes() >= machine_.capacity_.inodes) {
    error = ENOSPC;
  } else if (direct && !machine_.direct_supported_) {
    error = EINVAL;
  }
  if (error != 0) return nullptr;
  Machine::InodePtr inode = exists ? found->second : machine_.new_inode();
  if (!exists) inode_->change({std::nullopt, std::pair(name, inode)});
  machine_.opened(inode.get());
  return std::make_unique<SimulatedFile>(machine_, std::move(inode), name, life_, mode, direct);
}

std::unique_ptr<DirectoryDriver> SimulatedDirectory::open_directory(const std::string& name,
                                                                    int& error) {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, Call::kOpen, name, 0, 0);
  error = decision.fault == FaultKind::kNoSpace ? 0 : decision.error;
  const auto found = inode_->entries.find(name);
  if (error == 0 && found == inode_->entries.end()) error = ENOENT;
  if (error == 0 && !found->second->is_directory) error = ENOTDIR;
  if (error != 0) return nullptr;
  return std::make_unique<SimulatedDirectory>(machine_, found->second, name, life_);
}

SysResult SimulatedDirectory::make_directory(const std::string& name) {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, Call::kMakeDirectory, name, 0, 0);
  if (decision.error != 0) return {0, decision.error};
  if (machine_.read_only_) return {0, EROFS};
  if (inode_->entries.contains(name)) return {0, EEXIST};
  if (machine_.used_inodes() >= machine_.capacity_.inodes) return {0, ENOSPC};
  Machine::InodePtr inode = machine_.new_inode();
  inode->is_directory = true;
  inode_->change({std::nullopt, std::pair(name, std::move(inode))});
  return {};
}

SysResult SimulatedDirectory::rename(const std::string& from, const std::string& to, bool replace) {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, Call::kRename, from, 0, 0);
  if (decision.error != 0) return {0, decision.error};
  if (machine_.read_only_) return {0, EROFS};
  const auto found = inode_->entries.find(from);
  if (found == inode_->entries.end()) return {0, ENOENT};
  const auto target = inode_->entries.find(to);
  const Machine::InodePtr inode = found->second;
  if (target != inode_->entries.end()) {
    if (!replace) return {0, EEXIST};
    const bool replaces_directory = target->second->is_directory;
    if (replaces_directory != inode->is_directory)
      return {0, replaces_directory ? EISDIR : ENOTDIR};
    if (replaces_directory && !target->second->entries.empty()) return {0, ENOTEMPTY};
  }
  inode_->change({from, std::pair(to, inode)});
  return {};
}

SysResult SimulatedDirectory::unlink(const std::string& name) { return remove(name, false); }

SysResult SimulatedDirectory::remove_directory(const std::string& name) {
  return remove(name, true);
}

SysResult SimulatedDirectory::remove(const std::string& name, bool directory) {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, Call::kUnlink, name, 0, 0);
  if (decision.error != 0) return {0, decision.error};
  if (machine_.read_only_) return {0, EROFS};
  const auto found = inode_->entries.find(name);
  if (found == inode_->entries.end()) return {0, ENOENT};
  if (found->second->is_directory != directory) return {0, directory ? ENOTDIR : EISDIR};
  if (!found->second->entries.empty()) return {0, ENOTEMPTY};
  inode_->change({name, std::nullopt});
  return {};
}

SysResult SimulatedDirectory::list(std::vector<std::string>& names) {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, Call::kList, name_, 0, 0);
  if (decision.error != 0) return {0, decision.error};
  for (const auto& [name, inode] : inode_->entries) names.push_back(name);
  return {};
}

SysResult SimulatedDirectory::sync() {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, Call::kSyncDirectory, name_, 0, 0);
  if (decision.error != 0) return {0, decision.error};
  inode_->flush_names();
  return {};
}

SysResult SimulatedDirectory::file_system(FileSystemKind& kind) {
  const MutexLock lock(machine_.mutex_);
  const auto decision = machine_.begin_call(life_, Call::kStatFileSystem, name_, 0, 0);
  if (decision.error != 0) return {0, decision.error};
  kind = machine_.file_system_;
  return {};
}

std::chrono::nanoseconds SimulatedClock::monotonic() {
  constexpr std::int64_t kLookNs = 1000;
  return std::chrono::nanoseconds(now_.fetch_add(kLookNs, std::memory_order_relaxed));
}

// A day in 2024, and on from there: anew in each life of the machine, as clocks do that nobody set.
std::uint64_t SimulatedClock::wall_ns() {
  constexpr std::uint64_t kBegin = 1'704'067'200'000'000'000;
  return kBegin + static_cast<std::uint64_t>(monotonic().count());
}

void SimulatedClock::sleep(std::chrono::nanoseconds duration) {
  now_.fetch_add(duration.count(), std::memory_order_relaxed);
}

Result<std::unique_ptr<Directory>> SimulatedVfs::open_directory(const std::string& path) {
  if (path.empty() || path[0] != '/') {
    return fail(system_error(ENOENT, "open the directory", path));
  }
  std::unique_ptr<Directory> directory;
  {
    const MutexLock lock(machine_.mutex_);
    directory = std::make_unique<Directory>(
        std::make_unique<SimulatedDirectory>(machine_, machine_.root_, "/", machine_.life_), "/",
        counters_);
  }
  std::size_t begin = 1;
  while (begin < path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    CAISSON_ASSIGN_OR_RETURN(directory, directory->open_directory(path.substr(begin, end - begin)));
    begin = end + 1;
  }
  return directory;
}

Result<void> SimulatedVfs::create_directory(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return fail(system_error(ENOENT, "make the directory", path));
  CAISSON_ASSIGN_OR_RETURN(const auto parent,
                           open_directory(slash == 0 ? "/" : path.substr(0, slash)));
  const auto made = parent->make_directory(path.substr(slash + 1));
  if (!made && made.error().code() != Code::kAlreadyExists) return made;
  CAISSON_RETURN_IF_ERROR(parent->sync());
  return made;
}

SysResult SimulatedVfs::draw(MutableBytes into) {
  const MutexLock lock(machine_.mutex_);
  const auto decision =
      machine_.begin_call(machine_.life_, Call::kRandom, "getrandom", 0, into.size());
  if (decision.error != 0) return {0, decision.error};
  machine_.random_.fill(into);
  return {static_cast<std::int64_t>(into.size()), 0};
}

}  // namespace caisson::io::sim

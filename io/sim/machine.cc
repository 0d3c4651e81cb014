#include "io/sim/machine.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "io/sim/handles.h"
#include "io/sim/inode.h"

namespace caisson::io::sim {
namespace {

bool is_one_of(Call call, std::initializer_list<Call> calls) {
  return std::ranges::find(calls, call) != calls.end();
}

// Files take room in blocks of this size.
constexpr std::uint64_t kBlockSize = 4096;

std::uint64_t whole_blocks(std::uint64_t size) {
  return (size + kBlockSize - 1) / kBlockSize * kBlockSize;
}

// Whether a call can fail in this way at all.
bool can_hit(FaultKind kind, Call call) {
  switch (kind) {
    case FaultKind::kNoSpace:
      return is_one_of(
          call, {Call::kWrite, Call::kAllocate, Call::kOpen, Call::kRename, Call::kMakeDirectory,
                 Call::kSyncData, Call::kSyncAll, Call::kSyncDirectory});
    case FaultKind::kShort:
      return is_one_of(call, {Call::kRead, Call::kWrite});
    case FaultKind::kSyncDrops:
      return is_one_of(call, {Call::kSyncData, Call::kSyncAll, Call::kSyncDirectory});
    case FaultKind::kLostWrite:
    case FaultKind::kMisdirected:
      return call == Call::kWrite;
    case FaultKind::kIoError:
    case FaultKind::kInterrupted:
    case FaultKind::kPowerCut:
    case FaultKind::kKill:
      return true;
  }
  return false;
}

int error_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::kIoError:
    case FaultKind::kSyncDrops:
      return EIO;
    case FaultKind::kNoSpace:
      return ENOSPC;
    case FaultKind::kInterrupted:
      return EINTR;
    case FaultKind::kPowerCut:
    case FaultKind::kKill:
      return ESHUTDOWN;
    case FaultKind::kShort:
    case FaultKind::kLostWrite:
    case FaultKind::kMisdirected:
      return 0;
  }
  return 0;
}

}  // namespace

std::string_view to_string(FaultKind kind) {
  switch (kind) {
    case FaultKind::kIoError:
      return "EIO";
    case FaultKind::kNoSpace:
      return "ENOSPC";
    case FaultKind::kInterrupted:
      return "EINTR";
    case FaultKind::kShort:
      return "short";
    case FaultKind::kSyncDrops:
      return "sync drops";
    case FaultKind::kLostWrite:
      return "lost write";
    case FaultKind::kMisdirected:
      return "misdirected write";
    case FaultKind::kPowerCut:
      return "power cut";
    case FaultKind::kKill:
      return "kill";
  }
  return "unknown";
}

Machine::Machine(std::uint64_t seed)
    : seed_(seed), random_(seed), vfs_(std::make_unique<SimulatedVfs>(*this)) {
  root_ = new_inode();
  root_->is_directory = true;
}

Machine::~Machine() = default;

Vfs& Machine::vfs() { return *vfs_; }

Machine::InodePtr Machine::new_inode() {
  auto inode = std::make_shared<Inode>();
  inode->number = ++last_inode_;
  return inode;
}

Machine::InodePtr Machine::copy_tree(const InodePtr& inode,
                                     std::map<const Inode*, InodePtr>& copies) {
  InodePtr& copy = copies[inode.get()];
  if (copy != nullptr) return copy;
  copy = std::make_shared<Inode>();
  const InodePtr made = copy;  // `copy` may move when the map grows; the inode doesn't.
  made->number = inode->number;
  made->is_directory = inode->is_directory;
  made->image = inode->image;
  for (const auto& [name, child] : inode->entries) made->entries[name] = copy_tree(child, copies);
  for (const auto& [name, child] : inode->durable_entries) {
    made->durable_entries[name] = copy_tree(child, copies);
  }
  for (const NameChange& change : inode->name_changes) {
    NameChange copied{change.remove, std::nullopt};
    if (change.add) copied.add = {change.add->first, copy_tree(change.add->second, copies)};
    made->name_changes.push_back(std::move(copied));
  }
  return made;
}

std::unique_ptr<Machine> Machine::clone(std::uint64_t seed) const {
  auto machine = std::make_unique<Machine>(seed);
  const MutexLock lock(mutex_);
  const MutexLock other(machine->mutex_);
  std::map<const Inode*, InodePtr> copies;
  machine->root_ = copy_tree(root_, copies);
  machine->last_inode_ = last_inode_;
  machine->capacity_ = capacity_;
  machine->file_system_ = file_system_;
  machine->direct_supported_ = direct_supported_;
  machine->direct_alignment_ = direct_alignment_;
  machine->read_only_ = read_only_;
  return machine;
}

void Machine::collect(const InodePtr& inode, std::set<Inode*>& found) {
  if (!found.insert(inode.get()).second) return;
  for (const auto& [name, child] : inode->entries) collect(child, found);
}

void Machine::end_process() {
  std::set<Inode*> inodes;
  collect(root_, inodes);
  for (Inode* inode : inodes) inode->forget_process();
  open_.clear();
  ++life_;
  down_ = false;
}

void Machine::kill() {
  const MutexLock lock(mutex_);
  end_process();
}

void Machine::cut_power_of(Inode& inode, CrashMode mode, Random& random, std::set<Inode*>& done) {
  if (!done.insert(&inode).second) return;
  if (!inode.is_directory) {
    inode.forget_process();  // It may be a file whose removal did not survive.
    inode.image.cut_power(mode, random);
    return;
  }
  for (const NameChange& change : inode.name_changes) {
    const bool survives =
        mode == CrashMode::kEverything || (mode != CrashMode::kNothing && random.chance(1, 2));
    if (survives) Inode::apply(change, inode.durable_entries);
  }
  inode.name_changes.clear();
  inode.entries = inode.durable_entries;
  for (const auto& [name, child] : inode.entries) cut_power_of(*child, mode, random, done);
}

void Machine::cut_power(CrashMode mode) {
  const MutexLock lock(mutex_);
  end_process();
  std::set<Inode*> done;
  cut_power_of(*root_, mode, random_, done);
}

bool Machine::down() const {
  const MutexLock lock(mutex_);
  return down_;
}

void Machine::inject(const Fault& fault) {
  const MutexLock lock(mutex_);
  faults_.push_back(fault);
}

void Machine::clear_faults() {
  const MutexLock lock(mutex_);
  faults_.clear();
}

void Machine::interleave(std::uint64_t call, std::function<void()> other) {
  const MutexLock lock(mutex_);
  interleaved_[call] = std::move(other);
}

std::uint64_t Machine::faults_hit() const {
  const MutexLock lock(mutex_);
  return faults_hit_;
}

std::uint64_t Machine::calls() const {
  const MutexLock lock(mutex_);
  return calls_;
}

void Machine::record_trace(bool on) {
  const MutexLock lock(mutex_);
  tracing_ = on;
  trace_.clear();
}

std::vector<TracedCall> Machine::trace() const {
  const MutexLock lock(mutex_);
  return trace_;
}

void Machine::set_capacity(Capacity capacity) {
  const MutexLock lock(mutex_);
  capacity_ = capacity;
}

Capacity Machine::used() const {
  const MutexLock lock(mutex_);
  return {.bytes = used_bytes(), .inodes = used_inodes()};
}

std::size_t Machine::open_handles() const {
  const MutexLock lock(mutex_);
  return open_.size();
}

void Machine::set_file_system(FileSystemKind kind) {
  const MutexLock lock(mutex_);
  file_system_ = kind;
}

void Machine::set_direct_supported(bool supported) {
  const MutexLock lock(mutex_);
  direct_supported_ = supported;
}

void Machine::set_direct_alignment(std::uint64_t alignment) {
  const MutexLock lock(mutex_);
  direct_alignment_ = alignment;
}

void Machine::set_read_only(bool read_only) {
  const MutexLock lock(mutex_);
  read_only_ = read_only;
}

FileImage* Machine::image(const std::string& path) {
  const MutexLock lock(mutex_);
  Inode* at = root_.get();
  std::size_t begin = 1;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const auto found = at->entries.find(path.substr(begin, end - begin));
    if (found == at->entries.end()) return nullptr;
    at = found->second.get();
    begin = end + 1;
  }
  return at->is_directory ? nullptr : &at->image;
}

std::string Machine::describe() const {
  const MutexLock lock(mutex_);
  std::string text = "machine seed=" + std::to_string(seed_);
  for (const Fault& fault : faults_) {
    text += " fault='" + std::string(to_string(fault.kind)) + "'" +
            " call=" + std::to_string(fault.call) + (fault.forever ? " forever" : " once");
  }
  return text;
}

Machine::Decision Machine::begin_call(std::uint64_t life, Call call, const std::string& file,
                                      std::uint64_t offset, std::uint64_t size) {
  if (const auto planned = interleaved_.find(calls_); planned != interleaved_.end()) {
    const std::function<void()> other = std::move(planned->second);
    interleaved_.erase(planned);
    mutex_.unlock();
    other();
    mutex_.lock();
  }
  if (down_ || life != life_) return {ESHUTDOWN, std::nullopt};
  const std::uint64_t number = calls_++;
  Decision decision;
  const auto hits = [&](const Fault& fault) {
    return can_hit(fault.kind, call) &&
           (number == fault.call || (fault.forever && number > fault.call));
  };
  const auto last = std::ranges::find_if(faults_.rbegin(), faults_.rend(), hits);
  if (last != faults_.rend()) {
    ++faults_hit_;
    decision = {error_of(last->kind), last->kind};
    if (decision.error == ESHUTDOWN) down_ = true;
  }
  if (tracing_) trace_.push_back({call, file, offset, size, decision.error});
  return decision;
}

void Machine::opened(Inode* inode) { open_.insert(inode); }

void Machine::closed(std::uint64_t life, Inode* inode) {
  if (life == life_) open_.erase(open_.find(inode));
}

std::set<Machine::Inode*> Machine::inodes_in_use() const {
  std::set<Inode*> inodes;
  collect(root_, inodes);
  inodes.insert(open_.begin(), open_.end());
  return inodes;
}

std::uint64_t Machine::used_bytes() const {
  std::uint64_t bytes = 0;
  for (const Inode* inode : inodes_in_use()) bytes += whole_blocks(inode->image.cached().size());
  return bytes;
}

std::uint64_t Machine::size_that_fits(const FileImage& image, std::uint64_t size) const {
  if (capacity_.bytes == Capacity{}.bytes) return size;
  const std::uint64_t others = used_bytes() - whole_blocks(image.cached().size());
  const std::uint64_t room = capacity_.bytes - std::min(others, capacity_.bytes);
  return std::min(size, room / kBlockSize * kBlockSize);
}

std::uint64_t Machine::used_inodes() const { return inodes_in_use().size(); }

}  // namespace caisson::io::sim

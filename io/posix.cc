#include "io/posix.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "io/uring.h"

namespace caisson::io {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

SysResult result_of(std::int64_t value) {
  if (value < 0) return {0, errno};
  return {value, 0};
}

// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// Opens `name` beneath `directory` without following a link at any step. The plain openat is for
// kernels before 5.6 and for sandboxes that forbid openat2; with a single component O_NOFOLLOW
// means the same.
int open_beneath(int directory, const char* name, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<__u64>(flags | O_CLOEXEC | O_NOFOLLOW);
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const auto fd = static_cast<int>(syscall(SYS_openat2, directory, name, &how, sizeof how));
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return fd;
  return openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW, mode);
}

class PosixMapping final : public MappingDriver {
 public:
  PosixMapping(std::byte* base, std::uint64_t size) : base_(base), size_(size) {}
  PosixMapping(const PosixMapping&) = delete;
  PosixMapping& operator=(const PosixMapping&) = delete;
  ~PosixMapping() override { munmap(base_, size_); }

  const std::byte* base() const override { return base_; }
  std::uint64_t size() const override { return size_; }

  SysResult populate(std::uint64_t offset, std::uint64_t size) override {
#ifdef MADV_POPULATE_READ
    return advise_range(offset, size, MADV_POPULATE_READ);
#else
    constexpr int kPopulateRead = 22;  // Linux 5.14; older headers don't name it.
    return advise_range(offset, size, kPopulateRead);
#endif
  }

  SysResult advise(std::uint64_t offset, std::uint64_t size, Advice advice) override {
    switch (advice) {
      case Advice::kRandom:
        return advise_range(offset, size, MADV_RANDOM);
      case Advice::kSequential:
        return advise_range(offset, size, MADV_SEQUENTIAL);
      case Advice::kWillNeed:
        return advise_range(offset, size, MADV_WILLNEED);
      case Advice::kDontNeed:
        return advise_range(offset, size, MADV_DONTNEED);
    }
    return {0, EINVAL};
  }

  SysResult lock(std::uint64_t offset, std::uint64_t size) override {
    // On fault: nothing is fetched for it that nobody reads.
    return result_of(mlock2(base_ + offset, size, MLOCK_ONFAULT));
  }

 private:
  // madvise wants a start on a memory page; the kernel rounds the end up itself.
  SysResult advise_range(std::uint64_t offset, std::uint64_t size, int advice) {
    const std::uint64_t begin = offset & ~(static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) - 1);
    return result_of(madvise(base_ + begin, offset + size - begin, advice));
  }

  std::byte* base_;
  std::uint64_t size_;
};

// Some parts as the system takes them.
class Vector {
 public:
  explicit Vector(std::span<const Bytes> from) : count_(std::min(from.size(), parts_.size())) {
    for (std::size_t i = 0; i < count_; ++i) {
      // The kernel only reads through it; iovec serves both directions and so has no const.
      parts_[i] = {const_cast<std::byte*>(from[i].data()), from[i].size()};
    }
  }
  const iovec* data() const { return parts_.data(); }
  int count() const { return static_cast<int>(count_); }
  std::span<const iovec> parts() const { return std::span(parts_).first(count_); }

 private:
  std::array<iovec, kVectorLengthMax> parts_;
  std::size_t count_;
};

class PosixFile final : public FileDriver {
 public:
  PosixFile(Descriptor fd, bool direct) : fd_(std::move(fd)), direct_(direct) {}

  SysResult read(std::uint64_t offset, MutableBytes into) override {
    const SysResult result =
        result_of(pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(offset)));
    // Some file systems look at the alignment before they look at the file's end, which is where
    // the loop over a read that was cut short by that end goes on.
    if (direct_ && result.error == EINVAL && is_at_end(offset)) return {};
    return result;
  }

  SysResult write(std::uint64_t offset, Bytes from) override {
    return result_of(pwrite(fd_.get(), from.data(), from.size(), static_cast<off_t>(offset)));
  }

  SysResult write_vector(std::uint64_t offset, std::span<const Bytes> from) override {
    const Vector vector(from);
    return result_of(pwritev(fd_.get(), vector.data(), vector.count(), static_cast<off_t>(offset)));
  }

  SysResult write_and_sync(SyncMethod method, std::uint64_t offset,
                           std::span<const Bytes> from) override {
    const Vector vector(from);
    if (method == SyncMethod::kDsync) {
      return result_of(pwritev2(fd_.get(), vector.data(), vector.count(),
                                static_cast<off_t>(offset), RWF_DSYNC));
    }
    const MutexLock lock(uring_mutex_);
    if (uring_ == nullptr) uring_ = Uring::make();
    if (uring_ == nullptr) return {0, ENOSYS};
    return uring_->write_and_sync(fd_.get(), offset, vector.parts());
  }

  SysResult sync_data() override { return result_of(fdatasync(fd_.get())); }
  SysResult sync_all() override { return result_of(fsync(fd_.get())); }

  SysResult allocate(std::uint64_t offset, std::uint64_t size) override {
    const SysResult result =
        result_of(fallocate(fd_.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(size)));
    if (result.error != EOPNOTSUPP) return result;
    return write_zeros_behind_end(offset + size);
  }

  SysResult truncate(std::uint64_t size) override {
    return result_of(ftruncate(fd_.get(), static_cast<off_t>(size)));
  }

  SysResult size() override {
    struct stat status{};
    if (fstat(fd_.get(), &status) != 0) return {0, errno};
    return {status.st_size, 0};
  }

  SysResult identity(FileIdentity& identity) override {
    struct stat status{};
    if (fstat(fd_.get(), &status) != 0) return {0, errno};
    identity = {.device = status.st_dev, .inode = status.st_ino};
    return {};
  }

  SysResult try_lock(LockKind kind, std::uint64_t offset, std::uint64_t size) override {
    return set_lock(kind == LockKind::kShared ? F_RDLCK : F_WRLCK, offset, size);
  }

  SysResult unlock(std::uint64_t offset, std::uint64_t size) override {
    return set_lock(F_UNLCK, offset, size);
  }

  SysResult find_lock(std::uint64_t offset, std::uint64_t size) override {
    struct flock lock = lock_of(F_WRLCK, offset, size);  // Which any other would keep out.
    if (fcntl(fd_.get(), F_OFD_GETLK, &lock) != 0) return {0, errno};
    return {lock.l_type == F_UNLCK ? 0 : 1, 0};
  }

  SysResult advise(std::uint64_t offset, std::uint64_t size, Advice advice) override {
    int value = POSIX_FADV_NORMAL;
    switch (advice) {
      case Advice::kRandom:
        value = POSIX_FADV_RANDOM;
        break;
      case Advice::kSequential:
        value = POSIX_FADV_SEQUENTIAL;
        break;
      case Advice::kWillNeed:
        value = POSIX_FADV_WILLNEED;
        break;
      case Advice::kDontNeed:
        value = POSIX_FADV_DONTNEED;
        break;
    }
    return {0,
            posix_fadvise(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(size), value)};
  }

  std::unique_ptr<MappingDriver> map(std::uint64_t size, int& error) override {
    void* base = mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd_.get(), 0);
    if (base == MAP_FAILED) {
      error = errno;
      return nullptr;
    }
    return std::make_unique<PosixMapping>(static_cast<std::byte*>(base), size);
  }

 private:
  static struct flock lock_of(int type, std::uint64_t offset, std::uint64_t size) {
    struct flock lock{};
    lock.l_type = static_cast<short>(type);
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(offset);
    lock.l_len = static_cast<off_t>(size);
    return lock;
  }

  SysResult set_lock(int type, std::uint64_t offset, std::uint64_t size) {
    struct flock lock = lock_of(type, offset, size);
    return result_of(fcntl(fd_.get(), F_OFD_SETLK, &lock));
  }

  // Allocation where the file system can't: real zeros, so that a later write finds its room.
  SysResult write_zeros_behind_end(std::uint64_t end) {
    static constexpr std::array<std::byte, 65536> kZeros{};
    SysResult at = size();
    if (at.error != 0) return at;
    auto position = static_cast<std::uint64_t>(at.value);
    while (position < end) {
      const std::size_t count = std::min<std::uint64_t>(end - position, kZeros.size());
      const SysResult result = write(position, Bytes(kZeros).first(count));
      if (result.error != 0) return result;
      if (result.value == 0) return {0, ENOSPC};
      position += static_cast<std::uint64_t>(result.value);
    }
    return {};
  }

  bool is_at_end(std::uint64_t offset) {
    const SysResult end = size();
    return end.error == 0 && offset >= static_cast<std::uint64_t>(end.value);
  }

  Descriptor fd_;
  bool direct_;
  Mutex uring_mutex_;
  std::unique_ptr<Uring> uring_ CAISSON_GUARDED_BY(uring_mutex_);  // From the first use on.
};

class PosixDirectory final : public DirectoryDriver {
 public:
  explicit PosixDirectory(Descriptor fd) : fd_(std::move(fd)) {}

  std::unique_ptr<FileDriver> open_file(const std::string& name, OpenMode mode, bool direct,
                                        int& error) override {
    int flags = mode == OpenMode::kRead ? O_RDONLY : O_RDWR;
    if (mode == OpenMode::kCreate) flags |= O_CREAT | O_EXCL;
    if (direct) flags |= O_DIRECT;
    // O_NONBLOCK: opening a FIFO that somebody planted must not wait for its other end.
    Descriptor fd(open_beneath(fd_.get(), name.c_str(), flags | O_NONBLOCK, kFileMode));
    if (fd.get() < 0) {
      error = errno == ENXIO ? EINVAL : errno;  // ENXIO: a socket, or a device that isn't there.
      return nullptr;
    }
    struct stat status{};
    if (fstat(fd.get(), &status) != 0) {
      error = errno;
      return nullptr;
    }
    if (!S_ISREG(status.st_mode)) {
      error = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
      return nullptr;
    }
    return std::make_unique<PosixFile>(std::move(fd), direct);
  }

  std::unique_ptr<DirectoryDriver> open_directory(const std::string& name, int& error) override {
    Descriptor fd(open_beneath(fd_.get(), name.c_str(), O_RDONLY | O_DIRECTORY, 0));
    if (fd.get() < 0) {
      error = errno;
      return nullptr;
    }
    return std::make_unique<PosixDirectory>(std::move(fd));
  }

  SysResult make_directory(const std::string& name) override {
    return result_of(mkdirat(fd_.get(), name.c_str(), kDirectoryMode));
  }

  SysResult rename(const std::string& from, const std::string& to, bool replace) override {
    if (replace) return result_of(renameat(fd_.get(), from.c_str(), fd_.get(), to.c_str()));
    const SysResult result =
        result_of(renameat2(fd_.get(), from.c_str(), fd_.get(), to.c_str(), RENAME_NOREPLACE));
    if (result.error != EINVAL && result.error != ENOSYS) return result;
    // Where the file system can't: a link fails on a taken name as well, and is as atomic.
    const SysResult linked = result_of(linkat(fd_.get(), from.c_str(), fd_.get(), to.c_str(), 0));
    if (linked.error != 0) return linked;
    return unlink(from);
  }

  SysResult unlink(const std::string& name) override {
    return result_of(unlinkat(fd_.get(), name.c_str(), 0));
  }

  SysResult remove_directory(const std::string& name) override {
    return result_of(unlinkat(fd_.get(), name.c_str(), AT_REMOVEDIR));
  }

  SysResult list(std::vector<std::string>& names) override {
    // A descriptor of its own: the position in a directory belongs to the open description.
    const int fd = openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return {0, errno};
    DIR* stream = fdopendir(fd);
    if (stream == nullptr) {
      const int error = errno;
      close(fd);
      return {0, error};
    }
    errno = 0;
    while (const dirent* entry = readdir(stream)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
      errno = 0;
    }
    const int error = errno;
    closedir(stream);
    return {0, error};
  }

  SysResult sync() override { return result_of(fsync(fd_.get())); }

  SysResult file_system(FileSystemKind& kind) override {
    struct statfs status{};
    if (fstatfs(fd_.get(), &status) != 0) return {0, errno};
    switch (static_cast<std::uint32_t>(status.f_type)) {
      case NFS_SUPER_MAGIC:
      case SMB_SUPER_MAGIC:
      case CIFS_SUPER_MAGIC:
      case SMB2_SUPER_MAGIC:
      case V9FS_MAGIC:
      case AFS_SUPER_MAGIC:
      case CODA_SUPER_MAGIC:
      case CEPH_SUPER_MAGIC:
      case FUSE_SUPER_MAGIC:
        kind = FileSystemKind::kNetwork;
        break;
      default:
        kind = FileSystemKind::kLocal;
    }
    return {};
  }

 private:
  Descriptor fd_;
};

class PosixClock final : public Clock {
 public:
  std::chrono::nanoseconds monotonic() override {
    return std::chrono::steady_clock::now().time_since_epoch();
  }
  std::uint64_t wall_ns() override {
    const std::chrono::nanoseconds now = std::chrono::system_clock::now().time_since_epoch();
    return now.count() < 0 ? 0 : static_cast<std::uint64_t>(now.count());
  }
  void sleep(std::chrono::nanoseconds duration) override { std::this_thread::sleep_for(duration); }
};

class PosixVfs final : public Vfs {
 public:
  Result<std::unique_ptr<Directory>> open_directory(const std::string& path) override {
    int opened = -1;
    do {
      counters_.count(Call::kOpen);
      opened = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } while (opened < 0 && errno == EINTR);
    Descriptor fd(opened);
    if (fd.get() < 0) return fail(system_error(errno, "open the directory", path));
    return std::make_unique<Directory>(std::make_unique<PosixDirectory>(std::move(fd)), path,
                                       counters_);
  }

  Result<void> create_directory(const std::string& path) override {
    counters_.count(Call::kMakeDirectory);
    Result<void> made;
    if (mkdir(path.c_str(), kDirectoryMode) != 0) {
      made = fail(system_error(errno, "make the directory", path));
      if (made.error().code() != Code::kAlreadyExists) return made;
    }
    const auto parent = open_directory(path + "/..");
    // What was there may be a file, or lie where we may not read.
    if (!parent) return made ? fail(parent.error()) : made;
    CAISSON_RETURN_IF_ERROR((*parent)->sync());
    return made;
  }

  Clock& clock() override { return clock_; }

 private:
  SysResult draw(MutableBytes into) override {
    return result_of(getrandom(into.data(), into.size(), 0));
  }

  PosixClock clock_;
};

}  // namespace

Vfs& posix_vfs() {
  // Never destroyed: files that outlive main may still count their calls in it.
  static PosixVfs& vfs = *new PosixVfs;
  return vfs;
}

}  // namespace caisson::io

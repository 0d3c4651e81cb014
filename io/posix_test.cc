// Method: the real system, in a directory of its own beneath the one for temporary files. What
// Caisson did is looked at through std::filesystem, plain system calls and a second process, never
// through the code under test. What this system can't do (mount, direct access) is skipped with
// the reason.

#include "io/posix.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/sanitizers.h"
#include "io/memory.h"

namespace caisson::io {
namespace {

namespace fs = std::filesystem;
using Buffer = std::vector<std::byte>;
using IfTargetExists = Directory::IfTargetExists;

constexpr OpenOptions kRead{OpenMode::kRead, false};
constexpr OpenOptions kReadWrite{OpenMode::kReadWrite, false};
constexpr OpenOptions kCreate{OpenMode::kCreate, false};

Buffer random_bytes(std::size_t size, std::uint64_t seed) {
  Buffer bytes(size);
  Random(seed).fill(bytes);
  return bytes;
}

mode_t mode_of(const fs::path& path) {
  struct stat status{};
  EXPECT_EQ(lstat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777U;
}

// Sets the mask of modes for new files while it lives.
class Umask {
 public:
  explicit Umask(mode_t mask) : before_(umask(mask)) {}
  ~Umask() { umask(before_); }
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

 private:
  mode_t before_;
};

// What `body` returns in a child process; 255 if the child did not get that far.
int in_child(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 255;
  return WEXITSTATUS(status);
}

class Posix : public testing::Test {
 protected:
  Posix() {
    std::string pattern = (fs::temp_directory_path() / "caisson-io-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::generic_category());
    path_ = pattern;
    directory_ = posix_vfs().open_directory(path_.string()).value();
  }
  ~Posix() override {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  Directory& directory() { return *directory_; }
  fs::path at(const std::string& name) const { return path_ / name; }

  std::unique_ptr<File> create(const std::string& name) {
    return directory().open_file(name, kCreate).value();
  }

  // Expects that a name can't be opened in any way that doesn't create it, for this reason.
  void expect_refused(const std::string& name, Code code) {
    for (const OpenOptions options : {kRead, kReadWrite}) {
      const auto opened = directory().open_file(name, options);
      ASSERT_FALSE(opened) << name;
      EXPECT_EQ(opened.error().code(), code) << opened.error().to_string();
      EXPECT_EQ(opened.error().file(), name);
    }
  }

 private:
  fs::path path_;
  std::unique_ptr<Directory> directory_;
};

// --- Modes ---------------------------------------------------------------------------------------

TEST_F(Posix, CreatesFilesAndDirectoriesForTheOwnerOnlyWhateverTheMaskLetsThrough) {
  const Umask umask(0);
  create("file");
  ASSERT_TRUE(directory().make_directory("inner"));
  ASSERT_TRUE(posix_vfs().create_directory(at("outer").string()));
  EXPECT_EQ(mode_of(at("file")), 0600U);
  EXPECT_EQ(mode_of(at("inner")), 0700U);
  EXPECT_EQ(mode_of(at("outer")), 0700U);
}

TEST_F(Posix, LetsTheMaskTakeAwayMore) {
  const Umask umask(0277);
  create("file");
  ASSERT_TRUE(directory().make_directory("inner"));
  EXPECT_EQ(mode_of(at("file")), 0400U);
  EXPECT_EQ(mode_of(at("inner")), 0500U);
}

TEST_F(Posix, LeavesNoDescriptorToProgramsThatAreStarted) {
  const auto file = create("file");
  int open_files = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    const fs::path target = fs::read_symlink(entry.path(), ignored);
    if (!target.string().starts_with(at("").parent_path().string())) continue;
    ++open_files;
    const int fd = std::stoi(entry.path().filename());
    EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0) << target;
  }
  EXPECT_EQ(open_files, 2);  // The file and its directory.
}

// --- What is not a plain file --------------------------------------------------------------------

TEST_F(Posix, RefusesALinkInPlaceOfAFile) {
  create("file");
  fs::create_symlink("file", at("link"));
  fs::create_symlink("nowhere", at("dangling"));
  expect_refused("link", Code::kInvalidArgument);
  expect_refused("dangling", Code::kInvalidArgument);
  const auto created = directory().open_file("dangling", kCreate);
  ASSERT_FALSE(created);
  EXPECT_FALSE(fs::exists(at("nowhere")));  // Nothing was made through the link.
}

TEST_F(Posix, RefusesALinkInPlaceOfADirectoryBeneathAnOpenOne) {
  ASSERT_TRUE(directory().make_directory("inner"));
  fs::create_directory_symlink("inner", at("link"));
  EXPECT_TRUE(directory().open_directory("inner"));
  const auto opened = directory().open_directory("link");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kInvalidArgument) << opened.error().to_string();
}

TEST_F(Posix, FollowsLinksInTheUsersOwnPath) {
  ASSERT_TRUE(directory().make_directory("inner"));
  fs::create_directory_symlink("inner", at("link"));
  EXPECT_TRUE(posix_vfs().open_directory(at("link").string()));
}

TEST_F(Posix, RefusesAFifoWithoutWaitingForItsOtherEnd) {
  ASSERT_EQ(mkfifo(at("fifo").c_str(), 0600), 0);
  expect_refused("fifo", Code::kInvalidArgument);
}

TEST_F(Posix, RefusesADirectoryInPlaceOfAFile) {
  fs::create_directory(at("inner"));
  expect_refused("inner", Code::kInvalidArgument);
}

TEST_F(Posix, RefusesASocketInPlaceOfAFile) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = at("socket").string();
  ASSERT_LT(name.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, name.data(), name.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_GE(fd, 0);
  const int bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  close(fd);
  ASSERT_EQ(bound, 0);
  expect_refused("socket", Code::kInvalidArgument);
}

TEST_F(Posix, RefusesADeviceInPlaceOfAFile) {
  const auto devices = posix_vfs().open_directory("/dev");
  ASSERT_TRUE(devices);
  const auto opened = (*devices)->open_file("null", kReadWrite);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kInvalidArgument) << opened.error().to_string();
}

TEST_F(Posix, RefusesAFileInPlaceOfADirectory) {
  create("file");
  const auto beneath = directory().open_directory("file");
  ASSERT_FALSE(beneath);
  EXPECT_EQ(beneath.error().code(), Code::kInvalidArgument);
  const auto by_path = posix_vfs().open_directory(at("file").string());
  ASSERT_FALSE(by_path);
  EXPECT_EQ(by_path.error().code(), Code::kInvalidArgument);
}

// --- Names ---------------------------------------------------------------------------------------

TEST_F(Posix, CreatesOnlyWhatDoesNotExist) {
  ASSERT_TRUE(create("file")->write(0, random_bytes(10, 1)));
  const auto again = directory().open_file("file", kCreate);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Code::kAlreadyExists);
  EXPECT_EQ(fs::file_size(at("file")), 10U);
  const auto made = directory().make_directory("file");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), Code::kAlreadyExists);
  const auto outer = posix_vfs().create_directory(at("file").string());
  ASSERT_FALSE(outer);
  EXPECT_EQ(outer.error().code(), Code::kAlreadyExists);
}

TEST_F(Posix, OpensOnlyWhatExists) {
  expect_refused("missing", Code::kNotFound);
  EXPECT_FALSE(fs::exists(at("missing")));
  EXPECT_EQ(posix_vfs().open_directory(at("missing").string()).error().code(), Code::kNotFound);
  EXPECT_EQ(directory().unlink("missing").error().code(), Code::kNotFound);
  EXPECT_EQ(directory().rename("missing", "b", IfTargetExists::kReplace).error().code(),
            Code::kNotFound);
}

TEST_F(Posix, RenamesOntoATakenNameOnlyWhenToldTo) {
  ASSERT_TRUE(create("a")->write(0, random_bytes(1, 1)));
  ASSERT_TRUE(create("b")->write(0, random_bytes(2, 1)));
  const auto refused = directory().rename("a", "b", IfTargetExists::kFail);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kAlreadyExists);
  EXPECT_EQ(fs::file_size(at("a")), 1U);
  EXPECT_EQ(fs::file_size(at("b")), 2U);

  ASSERT_TRUE(directory().rename("a", "b", IfTargetExists::kReplace));
  EXPECT_FALSE(fs::exists(at("a")));
  EXPECT_EQ(fs::file_size(at("b")), 1U);

  ASSERT_TRUE(directory().rename("b", "c", IfTargetExists::kFail));
  EXPECT_FALSE(fs::exists(at("b")));
  EXPECT_EQ(fs::file_size(at("c")), 1U);
}

TEST_F(Posix, UnlinksAFileThatIsStillReadable) {
  const auto file = create("file");
  const Buffer bytes = random_bytes(100, 2);
  ASSERT_TRUE(file->write(0, bytes));
  ASSERT_TRUE(directory().unlink("file"));
  EXPECT_FALSE(fs::exists(at("file")));
  Buffer into(100);
  ASSERT_TRUE(file->read_exactly(0, into));
  EXPECT_EQ(into, bytes);
}

TEST_F(Posix, ListsNamesInOrderAndAgainFromTheStart) {
  EXPECT_EQ(directory().list(), std::vector<std::string>{});
  for (const char* name : {"c", "a", ".hidden", "b"}) create(name);
  ASSERT_TRUE(directory().make_directory("d"));
  const std::vector<std::string> expected = {".hidden", "a", "b", "c", "d"};
  EXPECT_EQ(directory().list(), expected);
  EXPECT_EQ(directory().list(), expected);
}

TEST_F(Posix, ListsMoreNamesThanFitOneCall) {
  std::vector<std::string> expected;
  for (int i = 1000; i < 1900; ++i) {
    expected.push_back("a-rather-long-name-for-a-file-" + std::to_string(i));
    std::ofstream(at(expected.back()));
  }
  EXPECT_EQ(directory().list(), expected);
}

TEST_F(Posix, FlushesFilesAndDirectories) {
  const auto file = create("file");
  ASSERT_TRUE(file->write(0, random_bytes(100, 3)));
  EXPECT_TRUE(file->sync_data());
  EXPECT_TRUE(file->sync_all());
  EXPECT_TRUE(directory().sync());
}

TEST_F(Posix, CallsADirectoryOfThisMachineLocal) {
  EXPECT_EQ(directory().file_system(), FileSystemKind::kLocal);
}

// --- Bytes ---------------------------------------------------------------------------------------

TEST_F(Posix, ReadsBackWhatItWroteAnywhere) {
  const auto file = create("file");
  const Buffer bytes = random_bytes(100'000, 4);
  ASSERT_TRUE(file->write(5000, bytes));
  EXPECT_EQ(file->size(), 105'000U);
  Buffer into(110'000, std::byte{0xee});
  EXPECT_EQ(file->read(0, into), 105'000U);
  EXPECT_TRUE(std::all_of(into.begin(), into.begin() + 5000,
                          [](std::byte byte) { return byte == std::byte{0}; }));
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), into.begin() + 5000));
  EXPECT_EQ(file->read(105'000, into), 0U);
  EXPECT_EQ(file->read_exactly(104'999, std::span(into).first(2)).error().code(),
            Code::kCorruption);
}

TEST_F(Posix, WritesVectorsLongerThanOneCallTakes) {
  const auto file = create("file");
  const Buffer bytes = random_bytes(600 * 7, 5);
  std::vector<Bytes> parts;
  for (std::size_t i = 0; i < 600; ++i) parts.push_back(Bytes(bytes).subspan(i * 7, 7));
  const std::uint64_t calls = posix_vfs().counters().calls(Call::kWrite);
  ASSERT_TRUE(file->write_vector(3, parts));
  EXPECT_EQ(posix_vfs().counters().calls(Call::kWrite) - calls, 3U);
  Buffer into(bytes.size());
  ASSERT_TRUE(file->read_exactly(3, into));
  EXPECT_EQ(into, bytes);
}

TEST_F(Posix, RefusesToWriteWhatWasOpenedToRead) {
  create("file");
  const auto file = directory().open_file("file", kRead).value();
  EXPECT_FALSE(file->write(0, random_bytes(1, 1)));
  EXPECT_EQ(fs::file_size(at("file")), 0U);
}

TEST_F(Posix, AllocatesRoomThatReadsAsZeros) {
  const auto file = create("file");
  ASSERT_TRUE(file->allocate(0, 100'000));
  EXPECT_EQ(fs::file_size(at("file")), 100'000U);
  struct stat status{};
  ASSERT_EQ(stat(at("file").c_str(), &status), 0);
  EXPECT_GE(status.st_blocks * 512, 100'000);  // Real room, and not a hole.
  Buffer into(100'000, std::byte{0xee});
  ASSERT_TRUE(file->read_exactly(0, into));
  EXPECT_EQ(std::ranges::count(into, std::byte{0}), 100'000);

  // What is there already stays, and a file is never made shorter.
  const Buffer bytes = random_bytes(1000, 6);
  ASSERT_TRUE(file->write(0, bytes));
  ASSERT_TRUE(file->allocate(0, 500));
  EXPECT_EQ(fs::file_size(at("file")), 100'000U);
  ASSERT_TRUE(file->read_exactly(0, std::span(into).first(1000)));
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), into.begin()));
  EXPECT_TRUE(file->allocate(0, 0));
}

TEST_F(Posix, CutsAndStretchesFiles) {
  const auto file = create("file");
  ASSERT_TRUE(file->write(0, random_bytes(1000, 7)));
  ASSERT_TRUE(file->truncate(10));
  EXPECT_EQ(file->size(), 10U);
  ASSERT_TRUE(file->truncate(20));
  Buffer into(10, std::byte{0xee});
  ASSERT_TRUE(file->read_exactly(10, into));
  EXPECT_EQ(into, Buffer(10));
}

TEST_F(Posix, ReadsAndWritesPastThePageCacheOrSaysThatItCannot) {
  const Buffer bytes = random_bytes(10'000, 8);
  ASSERT_TRUE(create("file")->write(0, bytes));
  const auto opened = directory().open_file("file", {OpenMode::kReadWrite, true});
  if (!opened) {
    EXPECT_EQ(opened.error().code(), Code::kUnsupported) << opened.error().to_string();
    GTEST_SKIP() << "the directory for temporary files has no direct access";
  }
  File& file = **opened;
  AlignedBuffer buffer(16'384);
  // Ends in the middle of a block, where the loop over short reads asks once more.
  EXPECT_EQ(file.read(0, buffer.bytes()), 10'000U);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), buffer.data()));
  EXPECT_EQ(file.read(4096, buffer.bytes()), 10'000U - 4096);
  EXPECT_TRUE(std::equal(bytes.begin() + 4096, bytes.end(), buffer.data()));
  EXPECT_EQ(file.read(12'288, buffer.bytes()), 0U);

  Random(9).fill(buffer.bytes());
  ASSERT_TRUE(file.write(4096, buffer.bytes().first(8192)));
  const auto plain = directory().open_file("file", kRead).value();
  Buffer into(8192);
  ASSERT_TRUE(plain->read_exactly(4096, into));
  EXPECT_TRUE(std::equal(into.begin(), into.end(), buffer.data()));
}

TEST_F(Posix, SaysThatMemoryFileSystemsHaveNoDirectAccessOrHasIt) {
  const auto memory = posix_vfs().open_directory("/dev/shm");
  if (!memory) GTEST_SKIP() << "there is no /dev/shm";
  const std::string name = "caisson-io-" + std::to_string(getpid());
  const auto made = (*memory)->open_file(name, kCreate);
  if (!made) GTEST_SKIP() << made.error().to_string();
  const auto opened = (*memory)->open_file(name, {OpenMode::kRead, true});
  ASSERT_TRUE((*memory)->unlink(name));
  // Newer kernels let it pass, older ones don't; both are honest.
  if (!opened) {
    EXPECT_EQ(opened.error().code(), Code::kUnsupported);
  }
}

// --- Locks ---------------------------------------------------------------------------------------

TEST_F(Posix, LocksOneOpenFileAgainstAnotherOfTheSameProcess) {
  const auto first = create("file");
  const auto second = directory().open_file("file", kReadWrite).value();
  ASSERT_TRUE(first->try_lock(LockKind::kExclusive, 0, 1));
  for (const LockKind kind : {LockKind::kShared, LockKind::kExclusive}) {
    const auto refused = second->try_lock(kind, 0, 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::kBusy);
  }
  EXPECT_TRUE(second->try_lock(LockKind::kExclusive, 1, 1));  // Another range.
  EXPECT_TRUE(first->try_lock(LockKind::kExclusive, 0, 1));   // Its own again.
  ASSERT_TRUE(first->unlock(0, 1));
  EXPECT_TRUE(second->try_lock(LockKind::kExclusive, 0, 1));
}

TEST_F(Posix, SharesALockAmongReaders) {
  const auto first = create("file");
  const auto second = directory().open_file("file", kReadWrite).value();
  EXPECT_TRUE(first->try_lock(LockKind::kShared, 0, 1));
  EXPECT_TRUE(second->try_lock(LockKind::kShared, 0, 1));
  EXPECT_EQ(first->try_lock(LockKind::kExclusive, 0, 1).error().code(), Code::kBusy);
  ASSERT_TRUE(second->unlock(0, 1));
  EXPECT_TRUE(first->try_lock(LockKind::kExclusive, 0, 1));
}

TEST_F(Posix, KeepsALockWhenAnotherDescriptorOfTheFileIsClosed) {
  const auto holder = create("file");
  ASSERT_TRUE(holder->try_lock(LockKind::kExclusive, 0, 1));
  directory().open_file("file", kReadWrite).value().reset();  // Where classic locks get lost.
  std::ifstream(at("file")).get();
  const auto other = directory().open_file("file", kReadWrite).value();
  const auto refused = other->try_lock(LockKind::kExclusive, 0, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kBusy);
}

TEST_F(Posix, ReleasesItsLocksWhenItIsDestroyed) {
  auto holder = create("file");
  ASSERT_TRUE(holder->try_lock(LockKind::kExclusive, 0, 1));
  holder.reset();
  const auto other = directory().open_file("file", kReadWrite).value();
  EXPECT_TRUE(other->try_lock(LockKind::kExclusive, 0, 1));
}

TEST_F(Posix, LocksOutOtherProcesses) {
  const auto holder = create("file");
  ASSERT_TRUE(holder->try_lock(LockKind::kExclusive, 0, 1));
  // A child that opens the file anew; it reports what it was told.
  const auto attempt = [&] {
    return in_child([&] {
      const auto file = directory().open_file("file", kReadWrite);
      if (!file) return 100;
      const auto locked = (*file)->try_lock(LockKind::kExclusive, 0, 1);
      if (locked) return 0;
      return locked.error().code() == Code::kBusy ? 1 : 101;
    });
  };
  EXPECT_EQ(attempt(), 1);
  ASSERT_TRUE(holder->unlock(0, 1));
  EXPECT_EQ(attempt(), 0);
}

TEST_F(Posix, FreesTheLocksOfAProcessThatDied) {
  const auto file = create("file");
  EXPECT_EQ(in_child([&] {
              // Never destroyed: the process just ends.
              File* const theirs = directory().open_file("file", kReadWrite).value().release();
              return theirs->try_lock(LockKind::kExclusive, 0, 1) ? 0 : 1;
            }),
            0);
  EXPECT_TRUE(file->try_lock(LockKind::kExclusive, 0, 1));
}

// --- Mappings ------------------------------------------------------------------------------------

constexpr std::uint64_t kReserved = std::uint64_t{1} << 34;  // Far more than any file here.

TEST_F(Posix, ShowsWrittenBytesInAMappingWhoseBaseNeverMoves) {
  const auto file = create("file");
  const auto mapping = file->map(kReserved);
  ASSERT_TRUE(mapping) << mapping.error().to_string();
  EXPECT_EQ((*mapping)->size(), kReserved);
  const std::byte* const base = (*mapping)->base();
  std::uint64_t offset = 0;
  for (int step = 0; step < 20; ++step) {
    const Buffer bytes = random_bytes(50'000, static_cast<std::uint64_t>(step));
    ASSERT_TRUE(file->write(offset, bytes));
    EXPECT_EQ((*mapping)->base(), base);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), base + offset)) << step;
    offset += bytes.size();
  }
  const Buffer rewritten = random_bytes(100, 99);
  ASSERT_TRUE(file->write(70'000, rewritten));
  EXPECT_TRUE(std::equal(rewritten.begin(), rewritten.end(), base + 70'000));
}

TEST_F(Posix, PopulatesWhatTheFileHasAndReportsWhatItHasNot) {
  const auto file = create("file");
  ASSERT_TRUE(file->write(0, random_bytes(65'536, 1)));
  const auto mapping = file->map(kReserved).value();
  const auto populated = mapping->populate(5000, 20'000);
  if (!populated && populated.error().code() == Code::kUnsupported) {
    GTEST_SKIP() << populated.error().to_string();
  }
  ASSERT_TRUE(populated) << populated.error().to_string();
  for (const auto& [offset, size] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {65'536, 4096}, {61'440, 8192}, {kReserved - 4096, 4096}}) {
    const auto behind = mapping->populate(offset, size);
    ASSERT_FALSE(behind) << offset;
    EXPECT_EQ(behind.error().code(), Code::kIoError) << behind.error().to_string();
    EXPECT_EQ(behind.error().offset(), offset);
  }
  // A file that somebody cut while it was mapped gives an error as well, and no signal.
  ASSERT_EQ(truncate(at("file").c_str(), 4096), 0);
  EXPECT_FALSE(mapping->populate(8192, 4096));
  EXPECT_TRUE(mapping->populate(0, 4096));
}

TEST_F(Posix, LocksWhatIsTouchedInMemoryAndNothingElse) {
  const auto file = create("file");
  ASSERT_TRUE(file->write(0, random_bytes(1 << 20, 1)));
  const auto mapping = file->map(kReserved).value();
  const auto locked_kib = [] {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmLck:")) return std::stol(line.substr(6));
    }
    return -1L;
  };
  const long before = locked_kib();
  const auto locked = mapping->lock(0, 1 << 20);
  if (!locked && locked.error().code() == Code::kResourceExhausted) {
    GTEST_SKIP() << locked.error().to_string();
  }
  ASSERT_TRUE(locked) << locked.error().to_string();
  EXPECT_EQ(locked_kib() - before, 1024);
  EXPECT_EQ(mapping->lock(0, kReserved * 1024).error().code(), Code::kResourceExhausted);
}

TEST_F(Posix, MapsForReadingOnly) {
  const auto file = create("file");
  ASSERT_TRUE(file->write(0, random_bytes(4096, 1)));
  const auto mapping = file->map(4096).value();
  std::ifstream maps("/proc/self/maps");
  const auto begin = reinterpret_cast<std::uintptr_t>(mapping->base());
  bool found = false;
  for (std::string line; std::getline(maps, line);) {
    if (std::stoull(line, nullptr, 16) != begin) continue;
    found = true;
    EXPECT_EQ(line.substr(line.find(' ') + 1, 4), "r--s") << line;
  }
  EXPECT_TRUE(found);
}

TEST_F(Posix, TakesAdviceOfEveryKind) {
  const auto file = create("file");
  const Buffer bytes = random_bytes(65'536, 2);
  ASSERT_TRUE(file->write(0, bytes));
  ASSERT_TRUE(file->sync_data());
  const auto mapping = file->map(kReserved).value();
  for (const Advice advice :
       {Advice::kRandom, Advice::kSequential, Advice::kWillNeed, Advice::kDontNeed}) {
    file->advise(0, 0, advice);
    mapping->advise(5000, 10'000, advice);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), mapping->base()));
  }
}

TEST_F(Posix, RefusesToMapMoreThanThereAreAddresses) {
  const auto mapping = create("file")->map(std::uint64_t{1} << 50);
  ASSERT_FALSE(mapping);
  EXPECT_EQ(mapping.error().code(), Code::kResourceExhausted);
}

// --- Full disks ----------------------------------------------------------------------------------

// A file system of 1 MiB and few inodes, while it lives.
class TinyDisk {
 public:
  explicit TinyDisk(fs::path path) : path_(std::move(path)) {
    fs::create_directory(path_);
    if (mount("caisson-test", path_.c_str(), "tmpfs", 0, "size=1m,nr_inodes=8") != 0) {
      error_ = errno;
    }
  }
  ~TinyDisk() {
    if (error_ == 0) umount(path_.c_str());
  }
  TinyDisk(const TinyDisk&) = delete;
  TinyDisk& operator=(const TinyDisk&) = delete;

  int error() const { return error_; }

 private:
  fs::path path_;
  int error_ = 0;
};

TEST_F(Posix, ReportsAFullDiskAndWritesAgainWhenThereIsRoom) {
  const TinyDisk disk(at("disk"));
  if (disk.error() != 0) GTEST_SKIP() << "cannot mount a tmpfs: " << std::strerror(disk.error());
  const auto tiny = posix_vfs().open_directory(at("disk").string()).value();
  const auto file = tiny->open_file("file", kCreate).value();
  const auto written = file->write(0, Buffer(2 << 20));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), Code::kOutOfSpace) << written.error().to_string();
  EXPECT_EQ(written.error().offset(), 1U << 20);  // It took what it could before.
  const auto allocated = file->allocate(0, 2 << 20);
  ASSERT_FALSE(allocated);
  EXPECT_EQ(allocated.error().code(), Code::kOutOfSpace) << allocated.error().to_string();
  ASSERT_TRUE(file->truncate(0));
  EXPECT_TRUE(file->write(0, Buffer(1000)));
}

TEST_F(Posix, ReportsADiskWithoutInodes) {
  const TinyDisk disk(at("disk"));
  if (disk.error() != 0) GTEST_SKIP() << "cannot mount a tmpfs: " << std::strerror(disk.error());
  const auto tiny = posix_vfs().open_directory(at("disk").string()).value();
  Result<void> made;
  int count = 0;
  for (; made && count < 100; ++count) made = tiny->make_directory(std::to_string(count));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), Code::kOutOfSpace);
  const auto file = tiny->open_file("file", kCreate);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), Code::kOutOfSpace);
}

TEST_F(Posix, ReportsAReadOnlyFileSystem) {
  const TinyDisk disk(at("disk"));
  if (disk.error() != 0) GTEST_SKIP() << "cannot mount a tmpfs: " << std::strerror(disk.error());
  const auto tiny = posix_vfs().open_directory(at("disk").string()).value();
  ASSERT_TRUE(tiny->open_file("file", kCreate));
  ASSERT_EQ(mount(nullptr, at("disk").c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  EXPECT_EQ(tiny->open_file("file", kReadWrite).error().code(), Code::kReadOnly);
  EXPECT_EQ(tiny->open_file("new", kCreate).error().code(), Code::kReadOnly);
  EXPECT_EQ(tiny->make_directory("new").error().code(), Code::kReadOnly);
  EXPECT_TRUE(tiny->open_file("file", kRead));
}

TEST_F(Posix, ReportsAFileThatMayNotGrow) {
  // In a child: a lower limit can't always be raised again.
  EXPECT_EQ(in_child([&] {
              signal(SIGXFSZ, SIG_IGN);
              const rlimit limit{8192, 8192};
              if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 100;
              const auto file = create("file");
              const auto written = file->write(0, Buffer(10'000));
              if (written || written.error().code() != Code::kOutOfSpace) return 1;
              if (written.error().offset() != 8192U) return 2;
              if (written.error().advice().find("ulimit -f") == std::string::npos) return 3;
              const auto allocated = file->allocate(0, 10'000);
              return allocated || allocated.error().code() != Code::kOutOfSpace ? 4 : 0;
            }),
            0);
  EXPECT_EQ(fs::file_size(at("file")), 8192U);
}

// UBSan opens a pipe to find out whether memory can be read, and takes its failure for a no.
#ifndef CAISSON_SANITIZED
TEST_F(Posix, ReportsThatNoMoreFilesMayBeOpen) {
  create("file");
  EXPECT_EQ(in_child([&] {
              const rlimit limit{0, 0};
              if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 100;
              const auto file = directory().open_file("file", kRead);
              return file || file.error().code() != Code::kResourceExhausted ? 1 : 0;
            }),
            0);
}
#endif

TEST_F(Posix, ReportsWhatAnotherUserMayNotOpen) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  create("file");
  fs::permissions(at("").parent_path(), fs::perms::all);
  EXPECT_EQ(in_child([&] {
              constexpr uid_t kNobody = 65534;
              if (setuid(kNobody) != 0) return 100;
              const auto file = directory().open_file("file", kRead);
              return file || file.error().code() != Code::kPermissionDenied ? 1 : 0;
            }),
            0);
}

// --- Time and chance -----------------------------------------------------------------------------

TEST(PosixVfs, FillsEveryByteWithRandomness) {
  // A byte is zero in all of 16 draws once in 2^128 runs.
  Buffer seen(1000);
  for (int draw = 0; draw < 16; ++draw) {
    Buffer bytes(seen.size());
    ASSERT_TRUE(posix_vfs().random(bytes));
    for (std::size_t i = 0; i < seen.size(); ++i) seen[i] |= bytes[i];
  }
  EXPECT_EQ(std::ranges::count(seen, std::byte{0}), 0);
  EXPECT_TRUE(posix_vfs().random({}));
}

TEST(PosixVfs, HasAClockThatNeverGoesBack) {
  Clock& clock = posix_vfs().clock();
  auto before = clock.monotonic();
  for (int look = 0; look < 10'000; ++look) {
    const auto now = clock.monotonic();
    ASSERT_GE(now, before);
    before = now;
  }
}

TEST(PosixVfs, IsOne) { EXPECT_EQ(&posix_vfs(), &posix_vfs()); }

}  // namespace
}  // namespace caisson::io

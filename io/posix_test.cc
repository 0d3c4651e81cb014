// Method: the real system, in a directory of its own beneath the one for temporary files. What
// Caisson did is looked at through std::filesystem, plain system calls and a second process, never
// through the code under test. What this system can't do (mount, direct access) is skipped with
// the reason.

#include "io/posix.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "io/testing/posix_directory.h"

namespace caisson::io {
namespace {

using testing::Buffer;
using testing::IfTargetExists;
using testing::kCreate;
using testing::kReadWrite;
using testing::Posix;
using testing::random_bytes;
namespace fs = std::filesystem;

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

TEST_F(Posix, RenamesADirectoryOntoAnEmptyOneAndNoOther) {
  for (const char* name : {"from", "empty", "full"}) fs::create_directory(at(name));
  for (const char* name : {"from/file", "full/file"}) std::ofstream(at(name)) << "text";
  const auto refused = directory().rename("from", "full", IfTargetExists::kReplace);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kAlreadyExists);
  ASSERT_TRUE(directory().rename("from", "empty", IfTargetExists::kReplace));
  EXPECT_TRUE(fs::exists(at("empty/file")));
  EXPECT_FALSE(fs::exists(at("from")));
}

TEST_F(Posix, RemovesADirectoryThatIsEmpty) {
  fs::create_directory(at("folder"));
  create("folder-file");
  EXPECT_EQ(directory().remove_directory("missing").error().code(), Code::kNotFound);
  EXPECT_EQ(directory().remove_directory("folder-file").error().code(), Code::kInvalidArgument);
  fs::create_directory(at("folder/inner"));
  EXPECT_EQ(directory().remove_directory("folder").error().code(), Code::kAlreadyExists);
  fs::remove(at("folder/inner"));
  EXPECT_TRUE(directory().remove_directory("folder"));
  EXPECT_FALSE(fs::exists(at("folder")));
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

TEST_F(Posix, KnowsAFileByItsIdentityWhateverItIsCalled) {
  const auto identity_of = [this](const std::string& name) {
    return directory().open_file(name, {}).value()->identity().value();
  };
  const FileIdentity file = create("file")->identity().value();
  const FileIdentity other = create("other")->identity().value();
  EXPECT_EQ(identity_of("file"), file);
  EXPECT_NE(other, file);
  ASSERT_TRUE(directory().rename("other", "file", IfTargetExists::kReplace));
  EXPECT_EQ(identity_of("file"), other);
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
  const std::uint64_t calls = posix_vfs().counters().calls(Call::kRandom);
  EXPECT_GE(calls, 16U);
  EXPECT_TRUE(posix_vfs().random({}));
  EXPECT_EQ(posix_vfs().counters().calls(Call::kRandom), calls);
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

TEST(PosixVfs, HasTheTimeOfDay) {
  constexpr std::uint64_t kDayIn2024 = 1'704'067'200'000'000'000;
  EXPECT_GT(posix_vfs().clock().wall_ns(), kDayIn2024);
}

TEST(PosixVfs, IsOne) { EXPECT_EQ(&posix_vfs(), &posix_vfs()); }

}  // namespace
}  // namespace caisson::io

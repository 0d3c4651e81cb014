// Method: as posix_test.cc, where the system says no: a full or read-only disk (a tmpfs of one MiB,
// if we may mount one), limits of the process (set in a child) and another user's files.

#include "io/posix.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include "base/sanitizers.h"
#include "io/testing/posix_directory.h"

namespace caisson::io {
namespace {

using testing::Buffer;
using testing::in_child;
using testing::kCreate;
using testing::kRead;
using testing::kReadWrite;
using testing::limit_file_size;
using testing::Posix;
namespace fs = std::filesystem;

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
  EXPECT_EQ(in_child([&] {
              if (!limit_file_size(8192)) return 100;
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

TEST_F(Posix, ReportsAWriteThatWasToBeDurableAndStoppedShort) {
  for (const SyncMethod method : {SyncMethod::kDsync, SyncMethod::kUring}) {
    const std::string name = std::to_string(static_cast<int>(method));
    EXPECT_EQ(in_child([&] {
                if (!limit_file_size(8192)) return 100;
                const auto file = create(name);
                const Buffer bytes(16'384);
                const Bytes part = bytes;
                const auto written = file->write_and_sync(0, std::span(&part, 1), method);
                if (written || written.error().code() != Code::kOutOfSpace) return 1;
                if (written.error().offset() != 8192U) return 2;
                const Bytes half = part.first(8192);
                const auto used = file->write_and_sync(0, std::span(&half, 1), method);
                if (!used) return 3;
                // And one that fails as a whole is not tried again in another way.
                const std::uint64_t writes = posix_vfs().counters().calls(Call::kWrite);
                if (file->write_and_sync(8192, std::span(&half, 1), *used)) return 4;
                const std::uint64_t tried = posix_vfs().counters().calls(Call::kWrite) - writes;
                return tried == (*used == SyncMethod::kTwoCalls ? 1U : 0U) ? 0 : 5;
              }),
              0);
  }
}

// Answers a system call with EPERM from now on, as sandboxes do. False where there is no way.
bool forbid(unsigned call) {
  std::array program = {
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST_F(Posix, WritesAndSyncsInTwoCallsWhereASandboxForbidsOne) {
  for (const auto& [method, call] : {std::pair{SyncMethod::kDsync, SYS_pwritev2},
                                     {SyncMethod::kUring, SYS_io_uring_setup},
                                     {SyncMethod::kUring, SYS_io_uring_enter}}) {
    const std::string name = std::to_string(call);
    const int result = in_child([&] {
      if (!forbid(static_cast<unsigned>(call))) return 100;
      const auto file = create(name);
      const Buffer bytes(4096);
      const Bytes part = bytes;
      for (std::uint64_t i = 0; i < 3; ++i) {
        const auto written = file->write_and_sync(i * 4096, std::span(&part, 1), method);
        if (written != SyncMethod::kTwoCalls) return 1;
      }
      return 0;
    });
    if (result == 100) GTEST_SKIP() << "there is no seccomp";
    EXPECT_EQ(result, 0) << call;
    EXPECT_EQ(fs::file_size(at(name)), 3 * 4096U);
  }
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

}  // namespace
}  // namespace caisson::io

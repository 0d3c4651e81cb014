// Method: as posix_test.cc, where the system says no: a full or read-only disk (a tmpfs of one MiB,
// if we may mount one), limits of the process (set in a child) and another user's files.

#include "io/posix.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
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

}  // namespace
}  // namespace caisson::io

// Method: the process of kill_test.cc uses a store on an ext4 file system of its own: an image,
// behind a loop device that writes past the page cache, so that the image holds what has reached
// the disk and no more. The power cut is ext4's own way to stop at once: nothing that it or its
// journal holds in memory is written any more, and every later call fails. Mounted again, ext4
// replays its journal, and what is there is compared by value as in kill_test.cc.
//
// This is what the simulated machine assumes of a file system, put to a real one: names that were
// not flushed may be gone, sizes may be old, and writes through the page cache come in any order.
// What it can't show: writes that the disk itself holds back or tears. A copy of the image, taken
// while it is written, would be no state that a power cut could leave: its first blocks would be
// older than its last ones.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/loop.h>
#include <sched.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include "base/testing/effort.h"
#include "base/testing/emulated.h"
#include "base/testing/replay.h"
#include "tests/child/lives.h"
#include "tests/support.h"

namespace caisson {
namespace {

using testing::ChildProcess;
using testing::Lives;
using testing::LivesTold;
using testing::Replay;

[[noreturn]] void fail_with(const std::string& what) {
  throw std::runtime_error(what + ": " + std::generic_category().message(errno));
}

// A file that is open.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : number_(open(path.c_str(), flags | O_CLOEXEC)) {
    if (number_ < 0) fail_with(path);
  }
  ~Descriptor() { close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }

 private:
  const int number_;
};

// Mounts of this process are seen by itself and its children only, and so they end with the last of
// them at the latest, however the test ends.
void keep_mounts_private() {
  if (unshare(CLONE_NEWNS) != 0) fail_with("can't have mounts of its own");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) fail_with("private mounts");
}

bool make_ext4(const std::string& image, std::uint64_t size) {
  const Descriptor file(image, O_RDWR | O_CREAT | O_EXCL);
  if (ftruncate(file.number(), static_cast<off_t>(size)) != 0) fail_with(image);
  return std::system(("PATH=$PATH:/sbin:/usr/sbin mkfs.ext4 -q -F '" + image + "'").c_str()) == 0;
}

// An image that is mounted, until this ends. The loop device goes with the mount.
class MountedImage {
 public:
  MountedImage(const std::string& image, std::string folder) : folder_(std::move(folder)) {
    const Descriptor file(image, O_RDWR);
    // Between asking for a device and taking it somebody else may take it.
    for (int tries = 0; tries < 20; ++tries) {
      const Descriptor control("/dev/loop-control", O_RDWR);
      const int number = ioctl(control.number(), LOOP_CTL_GET_FREE);
      if (number < 0) fail_with("no loop device");
      const std::string device = "/dev/loop" + std::to_string(number);
      const Descriptor loop(device, O_RDWR);
      loop_config config{};
      config.fd = static_cast<std::uint32_t>(file.number());
      config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
      if (ioctl(loop.number(), LOOP_CONFIGURE, &config) != 0) {
        if (errno == EBUSY) continue;
        fail_with("can't set up " + device);
      }
      loop_info64 info{};
      if (ioctl(loop.number(), LOOP_GET_STATUS64, &info) != 0) fail_with(device);
      if ((info.lo_flags & LO_FLAGS_DIRECT_IO) == 0) throw std::runtime_error("no direct writes");
      if (mount(device.c_str(), folder_.c_str(), "ext4", 0, "") != 0) fail_with("mount " + device);
      return;
    }
    throw std::runtime_error("no loop device stays free");
  }
  ~MountedImage() {
    if (umount(folder_.c_str()) != 0) umount2(folder_.c_str(), MNT_DETACH);
  }
  MountedImage(const MountedImage&) = delete;
  MountedImage& operator=(const MountedImage&) = delete;

  // EXT4_IOC_SHUTDOWN, without even the journal's being written.
  void cut_power() const {
    const Descriptor folder(folder_, O_RDONLY | O_DIRECTORY);
    std::uint32_t flags = 2;
    if (ioctl(folder.number(), _IOR('X', 125, std::uint32_t), &flags) != 0) fail_with("shutdown");
  }

 private:
  const std::string folder_;
};

class PowerCut : public testing::StoreTest {
 protected:
  void SetUp() override {
    if (testing::emulated()) GTEST_SKIP() << "an emulator knows no loop devices";
    if (geteuid() != 0) GTEST_SKIP() << "only root can mount";
    try {
      keep_mounts_private();
      std::filesystem::create_directory(disk());
      if (!make_ext4(path("probe"), std::uint64_t{8} << 20U)) {
        GTEST_SKIP() << "there is no mkfs.ext4";
      }
      MountedImage(path("probe"), disk()).cut_power();
    } catch (const std::exception& error) {
      GTEST_SKIP() << "nothing can be mounted here: " << error.what();
    }
  }

  std::string disk() const { return path("disk"); }
};

TEST_F(PowerCut, OnExt4LosesNothingThatWasDurableAndLeavesNothingInPart) {
  const Replay replay = Replay::from_environment({"seed"});
  LivesTold all;
  for (const std::uint64_t seed : replay.seeds("seed", 1, testing::long_run() ? 50 : 3)) {
    const std::string folder = path(std::to_string(seed));
    std::filesystem::create_directory(folder);
    ASSERT_TRUE(make_ext4(folder + "/image", std::uint64_t{128} << 20U));
    Lives lives(seed, folder);
    std::optional<MountedImage> mounted;
    mounted.emplace(folder + "/image", disk());
    for (std::uint64_t cut = 0; cut < 10; ++cut) {
      // Every third one is killed before, and leaves in the page cache what never reached the disk.
      // Once the next one has told what it found, that has to stay.
      if (cut % 3 == 2) {
        ASSERT_EQ(lives.live(disk() + "/store", [](ChildProcess& child) { child.kill(); }), "")
            << replay.command({seed});
      }
      ASSERT_EQ(lives.live(disk() + "/store", [&](ChildProcess&) { mounted->cut_power(); }), "")
          << replay.command({seed});
      mounted.reset();
      mounted.emplace(folder + "/image", disk());
      ASSERT_EQ(lives.judge(disk() + "/store"), "")
          << "behind cut " << cut << replay.command({seed});
    }
    mounted.reset();
    all.cut_off += lives.told().cut_off;
    all.while_opening += lives.told().while_opening;
    all.commits += lives.told().commits;
    all.lost += lives.told().lost;
    std::filesystem::remove_all(folder);
  }
  std::cout << "ends=" << all.cut_off << " while_opening=" << all.while_opening
            << " commits=" << all.commits << " lost=" << all.lost << " failures=0\n";
  EXPECT_GT(all.commits, 0U);
}

}  // namespace
}  // namespace caisson

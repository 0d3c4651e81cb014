// Method: a process of its own uses a store on the real file system (tests/child/), says through a
// pipe what was acknowledged, and is killed with SIGKILL: while it opens the store, behind so many
// reports, or a moment later. What it did follows from a seed, so this test knows each state that
// there ever was, and compares by value: nothing that was durable is missing, what is missing was
// acknowledged last, and nothing is there in part. The next life goes on from there, so that most
// of them begin with a recovery, and some end in one.
//
// The page cache survives a killed process. What a missing flush costs is for power_cut_test.cc to
// find, and for the simulated machine.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <iostream>
#include <string>

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

class Kill : public testing::StoreTest {
 protected:
  void SetUp() override {
    if (testing::emulated()) GTEST_SKIP() << "an emulator would be killed, not the program";
  }
};

// What a seed decides is the store, its transactions and about when they are cut off; the moment
// itself is the machine's. So a case that failed may have to be run some times to fail again.
TEST_F(Kill, AProcessKilledAtAnyMomentLosesNothingThatWasDurableAndLeavesNothingInPart) {
  const Replay replay = Replay::from_environment({"seed"});
  LivesTold all;
  for (const std::uint64_t seed : replay.seeds("seed", 1, testing::long_run() ? 100 : 5)) {
    const std::string folder = path(std::to_string(seed));
    std::filesystem::create_directory(folder);
    Lives lives(seed, folder);
    for (int kill = 0; kill < 10; ++kill) {
      int status = 0;
      ASSERT_EQ(lives.live(folder + "/store", [&](ChildProcess& child) { status = child.kill(); }),
                "")
          << replay.command({seed});
      ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << replay.command({seed});
      ASSERT_EQ(lives.judge(folder + "/store"), "")
          << "behind kill " << kill << replay.command({seed});
    }
    all.cut_off += lives.told().cut_off;
    all.while_opening += lives.told().while_opening;
    all.commits += lives.told().commits;
    all.lost += lives.told().lost;
    std::filesystem::remove_all(folder);
  }
  std::cout << "kills=" << all.cut_off << " while_opening=" << all.while_opening
            << " commits=" << all.commits << " lost=" << all.lost << " failures=0\n";
  EXPECT_GT(all.commits, 0U);
}

}  // namespace
}  // namespace caisson

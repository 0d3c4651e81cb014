// Method: short programs end by a kill or a power cut, and what the next process finds is compared
// with what a real machine might leave. Where chance decides, many seeds are tried and the set of
// outcomes is compared with the set of those that are allowed, in both directions: nothing
// forbidden happens, and nothing allowed is missing.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "io/sim/machine.h"
#include "io/sim/testing/programs.h"

namespace caisson::io::sim {
namespace {

using testing::Buffer;
using testing::bytes_of;
using testing::create;
using testing::create_durable;
using testing::fail_next;
using testing::filled;
using testing::IfTargetExists;
using testing::kCreate;
using testing::kRead;
using testing::Names;
using testing::names_of;
using testing::open;
using testing::root_of;

// --- Ends of processes ---------------------------------------------------------------------------

TEST(Machine, KeepsTheCacheAndDropsTheLocksOfAProcessThatIsKilled) {
  Machine machine(10);
  const auto file = create(machine, "f");
  ASSERT_TRUE(file->write(0, filled(1000, 1)));
  ASSERT_TRUE(file->try_lock(LockKind::kExclusive, 0, 1));
  EXPECT_FALSE(open(machine, "f")->try_lock(LockKind::kShared, 0, 1));
  machine.kill();
  EXPECT_EQ(bytes_of(machine, "f"), filled(1000, 1));
  EXPECT_TRUE(machine.image("/f")->dirty());
  EXPECT_TRUE(open(machine, "f")->try_lock(LockKind::kExclusive, 0, 1));
  machine.cut_power(CrashMode::kNothing);  // Nothing of it was ever flushed.
  EXPECT_EQ(names_of(machine), Names{});
}

TEST(Machine, AnswersHandlesOfEarlierLivesWithAnErrorAndNeverWithBytes) {
  for (const bool power : {false, true}) {
    Machine machine(11);
    const auto root = root_of(machine);
    ASSERT_TRUE(root->make_directory("d"));
    const auto file = create_durable(machine, "f", filled(1000, 1));
    const auto mapping = file->map(65'536).value();
    power ? machine.cut_power(CrashMode::kEverything) : machine.kill();
    const std::uint64_t calls = machine.calls();
    Buffer into(10);
    EXPECT_THAT(file->read(0, into).error().message(),
                ::testing::HasSubstr(std::generic_category().message(ESHUTDOWN)));
    EXPECT_FALSE(file->write(0, into));
    EXPECT_FALSE(file->sync_data());
    EXPECT_FALSE(file->sync_all());
    EXPECT_FALSE(file->allocate(0, 10));
    EXPECT_FALSE(file->truncate(0));
    EXPECT_FALSE(file->size());
    EXPECT_FALSE(file->try_lock(LockKind::kShared, 0, 1));
    EXPECT_FALSE(file->unlock(0, 1));
    EXPECT_FALSE(file->map(10));
    EXPECT_FALSE(mapping->populate(0, 10));
    EXPECT_FALSE(root->open_file("f", kRead));
    EXPECT_FALSE(root->open_directory("d"));
    EXPECT_FALSE(root->make_directory("e"));
    EXPECT_FALSE(root->rename("f", "g", IfTargetExists::kFail));
    EXPECT_FALSE(root->unlink("f"));
    EXPECT_FALSE(root->list());
    EXPECT_FALSE(root->sync());
    EXPECT_FALSE(root->file_system());
    EXPECT_EQ(machine.calls(), calls);  // They are no calls of this life.
    EXPECT_EQ(bytes_of(machine, "f"), filled(1000, 1));
  }
}

TEST(Machine, StaysDownAfterAFaultThatStopsItUntilItIsRestarted) {
  for (const FaultKind kind : {FaultKind::kPowerCut, FaultKind::kKill}) {
    Machine machine(12);
    const auto file = create_durable(machine, "f", filled(10, 1));
    EXPECT_FALSE(machine.down());
    fail_next(machine, kind);
    EXPECT_FALSE(file->write(0, filled(10, 2)));  // Did not take effect.
    EXPECT_TRUE(machine.down());
    EXPECT_FALSE(file->size());
    EXPECT_FALSE(root_of(machine)->list());  // New handles don't help.
    kind == FaultKind::kKill ? machine.kill() : machine.cut_power(CrashMode::kEverything);
    EXPECT_FALSE(machine.down());
    EXPECT_EQ(bytes_of(machine, "f"), filled(10, 1));
  }
}

TEST(Machine, LosesWithThePowerAFilesLocksEvenIfItsRemovalIsUndone) {
  Machine machine(13);
  const auto file = create_durable(machine, "f", filled(10, 1));
  ASSERT_TRUE(file->try_lock(LockKind::kExclusive, 0, 1));
  ASSERT_TRUE(root_of(machine)->unlink("f"));
  machine.cut_power(CrashMode::kNothing);
  EXPECT_TRUE(open(machine, "f")->try_lock(LockKind::kExclusive, 0, 1));
}

// --- Names and power cuts ------------------------------------------------------------------------

// The lists of names that power cuts leave behind a program, over many seeds.
std::set<Names> names_left(CrashMode mode, const std::function<void(Machine&)>& program) {
  std::set<Names> seen;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Machine machine(seed);
    program(machine);
    machine.cut_power(mode);
    seen.insert(names_of(machine));
  }
  return seen;
}

TEST(Names, OfNewFilesSurviveInEverySubsetUntilTheirDirectoryIsFlushed) {
  const auto program = [](Machine& machine) {
    for (const char* name : {"a", "b", "c"}) create(machine, name);
  };
  EXPECT_EQ(names_left(CrashMode::kHalf, program),
            (std::set<Names>{
                {}, {"a"}, {"b"}, {"c"}, {"a", "b"}, {"a", "c"}, {"b", "c"}, {"a", "b", "c"}}));
  EXPECT_EQ(names_left(CrashMode::kNothing, program), (std::set<Names>{Names{}}));
  EXPECT_EQ(names_left(CrashMode::kEverything, program), (std::set<Names>{{"a", "b", "c"}}));
}

TEST(Names, AreDurableOnceTheirDirectoryWasFlushed) {
  for (const CrashMode mode : {CrashMode::kNothing, CrashMode::kHalf, CrashMode::kTorn}) {
    EXPECT_EQ(names_left(mode,
                         [](Machine& machine) {
                           create(machine, "a");
                           create(machine, "b");
                           const auto root = root_of(machine);
                           ASSERT_TRUE(root->unlink("a"));
                           ASSERT_TRUE(root->rename("b", "c", IfTargetExists::kFail));
                           ASSERT_TRUE(root->sync());
                         }),
              (std::set<Names>{{"c"}}));
  }
}

TEST(Names, AreNotFlushedWithTheirFiles) {
  EXPECT_EQ(names_left(CrashMode::kNothing,
                       [](Machine& machine) {
                         const auto file = create(machine, "a");
                         ASSERT_TRUE(file->write(0, filled(10, 1)));
                         ASSERT_TRUE(file->sync_data());
                         ASSERT_TRUE(file->sync_all());
                       }),
            (std::set<Names>{Names{}}));
}

TEST(Names, OfFilesSayNothingOfTheirBytes) {
  std::set<std::size_t> sizes;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Machine machine(seed);
    ASSERT_TRUE(create(machine, "a")->write(0, filled(10, 1)));
    ASSERT_TRUE(root_of(machine)->sync());
    machine.cut_power(CrashMode::kHalf);
    sizes.insert(bytes_of(machine, "a").size());
  }
  EXPECT_EQ(sizes, (std::set<std::size_t>{0, 10}));
}

TEST(Names, OfRemovedFilesComeBackWithTheirBytes) {
  std::set<bool> seen;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Machine machine(seed);
    create_durable(machine, "a", filled(10, 1));
    ASSERT_TRUE(root_of(machine)->unlink("a"));
    machine.cut_power(CrashMode::kHalf);
    const bool back = names_of(machine) == Names{"a"};
    if (back) {
      EXPECT_EQ(bytes_of(machine, "a"), filled(10, 1));
    }
    seen.insert(back);
  }
  EXPECT_EQ(seen.size(), 2U);
}

TEST(Names, MoveByRenamesWhollyOrNotAtAll) {
  std::set<std::vector<std::pair<std::string, Buffer>>> seen;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Machine machine(seed);
    create_durable(machine, "new", filled(10, 2));
    create_durable(machine, "old", filled(10, 1));
    ASSERT_TRUE(root_of(machine)->rename("new", "old", IfTargetExists::kReplace));
    machine.cut_power(CrashMode::kTorn);
    std::vector<std::pair<std::string, Buffer>> left;
    for (const std::string& name : names_of(machine)) {
      left.emplace_back(name, bytes_of(machine, name));
    }
    seen.insert(left);
  }
  EXPECT_EQ(seen, (std::set<std::vector<std::pair<std::string, Buffer>>>{
                      {{"new", filled(10, 2)}, {"old", filled(10, 1)}}, {{"old", filled(10, 2)}}}));
}

TEST(Names, ChangeInAnyOrder) {
  // The later of two changes may survive alone.
  EXPECT_EQ(names_left(CrashMode::kHalf,
                       [](Machine& machine) {
                         create_durable(machine, "a", {});
                         create(machine, "b");
                         ASSERT_TRUE(root_of(machine)->unlink("a"));
                       }),
            (std::set<Names>{{"a"}, {"a", "b"}, {"b"}, {}}));
}

TEST(Names, OfADirectoryTakeAlongWhatIsInIt) {
  std::set<Names> seen;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Machine machine(seed);
    ASSERT_TRUE(root_of(machine)->make_directory("d"));
    const auto inner = machine.vfs().open_directory("/d").value();
    ASSERT_TRUE(inner->open_file("f", kCreate));
    ASSERT_TRUE(inner->sync());
    machine.cut_power(CrashMode::kHalf);
    seen.insert(names_of(machine));
    if (names_of(machine) == Names{"d"}) {
      EXPECT_EQ(machine.vfs().open_directory("/d").value()->list(), Names{"f"});
    }
  }
  EXPECT_EQ(seen, (std::set<Names>{{}, {"d"}}));
}

TEST(Names, FollowTheRulesOfARealSystem) {
  Machine machine(14);
  const auto root = root_of(machine);
  create(machine, "f");
  create(machine, "g");
  ASSERT_TRUE(root->make_directory("d"));
  EXPECT_EQ(root->open_file("f", kCreate).error().code(), Code::kAlreadyExists);
  EXPECT_EQ(root->open_file("d", kCreate).error().code(), Code::kAlreadyExists);
  EXPECT_EQ(root->open_file("missing", kRead).error().code(), Code::kNotFound);
  EXPECT_EQ(root->open_file("d", kRead).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(root->open_directory("f").error().code(), Code::kInvalidArgument);
  EXPECT_EQ(root->open_directory("missing").error().code(), Code::kNotFound);
  EXPECT_EQ(root->make_directory("f").error().code(), Code::kAlreadyExists);
  EXPECT_EQ(root->unlink("missing").error().code(), Code::kNotFound);
  EXPECT_EQ(root->unlink("d").error().code(), Code::kInvalidArgument);
  EXPECT_EQ(root->rename("missing", "h", IfTargetExists::kReplace).error().code(), Code::kNotFound);
  EXPECT_EQ(root->rename("f", "g", IfTargetExists::kFail).error().code(), Code::kAlreadyExists);
  EXPECT_EQ(root->rename("f", "d", IfTargetExists::kReplace).error().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(names_of(machine), (Names{"d", "f", "g"}));
  // A directory takes the place of an empty one, and of no other.
  ASSERT_TRUE(root->make_directory("e"));
  ASSERT_TRUE((*root->open_directory("d"))->open_file("h", kCreate));
  EXPECT_EQ(root->rename("e", "d", IfTargetExists::kReplace).error().code(), Code::kAlreadyExists);
  EXPECT_TRUE(root->rename("d", "e", IfTargetExists::kReplace));
  EXPECT_EQ(names_of(machine), (Names{"e", "f", "g"}));
}

TEST(Names, OfAPathAreFoundStepByStep) {
  Machine machine(15);
  ASSERT_TRUE(machine.vfs().create_directory("/a"));
  ASSERT_TRUE(machine.vfs().create_directory("/a/b"));
  EXPECT_EQ(machine.vfs().create_directory("/a").error().code(), Code::kAlreadyExists);
  EXPECT_EQ(machine.vfs().create_directory("/x/y").error().code(), Code::kNotFound);
  const auto inner = machine.vfs().open_directory("/a/b").value();
  ASSERT_TRUE(inner->open_file("f", kCreate).value()->write(0, filled(3, 1)));
  ASSERT_NE(machine.image("/a/b/f"), nullptr);
  EXPECT_EQ(machine.image("/a/b/f")->cached().size(), 3U);
  EXPECT_EQ(machine.image("/a/b"), nullptr);
  EXPECT_EQ(machine.image("/"), nullptr);
  EXPECT_EQ(machine.image("/a/b/f/g"), nullptr);
  EXPECT_EQ(machine.vfs().open_directory("relative").error().code(), Code::kNotFound);
  machine.cut_power(CrashMode::kNothing);  // create_directory flushes the parent.
  EXPECT_TRUE(machine.vfs().open_directory("/a/b"));
}

TEST(Names, OfDirectoriesThatAreThereAlreadyAreFlushedToo) {
  Machine machine(16);
  ASSERT_TRUE(root_of(machine)->make_directory("a"));
  EXPECT_EQ(machine.vfs().create_directory("/a").error().code(), Code::kAlreadyExists);
  machine.cut_power(CrashMode::kNothing);
  EXPECT_TRUE(machine.vfs().open_directory("/a"));
}

}  // namespace
}  // namespace caisson::io::sim

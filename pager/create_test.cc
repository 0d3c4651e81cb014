// Method: page files are created on the simulated machine, with attempts that are cut off, that
// meet another creator at any of their calls, or that find no room.

#include "pager/open.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "pager/testing/harness.h"

namespace caisson::pager {
namespace {

using io::sim::Machine;
using testing::Harness;
using testing::page_file_bytes;
using testing::small_options;
using testing::value_of;

TEST(CreatePageFile, NeverHarmsAFileThatExists) {  // FILE-4
  Harness store({});
  store.set(1, 10);
  store.checkpoint();
  const std::vector<std::byte> before = page_file_bytes(store.machine());
  const auto created = create_page_file(store.machine().vfs(), store.directory(), {});
  EXPECT_EQ(created.error().code(), Code::kAlreadyExists);
  EXPECT_EQ(page_file_bytes(store.machine()), before);
}

TEST(CreatePageFile, RemovesWhatAnAttemptThatWasCutOffLeft) {  // FILE-4
  Machine machine(1);
  const auto directory = value_of(machine.vfs().open_directory("/"));
  value_of(directory->open_file(kPageFileNewName, {io::OpenMode::kCreate, false}));
  value_of(create_page_file(machine.vfs(), *directory, {}));
  EXPECT_EQ(value_of(directory->list()), std::vector<std::string>{kPageFileName});
}

TEST(CreatePageFile, LeavesACreationInProgressAlone) {
  Machine machine(1);
  const auto directory = value_of(machine.vfs().open_directory("/"));
  const auto other =
      value_of(directory->open_file(kPageFileNewName, {io::OpenMode::kCreate, false}));
  value_of(other->try_lock(io::LockKind::kExclusive, 0, 1));
  EXPECT_EQ(create_page_file(machine.vfs(), *directory, {}).error().code(), Code::kBusy);
}

// What another process does that creates the file and comes as far as its lock: nothing, where the
// file is there or somebody else is creating it. It takes what nobody has locked for abandoned.
std::unique_ptr<io::File> begin_creation(io::Directory& directory) {
  const io::OpenOptions create{io::OpenMode::kCreate, false};
  if (directory.open_file(kPageFileName, {})) return nullptr;
  auto made = directory.open_file(kPageFileNewName, create);
  if (!made) {
    const auto found =
        value_of(directory.open_file(kPageFileNewName, {io::OpenMode::kReadWrite, false}));
    if (!found->try_lock(io::LockKind::kExclusive, 0, 1)) return nullptr;
    value_of(directory.unlink(kPageFileNewName));
    made = directory.open_file(kPageFileNewName, create);
  }
  value_of((*made)->try_lock(io::LockKind::kExclusive, 0, 1));
  return value_of(std::move(made));
}

// Of two creators one wins, whenever the second comes and whether or not there is something
// abandoned; the other says so and leaves the winner's file where it is.
TEST(CreatePageFile, GivesWayToACreatorThatComesBetweenAnyTwoOfItsCalls) {  // FILE-4
  for (const bool abandoned : {false, true}) {
    std::uint64_t taken_over = 0;
    std::uint64_t finished = 0;
    for (std::uint64_t at = 0;; ++at) {
      SCOPED_TRACE("call " + std::to_string(at) + (abandoned ? ", with something abandoned" : ""));
      Machine machine(1);
      const auto directory = value_of(machine.vfs().open_directory("/"));
      if (abandoned) {
        value_of(directory->open_file(kPageFileNewName, {io::OpenMode::kCreate, false}));
      }
      std::unique_ptr<io::File> theirs;
      bool interleaved = false;
      machine.interleave(machine.calls() + at, [&] {
        interleaved = true;
        theirs = begin_creation(*directory);
      });
      const auto created = create_page_file(machine.vfs(), *directory, {});
      if (!interleaved) break;
      if (theirs == nullptr) {
        ++finished;
        EXPECT_TRUE(created);
        EXPECT_EQ(value_of(directory->list()), std::vector<std::string>{kPageFileName});
        continue;
      }
      ++taken_over;
      ASSERT_FALSE(created);
      EXPECT_EQ(created.error().code(), Code::kBusy) << created.error().to_string();
      ASSERT_EQ(value_of(directory->list()), std::vector<std::string>{kPageFileNewName});
      const auto named = value_of(directory->open_file(kPageFileNewName, {}));
      EXPECT_EQ(value_of(named->identity()), value_of(theirs->identity()));
      EXPECT_EQ(value_of(named->size()), 0U) << "somebody else wrote into it";
    }
    EXPECT_GE(taken_over, 3U);  // Before the file is made, before it is locked.
    EXPECT_GE(finished, 4U);
  }
}

TEST(CreatePageFile, LeavesNothingOnAFullDisk) {
  for (const io::sim::Capacity capacity :
       {io::sim::Capacity{.bytes = 100'000}, io::sim::Capacity{.inodes = 1}}) {
    Machine machine(1);
    machine.set_capacity(capacity);
    const auto directory = value_of(machine.vfs().open_directory("/"));
    const auto created = create_page_file(machine.vfs(), *directory, {});
    EXPECT_EQ(created.error().code(), Code::kOutOfSpace);
    EXPECT_TRUE(value_of(directory->list()).empty());
  }
}

TEST(CreatePageFile, RefusesOptionsOutOfRange) {  // FILE-1
  Machine machine(1);
  const auto directory = value_of(machine.vfs().open_directory("/"));
  for (const std::uint32_t page_size : {0U, 1U, 2048U, 5000U, 131072U}) {
    CreateOptions options;
    options.page_size = page_size;
    EXPECT_EQ(create_page_file(machine.vfs(), *directory, options).error().code(),
              Code::kInvalidArgument);
  }
  CreateOptions options;
  options.page_size = 4096;
  options.limits.emplace().key_size_max = 513;
  EXPECT_EQ(create_page_file(machine.vfs(), *directory, options).error().code(),
            Code::kInvalidArgument);
  EXPECT_TRUE(value_of(directory->list()).empty());
}

TEST(CreatePageFile, DrawsAnIdentityOfItsOwn) {
  Machine machine(1);
  const auto root = value_of(machine.vfs().open_directory("/"));
  std::vector<Uuid> uuids;
  for (const char* name : {"one", "two"}) {
    value_of(root->make_directory(name));
    const auto directory = value_of(root->open_directory(name));
    value_of(create_page_file(machine.vfs(), *directory, {}));
    uuids.push_back(value_of(open_pager(*directory, small_options()))->uuid());
  }
  EXPECT_NE(uuids[0], uuids[1]);
}

}  // namespace
}  // namespace caisson::pager

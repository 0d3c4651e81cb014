// Method: a driver that refuses with any errno, and which error a File, a Directory or a Mapping
// makes of it: code, file, offset, the verb and the advice. And what is refused before any call.

#include "io/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "io/memory.h"
#include "io/sim/machine.h"
#include "io/sim/testing/programs.h"
#include "io/testing/reluctant.h"

namespace caisson::io {
namespace {

using sim::Machine;
using testing::Buffer;
using testing::Fixture;
using testing::IfTargetExists;
using testing::kCreate;
using testing::root_of;

// --- Errors --------------------------------------------------------------------------------------

TEST(SystemError, GivesEachErrnoTheCodeThatNamesTheNextStep) {
  const std::vector<std::pair<int, Code>> expected = {
      {ENOENT, Code::kNotFound},
      {EEXIST, Code::kAlreadyExists},
      {ENOTEMPTY, Code::kAlreadyExists},
      {EACCES, Code::kPermissionDenied},
      {EPERM, Code::kPermissionDenied},
      {EROFS, Code::kReadOnly},
      {ENOSPC, Code::kOutOfSpace},
      {EDQUOT, Code::kOutOfSpace},
      {EFBIG, Code::kOutOfSpace},
      {EAGAIN, Code::kBusy},
      {EISDIR, Code::kInvalidArgument},
      {ENOTDIR, Code::kInvalidArgument},
      {ELOOP, Code::kInvalidArgument},
      {EXDEV, Code::kInvalidArgument},
      {ENAMETOOLONG, Code::kInvalidArgument},
      {EINVAL, Code::kInvalidArgument},
      {EMFILE, Code::kResourceExhausted},
      {ENFILE, Code::kResourceExhausted},
      {ENOMEM, Code::kResourceExhausted},
      {EOPNOTSUPP, Code::kUnsupported},
      {ENOSYS, Code::kUnsupported},
      {EIO, Code::kIoError},
      {EBADF, Code::kIoError},
      {EINTR, Code::kIoError},
      {ESHUTDOWN, Code::kIoError},
      {ESTALE, Code::kIoError},
  };
  for (const auto& [error, code] : expected) {
    const Error made = system_error(error, "do it", "pages");
    EXPECT_EQ(made.code(), code) << error;
    EXPECT_EQ(made.file(), "pages") << error;
    EXPECT_EQ(made.message(), "cannot do it: " + std::generic_category().message(error));
  }
}

TEST(SystemError, AdvisesWhereAPersonCanDoSomething) {
  for (const int error :
       {EACCES, EROFS, ENOSPC, EFBIG, EAGAIN, EISDIR, ELOOP, EMFILE, ENOMEM, EIO}) {
    EXPECT_FALSE(system_error(error, "do it", "pages").advice().empty()) << error;
  }
  EXPECT_THAT(system_error(EFBIG, "do it", "pages").advice(), ::testing::HasSubstr("ulimit -f"));
  EXPECT_THAT(system_error(EMFILE, "do it", "pages").advice(), ::testing::HasSubstr("ulimit -n"));
}

TEST(SystemError, TakesALinkForTheReasonOnlyWhereANameIsOpened) {
  Fixture fixture;
  fixture.script.content.resize(10);
  const auto mapping = fixture.file.map(10).value();
  fixture.script.error = EINVAL;
  Buffer bytes(10);
  for (const std::string& advice :
       {fixture.file.read(0, bytes).error().advice(), fixture.file.write(0, bytes).error().advice(),
        fixture.file.sync_data().error().advice(), fixture.file.allocate(0, 1).error().advice(),
        mapping->lock(0, 10).error().advice()}) {
    EXPECT_EQ(advice, "");
  }
  EXPECT_THAT(fixture.directory.open_file("f", {}).error().advice(), ::testing::HasSubstr("link"));
  EXPECT_THAT(fixture.directory.open_directory("d").error().advice(), ::testing::HasSubstr("link"));
}

TEST(File, CallsDirectAccessThatTheDiskRefusesWhenItIsUsedUnsupported) {
  Machine machine(6);
  AlignedBuffer bytes(8192);
  ASSERT_TRUE(root_of(machine)->open_file("f", kCreate).value()->write(0, bytes.bytes()));
  const auto direct = root_of(machine)->open_file("f", {OpenMode::kReadWrite, true}).value();
  EXPECT_TRUE(direct->read(0, bytes.bytes().first(4096)));
  // What is not aligned is the caller's mistake.
  EXPECT_EQ(direct->read(0, bytes.bytes().first(100)).error().code(), Code::kInvalidArgument);
  machine.set_direct_alignment(8192);
  EXPECT_TRUE(direct->read(0, bytes.bytes()));
  const auto read = direct->read(4096, bytes.bytes().first(4096));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Code::kUnsupported);
  EXPECT_EQ(read.error().offset(), 4096U);
  const Bytes block = bytes.bytes().first(4096);
  EXPECT_EQ(direct->write(0, block).error().code(), Code::kUnsupported);
  EXPECT_EQ(direct->write_vector(0, std::span(&block, 1)).error().code(), Code::kUnsupported);
}

TEST(File, NamesTheFileTheVerbAndTheOffsetInItsErrors) {
  Fixture fixture;
  File& file = fixture.file;
  const auto mapping = file.map(10).value();
  fixture.script.error = EIO;
  Buffer bytes(10);
  const Bytes part = bytes;

  const auto expect = [](const auto& result, std::string_view verb, std::string_view name,
                         std::optional<std::uint64_t> offset) {
    ASSERT_FALSE(result) << verb;
    EXPECT_EQ(result.error().code(), Code::kIoError);
    EXPECT_EQ(result.error().file(), name);
    EXPECT_EQ(result.error().offset(), offset) << verb;
    EXPECT_THAT(result.error().message(),
                ::testing::StartsWith("cannot " + std::string(verb) + ":"));
    EXPECT_FALSE(result.error().advice().empty());
  };
  expect(file.read(7, bytes), "read", "pages", 7);
  expect(file.read_exactly(7, bytes), "read", "pages", 7);
  expect(file.write(7, bytes), "write", "pages", 7);
  expect(file.write_vector(7, std::span(&part, 1)), "write", "pages", 7);
  fixture.script.joint_error = 0;
  expect(file.write_and_sync(7, std::span(&part, 1), SyncMethod::kDsync), "write and flush",
         "pages", 7);
  expect(file.sync_data(), "flush", "pages", std::nullopt);
  expect(file.sync_all(), "flush", "pages", std::nullopt);
  expect(file.allocate(7, 1), "make room", "pages", std::nullopt);
  expect(file.truncate(7), "change the size", "pages", std::nullopt);
  expect(file.size(), "find the size", "pages", std::nullopt);
  expect(file.try_lock(LockKind::kShared, 7, 1), "lock", "pages", std::nullopt);
  expect(file.unlock(7, 1), "unlock", "pages", std::nullopt);
  expect(file.is_locked(7, 1), "look for locks", "pages", std::nullopt);
  expect(file.map(10), "map", "pages", std::nullopt);
  expect(mapping->populate(7, 1), "read mapped bytes", "pages", 7);
  Directory& directory = fixture.directory;
  expect(directory.open_file("f", {}), "open", "f", std::nullopt);
  expect(directory.open_file("f", kCreate), "create", "f", std::nullopt);
  expect(directory.open_directory("d"), "open the directory", "d", std::nullopt);
  expect(directory.make_directory("d"), "make the directory", "d", std::nullopt);
  expect(directory.rename("a", "b", IfTargetExists::kFail), "rename to b", "a", std::nullopt);
  expect(directory.unlink("a"), "remove", "a", std::nullopt);
  expect(directory.remove_directory("d"), "remove the directory", "d", std::nullopt);
  expect(directory.list(), "list the directory", "store", std::nullopt);
  expect(directory.sync(), "flush the directory", "store", std::nullopt);
  expect(directory.file_system(), "look at the file system", "store", std::nullopt);
}

TEST(File, NamesTheOffsetThatAShortCallHadReachedWhenTheNextOneFailed) {
  Machine machine(4);
  const auto file = root_of(machine)->open_file("f", kCreate).value();
  machine.set_capacity({.bytes = 8192});
  const auto written = file->write(100, Buffer(10000));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().offset(), 8192U);
}

TEST(File, CallsALockThatAnotherHoldsBusyHoweverTheSystemSaysSo) {
  for (const int error : {EAGAIN, EACCES}) {
    Fixture fixture;
    fixture.script.error = error;
    const auto locked = fixture.file.try_lock(LockKind::kExclusive, 0, 1);
    ASSERT_FALSE(locked);
    EXPECT_EQ(locked.error().code(), Code::kBusy);
  }
}

TEST(File, KeepsQuietWhenAnAdviceFails) {
  Fixture fixture;
  const auto mapping = fixture.file.map(10).value();
  fixture.script.error = EIO;
  fixture.file.advise(0, 10, Advice::kRandom);
  mapping->advise(0, 10, Advice::kRandom);
  EXPECT_EQ(fixture.script.calls, 3);
}

TEST(File, AllocatesNothingWithoutACall) {
  Fixture fixture;
  fixture.script.error = EINVAL;  // What Linux says.
  EXPECT_TRUE(fixture.file.allocate(10, 0));
  EXPECT_EQ(fixture.script.calls, 0);
}

TEST(Mapping, SaysUnsupportedWhereTheSystemCannotFetchPages) {
  for (const int error : {EINVAL, ENOSYS}) {
    Fixture fixture;
    const auto mapping = fixture.file.map(10).value();
    fixture.script.error = error;
    const auto populated = mapping->populate(0, 10);
    ASSERT_FALSE(populated);
    EXPECT_EQ(populated.error().code(), Code::kUnsupported);
  }
}

TEST(Mapping, SaysWhichLimitForbidsToLockMemory) {
  for (const int error : {ENOMEM, EAGAIN, EPERM}) {
    Fixture fixture;
    const auto mapping = fixture.file.map(10).value();
    fixture.script.error = error;
    const auto locked = mapping->lock(0, 10);
    ASSERT_FALSE(locked);
    EXPECT_EQ(locked.error().code(), Code::kResourceExhausted);
    EXPECT_NE(locked.error().advice().find("ulimit -l"), std::string::npos);
  }
}

TEST(Mapping, SaysUnsupportedWhereTheSystemCannotLockWhatIsTouched) {
  for (const int error : {EINVAL, ENOSYS}) {
    Fixture fixture;
    const auto mapping = fixture.file.map(10).value();
    fixture.script.error = error;
    const auto locked = mapping->lock(0, 10);
    ASSERT_FALSE(locked);
    EXPECT_EQ(locked.error().code(), Code::kUnsupported);
  }
}

TEST(Mapping, CallsBytesThatCannotBeTouchedAnIoError) {
  Fixture fixture;
  const auto mapping = fixture.file.map(10).value();
  fixture.script.error = EFAULT;
  const auto populated = mapping->populate(3, 4);
  ASSERT_FALSE(populated);
  EXPECT_EQ(populated.error().code(), Code::kIoError);
  EXPECT_EQ(populated.error().offset(), 3U);
}

TEST(Directory, CallsDirectAccessThatTheFileSystemLacksUnsupported) {
  Fixture fixture;
  fixture.script.error = EINVAL;
  const auto direct = fixture.directory.open_file("f", {OpenMode::kRead, true});
  ASSERT_FALSE(direct);
  EXPECT_EQ(direct.error().code(), Code::kUnsupported);
  EXPECT_EQ(direct.error().file(), "f");
  const auto plain = fixture.directory.open_file("f", {OpenMode::kRead, false});
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().code(), Code::kInvalidArgument);
}

// --- Names ---------------------------------------------------------------------------------------

TEST(Directory, RefusesNamesOfMoreThanOneComponentBeforeAnyCall) {
  Machine machine(5);
  const auto root = root_of(machine);
  const std::uint64_t calls = machine.calls();
  const std::vector<std::string> refused = {"",
                                            ".",
                                            "..",
                                            "/",
                                            "a/b",
                                            "a/",
                                            "/a",
                                            "../a",
                                            std::string("a\0b", 3),
                                            std::string(1, '\0'),
                                            std::string(256, 'a')};
  const auto expect_refused = [](const auto& result, const std::string& name) {
    ASSERT_FALSE(result) << ::testing::PrintToString(name);
    EXPECT_EQ(result.error().code(), Code::kInvalidArgument) << ::testing::PrintToString(name);
  };
  for (const std::string& name : refused) {
    expect_refused(root->open_file(name, {}), name);
    expect_refused(root->open_file(name, kCreate), name);
    expect_refused(root->open_directory(name), name);
    expect_refused(root->make_directory(name), name);
    expect_refused(root->unlink(name), name);
    expect_refused(root->remove_directory(name), name);
    expect_refused(root->rename(name, "b", IfTargetExists::kReplace), name);
    expect_refused(root->rename("b", name, IfTargetExists::kReplace), name);
  }
  EXPECT_EQ(machine.calls(), calls);
}

TEST(Directory, TakesNamesThatOnlyLookOdd) {
  Machine machine(6);
  const auto root = root_of(machine);
  for (const std::string& name :
       {std::string("..."), std::string(".a"), std::string(" "), std::string(255, 'a')}) {
    EXPECT_TRUE(root->open_file(name, kCreate)) << name;
  }
}

}  // namespace
}  // namespace caisson::io

// Method: each call is made once on a reluctant driver, and every counter is looked at before and
// after: the one of its kind goes up by the attempts it took, and no other.

#include "io/counters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "io/file.h"
#include "io/testing/reluctant.h"

namespace caisson::io {
namespace {

using testing::Buffer;
using testing::Fixture;
using testing::IfTargetExists;

TEST(Counters, CountEveryAttemptAndOnlyTheBytesThatMoved) {
  Fixture fixture;
  fixture.script.interruptions = 2;
  fixture.script.bytes_max = 10;
  const Buffer bytes(25);
  ASSERT_TRUE(fixture.file.write(0, bytes));
  EXPECT_EQ(fixture.counters.calls(Call::kWrite), 9U);  // Three writes, each interrupted twice.
  EXPECT_EQ(fixture.counters.bytes(Call::kWrite), 25U);
  Buffer into(30);
  ASSERT_EQ(fixture.file.read(0, into), 25U);
  EXPECT_EQ(fixture.counters.calls(Call::kRead), 12U);  // The fourth found the end.
  EXPECT_EQ(fixture.counters.bytes(Call::kRead), 25U);
  fixture.script.error = EIO;
  EXPECT_FALSE(fixture.file.write(0, bytes));
  EXPECT_EQ(fixture.counters.calls(Call::kWrite), 10U);
  EXPECT_EQ(fixture.counters.bytes(Call::kWrite), 25U);
}

TEST(Counters, CountEachKindOfCallUnderItsName) {
  Fixture fixture;
  File& file = fixture.file;
  Directory& directory = fixture.directory;
  const auto mapping = file.map(1).value();
  fixture.script.joint_error = 0;
  const std::vector<std::pair<Call, std::function<void()>>> calls = {
      {Call::kOpen, [&] { (void)directory.open_file("f", {}); }},
      {Call::kOpen, [&] { (void)directory.open_directory("d"); }},
      {Call::kWriteAndSync, [&] { (void)file.write_and_sync(0, {}, SyncMethod::kDsync); }},
      {Call::kSyncData, [&] { (void)file.sync_data(); }},
      {Call::kSyncAll, [&] { (void)file.sync_all(); }},
      {Call::kSyncDirectory, [&] { (void)directory.sync(); }},
      {Call::kAllocate, [&] { (void)file.allocate(0, 1); }},
      {Call::kTruncate, [&] { (void)file.truncate(0); }},
      {Call::kSize, [&] { (void)file.size(); }},
      {Call::kIdentity, [&] { (void)file.identity(); }},
      {Call::kLock, [&] { (void)file.try_lock(LockKind::kShared, 0, 1); }},
      {Call::kUnlock, [&] { (void)file.unlock(0, 1); }},
      {Call::kFindLock, [&] { (void)file.is_locked(0, 1); }},
      {Call::kAdvise, [&] { file.advise(0, 1, Advice::kRandom); }},
      {Call::kAdvise, [&] { mapping->advise(0, 1, Advice::kRandom); }},
      {Call::kMap, [&] { (void)file.map(1); }},
      {Call::kPopulate, [&] { (void)mapping->populate(0, 1); }},
      {Call::kRename, [&] { (void)directory.rename("a", "b", IfTargetExists::kFail); }},
      {Call::kUnlink, [&] { (void)directory.unlink("a"); }},
      {Call::kMakeDirectory, [&] { (void)directory.make_directory("d"); }},
      {Call::kList, [&] { (void)directory.list(); }},
      {Call::kStatFileSystem, [&] { (void)directory.file_system(); }},
  };
  for (const auto& [call, make] : calls) {
    std::uint64_t before = 0;
    std::uint64_t after = 0;
    for (std::size_t i = 0; i < kCallCount; ++i) {
      before += fixture.counters.calls(static_cast<Call>(i));
    }
    const std::uint64_t of_kind = fixture.counters.calls(call);
    make();
    for (std::size_t i = 0; i < kCallCount; ++i) {
      after += fixture.counters.calls(static_cast<Call>(i));
    }
    EXPECT_EQ(fixture.counters.calls(call), of_kind + 1) << to_string(call);
    EXPECT_EQ(after, before + 1) << to_string(call);
  }
}

TEST(Counters, GiveEachCallANameOfItsOwn) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < kCallCount; ++i) names.push_back(to_string(static_cast<Call>(i)));
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
  EXPECT_EQ(std::ranges::find(names, "unknown"), names.end());
}

}  // namespace
}  // namespace caisson::io

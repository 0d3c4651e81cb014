// Method: every kind of fault is planned for every call of a program that makes all of them, and
// which calls it hits is compared with a list written down here a second time. Then short programs
// look at what each fault leaves behind; where chance decides, over many seeds, and the outcomes
// that are allowed must all be seen.

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string>
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
using testing::kCreate;
using testing::kReadWrite;
using testing::line_of;
using testing::make_every_call;
using testing::Names;
using testing::names_of;
using testing::root_of;

int error_of_fault(FaultKind kind) {
  switch (kind) {
    case FaultKind::kIoError:
    case FaultKind::kSyncDrops:
      return EIO;
    case FaultKind::kNoSpace:
      return ENOSPC;
    case FaultKind::kInterrupted:
      return EINTR;
    case FaultKind::kPowerCut:
    case FaultKind::kKill:
      return ESHUTDOWN;
    case FaultKind::kShort:
    case FaultKind::kLostWrite:
    case FaultKind::kMisdirected:
      break;
  }
  return 0;
}

// The calls that each kind of fault can hit, written down a second time.
bool may_hit(FaultKind kind, Call call) {
  const bool flush =
      call == Call::kSyncData || call == Call::kSyncAll || call == Call::kSyncDirectory;
  switch (kind) {
    case FaultKind::kNoSpace:
      return call == Call::kWrite || call == Call::kAllocate || call == Call::kOpen ||
             call == Call::kRename || call == Call::kMakeDirectory || flush;
    case FaultKind::kShort:
      return call == Call::kRead || call == Call::kWrite;
    case FaultKind::kSyncDrops:
      return flush;
    case FaultKind::kLostWrite:
    case FaultKind::kMisdirected:
      return call == Call::kWrite;
    default:
      return true;
  }
}

class EveryFaultKind : public ::testing::TestWithParam<FaultKind> {};

TEST_P(EveryFaultKind, HitsOnceTheCallOfItsNumberIfThatCanFailSo) {
  const FaultKind kind = GetParam();
  Machine rehearsal(3);
  rehearsal.record_trace(true);
  make_every_call(rehearsal);
  const std::vector<TracedCall> plan = rehearsal.trace();
  ASSERT_GE(plan.size(), kCallCount);
  for (std::uint64_t number = 0; number < plan.size(); ++number) {
    Machine machine(3);
    machine.record_trace(true);
    machine.inject({number, kind, false});
    make_every_call(machine);
    const Call call = plan[number].call;
    const std::vector<TracedCall> trace = machine.trace();
    EXPECT_EQ(machine.faults_hit(), may_hit(kind, call) ? 1U : 0U)
        << machine.describe() << " " << to_string(call);
    ASSERT_GT(trace.size(), number);
    for (std::uint64_t i = 0; i < trace.size(); ++i) {
      const bool hit = i == number && may_hit(kind, call);
      EXPECT_EQ(trace[i].error, hit ? error_of_fault(kind) : 0)
          << machine.describe() << " at " << line_of(trace[i]);
    }
    const bool stops = kind == FaultKind::kPowerCut || kind == FaultKind::kKill;
    EXPECT_EQ(machine.down(), stops);
    if (stops) {
      EXPECT_EQ(machine.calls(), number + 1) << "calls go on";
    }
  }
}

TEST_P(EveryFaultKind, HitsForEverAllLaterCallsThatCanFailSo) {
  const FaultKind kind = GetParam();
  Machine machine(4);
  machine.record_trace(true);
  machine.inject({3, kind, true});
  make_every_call(machine);
  std::uint64_t hit = 0;
  const std::vector<TracedCall> trace = machine.trace();
  for (std::uint64_t i = 0; i < trace.size(); ++i) {
    const bool expected = i >= 3 && may_hit(kind, trace[i].call);
    EXPECT_EQ(trace[i].error, expected ? error_of_fault(kind) : 0) << line_of(trace[i]);
    hit += expected ? 1U : 0U;
  }
  EXPECT_EQ(machine.faults_hit(), hit);
  EXPECT_GT(hit, 0U);
  machine.clear_faults();
  machine.kill();
  make_every_call(machine);
  EXPECT_EQ(machine.faults_hit(), hit);
}

std::string fault_name(const ::testing::TestParamInfo<FaultKind>& test) {
  std::string name(to_string(test.param));
  std::erase(name, ' ');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Machine, EveryFaultKind,
                         ::testing::Values(FaultKind::kIoError, FaultKind::kNoSpace,
                                           FaultKind::kInterrupted, FaultKind::kShort,
                                           FaultKind::kSyncDrops, FaultKind::kLostWrite,
                                           FaultKind::kMisdirected, FaultKind::kPowerCut,
                                           FaultKind::kKill),
                         fault_name);

TEST(Fault, OfSeveralEachHitsItsCall) {
  Machine machine(1);
  const auto file = create_durable(machine, "f", filled(1000, 1));
  const std::uint64_t now = machine.calls();
  machine.inject({now + 3, FaultKind::kPowerCut, false});  // In any order.
  machine.inject({now, FaultKind::kLostWrite, false});
  machine.inject({now + 1, FaultKind::kSyncDrops, false});
  EXPECT_TRUE(file->write(0, filled(1000, 2)));
  EXPECT_FALSE(file->sync_data());
  EXPECT_TRUE(file->sync_data());
  EXPECT_EQ(machine.faults_hit(), 2U);
  EXPECT_FALSE(machine.down());
  EXPECT_FALSE(file->size());
  EXPECT_TRUE(machine.down());
  EXPECT_EQ(machine.faults_hit(), 3U);
  machine.cut_power(CrashMode::kEverything);
  EXPECT_EQ(bytes_of(machine, "f"), filled(1000, 1));
}

TEST(Fault, ThatWasAddedLastWinsTheCallThatSeveralCouldHit) {
  Machine machine(1);
  const auto file = create(machine, "f");
  const std::uint64_t now = machine.calls();
  machine.inject({now, FaultKind::kIoError, true});
  machine.inject({now + 1, FaultKind::kNoSpace, false});
  EXPECT_EQ(file->allocate(0, 1).error().code(), Code::kIoError);
  EXPECT_EQ(file->allocate(0, 1).error().code(), Code::kOutOfSpace);
  EXPECT_EQ(file->allocate(0, 1).error().code(), Code::kIoError);
  // The later of two yields where it can't hit at all.
  machine.inject({machine.calls(), FaultKind::kShort, true});
  EXPECT_EQ(file->allocate(0, 1).error().code(), Code::kIoError);
  EXPECT_EQ(machine.faults_hit(), 4U);
}

TEST(Fault, AnInputOutputErrorOfAFlushLeavesEverythingPending) {
  Machine machine(5);
  const auto file = create_durable(machine, "f", filled(1000, 1));
  ASSERT_TRUE(file->write(0, filled(1000, 2)));
  fail_next(machine, FaultKind::kIoError);
  EXPECT_EQ(file->sync_data().error().code(), Code::kIoError);
  EXPECT_TRUE(machine.image("/f")->dirty());
  ASSERT_TRUE(file->sync_data());
  machine.cut_power(CrashMode::kNothing);
  EXPECT_EQ(bytes_of(machine, "f"), filled(1000, 2));
}

// The two kinds of fault with which a flush fails and drops, and the error that each reports.
const std::vector<std::pair<FaultKind, Code>> kDrops = {{FaultKind::kSyncDrops, Code::kIoError},
                                                        {FaultKind::kNoSpace, Code::kOutOfSpace}};

TEST(Fault, AFlushThatDropsIsFollowedByOneThatClaimsSuccess) {
  for (const auto& [kind, code] : kDrops) {
    bool lost = false;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
      Machine machine(seed);
      const auto file = create_durable(machine, "f", filled(1000, 1));
      ASSERT_TRUE(file->write(0, filled(1000, 2)));
      fail_next(machine, kind);
      EXPECT_EQ((seed % 2 == 0 ? file->sync_data() : file->sync_all()).error().code(), code);
      EXPECT_FALSE(machine.image("/f")->dirty());
      ASSERT_TRUE(file->sync_data());
      EXPECT_EQ(bytes_of(machine, "f"), filled(1000, 2));  // The cache hides it.
      machine.cut_power(CrashMode::kEverything);
      lost = lost || bytes_of(machine, "f") == filled(1000, 1);
    }
    EXPECT_TRUE(lost) << to_string(kind);
  }
}

TEST(Fault, AFlushOfADirectoryThatDropsLeavesItsNamesPending) {
  for (const auto& [kind, code] : kDrops) {
    Machine machine(6);
    create(machine, "f");
    const auto root = root_of(machine);
    fail_next(machine, kind);
    EXPECT_EQ(root->sync().error().code(), code);
    const auto lost = machine.clone(1);
    lost->cut_power(CrashMode::kNothing);
    EXPECT_EQ(names_of(*lost), Names{});
    ASSERT_TRUE(root->sync());
    machine.cut_power(CrashMode::kNothing);
    EXPECT_EQ(names_of(machine), Names{"f"});
  }
}

TEST(Fault, AWriteThatFailsMayHaveReachedTheFileInPart) {
  std::set<bool> reached;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Machine machine(seed);
    const auto file = create_durable(machine, "f", filled(1000, 1));
    fail_next(machine, FaultKind::kIoError);
    const auto written = file->write(0, filled(1000, 2));
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code(), Code::kIoError);
    const Buffer bytes = bytes_of(machine, "f");
    const auto changed = std::ranges::count(bytes, std::byte{2});
    EXPECT_LT(changed, 1000);
    EXPECT_EQ(std::count(bytes.begin(), bytes.begin() + changed, std::byte{2}), changed);
    reached.insert(changed != 0);
  }
  EXPECT_EQ(reached.size(), 2U);
}

TEST(Fault, AShortCallMovesAtLeastAByteAndNotAll) {
  std::set<std::uint64_t> counts;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Machine machine(seed);
    const auto file = create_durable(machine, "f", filled(4, 1));
    const std::uint64_t before = machine.vfs().counters().bytes(Call::kRead);
    machine.record_trace(true);
    fail_next(machine, FaultKind::kShort);
    Buffer into(4);
    ASSERT_TRUE(file->read_exactly(0, into));
    const auto trace = machine.trace();
    ASSERT_EQ(trace.size(), 2U);
    counts.insert(trace[1].offset);
    EXPECT_EQ(machine.vfs().counters().bytes(Call::kRead) - before, 4U);
  }
  EXPECT_EQ(counts, (std::set<std::uint64_t>{1, 2, 3}));
}

TEST(Fault, ALostWriteShowsUntilTheMediumIsRead) {
  Machine machine(7);
  auto file = create_durable(machine, "f", filled(8192, 1));
  fail_next(machine, FaultKind::kLostWrite);
  ASSERT_TRUE(file->write(0, filled(4096, 2)));
  ASSERT_TRUE(file->sync_data());
  EXPECT_EQ(bytes_of(machine, "f")[0], std::byte{2});
  machine.cut_power(CrashMode::kEverything);
  EXPECT_EQ(bytes_of(machine, "f"), filled(8192, 1));
}

TEST(Fault, AMisdirectedWriteShowsInPlaceUntilTheMediumIsRead) {
  Machine machine(8);
  auto file = create_durable(machine, "f", filled(12'288, 1));
  fail_next(machine, FaultKind::kMisdirected);
  ASSERT_TRUE(file->write(0, filled(4096, 2)));
  ASSERT_TRUE(file->sync_data());
  EXPECT_EQ(bytes_of(machine, "f")[0], std::byte{2});
  EXPECT_EQ(bytes_of(machine, "f")[4096], std::byte{1});
  machine.cut_power(CrashMode::kEverything);
  const Buffer bytes = bytes_of(machine, "f");
  EXPECT_EQ(std::count(bytes.begin(), bytes.begin() + 4096, std::byte{1}), 4096);
  EXPECT_EQ(std::count(bytes.begin() + 4096, bytes.begin() + 8192, std::byte{2}), 4096);
  EXPECT_EQ(std::count(bytes.begin() + 8192, bytes.end(), std::byte{1}), 4096);
}

TEST(Fault, NoSpaceStopsNewNamesAndLeavesOldOnesAlone) {
  Machine machine(9);
  create(machine, "f");
  ASSERT_TRUE(root_of(machine)->make_directory("d"));
  machine.inject({0, FaultKind::kNoSpace, true});
  const auto root = root_of(machine);
  EXPECT_TRUE(root->open_file("f", kReadWrite));
  EXPECT_TRUE(root->open_directory("d"));
  EXPECT_EQ(root->open_file("g", kCreate).error().code(), Code::kOutOfSpace);
  EXPECT_EQ(root->make_directory("e").error().code(), Code::kOutOfSpace);
  EXPECT_TRUE(root->unlink("f"));
  EXPECT_EQ(names_of(machine), Names{"d"});
}

}  // namespace
}  // namespace caisson::io::sim

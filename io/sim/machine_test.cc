// Method: programs of a few calls run on a machine, and what they see, what the trace says and
// what the disk holds is compared with what a real machine might do. Where chance decides, many
// seeds are tried and the set of outcomes is compared with the set of those that are allowed, in
// both directions: nothing forbidden happens, and nothing allowed is missing.

#include "io/sim/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "io/memory.h"

namespace caisson::io::sim {
namespace {

using Buffer = std::vector<std::byte>;
using IfTargetExists = Directory::IfTargetExists;
using Names = std::vector<std::string>;

constexpr OpenOptions kRead{OpenMode::kRead, false};
constexpr OpenOptions kReadWrite{OpenMode::kReadWrite, false};
constexpr OpenOptions kCreate{OpenMode::kCreate, false};
constexpr std::uint64_t kToTheEnd = 0;

Buffer filled(std::size_t size, int value) { return Buffer(size, static_cast<std::byte>(value)); }

Buffer copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

std::unique_ptr<Directory> root_of(Machine& machine) {
  return machine.vfs().open_directory("/").value();
}

std::unique_ptr<File> create(Machine& machine, const std::string& name) {
  return root_of(machine)->open_file(name, kCreate).value();
}

std::unique_ptr<File> open(Machine& machine, const std::string& name) {
  return root_of(machine)->open_file(name, kReadWrite).value();
}

Names names_of(Machine& machine) { return root_of(machine)->list().value(); }

Buffer bytes_of(Machine& machine, const std::string& name) {
  const auto file = open(machine, name);
  Buffer bytes(file->size().value());
  EXPECT_TRUE(file->read_exactly(0, bytes));
  return bytes;
}

// A file whose name and first bytes are durable.
std::unique_ptr<File> create_durable(Machine& machine, const std::string& name,
                                     const Buffer& bytes) {
  auto file = create(machine, name);
  EXPECT_TRUE(file->write(0, bytes));
  EXPECT_TRUE(file->sync_data());
  EXPECT_TRUE(root_of(machine)->sync());
  return file;
}

// A program that makes one call of each kind, and goes on whatever fails.
void make_every_call(Machine& machine) {
  const auto root = root_of(machine);
  (void)root->make_directory("dir");
  (void)root->open_directory("dir");
  const auto file = root->open_file("file", kCreate);
  if (file) {
    const Buffer bytes = filled(5000, 1);
    const std::array<Bytes, 2> parts = {Bytes(bytes).first(10), Bytes(bytes).subspan(10)};
    (void)(*file)->try_lock(LockKind::kExclusive, 0, 1);
    (void)(*file)->allocate(0, 8192);
    (void)(*file)->write(0, bytes);
    (void)(*file)->write_vector(5000, parts);
    (void)(*file)->sync_data();
    (void)(*file)->sync_all();
    (void)(*file)->truncate(9000);
    (void)(*file)->size();
    Buffer into(9000);
    (void)(*file)->read(0, into);
    (*file)->advise(0, 4096, Advice::kDontNeed);
    const auto mapping = (*file)->map(65'536);
    if (mapping) {
      (void)(*mapping)->populate(0, 4096);
      (void)(*mapping)->lock(0, 4096);
      (*mapping)->advise(0, 4096, Advice::kRandom);
    }
    (void)(*file)->unlock(0, 1);
  }
  (void)root->rename("file", "other", IfTargetExists::kFail);
  (void)root->unlink("other");
  (void)root->list();
  (void)root->sync();
  (void)root->file_system();
}

std::string line_of(const TracedCall& call) {
  return std::string(to_string(call.call)) + " " + call.file + " " + std::to_string(call.offset) +
         "+" + std::to_string(call.size) + " -> " + std::to_string(call.error);
}

std::vector<std::string> lines_of(const Machine& machine) {
  std::vector<std::string> lines;
  for (const TracedCall& call : machine.trace()) lines.push_back(line_of(call));
  return lines;
}

// Writes, flushes and renames at random until the machine is down or enough was done.
void make_random_calls(Machine& machine, std::uint64_t seed) {
  Random random(seed);
  const auto root = root_of(machine);
  for (int step = 0; step < 60 && !machine.down(); ++step) {
    const std::string name(1, static_cast<char>('a' + random.below(4)));
    auto file = root->open_file(name, kReadWrite);
    if (!file) file = root->open_file(name, kCreate);
    if (!file) continue;
    Buffer bytes(1 + random.below(3000));
    random.fill(bytes);
    (void)(*file)->write(random.below(5000), bytes);
    if (random.chance(1, 3)) (void)(*file)->sync_data();
    if (random.chance(1, 5)) (void)root->rename(name, "e", IfTargetExists::kReplace);
    if (random.chance(1, 5)) (void)root->sync();
  }
}

// --- Determinism and numbering -------------------------------------------------------------------

TEST(Machine, DoesTheSameForTheSameSeedAndPlan) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    for (std::size_t kind = 0; kind < kFaultKindCount; ++kind) {
      std::vector<std::vector<std::string>> traces;
      std::vector<std::vector<std::pair<std::string, Buffer>>> disks;
      for (int run = 0; run < 2; ++run) {
        Machine machine(seed);
        machine.record_trace(true);
        machine.inject({20, static_cast<FaultKind>(kind), seed % 2 == 0});
        make_random_calls(machine, seed);
        machine.clear_faults();
        machine.cut_power(CrashMode::kTorn);
        traces.push_back(lines_of(machine));
        auto& disk = disks.emplace_back();
        for (const std::string& name : names_of(machine)) {
          disk.emplace_back(name, bytes_of(machine, name));
        }
      }
      EXPECT_EQ(traces[0], traces[1]) << seed;
      EXPECT_EQ(disks[0], disks[1]) << seed;
      EXPECT_GT(traces[0].size(), 15U);
    }
  }
}

TEST(Machine, LetsTheSeedDecideWhatSurvives) {
  std::set<Buffer> seen;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Machine machine(seed);
    const auto file = create_durable(machine, "f", filled(8 * kSectorSize, 1));
    ASSERT_TRUE(file->write(0, filled(8 * kSectorSize, 2)));
    machine.cut_power(CrashMode::kHalf);
    seen.insert(bytes_of(machine, "f"));
  }
  EXPECT_GT(seen.size(), 10U);
}

TEST(Machine, NumbersEveryCallAcrossItsLivesAndTracesItOnDemand) {
  Machine machine(1);
  EXPECT_EQ(machine.calls(), 0U);
  const auto root = root_of(machine);
  auto file = root->open_file("f", kCreate).value();
  EXPECT_EQ(machine.calls(), 1U);
  EXPECT_TRUE(machine.trace().empty());  // Off unless asked for.
  machine.record_trace(true);
  ASSERT_TRUE(file->write(7, filled(5, 1)));
  ASSERT_TRUE(file->sync_data());
  machine.inject({4, FaultKind::kIoError, false});
  ASSERT_TRUE(root->sync());
  EXPECT_FALSE(root->rename("f", "g", IfTargetExists::kFail));
  EXPECT_EQ(lines_of(machine),
            (std::vector<std::string>{"write f 7+5 -> 0", "sync_data f 0+0 -> 0",
                                      "sync_directory / 0+0 -> 0",
                                      "rename f 0+0 -> " + std::to_string(EIO)}));
  EXPECT_EQ(machine.calls(), 5U);
  machine.kill();
  machine.record_trace(true);  // Starts anew.
  EXPECT_EQ(names_of(machine), Names{"f"});
  EXPECT_EQ(machine.calls(), 6U);
  EXPECT_EQ(machine.trace().size(), 1U);
  machine.record_trace(false);
  EXPECT_TRUE(machine.trace().empty());
}

TEST(Machine, TracesAsManyCallsAsItNumbersAndCounts) {
  Machine machine(2);
  machine.record_trace(true);
  make_every_call(machine);
  EXPECT_EQ(machine.trace().size(), machine.calls());
  std::uint64_t counted = 0;
  std::set<Call> seen;
  for (const TracedCall& call : machine.trace()) seen.insert(call.call);
  for (std::size_t i = 0; i < kCallCount; ++i) {
    counted += machine.vfs().counters().calls(static_cast<Call>(i));
    EXPECT_TRUE(seen.contains(static_cast<Call>(i))) << to_string(static_cast<Call>(i));
  }
  EXPECT_EQ(counted, machine.calls());
}

TEST(Machine, DescribesHowToMakeItAgain) {
  Machine machine(12345);
  EXPECT_EQ(machine.describe(), "machine seed=12345");
  machine.inject({17, FaultKind::kSyncDrops, false});
  EXPECT_EQ(machine.describe(), "machine seed=12345 fault='sync drops' call=17 once");
  machine.inject({18, FaultKind::kNoSpace, true});
  EXPECT_EQ(machine.describe(), "machine seed=12345 fault='ENOSPC' call=18 forever");
  machine.clear_faults();
  EXPECT_EQ(machine.describe(), "machine seed=12345");
}

TEST(FaultKind, HasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kFaultKindCount; ++i) {
    names.insert(to_string(static_cast<FaultKind>(i)));
  }
  EXPECT_EQ(names.size(), kFaultKindCount);
  EXPECT_FALSE(names.contains("unknown"));
}

// --- Faults --------------------------------------------------------------------------------------

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
             call == Call::kRename || call == Call::kMakeDirectory;
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

class EveryFaultKind : public testing::TestWithParam<FaultKind> {};

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

std::string fault_name(const testing::TestParamInfo<FaultKind>& test) {
  std::string name(to_string(test.param));
  std::erase(name, ' ');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Machine, EveryFaultKind,
                         testing::Values(FaultKind::kIoError, FaultKind::kNoSpace,
                                         FaultKind::kInterrupted, FaultKind::kShort,
                                         FaultKind::kSyncDrops, FaultKind::kLostWrite,
                                         FaultKind::kMisdirected, FaultKind::kPowerCut,
                                         FaultKind::kKill),
                         fault_name);

// The next call of the machine fails in this way, once.
void fail_next(Machine& machine, FaultKind kind) { machine.inject({machine.calls(), kind, false}); }

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

TEST(Fault, AFlushThatDropsIsFollowedByOneThatClaimsSuccess) {
  bool lost = false;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Machine machine(seed);
    const auto file = create_durable(machine, "f", filled(1000, 1));
    ASSERT_TRUE(file->write(0, filled(1000, 2)));
    fail_next(machine, FaultKind::kSyncDrops);
    EXPECT_EQ(file->sync_data().error().code(), Code::kIoError);
    ASSERT_TRUE(file->sync_data());
    EXPECT_EQ(bytes_of(machine, "f"), filled(1000, 2));  // The cache hides it.
    machine.cut_power(CrashMode::kEverything);
    lost = lost || bytes_of(machine, "f") == filled(1000, 1);
  }
  EXPECT_TRUE(lost);
}

TEST(Fault, AFlushOfADirectoryThatDropsLeavesItsNamesPending) {
  Machine machine(6);
  create(machine, "f");
  fail_next(machine, FaultKind::kSyncDrops);
  EXPECT_FALSE(root_of(machine)->sync());
  const auto lost = machine.clone(1);
  lost->cut_power(CrashMode::kNothing);
  EXPECT_EQ(names_of(*lost), Names{});
  ASSERT_TRUE(root_of(machine)->sync());
  machine.cut_power(CrashMode::kNothing);
  EXPECT_EQ(names_of(machine), Names{"f"});
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
                testing::HasSubstr(std::generic_category().message(ESHUTDOWN)));
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

// --- Room ----------------------------------------------------------------------------------------

TEST(Capacity, OfBytesIsCountedInBlocksAndUsedToTheLast) {
  Machine machine(16);
  machine.set_capacity({.bytes = 3 * 4096});
  const auto first = create(machine, "a");
  const auto second = create(machine, "b");
  ASSERT_TRUE(first->write(0, filled(1, 1)));      // One block.
  ASSERT_TRUE(first->write(1, filled(4095, 1)));   // The same.
  ASSERT_TRUE(second->allocate(0, 2 * 4096));      // The other two.
  ASSERT_TRUE(second->write(0, filled(8192, 2)));  // Room that was made before suffices.
  const auto full = first->write(4096, filled(1, 1));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), Code::kOutOfSpace);
  EXPECT_EQ(second->allocate(8192, 1).error().code(), Code::kOutOfSpace);
  EXPECT_EQ(second->truncate(8193).error().code(), Code::kOutOfSpace);
  ASSERT_TRUE(second->truncate(4096));
  EXPECT_TRUE(first->write(4096, filled(1, 1)));
  ASSERT_TRUE(root_of(machine)->unlink("b"));
  EXPECT_TRUE(first->write(8192, filled(1, 1)));
}

TEST(Capacity, TakesOfAWriteWhatStillFits) {
  Machine machine(17);
  machine.set_capacity({.bytes = 4096});
  const auto file = create(machine, "a");
  const auto full = file->write(100, filled(10'000, 1));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), Code::kOutOfSpace);
  EXPECT_EQ(file->size(), 4096U);
  EXPECT_TRUE(file->write(0, filled(4096, 2)));  // Overwriting needs no room.
  machine.set_capacity({.bytes = 0});
  EXPECT_TRUE(file->write(0, filled(4096, 3)));
  EXPECT_FALSE(file->write(4096, filled(1, 3)));
}

TEST(Capacity, OfInodesStopsNewFilesAndDirectories) {
  Machine machine(18);
  machine.set_capacity({.inodes = 3});  // The root and two more.
  const auto root = root_of(machine);
  ASSERT_TRUE(root->open_file("a", kCreate));
  ASSERT_TRUE(root->make_directory("b"));
  EXPECT_EQ(root->open_file("c", kCreate).error().code(), Code::kOutOfSpace);
  EXPECT_EQ(root->make_directory("c").error().code(), Code::kOutOfSpace);
  EXPECT_TRUE(root->open_file("a", kReadWrite));
  ASSERT_TRUE(root->unlink("a"));
  EXPECT_TRUE(root->open_file("c", kCreate));
}

TEST(Capacity, OfOneFileEndsLongBeforeTheMemoryOfTheMachineThatSimulates) {
  Machine machine(19);
  const auto file = create(machine, "a");
  for (const std::uint64_t wild : {std::uint64_t{1} << 40, ~std::uint64_t{0} - 1}) {
    EXPECT_EQ(file->write(wild, filled(10, 1)).error().code(), Code::kOutOfSpace);
    EXPECT_EQ(file->allocate(wild, 10).error().code(), Code::kOutOfSpace);
    EXPECT_EQ(file->truncate(wild).error().code(), Code::kOutOfSpace);
  }
  EXPECT_EQ(file->size(), 0U);
}

// --- Copies --------------------------------------------------------------------------------------

TEST(Clone, HasTheSameBytesAndNamesAndALifeOfItsOwn) {
  Machine machine(20);
  const auto file = create_durable(machine, "f", filled(8 * kSectorSize, 1));
  ASSERT_TRUE(file->try_lock(LockKind::kExclusive, 0, 1));
  ASSERT_TRUE(file->write(0, filled(8 * kSectorSize, 2)));
  create(machine, "g");
  machine.inject({0, FaultKind::kIoError, true});
  const auto twin = machine.clone(1);
  EXPECT_EQ(twin->calls(), 0U);
  EXPECT_EQ(twin->describe(), "machine seed=1");  // No fault plan.
  EXPECT_EQ(names_of(*twin), (Names{"f", "g"}));
  EXPECT_EQ(bytes_of(*twin, "f"), filled(8 * kSectorSize, 2));
  EXPECT_TRUE(open(*twin, "f")->try_lock(LockKind::kExclusive, 0, 1));
  ASSERT_TRUE(open(*twin, "f")->write(0, filled(100, 3)));
  ASSERT_TRUE(root_of(*twin)->unlink("g"));
  machine.clear_faults();
  EXPECT_EQ(bytes_of(machine, "f"), filled(8 * kSectorSize, 2));
  EXPECT_EQ(names_of(machine), (Names{"f", "g"}));

  const auto lost = machine.clone(2);
  lost->cut_power(CrashMode::kNothing);
  EXPECT_EQ(bytes_of(*lost, "f"), filled(8 * kSectorSize, 1));  // The copy knew what was pending.
  EXPECT_EQ(names_of(*lost), Names{"f"});
  EXPECT_TRUE(machine.image("/f")->dirty());
}

TEST(Clone, MakesManyCrashStatesOfOneCrashPoint) {
  Machine machine(21);
  const auto file = create_durable(machine, "f", filled(8 * kSectorSize, 1));
  ASSERT_TRUE(file->write(0, filled(8 * kSectorSize, 2)));
  std::set<Buffer> states;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const auto twin = machine.clone(seed);
    twin->cut_power(CrashMode::kHalf);
    const Buffer bytes = bytes_of(*twin, "f");
    const auto again = machine.clone(seed);
    again->cut_power(CrashMode::kHalf);
    EXPECT_EQ(bytes_of(*again, "f"), bytes);
    states.insert(bytes);
  }
  EXPECT_GT(states.size(), 30U);
}

TEST(Clone, KeepsTheKindOfMachine) {
  Machine machine(22);
  create(machine, "f");
  machine.set_capacity({.bytes = 4096, .inodes = 2});
  machine.set_file_system(FileSystemKind::kNetwork);
  machine.set_direct_supported(false);
  const auto twin = machine.clone(1);
  EXPECT_EQ(root_of(*twin)->file_system(), FileSystemKind::kNetwork);
  EXPECT_EQ(root_of(*twin)->open_file("f", {OpenMode::kRead, true}).error().code(),
            Code::kUnsupported);
  EXPECT_FALSE(root_of(*twin)->open_file("g", kCreate));
  EXPECT_FALSE(open(*twin, "f")->write(4096, filled(1, 1)));
}

// --- Kinds of file systems -----------------------------------------------------------------------

TEST(Machine, SaysWhatKindOfFileSystemItHas) {
  Machine machine(23);
  EXPECT_EQ(root_of(machine)->file_system(), FileSystemKind::kLocal);
  machine.set_file_system(FileSystemKind::kNetwork);
  EXPECT_EQ(root_of(machine)->file_system(), FileSystemKind::kNetwork);
}

TEST(Machine, RefusesChangesWhenItsDiskIsReadOnly) {
  Machine machine(24);
  create_durable(machine, "f", filled(10, 1));
  machine.set_read_only(true);
  const auto root = root_of(machine);
  EXPECT_EQ(root->open_file("f", kReadWrite).error().code(), Code::kReadOnly);
  EXPECT_EQ(root->open_file("g", kCreate).error().code(), Code::kReadOnly);
  EXPECT_EQ(root->open_file("g", kReadWrite).error().code(), Code::kNotFound);
  EXPECT_EQ(root->make_directory("d").error().code(), Code::kReadOnly);
  EXPECT_EQ(root->rename("f", "g", IfTargetExists::kFail).error().code(), Code::kReadOnly);
  EXPECT_EQ(root->unlink("f").error().code(), Code::kReadOnly);
  const auto file = root->open_file("f", kRead).value();
  Buffer into(10);
  EXPECT_TRUE(file->read_exactly(0, into));
  EXPECT_FALSE(file->write(0, into));
  EXPECT_FALSE(file->truncate(0));
  EXPECT_FALSE(file->allocate(0, 20));
  EXPECT_FALSE(file->try_lock(LockKind::kExclusive, 0, 1));  // Needs a file open to write.
  EXPECT_TRUE(file->try_lock(LockKind::kShared, 0, 1));
}

TEST(Direct, IsUnsupportedWhereTheMachineSaysSoAndOnlyForFilesThatExist) {
  Machine machine(25);
  create(machine, "f");
  const OpenOptions direct{OpenMode::kRead, true};
  EXPECT_TRUE(root_of(machine)->open_file("f", direct));
  machine.set_direct_supported(false);
  EXPECT_EQ(root_of(machine)->open_file("f", direct).error().code(), Code::kUnsupported);
  EXPECT_EQ(root_of(machine)->open_file("g", direct).error().code(), Code::kNotFound);
}

TEST(Direct, ReadsTheMediumBehindTheCachesBack) {
  Machine machine(26);
  const auto file = create_durable(machine, "f", filled(8192, 1));
  fail_next(machine, FaultKind::kLostWrite);
  ASSERT_TRUE(file->write(0, filled(4096, 2)));
  ASSERT_TRUE(file->write(4096, filled(4096, 3)));  // Pending: written back before the read.
  const auto direct = root_of(machine)->open_file("f", {OpenMode::kRead, true}).value();
  AlignedBuffer into(8192);
  ASSERT_TRUE(direct->read_exactly(0, into.bytes()));
  EXPECT_EQ(copy(into.bytes().first(4096)), filled(4096, 1));
  EXPECT_EQ(copy(into.bytes().subspan(4096)), filled(4096, 3));
}

TEST(Direct, WantsOffsetSizeAndMemoryAligned) {
  Machine machine(27);
  create_durable(machine, "f", filled(16'384, 1));
  const auto direct = root_of(machine)->open_file("f", {OpenMode::kReadWrite, true}).value();
  AlignedBuffer buffer(12'288);
  const MutableBytes bytes = buffer.bytes();
  EXPECT_TRUE(direct->read(4096, bytes.first(4096)));
  EXPECT_TRUE(direct->write(4096, bytes.first(4096)));
  EXPECT_EQ(direct->read(512, bytes.first(4096)).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(direct->read(0, bytes.first(512)).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(direct->read(0, bytes.subspan(512, 4096)).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(direct->write(512, bytes.first(4096)).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(direct->write(0, bytes.first(512)).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(direct->write(0, bytes.subspan(512, 4096)).error().code(), Code::kInvalidArgument);
}

TEST(Direct, IsCompleteThroughShortCallsAndAtAnOddEnd) {
  Machine machine(28);
  create_durable(machine, "f", filled(20'000, 1));
  machine.inject({0, FaultKind::kShort, true});
  const auto direct = root_of(machine)->open_file("f", {OpenMode::kReadWrite, true}).value();
  AlignedBuffer buffer(24'576);
  EXPECT_EQ(direct->read(0, buffer.bytes()), 20'000U);
  EXPECT_TRUE(direct->write(0, buffer.bytes().first(16'384)));
}

// --- Locks ---------------------------------------------------------------------------------------

TEST(Locks, ConflictBetweenOpenFilesWhereTheyOverlapUnlessBothShare) {
  Machine machine(29);
  const auto first = create(machine, "f");
  const auto second = open(machine, "f");
  ASSERT_TRUE(first->try_lock(LockKind::kExclusive, 10, 10));
  for (const LockKind kind : {LockKind::kShared, LockKind::kExclusive}) {
    for (const auto& [offset, size] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
             {10, 10}, {19, 1}, {5, 6}, {0, 100}, {0, kToTheEnd}}) {
      EXPECT_EQ(second->try_lock(kind, offset, size).error().code(), Code::kBusy);
    }
    EXPECT_TRUE(second->try_lock(kind, 0, 10));
    EXPECT_TRUE(second->try_lock(kind, 20, 10));
  }
  ASSERT_TRUE(first->try_lock(LockKind::kShared, 10, 10));  // Becomes weaker.
  EXPECT_TRUE(second->try_lock(LockKind::kShared, 10, 10));
  EXPECT_FALSE(second->try_lock(LockKind::kExclusive, 10, 10));
  EXPECT_FALSE(first->try_lock(LockKind::kExclusive, 10, 10));
}

TEST(Locks, AreReleasedInPartAsRealOnesAre) {
  Machine machine(30);
  const auto first = create(machine, "f");
  const auto second = open(machine, "f");
  ASSERT_TRUE(first->try_lock(LockKind::kExclusive, 0, kToTheEnd));
  ASSERT_TRUE(first->unlock(10, 10));
  EXPECT_TRUE(second->try_lock(LockKind::kExclusive, 10, 10));
  EXPECT_FALSE(second->try_lock(LockKind::kExclusive, 9, 1));
  EXPECT_FALSE(second->try_lock(LockKind::kExclusive, 20, 1));
  ASSERT_TRUE(first->unlock(0, kToTheEnd));
  EXPECT_TRUE(second->try_lock(LockKind::kExclusive, 0, kToTheEnd));
}

TEST(Locks, EndWithTheirFileAndNotWithAnother) {
  Machine machine(31);
  auto holder = create(machine, "f");
  ASSERT_TRUE(holder->try_lock(LockKind::kExclusive, 0, 1));
  open(machine, "f").reset();
  EXPECT_FALSE(open(machine, "f")->try_lock(LockKind::kShared, 0, 1));
  holder.reset();
  EXPECT_TRUE(open(machine, "f")->try_lock(LockKind::kShared, 0, 1));
}

// --- Mappings and the cache ----------------------------------------------------------------------

TEST(SimulatedMapping, ShowsEveryChangeAtABaseThatNeverMoves) {
  Machine machine(32);
  const auto file = create(machine, "f");
  ASSERT_TRUE(file->write(0, filled(100, 1)));
  const auto mapping = file->map(std::uint64_t{1} << 30).value();
  const std::byte* const base = mapping->base();
  EXPECT_EQ(copy({base, 100}), filled(100, 1));
  ASSERT_TRUE(file->write(50, filled(100, 2)));
  EXPECT_EQ(base[49], std::byte{1});
  EXPECT_EQ(copy({base + 50, 100}), filled(100, 2));
  ASSERT_TRUE(open(machine, "f")->write(0, filled(10, 3)));  // Through another open file.
  EXPECT_EQ(copy({base, 10}), filled(10, 3));
  ASSERT_TRUE(file->truncate(60));
  ASSERT_TRUE(file->allocate(0, 100'000));
  EXPECT_EQ(copy({base + 60, 100}), filled(100, 0));  // What was cut off is not there again.
  ASSERT_TRUE(file->write(90'000, filled(10'000, 4)));
  EXPECT_EQ(copy({base + 90'000, 10'000}), filled(10'000, 4));
  EXPECT_EQ(mapping->base(), base);
}

TEST(SimulatedMapping, PopulatesToTheEndOfTheFilesLastMemoryPage) {
  Machine machine(33);
  const auto file = create(machine, "f");
  ASSERT_TRUE(file->write(0, filled(5000, 1)));
  const auto mapping = file->map(65'536).value();
  EXPECT_TRUE(mapping->populate(0, 8192));
  EXPECT_EQ(mapping->populate(0, 8193).error().code(), Code::kIoError);
  EXPECT_EQ(mapping->populate(8192, 1).error().code(), Code::kIoError);
  EXPECT_EQ(mapping->populate(65'536, 1).error().code(), Code::kResourceExhausted);
  ASSERT_TRUE(file->allocate(0, 12'288));
  EXPECT_TRUE(mapping->populate(8192, 4096));
}

TEST(DontNeed, RevealsWhatAFailedFlushDroppedOnlyWhereNobodyHasItMapped) {
  std::set<Buffer> seen;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Machine machine(seed);
    const auto file = create_durable(machine, "f", filled(8192, 1));
    ASSERT_TRUE(file->write(0, filled(8192, 2)));
    fail_next(machine, FaultKind::kSyncDrops);
    ASSERT_FALSE(file->sync_data());
    auto mapping = file->map(65'536).value();
    file->advise(0, kToTheEnd, Advice::kDontNeed);
    EXPECT_EQ(bytes_of(machine, "f"), filled(8192, 2));
    mapping.reset();
    for (const Advice other : {Advice::kRandom, Advice::kSequential, Advice::kWillNeed}) {
      file->advise(0, kToTheEnd, other);
    }
    EXPECT_EQ(bytes_of(machine, "f"), filled(8192, 2));
    file->advise(0, kToTheEnd, Advice::kDontNeed);
    EXPECT_EQ(bytes_of(machine, "f"), copy(machine.image("/f")->durable()));
    seen.insert(bytes_of(machine, "f"));
  }
  EXPECT_TRUE(seen.contains(filled(8192, 1)));
}

TEST(DontNeed, DropsTheWholePagesOfItsRangeOnly) {
  Machine machine(34);
  const auto file = create_durable(machine, "f", filled(12'288 + 100, 1));
  fail_next(machine, FaultKind::kLostWrite);
  ASSERT_TRUE(file->write(0, filled(12'288 + 100, 2)));
  file->advise(1, 8192, Advice::kDontNeed);  // Covers only the second page whole.
  Buffer expected = filled(12'288 + 100, 2);
  std::fill_n(expected.begin() + 4096, 4096, std::byte{1});
  EXPECT_EQ(bytes_of(machine, "f"), expected);
  file->advise(12'288, 100, Advice::kDontNeed);  // The page with the file's end counts as whole.
  std::fill(expected.begin() + 12'288, expected.end(), std::byte{1});
  EXPECT_EQ(bytes_of(machine, "f"), expected);
}

TEST(DontNeed, KeepsWhatIsPending) {
  Machine machine(35);
  const auto file = create_durable(machine, "f", filled(8192, 1));
  ASSERT_TRUE(file->write(0, filled(4096, 2)));
  file->advise(0, kToTheEnd, Advice::kDontNeed);
  EXPECT_EQ(bytes_of(machine, "f")[0], std::byte{2});
}

TEST(DontNeed, IsNotHinderedByMappingsOfADeadProcess) {
  Machine machine(36);
  const auto file = create_durable(machine, "f", filled(4096, 1));
  const auto mapping = file->map(65'536).value();
  fail_next(machine, FaultKind::kLostWrite);
  ASSERT_TRUE(file->write(0, filled(4096, 2)));
  machine.kill();
  open(machine, "f")->advise(0, kToTheEnd, Advice::kDontNeed);
  EXPECT_EQ(bytes_of(machine, "f"), filled(4096, 1));
}

// --- Time and chance -----------------------------------------------------------------------------

TEST(Machine, HasAClockThatMovesOnlyWhenItIsUsed) {
  Machine first(37);
  Machine second(38);
  for (Machine* machine : {&first, &second}) {
    Clock& clock = machine->vfs().clock();
    const auto start = clock.monotonic();
    EXPECT_LT(start, clock.monotonic());
    clock.sleep(std::chrono::hours(1));
    const auto later = clock.monotonic() - start;
    EXPECT_GE(later, std::chrono::hours(1));
    EXPECT_LT(later, std::chrono::hours(1) + std::chrono::milliseconds(1));
  }
  EXPECT_EQ(first.vfs().clock().monotonic(), second.vfs().clock().monotonic());
}

TEST(Machine, DrawsItsRandomBytesFromTheSeed) {
  const auto draw = [](std::uint64_t seed) {
    Machine machine(seed);
    Buffer bytes(100);
    EXPECT_TRUE(machine.vfs().random(bytes));
    return bytes;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

}  // namespace
}  // namespace caisson::io::sim

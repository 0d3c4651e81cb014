// Method: a tour through all that an engine does (mvcc/testing/tour.h) is made on a simulated
// machine, and each of its calls to the system fails in turn, in each way that it can, once or from
// then on for ever. Every call of the engine then answers with a result that the fault explains;
// where the store is poisoned, it says so, writes nothing more, and is read. Once the disk is whole
// again, the store opens, at once as well as behind a power cut, and holds by value what was
// acknowledged last, or a later commit; every page is accounted for; and it goes on from there.
//
// A disk that lies about writes may lose what was acknowledged. What is found is then an error, or
// still one of the states that the store had.
//
// What would slip through: two faults in one tour (pager/fault_pairs_test.cc has such). With
// CAISSON_LONG=1 every call is taken, and both ways of reading pages.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/testing/effort.h"
#include "base/testing/replay.h"
#include "mvcc/testing/crash_workload.h"
#include "mvcc/testing/harness.h"
#include "mvcc/testing/tour.h"

namespace caisson::mvcc {
namespace {

using caisson::testing::long_run;
using caisson::testing::Replay;
using caisson::testing::stride;
using io::Call;
using io::sim::Fault;
using io::sim::FaultKind;
using io::sim::Machine;
using testing::audit;
using testing::EngineStore;
using testing::History;
using testing::judge;
using testing::put;
using testing::read_all;
using testing::StoreOptions;
using testing::Tour;
using testing::value_of;

StoreOptions options_of(std::uint64_t variant) {
  return {.access = variant == 0 ? pager::PageAccess::kMapped : pager::PageAccess::kPrivate,
          .frames = 64,
          .log = {.file_size_min = log::kFileSizeMin,
                  .file_size_max = 2 * log::kFileSizeMin,
                  .direct = variant == 0},
          .retention = {.checkpoints = 2}};
}

bool lies(FaultKind kind) {
  return kind == FaultKind::kLostWrite || kind == FaultKind::kMisdirected;
}

// Which codes it explains.
std::vector<Code> codes_of(FaultKind kind) {
  if (lies(kind)) return {Code::kCorruption, Code::kWrongStore, Code::kBusy, Code::kNotFound};
  return {kind == FaultKind::kNoSpace ? Code::kOutOfSpace : Code::kIoError};
}

bool is_flush(Call call) {
  return call == Call::kSyncData || call == Call::kSyncAll || call == Call::kSyncDirectory;
}

// Whether a call can fail in that way. From one that can't, a fault waits for the next that can.
bool can_hit(FaultKind kind, Call call) {
  switch (kind) {
    case FaultKind::kNoSpace:
      return is_flush(call) || call == Call::kWrite || call == Call::kAllocate ||
             call == Call::kOpen || call == Call::kRename || call == Call::kMakeDirectory;
    case FaultKind::kShort:
      return call == Call::kRead || call == Call::kWrite;
    case FaultKind::kSyncDrops:
      return is_flush(call);
    case FaultKind::kLostWrite:
    case FaultKind::kMisdirected:
      return call == Call::kWrite;
    default:
      return true;
  }
}

// The calls of a tour without faults.
std::vector<Call> calls_of(std::uint64_t variant) {
  EngineStore store(std::make_unique<Machine>(1), options_of(variant));
  store.machine().record_trace(true);
  Tour tour(store, {});
  EXPECT_EQ(tour.run(), "");
  EXPECT_TRUE(tour.errors().empty());
  std::vector<Call> calls;
  for (const auto& call : store.machine().trace()) calls.push_back(call.call);
  EXPECT_EQ(calls.size(), store.machine().calls());
  return calls;
}

// What is wrong with a store whose disk is whole again.
std::string judge_afterwards(EngineStore& store, const Tour& tour, bool thoroughly) {
  History history = tour.history();
  if (!tour.made() && !store.open()) {
    const auto made = store.create();
    if (!made) return "can't be made: " + made.error().to_string();
  }
  if (std::string wrong = judge(store, history); !wrong.empty()) return wrong;
  const auto committed = put(store.engine(), "afterwards", "key", "value");
  if (!committed) return "does not go on: " + committed.error().to_string();
  if (to_u64(committed->txn) != history.states.size()) return "goes on with another number";
  history.states.push_back(history.states.back());
  history.states.back()["afterwards"]["key"] = "value";
  history.acknowledged = history.states.size() - 1;
  if (thoroughly) {
    if (std::string wrong = audit(store); !wrong.empty()) return wrong;
  }
  if (const auto closed = store.close(); !closed) return closed.error().to_string();
  std::string wrong = judge(store, history);
  store.abandon();
  if (store.machine().open_handles() != 0) return "something is open that nobody uses";
  return wrong;
}

// Behind a disk that lied there may be an error, or a state of the past.
std::string judge_what_lies_left(EngineStore& store, const Tour& tour) {
  const auto explained = [](Code code) {
    const std::vector<Code> codes = codes_of(FaultKind::kLostWrite);
    return std::ranges::find(codes, code) != codes.end();
  };
  if (const auto opened = store.open(); !opened) {
    return explained(opened.error().code()) ? "" : opened.error().to_string();
  }
  const auto found = read_all(value_of(store.engine().snapshot()));
  if (!found) return explained(found.error().code()) ? "" : found.error().to_string();
  const bool known = std::ranges::find(tour.ever(), *found) != tour.ever().end();
  return known ? "" : "something else is there";
}

class FaultAtEveryCall : public ::testing::TestWithParam<std::tuple<FaultKind, bool>> {};

TEST_P(FaultAtEveryCall, OfAnEngineIsToldAndLosesNothing) {
  const auto [kind, forever] = GetParam();
  const Replay replay = Replay::from_environment({"variant", "call"});
  std::uint64_t cases = 0;
  std::uint64_t hit = 0;
  std::uint64_t poisoned = 0;
  for (const std::uint64_t variant : replay.range("variant", 0, 2)) {
    const std::vector<Call> calls = calls_of(variant);
    ASSERT_GT(calls.size(), 500U);
    std::vector<std::uint64_t> all;
    for (std::uint64_t call = 0; call < calls.size(); ++call) {
      if (can_hit(kind, calls[call])) all.push_back(call);
    }
    // Of the kinds that can hit very many, a part; another one for each kind.
    const std::uint64_t step = (all.size() > 250 && !long_run() ? 7 : 1) * stride(5);
    std::vector<std::uint64_t> sample;
    for (std::size_t i = (std::to_underlying(kind) + variant) % step; i < all.size(); i += step) {
      sample.push_back(all[i]);
    }
    for (const std::uint64_t call : replay.sample("call", 0, calls.size(), sample)) {
      const std::string command = replay.command({variant, call});
      EngineStore store(std::make_unique<Machine>(call + 1), options_of(variant));
      Tour tour(store, {.fault = Fault{.call = call, .kind = kind, .forever = forever},
                        .codes = codes_of(kind),
                        .disk_lies = lies(kind)});
      ASSERT_EQ(tour.run(), "") << store.machine().describe() << command;
      ++cases;
      if (store.machine().faults_hit() == 0) continue;
      ++hit;
      poisoned += tour.poisonings() > 0 ? 1U : 0U;
      const std::string told = store.machine().describe() + command + "\n" +
                               (tour.errors().empty() ? "" : tour.errors().front());
      // What only takes longer is seen by nobody. (A flush that was interrupted has failed.)
      const bool transient = kind == FaultKind::kShort || (kind == FaultKind::kInterrupted &&
                                                           !forever && !is_flush(calls[call]));
      if (transient) {
        ASSERT_TRUE(tour.errors().empty()) << told;
      }
      // One fault is told once, unless nothing can be written from then on.
      if (!forever && tour.poisonings() == 0 && !lies(kind)) {
        ASSERT_LE(tour.errors().size(), 1U) << told;
      }
      store.machine().clear_faults();
      EngineStore cut = store.copy(call + 2);
      cut.machine().cut_power(io::sim::CrashMode::kTorn);
      store.machine().kill();
      if (lies(kind)) {
        ASSERT_EQ(judge_what_lies_left(cut, tour), "") << "behind a power cut " << told;
        ASSERT_EQ(judge_what_lies_left(store, tour), "") << told;
        continue;
      }
      ASSERT_EQ(judge_afterwards(cut, tour, false), "") << "behind a power cut " << told;
      ASSERT_EQ(judge_afterwards(store, tour, call % 4 == 0), "") << told;
    }
  }
  std::cout << "cases=" << cases << " hit=" << hit << " poisoned=" << poisoned << " failures=0\n";
  if (replay.everything()) {
    EXPECT_GT(hit, 10U);
  }
}

std::string name_of(const ::testing::TestParamInfo<std::tuple<FaultKind, bool>>& test) {
  std::string name(to_string(std::get<0>(test.param)));
  std::erase(name, ' ');
  return name + (std::get<1>(test.param) ? "Forever" : "Once");
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, FaultAtEveryCall,
    ::testing::Combine(::testing::Values(FaultKind::kIoError, FaultKind::kNoSpace,
                                         FaultKind::kInterrupted, FaultKind::kShort,
                                         FaultKind::kSyncDrops, FaultKind::kLostWrite,
                                         FaultKind::kMisdirected),
                       ::testing::Bool()),
    name_of);

}  // namespace
}  // namespace caisson::mvcc

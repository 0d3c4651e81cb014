// What tests of the classes of faults begin with: commits with a model of what was acknowledged,
// and what the power going at any time leaves of them, judged.

#ifndef CAISSON_MVCC_TESTING_FAULT_CLASSES_H_
#define CAISSON_MVCC_TESTING_FAULT_CLASSES_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "io/sim/machine.h"
#include "log/log_file.h"
#include "mvcc/testing/crash_workload.h"
#include "mvcc/testing/harness.h"
#include "mvcc/testing/scenarios.h"
#include "pager/open.h"

namespace caisson::mvcc::testing {

inline const std::string kPages = std::string(kStorePath) + "/" + pager::kPageFileName;

inline std::string log_path(std::uint64_t sequence) {
  return std::string(kStorePath) + "/log/" + log::file_name(sequence);
}

// A commit of one key, and what it leaves in the model. False where it was refused.
inline bool put_next(EngineStore& store, History& history, std::size_t size = 300,
                     Durability durability = Durability::kSync) {
  const std::string key = "key" + std::to_string(history.states.size() % 40);
  const std::string value(size, static_cast<char>('a' + history.states.size() % 26));
  Model next = history.states.back();
  next["t"][key] = value;
  const auto committed = put(store.engine(), "t", key, value, durability);
  if (!committed && committed.error().code() != Code::kDurabilityUnknown) return false;
  history.states.push_back(std::move(next));
  if (committed && durability == Durability::kSync) {
    history.acknowledged = history.states.size() - 1;
  }
  return committed.has_value();
}

inline void put_many(EngineStore& store, History& history, int count, std::size_t size = 300) {
  for (int i = 0; i < count; ++i) ASSERT_TRUE(put_next(store, history, size));
}

// What a crash leaves of a store is judged on a copy, in each way that power goes.
inline void judge_cuts(EngineStore& store, const History& history) {
  store.abandon();
  for (std::uint64_t mode = 0; mode < io::sim::kCrashModeCount; ++mode) {
    EngineStore cut = store.copy(mode + 1);
    cut.machine().cut_power(static_cast<io::sim::CrashMode>(mode));
    History after = history;
    ASSERT_EQ(judge(cut, after), "") << "mode " << mode;
    ASSERT_EQ(audit(cut), "") << "mode " << mode;
  }
}

using Step = std::function<void(EngineStore&, History&)>;

// Does something behind something else, with the power cut at each of its calls in turn.
inline void cut_at_every_call(const Step& before, const Step& step) {
  bool finished = false;
  for (std::uint64_t call = 0; !finished; ++call) {
    EngineStore store;
    History history;
    before(store, history);
    store.machine().inject({store.machine().calls() + call, io::sim::FaultKind::kPowerCut, false});
    step(store, history);
    finished = !store.machine().down();
    ASSERT_NO_FATAL_FAILURE(judge_cuts(store, history)) << "call " << call;
    ASSERT_LT(call, 1000U);
  }
}

}  // namespace caisson::mvcc::testing

#endif  // CAISSON_MVCC_TESTING_FAULT_CLASSES_H_

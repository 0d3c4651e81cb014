// A walk through all that an engine does, on a disk that fails: calls that fail are looked at, and
// the walk goes on behind them as a careful program would.

#ifndef CAISSON_MVCC_TESTING_TOUR_H_
#define CAISSON_MVCC_TESTING_TOUR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mvcc/testing/crash_workload.h"
#include "mvcc/testing/harness.h"

namespace caisson::mvcc::testing {

struct TourOptions {
  // What fails.
  std::optional<io::sim::Fault> fault = {};

  // Which codes a failing disk explains, besides those of a store that is poisoned.
  std::vector<Code> codes = {};

  // Writes that were acknowledged may be lost: what is found is still some state of the past.
  bool disk_lies = false;
};

// Makes a store, and goes through three lives of it. What has to be there afterwards is in
// history().
class Tour {
 public:
  // The store outlives the tour; there is none yet, or there is an empty one.
  Tour(EngineStore& store, TourOptions options) : store_(store), options_(std::move(options)) {}

  // What is wrong; "" if nothing is. All that the tour had open is closed then.
  std::string run();

  const History& history() const { return history_; }

  // Every state that the store has ever had, lost ones included.
  const std::vector<Model>& ever() const { return ever_; }

  // Whether the store was made, as far as its maker was told.
  bool made() const { return made_; }

  // What calls have told, in their order; and how often the store was poisoned.
  const std::vector<std::string>& errors() const { return errors_; }
  std::uint64_t poisonings() const { return poisonings_; }

 private:
  struct Kept {
    Snapshot snapshot;
    Model model;
  };
  using Change = std::function<Result<void>(WriteTxn&, Model&)>;

  void claim(bool right, const std::string& what);
  bool explained(Code code) const;
  void note(const Error& error, const std::string& call);
  bool noted(const Result<void>& result, const std::string& call);
  void judge_poisoned();
  bool is_a_state(std::size_t txn, const Model& found) const;
  void make();
  bool open();
  void end_life();

  void walk();
  void transact(Durability durability, const Change& change);
  void put_some(Durability durability, const std::string& tree, int round);
  void put_long_values();
  void put_more_than_a_record();
  void drop_and_erase();
  void wait();
  void checkpoint();
  void retain();
  void release();
  void keep();
  void look(Result<Snapshot> snapshot, const std::string& whose);
  void look_at_kept();
  void look_back();
  void look_elsewhere();
  void close();

  EngineStore& store_;
  const TourOptions options_;
  History history_;
  std::vector<Model> ever_ = {Model{}};
  bool made_ = false;
  bool known_ = true;  // Which state the store is in; else nothing more can be done with it.
  std::optional<Kept> kept_;
  std::unique_ptr<Follower> elsewhere_;
  std::optional<Committed> queued_;
  std::vector<std::string> errors_;
  std::uint64_t poisonings_ = 0;
  std::string wrong_;
};

}  // namespace caisson::mvcc::testing

#endif  // CAISSON_MVCC_TESTING_TOUR_H_

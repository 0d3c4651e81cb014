// Method: logs of operations drawn one by one, with such as can't be done among them, written into
// the log as they are. Recovery, a state in memory and a store made anew have to come to the same,
// by the state's hash, or to refuse it for the same reason (APPLY-1, APPLY-2). RapidCheck shrinks
// what fails. All of them drive the same Applier, so what that does wrong for all of them slips
// through; rebuild_test.cc compares with what transactions did.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "log/operations.h"
#include "mvcc/rebuild.h"
#include "mvcc/state_hash.h"
#include "mvcc/testing/harness.h"

namespace caisson::mvcc {
namespace {

using log::Operation;
using log::OperationCode;
using testing::bytes_of;
using testing::EngineStore;
using testing::kStorePath;
using testing::value_of;

// An operation that owns what it says. Pieces of a long value follow as many as there are.
struct Step {
  OperationCode code = OperationCode::kPut;
  std::uint64_t tree = 1;
  std::uint64_t number = 0;
  std::string key;
  std::string value;
  bool has_end = false;
  bool ends_commit = false;
};

std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << log::to_string(step.code) << " tree " << step.tree << " number " << step.number
             << " key " << step.key << " value of " << step.value.size()
             << (step.has_end ? " with an end" : "") << (step.ends_commit ? ", commit; " : "; ");
}

void encode(const Operation& operation, std::string& payload) {
  std::string bytes(log::encoded_size(operation), '\0');
  Encoder out(std::as_writable_bytes(std::span(bytes)));
  log::encode(operation, out);
  payload += bytes;
}

std::vector<std::string> payloads_of(const std::vector<Step>& steps) {
  std::vector<std::string> payloads(1);
  for (const Step& step : steps) {
    const Operation operation{.code = step.code,
                              .tree = step.tree,
                              .number = step.number,
                              .key = bytes_of(step.key),
                              .value = bytes_of(step.value),
                              .has_end = step.has_end};
    if (step.code == OperationCode::kPutLong) {
      encode(
          {.code = step.code, .tree = step.tree, .number = step.value.size(), .key = operation.key},
          payloads.back());
      for (std::size_t at = 0; at < step.value.size(); at += 3000) {
        encode({.code = OperationCode::kPiece,
                .value = operation.value.subspan(at).first(
                    std::min<std::size_t>(3000, step.value.size() - at))},
               payloads.back());
      }
    } else {
      encode(operation, payloads.back());
    }
    if (step.ends_commit || payloads.back().size() > 30'000) payloads.emplace_back();
  }
  return payloads;
}

rc::Gen<Step> any_step() {
  return rc::gen::build<Step>(
      rc::gen::set(&Step::code,
                   rc::gen::weightedElement<OperationCode>({{6, OperationCode::kCreateTree},
                                                            {2, OperationCode::kDropTree},
                                                            {20, OperationCode::kPut},
                                                            {8, OperationCode::kDelete},
                                                            {5, OperationCode::kDeleteRange},
                                                            {3, OperationCode::kPutLong}})),
      rc::gen::set(&Step::tree, rc::gen::weightedElement<std::uint64_t>(
                                    {{30, 1}, {20, 2}, {2, 3}, {1, 4}, {1, 0}})),
      rc::gen::set(&Step::key, rc::gen::element<std::string>("a", "b", "c", "d", "e", "f")),
      rc::gen::set(&Step::value,
                   rc::gen::map(rc::gen::weightedElement<std::size_t>(
                                    {{10, 1}, {5, 40}, {1, 0}, {1, 2000}, {1, 9000}}),
                                [](std::size_t size) { return std::string(size, 'c'); })),
      rc::gen::set(&Step::has_end, rc::gen::arbitrary<bool>()),
      rc::gen::set(&Step::ends_commit, rc::gen::weightedElement<bool>({{2, true}, {3, false}})));
}

// Whether a state that has these trees takes the operation; makes and drops its tree.
Result<void> trees_after(const Step& step, MemoryState& state) {
  const TreeId tree{step.tree};
  if (step.code == OperationCode::kDropTree) return state.drop(tree);
  if (step.code != OperationCode::kCreateTree) return state.erase(tree, {});
  return state.create(tree, kPlainTree, bytes_of(step.key), bytes_of(step.value));
}

// Gives most of the trees that are made the number that they are due; and leaves out what can't be
// done, if so asked: else most logs would be refused at once.
std::vector<Step> in_order(const std::vector<Step>& steps, bool all_can_be_done) {
  MemoryState state;
  std::vector<Step> kept;
  for (Step step : steps) {
    if (step.code == OperationCode::kCreateTree) {
      if (all_can_be_done || step.tree != 4) step.tree = to_u64(state.next_tree());
      step.value.resize(std::min<std::size_t>(step.value.size(), 300));  // Options.
    }
    if (step.code == OperationCode::kDeleteRange) {
      step.value.resize(std::min<std::size_t>(step.value.size(), 40));  // A key.
    }
    if (trees_after(step, state) || !all_can_be_done) kept.push_back(step);
  }
  return kept;
}

std::string outcome(const Hash128& hash) {
  return std::to_string(hash.high) + "." + std::to_string(hash.low);
}

std::string outcome(const Error& error) {
  return std::string(to_string(error.code())) + " " + error.rule() + " at commit " +
         std::to_string(error.record().value_or(0));
}

std::string recovered(EngineStore& store) {
  if (const auto opened = store.open(); !opened) return outcome(opened.error());
  return outcome(value_of(state_hash(value_of(store.engine().snapshot()))));
}

std::string in_memory(const log::LogDirectory& log) {
  const auto rebuilt = rebuild_in_memory(log);
  return rebuilt ? outcome(rebuilt->state.hash()) : outcome(rebuilt.error());
}

std::string as_store(const log::LogDirectory& log, EngineStore& store) {
  const EngineOptions engine{.address_space_bytes = std::uint64_t{1} << 28U,
                             .log = store.options().log};
  const auto rebuilt =
      rebuild_store(log, store.machine().vfs(),
                    {.path = "/again", .create = {.page_size = 8192}, .engine = engine});
  if (!rebuilt) return outcome(rebuilt.error());
  const auto opened = value_of(Engine::open(store.machine().vfs(), "/again", engine));
  const Snapshot snapshot = value_of(opened->snapshot());
  RC_ASSERT(snapshot.txn() == rebuilt->txn);
  return outcome(value_of(state_hash(snapshot)));
}

// Whether all three come to the same; and what it is.
std::string play(const std::vector<Step>& steps) {
  EngineStore store;
  std::uint64_t txn = 0;
  for (const std::string& payload : payloads_of(steps)) {
    const auto appended = value_of(
        store.engine().log().append(log::RecordType::kCommit, TxnId{++txn}, 0, bytes_of(payload)));
    value_of(store.engine().log().flush(appended.ticket));
  }
  store.kill();
  const auto directory = value_of(store.machine().vfs().open_directory(kStorePath));
  const auto log = value_of(open_log(value_of(directory->open_directory("log"))));
  const std::string memory = in_memory(*log);
  RC_ASSERT(as_store(*log, store) == memory);
  RC_ASSERT(recovered(store) == memory);
  return memory;
}

RC_GTEST_PROP(ReplayProperty, AnyLogLeadsToTheSameStateOrIsRefusedForTheSameReason, ()) {
  const auto steps = in_order(*rc::gen::container<std::vector<Step>>(any_step()), false);
  play(steps);
}

RC_GTEST_PROP(ReplayProperty, ALogOfWhatCanBeDoneLeadsToTheSameState, ()) {
  const auto steps = in_order(*rc::gen::container<std::vector<Step>>(any_step()), true);
  RC_ASSERT(play(steps).find("corruption") == std::string::npos);
}

}  // namespace
}  // namespace caisson::mvcc

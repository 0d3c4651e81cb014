#include "tests/child/workload.h"

#include <span>
#include <utility>

#include "base/random.h"
#include "base/result.h"

namespace caisson::testing {
namespace {

using Kind = Step::Kind;

// Memory for 64 pages, and values of which some dozen fill it.
constexpr std::uint32_t kPageSize = 4096;

class Planner {
 public:
  explicit Planner(std::uint64_t seed) : random_(seed) {}

  Plan plan();

 private:
  std::string any_tree() { return "tree" + std::to_string(random_.below(4)); }
  std::string any_key() { return "key" + std::to_string(random_.below(300)); }
  ValueSource any_value(std::uint64_t low, std::uint64_t high);

  void put(std::vector<Step>& steps);
  void change(std::vector<Step>& steps);
  void with_savepoint(std::vector<Step>& steps, std::size_t number);
  void large(std::vector<Step>& steps);
  std::vector<Step> transaction();

  Random random_;
};

ValueSource Planner::any_value(std::uint64_t low, std::uint64_t high) {
  return {.seed = random_.next(), .size = random_.between(low, high)};
}

void Planner::put(std::vector<Step>& steps) {
  Step step{.tree = any_tree(), .key = any_key(), .end = {}, .value = any_value(0, 120)};
  if (random_.chance(1, 12)) step.value = any_value(1000, 9000);
  if (random_.chance(1, 60)) {
    step.kind = Kind::kPutStream;
    step.key = "long" + std::to_string(random_.below(4));
    step.value = any_value(50'000, 200'000);
  }
  steps.push_back(std::move(step));
}

void Planner::change(std::vector<Step>& steps) {
  const std::uint64_t kind = random_.below(40);
  if (kind < 26) return put(steps);
  Step step{.kind = Kind::kErase, .tree = any_tree(), .key = any_key(), .end = {}, .value = {}};
  if (kind >= 36) {
    step.kind = Kind::kEraseRange;
    step.end = step.key + "5";
  }
  if (kind == 39) step.kind = Kind::kDropTree;
  steps.push_back(std::move(step));
}

void Planner::with_savepoint(std::vector<Step>& steps, std::size_t number) {
  steps.push_back({.kind = Kind::kSavepoint, .savepoint = number});
  for (std::uint64_t i = random_.below(8); i > 0; --i) change(steps);
  // More than a record holds, so that a part of the commit becomes void in the log.
  if (random_.chance(1, 4)) large(steps);
  if (number < 3 && random_.chance(1, 3)) with_savepoint(steps, number + 1);
  for (std::uint64_t i = random_.below(3); i > 0; --i) change(steps);
  steps.push_back({.kind = random_.chance(2, 3) ? Kind::kUndo : Kind::kRelease,
                   .tree = {},
                   .key = {},
                   .end = {},
                   .value = {},
                   .savepoint = number});
}

// More than the store has memory for.
void Planner::large(std::vector<Step>& steps) {
  const std::string tree = any_tree();
  for (std::uint64_t i = random_.between(40, 120); i > 0; --i) {
    steps.push_back({.tree = tree, .key = any_key(), .end = {}, .value = any_value(1000, 6000)});
  }
}

std::vector<Step> Planner::transaction() {
  std::vector<Step> steps;
  for (std::uint64_t i = random_.between(0, 6); i > 0; --i) change(steps);
  if (random_.chance(1, 5)) with_savepoint(steps, 1);
  if (random_.chance(1, 25)) large(steps);
  put(steps);  // One that changed nothing would have no number.
  return steps;
}

Plan Planner::plan() {
  Plan plan;
  if (random_.chance(1, 10)) plan.rolled_back = transaction();
  plan.steps = transaction();
  const std::uint64_t kind = random_.below(10);
  plan.durability = kind < 4   ? Durability::kSync
                    : kind < 6 ? Durability::kGroup
                               : Durability::kAsync;
  plan.waits = random_.chance(1, 6);
  plan.checkpoints = random_.chance(1, 12);
  plan.renews = random_.chance(1, 20);
  return plan;
}

Random random_for(std::uint64_t seed, std::uint64_t life) {
  return Random(Random(seed).next() + life);
}

// A tree that is there.
Result<std::optional<WriteTree>> tree_of(WriteTxn& txn, const std::string& name) {
  auto tree = txn.open_tree(name);
  if (tree) return std::optional(std::move(*tree));
  if (tree.error().code() == Code::kNotFound) return std::optional<WriteTree>();
  return fail(std::move(tree).error());
}

Result<void> put_in_pieces(WriteTree& tree, const Step& step) {
  const std::string bytes = step.value.bytes();
  CAISSON_ASSIGN_OR_RETURN(ValueWriter value, tree.put_stream(step.key, bytes.size()));
  constexpr std::size_t kPiece = 30'000;
  for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
    CAISSON_RETURN_IF_ERROR(value.append(std::string_view(bytes).substr(at, kPiece)));
  }
  const auto finished = value.finish();
  return finished ? Result<void>{} : fail(finished.error());
}

template <typename T>
Result<void> without_value(const Result<T>& result) {
  if (!result) return fail(result.error());
  return {};
}

Result<void> carry_out(const Step& step, WriteTxn& txn) {
  switch (step.kind) {
    case Kind::kPut:
    case Kind::kPutStream: {
      CAISSON_ASSIGN_OR_RETURN(WriteTree tree, txn.open_or_create_tree(step.tree));
      if (step.kind == Kind::kPutStream) return put_in_pieces(tree, step);
      return without_value(tree.put(step.key, step.value.bytes()));
    }
    case Kind::kErase:
    case Kind::kEraseRange: {
      CAISSON_ASSIGN_OR_RETURN(auto tree, tree_of(txn, step.tree));
      if (!tree) return {};
      if (step.kind == Kind::kErase) return without_value(tree->erase(step.key));
      return without_value(tree->erase_range(Range::between(step.key, step.end)));
    }
    case Kind::kDropTree: {
      const auto dropped = txn.drop_tree(step.tree);
      if (!dropped && dropped.error().code() == Code::kNotFound) return {};
      return dropped;
    }
    case Kind::kSavepoint:
      return without_value(txn.savepoint());
    case Kind::kUndo:
      CAISSON_RETURN_IF_ERROR(txn.roll_back_to(step.savepoint));
      return txn.release(step.savepoint);
    case Kind::kRelease:
      return txn.release(step.savepoint);
  }
  return {};
}

// What is wrong with one tree.
Result<std::string> difference(const Tree& tree, const TreeContents& expected) {
  if (tree.count() != expected.size()) {
    return "it has " + std::to_string(tree.count()) + " keys, not " +
           std::to_string(expected.size());
  }
  CAISSON_ASSIGN_OR_RETURN(Cursor cursor, tree.cursor());
  for (const auto& [key, source] : expected) {
    CAISSON_ASSIGN_OR_RETURN(const bool more, cursor.next());
    if (!more || as_text(cursor.key()) != key) {
      return key +
             " is missing, or something is in front of it: " + std::string(as_text(cursor.key()));
    }
    CAISSON_ASSIGN_OR_RETURN(Value value, cursor.value());
    CAISSON_ASSIGN_OR_RETURN(const std::string bytes, value.to_string());
    if (bytes != source.bytes()) return key + " has another value";
  }
  CAISSON_ASSIGN_OR_RETURN(const bool more, cursor.next());
  return more ? "there is more than it should have" : "";
}

Result<std::string> difference_of(const Store& store, const Contents& expected) {
  CAISSON_ASSIGN_OR_RETURN(const Snapshot snapshot, store.snapshot());
  if (snapshot.txn() != store.recovery().recovered) return "recovery tells of another commit";
  CAISSON_ASSIGN_OR_RETURN(const auto names, snapshot.tree_names());
  if (names.size() != expected.size()) {
    return "there are " + std::to_string(names.size()) + " trees, not " +
           std::to_string(expected.size());
  }
  for (const auto& [name, contents] : expected) {
    CAISSON_ASSIGN_OR_RETURN(const Tree tree, snapshot.tree(name));
    CAISSON_ASSIGN_OR_RETURN(std::string wrong, difference(tree, contents));
    if (!wrong.empty()) return wrong.insert(0, name + ": ");
  }
  return "";
}

}  // namespace

std::string ValueSource::bytes() const {
  std::string bytes(size, '\0');
  Random random(seed);
  random.fill(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

Plan plan_of(std::uint64_t seed, std::uint64_t life, std::uint64_t txn) {
  return Planner(random_for(seed, life).next() + txn).plan();
}

Options options_of(std::uint64_t seed, std::uint64_t life) {
  Random random = random_for(seed, life).fork();
  return {.create_if_missing = true,
          .create = {.page_size = kPageSize},
          .group_wait = std::chrono::microseconds(200),
          .async_delay = std::chrono::milliseconds(random.between(0, 3)),
          .background = random.chance(2, 3),
          .replay_time_max = std::chrono::microseconds(random.chance(1, 2) ? 50 : 5000),
          .memory_budget_bytes = (random.chance(1, 2) ? 64 : 256) * std::uint64_t{kPageSize},
          .access = random.chance(1, 3) ? PageAccess::kPrivate : PageAccess::kMapped,
          .log_file_size_min = std::uint64_t{64} << 10U,
          .log_file_size_max = std::uint64_t{128} << 10U,
          .log_direct = random.chance(2, 3)};
}

Result<void> carry_out(const std::vector<Step>& steps, WriteTxn& txn) {
  for (const Step& step : steps) CAISSON_RETURN_IF_ERROR(carry_out(step, txn));
  return {};
}

void carry_out(const std::vector<Step>& steps, Contents& contents) {
  std::vector<Contents> savepoints;
  for (const Step& step : steps) {
    const auto tree = contents.find(step.tree);
    switch (step.kind) {
      case Kind::kPut:
      case Kind::kPutStream:
        contents[step.tree][step.key] = step.value;
        break;
      case Kind::kErase:
        if (tree != contents.end()) tree->second.erase(step.key);
        break;
      case Kind::kEraseRange:
        if (tree == contents.end()) break;
        tree->second.erase(tree->second.lower_bound(step.key), tree->second.lower_bound(step.end));
        break;
      case Kind::kDropTree:
        contents.erase(step.tree);
        break;
      case Kind::kSavepoint:
        savepoints.push_back(contents);
        break;
      case Kind::kUndo:
        contents = savepoints.back();
        savepoints.pop_back();
        break;
      case Kind::kRelease:
        savepoints.pop_back();
        break;
    }
  }
}

std::string difference(const Store& store, const Contents& expected) {
  const auto found = difference_of(store, expected);
  return found ? *found : "it can't be read: " + found.error().to_string();
}

}  // namespace caisson::testing

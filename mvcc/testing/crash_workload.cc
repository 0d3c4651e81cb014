#include "mvcc/testing/crash_workload.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "btree/layout.h"
#include "btree/validator.h"
#include "pager/accounts.h"
#include "pager/meta.h"
#include "pager/open.h"

namespace caisson::mvcc::testing {
namespace {

// A snapshot that is kept, and what it has to show as long as it is.
struct Kept {
  Snapshot snapshot;
  Model model;
};

class Life {
 public:
  Life(EngineStore& store, History& history, Random& random)
      : store_(store), history_(history), random_(random) {}

  // False where the process can't go on, or something is wrong.
  bool step();

  std::string wrong() const { return wrong_; }

 private:
  std::string any_tree() { return "tree" + std::to_string(random_.below(4)); }
  std::string any_key() { return "key" + std::to_string(random_.below(300)); }
  std::string any_value();

  bool change(WriteTxn& txn, Model& model);
  bool change_tree(WriteTxn& txn, Model& model, const std::string& name);
  bool with_savepoint(WriteTxn& txn, Model& model);
  bool large(WriteTxn& txn, Model& model);
  bool transact(Durability durability, bool commits, bool is_large);
  bool keep();
  bool look();
  bool rename();
  bool look_back();
  bool look_elsewhere();
  bool reopen();
  bool claim(bool right, const char* what);

  EngineStore& store_;
  History& history_;
  Random& random_;
  std::vector<Kept> kept_;
  std::unique_ptr<Follower> elsewhere_;  // Another process, which has a snapshot open or not.
  std::optional<Kept> kept_elsewhere_;
  Committed queued_;
  std::string wrong_;
};

bool Life::claim(bool right, const char* what) {
  if (!right && wrong_.empty()) wrong_ = what;
  return right;
}

std::string Life::any_value() {
  const std::size_t size = random_.chance(1, 12) ? random_.below(6000) : random_.below(120);
  return std::string(size, static_cast<char>('a' + random_.below(26)));
}

bool Life::change_tree(WriteTxn& txn, Model& model, const std::string& name) {
  const auto entry = txn.find_tree(bytes_of(name));
  if (!entry) return false;
  if (!claim(entry->has_value() == model.contains(name),
             "a tree is there that should not, or not")) {
    return false;
  }
  if (*entry) {
    model.erase(name);
    return txn.drop_tree((*entry)->id).has_value();
  }
  model[name] = {};
  return txn.create_tree(bytes_of(name)).has_value();
}

bool Life::change(WriteTxn& txn, Model& model) {
  const std::string name = any_tree();
  if (!model.contains(name) || random_.chance(1, 40)) return change_tree(txn, model, name);
  const auto entry = txn.find_tree(bytes_of(name));
  if (!entry) return false;
  if (!claim(entry->has_value(), "a tree is missing")) return false;
  const TreeId tree = (*entry)->id;
  TreeModel& keys = model[name];
  const std::string key = any_key();
  const std::uint64_t kind = random_.below(20);
  if (kind < 13) {
    const std::string value = any_value();
    keys[key] = value;
    return txn.put(tree, bytes_of(key), bytes_of(value)).has_value();
  }
  if (kind < 18) {
    const auto erased = txn.erase(tree, bytes_of(key));
    return erased && claim(*erased == (keys.erase(key) == 1), "erase says otherwise");
  }
  const std::string end = key + "5";
  const auto erased = txn.erase_range(tree, {bytes_of(key), bytes_of(end)});
  const auto first = keys.lower_bound(key);
  const auto last = keys.lower_bound(end);
  const auto count = static_cast<std::uint64_t>(std::distance(first, last));
  keys.erase(first, last);
  return erased && claim(*erased == count, "erase_range says otherwise");
}

bool Life::with_savepoint(WriteTxn& txn, Model& model) {
  const Model before = model;
  const auto number = txn.savepoint();
  if (!number) return false;
  for (std::uint64_t i = random_.below(10); i > 0; --i) {
    if (!change(txn, model)) return false;
  }
  if (random_.chance(1, 4) && !large(txn, model)) return false;
  if (random_.chance(1, 3)) return txn.release(*number).has_value();
  model = before;
  return txn.roll_back_to(*number).has_value();
}

// More than a record of these small logs holds.
bool Life::large(WriteTxn& txn, Model& model) {
  const std::string name = any_tree();
  if (!model.contains(name) && !change_tree(txn, model, name)) return false;
  const auto entry = txn.find_tree(bytes_of(name));
  if (!entry || !*entry) return false;
  for (std::uint64_t i = random_.between(20, 40); i > 0; --i) {
    const std::string key = any_key();
    const std::string value(random_.between(1000, 4000),
                            static_cast<char>('A' + random_.below(26)));
    model[name][key] = value;
    if (!txn.put((*entry)->id, bytes_of(key), bytes_of(value))) return false;
  }
  if (random_.chance(1, 2)) return true;
  const std::string value(random_.between(60'000, 100'000), 'L');
  model[name]["large"] = value;
  return txn.put((*entry)->id, bytes_of("large"), bytes_of(value)).has_value();
}

bool Life::transact(Durability durability, bool commits, bool is_large) {
  auto txn = store_.engine().begin_write();
  if (!txn) return false;
  Model model = history_.states.back();
  for (std::uint64_t i = random_.between(1, 6); i > 0; --i) {
    if (!change(*txn, model)) return false;
  }
  if (random_.chance(1, 6) && !with_savepoint(*txn, model)) return false;
  if (is_large && !large(*txn, model)) return false;
  if (random_.chance(1, 8)) {
    const auto found = read_all(*txn);
    if (!found || !claim(*found == model, "the transaction shows something else")) return false;
  }
  if (!commits) return true;
  const auto committed = txn->commit(durability);
  if (!committed) {
    // Only here it may survive, or not.
    if (committed.error().code() == Code::kDurabilityUnknown) history_.states.push_back(model);
    return false;
  }
  const std::uint64_t number = to_u64(committed->txn);
  if (number + 1 == history_.states.size()) {
    return claim(model == history_.states.back(), "a commit that changed something has no number");
  }
  if (!claim(number == history_.states.size(), "a commit has the wrong number")) return false;
  history_.states.push_back(std::move(model));
  // Queued ones are waited for as well, now and then, when others have come behind them.
  if (durability == Durability::kQueued) queued_ = *committed;
  if (durability == Durability::kSync) history_.acknowledged = number;
  if (durability == Durability::kSync || random_.chance(2, 3)) return true;
  if (!store_.engine().wait_durable(queued_)) return false;
  history_.acknowledged = std::max<std::size_t>(history_.acknowledged, to_u64(queued_.txn));
  return true;
}

// Of a snapshot that is kept, now or from now on.
bool Life::keep() {
  if (kept_.size() < 3 && random_.chance(2, 3)) {
    auto snapshot = store_.engine().snapshot();
    if (!snapshot) return false;
    const std::size_t txn = to_u64(snapshot->txn());
    if (!claim(txn < history_.states.size() && txn >= history_.acknowledged, "a wrong snapshot")) {
      return false;
    }
    kept_.push_back({std::move(*snapshot), history_.states[txn]});
    return true;
  }
  if (kept_.empty()) return true;
  const std::size_t which = random_.below(kept_.size());
  const auto found = read_all(kept_[which].snapshot);
  if (!found) return false;
  if (!claim(*found == kept_[which].model, "a snapshot has changed")) return false;
  if (random_.chance(1, 2)) kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(which));
  return true;
}

bool Life::look() {
  const auto snapshot = store_.engine().snapshot();
  if (!snapshot) return false;
  const std::size_t txn = to_u64(snapshot->txn());
  if (!claim(txn < history_.states.size() && txn >= history_.acknowledged, "a wrong snapshot")) {
    return false;
  }
  const auto found = read_all(*snapshot);
  return found && claim(*found == history_.states[txn], "the newest snapshot is wrong");
}

// Gives a name to the newest state, or takes one away.
bool Life::rename() {
  const std::string name(1, static_cast<char>('a' + random_.below(3)));
  history_.unknown_name = name;
  if (history_.names.contains(name)) {
    if (!store_.engine().release(name)) return false;
    history_.names.erase(name);
  } else {
    const auto txn = store_.engine().retain(name);
    if (!txn) return false;
    if (!claim(to_u64(*txn) < history_.states.size(), "a name is of no state")) return false;
    history_.names[name] = to_u64(*txn);
    // A checkpoint is of what is durable.
    history_.acknowledged = std::max<std::size_t>(history_.acknowledged, to_u64(*txn));
  }
  history_.unknown_name.clear();
  return true;
}

// At a state of the past.
bool Life::look_back() {
  const auto checkpoint = to_u64(store_.engine().pager().checkpointed().txn);
  std::size_t txn = random_.below(history_.states.size());
  auto snapshot = store_.engine().snapshot_as_of(TxnId{txn});
  if (!history_.names.empty() && random_.chance(1, 2)) {
    const auto name = std::next(history_.names.begin(),
                                static_cast<std::ptrdiff_t>(random_.below(history_.names.size())));
    txn = name->second;
    snapshot = store_.engine().snapshot_named(name->first);
    if (!snapshot && !claim(snapshot.error().code() != Code::kNotFound, "a name is lost")) {
      return false;
    }
  }
  if (!snapshot) {
    const Code code = snapshot.error().code();
    const bool is_queued = txn > history_.acknowledged;
    if (code != Code::kNotFound) return code == Code::kResourceExhausted;
    return claim(is_queued || txn < checkpoint, "a commit behind the checkpoint is not found");
  }
  const auto found = read_all(*snapshot);
  if (!found) return false;
  return claim(to_u64(snapshot->txn()) == txn && *found == history_.states[txn],
               "a state of the past is wrong");
}

// In another process, which keeps a snapshot for a while.
bool Life::look_elsewhere() {
  if (!elsewhere_) {
    auto opened = follow(store_);
    if (!opened) return false;
    elsewhere_ = std::move(*opened);
  }
  if (kept_elsewhere_) {
    const auto found = read_all(kept_elsewhere_->snapshot);
    if (!found) return false;
    if (!claim(*found == kept_elsewhere_->model, "a snapshot of another process has changed")) {
      return false;
    }
    if (random_.chance(1, 2)) kept_elsewhere_.reset();
    return true;
  }
  auto snapshot = elsewhere_->snapshot();
  if (!snapshot) return false;
  const std::size_t txn = to_u64(snapshot->txn());
  if (!claim(txn < history_.states.size() && txn >= history_.acknowledged,
             "another process has a wrong snapshot")) {
    return false;
  }
  const auto found = read_all(*snapshot);
  if (!found) return false;
  if (!claim(*found == history_.states[txn], "another process sees something else")) return false;
  if (random_.chance(1, 2)) {
    kept_elsewhere_ = Kept{.snapshot = std::move(*snapshot), .model = history_.states[txn]};
  }
  return true;
}

bool Life::reopen() {
  kept_.clear();
  queued_ = {};  // Tickets are those of one opening.
  const std::size_t last = history_.states.size() - 1;
  if (!store_.close()) return false;
  history_.acknowledged = last;
  if (!store_.open()) return false;
  return claim(to_u64(store_.engine().recovery().recovered) == last, "a close has lost a commit");
}

bool Life::step() {
  const std::uint64_t kind = random_.below(28);
  if (kind == 0) return store_.engine().checkpoint().has_value();
  if (kind == 1) return transact(Durability::kAsync, true, random_.chance(1, 6));
  if (kind == 2) return transact(Durability::kSync, false, random_.chance(1, 2));
  if (kind == 3) return transact(Durability::kSync, true, true);
  if (kind <= 6) return keep();
  if (kind == 7) return look();
  if (kind == 8) return store_.engine().log().mark_idle().has_value();
  if (kind == 9) return reopen();
  if (kind == 24) return rename();
  if (kind == 25) return look_back();
  if (kind >= 26) return look_elsewhere();
  return transact(kind <= 13 ? Durability::kQueued : Durability::kSync, true, false);
}

// The one that was being given or taken may be there or not.
std::string compare_names(EngineStore& store, History& history) {
  const auto retained = store.engine().retained();
  if (!retained) return "can't be read: " + retained.error().to_string();
  std::map<std::string, std::size_t> names;
  for (const RetainedCheckpoint& checkpoint : *retained) {
    for (const std::string& name : checkpoint.names) names[name] = to_u64(checkpoint.txn);
  }
  if (!history.unknown_name.empty()) {
    if (names.contains(history.unknown_name)) {
      history.names[history.unknown_name] = names[history.unknown_name];
    } else {
      history.names.erase(history.unknown_name);
    }
    history.unknown_name.clear();
  }
  return names == history.names ? "" : "other states have names";
}

}  // namespace

std::string compare(EngineStore& store, History& history) {
  const std::size_t recovered = to_u64(store.engine().recovery().recovered);
  if (recovered < history.acknowledged) return "an acknowledged commit is lost";
  if (recovered >= history.states.size()) return "a commit that nobody made";
  const auto snapshot = store.engine().snapshot();
  if (!snapshot) return "no snapshot: " + snapshot.error().to_string();
  if (to_u64(snapshot->txn()) != recovered) return "recovery says another number";
  const auto found = read_all(*snapshot);
  if (!found) return "can't be read: " + found.error().to_string();
  if (*found != history.states[recovered]) return "something else is there";
  history.states.resize(recovered + 1);  // What was queued and lost will never come.
  history.acknowledged = recovered;
  return compare_names(store, history);
}

std::string live(EngineStore& store, History& history, Random& random, int steps) {
  if (!store.open()) return "";
  if (to_u64(store.engine().recovery().recovered) < history.acknowledged) {
    return "an acknowledged commit is lost";
  }
  // Reading all of it may fail where the next fault comes in between.
  if (std::string wrong = compare(store, history); !wrong.empty()) {
    return store.machine().faults_hit() > 0 && wrong.starts_with("can't be read") ? "" : wrong;
  }
  Life life(store, history, random);
  for (int i = 0; i < steps; ++i) {
    if (life.step()) continue;
    if (!life.wrong().empty() || store.machine().faults_hit() > 0) return life.wrong();
    return "a call failed, and there was no fault";
  }
  return "";
}

std::string judge(EngineStore& store, History& history) {
  const auto opened = store.open();
  if (!opened) return "does not open: " + opened.error().to_string();
  return compare(store, history);
}

std::string audit(EngineStore& store) {
  if (auto written = store.engine().checkpoint(); !written) return written.error().to_string();
  auto directory = store.machine().vfs().open_directory(kStorePath);
  if (!directory) return directory.error().to_string();
  auto attempt =
      pager::OpenAttempt::begin(**directory, {.access = pager::PageAccess::kPrivate,
                                              .read_only = true,
                                              .address_space_bytes = std::uint64_t{1} << 28U,
                                              .layout = &btree::tree_layout()});
  if (!attempt) return attempt.error().to_string();
  const auto slot = attempt->newest();
  if (!slot) return slot.error().to_string();
  const pager::Candidate candidate = attempt->candidate(*slot);
  auto pager = pager::open_pager(std::move(*attempt), *slot);
  if (!pager) return pager.error().to_string();
  const auto catalog = load_catalog(**pager, candidate.meta->root);
  if (!catalog) return catalog.error().to_string();
  pager::PageSet pages;
  const btree::Tree tree(**pager, *catalog, btree::TreeKind::kCatalog);
  std::string text;
  for (const Error& finding : btree::validate_tree(tree, {}, pages).findings) {
    text += finding.to_string() + "\n";
  }
  for (const Error& finding : pager::check_accounts(candidate, pages, 10)) {
    text += finding.to_string() + "\n";
  }
  return text;
}

}  // namespace caisson::mvcc::testing

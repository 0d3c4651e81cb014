#include "mvcc/testing/tour.h"

#include <algorithm>
#include <utility>

namespace caisson::mvcc::testing {

// --- What may fail, and what has to be true then ------------------------------------------------

void Tour::claim(bool right, const std::string& what) {
  if (!right && wrong_.empty()) wrong_ = what;
}

// That one; where the disk lies, another process may see one that is lost.
bool Tour::is_a_state(std::size_t txn, const Model& found) const {
  if (txn < history_.states.size() && found == history_.states[txn]) return true;
  return options_.disk_lies && std::ranges::find(ever_, found) != ever_.end();
}

bool Tour::explained(Code code) const {
  return std::ranges::find(options_.codes, code) != options_.codes.end();
}

void Tour::note(const Error& error, const std::string& call) {
  errors_.push_back(call + ": " + error.to_string());
  claim(store_.machine().faults_hit() > 0, errors_.back() + ", and there was no fault");
  const bool is_open = store_.is_open();
  const bool poisoned = is_open && store_.engine().poisoned();
  const Code code = error.code();
  const bool of_poisoned = code == Code::kPoisoned || code == Code::kDurabilityUnknown;
  claim(of_poisoned ? poisoned || !is_open : explained(code),
        errors_.back() + " is not what a failing disk explains");
  if (poisoned) judge_poisoned();
}

bool Tour::noted(const Result<void>& result, const std::string& call) {
  if (!result) note(result.error(), call);
  return result.has_value();
}

// COMMIT-3. Nothing more is written, in any way; all that was published is read; and the next
// opening tells what is there.
void Tour::judge_poisoned() {
  ++poisonings_;
  Engine& engine = store_.engine();
  store_.machine().record_trace(true);
  const auto begun = engine.begin_write();
  claim(!begun && begun.error().code() == Code::kPoisoned, "poisoned, and begins to write");
  const auto written = engine.checkpoint();
  claim(!written && written.error().code() == Code::kPoisoned, "poisoned, and writes checkpoints");
  const auto named = engine.retain("poisoned");
  claim(!named && named.error().code() == Code::kPoisoned, "poisoned, and retains");
  // Where only a checkpoint has failed, the log still takes what was queued.
  if (queued_ && engine.log().poisoned()) {
    const auto waited = engine.wait_durable(*queued_);
    const bool told = to_u64(queued_->txn) <= history_.acknowledged
                          ? waited.has_value()
                          : waited || waited.error().code() == Code::kDurabilityUnknown;
    claim(told, "poisoned, and can't tell what is durable");
  }
  // A disk that fails may refuse pages, too. Once it is whole, all is read.
  for (const bool whole : {false, true}) {
    if (whole) store_.machine().clear_faults();
    const bool may_fail = !whole || options_.disk_lies;
    const auto newest = engine.snapshot();
    claim(newest.has_value(), "poisoned, and shows nothing");
    if (!newest) break;
    const std::size_t txn = to_u64(newest->txn());
    claim(txn >= history_.acknowledged || options_.disk_lies, "poisoned, and shows an old state");
    const auto found = read_all(*newest);
    claim(found ? is_a_state(txn, *found) : may_fail && explained(found.error().code()),
          "poisoned, and does not show what was published");
    if (!kept_) continue;
    const auto kept = read_all(kept_->snapshot);
    claim(kept ? *kept == kept_->model : may_fail && explained(kept.error().code()),
          "poisoned, and a snapshot has changed");
  }
  kept_.reset();
  if (options_.fault && options_.fault->forever) {
    store_.machine().inject({store_.machine().calls(), options_.fault->kind, true});
  }
  const auto closed = engine.close();
  claim(!closed && closed.error().code() == Code::kPoisoned, "poisoned, and is closed well");
  store_.abandon();
  for (const io::sim::TracedCall& call : store_.machine().trace()) {
    // Readers may still be told of commits that were durable before.
    if (call.file.ends_with(kLockFileName)) continue;
    claim(call.call != io::Call::kWrite && call.call != io::Call::kAllocate &&
              call.call != io::Call::kTruncate && call.call != io::Call::kUnlink,
          "poisoned, and writes to " + call.file);
  }
  store_.machine().record_trace(false);
}

// --- From life to life --------------------------------------------------------------------------

void Tour::make() {
  for (int i = 0; i < 2 && !made_; ++i) {
    const auto created = store_.create();
    // The last flush of an attempt may have failed: then all of it is there.
    made_ = created || (i > 0 && created.error().code() == Code::kAlreadyExists);
    if (!made_) note(created.error(), "create");
  }
}

bool Tour::open() {
  if (store_.is_open()) return true;
  if (!made_ || !known_) return false;
  queued_.reset();  // Tickets are those of one opening.
  const auto opened = store_.open();
  if (!noted(opened, "open")) return false;
  if (options_.disk_lies) {
    history_.acknowledged = 0;
    history_.names.clear();
  }
  const std::string wrong = compare(store_, history_);
  if (wrong.empty()) return true;
  if (options_.disk_lies && wrong == "other states have names") return true;
  const bool unread = wrong.starts_with("can't be read") && store_.machine().faults_hit() > 0;
  claim(unread, wrong);
  if (unread) errors_.push_back(wrong);
  known_ = false;
  store_.abandon();
  return false;
}

// The process ends, and says nothing to anybody.
void Tour::end_life() {
  kept_.reset();
  elsewhere_.reset();
  store_.kill();
}

std::string Tour::run() {
  if (options_.fault) store_.machine().inject(*options_.fault);
  make();
  walk();
  kept_.reset();
  elsewhere_.reset();
  store_.abandon();
  claim(store_.machine().open_handles() == 0, "something is open that nobody uses");
  return wrong_;
}

void Tour::walk() {
  const std::vector<std::function<void()>> steps = {
      [this] { put_some(Durability::kSync, "a", 1); },
      [this] { put_some(Durability::kAsync, "a", 2); },
      [this] { put_some(Durability::kQueued, "b", 3); },
      [this] { wait(); },
      [this] { keep(); },
      [this] { look_elsewhere(); },
      [this] { put_long_values(); },
      [this] { checkpoint(); },
      [this] { put_more_than_a_record(); },
      [this] { retain(); },
      [this] { put_some(Durability::kQueued, "b", 4); },
      [this] { put_some(Durability::kSync, "c", 5); },
      [this] { look_elsewhere(); },
      [this] { look_back(); },
      [this] { checkpoint(); },
      [this] { drop_and_erase(); },
      [this] { look_at_kept(); },
      [this] { release(); },
      [this] { noted(store_.engine().log().mark_idle(), "mark_idle"); },
      [this] { put_some(Durability::kAsync, "a", 6); },
      [this] { close(); },
      [this] { put_some(Durability::kSync, "b", 7); },
      [this] { look_elsewhere(); },
      [this] { put_some(Durability::kQueued, "b", 8); },
      [this] { end_life(); },
      [this] { look(store_.engine().snapshot(), "the newest state"); },
      [this] { put_some(Durability::kSync, "a", 9); },
      [this] { close(); },
  };
  for (const auto& step : steps) {
    if (!open() && !open()) return;
    step();
    if (!wrong_.empty()) return;
  }
}

// --- The steps ----------------------------------------------------------------------------------

void Tour::transact(Durability durability, const Change& change) {
  auto txn = store_.engine().begin_write();
  if (!txn) return note(txn.error(), "begin_write");
  Model model = history_.states.back();
  if (const auto changed = change(*txn, model); !changed) {
    txn->roll_back();
    return note(changed.error(), "change");
  }
  ever_.push_back(model);
  const auto committed = txn->commit(durability);
  if (!committed) {
    if (committed.error().code() == Code::kDurabilityUnknown) history_.states.push_back(model);
    return note(committed.error(), "commit");
  }
  const std::size_t number = to_u64(committed->txn);
  claim(number == history_.states.size(), "a commit has the wrong number");
  history_.states.push_back(std::move(model));
  if (durability == Durability::kQueued) queued_ = *committed;
  if (durability == Durability::kSync) history_.acknowledged = number;
}

namespace {

Result<void> put_in(WriteTxn& txn, Model& model, const std::string& tree, const std::string& key,
                    std::string value) {
  CAISSON_ASSIGN_OR_RETURN(const auto entry, txn.find_tree(bytes_of(tree)));
  TreeId id{};
  if (entry) {
    id = entry->id;
  } else {
    CAISSON_ASSIGN_OR_RETURN(id, txn.create_tree(bytes_of(tree)));
  }
  CAISSON_RETURN_IF_ERROR(txn.put(id, bytes_of(key), bytes_of(value)));
  model[tree][key] = std::move(value);
  return {};
}

}  // namespace

void Tour::put_some(Durability durability, const std::string& tree, int round) {
  transact(durability, [&](WriteTxn& txn, Model& model) -> Result<void> {
    for (int i = 0; i < 12; ++i) {
      const std::string key = "key" + std::to_string(i * round % 25);
      std::string value(100 + 60 * static_cast<std::size_t>(i), static_cast<char>('a' + round));
      CAISSON_RETURN_IF_ERROR(put_in(txn, model, tree, key, std::move(value)));
    }
    return {};
  });
}

void Tour::put_long_values() {
  transact(Durability::kSync, [](WriteTxn& txn, Model& model) -> Result<void> {
    CAISSON_RETURN_IF_ERROR(put_in(txn, model, "a", "long", std::string(20'000, 'l')));
    CAISSON_ASSIGN_OR_RETURN(const auto entry, txn.find_tree(bytes_of("a")));
    const std::string piece(6000, 'p');
    CAISSON_ASSIGN_OR_RETURN(LongValue value,
                             txn.put_long(entry->id, bytes_of("pieces"), 2 * piece.size()));
    CAISSON_RETURN_IF_ERROR(value.append(bytes_of(piece)));
    CAISSON_RETURN_IF_ERROR(value.append(bytes_of(piece)));
    CAISSON_RETURN_IF_ERROR(value.finish());
    model["a"]["pieces"] = piece + piece;
    return {};
  });
}

// In parts, of which some are taken back; and into the next file of the log.
void Tour::put_more_than_a_record() {
  transact(Durability::kSync, [](WriteTxn& txn, Model& model) -> Result<void> {
    const std::string value(3000, 'v');
    for (int i = 0; i < 12; ++i) {
      CAISSON_RETURN_IF_ERROR(put_in(txn, model, "c", "large" + std::to_string(i), value));
    }
    const Model before = model;
    CAISSON_ASSIGN_OR_RETURN(const std::size_t savepoint, txn.savepoint());
    for (int i = 0; i < 12; ++i) {
      CAISSON_RETURN_IF_ERROR(put_in(txn, model, "c", "none" + std::to_string(i), value));
    }
    CAISSON_RETURN_IF_ERROR(txn.roll_back_to(savepoint));
    model = before;
    return put_in(txn, model, "c", "last", value);
  });
}

void Tour::drop_and_erase() {
  transact(Durability::kSync, [](WriteTxn& txn, Model& model) -> Result<void> {
    CAISSON_ASSIGN_OR_RETURN(const auto dropped, txn.find_tree(bytes_of("b")));
    if (dropped) CAISSON_RETURN_IF_ERROR(txn.drop_tree(dropped->id));
    model.erase("b");
    CAISSON_RETURN_IF_ERROR(put_in(txn, model, "a", "one more", "1"));
    CAISSON_ASSIGN_OR_RETURN(const auto entry, txn.find_tree(bytes_of("a")));
    CAISSON_RETURN_IF_ERROR(txn.erase(entry->id, bytes_of("long")));
    CAISSON_RETURN_IF_ERROR(txn.erase_range(entry->id, {bytes_of("key1"), bytes_of("key2")}));
    TreeModel& keys = model["a"];
    keys.erase("long");
    keys.erase(keys.lower_bound("key1"), keys.lower_bound("key2"));
    return {};
  });
}

void Tour::wait() {
  if (!queued_) return;
  if (!noted(store_.engine().wait_durable(*queued_), "wait_durable")) return;
  history_.acknowledged = std::max<std::size_t>(history_.acknowledged, to_u64(queued_->txn));
}

// A checkpoint is of what is durable.
void Tour::checkpoint() {
  if (!noted(store_.engine().checkpoint(), "checkpoint")) return;
  const std::size_t txn = to_u64(store_.engine().pager().checkpointed().txn);
  history_.acknowledged = std::max(history_.acknowledged, txn);
}

void Tour::retain() {
  history_.unknown_name = "name";
  const auto txn = store_.engine().retain("name");
  if (!txn) return note(txn.error(), "retain");
  history_.names["name"] = to_u64(*txn);
  history_.unknown_name.clear();
  history_.acknowledged = std::max<std::size_t>(history_.acknowledged, to_u64(*txn));
}

void Tour::release() {
  const bool there = history_.names.contains("name") && history_.unknown_name.empty();
  history_.unknown_name = "name";
  const auto released = store_.engine().release("name");
  if (!released && (released.error().code() != Code::kNotFound || there)) {
    return note(released.error(), "release");
  }
  history_.names.erase("name");
  history_.unknown_name.clear();
}

void Tour::keep() {
  auto snapshot = store_.engine().snapshot();
  if (!snapshot) return note(snapshot.error(), "snapshot");
  const std::size_t txn = to_u64(snapshot->txn());
  if (txn >= history_.states.size()) return claim(false, "a state that nobody made");
  kept_ = Kept{.snapshot = *std::move(snapshot), .model = history_.states[txn]};
}

void Tour::look(Result<Snapshot> snapshot, const std::string& whose) {
  if (!snapshot) return note(snapshot.error(), whose);
  const std::size_t txn = to_u64(snapshot->txn());
  const auto found = read_all(*snapshot);
  snapshot = fail(Code::kNotFound, "it has ended");
  if (!found) return note(found.error(), whose);
  claim(is_a_state(txn, *found), whose + " is wrong");
}

void Tour::look_at_kept() {
  if (!kept_) return;
  const auto found = read_all(kept_->snapshot);
  if (!found) return note(found.error(), "a snapshot");
  claim(*found == kept_->model, "a snapshot has changed");
  kept_.reset();
}

void Tour::look_back() {
  if (!history_.names.empty() && history_.unknown_name.empty()) {
    look(store_.engine().snapshot_named("name"), "what has a name");
    if (!store_.is_open()) return;
  }
  const std::uint64_t before = to_u64(store_.engine().pager().checkpointed().txn);
  look(store_.engine().snapshot_as_of(TxnId{before}), "a state of the past");
}

// Where the writer could not say what is durable, others learn of it later.
void Tour::look_elsewhere() {
  if (!elsewhere_) {
    auto opened = follow(store_);
    if (!opened && opened.error().code() == Code::kBusy) return;
    if (!opened) return note(opened.error(), "another process");
    elsewhere_ = *std::move(opened);
  }
  const auto snapshot = elsewhere_->snapshot();
  if (snapshot && store_.machine().faults_hit() == 0) {
    claim(to_u64(snapshot->txn()) >= history_.acknowledged, "another process sees an old state");
  }
  look(elsewhere_->snapshot(), "another process");
}

void Tour::close() {
  kept_.reset();
  elsewhere_.reset();
  const auto closed = store_.engine().close();
  if (closed) history_.acknowledged = history_.states.size() - 1;
  store_.abandon();
  noted(closed, "close");
}

}  // namespace caisson::mvcc::testing

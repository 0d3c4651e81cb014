#include "pager/testing/crash_workload.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "pager/open.h"
#include "pager/page_txn.h"
#include "pager/testing/audit.h"
#include "pager/testing/harness.h"

namespace caisson::pager::testing {
namespace {

constexpr std::uint32_t kIndexCount = 24;

std::string show(const ArrayModel& model) {
  std::string text = "{";
  for (const auto& [index, value] : model) {
    text += " " + std::to_string(index) + ":" + std::to_string(value);
  }
  return text + " }";
}

// What the store was found to hold becomes all that it may hold from here on (a state that was
// seen never goes away again).
std::optional<std::string> observe(History& history, std::uint64_t txn) {
  if (!history.possible.contains(txn)) {
    std::string text = "opened at txn " + std::to_string(txn) + ", but possible are";
    for (const std::uint64_t possible : history.possible) text += " " + std::to_string(possible);
    return text;
  }
  history.possible = {txn};
  history.states.erase(history.states.upper_bound(txn), history.states.end());
  return std::nullopt;
}

// A reader of an older state, which must not change while its pin holds: neither what its root
// reaches nor the bytes that it was given when it registered.
struct OldReader {
  std::uint64_t epoch = 0;
  TxnId txn{};
  PageRef root;
  ArrayModel model;
  std::vector<std::pair<const std::byte*, std::vector<std::byte>>> held;
};

class Life {
 public:
  Life(io::sim::Machine& machine, History& history, const LifeOptions& options)
      : machine_(machine), history_(history), options_(options), random_(options.seed) {}

  std::optional<std::string> run() {
    open();
    for (int round = 0; round < options_.rounds && going(); ++round) {
      transact();
      if (going() && random_.chance(1, 4)) spill();
      if (going() && random_.chance(1, 2)) checkpoint();
      if (going()) look_back();
      if (going()) reclaim();
    }
    return violation_;
  }

 private:
  bool going() const { return !ended_ && !violation_; }

  // Judges an error: the end of this life, or a violation.
  void failed(const std::string& what, const Error& error) {
    ended_ = true;
    const bool allowed = machine_.down() ||
                         (options_.faults_expected && error.code() != Code::kCorruption) ||
                         (options_.damage_expected && error.code() == Code::kCorruption);
    if (!allowed) violation_ = what + ": " + error.to_string();
  }

  // A full disk, where faults are part of the game: no reason to end a life.
  bool lacks_space(const Error& error) const {
    return options_.faults_expected && error.code() == Code::kOutOfSpace;
  }

  void open() {
    io::Vfs& vfs = machine_.vfs();
    if (!history_.created) {
      if (auto made = vfs.create_directory(kStorePath);
          !made && made.error().code() != Code::kAlreadyExists) {
        return failed("create the directory", made.error());
      }
      // It may exist in the cache only.
      auto root = vfs.open_directory("/");
      if (!root) return failed("open the root", root.error());
      if (auto synced = (*root)->sync(); !synced) return failed("flush the root", synced.error());
    }
    auto directory = vfs.open_directory(kStorePath);
    if (!directory) return failed("open the directory", directory.error());
    directory_ = std::move(*directory);
    if (!history_.created && !create()) return;
    if (auto opened = open_at_a_checkpoint(); !opened) return failed("open", opened.error());
    const Meta meta = pager_->checkpointed();
    txn_ = to_u64(meta.txn);
    history_.created = true;
    if (violation_) return;
    array_.emplace(*pager_, meta.root);
    model_ = history_.states[txn_];
    compare(*array_, model_, "after opening");
  }

  // The newest checkpoint as a rule, and now and then the older one, as if the log wanted it: the
  // newer one is given up then, but only the first change makes that final (CKPT-7).
  Result<void> open_at_a_checkpoint() {
    PagerOptions options = small_options(options_.access, 96 * 4096);
    options.readers = [this](std::vector<RegisteredReader>& readers) {
      // Other reads hold nothing.
      if (old_) readers.push_back({.epoch = old_->epoch, .txn = old_->txn});
    };
    CAISSON_ASSIGN_OR_RETURN(OpenAttempt attempt, OpenAttempt::begin(*directory_, options));
    CAISSON_ASSIGN_OR_RETURN(MetaSlot slot, attempt.newest());
    if (!options_.damage_expected) {
      violation_ = observe(history_, to_u64(attempt.candidate(slot).meta->txn));
      const Candidate& older = attempt.candidate(other(slot));
      if (options_.rounds > 0 && older.offered() && random_.chance(1, 4)) {
        history_.possible.insert(to_u64(older.meta->txn));
        slot = other(slot);
      }
    }
    CAISSON_ASSIGN_OR_RETURN(pager_, open_pager(std::move(attempt), slot));
    return {};
  }

  bool create() {
    CreateOptions create;
    create.page_size = options_.page_size;
    const auto created = create_page_file(machine_.vfs(), *directory_, create);
    // A file that exists although no creation was acknowledged is whole all the same.
    if (!created && created.error().code() != Code::kAlreadyExists) {
      failed("create", created.error());
      return false;
    }
    history_.created = created.has_value();
    return true;
  }

  void compare(const PageArray& array, const ArrayModel& expected, const std::string& when) {
    const auto contents = array.read_all();
    if (!contents) return failed("read " + when, contents.error());
    if (*contents != expected) {
      violation_ = "wrong contents " + when + ": " + show(*contents) + " for " + show(expected);
    }
  }

  void transact() {
    auto txn = PageTxn::begin(*pager_, TxnId{txn_ + 1});
    if (!txn) return failed("begin", txn.error());
    if (!options_.damage_expected && txn_ == to_u64(pager_->checkpointed().txn)) {
      // Whatever checkpoint there may have been behind this one is gone.
      violation_ = observe(history_, txn_);
    }
    PageArray array = *array_;
    ArrayModel model = model_;
    const std::uint64_t changes = random_.between(1, 6);
    for (std::uint64_t i = 0; i < changes; ++i) {
      const auto index = static_cast<std::uint32_t>(random_.below(kIndexCount));
      const std::uint64_t value = random_.chance(1, 4) ? 0 : random_.between(1, 1'000'000);
      if (auto set = array.set(*txn, index, value); !set) {
        if (lacks_space(set.error())) return;  // The transaction rolls back, and life goes on.
        return failed("set", set.error());
      }
      if (value == 0) {
        model.erase(index);
      } else {
        model[index] = value;
      }
    }
    if (random_.chance(1, 4)) {  // Pages of the open transaction are among what is spilled.
      spill();
      if (!going()) return;
    }
    if (random_.chance(1, 4)) {  // Of the state before this transaction, while it is open.
      checkpoint();
      if (!going()) return;
    }
    if (random_.chance(1, 6)) {
      txn->roll_back();
      return;
    }
    txn->seal();
    if (random_.chance(1, 3) && !old_) register_reader();
    if (!going()) return;
    array_ = array;
    model_ = std::move(model);
    ++txn_;
  }

  void spill() {
    const auto spilled = pager_->spill();
    if (!spilled && !lacks_space(spilled.error())) failed("spill", spilled.error());
  }

  void checkpoint() {
    history_.states[txn_] = model_;
    const bool was_possible = history_.possible.contains(txn_);
    history_.possible.insert(txn_);
    CheckpointRequest request;
    request.txn = TxnId{txn_};
    request.root = array_->root().id;
    auto result = pager_->checkpoint(request);
    if (result) {
      history_.possible = {txn_};
      array_.emplace(*pager_, result->meta.root);
      return;
    }
    if (result.error().code() == Code::kOutOfSpace) {
      // CKPT-4: nothing changed, so the store can't open there.
      if (!was_possible) history_.possible.erase(txn_);
      if (pager_->poisoned()) violation_ = "lack of space poisoned the handle";
      if (lacks_space(result.error())) return;  // Nothing changed, so life goes on.
    } else if (!machine_.down() && !pager_->poisoned() && !was_possible) {
      violation_ = "a checkpoint failed and did not poison: " + result.error().to_string();
    }
    failed("checkpoint", result.error());
  }

  // Holds the root and the leaves of the state before the transaction just sealed.
  void register_reader() {
    old_ = OldReader{pager_->epoch(), TxnId{txn_}, array_->root(), model_, {}};
    if (old_->root.id == PageId{} || !hold(old_->root)) return;
    const std::byte* root = old_->held.front().first;
    for (std::uint32_t i = 0; i < kIndexCount && going(); ++i) {
      if (const PageRef leaf = array_entry(root, i); leaf.id != PageId{}) hold(leaf);
    }
  }

  bool hold(const PageRef& ref) {
    const auto page = pager_->read(ref);
    if (!page) {
      failed("read for a reader", page.error());
      return false;
    }
    old_->held.emplace_back(*page, std::vector<std::byte>(*page, *page + pager_->page_size()));
    return true;
  }

  void look_back() {
    if (!old_ || !random_.chance(1, 2)) return;
    for (const auto& [page, bytes] : old_->held) {
      if (!std::equal(bytes.begin(), bytes.end(), page)) {
        violation_ = "bytes changed under a registered reader";
      }
    }
    compare(PageArray(*pager_, old_->root), old_->model, "of an older root");
    old_.reset();
  }

  void reclaim() {
    std::vector<TxnId> pins = {TxnId{txn_}};
    if (old_) pins.insert(pins.begin(), old_->txn);
    pager_->reclaim(pins);
  }

  io::sim::Machine& machine_;
  History& history_;
  const LifeOptions options_;
  Random random_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<Pager> pager_;
  std::optional<PageArray> array_;
  std::uint64_t txn_ = 0;
  ArrayModel model_;
  std::optional<OldReader> old_;
  bool ended_ = false;
  std::optional<std::string> violation_;
};

}  // namespace

std::optional<std::string> live(io::sim::Machine& machine, History& history,
                                const LifeOptions& options) {
  return Life(machine, history, options).run();
}

std::optional<std::string> verify(io::sim::Machine& machine, History& history) {
  auto directory = machine.vfs().open_directory(kStorePath);
  if (!directory) {
    if (!history.created) return std::nullopt;
    return "the store's directory is gone: " + directory.error().to_string();
  }
  if (!history.created) {
    if (machine.image(kPagesPath) == nullptr) return std::nullopt;
  }
  LifeOptions options;
  options.rounds = 0;
  History seen = history;
  seen.created = true;
  const std::vector<std::byte> before = page_file_bytes(machine);
  if (auto violation = live(machine, seen, options)) return violation;
  if (page_file_bytes(machine) != before) return "OPEN-2: opening changed the file";
  const Audit found = audit(**directory);
  if (!found.problem.empty()) return "audit: " + found.problem;
  for (const AuditedCheckpoint& checkpoint : found.checkpoints) {
    if (!checkpoint.offered) continue;
    // Not of `seen`: the audit believes the cache, which may show what a failed flush dropped.
    const auto state = history.states.find(checkpoint.txn);
    if (state == history.states.end() || checkpoint.contents != state->second) {
      return "the checkpoint of txn " + std::to_string(checkpoint.txn) +
             " holds what it never should: " + show(checkpoint.contents);
    }
  }
  history.states = seen.states;
  history.possible = seen.possible;
  return std::nullopt;
}

}  // namespace caisson::pager::testing

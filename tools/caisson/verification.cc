#include "tools/caisson/verification.h"

#include <algorithm>
#include <memory>
#include <stop_token>
#include <utility>

#include "io/posix.h"
#include "mvcc/durable_end.h"
#include "mvcc/lock_file.h"
#include "mvcc/open_files.h"
#include "mvcc/position.h"
#include "mvcc/state_hash.h"
#include "mvcc/view.h"
#include "pager/accounts.h"
#include "pager/open.h"
#include "tools/caisson/lone_reader.h"

namespace caisson::tools {
namespace {

using pager::Candidate;
using pager::MetaSlot;

constexpr MetaSlot kSlots[] = {MetaSlot::kA, MetaSlot::kB};

// Of pages that are lost or listed wrongly, as many runs are counted.
constexpr std::size_t kAccountsMax = 10'000;

// How often a store that is written under our eyes is opened again.
constexpr int kTries = 8;

// Hashes a state, and says how much of it has been read.
class WatchedHash final : public mvcc::StateVisitor {
 public:
  explicit WatchedHash(std::function<void(std::uint64_t)> read) : read_(std::move(read)) {}

  Result<void> begin(mvcc::TreeId next_tree) override { return hasher_.begin(next_tree); }
  Result<void> begin_tree(const mvcc::TreeEntry& tree) override { return hasher_.begin_tree(tree); }
  Result<void> entry(Bytes key, Bytes value) override {
    read_(key.size() + value.size());
    return hasher_.entry(key, value);
  }
  Result<void> begin_value(Bytes key, std::uint64_t size) override {
    return hasher_.begin_value(key, size);
  }
  Result<void> piece(Bytes piece) override {
    read_(piece.size());
    return hasher_.piece(piece);
  }

  Hash128 finish() const { return hasher_.finish(); }

 private:
  std::function<void(std::uint64_t)> read_;
  mvcc::StateHasher hasher_;
};

class Verifier {
 public:
  explicit Verifier(const VerifyOptions& options) : options_(options) {}

  Result<Verification> run() {
    CAISSON_ASSIGN_OR_RETURN(directory_,
                             mvcc::open_store_directory(io::posix_vfs(), options_.store));
    CAISSON_RETURN_IF_ERROR(mvcc::check_has_store(*directory_));
    CAISSON_ASSIGN_OR_RETURN(lock_, mvcc::ReaderLock::take(*directory_));
    CAISSON_RETURN_IF_ERROR(open());
    if (!slot_) return std::move(found_);  // Why is among the findings.
    auto log = OpenLog::open(options_.store);
    if (log) log->keep_from(log->places().front().file());
    CAISSON_RETURN_IF_ERROR(check_pages());
    CAISSON_RETURN_IF_ERROR(log ? check_log(*log) : add_if_damage(log.error()));
    CAISSON_RETURN_IF_ERROR(check_positions());
    CAISSON_RETURN_IF_ERROR(check_replay());
    return std::move(found_);
  }

 private:
  void add(const Error& error) {
    ++found_.findings_total;
    if (found_.findings.size() < options_.findings_max) found_.findings.push_back(error);
  }

  // What is damage is found; the rest keeps from looking.
  Result<void> add_if_damage(const Error& error) {
    if (error.code() != Code::kCorruption) return fail(error);
    add(error);
    return {};
  }

  // Counts what was read.
  void read(std::uint64_t bytes) {
    read_ += bytes;
    if (!options_.reading(read_)) stop_.request_stop();
  }

  Result<void> check_stopped() const {
    if (!stop_.stop_requested()) return {};
    return fail(Code::kStopped, "the store was not read to its end");
  }

  // --- Opening -----------------------------------------------------------------------------------

  // As View: the metas are read again until no writer has come in between, who may not have seen
  // the lock. From then on what was opened stays.
  Result<void> open() {
    for (int i = 0; i < kTries; ++i) {
      CAISSON_RETURN_IF_ERROR(lock_->say_nothing());
      attempt_.reset();
      CAISSON_ASSIGN_OR_RETURN(attempt_, pager::OpenAttempt::begin(*directory_, reader_.options()));
      const auto slot = attempt_->newest();
      if (!slot) break;
      slot_ = *slot;
      const Uuid uuid = attempt_->candidate(*slot).meta->uuid;
      CAISSON_ASSIGN_OR_RETURN(const bool recovered, mvcc::is_being_recovered(*lock_, uuid));
      open_views();
      CAISSON_ASSIGN_OR_RETURN(const bool still_so, attempt_->still_so());
      if (still_so && !recovered) {
        (void)lock_->say(
            uuid, {.txn = attempt_->candidate(*slot).meta->txn, .log_file = mvcc::kNoLogFile});
        break;
      }
      if (i + 1 == kTries) return fail(mvcc::being_recovered());
      io::posix_vfs().clock().sleep(mvcc::kRecoveryPause);
    }
    for (const MetaSlot slot : kSlots) {
      const auto& reason = attempt_->candidate(slot).reason;
      if (!reason) continue;
      reasons_[static_cast<std::size_t>(slot)] = reason;
      CAISSON_RETURN_IF_ERROR(slot_ ? add_if_damage(*reason) : Result<void>());
      if (!slot_) add(*reason);
    }
    return {};
  }

  // Of the newest checkpoint and the one before, for comparing what they hold, before a writer goes
  // on.
  void open_views() {
    newest_view_.reset();
    base_view_.reset();
    base_damage_.reset();
    std::string& left_out = found_.replay.left_out;
    const TxnId newest = attempt_->candidate(*slot_).meta->txn;
    left_out = "it was not asked for";
    if (!options_.replay) return;
    left_out = "the checkpoint holds no commits";
    if (newest == TxnId{}) return;
    left_out = "there is no checkpoint of an earlier commit to begin with";
    auto base = open_view(TxnId{to_u64(newest) - 1});
    if (!base && base.error().code() == Code::kCorruption) base_damage_ = base.error();
    if (!base) return;
    left_out = "the checkpoint can't be opened";  // Why, the checks of pages and the log will find.
    auto view = open_view(newest);
    if (!view) return;
    left_out = "";
    newest_view_ = std::move(*view);
    base_view_ = std::move(*base);
  }

  // The last checkpoint at or before a commit.
  Result<std::unique_ptr<mvcc::View>> open_view(TxnId txn) const {
    mvcc::EngineOptions options;
    options.memory_budget_bytes = options_.memory_bytes;
    return mvcc::View::open_base(io::posix_vfs(), *directory_, options, txn);
  }

  // --- Pages -------------------------------------------------------------------------------------

  Result<void> check_pages() {
    const Candidate candidate = attempt_->candidate(*slot_);
    found_.meta = candidate.meta;
    CAISSON_ASSIGN_OR_RETURN(const auto pager, pager::open_pager(std::move(*attempt_), *slot_));
    CAISSON_RETURN_IF_ERROR(scrub(*pager, candidate));
    return walk(*pager, candidate);
  }

  Result<void> scrub(pager::Pager& pager, const Candidate& candidate) {
    pager::ScrubOptions options;
    options.findings_max = options_.findings_max;
    options.stop = stop_.get_token();
    options.progress = [this](std::uint64_t bytes) { read(bytes); };
    CAISSON_ASSIGN_OR_RETURN(found_.scrub, pager::scrub(pager, options));
    CAISSON_RETURN_IF_ERROR(check_stopped());
    const pager::PageSet lists = pages_of_lists(candidate);
    const bool superseded = is_superseded(*candidate.meta);
    std::uint64_t damage = 0;
    for (const pager::ScrubFinding& finding : found_.scrub.findings) {
      if (finding.severity != pager::ScrubSeverity::kDamage) continue;
      ++damage;
      const auto page = finding.error.page();
      const bool given_up = superseded && page && lists.contains(PageId{*page});
      if (!given_up && !is_told(finding.error)) add(finding.error);
    }
    found_.findings_total += found_.scrub.damage_total - damage;
    return {};
  }

  // Those in which a checkpoint lists unused pages. They are its own only for as long as a meta
  // names it, whoever reads it, and were checked when it was opened.
  static pager::PageSet pages_of_lists(const Candidate& candidate) {
    pager::PageSet pages;
    for (const PageId id : candidate.blob_pages) pages.insert(id);
    for (const pager::PageRun& run : candidate.allocation.earlier_blob) pages.insert(run);
    return pages;
  }

  // Whether a writer has made a newer checkpoint.
  bool is_superseded(const pager::Meta& meta) {
    const auto now = pager::OpenAttempt::begin(*directory_, reader_.options());
    if (!now) return true;  // It is at that now.
    return std::ranges::any_of(kSlots, [&](MetaSlot slot) {
      const auto& seen = now->candidate(slot).meta;
      return seen && seen->sequence > meta.sequence;
    });
  }

  // Whether it is about a meta that was found broken at the opening already.
  bool is_told(const Error& error) const {
    return std::ranges::any_of(kSlots, [&](MetaSlot slot) {
      const std::uint64_t begin = pager::meta_offset(slot);
      return error.rule().starts_with("META") && reasons_[static_cast<std::size_t>(slot)] &&
             error.offset() >= begin && error.offset() < begin + pager::kMetaSize;
    });
  }

  Result<void> walk(pager::Pager& pager, const Candidate& candidate) {
    pager::PageSet pages;
    const pager::PageRef& root = candidate.meta->root;
    const auto kind = root.id == PageId{} ? btree::TreeKind::kPlain : btree::TreeKind::kCatalog;
    const btree::Tree tree(pager, {root, 0}, kind);
    found_.tree = btree::validate_tree(tree,
                                       {.findings_max = options_.findings_max,
                                        .values = true,
                                        .count = false,
                                        .renew =
                                            [&] {
                                              reader_.renew(pager);
                                              read(pager.page_size());
                                            },
                                        .stop = stop_.get_token()},
                                       pages);
    CAISSON_RETURN_IF_ERROR(check_stopped());
    for (const Error& finding : found_.tree.findings) add(finding);
    found_.findings_total += found_.tree.findings_total - found_.tree.findings.size();
    // What lies below a damaged page would look lost.
    if (found_.tree.findings_total > 0) return {};
    const std::size_t most = std::max(options_.findings_max, kAccountsMax);
    for (const Error& finding : pager::check_accounts(candidate, pages, most)) add(finding);
    if (root.id == PageId{}) return {};
    const auto header = mvcc::read_header(tree);
    if (!header) return add_if_damage(header.error());
    if (header->entries() > found_.tree.entries) {
      add(Error(Code::kCorruption, "the catalog is said to have more entries than there are")
              .at_page(to_u64(root.id))
              .with_rule("CATALOG-1"));
      return {};
    }
    found_.trees = header->trees;
    found_.keys = found_.tree.entries - header->entries();
    return {};
  }

  // --- The log -----------------------------------------------------------------------------------

  Result<void> check_log(OpenLog& log) {
    const std::uint64_t before = read_;
    auto report = check_chain(log, log.places().front(), [&](std::uint64_t bytes) {
      read(before + bytes - read_);
      return !stop_.stop_requested();
    });
    if (!report) return fail(std::move(report).error());
    for (const Error& finding : report->findings) add(finding);
    found_.log = std::move(*report);
    return {};
  }

  Result<void> check_positions() {
    const mvcc::PositionFiles files(*directory_, found_.meta->uuid);
    const auto positions = files.list();
    if (!positions) return add_if_damage(positions.error());
    for (const auto& position : *positions) {
      if (position) {
        ++found_.positions;
      } else {
        add(position.error());
      }
    }
    return {};
  }

  // --- Replaying ---------------------------------------------------------------------------------

  Result<void> check_replay() {
    ReplayReport& replay = found_.replay;
    if (base_damage_ && found_.findings_total == 0) add(*base_damage_);
    if (!replay.left_out.empty()) return {};
    if (found_.findings_total > 0) {
      replay.left_out = "damage was found before";
      return {};
    }
    replay.from = base_view_->base();
    replay.to = newest_view_->base();
    const auto followed = base_view_->follow(replay.to);
    if (!followed && followed.error().code() == Code::kResourceExhausted) {
      replay.left_out = "the log needs more memory than --memory allows";
      return {};
    }
    if (!followed) return add_if_damage(followed.error());
    CAISSON_ASSIGN_OR_RETURN(replay.state_hash, hash_of(*newest_view_));
    CAISSON_ASSIGN_OR_RETURN(replay.replayed, hash_of(*base_view_));
    if (replay.state_hash == replay.replayed) return {};
    add(Error(Code::kCorruption, "the log does not lead from commit " +
                                     std::to_string(to_u64(replay.from)) + " to the state that " +
                                     "the checkpoint of commit " +
                                     std::to_string(to_u64(replay.to)) + " holds")
            .with_rule("APPLY-2"));
    return {};
  }

  // None where it is damaged, which is added.
  Result<std::optional<Hash128>> hash_of(mvcc::View& view) {
    CAISSON_ASSIGN_OR_RETURN(const mvcc::Snapshot snapshot, view.states().snapshot());
    WatchedHash hash([this](std::uint64_t bytes) { read(bytes); });
    const auto walked = mvcc::walk_state(snapshot, hash, stop_.get_token());
    if (walked) return std::optional(hash.finish());
    CAISSON_RETURN_IF_ERROR(add_if_damage(walked.error()));
    return std::optional<Hash128>();
  }

  const VerifyOptions& options_;
  std::stop_source stop_;
  std::uint64_t read_ = 0;
  LoneReader reader_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<mvcc::ReaderLock> lock_;
  std::optional<pager::OpenAttempt> attempt_;
  std::optional<MetaSlot> slot_;
  std::optional<Error> reasons_[2];
  std::unique_ptr<mvcc::View> newest_view_;
  std::unique_ptr<mvcc::View> base_view_;
  std::optional<Error> base_damage_;  // Why there is none.
  Verification found_;
};

}  // namespace

Result<Verification> verify(const VerifyOptions& options) { return Verifier(options).run(); }

}  // namespace caisson::tools

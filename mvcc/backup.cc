#include "mvcc/backup.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/codec.h"
#include "base/hex.h"
#include "log/operations.h"
#include "mvcc/commit_loader.h"
#include "mvcc/engine.h"
#include "mvcc/state_hash.h"
#include "mvcc/store_loader.h"

namespace caisson::mvcc {
namespace {

// All checkpoints of a copy that is kept up to date, with the log between them. There is one where
// what has changed behind the last would take so much memory, or such a part of the budget, to be
// applied to that: so that each commit between can be gone back to (COPY-3). Time is no reason.
constexpr std::uint64_t kKeptCheckpoints = std::uint64_t{1} << 32U;
constexpr std::uint64_t kNoCheckpoints = std::uint64_t{1} << 62U;
constexpr std::uint64_t kChangedBytesMax = std::uint64_t{16} << 20U;
constexpr std::uint64_t kChangedPart = 4;

Result<void> check_not_stopped(const CopyOptions& options) {
  if (!options.stop.stop_requested()) return {};
  return fail(Code::kStopped, "it was asked to stop");
}

std::unexpected<Error> other_state(TxnId txn) {
  return fail(broken_archive("ARCHIVE-6", "the state behind commit " + std::to_string(to_u64(txn)) +
                                              " is not the one that was written"));
}

Result<std::uint64_t> draw_number(io::Vfs& vfs) {
  std::array<std::byte, sizeof(std::uint64_t)> bytes{};
  while (all_zero(bytes)) CAISSON_RETURN_IF_ERROR(vfs.random(bytes));
  return load_u64(bytes.data());
}

// A state that nobody keeps.
class Nowhere final : public StateVisitor {
 public:
  Result<void> begin(TreeId /*next_tree*/) override { return {}; }
  Result<void> begin_tree(const TreeEntry& /*tree*/) override { return {}; }
  Result<void> entry(Bytes /*key*/, Bytes /*value*/) override { return {}; }
  Result<void> begin_value(Bytes /*key*/, std::uint64_t /*size*/) override { return {}; }
  Result<void> piece(Bytes /*piece*/) override { return {}; }
};

// --- Reading back what is written ----------------------------------------------------------------

// Believes an archive as far as it can be without what came before it.
class ArchiveCheck final : public ArchiveVisitor {
 public:
  Result<StateVisitor*> begin_base(const ArchiveBase& base) override {
    txn_ = base.txn;
    return &summarizer_;
  }

  Result<void> end_base(const ArchiveBaseEnd& end) override {
    if (summarizer_.summary(txn_).hash == end.state_hash) return {};
    return other_state(txn_);
  }

  Result<void> begin_increment(const ArchiveIncrement& /*increment*/) override { return {}; }

  Result<void> begin_commit(TxnId /*txn*/) override {
    operations_ = log::OperationReader({~std::uint64_t{0}, ~std::uint64_t{0}});
    return {};
  }

  Result<void> operations(Bytes payload) override {
    operations_.read(payload);
    while (true) {
      CAISSON_ASSIGN_OR_RETURN(const auto operation, operations_.next());
      if (!operation) return {};
      ++operation_count_;
    }
  }

  Result<void> end_commit() override { return operations_.finish(); }
  Result<void> end_increment(const ArchiveIncrementEnd& /*end*/) override { return {}; }

  std::uint64_t operation_count() const { return operation_count_; }

 private:
  Nowhere nowhere_;
  CopyOptions nothing_;
  StateSummarizer summarizer_{nowhere_, nothing_};
  TxnId txn_{};
  log::OperationReader operations_{{~std::uint64_t{0}, ~std::uint64_t{0}}};
  std::uint64_t operation_count_ = 0;
};

// --- Restoring -----------------------------------------------------------------------------------

// Makes a store of what archives hold, at a path for unfinished ones.
class Restorer final : public ArchiveVisitor {
 public:
  Restorer(io::Vfs& vfs, std::string path, const FreshStore& fresh, std::optional<TxnId> upto,
           const CopyOptions& options)
      : vfs_(vfs), path_(std::move(path)), fresh_(fresh), upto_(upto), options_(options) {
    fresh_.engine.unfinished = true;
  }

  Result<StateVisitor*> begin_base(const ArchiveBase& base) override {
    if (upto_ && *upto_ < base.txn) {
      return fail(Error(Code::kNotFound,
                        "the backup begins with commit " + std::to_string(to_u64(base.txn)))
                      .with_advice("Ask for that one, or a later one."));
    }
    txn_ = base.txn;
    CAISSON_ASSIGN_OR_RETURN(loader_, StoreLoader::create(vfs_, path_,
                                                          {.create = {.page_size = base.page_size,
                                                                      .limits = base.limits,
                                                                      .uuid = fresh_.create.uuid},
                                                           .engine = fresh_.engine,
                                                           .txn = base.txn,
                                                           .hash = base.log_hash}));
    summarizer_.emplace(*loader_, options_);
    return &*summarizer_;
  }

  Result<void> end_base(const ArchiveBaseEnd& end) override {
    CAISSON_RETURN_IF_ERROR(loader_->finish());
    const StateSummary loaded = summarizer_->summary(txn_);
    size_ = loaded.size;
    if (loaded.hash != end.state_hash) return other_state(txn_);
    expected_ = end.state_hash;
    summarizer_.reset();
    loader_.reset();
    return {};
  }

  Result<void> begin_increment(const ArchiveIncrement& increment) override {
    if (!expected_) {
      return fail(Error(Code::kInvalidArgument,
                        "the stream begins with an increment, of the commits behind " +
                            std::to_string(to_u64(increment.txn)))
                      .with_advice("Give the backup that it follows first, from its base on."));
    }
    if (engine_) return {};
    CAISSON_ASSIGN_OR_RETURN(engine_, Engine::open(vfs_, path_, fresh_.engine));
    return {};
  }

  Result<void> begin_commit(TxnId txn) override {
    CAISSON_RETURN_IF_ERROR(check_not_stopped(options_));
    CAISSON_ASSIGN_OR_RETURN(auto commit, CommitLoader::begin(*engine_));
    commit_.emplace(std::move(commit));
    txn_ = txn;
    expected_.reset();
    return {};
  }

  Result<void> operations(Bytes payload) override { return commit_->apply(payload); }

  Result<void> end_commit() override {
    CAISSON_RETURN_IF_ERROR(commit_->end());
    size_.entries += commit_->operations();
    size_.bytes += commit_->bytes();
    commit_.reset();
    if (options_.progress) options_.progress(size_);
    return {};
  }

  // Of the last one: where another follows, that is taken by the running hashes.
  Result<void> end_increment(const ArchiveIncrementEnd& end) override {
    expected_ = end.state_hash;
    return {};
  }

  // Whether what was asked for is there.
  bool enough() const { return upto_ == txn_ && !loader_ && !commit_; }

  // What the store should hold now: by the archive's word, or, between two, by its own.
  Result<StateSummary> finish() {
    if (upto_ && *upto_ != txn_) {
      return fail(
          Error(Code::kNotFound, "the backup ends with commit " + std::to_string(to_u64(txn_)))
              .with_advice("Ask for that one, or an earlier one; or add the increments "
                           "that follow."));
    }
    if (engine_) {
      CAISSON_ASSIGN_OR_RETURN(const Snapshot snapshot, engine_->snapshot());
      CAISSON_ASSIGN_OR_RETURN(const Hash128 restored, state_hash(snapshot));
      if (expected_ && *expected_ != restored) return other_state(txn_);
      expected_ = restored;
    }
    if (engine_) CAISSON_RETURN_IF_ERROR(engine_->close());
    engine_.reset();
    return StateSummary{.txn = txn_, .size = size_, .hash = *expected_};
  }

 private:
  io::Vfs& vfs_;
  std::string path_;
  FreshStore fresh_;
  std::optional<TxnId> upto_;
  const CopyOptions& options_;
  TxnId txn_{};
  StateSize size_;
  std::optional<Hash128> expected_;  // Of the state so far, where an archive has said it.
  std::unique_ptr<StoreLoader> loader_;
  std::optional<StateSummarizer> summarizer_;
  std::unique_ptr<Engine> engine_;
  std::optional<CommitLoader> commit_;
};

}  // namespace

Result<StateSummary> restore(io::Vfs& vfs, const ByteSource& source, const FreshStore& fresh,
                             std::optional<TxnId> upto, const CopyOptions& options) {
  CAISSON_ASSIGN_OR_RETURN(const FreshSite site, FreshSite::open(vfs, fresh.path));
  StateSummary summary;
  const auto made = site.make([&](const std::string& path) -> Result<void> {
    {
      Restorer restorer(vfs, path, fresh, upto, options);
      CAISSON_RETURN_IF_ERROR(
          read_archives(source, restorer, [&restorer] { return restorer.enough(); }));
      CAISSON_ASSIGN_OR_RETURN(summary, restorer.finish());
    }
    return prove_unfinished(vfs, path, fresh.engine, summary);
  });
  if (!made) return fail(made.error());
  return summary;
}

// --- Archives ------------------------------------------------------------------------------------

namespace {

Result<BackupSummary> write_base_to(io::Vfs& vfs, const Snapshot& snapshot, const Uuid& uuid,
                                    const ByteSink& sink, const CopyOptions& options,
                                    ArchiveVisitor& reader) {
  CAISSON_ASSIGN_OR_RETURN(const std::uint64_t number, draw_number(vfs));
  ArchiveWriter writer(number, sink, reader);
  CAISSON_ASSIGN_OR_RETURN(const CatalogHeader catalog, header_of(snapshot));
  const pager::CreateOptions shape = snapshot.shape();
  CAISSON_RETURN_IF_ERROR(writer.begin_base({.uuid = uuid,
                                             .txn = snapshot.txn(),
                                             .log_hash = snapshot.state().log.hash,
                                             .page_size = shape.page_size,
                                             .limits = *shape.limits,
                                             .next_tree = catalog.next_tree}));
  StateSummarizer summarizer(writer, options);
  CAISSON_RETURN_IF_ERROR(walk_state(snapshot, summarizer, options.stop));
  const StateSummary summary = summarizer.summary(snapshot.txn());
  CAISSON_RETURN_IF_ERROR(writer.end_base(
      {.state_hash = summary.hash, .trees = summary.size.trees, .entries = summary.size.entries}));
  return BackupSummary{.from = {},
                       .txn = summary.txn,
                       .hash = summary.hash,
                       .size = summary.size,
                       .commits = 0,
                       .bytes = writer.bytes_written()};
}

}  // namespace

Result<BackupSummary> write_base(io::Vfs& vfs, const Snapshot& snapshot, const Uuid& uuid,
                                 const ByteSink& sink, const CopyOptions& options,
                                 const FreshStore* drill) {
  if (drill == nullptr) {
    ArchiveCheck check;
    return write_base_to(vfs, snapshot, uuid, sink, options, check);
  }
  CAISSON_ASSIGN_OR_RETURN(const FreshSite site, FreshSite::open(vfs, drill->path));
  BackupSummary summary;
  const auto drilled = site.make(
      [&](const std::string& path) -> Result<void> {
        StateSummary restored;
        {
          const CopyOptions quiet;
          Restorer restorer(vfs, path, *drill, {}, quiet);
          CAISSON_ASSIGN_OR_RETURN(summary,
                                   write_base_to(vfs, snapshot, uuid, sink, options, restorer));
          CAISSON_ASSIGN_OR_RETURN(restored, restorer.finish());
        }
        if (restored.hash != summary.hash) return other_state(summary.txn);
        return prove_unfinished(vfs, path, drill->engine, restored);
      },
      FreshSite::End::kRemoved);
  if (!drilled) return fail(drilled.error());
  return summary;
}

namespace {

// The next commit, which is durable: so it is there.
Result<void> next_of(Feed& feed) {
  CAISSON_ASSIGN_OR_RETURN(const auto commit, feed.next());
  if (commit) return {};
  return fail(Error(Code::kCorruption, "a commit that is durable is not in the log")
                  .at_record(to_u64(feed.txn()) + 1));
}

}  // namespace

Result<BackupSummary> write_increment(Feed& feed, const Snapshot& snapshot, const ByteSink& sink,
                                      const CopyOptions& options) {
  if (feed.txn() > snapshot.txn()) {
    return fail(Code::kNotFound, "the commits behind " + std::to_string(to_u64(feed.txn())) +
                                     " are to be backed up, and there is none");
  }
  ArchiveCheck check;
  CAISSON_ASSIGN_OR_RETURN(const std::uint64_t number, draw_number(*feed.source().vfs));
  ArchiveWriter writer(number, sink, check);
  BackupSummary summary{.from = feed.txn(), .txn = snapshot.txn()};
  CAISSON_RETURN_IF_ERROR(writer.begin_increment(
      {.uuid = feed.source().uuid, .txn = feed.txn(), .log_hash = feed.position().hash}));
  while (feed.txn() < snapshot.txn()) {
    CAISSON_RETURN_IF_ERROR(check_not_stopped(options));
    CAISSON_RETURN_IF_ERROR(next_of(feed));
    CAISSON_RETURN_IF_ERROR(writer.begin_commit(feed.txn()));
    while (true) {
      CAISSON_ASSIGN_OR_RETURN(const auto payload, feed.payload());
      if (!payload) break;
      summary.size.bytes += payload->size();
      CAISSON_RETURN_IF_ERROR(writer.operations(*payload));
    }
    CAISSON_RETURN_IF_ERROR(writer.end_commit(feed.position().hash));
    ++summary.commits;
    summary.size.entries = check.operation_count();
    if (options.progress) options.progress(summary.size);
  }
  CAISSON_ASSIGN_OR_RETURN(summary.hash, state_hash(snapshot));
  CAISSON_RETURN_IF_ERROR(writer.end_increment({.txn = summary.txn, .state_hash = summary.hash}));
  summary.bytes = writer.bytes_written();
  return summary;
}

// --- Copies that are brought up to date ----------------------------------------------------------

namespace {

std::string name_in_copy(const char* what, const Uuid& source, std::string_view name) {
  return std::string(what) + " of " + to_hex(source.bytes) + ", " + std::string(name);
}

std::string base_name(const Uuid& source, std::string_view name) {
  return name_in_copy("base", source, name);
}

// What has this name is what an update has led to. While one is on its way, nothing has.
std::string newest_name(const Uuid& source, std::string_view name) {
  return name_in_copy("newest", source, name);
}

std::optional<TxnId> named(const std::vector<RetainedCheckpoint>& retained,
                           const std::string& name) {
  for (const RetainedCheckpoint& entry : retained) {
    if (std::ranges::find(entry.names, name) != entry.names.end()) return entry.txn;
  }
  return std::nullopt;
}

Error changed_copy(const std::string& why) {
  return Error(Code::kWrongStore, why)
      .with_rule("COPY-3")
      .with_advice(
          "Somebody has written to the backup, or the store was brought back from an "
          "earlier one: make the backup anew, at another path.");
}

Result<void> check_copy(Engine& engine, const Feed& feed, const Snapshot& snapshot,
                        std::string_view name) {
  CAISSON_ASSIGN_OR_RETURN(const auto retained, engine.retained());
  if (!named(retained, base_name(feed.source().uuid, name))) {
    return fail(Error(Code::kWrongStore, "what is there is no backup of this store under that name")
                    .with_advice("Choose another path, or make the backup anew."));
  }
  const TxnId has = engine.published();
  const auto newest = named(retained, newest_name(feed.source().uuid, name));
  if (newest && *newest != has) {
    return fail(changed_copy("the backup has commits that are not the store's, behind commit " +
                             std::to_string(to_u64(*newest))));
  }
  if (has > snapshot.txn()) {
    return fail(changed_copy("the backup has commit " + std::to_string(to_u64(has)) +
                             ", and the store has not"));
  }
  if (feed.txn() <= has) return {};
  return fail(Error(Code::kNotFound,
                    "the log is kept from commit " + std::to_string(to_u64(feed.txn())) +
                        " on, and the backup ends with commit " + std::to_string(to_u64(has)))
                  .with_advice("Make the backup anew, at another path."));
}

// Applies the feed's next commit, if the store hasn't got it.
Result<void> apply_next(Engine& engine, Feed& feed, BackupSummary& summary) {
  CAISSON_RETURN_IF_ERROR(next_of(feed));
  if (feed.txn() <= engine.published()) return {};
  CAISSON_ASSIGN_OR_RETURN(CommitLoader commit, CommitLoader::begin(engine));
  while (true) {
    CAISSON_ASSIGN_OR_RETURN(const auto payload, feed.payload());
    if (!payload) break;
    CAISSON_RETURN_IF_ERROR(commit.apply(*payload));
  }
  CAISSON_RETURN_IF_ERROR(commit.end());
  ++summary.commits;
  summary.size.entries += commit.operations();
  summary.size.bytes += commit.bytes();
  return {};
}

// Writes a checkpoint where enough has changed behind the last one.
class CheckpointsBetween {
 public:
  CheckpointsBetween(Engine& engine, std::uint64_t memory_budget)
      : engine_(engine), bytes_max_(std::min(kChangedBytesMax, memory_budget / kChangedPart)) {}

  Result<void> look() {
    const pager::PagerStats now = engine_.pager().stats();
    const std::uint64_t page_size = engine_.pager().page_size();
    if (now.checkpoints != checkpoints_) note(now);
    const std::uint64_t changed = now.dirty_frames + now.pages_spilled - spilled_;
    if (changed * page_size < bytes_max_) return {};
    CAISSON_RETURN_IF_ERROR(engine_.checkpoint());
    note(engine_.pager().stats());
    return {};
  }

 private:
  void note(const pager::PagerStats& now) {
    checkpoints_ = now.checkpoints;
    spilled_ = now.pages_spilled;
  }

  Engine& engine_;
  std::uint64_t bytes_max_;
  std::uint64_t checkpoints_ = 0;
  std::uint64_t spilled_ = 0;
};

// An update that was cut off has done so.
Result<void> forget(Engine& engine, const std::string& name) {
  const auto forgotten = engine.release(name);
  if (!forgotten && forgotten.error().code() != Code::kNotFound) return forgotten;
  return {};
}

}  // namespace

std::vector<std::string> copy_names(const Uuid& source, std::string_view name) {
  return {base_name(source, name), newest_name(source, name)};
}

Result<BackupSummary> update_copy(io::Vfs& vfs, const std::string& path, EngineOptions options,
                                  Feed& feed, const Snapshot& snapshot, std::string_view name,
                                  const CopyOptions& copying) {
  options.retention = {.checkpoints = kKeptCheckpoints};
  options.replay_time_max_ns = kNoCheckpoints;
  CAISSON_ASSIGN_OR_RETURN(auto engine, Engine::open(vfs, path, options));
  CAISSON_RETURN_IF_ERROR(check_copy(*engine, feed, snapshot, name));
  const std::string newest = newest_name(feed.source().uuid, name);
  CAISSON_RETURN_IF_ERROR(forget(*engine, newest));
  BackupSummary summary{.from = engine->published(), .txn = snapshot.txn()};
  CheckpointsBetween checkpoints(*engine, options.memory_budget_bytes);
  while (feed.txn() < snapshot.txn()) {
    CAISSON_RETURN_IF_ERROR(check_not_stopped(copying));
    CAISSON_RETURN_IF_ERROR(apply_next(*engine, feed, summary));
    CAISSON_RETURN_IF_ERROR(checkpoints.look());
    if (copying.progress) copying.progress(summary.size);
  }
  CAISSON_RETURN_IF_ERROR(engine->retain(newest));
  CAISSON_RETURN_IF_ERROR(engine->close());
  engine.reset();
  CAISSON_ASSIGN_OR_RETURN(summary.hash, state_hash(snapshot));
  CAISSON_RETURN_IF_ERROR(
      prove_store(vfs, path, options, {.txn = summary.txn, .size = {}, .hash = summary.hash}));
  return summary;
}

}  // namespace caisson::mvcc

#include "mvcc/backup.h"

#include <array>
#include <memory>
#include <utility>

#include "base/codec.h"
#include "log/operations.h"
#include "mvcc/commit_loader.h"
#include "mvcc/engine.h"
#include "mvcc/state_hash.h"
#include "mvcc/store_loader.h"

namespace caisson::mvcc {
namespace {

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
    // Also where the store is proved behind this: so the stream is named where it is at fault.
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
    CAISSON_RETURN_IF_ERROR(feed.next_durable());
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

}  // namespace caisson::mvcc

#include "mvcc/copy.h"

#include <memory>
#include <utility>

#include "mvcc/engine.h"
#include "mvcc/state_hash.h"
#include "pager/scrub.h"

namespace caisson::mvcc {

Result<void> check_not_stopped(const CopyOptions& options) {
  if (!options.stop.stop_requested()) return {};
  return fail(Code::kStopped, "it was asked to stop");
}

// --- Summing up ----------------------------------------------------------------------------------

Result<void> StateSummarizer::begin(TreeId next_tree) {
  CAISSON_RETURN_IF_ERROR(hasher_.begin(next_tree));
  return next_.begin(next_tree);
}

Result<void> StateSummarizer::begin_tree(const TreeEntry& tree) {
  ++size_.trees;
  CAISSON_RETURN_IF_ERROR(hasher_.begin_tree(tree));
  return next_.begin_tree(tree);
}

Result<void> StateSummarizer::entry(Bytes key, Bytes value) {
  ++size_.entries;
  CAISSON_RETURN_IF_ERROR(count(key.size() + value.size()));
  CAISSON_RETURN_IF_ERROR(hasher_.entry(key, value));
  return next_.entry(key, value);
}

Result<void> StateSummarizer::begin_value(Bytes key, std::uint64_t size) {
  ++size_.entries;
  CAISSON_RETURN_IF_ERROR(count(key.size()));
  CAISSON_RETURN_IF_ERROR(hasher_.begin_value(key, size));
  return next_.begin_value(key, size);
}

Result<void> StateSummarizer::piece(Bytes piece) {
  CAISSON_RETURN_IF_ERROR(count(piece.size()));
  CAISSON_RETURN_IF_ERROR(hasher_.piece(piece));
  return next_.piece(piece);
}

Result<void> StateSummarizer::count(std::size_t bytes) {
  constexpr std::uint64_t kStep = std::uint64_t{1} << 20U;
  size_.bytes += bytes;
  if (size_.bytes - reported_ < kStep) return {};
  reported_ = size_.bytes;
  CAISSON_RETURN_IF_ERROR(check_not_stopped(options_));
  if (options_.progress) options_.progress(size_);
  return {};
}

// --- Making and proving --------------------------------------------------------------------------

Result<StateSummary> make_loaded_store(io::Vfs& vfs, const std::string& path,
                                       const LoadedStore& loaded,
                                       const std::function<Result<void>(StateVisitor&)>& show,
                                       const CopyOptions& options) {
  CAISSON_ASSIGN_OR_RETURN(const auto loader, StoreLoader::create(vfs, path, loaded));
  StateSummarizer summarizer(*loader, options);
  CAISSON_RETURN_IF_ERROR(show(summarizer));
  CAISSON_RETURN_IF_ERROR(loader->finish());
  const StateSummary summary = summarizer.summary(loaded.txn);
  if (options.progress) options.progress(summary.size);
  return summary;
}

namespace {

std::unexpected<Error> not_the_same(const char* what) {
  return fail(Error(Code::kCorruption,
                    std::string("what was written is not what was to be written: ") + what)
                  .with_rule("COPY-2")
                  .with_advice("Memory or disk may be failing: check them, and do it again."));
}

Result<void> check_pages(pager::Pager& pager) {
  CAISSON_ASSIGN_OR_RETURN(const pager::ScrubReport report, pager::scrub(pager, {}));
  for (const pager::ScrubFinding& finding : report.findings) {
    if (finding.severity == pager::ScrubSeverity::kDamage) return fail(finding.error);
  }
  return {};
}

}  // namespace

Result<void> prove_store(io::Vfs& vfs, const std::string& path, const EngineOptions& options,
                         const StateSummary& expected) {
  CAISSON_ASSIGN_OR_RETURN(const auto engine, Engine::open(vfs, path, options));
  {
    CAISSON_ASSIGN_OR_RETURN(const Snapshot snapshot, engine->snapshot());
    if (snapshot.txn() != expected.txn) return not_the_same("its last commit is another");
    CAISSON_ASSIGN_OR_RETURN(const Hash128 hash, state_hash(snapshot));
    if (hash != expected.hash) return not_the_same("its state hash is another");
  }
  CAISSON_RETURN_IF_ERROR(engine->checkpoint());
  CAISSON_RETURN_IF_ERROR(check_pages(engine->pager()));
  return engine->close();
}

Result<void> prove_unfinished(io::Vfs& vfs, const std::string& path, EngineOptions options,
                              const StateSummary& expected) {
  options.unfinished = true;
  return prove_store(vfs, path, options, expected);
}

Result<StateSummary> copy_store(io::Vfs& vfs, const Snapshot& snapshot, const FreshStore& fresh,
                                const std::vector<std::string>& names, const CopyOptions& options) {
  CAISSON_ASSIGN_OR_RETURN(const FreshSite site, FreshSite::open(vfs, fresh.path));
  const LoadedStore loaded{.create = fresh.create,
                           .engine = fresh.engine,
                           .txn = snapshot.txn(),
                           .hash = snapshot.state().log.hash,
                           .names = names};
  StateSummary summary;
  const auto made = site.make(
      [&](const std::string& path) -> Result<void> {
        const auto show = [&](StateVisitor& visitor) {
          return walk_state(snapshot, visitor, options.stop);
        };
        CAISSON_ASSIGN_OR_RETURN(summary, make_loaded_store(vfs, path, loaded, show, options));
        CAISSON_RETURN_IF_ERROR(prove_unfinished(vfs, path, fresh.engine, summary));
        return options.before_named ? options.before_named(path, summary) : Result<void>();
      },
      options.end);
  if (!made) return fail(made.error());
  return summary;
}

}  // namespace caisson::mvcc

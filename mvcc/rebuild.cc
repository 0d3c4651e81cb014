#include "mvcc/rebuild.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>
#include <vector>

#include "log/commit_reader.h"
#include "log/recovery.h"
#include "mvcc/commit_loader.h"
#include "mvcc/engine.h"
#include "mvcc/fresh_site.h"
#include "mvcc/replay.h"

namespace caisson::mvcc {
namespace {

constexpr log::FileAccess kAccess = log::FileAccess::kRead;

// Only the store that wrote the log knows what its limits are, and it has kept them.
constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
constexpr log::OperationLimits kNoLimits{.key_size_max = kAny, .value_size_max = kAny};

Error no_beginning(std::uint64_t missing) {
  return Error(Code::kNotFound,
               "the log does not reach back to the store's first commit: this file is not there")
      .in_file(log::file_name(missing))
      .with_advice(
          "It may have been retired behind a checkpoint. Bring back all log files from an archive; "
          "or open the store itself.");
}

// Whether all files from the first one on are there.
Result<void> check_files(const log::LogDirectory& log) {
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> files, log.files());
  if (files.empty()) return fail(no_beginning(1));
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files[i] != i + 1) return fail(no_beginning(i + 1));
  }
  return {};
}

// The commits of a log from its first one on, with what a caller wants to know of them.
class Commits {
 public:
  static Result<Commits> begin(const log::LogDirectory& log, const RebuildOptions& options) {
    CAISSON_RETURN_IF_ERROR(check_files(log));
    if (options.upto) return Commits(log, options, *options.upto);
    CAISSON_ASSIGN_OR_RETURN(const log::LogEnd end, log::find_log_end(log, kAccess, {}, {}, {}));
    return Commits(log, options, end.txn);
  }

  // Goes on to the next commit; false behind the last one.
  Result<bool> next() {
    if (commits_.txn() >= upto_) return false;
    CAISSON_ASSIGN_OR_RETURN(const auto commit, commits_.next(upto_));
    if (commit) return true;
    return fail(ends_early());
  }

  // Applies the commit to a state.
  Result<void> apply(OperationTarget& target) {
    Applier applier(target, kNoLimits);
    CAISSON_RETURN_IF_ERROR(apply_commit(commits_, applier));
    count(applier.operations(), applier.bytes());
    return {};
  }

  // The same, as a commit of a store.
  Result<void> load(Engine& engine) {
    CAISSON_ASSIGN_OR_RETURN(CommitLoader loader, CommitLoader::begin(engine));
    while (true) {
      CAISSON_ASSIGN_OR_RETURN(const auto payload, commits_.payload());
      if (!payload) break;
      CAISSON_RETURN_IF_ERROR(loader.apply(*payload));
    }
    CAISSON_RETURN_IF_ERROR(loader.end());
    count(loader.operations(), loader.bytes());
    return {};
  }

  void report() const {
    if (options_->progress) options_->progress(done_.txn, done_.bytes);
  }

  TxnId txn() const { return commits_.txn(); }
  const Rebuilt& done() const { return done_; }

 private:
  Commits(const log::LogDirectory& log, const RebuildOptions& options, TxnId upto)
      : log_(&log), options_(&options), upto_(upto), commits_(log, kAccess, {}, {}) {}

  void count(std::uint64_t operations, std::uint64_t bytes) {
    done_.txn = commits_.txn();
    done_.operations += operations;
    done_.bytes += bytes;
  }

  // Why the next commit isn't there: the log is damaged, or that long and no longer.
  Error ends_early() const {
    auto end = log::find_log_end(*log_, kAccess, commits_.txn(), commits_.position(), {});
    if (!end) return std::move(end).error();
    return Error(Code::kNotFound, "the log ends with commit " + std::to_string(to_u64(end->txn)) +
                                      ", before commit " + std::to_string(to_u64(upto_)))
        .with_advice("Ask for that one, or an earlier one.");
  }

  const log::LogDirectory* log_;
  const RebuildOptions* options_;
  TxnId upto_;
  log::CommitReader commits_;
  Rebuilt done_;
};

}  // namespace

Result<std::unique_ptr<log::LogDirectory>> open_log(std::unique_ptr<io::Directory> directory) {
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, directory->list());
  for (const std::string& name : names) {  // Sorted: the first file comes first.
    if (!log::sequence_of(name)) continue;
    CAISSON_ASSIGN_OR_RETURN(const auto file, directory->open_file(name, {}));
    std::array<std::byte, log::kFileHeaderSize> block;
    CAISSON_RETURN_IF_ERROR(file->read_exactly(0, block));
    auto header = log::decode_file_header(block);
    if (!header) return fail(std::move(header).error().in_file(name));
    return std::make_unique<log::LogDirectory>(std::move(directory), header->uuid);
  }
  return fail(no_beginning(1));
}

// --- In memory -----------------------------------------------------------------------------------

Result<RebuiltInMemory> rebuild_in_memory(const log::LogDirectory& log,
                                          const RebuildOptions& options) {
  CAISSON_ASSIGN_OR_RETURN(Commits history, Commits::begin(log, options));
  RebuiltInMemory rebuilt;
  while (true) {
    CAISSON_ASSIGN_OR_RETURN(const bool more, history.next());
    if (!more) break;
    CAISSON_RETURN_IF_ERROR(history.apply(rebuilt.state));
    if (rebuilt.state.bytes() > options.memory_bytes_max) {
      return fail(Error(Code::kResourceExhausted,
                        "the state has " + std::to_string(rebuilt.state.bytes()) +
                            " bytes of keys and values; at most " +
                            std::to_string(options.memory_bytes_max) + " may be used")
                      .at_record(to_u64(history.txn()))
                      .with_advice("Rebuild it as a store, or give it more memory."));
    }
    history.report();
  }
  rebuilt.done = history.done();
  return rebuilt;
}

// --- As a store ----------------------------------------------------------------------------------

namespace {

// Commits are queued and seen at once, so that none of their pages waits for a flush. The log
// flushes them when its buffers are full, and a checkpoint does, and the end.
Result<void> replay_all(io::Vfs& vfs, const std::string& path, EngineOptions options,
                        Commits& history) {
  options.unfinished = true;
  CAISSON_ASSIGN_OR_RETURN(const auto engine, Engine::open(vfs, path, options));
  while (true) {
    CAISSON_ASSIGN_OR_RETURN(const bool more, history.next());
    if (!more) return engine->close();
    CAISSON_RETURN_IF_ERROR(history.load(*engine));
    history.report();
  }
}

}  // namespace

Result<Rebuilt> rebuild_store(const log::LogDirectory& log, io::Vfs& vfs, const FreshStore& fresh,
                              const RebuildOptions& options) {
  CAISSON_ASSIGN_OR_RETURN(const FreshSite site, FreshSite::open(vfs, fresh.path));
  CAISSON_ASSIGN_OR_RETURN(Commits history, Commits::begin(log, options));
  const auto made = site.make([&](const std::string& path) -> Result<void> {
    CAISSON_RETURN_IF_ERROR(Engine::create(vfs, path, fresh.create, fresh.engine.log));
    return replay_all(vfs, path, fresh.engine, history);
  });
  if (!made) return fail(made.error());
  return history.done();
}

}  // namespace caisson::mvcc

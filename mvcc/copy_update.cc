#include "mvcc/copy_update.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/hex.h"
#include "mvcc/commit_loader.h"
#include "mvcc/engine.h"
#include "mvcc/state_hash.h"

namespace caisson::mvcc {
namespace {

// All checkpoints of a copy that is kept up to date, with the log between them. There is one where
// what has changed behind the last would take so much memory, or such a part of the budget, to be
// applied to that: so that each commit between can be gone back to (COPY-3). Time is no reason.
constexpr std::uint64_t kKeptCheckpoints = std::uint64_t{1} << 32U;
constexpr std::uint64_t kNoCheckpoints = std::uint64_t{1} << 62U;
constexpr std::uint64_t kChangedBytesMax = std::uint64_t{16} << 20U;
constexpr std::uint64_t kChangedPart = 4;

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
  CAISSON_RETURN_IF_ERROR(feed.next_durable());
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

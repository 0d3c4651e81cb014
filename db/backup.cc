#include "db/backup.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/hex.h"
#include "db/options.h"
#include "io/posix.h"
#include "mvcc/backup.h"
#include "mvcc/change_reader.h"
#include "mvcc/copy.h"
#include "mvcc/copy_update.h"
#include "mvcc/follower.h"
#include "mvcc/position.h"
#include "mvcc/position_list.h"

namespace caisson {
namespace db {
namespace {

constexpr std::size_t kNameSizeMax = 200;

// A commit between a store's checkpoints takes memory for what has changed behind the last one. No
// more than that is used.
constexpr std::uint64_t kReadingBytesMax = std::uint64_t{1} << 30U;

template <typename Options>
mvcc::CopyOptions copy_options(const Options& options) {
  mvcc::CopyOptions copying;
  copying.stop = options.stop;
  if (options.progress) {
    copying.progress = [&options](const mvcc::StateSize& done) {
      options.progress({.entries = done.entries, .bytes = done.bytes});
    };
  }
  return copying;
}

BackupReport report_of(const mvcc::StateSummary& copied) {
  BackupReport report;
  report.txn = copied.txn;
  report.trees = copied.size.trees;
  report.entries = copied.size.entries;
  report.bytes = copied.size.bytes;
  report.state_hash = to_hex(copied.hash);
  return report;
}

BackupReport report_of(const mvcc::BackupSummary& done, bool increment) {
  BackupReport report = report_of({.txn = done.txn, .size = done.size, .hash = done.hash});
  report.increment = increment;
  report.from = done.from;
  report.stream_bytes = done.bytes;
  return report;
}

Result<void> check_name(const std::string& name) {
  if (name.size() <= kNameSizeMax) return {};
  return fail(Code::kInvalidArgument, "the name of a backup has " + std::to_string(name.size()) +
                                          " bytes; at most " + std::to_string(kNameSizeMax) +
                                          " can be");
}

// The position that keeps the log for a backup's next increment. Those to directories and those as
// streams are apart, and from what else follows the store.
std::string directory_position(const std::string& name) { return "backup:" + name; }
std::string stream_position(const std::string& name) { return "backup-stream:" + name; }

Result<bool> has_position(const BackupOrigin& origin, const std::string& position) {
  const mvcc::PositionFiles files(*origin.source.directory, origin.source.uuid);
  return files.exists(position);
}

// Before anything is done: a trial that can't be made would be found out at the end.
Result<void> check_drill_path(const BackupOrigin& origin, const BackupOptions& options) {
  if (options.drill_path.empty()) return {};
  const auto site = mvcc::FreshSite::open(origin.vfs, options.drill_path);
  return site ? Result<void>() : fail(site.error());
}

// The trial: a copy of the backup that is proved, and removed.
Result<void> drill(const BackupOrigin& origin, const std::string& backup, const Hash128& expected,
                   const BackupOptions& options) {
  if (options.drill_path.empty()) return {};
  mvcc::EngineOptions unfinished = origin.options;
  unfinished.unfinished = true;  // It may lack its name yet.
  CAISSON_ASSIGN_OR_RETURN(const auto opened, mvcc::Follower::open(origin.vfs, backup, unfinished));
  CAISSON_ASSIGN_OR_RETURN(const mvcc::Snapshot snapshot, opened->snapshot());
  mvcc::CopyOptions copying = copy_options(options);
  copying.end = mvcc::FreshSite::End::kRemoved;
  CAISSON_ASSIGN_OR_RETURN(
      const mvcc::StateSummary restored,
      mvcc::copy_store(
          origin.vfs, snapshot,
          {.path = options.drill_path, .create = snapshot.shape(), .engine = origin.options}, {},
          copying));
  if (restored.hash == expected) return {};
  return fail(Error(Code::kCorruption, "the backup does not lead to the state that was backed up")
                  .with_rule("COPY-2"));
}

// What keeps the log while a store is backed up under a name, and behind that.
class KeptLog {
 public:
  // `exists`: there is a position, which is moved then; otherwise it is made.
  static Result<KeptLog> open(const BackupOrigin& origin, std::string position, bool exists) {
    CAISSON_ASSIGN_OR_RETURN(auto log,
                             exists ? mvcc::ChangeReader::open_position(origin.source, position)
                                    : mvcc::ChangeReader::open_behind(origin.source, {}));
    return KeptLog(std::move(log), std::move(position), exists);
  }

  const mvcc::Feed& feed() const { return log_.feed(); }

  // What was backed up, up to that commit, is durable.
  Result<void> keep_behind(TxnId txn) {
    CAISSON_RETURN_IF_ERROR(log_.skip_to(txn));
    return exists_ ? log_.acknowledge() : log_.make_position(position_);
  }

 private:
  KeptLog(mvcc::ChangeReader log, std::string position, bool exists)
      : log_(std::move(log)), position_(std::move(position)), exists_(exists) {}

  mvcc::ChangeReader log_;
  std::string position_;
  bool exists_;
};

// What an increment is made of: the log behind a position, up to a snapshot.
struct Behind {
  KeptLog log;
  mvcc::Feed feed;  // The commits are read twice: for the trees that the position knows, too.
  mvcc::Snapshot snapshot;

  static Result<Behind> open(const BackupOrigin& origin, const std::string& position) {
    CAISSON_ASSIGN_OR_RETURN(KeptLog log, KeptLog::open(origin, position, true));
    CAISSON_ASSIGN_OR_RETURN(mvcc::Feed feed, mvcc::Feed::open_at(origin.source, log.feed().txn(),
                                                                  log.feed().position()));
    CAISSON_ASSIGN_OR_RETURN(mvcc::Snapshot snapshot, origin.snapshot());
    return Behind{std::move(log), std::move(feed), std::move(snapshot)};
  }
};

// --- To a directory ------------------------------------------------------------------------------

// A position without its directory: of an attempt that was cut off between the two, or of a backup
// at another place.
Result<void> remove_leftover(const BackupOrigin& origin, const mvcc::FreshSite& site,
                             const std::string& position) {
  CAISSON_ASSIGN_OR_RETURN(const bool begun, site.was_begun());
  if (begun) return mvcc::remove_position(origin.source, position);
  return fail(Error(Code::kAlreadyExists,
                    "there is a backup of this name at another place: the "
                    "position \"" +
                        position + "\" keeps the log for it")
                  .with_advice("Choose another name; or remove the position, if that backup is no "
                               "longer needed."));
}

// With a name: the position comes before the backup has it, and goes if it doesn't get it, so that
// every backup that is there can be brought up to date.
Result<BackupReport> copy_all(const BackupOrigin& origin, const std::string& path,
                              const BackupOptions& options) {
  const std::string position = directory_position(options.name);
  std::vector<std::string> names;
  std::optional<KeptLog> log;
  bool moved = false;
  if (!options.name.empty()) {
    names = mvcc::copy_names(origin.source.uuid, options.name);
    CAISSON_ASSIGN_OR_RETURN(const auto site, mvcc::FreshSite::open(origin.vfs, path));
    CAISSON_ASSIGN_OR_RETURN(const bool exists, has_position(origin, position));
    moved = exists && options.full;
    if (exists && !moved) CAISSON_RETURN_IF_ERROR(remove_leftover(origin, site, position));
    CAISSON_ASSIGN_OR_RETURN(log, KeptLog::open(origin, position, moved));
  }
  CAISSON_ASSIGN_OR_RETURN(const mvcc::Snapshot snapshot, origin.snapshot());
  mvcc::CopyOptions copying = copy_options(options);
  bool made_position = false;
  copying.before_named = [&](const std::string& made, const mvcc::StateSummary& copied) {
    Result<void> done = drill(origin, made, copied.hash, options);
    if (!done || !log) return done;
    done = log->keep_behind(copied.txn);
    made_position = done.has_value() && !moved;
    return done;
  };
  const auto copied = mvcc::copy_store(
      origin.vfs, snapshot, {.path = path, .create = snapshot.shape(), .engine = origin.options},
      names, copying);
  if (copied) return report_of(*copied);
  log.reset();
  if (made_position) (void)mvcc::remove_position(origin.source, position);
  return fail(copied.error());
}

Result<BackupReport> update(const BackupOrigin& origin, const std::string& path,
                            const BackupOptions& options) {
  const std::string position = directory_position(options.name);
  CAISSON_ASSIGN_OR_RETURN(const bool exists, has_position(origin, position));
  if (!exists) {
    return fail(Error(Code::kNotFound,
                      "there is something at this path, and the log is not kept "
                      "for a backup of this name")
                    .in_file(path)
                    .with_advice("Make it anew, at a path where nothing is."));
  }
  CAISSON_ASSIGN_OR_RETURN(Behind behind, Behind::open(origin, position));
  CAISSON_ASSIGN_OR_RETURN(const mvcc::BackupSummary done,
                           mvcc::update_copy(origin.vfs, path, origin.options, behind.feed,
                                             behind.snapshot, options.name, copy_options(options)));
  CAISSON_RETURN_IF_ERROR(drill(origin, path, done.hash, options));
  CAISSON_RETURN_IF_ERROR(behind.log.keep_behind(done.txn));
  return report_of(done, true);
}

}  // namespace

Result<BackupReport> backup(const BackupOrigin& origin, const std::string& path,
                            const BackupOptions& options) {
  CAISSON_RETURN_IF_ERROR(check_name(options.name));
  CAISSON_RETURN_IF_ERROR(check_drill_path(origin, options));
  const bool may_follow = !options.name.empty() && !options.full;
  const bool is_there = may_follow && origin.vfs.open_directory(path).has_value();
  return is_there ? update(origin, path, options) : copy_all(origin, path, options);
}

// --- To a stream ---------------------------------------------------------------------------------

namespace {

Result<BackupReport> stream_base(const BackupOrigin& origin, const BackupSink& sink,
                                 const BackupOptions& options) {
  std::optional<KeptLog> log;
  if (!options.name.empty()) {
    const std::string position = stream_position(options.name);
    CAISSON_ASSIGN_OR_RETURN(const bool exists, has_position(origin, position));
    CAISSON_ASSIGN_OR_RETURN(log, KeptLog::open(origin, position, exists));
  }
  CAISSON_ASSIGN_OR_RETURN(const mvcc::Snapshot snapshot, origin.snapshot());
  const mvcc::FreshStore trial{.path = options.drill_path, .create = {}, .engine = origin.options};
  CAISSON_ASSIGN_OR_RETURN(
      const mvcc::BackupSummary done,
      mvcc::write_base(origin.vfs, snapshot, origin.source.uuid, sink, copy_options(options),
                       options.drill_path.empty() ? nullptr : &trial));
  CAISSON_RETURN_IF_ERROR(sink({}));
  if (log) CAISSON_RETURN_IF_ERROR(log->keep_behind(done.txn));
  return report_of(done, false);
}

Result<BackupReport> stream_increment(const BackupOrigin& origin, const BackupSink& sink,
                                      const BackupOptions& options) {
  if (!options.drill_path.empty()) {
    return fail(Error(Code::kInvalidArgument, "an increment can't be restored alone for a trial")
                    .with_advice("Restore the whole stream instead, from its base on."));
  }
  CAISSON_ASSIGN_OR_RETURN(Behind behind, Behind::open(origin, stream_position(options.name)));
  CAISSON_ASSIGN_OR_RETURN(
      const mvcc::BackupSummary done,
      mvcc::write_increment(behind.feed, behind.snapshot, sink, copy_options(options)));
  CAISSON_RETURN_IF_ERROR(sink({}));
  CAISSON_RETURN_IF_ERROR(behind.log.keep_behind(done.txn));
  return report_of(done, true);
}

}  // namespace

Result<BackupReport> backup(const BackupOrigin& origin, const BackupSink& sink,
                            const BackupOptions& options) {
  CAISSON_RETURN_IF_ERROR(check_name(options.name));
  if (options.name.empty() || options.full) return stream_base(origin, sink, options);
  CAISSON_ASSIGN_OR_RETURN(const bool follows, has_position(origin, stream_position(options.name)));
  return follows ? stream_increment(origin, sink, options) : stream_base(origin, sink, options);
}

// --- Restoring -----------------------------------------------------------------------------------

Result<RestoreReport> restore(io::Vfs& vfs, const std::string& backup, const std::string& path,
                              const RestoreOptions& options) {
  const mvcc::EngineOptions engine = engine_options({});
  mvcc::EngineOptions reading = engine;
  reading.memory_budget_bytes = kReadingBytesMax;
  CAISSON_ASSIGN_OR_RETURN(const auto opened, mvcc::Follower::open(vfs, backup, reading));
  auto snapshot = options.as_of ? opened->snapshot_as_of(*options.as_of) : opened->snapshot();
  if (!snapshot) return fail(std::move(snapshot).error());
  CAISSON_ASSIGN_OR_RETURN(
      const mvcc::StateSummary copied,
      mvcc::copy_store(vfs, *snapshot,
                       {.path = path, .create = snapshot->shape(), .engine = engine}, {},
                       copy_options(options)));
  return RestoreReport{.txn = copied.txn, .state_hash = to_hex(copied.hash)};
}

Result<RestoreReport> restore(io::Vfs& vfs, const BackupSource& source, const std::string& path,
                              const RestoreOptions& options) {
  const mvcc::FreshStore fresh{.path = path, .create = {}, .engine = engine_options({})};
  CAISSON_ASSIGN_OR_RETURN(const mvcc::StateSummary done,
                           mvcc::restore(vfs, source, fresh, options.as_of, copy_options(options)));
  return RestoreReport{.txn = done.txn, .state_hash = to_hex(done.hash)};
}

}  // namespace db

Result<RestoreReport> restore(const std::string& backup, const std::string& path,
                              const RestoreOptions& options) {
  return db::restore(io::posix_vfs(), backup, path, options);
}

Result<RestoreReport> restore(const BackupSource& source, const std::string& path,
                              const RestoreOptions& options) {
  return db::restore(io::posix_vfs(), source, path, options);
}

}  // namespace caisson

#include "db/backup.h"

#include <optional>
#include <utility>

#include "base/hex.h"
#include "db/options.h"
#include "io/posix.h"
#include "mvcc/backup.h"
#include "mvcc/change_reader.h"
#include "mvcc/copy.h"
#include "mvcc/follower.h"
#include "mvcc/position.h"

namespace caisson {
namespace db {
namespace {

constexpr std::size_t kNameSizeMax = 200;

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

bool has_position(const BackupOrigin& origin, const std::string& name) {
  const mvcc::PositionFiles files(*origin.source.directory, origin.source.uuid);
  const auto exists = files.exists(name);
  return exists && *exists;
}

// The trial: a copy of the backup that is proved, and removed.
Result<void> drill(const BackupOrigin& origin, const std::string& backup, const Hash128& expected,
                   const BackupOptions& options) {
  if (options.drill_path.empty()) return {};
  CAISSON_ASSIGN_OR_RETURN(const auto opened,
                           mvcc::Follower::open(origin.vfs, backup, origin.options));
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

// What keeps the log while a backup is made, and a position afterwards; none where it has no name.
Result<std::optional<mvcc::ChangeReader>> keep_log(const BackupOrigin& origin,
                                                   const std::string& name) {
  if (name.empty()) return std::optional<mvcc::ChangeReader>();
  if (has_position(origin, name)) return fail(mvcc::position_exists(name));
  CAISSON_ASSIGN_OR_RETURN(auto reader, mvcc::ChangeReader::open_behind(origin.source, {}));
  return reader;
}

Result<void> make_position(std::optional<mvcc::ChangeReader>& log, const std::string& name,
                           TxnId txn) {
  if (!log) return {};
  CAISSON_RETURN_IF_ERROR(log->skip_to(txn));
  return log->make_position(name);
}

// --- To a directory ------------------------------------------------------------------------------

Result<BackupReport> copy_all(const BackupOrigin& origin, const std::string& path,
                              const BackupOptions& options) {
  CAISSON_ASSIGN_OR_RETURN(auto log, keep_log(origin, options.name));
  CAISSON_ASSIGN_OR_RETURN(const mvcc::Snapshot snapshot, origin.snapshot());
  const std::string base =
      options.name.empty() ? "" : mvcc::base_name(origin.source.uuid, options.name);
  CAISSON_ASSIGN_OR_RETURN(
      const mvcc::StateSummary copied,
      mvcc::copy_store(origin.vfs, snapshot,
                       {.path = path, .create = snapshot.shape(), .engine = origin.options}, base,
                       copy_options(options)));
  CAISSON_RETURN_IF_ERROR(drill(origin, path, copied.hash, options));
  CAISSON_RETURN_IF_ERROR(make_position(log, options.name, copied.txn));
  return report_of(copied);
}

// The commits are read twice: to be applied, and for the trees that the position knows.
Result<BackupReport> update(const BackupOrigin& origin, const std::string& path,
                            const BackupOptions& options) {
  CAISSON_ASSIGN_OR_RETURN(auto position,
                           mvcc::ChangeReader::open_position(origin.source, options.name));
  CAISSON_ASSIGN_OR_RETURN(
      mvcc::Feed feed,
      mvcc::Feed::open_at(origin.source, position.feed().txn(), position.feed().position()));
  CAISSON_ASSIGN_OR_RETURN(const mvcc::Snapshot snapshot, origin.snapshot());
  CAISSON_ASSIGN_OR_RETURN(const mvcc::BackupSummary done,
                           mvcc::update_copy(origin.vfs, path, origin.options, feed, snapshot,
                                             options.name, copy_options(options)));
  CAISSON_RETURN_IF_ERROR(drill(origin, path, done.hash, options));
  CAISSON_RETURN_IF_ERROR(position.skip_to(done.txn));
  CAISSON_RETURN_IF_ERROR(position.acknowledge());
  return report_of(done, true);
}

}  // namespace

Result<BackupReport> backup(const BackupOrigin& origin, const std::string& path,
                            const BackupOptions& options) {
  CAISSON_RETURN_IF_ERROR(check_name(options.name));
  const bool is_there = origin.vfs.open_directory(path).has_value();
  return !options.name.empty() && is_there ? update(origin, path, options)
                                           : copy_all(origin, path, options);
}

// --- To a stream ---------------------------------------------------------------------------------

namespace {

Result<BackupReport> stream_all(const BackupOrigin& origin, const BackupSink& sink,
                                const BackupOptions& options) {
  CAISSON_ASSIGN_OR_RETURN(auto log, keep_log(origin, options.name));
  CAISSON_ASSIGN_OR_RETURN(const mvcc::Snapshot snapshot, origin.snapshot());
  const mvcc::FreshStore trial{.path = options.drill_path, .create = {}, .engine = origin.options};
  CAISSON_ASSIGN_OR_RETURN(
      const mvcc::BackupSummary done,
      mvcc::write_base(origin.vfs, snapshot, origin.source.uuid, sink, copy_options(options),
                       options.drill_path.empty() ? nullptr : &trial));
  CAISSON_RETURN_IF_ERROR(make_position(log, options.name, done.txn));
  return report_of(done, false);
}

Result<BackupReport> stream_increment(const BackupOrigin& origin, const BackupSink& sink,
                                      const BackupOptions& options) {
  if (!options.drill_path.empty()) {
    return fail(Error(Code::kInvalidArgument, "an increment can't be restored alone for a trial")
                    .with_advice("Restore the whole stream instead, from its base on."));
  }
  CAISSON_ASSIGN_OR_RETURN(auto position,
                           mvcc::ChangeReader::open_position(origin.source, options.name));
  CAISSON_ASSIGN_OR_RETURN(
      mvcc::Feed feed,
      mvcc::Feed::open_at(origin.source, position.feed().txn(), position.feed().position()));
  CAISSON_ASSIGN_OR_RETURN(const mvcc::Snapshot snapshot, origin.snapshot());
  CAISSON_ASSIGN_OR_RETURN(const mvcc::BackupSummary done,
                           mvcc::write_increment(feed, snapshot, sink, copy_options(options)));
  CAISSON_RETURN_IF_ERROR(position.skip_to(done.txn));
  CAISSON_RETURN_IF_ERROR(position.acknowledge());
  return report_of(done, true);
}

}  // namespace

Result<BackupReport> backup(const BackupOrigin& origin, const BackupSink& sink,
                            const BackupOptions& options) {
  CAISSON_RETURN_IF_ERROR(check_name(options.name));
  return !options.name.empty() && has_position(origin, options.name)
             ? stream_increment(origin, sink, options)
             : stream_all(origin, sink, options);
}

// --- Restoring -----------------------------------------------------------------------------------

Result<RestoreReport> restore(io::Vfs& vfs, const std::string& backup, const std::string& path,
                              const RestoreOptions& options) {
  const mvcc::EngineOptions engine = engine_options({});
  CAISSON_ASSIGN_OR_RETURN(const auto opened, mvcc::Follower::open(vfs, backup, engine));
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

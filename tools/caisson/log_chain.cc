#include "tools/caisson/log_chain.h"

#include <algorithm>
#include <utility>

#include "io/posix.h"
#include "mvcc/durable_end.h"
#include "mvcc/open_files.h"
#include "mvcc/position.h"
#include "mvcc/view.h"

namespace caisson::tools {
namespace {

// How often a store that is being written under our eyes is looked at again.
constexpr int kTries = 8;

std::string path_of(std::uint64_t file) {
  return std::string(log::kLogDirectoryName) + "/" + log::file_name(file);
}

Error chain_breaks(const log::LogReader& reader) {
  const std::uint64_t missing = to_u64(reader.txn()) + 1;
  const LogPosition& at = reader.chain().position;
  return Error(Code::kCorruption,
               "commit " + std::to_string(missing) + " is durable, and does not follow in the log")
      .in_file(path_of(at.file))
      .at_offset(at.offset)
      .at_record(missing)
      .with_rule("FEED-1");
}

Error not_passed(const LogPlace& place) {
  return Error(Code::kCorruption, "a checkpoint or a position names a place behind commit " +
                                      std::to_string(to_u64(place.txn)) +
                                      " that is not where the log has that commit")
      .in_file(path_of(place.file()))
      .at_offset(place.position.offset)
      .at_record(to_u64(place.txn))
      .with_rule("FEED-3");
}

Result<log::Record> record_at(log::LogBytes& bytes, const log::Place& place, const Uuid& uuid) {
  const auto damaged = [&place](const Error& error) {
    return fail(Error(error).in_file(path_of(place.file)).at_offset(place.offset));
  };
  const std::uint32_t seed = log::record_checksum_seed(uuid);
  CAISSON_ASSIGN_OR_RETURN(Bytes found, bytes.read(place.offset, log::kRecordHeaderSize));
  const auto header = log::decode_record_header(found, seed);
  if (!header) return damaged(header.error());
  CAISSON_ASSIGN_OR_RETURN(found, bytes.read(place.offset, log::record_size(header->payload_size)));
  auto record = log::decode_record(found, seed);
  if (!record) return damaged(record.error());
  if (record->header.place == place) return record;
  return damaged(Error(Code::kCorruption, "a record of the log lies in another one's place")
                     .with_rule("LOG-5"));
}

}  // namespace

// --- The log -------------------------------------------------------------------------------------

Result<OpenLog> OpenLog::open(const std::string& store) {
  OpenLog log;
  CAISSON_ASSIGN_OR_RETURN(log.store_, mvcc::open_store_directory(io::posix_vfs(), store));
  CAISSON_RETURN_IF_ERROR(mvcc::check_has_store(*log.store_));
  CAISSON_ASSIGN_OR_RETURN(log.lock_, mvcc::ReaderLock::take(*log.store_));
  // A writer that came before the lock, and looked for readers, may be retiring files yet.
  for (int i = 0; i < kTries; ++i) {
    CAISSON_RETURN_IF_ERROR(log.find_places());
    CAISSON_ASSIGN_OR_RETURN(const bool recovered,
                             mvcc::is_being_recovered(*log.lock_, log.meta_.uuid));
    if (!recovered && !log.places_.empty()) return log;
    io::posix_vfs().clock().sleep(mvcc::kRecoveryPause);
  }
  if (!log.places_.empty()) return fail(mvcc::being_recovered());
  return fail(
      Error(Code::kCorruption, "the files of the log that the last checkpoint needs are missing")
          .in_file(log::kLogDirectoryName)
          .with_rule("RECOVER-5")
          .with_advice("Bring them back: what they held may be in no other place."));
}

Result<void> OpenLog::find_places() {
  pager::PagerOptions options = mvcc::pager_options({});
  options.read_only = true;
  CAISSON_ASSIGN_OR_RETURN(const auto checkpoints, mvcc::read_checkpoints(*store_, options));
  meta_ = *checkpoints.attempt.candidate(checkpoints.newest).meta;
  known_ = mvcc::newest_known(checkpoints.attempt);
  CAISSON_ASSIGN_OR_RETURN(log_, mvcc::open_log_of(*store_, meta_.uuid));
  CAISSON_ASSIGN_OR_RETURN(const auto positions, mvcc::PositionFiles(*store_, meta_.uuid).list());
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> files, log_->files());
  places_.clear();
  const auto add = [&](TxnId txn, const LogPosition& position) {
    const LogPlace place{.txn = txn, .position = position};
    if (std::ranges::binary_search(files, place.file())) places_.push_back(place);
  };
  for (const mvcc::RetainedCheckpoint& entry : checkpoints.all) {
    if (entry.history) add(entry.txn, entry.log);
  }
  for (const auto& position : positions) {
    if (position) add(position->txn, position->log);
  }
  std::ranges::stable_sort(places_, {}, &LogPlace::txn);
  return {};
}

Result<LogPlace> OpenLog::first_place() const {
  const LogPlace& oldest = places_.front();
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> files, log_->files());
  const bool at_head = oldest.position.offset <= log::kFileHeaderSize;
  if (files.empty() || (oldest.file() == files.front() && at_head)) return oldest;
  log::LogBytes bytes(*log_, log::FileAccess::kRead);
  CAISSON_RETURN_IF_ERROR(bytes.open(files.front()));
  log::Place place{.file = files.front(), .offset = log::kFileHeaderSize};
  while (true) {
    auto record = record_at(bytes, place, log_->uuid());
    if (!record && place.offset != log::batch_ceiling(place.offset)) {
      place.offset = log::batch_ceiling(place.offset);
      record = record_at(bytes, place, log_->uuid());
    }
    // Parts may come first, of a commit that began in a file that has gone, and nothing else.
    if (!record && place.offset > log::kFileHeaderSize) return oldest;
    if (!record) return fail(std::move(record).error());
    place.offset += record->size;
    const log::RecordHeader& header = record->header;
    if (header.type != log::RecordType::kCommit && header.type != log::RecordType::kMark) continue;
    return LogPlace{.txn = header.txn,
                    .position = {.file = place.file,
                                 .offset = place.offset,
                                 .epoch = header.epoch,
                                 .record_checksum = record->checksum,
                                 .hash = header.hash}};
  }
}

void OpenLog::keep_from(std::uint64_t file) {
  if (file == kept_from_) return;
  const mvcc::LockRecord record{.txn = mvcc::kNoCheckpoint, .log_file = file};
  if (lock_->say(meta_.uuid, record)) kept_from_ = file;
}

// --- Records -------------------------------------------------------------------------------------

LogWalk::LogWalk(OpenLog& log, const LogPlace& from, Tail tail)
    : log_(log),
      reader_(log.directory(), log::FileAccess::kRead, from.txn, from.position),
      tail_(tail),
      durable_(from.txn) {
  log_.keep_from(from.file());
}

Result<std::optional<log::Record>> LogWalk::next() {
  for (bool looked = false;; looked = true) {
    if (trailing_ || reader_.txn() < durable_) {
      CAISSON_ASSIGN_OR_RETURN(auto record, reader_.next());
      if (record) {
        log_.keep_from(reader_.position().file);
        return record;
      }
      if (damage_) return fail(*damage_);
      if (reader_.txn() < durable_) return fail(chain_breaks(reader_));
      trailing_ = false;
    }
    if (looked) return std::optional<log::Record>();
    CAISSON_RETURN_IF_ERROR(look());
  }
}

// None while the store is being recovered: who follows can wait for that as for anything else.
Result<std::optional<mvcc::DurableEnd>> LogWalk::find_end() const {
  const mvcc::DurablePlace from{.txn = reader_.txn(),
                                .position = reader_.position(),
                                .known = std::max(log_.known(), reader_.txn())};
  if (tail_ == Tail::kLeft) {
    return mvcc::try_find_durable_end(log_.lock(), log_.directory(), from,
                                      mvcc::Trust::kRecoverable);
  }
  CAISSON_ASSIGN_OR_RETURN(
      const mvcc::DurableEnd end,
      mvcc::find_durable_end(io::posix_vfs().clock(), log_.lock(), log_.directory(), from));
  return std::optional(end);
}

// A log that nobody writes is looked at again only if somebody may have written it since.
Result<void> LogWalk::look() {
  CAISSON_ASSIGN_OR_RETURN(const auto said, log_.lock().durable(log_.meta().uuid));
  CAISSON_ASSIGN_OR_RETURN(const bool written, log_.lock().has_writer());
  if (looked_ && !written && !written_ && said == said_) return {};
  const auto end = find_end();
  if (end && !*end) return {};  // It is being recovered: there is nothing new before that is done.
  reader_.refresh();            // What was not durable may be something else now.
  written_ = written;
  said_ = said;
  looked_ = true;
  trailing_ = !written && tail_ == Tail::kRead;
  if (end) {
    durable_ = (*end)->txn;
    return {};
  }
  // Then it is read as far as it goes.
  if (end.error().code() != Code::kCorruption) return fail(end.error());
  damage_ = end.error();
  trailing_ = true;
  return {};
}

// --- Checking ------------------------------------------------------------------------------------

Result<ChainReport> check_chain(OpenLog& log, const LogPlace& from,
                                const std::function<bool(std::uint64_t)>& reading) {
  constexpr std::uint64_t kReadingEvery = std::uint64_t{1} << 20U;
  ChainReport report;
  report.from = from;
  LogWalk walk(log, from, LogWalk::Tail::kRead);
  auto place = std::ranges::upper_bound(log.places(), from.txn, {}, &LogPlace::txn);
  for (std::optional<std::uint64_t> told;;) {
    if (!told || report.bytes - *told >= kReadingEvery) {
      told = report.bytes;
      if (!reading(report.bytes)) return fail(Code::kStopped, "the log was not read to its end");
    }
    const auto record = walk.next();
    if (!record) {
      if (record.error().code() != Code::kCorruption) return fail(record.error());
      report.findings.push_back(record.error());
      break;
    }
    if (!*record) break;
    ++report.records;
    report.bytes += (*record)->size;
    const bool commits = (*record)->header.type == log::RecordType::kCommit;
    for (; commits && place != log.places().end() && place->txn <= walk.reader().txn(); ++place) {
      if (place->position != walk.reader().position())
        report.findings.push_back(not_passed(*place));
    }
  }
  const LogPosition& end = walk.reader().chain().position;
  report.txn = walk.reader().txn();
  report.end = {.file = end.file, .offset = end.offset};
  report.closed = walk.reader().closed();
  report.written = walk.written();
  return report;
}

// --- Showing -------------------------------------------------------------------------------------

namespace {

Json place_json(TxnId txn, std::uint64_t file, std::uint64_t offset) {
  Json json;
  json["txn"] = to_u64(txn);
  json["file"] = file;
  json["offset"] = offset;
  return json;
}

std::string place_text(TxnId txn, std::uint64_t file, std::uint64_t offset) {
  return "commit " + show_number(to_u64(txn)) + " (" + std::to_string(file) + ":" +
         std::to_string(offset) + ")";
}

}  // namespace

Json chain_json(const ChainReport& report) {
  Json json;
  json["from"] = place_json(report.from.txn, report.from.file(), report.from.offset());
  json["end"] = place_json(report.txn, report.end.file, report.end.offset);
  json["records"] = report.records;
  json["bytes"] = report.bytes;
  json["closed"] = report.closed;
  json["written"] = report.written;
  return json;
}

std::string describe(const ChainReport& report) {
  const std::string end = !report.findings.empty() ? ""
                          : report.written         ? "; it is being written"
                          : report.closed          ? "; the store was closed there"
                                                   : "; the store was not closed";
  return show_count(report.records, "record", "records") + ", " + show_size(report.bytes) +
         ", from behind " + place_text(report.from.txn, report.from.file(), report.from.offset()) +
         " to behind " + place_text(report.txn, report.end.file, report.end.offset) + end;
}

}  // namespace caisson::tools

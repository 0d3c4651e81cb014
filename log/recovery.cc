#include "log/recovery.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "log/mutants.h"

namespace caisson::log {
namespace {

// What may be unflushed (WRITE-2), and a record.
constexpr std::uint64_t kWindow = (std::uint64_t{4} << 20U) + kRecordSizeMax;
constexpr std::uint64_t kAll = ~std::uint64_t{0};

// Looks for records that say that a commit was acknowledged, behind the place where it is missing.
class EvidenceSearch {
 public:
  // `epoch`: the last one found. Nothing but a mutant goes by it.
  EvidenceSearch(const LogDirectory& directory, FileAccess access, TxnId missing,
                 std::uint64_t epoch)
      : directory_(directory),
        bytes_(directory, access),
        seed_(record_checksum_seed(directory.uuid())),
        missing_(missing),
        epoch_(epoch) {}

  // `window`: how far to look in each file.
  Result<std::optional<Place>> run(const Place& from, std::uint64_t window) {
    CAISSON_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> files, directory_.files());
    window_ = window;
    for (const std::uint64_t file : files) {
      if (file < from.file) continue;
      // Whatever its header says: it may be what has rotted.
      CAISSON_RETURN_IF_ERROR(bytes_.open_unchecked(file));
      const std::uint64_t begin = file == from.file ? batch_ceiling(from.offset) : kFileHeaderSize;
      for (std::uint64_t at = begin; at < bytes_.file_size() && at - begin < window_;
           at += kBatchAlignment) {
        CAISSON_ASSIGN_OR_RETURN(const bool found, batch_acknowledges({file, at}));
        if (found) return Place{file, at};
      }
    }
    return std::optional<Place>();
  }

 private:
  // Looks at a batch record by record: the first one may have been queued long before the last.
  Result<bool> batch_acknowledges(Place place) {
    while (true) {
      CAISSON_ASSIGN_OR_RETURN(const std::size_t size, whole_record_at(place));
      if (acknowledges_) return true;
      if (size == 0) return false;
      place.offset += size;
    }
  }

  // The size of a record that is whole and belongs there; 0 if there is none.
  Result<std::size_t> whole_record_at(const Place& place) {
    CAISSON_ASSIGN_OR_RETURN(Bytes bytes, bytes_.read(place.offset, kRecordHeaderSize));
    if (!has_record_magic(bytes)) return 0;
    const auto header = decode_record_header(bytes, seed_);
    if (!header || header->place != place) return 0;
    CAISSON_ASSIGN_OR_RETURN(bytes, bytes_.read(place.offset, record_size(header->payload_size)));
    if (!decode_record(bytes, seed_)) return 0;
    // Parts acknowledge no more than the commit before them, however many they are and whatever is
    // durable: what tells of them may lie behind all of them.
    if (header->txn == missing_ && header->part > 0) window_ = kAll;
    if (mutated(Mutant::kEvidenceOfOneEpoch) && header->epoch != epoch_) return 0;
    const bool any = mutated(Mutant::kAnyRecordIsEvidence) && header->txn > missing_;
    acknowledges_ = header->acknowledged >= missing_ || any;
    return record_size(header->payload_size);
  }

  const LogDirectory& directory_;
  LogBytes bytes_;
  std::uint32_t seed_;
  TxnId missing_;
  std::uint64_t epoch_;
  std::uint64_t window_ = kWindow;
  bool acknowledges_ = false;
};

// RECOVER-3: of files behind the one in which the log seems to end.
Result<void> check_lengths_behind(const LogDirectory& directory, std::uint64_t file) {
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> files, directory.files());
  for (const std::uint64_t later : files) {
    if (later > file) CAISSON_RETURN_IF_ERROR(directory.check_length(later));
  }
  return {};
}

std::unexpected<Error> lost(TxnId missing, const Place& place, const std::string& why) {
  return fail(Error(Code::kCorruption, "commit " + std::to_string(to_u64(missing)) +
                                           " was acknowledged, and its record is damaged: " + why)
                  .in_file(file_name(place.file))
                  .at_offset(place.offset)
                  .at_record(to_u64(missing))
                  .with_rule("RECOVER-3")
                  .with_advice("Nothing has been changed. Copy the store away before anything "
                               "else; a backup or a replica has what is missing."));
}

}  // namespace

Result<void> flush_log(LogDirectory& directory, std::uint64_t first) {
  if (mutated(Mutant::kCacheTrusted)) return {};
  CAISSON_RETURN_IF_ERROR(directory.sync());
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> files, directory.files());
  for (const std::uint64_t file : files) {
    if (file < first) continue;
    CAISSON_ASSIGN_OR_RETURN(const LogFile opened,
                             directory.open_unchecked(file, FileAccess::kWrite));
    CAISSON_RETURN_IF_ERROR(opened.file->sync_data());
    // Pages whose flush failed in an earlier process are called clean, and show what the disk
    // hasn't got: also to those who read the log later, through the cache.
    if (mutated(Mutant::kStaleCleanCacheTrusted)) continue;
    opened.file->advise(0, opened.size, io::Advice::kDontNeed);
  }
  return {};
}

Result<void> make_durable(LogDirectory& directory, const LogPosition& from, const LogEnd& end) {
  if (end.past_cache || mutated(Mutant::kCacheTrusted)) return {};
  if (mutated(Mutant::kStaleCleanCacheTrusted)) return {};
  const std::uint64_t first = std::max<std::uint64_t>(from.file, 1);
  std::vector<std::byte> buffer(kRecordSizeMax);
  for (std::uint64_t file = first; file <= end.resume.position.file; ++file) {
    CAISSON_ASSIGN_OR_RETURN(const LogFile opened, directory.open_file(file, FileAccess::kWrite));
    const bool last = file == end.resume.position.file;
    const std::uint64_t stop = last ? batch_ceiling(end.resume.position.offset) : opened.size;
    for (std::uint64_t at = 0; at < stop; at += buffer.size()) {
      const MutableBytes chunk =
          MutableBytes(buffer).first(std::min<std::uint64_t>(buffer.size(), stop - at));
      CAISSON_RETURN_IF_ERROR(opened.file->read_exactly(at, chunk));
      CAISSON_RETURN_IF_ERROR(opened.file->write(at, chunk));
    }
    CAISSON_RETURN_IF_ERROR(opened.file->sync_data());
  }
  return {};
}

Result<std::optional<LogReader::Chain>> resume_if_closed(const LogDirectory& directory,
                                                         FileAccess access, TxnId txn,
                                                         const LogPosition& position) {
  const std::optional<LogReader::Chain> none;
  LogReader reader(directory, access, txn, position, LogReader::Log::kStill);
  while (true) {
    CAISSON_ASSIGN_OR_RETURN(const auto record, reader.next());
    // Parts without an end are void.
    if (!record || record->header.type == RecordType::kCommit) return none;
    if (record->header.closed) break;
  }
  // A new epoch whose first record had no room beside the mark began in the next file.
  CAISSON_ASSIGN_OR_RETURN(const auto more, reader.next());
  return more ? none : reader.resume();
}

Result<LogEnd> find_log_end(const LogDirectory& directory, FileAccess access, TxnId txn,
                            const LogPosition& position, TxnId known) {
  if (mutated(Mutant::kCacheTrusted) || mutated(Mutant::kStaleCleanCacheTrusted)) {
    access = FileAccess::kRead;
  }
  LogReader reader(directory, access, txn, position);
  LogEnd end;
  while (true) {
    CAISSON_ASSIGN_OR_RETURN(const auto record, reader.next());
    if (!record) break;
    ++end.records;
    end.bytes += record->size;
  }
  end.txn = reader.txn();
  end.position = reader.position();
  end.resume = reader.resume();
  end.past_cache = reader.past_cache();
  const Place from{reader.chain().position.file, reader.chain().position.offset};
  const TxnId missing{to_u64(end.txn) + 1};
  if (mutated(Mutant::kNoEvidenceLookedFor)) return end;
  if (known >= missing) {
    return lost(missing, from, "a checkpoint holds commit " + std::to_string(to_u64(known)));
  }
  CAISSON_RETURN_IF_ERROR(check_lengths_behind(directory, from.file));
  // From where the next epoch would begin, and from the end of what an earlier one left behind it.
  EvidenceSearch search(directory, access, missing, end.position.epoch);
  const Place resume{end.resume.position.file, end.resume.position.offset};
  CAISSON_ASSIGN_OR_RETURN(auto evidence, search.run(resume, kWindow));
  if (!evidence && from != resume) {
    CAISSON_ASSIGN_OR_RETURN(evidence, search.run(from, kAll));
  }
  if (evidence) {
    return lost(missing, from,
                "the record at offset " + std::to_string(evidence->offset) + " of " +
                    file_name(evidence->file) + " says so");
  }
  return end;
}

}  // namespace caisson::log

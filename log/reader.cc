#include "log/reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/codec.h"
#include "log/mutants.h"

namespace caisson::log {
namespace {

constexpr std::uint64_t kFirstFile = 1;

// Reads get longer as they go on: whoever opens a store that was closed wants one block.
constexpr std::size_t kReadMin = 3 * kBatchAlignment;
constexpr std::size_t kReadMax = std::size_t{256} << 10U;

}  // namespace

// --- Bytes ---------------------------------------------------------------------------------------

LogBytes::LogBytes(const LogDirectory& directory, FileAccess access)
    : directory_(&directory), access_(access), buffer_(kReadMin), next_read_(kReadMin) {}

Result<void> LogBytes::open(std::uint64_t sequence) {
  if (sequence == sequence_) return {};
  sequence_ = 0;
  refresh();
  CAISSON_ASSIGN_OR_RETURN(file_, directory_->open_file(sequence, access_));
  past_cache_ = past_cache_ && file_.direct;
  sequence_ = sequence;
  return {};
}

Result<void> LogBytes::open_unchecked(std::uint64_t sequence) {
  sequence_ = 0;
  refresh();
  CAISSON_ASSIGN_OR_RETURN(file_, directory_->open_unchecked(sequence, access_));
  sequence_ = sequence;
  return {};
}

Result<Bytes> LogBytes::read(std::uint64_t offset, std::size_t size) {
  if (offset >= file_.size) return Bytes{};
  size = std::min<std::uint64_t>(size, file_.size - offset);
  if (offset < buffer_offset_ || offset + size > buffer_offset_ + buffered_) {
    // The first time from a batch before it on: whoever looks where an epoch would begin then looks
    // where a record would follow at once.
    const std::uint64_t back = next_read_ == kReadMin ? kBatchAlignment : 0;
    const std::uint64_t begin = batch_floor(offset);
    CAISSON_RETURN_IF_ERROR(fill(begin - std::min(begin, back), offset + size));
  }
  const std::uint64_t skip = offset - buffer_offset_;
  if (skip >= buffered_) return Bytes{};
  return Bytes(buffer_.bytes()).subspan(skip, buffered_ - skip);
}

Result<void> LogBytes::fill(std::uint64_t begin, std::uint64_t end) {
  const std::uint64_t size = batch_ceiling(std::max<std::uint64_t>(end - begin, next_read_));
  next_read_ = std::min(2 * next_read_, kReadMax);
  if (size > buffer_.size()) buffer_ = io::AlignedBuffer(size);
  buffered_ = 0;
  buffer_offset_ = begin;
  auto read = file_.file->read(begin, buffer_.bytes().first(size));
  if (!read && file_.direct && read.error().code() == Code::kUnsupported) {
    CAISSON_RETURN_IF_ERROR(give_up_direct());
    read = file_.file->read(begin, buffer_.bytes().first(size));
  }
  if (!read) return fail(std::move(read).error());
  if (file_.direct && *read > 0) directory_->note_direct_read();
  buffered_ = std::min<std::uint64_t>(*read, file_.size - begin);
  return {};
}

// A file system may take the flag and then refuse to read so.
Result<void> LogBytes::give_up_direct() {
  access_ = FileAccess::kRead;
  past_cache_ = false;
  const std::uint64_t size = file_.size;
  CAISSON_ASSIGN_OR_RETURN(file_, directory_->open_unchecked(sequence_, access_));
  file_.size = size;
  return {};
}

// --- Records -------------------------------------------------------------------------------------

LogReader::LogReader(const LogDirectory& directory, FileAccess access, TxnId txn,
                     const LogPosition& position, Log log)
    : bytes_(directory, access),
      log_(log),
      seed_(record_checksum_seed(directory.uuid())),
      txn_(txn),
      committed_(position) {
  if (committed_.file == 0) {
    committed_.file = kFirstFile;
    committed_.offset = kFileHeaderSize;
  }
  chain_.position = committed_;
  resume_ = chain_;
}

Result<std::optional<Record>> LogReader::next() {
  CAISSON_ASSIGN_OR_RETURN(std::optional<Record> record, find_next());
  if (!record && log_ == Log::kGrowing) {
    bytes_.refresh();  // It may have been written since its place was read.
    CAISSON_ASSIGN_OR_RETURN(record, find_next());
  }
  if (record) {
    accept(*record);
  } else {
    bytes_.refresh();
  }
  return record;
}

// What an earlier epoch left behind its last commit may be whole, and linked to it. So the
// beginning of a new epoch comes before that, and ends a commit that has no end.
Result<std::optional<Record>> LogReader::find_next() {
  const LogPosition& resume = resume_.position;
  const Place epoch_place{resume.file, batch_ceiling(resume.offset)};
  if (chain_.next_part == 0 && !mutated(Mutant::kOldPartsBelieved)) {
    CAISSON_ASSIGN_OR_RETURN(auto record, new_epoch_at(epoch_place));
    if (record) return record;
  }
  CAISSON_ASSIGN_OR_RETURN(auto record, next_in_file());
  if (record) return record;
  if (chain_.next_part != 0 && !mutated(Mutant::kOldPartsBelieved)) {
    CAISSON_ASSIGN_OR_RETURN(record, new_epoch_at(epoch_place));
    if (record) return record;
  }
  if (has_room({chain_.position.file, chain_.position.offset}) && has_room(epoch_place)) {
    return record;
  }
  const Place head{chain_.position.file + 1, kFileHeaderSize};
  CAISSON_ASSIGN_OR_RETURN(record, linked_at(head));
  if (record) return record;
  return new_epoch_at({resume.file + 1, kFileHeaderSize});
}

// Whether any record could follow in its file (LOG-7), which is the one that is open.
bool LogReader::has_room(const Place& place) const {
  return bytes_.sequence() == place.file &&
         batch_ceiling(place.offset) + kRecordSizeMax <= bytes_.file_size();
}

Result<std::optional<Record>> LogReader::new_epoch_at(const Place& place) {
  CAISSON_ASSIGN_OR_RETURN(const auto record, record_at(place, Wanted::kEpoch));
  const std::optional<Record> none;
  if (!record || !is_linked(*record, resume_)) return none;
  // Only forward: it may be the one that is being read, whose first record ends no commit. A new
  // epoch has overwritten what lies behind its place, and the mark of a store that was closed.
  const bool replaces_mark = closed_ && place == chain_.previous;
  if (record->header.epoch == chain_.position.epoch) return none;
  if (place <= chain_.previous && !replaces_mark) return none;
  chain_ = resume_;
  return record;
}

Result<std::optional<Record>> LogReader::next_in_file() {
  const LogPosition& at = chain_.position;
  CAISSON_ASSIGN_OR_RETURN(const auto record, linked_at({at.file, at.offset}));
  const std::uint64_t batch = batch_ceiling(at.offset);
  if (mutated(Mutant::kDamagedRecordSkipped) && !record) return record_behind(batch);
  if (record || batch == at.offset) return record;
  CAISSON_ASSIGN_OR_RETURN(const Bytes between, bytes_.read(at.offset, batch - at.offset));
  if (between.size() < batch - at.offset || !all_zero(between.first(batch - at.offset))) {
    return std::optional<Record>();
  }
  return linked_at({at.file, batch});
}

// For a mutant alone.
Result<std::optional<Record>> LogReader::record_behind(std::uint64_t batch) {
  for (int i = 0; i < 4; ++i, batch += kBatchAlignment) {
    CAISSON_ASSIGN_OR_RETURN(const auto record,
                             record_at({chain_.position.file, batch}, Wanted::kAny));
    if (!record || record->header.txn <= txn_ || record->header.type != RecordType::kCommit)
      continue;
    txn_ = TxnId{to_u64(record->header.txn) - 1};
    return record;
  }
  return std::optional<Record>();
}

Result<std::optional<Record>> LogReader::linked_at(const Place& place) {
  CAISSON_ASSIGN_OR_RETURN(const auto record, record_at(place, Wanted::kAny));
  if (record && is_linked(*record, chain_)) return record;
  return std::optional<Record>();
}

// The record at a place, if one that is whole says that it belongs there.
Result<std::optional<Record>> LogReader::record_at(const Place& place, Wanted wanted) {
  const std::optional<Record> none;
  if (auto opened = bytes_.open(place.file); !opened) {
    const Code code = opened.error().code();
    const bool later = place.file > chain_.position.file;
    // A file that was never used may be anything. If this one was, RECOVER-3 will tell.
    if (later && (code == Code::kNotFound || code == Code::kCorruption)) return none;
    if (code != Code::kNotFound) return fail(std::move(opened).error());
    return fail(Error(Code::kCorruption, "this log file is missing, in which the commits behind " +
                                             std::to_string(to_u64(txn_)) + " begin")
                    .in_file(file_name(place.file))
                    .with_rule("RECOVER-5"));
  }
  CAISSON_ASSIGN_OR_RETURN(Bytes bytes, bytes_.read(place.offset, kRecordHeaderSize));
  if (!has_record_magic(bytes)) return none;
  if (wanted == Wanted::kEpoch && !may_begin_epoch(bytes)) return none;
  const auto header = decode_record_header(bytes, seed_);
  if (!header || header->place != place) return none;
  CAISSON_ASSIGN_OR_RETURN(bytes, bytes_.read(place.offset, record_size(header->payload_size)));
  auto record = decode_record(bytes, seed_);
  if (!record) return none;
  return *record;
}

// LOG-6 and LOG-8.
bool LogReader::is_linked(const Record& record, const Chain& chain) const {
  const RecordHeader& header = record.header;
  if (mutated(Mutant::kRecordsNotChained) && header.type == RecordType::kCommit) {
    return to_u64(header.txn) == to_u64(txn_) + 1;
  }
  if (header.previous_checksum != chain.position.record_checksum) return false;
  if (header.previous != chain.previous && header.previous != Place{} &&
      chain.previous != Place{}) {
    return false;
  }
  if (header.begins_epoch != (header.epoch != chain.position.epoch)) return false;
  if (header.acknowledged < chain.acknowledged) return false;
  if (header.type == RecordType::kMark) {
    return header.txn == txn_ && header.hash == hash_behind(record, chain);
  }
  if (to_u64(header.txn) != to_u64(txn_) + 1) return false;
  // A commit that was given up leaves its number to the next, which begins anew.
  const bool begins = header.part == 0 && header.type != RecordType::kRollback;
  if (!begins && (header.part != chain.next_part || chain.next_part == 0)) return false;
  return header.hash == hash_behind(record, chain);
}

Hash128 LogReader::hash_behind(const Record& record, const Chain& chain) const {
  if (record.header.type == RecordType::kMark) return committed_.hash;
  return caisson::chain(record.header.part == 0 ? committed_.hash : chain.position.hash,
                        record.payload);
}

void LogReader::accept(const Record& record) {
  const RecordHeader& header = record.header;
  chain_.position = {.file = header.place.file,
                     .offset = header.place.offset + record.size,
                     .epoch = header.epoch,
                     .record_checksum = record.checksum,
                     .hash = header.hash};
  chain_.previous = header.place;
  chain_.acknowledged = header.acknowledged;
  closed_ = header.closed;
  switch (header.type) {
    case RecordType::kPart:
    case RecordType::kRollback:
      chain_.next_part = header.part + 1;
      break;
    case RecordType::kCommit:
      chain_.next_part = 0;
      txn_ = header.txn;
      committed_ = chain_.position;
      resume_ = chain_;
      break;
    case RecordType::kMark:
      chain_.next_part = 0;
      resume_ = header.closed ? resume_ : chain_;
      break;
  }
}

}  // namespace caisson::log

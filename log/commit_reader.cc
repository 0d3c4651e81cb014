#include "log/commit_reader.h"

#include <algorithm>
#include <string>
#include <utility>

namespace caisson::log {

CommitReader::CommitReader(const LogDirectory& directory, FileAccess access, TxnId txn,
                           const LogPosition& position)
    : directory_(&directory),
      access_(access),
      reader_(directory, access, txn, position),
      txn_(txn),
      position_(position) {}

Result<std::optional<Commit>> CommitReader::next(TxnId upto) {
  single_.reset();
  again_.reset();
  // What was read ahead when less was durable may have been taken back, and be something else now.
  if (upto > upto_) reader_.refresh();
  upto_ = upto;
  while (txn_ < upto) {
    CAISSON_ASSIGN_OR_RETURN(const auto record, reader_.next());
    if (!record) break;
    const RecordHeader& header = record->header;
    if (header.type == RecordType::kMark) continue;
    if (header.part == 0) begin_parts(*record);
    payload_bytes_ += record->payload.size();
    if (header.type == RecordType::kRollback) {
      voided_.push_back({decode_rollback(record->payload), header.part});
    }
    if (header.type != RecordType::kCommit) continue;
    if (header.part == 0) {
      single_ = record->payload;
    } else {
      // Before the commit's first part.
      again_.emplace(*directory_, access_, txn_, position_);
      again_ended_ = false;
    }
    txn_ = reader_.txn();
    position_ = reader_.position();
    return Commit{.txn = txn_, .position = position_, .payload = payload_bytes_};
  }
  reader_.refresh();
  return std::optional<Commit>();
}

void CommitReader::begin_parts(const Record& record) {
  first_part_ = record.header.place;
  payload_bytes_ = 0;
  voided_.clear();
}

Result<std::optional<Bytes>> CommitReader::payload() {
  if (single_) return std::exchange(single_, std::nullopt);
  while (again_ && !again_ended_) {
    CAISSON_ASSIGN_OR_RETURN(const auto record, again_->next());
    if (!record) {
      return fail(Error(Code::kCorruption, "commit " + std::to_string(to_u64(txn_)) +
                                               " has been read, and can't be read again")
                      .in_file(file_name(first_part_.file))
                      .at_offset(first_part_.offset)
                      .at_record(to_u64(txn_)));
    }
    const RecordHeader& header = record->header;
    // Marks, and what was given up under the same number.
    if (header.type == RecordType::kMark || header.place < first_part_) continue;
    const bool last = header.type == RecordType::kCommit;
    const Bytes bytes = header.type == RecordType::kRollback ? Bytes{} : without_void(*record);
    again_ended_ = last;
    if (last || !bytes.empty()) return bytes;
  }
  return std::optional<Bytes>();
}

Bytes CommitReader::without_void(const Record& record) const {
  std::size_t keep = record.payload.size();
  for (const Voided& voided : voided_) {
    if (record.header.part >= voided.end_part || record.header.part < voided.from.part) continue;
    const bool begins_here = record.header.part == voided.from.part;
    keep = std::min<std::size_t>(keep, begins_here ? voided.from.offset : 0);
  }
  return record.payload.first(keep);
}

}  // namespace caisson::log

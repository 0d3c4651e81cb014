#include "mvcc/recorder.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "base/codec.h"
#include "mvcc/mutants.h"

namespace caisson::mvcc {
namespace {

// A code and a length: less than this many bytes stand before a piece.
constexpr std::size_t kPieceHeaderMax = 8;

// A piece is as long as there is room for, but not for less than this.
constexpr std::size_t kPieceMin = 256;

}  // namespace

Recorder::Recorder(log::LogWriter& log) : log_(log), buffer_(log.payload_size_max()) {}

void Recorder::begin(TxnId txn) {
  txn_ = txn;
  part_ = 0;
  used_ = 0;
  operations_ = 0;
  bytes_ = 0;
}

bool Recorder::fits(const log::Operation& operation) const {
  return log::encoded_size(operation) <= buffer_.size();
}

Result<void> Recorder::reserve(const log::Operation& operation) {
  if (log::encoded_size(operation) <= room()) return {};
  return write_part();
}

MutableBytes Recorder::add(const log::Operation& operation) {
  const std::size_t size = log::encoded_size(operation);
  assert(size <= room());
  const MutableBytes into = MutableBytes(buffer_).subspan(used_, size);
  Encoder out(into);
  log::encode(operation, out);
  used_ += size;
  ++operations_;
  bytes_ += size;
  return into;
}

log::Operation Recorder::record(const log::Operation& operation) {
  const Bytes into = add(operation);
  log::Operation recorded = operation;
  // Behind the code, the tree and its own length; a value is the last of all.
  const std::size_t key = 1 + varint_size(operation.tree) + varint_size(operation.key.size());
  recorded.key = into.subspan(key, operation.key.size());
  recorded.value = into.last(operation.value.size());
  return recorded;
}

Result<void> Recorder::record_long(TreeId tree, Bytes key, std::uint64_t size) {
  const log::Operation begin{
      .code = log::OperationCode::kPutLong, .tree = to_u64(tree), .number = size, .key = key};
  CAISSON_RETURN_IF_ERROR(reserve(begin));
  add(begin);
  return {};
}

Result<void> Recorder::record_piece(Bytes piece) {
  while (!piece.empty()) {
    if (room() < kPieceHeaderMax + kPieceMin) CAISSON_RETURN_IF_ERROR(write_part());
    const Bytes taken = piece.first(std::min(piece.size(), room() - kPieceHeaderMax));
    add({.code = log::OperationCode::kPiece, .value = taken});
    piece = piece.subspan(taken.size());
  }
  return {};
}

Result<void> Recorder::write_part() {
  const Bytes payload(buffer_.data(), used_);
  CAISSON_RETURN_IF_ERROR(log_.append(log::RecordType::kPart, txn_, part_, payload));
  ++part_;
  used_ = 0;
  return {};
}

void Recorder::forget_since(const Position& position) {
  used_ = position.target.offset;
  operations_ = position.operations;
  bytes_ = position.bytes;
}

Result<void> Recorder::roll_back_to(const Position& position) {
  if (position.target.part != part_ && !mutated(Mutant::kRollbackNotRecorded)) {
    std::array<std::byte, log::kRollbackPayloadSize> payload;
    log::encode_rollback(position.target, payload);
    CAISSON_RETURN_IF_ERROR(log_.append(log::RecordType::kRollback, txn_, part_, payload));
    ++part_;
    used_ = 0;
  } else if (position.target.part == part_) {
    used_ = position.target.offset;
  } else {
    used_ = 0;
  }
  operations_ = position.operations;
  bytes_ = position.bytes;
  return {};
}

Result<log::LogWriter::Appended> Recorder::commit() {
  return log_.append(log::RecordType::kCommit, txn_, part_, Bytes(buffer_.data(), used_));
}

}  // namespace caisson::mvcc

#include "mvcc/archive_writer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/codec.h"

namespace caisson::mvcc {

ArchiveWriter::ArchiveWriter(std::uint64_t archive, ByteSink sink, ArchiveVisitor& reader)
    : archive_(archive), sink_(std::move(sink)), check_(reader), block_(kArchiveHeaderSize) {
  block_.reserve(kArchiveHeaderSize + kArchivePayloadMax);
}

// --- A base --------------------------------------------------------------------------------------

Result<void> ArchiveWriter::begin_base(const ArchiveBase& base) {
  return write(ArchiveBlockType::kBeginBase, encode(base));
}

Result<void> ArchiveWriter::begin(TreeId /*next_tree*/) { return {}; }

Result<void> ArchiveWriter::begin_tree(const TreeEntry& tree) {
  CAISSON_RETURN_IF_ERROR(flush_entries());
  return write(ArchiveBlockType::kTree, encode_archive_tree(tree));
}

Result<void> ArchiveWriter::entry(Bytes key, Bytes value) {
  const std::size_t size = 2 * kVarintSizeMax + key.size() + value.size();
  if (size > kArchivePayloadMax) {
    CAISSON_RETURN_IF_ERROR(begin_value(key, value.size()));
    return piece(value);
  }
  if (block_.size() + size > block_.capacity()) CAISSON_RETURN_IF_ERROR(flush_entries());
  const std::size_t at = block_.size();
  block_.resize(at + size);
  Encoder out(MutableBytes(block_).subspan(at));
  out.varint(key.size());
  out.bytes(key);
  out.varint(value.size());
  out.bytes(value);
  block_.resize(at + out.position());
  return {};
}

Result<void> ArchiveWriter::begin_value(Bytes key, std::uint64_t size) {
  CAISSON_RETURN_IF_ERROR(flush_entries());
  return write(ArchiveBlockType::kValue, encode(ArchiveValue{.key = key, .size = size}));
}

Result<void> ArchiveWriter::piece(Bytes piece) {
  while (!piece.empty()) {
    const Bytes now = piece.first(std::min(piece.size(), kArchivePayloadMax));
    CAISSON_RETURN_IF_ERROR(write(ArchiveBlockType::kPiece, now));
    piece = piece.subspan(now.size());
  }
  return {};
}

Result<void> ArchiveWriter::end_base(const ArchiveBaseEnd& end) {
  CAISSON_RETURN_IF_ERROR(flush_entries());
  return write(ArchiveBlockType::kEndBase, encode(end));
}

// --- An increment --------------------------------------------------------------------------------

Result<void> ArchiveWriter::begin_increment(const ArchiveIncrement& increment) {
  return write(ArchiveBlockType::kBeginIncrement, encode(increment));
}

Result<void> ArchiveWriter::begin_commit(TxnId txn) {
  std::array<std::byte, 8> bytes;
  store_u64(bytes.data(), to_u64(txn));
  return write(ArchiveBlockType::kCommit, bytes);
}

// As long as a record's, which is less than a block's.
Result<void> ArchiveWriter::operations(Bytes payload) {
  return write(ArchiveBlockType::kOperations, payload);
}

Result<void> ArchiveWriter::end_commit(const Hash128& log_hash) {
  std::array<std::byte, kHash128SizeBytes> bytes;
  store_hash128(bytes.data(), log_hash);
  return write(ArchiveBlockType::kEndCommit, bytes);
}

Result<void> ArchiveWriter::end_increment(const ArchiveIncrementEnd& end) {
  return write(ArchiveBlockType::kEndIncrement, encode(end));
}

// --- Blocks --------------------------------------------------------------------------------------

Result<void> ArchiveWriter::write(ArchiveBlockType type, Bytes payload) {
  block_.insert(block_.end(), payload.begin(), payload.end());
  return flush_block(type);
}

Result<void> ArchiveWriter::flush_entries() {
  if (block_.size() == kArchiveHeaderSize) return {};
  return flush_block(ArchiveBlockType::kEntries);
}

Result<void> ArchiveWriter::flush_block(ArchiveBlockType type) {
  encode_archive_header({.type = type, .archive = archive_, .number = blocks_, .payload = {}},
                        block_);
  CAISSON_RETURN_IF_ERROR(check_.take(block_));
  CAISSON_RETURN_IF_ERROR(sink_(block_));
  ++blocks_;
  bytes_written_ += block_.size();
  block_.resize(kArchiveHeaderSize);
  return {};
}

}  // namespace caisson::mvcc

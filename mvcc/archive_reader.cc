#include "mvcc/archive_reader.h"

#include <algorithm>
#include <utility>

#include "base/codec.h"

namespace caisson::mvcc {
namespace {

using Type = ArchiveBlockType;

std::unexpected<Error> out_of_place() {
  return fail(broken_archive("ARCHIVE-4", "a block is out of its place"));
}

}  // namespace

Result<void> ArchiveDecoder::take(Bytes bytes) {
  CAISSON_ASSIGN_OR_RETURN(const ArchiveBlock block, decode_archive_block(bytes));
  CAISSON_RETURN_IF_ERROR(check_number(block));
  CAISSON_RETURN_IF_ERROR(show(block));
  ++blocks_;
  return {};
}

Result<void> ArchiveDecoder::finish() const {
  if (within_ != Within::kNothing) {
    return fail(broken_archive("ARCHIVE-2", "the stream ends within it"));
  }
  if (reached_) return {};
  return fail(broken_archive("ARCHIVE-2", "the stream is empty"));
}

// ARCHIVE-2.
Result<void> ArchiveDecoder::check_number(const ArchiveBlock& block) {
  if (within_ == Within::kNothing) {
    if (block.archive == 0 || block.archive == archive_ || block.number != 0) {
      return fail(broken_archive("ARCHIVE-2", "an archive does not begin with its first block"));
    }
    archive_ = block.archive;
    next_number_ = 1;
    return {};
  }
  if (block.archive != archive_ || block.number != next_number_) {
    return fail(broken_archive("ARCHIVE-2", "a block is missing, or of another archive"));
  }
  ++next_number_;
  return {};
}

Result<void> ArchiveDecoder::show(const ArchiveBlock& block) {
  switch (within_) {
    case Within::kNothing:
      return show_begin(block);
    case Within::kBase:
      return show_of_base(block);
    case Within::kIncrement:
      return show_of_increment(block);
    case Within::kCommit:
      return show_of_commit(block);
  }
  return out_of_place();
}

Result<void> ArchiveDecoder::show_begin(const ArchiveBlock& block) {
  if (block.type == Type::kBeginBase) {
    CAISSON_ASSIGN_OR_RETURN(const ArchiveBase base, decode_archive_base(block.payload));
    if (reached_) return out_of_place();
    CAISSON_ASSIGN_OR_RETURN(state_, visitor_.begin_base(base));
    within_ = Within::kBase;
    reached_ = {.uuid = base.uuid, .txn = base.txn, .log_hash = base.log_hash};
    next_tree_ = base.next_tree;
    return state_->begin(base.next_tree);
  }
  if (block.type != Type::kBeginIncrement) return out_of_place();
  CAISSON_ASSIGN_OR_RETURN(const ArchiveIncrement begin, decode_archive_increment(block.payload));
  if (reached_) CAISSON_RETURN_IF_ERROR(check_follows(begin));
  CAISSON_RETURN_IF_ERROR(visitor_.begin_increment(begin));
  within_ = Within::kIncrement;
  reached_ = begin;
  return {};
}

// ARCHIVE-5.
Result<void> ArchiveDecoder::check_follows(const ArchiveIncrement& next) const {
  if (next == *reached_) return {};
  const std::uint64_t begins = to_u64(next.txn);
  const std::uint64_t ends = to_u64(reached_->txn);
  std::string what = "it is of another store than the one before it, or of another history";
  if (begins != ends) {
    what = "it follows commit " + std::to_string(begins) + ", and the one before it ends with " +
           std::to_string(ends);
  }
  return fail(Error(Code::kCorruption, "an increment does not follow what came before: " + what)
                  .with_rule("ARCHIVE-5")
                  .with_advice("Give all of them, in the order in which they were made."));
}

// --- A base --------------------------------------------------------------------------------------

Result<void> ArchiveDecoder::show_of_base(const ArchiveBlock& block) {
  if ((block.type == Type::kPiece) != (bytes_missing_ > 0)) return out_of_place();
  switch (block.type) {
    case Type::kTree:
      return show_tree(block.payload);
    case Type::kEntries:
      return show_entries(block.payload);
    case Type::kValue:
      return show_value(block.payload);
    case Type::kPiece:
      return show_piece(block.payload);
    case Type::kEndBase:
      return show_end_base(block.payload);
    default:
      return out_of_place();
  }
}

Result<void> ArchiveDecoder::check_tree_whole() const {
  if (entries_missing_ == 0) return {};
  return fail(broken_archive("ARCHIVE-4", "a tree lacks entries"));
}

Result<void> ArchiveDecoder::show_tree(Bytes payload) {
  CAISSON_RETURN_IF_ERROR(check_tree_whole());
  CAISSON_ASSIGN_OR_RETURN(const TreeEntry tree, decode_archive_tree(payload));
  if (tree.id <= tree_ || tree.id >= next_tree_) {
    return fail(broken_archive("ARCHIVE-4", "a tree's number is out of its order"));
  }
  tree_ = tree.id;
  entries_missing_ = tree.root.count;
  has_key_ = false;
  ++trees_;
  return state_->begin_tree(tree);
}

Result<void> ArchiveDecoder::begin_entry(Bytes key) {
  if (entries_missing_ == 0) {
    return fail(broken_archive("ARCHIVE-4", "a tree has more entries than it should"));
  }
  if (has_key_ && !std::ranges::lexicographical_compare(last_key_, key)) {
    return fail(broken_archive("ARCHIVE-4", "keys are out of their order"));
  }
  last_key_.assign(key.begin(), key.end());
  has_key_ = true;
  --entries_missing_;
  ++entries_;
  return {};
}

Result<void> ArchiveDecoder::show_entries(Bytes payload) {
  Decoder in(payload);
  while (in.remaining() > 0) {
    const Bytes key = in.bytes(in.varint());
    const Bytes value = in.bytes(in.varint());
    if (!in.ok()) return fail(broken_archive("ARCHIVE-3", "an entry is cut off"));
    CAISSON_RETURN_IF_ERROR(begin_entry(key));
    CAISSON_RETURN_IF_ERROR(state_->entry(key, value));
  }
  return {};
}

Result<void> ArchiveDecoder::show_value(Bytes payload) {
  CAISSON_ASSIGN_OR_RETURN(const ArchiveValue value, decode_archive_value(payload));
  CAISSON_RETURN_IF_ERROR(begin_entry(value.key));
  bytes_missing_ = value.size;
  return state_->begin_value(value.key, value.size);
}

Result<void> ArchiveDecoder::show_piece(Bytes payload) {
  if (payload.empty() || payload.size() > bytes_missing_) {
    return fail(broken_archive("ARCHIVE-4", "a value's pieces are longer than it"));
  }
  bytes_missing_ -= payload.size();
  return state_->piece(payload);
}

Result<void> ArchiveDecoder::show_end_base(Bytes payload) {
  CAISSON_RETURN_IF_ERROR(check_tree_whole());
  CAISSON_ASSIGN_OR_RETURN(const ArchiveBaseEnd end, decode_archive_base_end(payload));
  if (end.trees != trees_ || end.entries != entries_) {
    return fail(broken_archive("ARCHIVE-4", "it has not as many entries as its end says"));
  }
  within_ = Within::kNothing;
  state_ = nullptr;
  return visitor_.end_base(end);
}

// --- An increment --------------------------------------------------------------------------------

Result<void> ArchiveDecoder::show_of_increment(const ArchiveBlock& block) {
  if (block.type == Type::kCommit) {
    Decoder in(block.payload);
    const TxnId txn{in.u64()};
    if (!in.finish()) return fail(broken_archive("ARCHIVE-3", "a commit has no number"));
    if (to_u64(txn) != to_u64(reached_->txn) + 1) {
      return fail(broken_archive("ARCHIVE-4", "a commit's number is not the next"));
    }
    reached_->txn = txn;
    within_ = Within::kCommit;
    return visitor_.begin_commit(txn);
  }
  if (block.type != Type::kEndIncrement) return out_of_place();
  CAISSON_ASSIGN_OR_RETURN(const ArchiveIncrementEnd end,
                           decode_archive_increment_end(block.payload));
  if (end.txn != reached_->txn) {
    return fail(broken_archive("ARCHIVE-4", "it ends with another commit than it says"));
  }
  within_ = Within::kNothing;
  return visitor_.end_increment(end);
}

Result<void> ArchiveDecoder::show_of_commit(const ArchiveBlock& block) {
  if (block.type == Type::kOperations) return visitor_.operations(block.payload);
  if (block.type != Type::kEndCommit) return out_of_place();
  if (block.payload.size() != kHash128SizeBytes) {
    return fail(broken_archive("ARCHIVE-3", "a commit ends without a hash"));
  }
  reached_->log_hash = load_hash128(block.payload.data());
  within_ = Within::kIncrement;
  return visitor_.end_commit();
}

// --- Streams -------------------------------------------------------------------------------------

namespace {

// False at the end of the stream; kCorruption where it ends before all bytes have come.
Result<bool> read_all(const ByteSource& source, MutableBytes into) {
  std::size_t done = 0;
  while (done < into.size()) {
    CAISSON_ASSIGN_OR_RETURN(const std::size_t size, source(into.subspan(done)));
    if (size == 0 && done == 0) return false;
    if (size == 0) return fail(broken_archive("ARCHIVE-2", "the stream ends within a block"));
    done += size;
  }
  return true;
}

Result<bool> take_block(const ByteSource& source, std::vector<std::byte>& block,
                        ArchiveDecoder& decoder) {
  block.resize(kArchiveHeaderSize);
  CAISSON_ASSIGN_OR_RETURN(const bool more, read_all(source, block));
  if (!more) return false;
  CAISSON_ASSIGN_OR_RETURN(const std::size_t size, decode_archive_payload_size(block));
  block.resize(kArchiveHeaderSize + size);
  if (size > 0) {
    CAISSON_ASSIGN_OR_RETURN(const bool whole,
                             read_all(source, MutableBytes(block).subspan(kArchiveHeaderSize)));
    if (!whole) return fail(broken_archive("ARCHIVE-2", "the stream ends within a block"));
  }
  CAISSON_RETURN_IF_ERROR(decoder.take(block));
  return true;
}

}  // namespace

Result<void> read_archives(const ByteSource& source, ArchiveVisitor& visitor,
                           const std::function<bool()>& enough) {
  ArchiveDecoder decoder(visitor);
  std::vector<std::byte> block;
  while (true) {
    auto more = take_block(source, block, decoder);
    if (!more) {
      Error error = std::move(more).error();
      const bool in_stream = error.rule().starts_with("ARCHIVE-");  // Not its source's.
      return fail(in_stream ? std::move(error).at_record(decoder.blocks()) : std::move(error));
    }
    if (!*more) return decoder.finish();
    if (enough && enough()) return {};
  }
}

}  // namespace caisson::mvcc

#include "tools/rows/dump_format.h"

#include <caisson/bytes.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/codec.h"
#include "base/crc32c.h"

namespace caisson::tools {
namespace {

constexpr std::string_view kMagic = "CAISSONd";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kChecksumAt = 8;  // In the header.
constexpr std::size_t kNameSizeMax = 255;
constexpr std::size_t kKeySizeMax = 8192;
constexpr std::uint64_t kValueSizeMax = std::uint64_t{1} << 40U;

// Blocks are ended when they have so much: small enough to stay in a cache.
constexpr std::size_t kPayloadWanted = std::size_t{64} << 10U;

Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// Of a header, with its own four bytes taken as zero.
std::uint32_t header_checksum(Bytes header) {
  std::array<std::byte, kDumpHeaderSize> copy{};
  std::ranges::copy(header.first(kDumpHeaderSize), copy.begin());
  store_u32(copy.data() + kChecksumAt, 0);
  return crc32c(copy);
}

}  // namespace

// --- Reading -------------------------------------------------------------------------------------

std::string DumpReader::place() const { return "offset " + std::to_string(block_at_); }

std::unexpected<Error> DumpReader::bad(const std::string& what, const std::string& rule) {
  ended_ = true;
  return fail(Error(Code::kCorruption, what).at_offset(block_at_).with_rule(rule));
}

bool DumpReader::want(std::size_t size) {
  while (input_.unread().size() < size) {
    if (!input_.fill()) return false;
  }
  return true;
}

Result<void> DumpReader::read_header() {
  if (!want(kDumpHeaderSize)) return bad("a dump's header is cut off", "DUMP-1");
  const Bytes header = as_bytes(input_.unread().substr(0, kDumpHeaderSize));
  Decoder in(header);
  if (as_text(in.bytes(kMagic.size())) != kMagic) return bad("this is no dump", "DUMP-1");
  const std::uint32_t checksum = in.u32();
  const std::uint32_t version = in.u32();
  if (checksum != header_checksum(header)) return bad("a dump's header is damaged", "DUMP-1");
  if (version > kVersion) {
    ended_ = true;
    return fail(Error(Code::kUnsupportedVersion, "a dump of version " + std::to_string(version) +
                                                     "; this program reads " +
                                                     std::to_string(kVersion))
                    .with_rule("DUMP-1"));
  }
  txn_ = TxnId{in.u64()};
  in.zeros(8);
  if (version == 0 || !in.finish()) return bad("a dump's header says what it can't", "DUMP-1");
  input_.use(kDumpHeaderSize);
  return {};
}

Result<void> DumpReader::read_block() {
  block_at_ = input_.position();
  payload_.clear();
  next_ = 0;
  if (!want(kDumpBlockHeaderSize)) return bad("the dump is cut off", "DUMP-4");
  Decoder in(as_bytes(input_.unread().substr(0, kDumpBlockHeaderSize)));
  const std::uint32_t checksum = in.u32();
  const std::uint32_t size = in.u32();
  const std::uint64_t number = in.u64();
  if (size == 0 || size > kDumpPayloadMax || number != block_) {
    return bad("a block's header says what it can't", "DUMP-2");
  }
  if (!want(kDumpBlockHeaderSize + size)) return bad("the dump is cut off", "DUMP-4");
  const std::string_view block = input_.unread().substr(0, kDumpBlockHeaderSize + size);
  if (crc32c(as_bytes(block.substr(4))) != checksum) return bad("a block is damaged", "DUMP-2");
  payload_ = block.substr(kDumpBlockHeaderSize);
  input_.use(block.size());
  ++block_;
  return {};
}

Result<std::uint64_t> DumpReader::read_number() {
  Decoder in(as_bytes(std::string_view(payload_).substr(next_)));
  const std::uint64_t number = in.varint();
  if (!in.ok()) return bad("a number is cut off, or not of the shortest form", "DUMP-3");
  next_ += in.position();
  return number;
}

Result<std::string_view> DumpReader::read_bytes() {
  CAISSON_ASSIGN_OR_RETURN(const std::uint64_t size, read_number());
  if (size > payload_.size() - next_) return bad("an item goes beyond its block", "DUMP-3");
  const auto bytes = std::string_view(payload_).substr(next_, static_cast<std::size_t>(size));
  next_ += bytes.size();
  return bytes;
}

Result<DumpReader::Item> DumpReader::read_item() {
  if (next_ == payload_.size()) CAISSON_RETURN_IF_ERROR(read_block());
  const auto type = static_cast<unsigned char>(payload_[next_++]);
  if (type < 1 || type > 5) return bad("an item of a type that there isn't", "DUMP-3");
  return static_cast<Item>(type);
}

Result<void> DumpReader::read_end() {
  CAISSON_ASSIGN_OR_RETURN(const std::uint64_t trees, read_number());
  CAISSON_ASSIGN_OR_RETURN(const std::uint64_t entries, read_number());
  if (trees != trees_ || entries != entries_) return bad("it lacks trees or entries", "DUMP-4");
  if (next_ != payload_.size() || want(1)) return bad("bytes follow the end", "DUMP-4");
  ended_ = true;
  return {};
}

Result<bool> DumpReader::read_row(Item item, Row& row) {
  if (item == Item::kTree) {
    CAISSON_ASSIGN_OR_RETURN(tree_, read_bytes());
    if (tree_.empty() || tree_.size() > kNameSizeMax) return bad("no name of a tree", "DUMP-3");
    row.kind = Row::Kind::kTree;
    row.tree = tree_;
    has_tree_ = true;
    ++trees_;
    return true;
  }
  if (!has_tree_) return bad("an entry before any tree", "DUMP-3");
  if (item == Item::kPiece) return bad("a piece of no value", "DUMP-3");
  row.tree = tree_;
  CAISSON_ASSIGN_OR_RETURN(row.key, read_bytes());
  if (row.key.size() > kKeySizeMax) return bad("a key longer than any", "DUMP-3");
  ++entries_;
  if (item == Item::kEntry) {
    CAISSON_ASSIGN_OR_RETURN(row.value, read_bytes());
    row.value_size = row.value.size();
    return true;
  }
  row.kind = Row::Kind::kLongEntry;
  CAISSON_ASSIGN_OR_RETURN(row.value_size, read_number());
  if (row.value_size == 0 || row.value_size > kValueSizeMax) {
    return bad("a long value of a size that there isn't", "DUMP-3");
  }
  value_left_ = row.value_size;
  return true;
}

Result<bool> DumpReader::next(Row& row) {
  if (ended_) return false;
  if (!begun_) CAISSON_RETURN_IF_ERROR(read_header());
  begun_ = true;
  // What a reader doesn't want of a long value.
  while (value_left_ > 0) CAISSON_RETURN_IF_ERROR(piece());
  row = {};
  CAISSON_ASSIGN_OR_RETURN(const Item item, read_item());
  if (item != Item::kEnd) return read_row(item, row);
  CAISSON_RETURN_IF_ERROR(read_end());
  return false;
}

Result<std::string_view> DumpReader::piece() {
  if (ended_ || value_left_ == 0) return fail(Code::kInvalidArgument, "no value is being read");
  CAISSON_ASSIGN_OR_RETURN(const Item item, read_item());
  if (item != Item::kPiece) return bad("a long value lacks pieces", "DUMP-3");
  CAISSON_ASSIGN_OR_RETURN(const std::string_view bytes, read_bytes());
  if (bytes.empty() || bytes.size() > value_left_) {
    return bad("a piece of a size that there isn't", "DUMP-3");
  }
  value_left_ -= bytes.size();
  return bytes;
}

// --- Writing -------------------------------------------------------------------------------------

DumpWriter::DumpWriter(RowSink& sink, TxnId txn) : sink_(sink) {
  std::array<std::byte, kDumpHeaderSize> header{};
  Encoder out(header);
  out.bytes(as_bytes(kMagic));
  out.u32(0);
  out.u32(kVersion);
  out.u64(to_u64(txn));
  store_u32(header.data() + kChecksumAt, header_checksum(header));
  sink_.write(as_text(header));
}

void DumpWriter::flush() {
  if (payload_.empty()) return;
  std::array<std::byte, kDumpBlockHeaderSize> header{};
  store_u32(header.data() + 4, static_cast<std::uint32_t>(payload_.size()));
  store_u64(header.data() + 8, state_.blocks++);
  const std::uint32_t checksum = crc32c(Bytes(header).subspan(4));
  store_u32(header.data(), crc32c_extend(checksum, as_bytes(payload_)));
  sink_.write(as_text(header));
  sink_.write(payload_);
  payload_.clear();
}

void DumpWriter::reserve(std::size_t size) {
  if (payload_.size() + size > kPayloadWanted) flush();
}

void DumpWriter::add_number(std::uint64_t number) {
  std::array<std::byte, kVarintSizeMax> bytes{};
  Encoder out(bytes);
  out.varint(number);
  payload_.append(as_text(bytes).substr(0, out.position()));
}

void DumpWriter::add_bytes(std::string_view bytes) {
  add_number(bytes.size());
  payload_.append(bytes);
}

Result<void> DumpWriter::begin_tree(std::string_view name, std::uint64_t /*count*/) {
  reserve(1 + 2 + name.size());
  payload_ += '\1';
  add_bytes(name);
  ++state_.trees;
  return {};
}

Result<void> DumpWriter::entry(std::string_view key, Value& value) {
  ++state_.entries;
  const bool is_long = !value.in_one_piece();
  reserve(1 + 2 * kVarintSizeMax + key.size() +
          (is_long ? 0 : static_cast<std::size_t>(value.size())));
  payload_ += is_long ? '\3' : '\2';
  add_bytes(key);
  if (!is_long) {
    CAISSON_ASSIGN_OR_RETURN(const Bytes bytes, value.bytes());
    add_bytes(as_text(bytes));
    return {};
  }
  add_number(value.size());
  for (std::uint64_t offset = 0; offset < value.size() && sink_.good();) {
    CAISSON_ASSIGN_OR_RETURN(const Bytes piece, value.piece(offset));
    reserve(1 + kVarintSizeMax + piece.size());
    payload_ += '\4';
    add_bytes(as_text(piece));
    offset += piece.size();
  }
  return {};
}

void DumpWriter::finish() {
  reserve(1 + 2 * kVarintSizeMax);
  payload_ += '\5';
  add_number(state_.trees);
  add_number(state_.entries);
  flush();
}

}  // namespace caisson::tools

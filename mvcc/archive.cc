#include "mvcc/archive.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/codec.h"
#include "base/crc32c.h"
#include "mvcc/options.h"

namespace caisson::mvcc {
namespace {

constexpr std::array kMagic{std::byte{'C'}, std::byte{'A'}, std::byte{'r'}, std::byte{'c'}};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kChecksumOffset = 4;
constexpr std::size_t kCheckedOffset = 8;

void put_hash(Encoder& out, const Hash128& hash) {
  std::array<std::byte, kHash128SizeBytes> bytes;
  store_hash128(bytes.data(), hash);
  out.bytes(bytes);
}

Hash128 get_hash(Decoder& in) {
  const Bytes bytes = in.bytes(kHash128SizeBytes);
  return bytes.empty() ? Hash128{} : load_hash128(bytes.data());
}

Result<void> finish(const Decoder& in) {
  if (in.finish()) return {};
  return fail(broken_archive("ARCHIVE-3", "a block's payload is not what its type asks for"));
}

Result<void> check_version(std::uint32_t version) {
  if (version == 0) return fail(broken_archive("ARCHIVE-3", "its version never was"));
  if (version == kVersion) return {};
  return fail(Error(Code::kUnsupportedVersion, "the archive is of version " +
                                                   std::to_string(version) + "; this one reads " +
                                                   std::to_string(kVersion))
                  .with_rule("ARCHIVE-3"));
}

}  // namespace

Error broken_archive(const char* rule, std::string what) {
  return Error(Code::kCorruption, "the archive is damaged: " + std::move(what))
      .with_rule(rule)
      .with_advice("Take another copy of it, or make a new one.");
}

// --- Blocks --------------------------------------------------------------------------------------

void encode_archive_header(const ArchiveBlock& block, MutableBytes bytes) {
  std::ranges::copy(kMagic, bytes.data());
  Encoder out(bytes.subspan(kCheckedOffset, kArchiveHeaderSize - kCheckedOffset));
  out.u32(static_cast<std::uint32_t>(bytes.size() - kArchiveHeaderSize));
  out.u8(static_cast<std::uint8_t>(block.type));
  out.zeros(3);
  out.u64(block.archive);
  out.u64(block.number);
  store_u32(bytes.data() + kChecksumOffset, crc32c(bytes.subspan(kCheckedOffset)));
}

Result<std::size_t> decode_archive_payload_size(Bytes header) {
  if (!std::ranges::equal(header.first(kMagic.size()), kMagic)) {
    return fail(broken_archive("ARCHIVE-1", "a block does not begin as one"));
  }
  const std::size_t size = load_u32(header.data() + kCheckedOffset);
  if (size <= kArchivePayloadMax) return size;
  return fail(broken_archive("ARCHIVE-1", "a block is too large"));
}

Result<ArchiveBlock> decode_archive_block(Bytes block) {
  if (load_u32(block.data() + kChecksumOffset) != crc32c(block.subspan(kCheckedOffset))) {
    return fail(broken_archive("ARCHIVE-1", "a block's checksum differs"));
  }
  Decoder in(block.subspan(kCheckedOffset + 4, kArchiveHeaderSize - kCheckedOffset - 4));
  const std::uint8_t type = in.u8();
  in.zeros(3);
  ArchiveBlock decoded;
  decoded.archive = in.u64();
  decoded.number = in.u64();
  decoded.payload = block.subspan(kArchiveHeaderSize);
  if (!in.ok()) return fail(broken_archive("ARCHIVE-1", "a block's header has other bytes"));
  if (type == 0 || type > static_cast<std::uint8_t>(ArchiveBlockType::kEndIncrement)) {
    return fail(broken_archive("ARCHIVE-3", "a block is of a type that is not known"));
  }
  decoded.type = static_cast<ArchiveBlockType>(type);
  return decoded;
}

// --- Payloads ------------------------------------------------------------------------------------

std::vector<std::byte> encode(const ArchiveBase& base) {
  std::vector<std::byte> bytes(4 + 16 + 8 + 16 + 4 + 4 + 8 + 4 + 8);
  Encoder out(bytes);
  out.u32(kVersion);
  out.uuid(base.uuid);
  out.u64(to_u64(base.txn));
  put_hash(out, base.log_hash);
  out.u32(base.page_size);
  out.u32(base.limits.key_size_max);
  out.u64(base.limits.value_size_max);
  out.u32(base.limits.tree_height_max);
  out.u64(to_u64(base.next_tree));
  return bytes;
}

Result<ArchiveBase> decode_archive_base(Bytes payload) {
  Decoder in(payload);
  const std::uint32_t version = in.u32();
  if (in.ok()) CAISSON_RETURN_IF_ERROR(check_version(version));
  ArchiveBase base;
  base.uuid = in.uuid();
  base.txn = TxnId{in.u64()};
  base.log_hash = get_hash(in);
  base.page_size = in.u32();
  base.limits.key_size_max = in.u32();
  base.limits.value_size_max = in.u64();
  base.limits.tree_height_max = in.u32();
  base.next_tree = TreeId{in.u64()};
  CAISSON_RETURN_IF_ERROR(finish(in));
  if (to_u64(base.next_tree) == 0 || to_u64(base.next_tree) - 1 > to_u64(kTreeIdMax)) {
    return fail(broken_archive("ARCHIVE-3", "the next tree has a number that can't be"));
  }
  if (base.txn > kTxnMax) return fail(broken_archive("ARCHIVE-3", "its commit can't be"));
  const auto shape =
      pager::validate(pager::CreateOptions{.page_size = base.page_size, .limits = base.limits});
  if (!shape) return fail(broken_archive("ARCHIVE-3", shape.error().message()));
  return base;
}

std::vector<std::byte> encode(const ArchiveBaseEnd& end) {
  std::vector<std::byte> bytes(16 + 8 + 8);
  Encoder out(bytes);
  put_hash(out, end.state_hash);
  out.u64(end.trees);
  out.u64(end.entries);
  return bytes;
}

Result<ArchiveBaseEnd> decode_archive_base_end(Bytes payload) {
  Decoder in(payload);
  ArchiveBaseEnd end;
  end.state_hash = get_hash(in);
  end.trees = in.u64();
  end.entries = in.u64();
  CAISSON_RETURN_IF_ERROR(finish(in));
  return end;
}

std::vector<std::byte> encode(const ArchiveIncrement& increment) {
  std::vector<std::byte> bytes(4 + 16 + 8 + 16);
  Encoder out(bytes);
  out.u32(kVersion);
  out.uuid(increment.uuid);
  out.u64(to_u64(increment.txn));
  put_hash(out, increment.log_hash);
  return bytes;
}

Result<ArchiveIncrement> decode_archive_increment(Bytes payload) {
  Decoder in(payload);
  const std::uint32_t version = in.u32();
  if (in.ok()) CAISSON_RETURN_IF_ERROR(check_version(version));
  ArchiveIncrement increment;
  increment.uuid = in.uuid();
  increment.txn = TxnId{in.u64()};
  increment.log_hash = get_hash(in);
  CAISSON_RETURN_IF_ERROR(finish(in));
  return increment;
}

std::vector<std::byte> encode(const ArchiveIncrementEnd& end) {
  std::vector<std::byte> bytes(8 + 16);
  Encoder out(bytes);
  out.u64(to_u64(end.txn));
  put_hash(out, end.state_hash);
  return bytes;
}

Result<ArchiveIncrementEnd> decode_archive_increment_end(Bytes payload) {
  Decoder in(payload);
  ArchiveIncrementEnd end;
  end.txn = TxnId{in.u64()};
  end.state_hash = get_hash(in);
  CAISSON_RETURN_IF_ERROR(finish(in));
  return end;
}

std::vector<std::byte> encode_archive_tree(const TreeEntry& tree) {
  std::vector<std::byte> bytes(5 * kVarintSizeMax + tree.name.size() + tree.options.size());
  Encoder out(bytes);
  out.varint(to_u64(tree.id));
  out.varint(tree.kind);
  out.varint(tree.root.count);
  out.varint(tree.name.size());
  out.bytes(std::as_bytes(std::span(tree.name)));
  out.varint(tree.options.size());
  out.bytes(tree.options);
  bytes.resize(out.position());
  return bytes;
}

Result<TreeEntry> decode_archive_tree(Bytes payload) {
  Decoder in(payload);
  TreeEntry tree;
  tree.id = TreeId{in.varint()};
  tree.kind = in.varint();
  tree.root.count = in.varint();
  const Bytes name = in.bytes(in.varint());
  const Bytes options = in.bytes(in.varint());
  CAISSON_RETURN_IF_ERROR(finish(in));
  tree.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
  tree.options.assign(options.begin(), options.end());
  return tree;
}

std::vector<std::byte> encode(const ArchiveValue& value) {
  std::vector<std::byte> bytes(2 * kVarintSizeMax + value.key.size());
  Encoder out(bytes);
  out.varint(value.key.size());
  out.bytes(value.key);
  out.varint(value.size);
  bytes.resize(out.position());
  return bytes;
}

Result<ArchiveValue> decode_archive_value(Bytes payload) {
  Decoder in(payload);
  ArchiveValue value;
  value.key = in.bytes(in.varint());
  value.size = in.varint();
  CAISSON_RETURN_IF_ERROR(finish(in));
  if (value.size > 0) return value;
  return fail(broken_archive("ARCHIVE-3", "a value in pieces has none"));
}

}  // namespace caisson::mvcc

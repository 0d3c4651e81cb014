#include "mvcc/retention.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "base/codec.h"
#include "mvcc/log_position.h"

namespace caisson::mvcc {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kNameSizeMax = 255;

// Bytes of an entry and of what a checkpoint says of itself, without names.
constexpr std::size_t kEntrySize = 8 + 8 + 4 + 4 + 8 + kLogPositionSize + 8 + 1 + 4;
constexpr std::size_t kHeadSize = 1 + 8 + 4 + 4;

std::unexpected<Error> broken(std::string what) {
  return fail(Error(Code::kCorruption, std::move(what)).with_rule("RETAIN-1"));
}

std::size_t size_of(const std::vector<std::string>& names) {
  std::size_t size = 0;
  for (const std::string& name : names) size += 1 + name.size();
  return size;
}

void encode_names(Encoder& out, const std::vector<std::string>& names) {
  out.u32(static_cast<std::uint32_t>(names.size()));
  for (const std::string& name : names) {
    out.u8(static_cast<std::uint8_t>(name.size()));
    out.bytes(std::as_bytes(std::span(name)));
  }
}

Result<std::vector<std::string>> decode_names(Decoder& in) {
  std::vector<std::string> names;
  for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left) {
    const Bytes bytes = in.bytes(in.u8());
    if (!in.ok()) break;
    if (bytes.empty()) return broken("a snapshot without a name is named");
    std::string name(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!names.empty() && name <= names.back()) return broken("the names are not in order");
    names.push_back(std::move(name));
  }
  return names;
}

Result<RetainedCheckpoint> decode_entry(Decoder& in) {
  RetainedCheckpoint entry;
  entry.txn = TxnId{in.u64()};
  entry.root.id = PageId{in.u64()};
  entry.root.checksum = in.u32();
  entry.apply_version = in.u32();
  entry.page_count = in.u64();
  entry.log = decode_log_position(in);
  entry.time_ns = in.u64();
  const std::uint8_t history = in.u8();
  if (history > 1) return broken("a checkpoint is neither part of the history nor not");
  entry.history = history == 1;
  CAISSON_ASSIGN_OR_RETURN(entry.names, decode_names(in));
  return entry;
}

Result<void> check_entry(const RetainedCheckpoint& entry, const pager::Meta& meta) {
  const std::uint64_t first = to_u64(pager::first_page(meta.page_size));
  const std::uint64_t root = to_u64(entry.root.id);
  if (!entry.history && entry.names.empty()) return broken("a checkpoint is retained for nothing");
  if (entry.page_count < first || entry.page_count > meta.page_count) {
    return broken("a retained checkpoint has a page count that can't be");
  }
  const bool has_root = root != 0;
  if ((entry.root.checksum != 0) != has_root ||
      (has_root && (root < first || root >= entry.page_count))) {
    return broken("a retained checkpoint has a root that can't be");
  }
  return {};
}

// Names once, and entries by txn, below the checkpoint's own.
Result<void> check_order(const Retention& retention, const pager::Meta& meta) {
  std::set<std::string_view> names(retention.names.begin(), retention.names.end());
  std::size_t count = retention.names.size();
  const RetainedCheckpoint* before = nullptr;
  for (const RetainedCheckpoint& entry : retention.earlier) {
    if (entry.txn >= meta.txn || (before != nullptr && entry.txn <= before->txn)) {
      return broken("the retained checkpoints are not in order");
    }
    before = &entry;
    names.insert(entry.names.begin(), entry.names.end());
    count += entry.names.size();
  }
  if (names.size() != count) return broken("two checkpoints have the same name");
  return {};
}

void erase_unneeded(std::vector<RetainedCheckpoint>& entries) {
  std::erase_if(entries, [](const RetainedCheckpoint& entry) {
    return !entry.history && entry.names.empty();
  });
}

bool is_recent(const RetainedCheckpoint& entry, std::uint64_t now_ns, std::uint64_t age_ns) {
  return age_ns > 0 && (entry.time_ns >= now_ns || now_ns - entry.time_ns <= age_ns);
}

}  // namespace

bool Retention::has_name(std::string_view name) const {
  const auto in = [name](const std::vector<std::string>& list) {
    return std::ranges::find(list, name) != list.end();
  };
  return in(names) || std::ranges::any_of(earlier, in, &RetainedCheckpoint::names);
}

void Retention::add_name(std::string name) {
  names.insert(std::ranges::lower_bound(names, name), std::move(name));
}

void Retention::remove_name(std::string_view name) {
  std::erase(names, name);
  for (RetainedCheckpoint& entry : earlier) std::erase(entry.names, name);
  erase_unneeded(earlier);
}

std::vector<TxnId> Retention::pins() const {
  std::vector<TxnId> pins;
  pins.reserve(earlier.size());
  for (const RetainedCheckpoint& entry : earlier) pins.push_back(entry.txn);
  return pins;
}

RetainedCheckpoint entry_of(const pager::Meta& meta, const Retention& said) {
  return {.txn = meta.txn,
          .root = meta.root,
          .apply_version = meta.apply_version,
          .page_count = meta.page_count,
          .log = meta.log,
          .time_ns = said.time_ns,
          .history = true,
          .names = said.names};
}

Retention next_retention(const Retention& said, const pager::Meta& meta, TxnId txn,
                         std::uint64_t now_ns, const RetentionPolicy& policy) {
  Retention next{.time_ns = now_ns, .names = {}, .earlier = said.earlier};
  if (txn == meta.txn) {
    next.time_ns = said.time_ns;
    next.names = said.names;
  } else {
    next.earlier.push_back(entry_of(meta, said));
  }
  // From the newest on; the history ends with the first that is not part of it (RETAIN-4).
  std::uint64_t kept = 0;
  bool ended = false;
  for (auto entry = next.earlier.rbegin(); entry != next.earlier.rend(); ++entry) {
    ended = ended || !entry->history ||
            (kept >= policy.checkpoints && !is_recent(*entry, now_ns, policy.age_ns));
    entry->history = !ended;
    ++kept;
  }
  erase_unneeded(next.earlier);
  return next;
}

std::vector<std::byte> encode_retention(const Retention& retention) {
  std::size_t size = kHeadSize + size_of(retention.names);
  for (const RetainedCheckpoint& entry : retention.earlier) {
    size += kEntrySize + size_of(entry.names);
  }
  std::vector<std::byte> bytes(size);
  Encoder out(bytes);
  out.u8(kVersion);
  out.u64(retention.time_ns);
  encode_names(out, retention.names);
  out.u32(static_cast<std::uint32_t>(retention.earlier.size()));
  for (const RetainedCheckpoint& entry : retention.earlier) {
    out.u64(to_u64(entry.txn));
    out.u64(to_u64(entry.root.id));
    out.u32(entry.root.checksum);
    out.u32(entry.apply_version);
    out.u64(entry.page_count);
    encode_log_position(out, entry.log);
    out.u64(entry.time_ns);
    out.u8(entry.history ? 1 : 0);
    encode_names(out, entry.names);
  }
  return bytes;
}

Result<Retention> decode_retention(Bytes attachment, const pager::Meta& meta) {
  Retention retention;
  if (attachment.empty()) return retention;
  Decoder in(attachment);
  if (const std::uint8_t version = in.u8(); version != kVersion) {
    if (version == 0) return broken("the attachment has no version");
    return fail(Error(Code::kUnsupportedVersion,
                      "the attachment of a checkpoint has version " + std::to_string(version))
                    .with_advice("Open the store with the version of Caisson that wrote it, or a "
                                 "later one."));
  }
  retention.time_ns = in.u64();
  CAISSON_ASSIGN_OR_RETURN(retention.names, decode_names(in));
  for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left) {
    CAISSON_ASSIGN_OR_RETURN(RetainedCheckpoint entry, decode_entry(in));
    if (!in.ok()) break;
    CAISSON_RETURN_IF_ERROR(check_entry(entry, meta));
    retention.earlier.push_back(std::move(entry));
  }
  if (auto whole = in.finish(); !whole) return broken("the attachment is not whole");
  CAISSON_RETURN_IF_ERROR(check_order(retention, meta));
  return retention;
}

Result<void> validate_snapshot_name(std::string_view name) {
  if (!name.empty() && name.size() <= kNameSizeMax) return {};
  return fail(Code::kInvalidArgument, "a snapshot's name has 1 to 255 bytes");
}

}  // namespace caisson::mvcc

#include "tools/caisson/load_mark.h"

#include <limits>

#include "tools/caisson/mark_fields.h"
#include "tools/caisson/opening.h"

namespace caisson::tools {
std::string encode_load_mark(const LoadMark& mark) {
  Json json;
  json["version"] = kMarkVersion;
  json["format"] = mark.format;
  if (mark.tree) set_bytes(json, "tree", *mark.tree);
  json["rows"] = mark.rows;
  json["bytes"] = mark.bytes;
  json["crc32c"] = mark.checksum;
  return json.dump();
}

Result<LoadMark> decode_load_mark(std::string_view text) {
  MarkFields fields(text);
  const std::uint64_t version = fields.number("version");
  if (fields.good() && version > kMarkVersion) {
    return fail(Error(Code::kUnsupportedVersion, "a later version has loaded a part of it")
                    .with_advice("Go on with that version, or load all of it with --restart."));
  }
  LoadMark mark;
  mark.format = fields.text("format");
  mark.tree = fields.bytes("tree");
  mark.rows = fields.number("rows");
  mark.bytes = fields.number("bytes");
  mark.checksum = static_cast<std::uint32_t>(
      fields.number("crc32c", std::numeric_limits<std::uint32_t>::max()));
  if (fields.good() && version == kMarkVersion) return mark;
  return fail(Error(Code::kCorruption, "the store's note on how far the load was is damaged")
                  .with_rule("MARK-1")
                  .with_advice("Load all of it again with --restart."));
}

Result<std::optional<LoadMark>> read_load_mark(const Store& store, const std::string& source) {
  CAISSON_ASSIGN_OR_RETURN(const Snapshot snapshot, store.snapshot());
  const auto tree = snapshot.tree(kOwnTree);
  if (!tree && tree.error().code() == Code::kNotFound) return std::nullopt;
  if (!tree) return fail(tree.error());
  CAISSON_ASSIGN_OR_RETURN(auto value, tree->get(source));
  if (!value) return std::nullopt;
  CAISSON_ASSIGN_OR_RETURN(const std::string text, value->to_string());
  return decode_load_mark(text);
}

Result<void> set_load_mark(WriteTxn& txn, const std::string& source, const LoadMark& mark) {
  CAISSON_ASSIGN_OR_RETURN(WriteTree tree, txn.open_or_create_tree(kOwnTree));
  CAISSON_RETURN_IF_ERROR(tree.put(source, encode_load_mark(mark)));
  return {};
}

Result<void> remove_load_mark(WriteTxn& txn, const std::string& source) {
  auto tree = txn.open_tree(kOwnTree);
  if (!tree && tree.error().code() == Code::kNotFound) return {};
  if (!tree) return fail(tree.error());
  CAISSON_RETURN_IF_ERROR(tree->erase(source));
  CAISSON_ASSIGN_OR_RETURN(const std::uint64_t count, tree->count());
  if (count > 0) return {};
  return txn.drop_tree(kOwnTree);
}

}  // namespace caisson::tools

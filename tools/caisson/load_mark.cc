#include "tools/caisson/load_mark.h"

#include <limits>

#include "tools/caisson/opening.h"

namespace caisson::tools {
namespace {

constexpr std::uint64_t kVersion = 1;

std::unexpected<Error> bad(const std::string& what) {
  return fail(Error(Code::kCorruption, "the note on how far the load was: " + what)
                  .with_rule("MARK-1")
                  .with_advice("Load all of it again with --restart."));
}

// A field's number; none where there is no such number.
std::optional<std::uint64_t> number_of(const Json& json, const char* name) {
  const auto at = json.find(name);
  if (at == json.end() || !at->is_number_unsigned()) return std::nullopt;
  return at->get<std::uint64_t>();
}

}  // namespace

std::string encode_load_mark(const LoadMark& mark) {
  Json json;
  json["version"] = kVersion;
  json["format"] = mark.format;
  if (mark.tree) set_bytes(json, "tree", *mark.tree);
  json["rows"] = mark.rows;
  json["bytes"] = mark.bytes;
  json["crc32c"] = mark.checksum;
  return json.dump();
}

Result<LoadMark> decode_load_mark(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return bad("it is no JSON object");
  const auto version = number_of(json, "version");
  if (version && *version > kVersion) {
    return fail(Error(Code::kUnsupportedVersion, "a later version has loaded a part of it")
                    .with_advice("Go on with that version, or load all of it with --restart."));
  }
  LoadMark mark;
  const auto format = json.find("format");
  const auto rows = number_of(json, "rows");
  const auto bytes = number_of(json, "bytes");
  const auto checksum = number_of(json, "crc32c");
  if (version != kVersion || format == json.end() || !format->is_string() || !rows || !bytes ||
      !checksum || *checksum > std::numeric_limits<std::uint32_t>::max()) {
    return bad("a field is missing, or wrong");
  }
  mark.format = format->get<std::string>();
  for (const char* name : {"tree", "tree_base64"}) {
    const auto tree = json.find(name);
    if (tree == json.end()) continue;
    if (!tree->is_string() || mark.tree) return bad("the tree is wrong");
    CAISSON_ASSIGN_OR_RETURN(mark.tree, bytes_of_field(name, tree->get<std::string>()));
  }
  mark.rows = *rows;
  mark.bytes = *bytes;
  mark.checksum = static_cast<std::uint32_t>(*checksum);
  return mark;
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

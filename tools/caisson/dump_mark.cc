#include "tools/caisson/dump_mark.h"

#include <iterator>
#include <limits>

#include "tools/caisson/mark_fields.h"
#include "tools/caisson/opening.h"
#include "tools/cli/descriptor.h"
#include "tools/cli/output_file.h"

namespace caisson::tools {

std::string dump_mark_file(const std::string& path) { return OutputFile::part_of(path) + ".json"; }

Result<void> write_dump_mark(const std::string& path, const DumpMark& mark) {
  Json json;
  json["version"] = kMarkVersion;
  json["format"] = mark.format;
  json["store"] = mark.store;
  json["txn"] = mark.txn;
  if (mark.only) set_bytes(json, "only", *mark.only);
  set_bytes(json, "tree", mark.tree);
  if (mark.key) set_bytes(json, "key", *mark.key);
  json["rows"] = mark.rows;
  json["bytes"] = mark.bytes;
  json["crc32c"] = mark.checksum;
  json["blocks"] = mark.binary.blocks;
  json["trees"] = mark.binary.trees;
  json["entries"] = mark.binary.entries;
  CAISSON_ASSIGN_OR_RETURN(const auto file, OutputFile::create(dump_mark_file(path)));
  print(file->stream(), json);
  return file->finish();
}

Result<DumpMark> decode_dump_mark(std::string_view text) {
  MarkFields fields(text);
  const std::uint64_t version = fields.number("version");
  if (fields.good() && version > kMarkVersion) {
    return fail(Error(Code::kUnsupportedVersion, "a later version has begun this dump")
                    .with_advice("Go on with that version, or begin again without --resume."));
  }
  DumpMark mark;
  mark.format = fields.text("format");
  mark.store = fields.text("store");
  mark.txn = fields.number("txn");
  mark.only = fields.bytes("only");
  mark.tree = fields.bytes("tree").value_or("");
  mark.key = fields.bytes("key");
  mark.rows = fields.number("rows");
  mark.bytes = fields.number("bytes", std::numeric_limits<std::int64_t>::max());
  mark.checksum = static_cast<std::uint32_t>(
      fields.number("crc32c", std::numeric_limits<std::uint32_t>::max()));
  mark.binary.blocks = fields.number("blocks");
  mark.binary.trees = fields.number("trees");
  mark.binary.entries = fields.number("entries");
  if (fields.good() && version == kMarkVersion) return mark;
  return fail(Error(Code::kCorruption, "the note on how far the dump was is damaged")
                  .with_rule("MARK-2")
                  .with_advice("Begin again without --resume."));
}

Result<DumpMark> read_dump_mark(const std::string& path) {
  CAISSON_ASSIGN_OR_RETURN(const auto file, InputFile::open(dump_mark_file(path)));
  const std::string text{std::istreambuf_iterator<char>(file->stream()),
                         std::istreambuf_iterator<char>()};
  CAISSON_RETURN_IF_ERROR(file->status());
  auto mark = decode_dump_mark(text);
  if (!mark) return fail(std::move(mark).error().in_file(dump_mark_file(path)));
  return mark;
}

}  // namespace caisson::tools

#include "tools/caisson/command.h"

#include <caisson/version.h>

#include <ostream>

#include "btree/layout.h"

namespace caisson::tools {

ExitCode exit_code(const Error& error) {
  switch (error.code()) {
    case Code::kNotFound:
    case Code::kAlreadyExists:
      return kNegative;
    case Code::kInvalidArgument:
    case Code::kUnsupported:
      return kUsage;
    case Code::kCorruption:
    case Code::kWrongStore:
    case Code::kUnsupportedVersion:
      return kDamaged;
    case Code::kBusy:
      return kBusy;
    case Code::kPermissionDenied:
    case Code::kReadOnly:
    case Code::kResourceExhausted:
    case Code::kSnapshotTooOld:
    case Code::kStopped:
    case Code::kOutOfSpace:
    case Code::kIoError:
    case Code::kDurabilityUnknown:
    case Code::kPoisoned:
      return kIoFailure;
  }
  return kIoFailure;
}

Json to_json(const Error& error) {
  Json json;
  json["code"] = to_string(error.code());
  json["message"] = error.message();
  if (!error.file().empty()) json["file"] = error.file();
  if (error.offset()) json["offset"] = *error.offset();
  if (error.page()) json["page"] = *error.page();
  if (!error.rule().empty()) json["rule"] = error.rule();
  if (!error.advice().empty()) json["advice"] = error.advice();
  return json;
}

void report(Context& context, bool json, const Error& error) {
  context.code = exit_code(error);
  if (json) {
    Json result;
    result["error"] = to_json(error);
    print(context.out, result);
  } else {
    context.err << "caisson: " << error.to_string() << "\n";
  }
}

std::string show_bytes(Bytes bytes, std::size_t size_max) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes.first(std::min(bytes.size(), size_max))) {
    const auto value = std::to_integer<unsigned char>(byte);
    if (value >= 0x20 && value < 0x7F && value != '\\') {
      text += static_cast<char>(value);
    } else {
      text += "\\x";
      text += kDigits[value >> 4U];
      text += kDigits[value & 15U];
    }
  }
  if (bytes.size() > size_max) text += "...";
  return text;
}

void print(std::ostream& out, const Json& json) {
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

pager::PagerOptions LoneReader::options() {
  pager::PagerOptions options;
  options.read_only = true;
  options.layout = &btree::tree_layout();
  options.readers = [this](std::vector<pager::RegisteredReader>& readers) {
    readers.push_back({.epoch = epoch_, .txn = pager::kSeesEverything});
  };
  return options;
}

btree::TreeKind kind_of_tree(pager::Pager& pager, const pager::PageRef& root) {
  if (root.id == PageId{}) return btree::TreeKind::kPlain;
  const auto page = pager.read(root);
  const bool catalog = page && pager::read_header(*page).level >= btree::kCatalogLeafLevel;
  return catalog ? btree::TreeKind::kCatalog : btree::TreeKind::kPlain;
}

std::string show_number(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

int run(int argc, const char* const* argv, std::ostream& out, std::ostream& err) {
  CLI::App app{"Looks into Caisson stores.", "caisson"};
  app.set_version_flag("--version", "caisson " + std::string(version()));
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "The help of all commands");
  Context context{out, err};
  add_verify(app, context);
  add_page(app, context);
  app.footer(
      "Exits with 0 if all is well, 1 for a negative answer, 2 if called wrongly,\n"
      "3 if data is damaged, 4 if the store is busy, 5 if the system can't read or write.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? kFine : kUsage;
  }
  return context.code;
}

}  // namespace caisson::tools

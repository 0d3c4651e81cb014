// caisson get: prints a key's value.

#include <caisson/store.h>

#include <memory>
#include <ostream>
#include <string>

#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/opening.h"
#include "tools/cli/output_file.h"
#include "tools/cli/text.h"

namespace caisson::tools {
namespace {

constexpr const char* kFooter = R"(Examples:
  caisson get notes.caisson users alice
  caisson get notes.caisson films intro --output intro.mp4
  caisson get notes.caisson users alice --as-of 41
  caisson get notes.caisson users alice --json | jq -r .value

Prints the value as it is, and a line end; --raw leaves that out, and so does --output.

--json prints {"tree", "key", "txn", "size", "value"}: txn is the last commit in the state that was
read. What is no UTF-8 is printed as key_base64, value_base64.

Exits with 1 if there is no such key, tree or store.)";

struct Arguments {
  std::string store;
  std::string tree;
  std::string key;
  std::string output;
  bool raw = false;
  bool hex = false;
  StateArguments state;
};

Result<void> write_value(std::ostream& out, Value& value, bool hex) {
  std::string text;
  for (std::uint64_t offset = 0; offset < value.size() && out.good();) {
    CAISSON_ASSIGN_OR_RETURN(const Bytes piece, value.piece(offset));
    offset += piece.size();
    if (!hex) {
      out << as_text(piece);
      continue;
    }
    text.clear();
    append_hex(text, as_text(piece));
    out << text;
  }
  return {};
}

Result<void> print_json(const Arguments& arguments, const std::string& key, std::uint64_t txn,
                        Value& value, Context& context) {
  CAISSON_ASSIGN_OR_RETURN(const Bytes bytes, value.bytes());
  Json json;
  set_bytes(json, "tree", arguments.tree);
  set_bytes(json, "key", key);
  json["txn"] = txn;
  json["size"] = value.size();
  set_bytes(json, "value", as_text(bytes));
  print(context.out, json);
  return {};
}

Result<void> get(const Arguments& arguments, Context& context) {
  CAISSON_ASSIGN_OR_RETURN(const std::string key, bytes_of_argument(arguments.key, arguments.hex));
  CAISSON_ASSIGN_OR_RETURN(const Store store, open_to_read(arguments.store));
  CAISSON_ASSIGN_OR_RETURN(const Snapshot snapshot, snapshot_of(store, arguments.state));
  CAISSON_ASSIGN_OR_RETURN(const Tree tree, tree_of(snapshot, arguments.tree));
  CAISSON_ASSIGN_OR_RETURN(auto value, tree.get(key));
  if (!value) {
    return fail(Code::kNotFound,
                "there is no key " + quoted(key) + " in " + quoted(arguments.tree));
  }
  if (!arguments.output.empty()) {
    CAISSON_ASSIGN_OR_RETURN(const auto file, OutputFile::create(arguments.output));
    CAISSON_RETURN_IF_ERROR(write_value(file->stream(), *value, arguments.hex));
    return file->finish();
  }
  if (context.json) return print_json(arguments, key, to_u64(snapshot.txn()), *value, context);
  CAISSON_RETURN_IF_ERROR(write_value(context.out, *value, arguments.hex));
  if (!arguments.raw) context.out << "\n";
  return {};
}

}  // namespace

void add_get(CLI::App& command, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  command.add_option("STORE", arguments->store, "The store's directory")->required();
  command.add_option("TREE", arguments->tree, "The tree")->required();
  command.add_option("KEY", arguments->key, "The key")->required();
  arguments->state.add_to(command);
  command.add_option("--output", arguments->output, "Write the value to this file")
      ->option_text("FILE");
  command.add_flag("--raw", arguments->raw, "Print no line end behind the value");
  command.add_flag("--hex", arguments->hex, "KEY is hexadecimal, and the value printed so");
  command.footer(kFooter);
  command.callback([arguments, &context] {
    if (const auto done = get(*arguments, context); !done) report(context, done.error());
  });
}

}  // namespace caisson::tools

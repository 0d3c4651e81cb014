// caisson scan: lists keys and values, or trees.

#include <caisson/store.h>

#include <limits>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/opening.h"
#include "tools/cli/text.h"

namespace caisson::tools {
namespace {

constexpr const char* kFooter = R"(Examples:
  caisson scan notes.caisson                          the trees, and how many keys they have
  caisson scan notes.caisson users                    keys and values
  caisson scan notes.caisson users --prefix a --keys-only
  caisson scan notes.caisson users --from a --to c --reverse --limit 10
  caisson scan notes.caisson users --count

An entry a line, in the order of the keys (as bytes): the key, a tab, the value, as `caisson load`
reads them. A backslash is printed as \\, a tab, line end and carriage return as \t, \n, \r; bytes
that are no UTF-8, and control characters, as \xHH.

--json prints JSON Lines, an object a line: {"key", "value"} of an entry; {"tree", "count"} of a
tree; {"count"} with --count. Bytes that are no UTF-8 are printed as key_base64, value_base64.

Exits with 1 if there is no such tree or store.)";

struct Arguments {
  std::string store;
  std::string tree;
  bool has_tree = false;
  RangeArguments range;
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
  bool reverse = false;
  bool keys_only = false;
  bool count = false;
  bool hex = false;
  StateArguments state;
};

Result<void> list_trees(const Snapshot& snapshot, Context& context) {
  Table table({{.heading = "TREE"}, {.heading = "KEYS", .number = true}});
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, snapshot.tree_names());
  for (const std::string& name : names) {
    CAISSON_ASSIGN_OR_RETURN(const Tree tree, snapshot.tree(name));
    if (context.json) {
      Json json;
      set_bytes(json, "tree", name);
      json["count"] = tree.count();
      print_line(context.out, json);
    } else {
      table.add({escaped(name), show_number(tree.count())});
    }
  }
  if (!context.json) table.print(context);
  return {};
}

// Prints entries, each as one line.
class EntryPrinter {
 public:
  EntryPrinter(const Arguments& arguments, Context& context)
      : arguments_(arguments), context_(context) {}

  Result<void> print(const Cursor& cursor) {
    line_.clear();
    if (context_.json) {
      CAISSON_RETURN_IF_ERROR(add_json(cursor));
    } else {
      add(as_text(cursor.key()));
      if (!arguments_.keys_only) CAISSON_RETURN_IF_ERROR(add_value(cursor));
    }
    line_ += '\n';
    context_.out << line_;
    return {};
  }

 private:
  void add(std::string_view bytes) {
    if (arguments_.hex) {
      append_hex(line_, bytes);
    } else {
      append_escaped(line_, bytes);
    }
  }

  Result<void> add_value(const Cursor& cursor) {
    line_ += '\t';
    CAISSON_ASSIGN_OR_RETURN(Value value, cursor.value());
    for (std::uint64_t offset = 0; offset < value.size() && !context_.stopping();) {
      CAISSON_ASSIGN_OR_RETURN(const Bytes piece, value.piece(offset));
      add(as_text(piece));
      offset += piece.size();
      context_.out << line_;
      line_.clear();
    }
    return {};
  }

  Result<void> add_json(const Cursor& cursor) {
    line_ += '{';
    append_json_field(line_, "key", as_text(cursor.key()));
    if (!arguments_.keys_only) {
      CAISSON_ASSIGN_OR_RETURN(Value value, cursor.value());
      CAISSON_ASSIGN_OR_RETURN(const Bytes bytes, value.bytes());
      line_ += ',';
      append_json_field(line_, "value", as_text(bytes));
    }
    line_ += '}';
    return {};
  }

  const Arguments& arguments_;
  Context& context_;
  std::string line_;
};

Result<void> list_entries(const Arguments& arguments, const Tree& tree, Context& context) {
  CAISSON_ASSIGN_OR_RETURN(const Range range, arguments.range.range(arguments.hex));
  CAISSON_ASSIGN_OR_RETURN(Cursor cursor, tree.cursor(range));
  EntryPrinter printer(arguments, context);
  std::uint64_t count = 0;
  for (; count < arguments.limit && !context.stopping(); ++count) {
    CAISSON_ASSIGN_OR_RETURN(const bool more, arguments.reverse ? cursor.prev() : cursor.next());
    if (!more) break;
    if (!arguments.count) CAISSON_RETURN_IF_ERROR(printer.print(cursor));
  }
  if (context.signal() != 0) {
    report_stopped(context, "stopped behind " + show_count(count, "entry", "entries"));
  } else if (arguments.count && context.json) {
    Json json;
    json["count"] = count;
    print_line(context.out, json);
  } else if (arguments.count) {
    context.out << count << "\n";
  }
  return {};
}

Result<void> scan(const Arguments& arguments, Context& context) {
  CAISSON_ASSIGN_OR_RETURN(const Store store, open_to_read(arguments.store));
  CAISSON_ASSIGN_OR_RETURN(const Snapshot snapshot, snapshot_of(store, arguments.state));
  if (!arguments.has_tree) return list_trees(snapshot, context);
  CAISSON_ASSIGN_OR_RETURN(const Tree tree, tree_of(snapshot, arguments.tree));
  return list_entries(arguments, tree, context);
}

}  // namespace

void add_scan(CLI::App& command, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  command.add_option("STORE", arguments->store, "The store's directory")->required();
  CLI::Option* tree =
      command.add_option("TREE", arguments->tree, "The tree; without it, all trees are listed");
  arguments->range.add_to(command);
  const auto& range = arguments->range;
  CLI::Option* of_a_tree[] = {
      range.prefix_option,
      range.from_option,
      range.to_option,
      command.add_option("--limit", arguments->limit, "At most so many entries")
          ->option_text("N")
          ->check(CLI::NonNegativeNumber),
      command.add_flag("--reverse", arguments->reverse, "From the last key to the first"),
      command.add_flag("--keys-only", arguments->keys_only, "No values"),
      command.add_flag("--count", arguments->count, "Only how many entries there are"),
      command.add_flag("--hex", arguments->hex, "Keys and values are hexadecimal"),
  };
  for (CLI::Option* option : of_a_tree) option->needs(tree);
  arguments->state.add_to(command);
  command.footer(kFooter);
  command.callback([arguments, tree, &context] {
    arguments->has_tree = tree->count() > 0;
    if (const auto done = scan(*arguments, context); !done) report(context, done.error());
  });
}

}  // namespace caisson::tools

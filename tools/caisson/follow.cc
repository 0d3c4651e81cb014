// caisson follow: prints what is committed, as it is committed.

#include <caisson/store.h>

#include <chrono>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/opening.h"
#include "tools/cli/text.h"

namespace caisson::tools {
namespace {

constexpr const char* kFooter = R"(Examples:
  caisson follow notes.caisson                        what is committed from now on
  caisson follow notes.caisson users --after 120      one tree, from the commit behind 120 on
  caisson follow notes.caisson --after 120 --no-wait  what there is
  caisson follow notes.caisson --position mail        from where that position stands
  caisson follow notes.caisson --list                 all positions, and the log that they keep
  caisson follow notes.caisson --remove mail

Prints a line for each change: its txn, what it did, the tree, the key and the value, or the end of
a range, separated by tabs and escaped as `caisson scan` does. Commits come when they are durable.
A position remembers how far it has been followed, and keeps the log from there on: it is made where
there is none, behind --after or the newest commit, and moves when a commit has been printed.

--json prints a line for each change: {"txn", "change", "tree", "key", "value"}, with "end" for a
range; change is create-tree, drop-tree, put, erase or erase-range. What is no UTF-8 is printed as
key_base64, value_base64, end_base64. With --list: {"positions": [{"name", "txn", "log_bytes"}]}.)";

struct Arguments {
  std::string store;
  std::string tree;
  std::optional<std::uint64_t> after;
  std::optional<std::string> position;
  std::optional<std::string> remove;
  std::uint64_t commits = 0;
  bool no_wait = false;
  bool list = false;
};

const char* name_of(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::kCreateTree:
      return "create-tree";
    case Change::Kind::kDropTree:
      return "drop-tree";
    case Change::Kind::kPut:
      return "put";
    case Change::Kind::kErase:
      return "erase";
    case Change::Kind::kEraseRange:
      return "erase-range";
  }
  return "";
}

Result<void> print_change(const Change& change, ChangeFeed& feed, Context& context) {
  Bytes value;
  if (change.kind == Change::Kind::kPut) {
    CAISSON_ASSIGN_OR_RETURN(value, feed.value());
  }
  const bool has_key =
      change.kind != Change::Kind::kCreateTree && change.kind != Change::Kind::kDropTree;
  if (context.json) {
    Json json;
    json["txn"] = to_u64(feed.txn());
    json["change"] = name_of(change.kind);
    set_bytes(json, "tree", change.tree);
    if (has_key) set_bytes(json, "key", as_text(change.key));
    if (change.kind == Change::Kind::kPut) set_bytes(json, "value", as_text(value));
    if (change.end) set_bytes(json, "end", as_text(*change.end));
    print_line(context.out, json);
    return {};
  }
  context.out << to_u64(feed.txn()) << '\t' << name_of(change.kind) << '\t' << escaped(change.tree);
  if (has_key) context.out << '\t' << escaped(as_text(change.key));
  if (change.kind == Change::Kind::kPut) context.out << '\t' << escaped(as_text(value));
  if (change.end) context.out << '\t' << escaped(as_text(*change.end));
  context.out << '\n';
  return {};
}

Result<void> print_commit(const Arguments& arguments, ChangeFeed& feed, Context& context) {
  while (context.out.good()) {
    CAISSON_ASSIGN_OR_RETURN(const auto change, feed.next_change());
    if (!change) break;
    if (!arguments.tree.empty() && change->tree != arguments.tree) continue;
    CAISSON_RETURN_IF_ERROR(print_change(*change, feed, context));
  }
  context.out.flush();
  return {};
}

Result<ChangeFeed> open_feed(const Arguments& arguments, const Store& store) {
  std::optional<TxnId> after;
  if (arguments.after) after = TxnId{*arguments.after};
  if (!arguments.position) {
    if (after) return store.follow(*after);
    CAISSON_ASSIGN_OR_RETURN(const Snapshot newest, store.snapshot());
    return store.follow(newest.txn());
  }
  auto feed = store.follow_position(*arguments.position);
  if (feed || feed.error().code() != Code::kNotFound) return feed;
  CAISSON_RETURN_IF_ERROR(store.create_position(*arguments.position, after));
  return store.follow_position(*arguments.position);
}

Result<void> follow(const Arguments& arguments, Context& context) {
  std::optional<ChangeFeed> feed;
  {
    // The feed needs no store: so that its reader keeps no log besides.
    CAISSON_ASSIGN_OR_RETURN(const Store store, open_to_read(arguments.store));
    CAISSON_ASSIGN_OR_RETURN(feed, open_feed(arguments, store));
  }
  const auto wait =
      arguments.no_wait ? std::chrono::milliseconds(0) : std::chrono::milliseconds(200);
  for (std::uint64_t done = 0; arguments.commits == 0 || done < arguments.commits;) {
    if (context.stopping()) break;
    CAISSON_ASSIGN_OR_RETURN(const bool more, feed->next_commit(wait));
    if (!more && arguments.no_wait) break;
    if (!more) continue;
    CAISSON_RETURN_IF_ERROR(print_commit(arguments, *feed, context));
    if (!context.out.good()) break;
    if (arguments.position) CAISSON_RETURN_IF_ERROR(feed->acknowledge());
    ++done;
  }
  if (context.signal() != 0) {
    report_stopped(context, "stopped behind txn " + std::to_string(to_u64(feed->txn())));
  }
  return {};
}

Result<void> list(const Arguments& arguments, Context& context) {
  CAISSON_ASSIGN_OR_RETURN(const Store store, open_to_read(arguments.store));
  CAISSON_ASSIGN_OR_RETURN(const auto positions, store.positions());
  Json json;
  json["positions"] = Json::array();
  Table table({{"POSITION"}, {"TXN", true}, {"LOG KEPT", true}});
  for (const FeedPosition& position : positions) {
    Json entry;
    set_bytes(entry, "name", position.name);
    entry["txn"] = to_u64(position.txn);
    entry["log_bytes"] = position.log_bytes;
    if (position.error) entry["error"] = to_json(*position.error);
    json["positions"].push_back(entry);
    if (position.error) {
      context.code = kDamaged;
      table.add({position.error->to_string(), "", ""});
    } else {
      table.add({escaped(position.name), show_number(to_u64(position.txn)),
                 show_size(position.log_bytes)});
    }
  }
  if (context.json) {
    print(context.out, json);
  } else if (positions.empty()) {
    say(context, "there are no positions");
  } else {
    table.print(context);
  }
  return {};
}

Result<void> remove(const Arguments& arguments, Context& context) {
  CAISSON_ASSIGN_OR_RETURN(const Store store, open_to_read(arguments.store));
  CAISSON_RETURN_IF_ERROR(store.remove_position(*arguments.remove));
  if (context.json) {
    Json json;
    set_bytes(json, "removed", *arguments.remove);
    print(context.out, json);
  } else {
    say(context, "removed the position " + quoted(*arguments.remove));
  }
  return {};
}

}  // namespace

void add_follow(CLI::App& command, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  command.add_option("STORE", arguments->store, "The store's directory")->required();
  command.add_option("TREE", arguments->tree, "Only changes of this tree");
  command.add_option("--after", arguments->after, "Begin behind this commit; 0: with the first")
      ->option_text("TXN")
      ->check(CLI::NonNegativeNumber);
  CLI::Option* position =
      command.add_option("--position", arguments->position, "Begin at a position, and move it")
          ->option_text("NAME");
  command.add_option("--commits", arguments->commits, "End behind so many")
      ->option_text("N")
      ->check(CLI::NonNegativeNumber);
  command.add_flag("--no-wait", arguments->no_wait, "End where nothing new is there");
  CLI::Option* list_option =
      command.add_flag("--list", arguments->list, "List the positions")->excludes(position);
  command.add_option("--remove", arguments->remove, "Remove a position")
      ->option_text("NAME")
      ->excludes(position)
      ->excludes(list_option);
  command.footer(kFooter);
  command.callback([arguments, &context] {
    const auto done = arguments->list     ? list(*arguments, context)
                      : arguments->remove ? remove(*arguments, context)
                                          : follow(*arguments, context);
    if (!done) report(context, done.error());
  });
}

}  // namespace caisson::tools
